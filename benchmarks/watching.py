"""What `toonset watch` gets right, and what it costs: `python -m benchmarks.watching PROJECT [options]`.

Without options, run it after `dvc repro` and `toonset watch --episodes` in PROJECT. It holds the answers against what
is known: the sample show's truth, or with --film the annotated faces of the real film. Only scenes of the test split
count, which neither the cascades nor the classifier were trained on. A face that was not found is a wrong answer: this
is what a user gets, not what perfect crops give.

--film FOOTAGE holds the answers against the annotated faces of the real film, in its project of `benchmarks.film`.
--shares tells whether the shares of emotions that `toonset stats` corrects are nearer to the truth.
--cost VIDEO watches a copy of a video that the project does not know, and tells CPU time against decoding alone.
--memory SECONDS … watches a small clip of the project's first episode repeated to these lengths, and tells the memory.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import pandas as pd

from benchmarks.film import EPISODE, environment
from cascades.boxes import intersection_over_union as iou
from pipeline import paths
from pipeline.rows import BoxRow, SceneRow
from pipeline.sample import episode_truth
from pipeline.schemas import BOX_NAMES, EPISODES, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.video.decode import decode_frames
from pipeline.watch.record import FACES
from pipeline.watch.stats import Confusions, shares_of, try_correction

MATCH = 0.4
"""IoU from which a found face is the annotated one."""


class Known(BoxRow):
    """A face of which the truth is known."""

    episode_id: str
    scene: int
    frame: int
    time_s: float
    character: str
    emotion: str


@dataclass(frozen=True)
class Score:
    """Shares, 0 to 1; `frames` and `segments` are how many were judged."""

    found: float
    frame_accuracy: float
    frame_accuracy_unsmoothed: float
    accuracy_where_sure: float
    share_sure: float
    segment_f1: float
    segment_f1_unsmoothed: float
    frames: int
    segments: int


def score(truth: pd.DataFrame, faces: pd.DataFrame, step_s: float) -> Score:
    """truth: rows of `Known`, of faces in test scenes, all in frames that were looked at. faces: watched.

    step_s: between two frames of which the truth is known, s.
    """
    emotions = list(_emotions(faces))
    alone = faces.assign(alone=np.array(emotions, dtype=object)[faces[emotions].to_numpy().argmax(axis=1)])
    matched = pd.DataFrame(match(truth, alone))
    got = matched["found"].to_numpy(bool)
    right = (matched["answer"] == matched["emotion"]).to_numpy()
    sure = got & ~matched["unsure"].to_numpy(bool)
    smooth, raw = (segment_f1(matched, name, step_s) for name in ("answer", "alone"))
    return Score(
        found=float(got.mean()),
        frame_accuracy=float(right.mean()),
        frame_accuracy_unsmoothed=float((matched["alone"] == matched["emotion"]).mean()),
        accuracy_where_sure=float(right[sure].mean()) if sure.any() else float("nan"),
        share_sure=float(sure.sum() / max(1, got.sum())),
        segment_f1=smooth[0],
        segment_f1_unsmoothed=raw[0],
        frames=len(matched),
        segments=smooth[1],
    )


def _emotions(faces: pd.DataFrame) -> tuple[str, ...]:
    """The classifier's emotions: the columns of `watched_schema` between what was found and the answer."""
    return tuple(faces.loc[:, "detection":"emotion"].columns[1:-1])


def match(truth: pd.DataFrame, faces: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Each true face with the answer that was found at its place, or none."""
    there = dict(iter(faces.groupby(["episode_id", "frame", "character"])))
    for row in rows_of(truth, Known):
        own = there.get((row.episode_id, row.frame, row.character))
        best = -1
        if own is not None:
            overlap = iou(np.array([[row.x, row.y, row.w, row.h]]), own[BOX_NAMES].to_numpy(np.int64))[0]
            best = int(overlap.argmax()) if overlap.max() >= MATCH else -1
        answer = own.iloc[best] if own is not None and best >= 0 else None
        yield {
            "episode_id": row.episode_id, "scene": row.scene, "character": row.character, "time_s": row.time_s,
            "emotion": row.emotion, "found": answer is not None,
            "answer": "" if answer is None else answer["emotion"], "alone": "" if answer is None else answer["alone"],
            "unsure": True if answer is None else bool(answer["unsure"]),
        }  # fmt: skip


def segment_f1(matched: pd.DataFrame, answers: str, step_s: float) -> tuple[float, int]:
    """F1 of runs of one emotion at IoU 0.5 in time, and how many true runs there are."""
    hits = found = true = 0
    for _, own in matched.groupby(["episode_id", "scene", "character"]):
        rows = own.sort_values("time_s")
        mine, theirs = (list(runs(rows, name, step_s)) for name in (answers, "emotion"))
        taken: set[int] = set()
        for emotion, start, end in mine:
            for i, (other, begin, stop) in enumerate(theirs):
                shared = min(end, stop) - max(start, begin)
                if i not in taken and emotion == other and shared >= 0.5 * (max(end, stop) - min(start, begin)):
                    taken.add(i)
                    break
        hits, found, true = hits + len(taken), found + len(mine), true + len(theirs)
    return 2 * hits / max(1, found + true), true


def runs(rows: pd.DataFrame, name: str, step_s: float) -> Iterator[tuple[str, float, float]]:
    """Runs of one value: value, start, end, s. Frames further apart than twice the step are two runs."""
    times, values = rows["time_s"].to_numpy(np.float64), rows[name].astype(str).tolist()
    begin = 0
    for i in range(1, len(values) + 1):
        if i < len(values) and values[i] == values[begin] and times[i] - times[i - 1] <= 2 * step_s:
            continue
        if values[begin]:
            yield values[begin], float(times[begin]), float(times[i - 1]) + step_s
        begin = i


def truth_of_sample(scenes: pd.DataFrame, every: int = 3) -> pd.DataFrame:
    """The annotatable faces of the sample episodes' test scenes, in every so-many-th frame of an episode."""
    parts = []
    for name in scenes["episode_id"].unique():
        faces = episode_truth(name.removeprefix("sample-")).faces
        faces = (
            faces[faces["annotatable"] & (faces["frame"] % every == 0)]
            .assign(episode_id=name)
            .rename(columns={"expression": "emotion"})
        )
        parts.append(faces)
    return in_test_scenes(pd.concat(parts, ignore_index=True), scenes)


SPLITS: Final = 40
"""Random halves of the held-out scenes."""


def print_shares(truth: pd.DataFrame, faces: pd.DataFrame) -> None:
    """Whether the shares of emotions that `toonset stats` gives are near to the truth, and its intervals hold it.

    truth: rows of `Known`, of faces in scenes that nothing was trained on. One half of these scenes says what the
    classifier confuses and whether correcting helps; in the other half the shares are held against the true ones, in
    which missed faces count. This is done for SPLITS random halves.
    """
    emotions = _emotions(faces)
    alone = faces.assign(alone=np.array(emotions, dtype=object)[faces[list(emotions)].to_numpy().argmax(axis=1)])
    matched = pd.DataFrame(match(truth, alone)).assign(seconds=1.0)
    place = matched["episode_id"] + " " + matched["scene"].astype(str)
    cases = []
    for seed in range(SPLITS):
        learned = place.isin(np.random.default_rng(seed).permutation(place.unique())[: place.nunique() // 2])
        known = matched[learned & matched["found"]]
        known = known.drop(columns="emotion").assign(actual=known["emotion"], predicted=known["alone"])
        confusions, amount = Confusions.of(known, emotions), try_correction(known, emotions, seed).amount
        seen = matched[~learned & matched["found"]]
        seen = seen.drop(columns="emotion").assign(emotion=seen["alone"])
        given, always = (shares_of(seen, confusions, seed, amount=one) for one in (amount, 1.0))
        true = pd.crosstab(matched["character"][~learned], matched["emotion"][~learned], normalize="index")
        for character, own in given.groupby("character"):
            exact = true.loc[character].reindex(emotions).fillna(0).to_numpy(float)
            held = (own["low"] - 1e-3 <= exact) & (exact <= own["high"] + 1e-3)
            counted = own["counted"].to_numpy()
            unfolded = always.loc[always["character"] == character, "share"].to_numpy()
            ways = (counted, (counted + unfolded) / 2, unfolded, own["share"])
            cases.append([*(np.abs(one - exact).sum() / 2 for one in ways), amount, held.mean()])
    counted, half, corrected, said, amounts, held = np.array(cases, dtype=float).T
    print("| shares of emotions | given to a wrong emotion | nearer than counted |\n|---|---|---|")
    errors = {
        "counted": counted, "corrected by half": half, "corrected fully": corrected, "as `stats` gives them": said
    }  # fmt: skip
    for name, wrong in errors.items():
        print(f"| {name} | {wrong.mean():.3f} ± {wrong.std():.3f} | {np.mean(wrong < counted):.2f} |")
    print(f"{len(cases)} cases; corrected in {np.mean(amounts > 0):.2f}")
    print(f"the true share lies in its interval in {held.mean():.2f}")


def truth_of_film(footage: Path, scenes: pd.DataFrame, every: int = 3) -> pd.DataFrame:
    """The annotated faces of the film's test scenes, each at the nearest looked-at frame of its scene.

    every: frames between two looked-at ones. A shift of a frame moves a face less than MATCH forgives, and it makes
    three times as many annotated faces count.
    """
    boxes = pd.read_csv(footage / "boxes.csv").query(f"episode_id == {EPISODE!r}")
    found = in_test_scenes(boxes.reset_index(drop=True), scenes)
    bounds = scenes.set_index(["episode_id", "scene"]).loc[list(zip(found["episode_id"], found["scene"], strict=True))]
    first, last = -(-bounds["start_frame"] // every), (bounds["stop_frame"] - 1) // every
    frame = np.clip(np.rint(found["frame"] / every), first.to_numpy(), last.to_numpy()).astype(int) * every
    return found.assign(frame=frame, time_s=frame / 24).drop_duplicates(["frame", "character"], ignore_index=True)


def in_test_scenes(faces: pd.DataFrame, scenes: pd.DataFrame) -> pd.DataFrame:
    """The faces of scenes of the test split, with `scene` and `time_s` (24 frames per second)."""
    test = scenes[scenes["split"] == "test"]
    parts = []
    for row in rows_of(test, SceneRow):
        inside = faces["frame"].between(row.start_frame, row.stop_frame - 1)
        parts.append(faces[(faces["episode_id"] == row.episode_id) & inside].assign(scene=row.scene))
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found.assign(time_s=found["frame"] / 24)


def watched_faces(project: Path) -> pd.DataFrame:
    """All watched faces of a project."""
    return pd.concat([pd.read_parquet(path) for path in sorted(project.glob(f"watch/*/{FACES}"))], ignore_index=True)


MEASURED = """
import json, re, resource, sys
from pathlib import Path
from pipeline.cli import main
report = sys.argv[1]
sys.argv = ["toonset", *sys.argv[2:]]
try:
    main()
finally:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
    Path(report).write_text(json.dumps({"cpu": sum(one.ru_utime + one.ru_stime for one in used), "peak_kb": peak}))
"""
"""`toonset …`, its CPU seconds and its peak of memory. An unknown video is watched in one process."""


@dataclass(frozen=True)
class Watching:
    """What watching a video took: CPU seconds, peak of memory in MB, frames decoded, rows of faces."""

    cpu: float
    peak: float
    frames: int
    faces: int


def stranger(project: Path, folder: Path) -> None:
    """A folder in which the project's cascades and classifier watch, and none of its episodes is known."""
    shutil.copytree(project / paths.CLASSIFIER.parent, folder / paths.CLASSIFIER.parent)
    shutil.copy(project / paths.PARAMS, folder)


def watched_once(video: Path, folder: Path, *options: str) -> Watching:
    """`toonset watch` of a video in a folder made by `stranger`."""
    report = folder / "report.json"
    command = [sys.executable, "-P", "-c", MEASURED, str(report), "watch", str(video), *options]
    subprocess.run(command, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)
    (table,) = folder.glob(f"watch/*/{FACES}")
    found, rows = json.loads(report.read_text()), len(pd.read_parquet(table, columns=["frame"]))
    shutil.rmtree(folder / "watch")
    with av.open(str(video)) as container:
        frames = sum(packet.pts is not None for packet in container.demux(video=0))
    return Watching(found["cpu"], found["peak_kb"] / 1024, frames, rows)


def print_cost(project: Path, video: Path) -> None:
    """CPU seconds of decoding a video, of watching it for the first time, and of the overlay beside it."""
    print("| what | CPU s | times decoding |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stranger(project, folder)
        copy = folder / "copy.mp4"
        repeated(video, copy, 1)  # other bytes than the project's episode
        began = time.process_time()
        frames = sum(1 for _ in decode_frames(copy))
        decoding = time.process_time() - began

        def say(what: str, cpu: float) -> None:
            print(f"| {what} | {cpu:.1f} | {cpu / decoding:.2f} |", flush=True)

        say(f"decoding {frames} frames alone", decoding)
        say("watching", watched_once(copy, folder, "--no-overlay").cpu)
        again = watched_once(copy, folder, "--no-overlay").cpu
        say("watching again, all of it kept", again)
        say("the overlay, over that", watched_once(copy, folder).cpu - again)


def print_memory(project: Path, lengths: list[int]) -> None:
    """Peak of memory by length of the video."""
    source = project / paths.VIDEOS / read_rows(project / paths.EPISODES, EPISODES)["path"].iloc[0]
    print("| length | frames | faces | CPU s | peak, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stranger(project, folder)
        clip = small_clip(source, folder / "clip.mp4", min(10, *lengths))
        for seconds in lengths:
            video = folder / f"{seconds}.mp4"
            repeated(clip, video, round(seconds / min(10, *lengths)))
            found = watched_once(video, folder, "--format", "csv")
            video.unlink()
            print(f"| {seconds} s | {found.frames} | {found.faces} | {found.cpu:.0f} | {found.peak:.0f} |", flush=True)


def small_clip(source: Path, target: Path, seconds: int, width: int = 320) -> Path:
    """`seconds` of a video from its middle, encoded anew with small pictures and without sound."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        rate = stream.guessed_rate or Fraction(24)
        container.seek(int((container.duration or 0) / 2))
        coded = out.add_stream("libx264", rate=Fraction(int(rate)), options={"preset": "veryfast"})
        coded.width, coded.height, coded.pix_fmt = width, width * stream.height // stream.width & ~1, "yuv420p"
        for number, frame in enumerate(container.decode(stream)):
            if number == seconds * int(rate):
                break
            size = (coded.width, coded.height)
            picture = cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA)
            out.mux(coded.encode(av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")))
        out.mux(coded.encode())
    return target


def repeated(clip: Path, target: Path, times: int) -> None:
    """The clip's picture so many times in a row, packets copied."""
    shift = 0
    with av.open(str(target), "w") as out:
        copy = None
        for _ in range(times):
            with av.open(str(clip)) as source:
                stream = source.streams.video[0]
                copy = copy or out.add_stream_from_template(stream)
                end = shift
                for packet in source.demux(stream):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                    end = max(end, packet.pts + (packet.duration or 0))
                    out.mux(packet)
                shift = end


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--film", type=Path, help="folder of the real film and its annotations")
    parser.add_argument("--shares", action="store_true", help="whether correcting shares helps, instead")
    parser.add_argument("--cost", type=Path, metavar="VIDEO", help="CPU time of watching this video, instead")
    parser.add_argument("--memory", type=int, nargs="+", metavar="SECONDS", help="memory by length, instead")
    options = parser.parse_args()
    if options.cost:
        print_cost(options.project.resolve(), options.cost.resolve())
        return
    if options.memory:
        print_memory(options.project.resolve(), options.memory)
        return
    scenes = read_rows(options.project / paths.SCENES, SCENES)
    if options.shares:
        unlearned = scenes["split"].isin(["validation", "test"])
        scenes = scenes.assign(split=np.where(unlearned, "test", "train"))
    truth = truth_of_film(options.film, scenes) if options.film else truth_of_sample(scenes)
    faces = watched_faces(options.project)
    if options.shares:
        print_shares(truth, faces)
        return
    # The film is annotated every 12 frames or so.
    step_s = 0.5 if options.film else float(np.median(np.diff(np.unique(faces["time_s"]))))
    found = score(truth, faces, step_s)
    print("| what | result |\n|---|---|")
    for name, value in vars(found).items():
        print(f"| {name.replace('_', ' ')} | {value if isinstance(value, int) else f'{value:.3f}'} |")


if __name__ == "__main__":
    main()
