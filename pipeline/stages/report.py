"""Everything made so far → one page of pictures and figures, `reports/index.html`, that opens without a network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.console import say_counts
from pipeline.crops import read_crops
from pipeline.images import Pixels, decode_rgb
from pipeline.page import Part, Section, drawing, photograph, png_file, render, table
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, EPISODES, LABELS, MANIFEST, OK, SCENES
from pipeline.sheets import BACKGROUND, contact_sheet, figure
from pipeline.summary import REPORT, facts
from pipeline.tables import read_frame, rows_of, write_text

REPORTS = Path("reports")
SHEET = 48
"""Faces on a contact sheet."""
COLUMNS = 8
"""Faces shown of a cluster of near-duplicates."""


def main() -> None:
    """Read the tables and the reports of the other stages, write reports/index.html."""
    params = load_params()
    manifest = read_frame(Path("data/manifest.parquet"), MANIFEST)
    sections = [
        episodes_section(),
        cascades_section(params),
        faces_section(manifest, params),
        labels_section(params),
        classifier_section(),
    ]
    write_text(REPORT, render(f"toonset: {', '.join(params.characters)}", facts(), sections))
    say_counts(
        "report", {"sections": len(sections), "pictures": sum(bool(p.picture) for s in sections for p in s.parts)}
    )


def episodes_section() -> Section:
    """What came in, and what was wrong with what did not."""
    episodes = read_frame(Path("data/episodes.parquet"), EPISODES)
    scenes = read_frame(Path("data/scenes.parquet"), SCENES)
    counted = scenes.groupby("episode_id").size()
    shown = pd.DataFrame(
        {
            "episode": episodes["episode_id"],
            "status": [row.status + (f": {row.reason}" if row.reason else "") for row in rows_of(episodes)],
            "size": [f"{w:.0f}×{h:.0f}" for w, h in zip(episodes["width"], episodes["height"], strict=True)],
            "frames": episodes["frames"].fillna(0).astype(int),
            "scenes": episodes["episode_id"].map(counted).fillna(0).astype(int),
            "licence": episodes["license"],
            "credit": episodes["attribution"],
        }
    )
    split = scenes.groupby("split")["frames"].agg(["size", "sum"]).reset_index()
    split.columns = pd.Index(["split", "scenes", "frames"])
    return Section("Episodes and scenes", [table(shown), table(split, "Scenes by split")])


def cascades_section(params: Params) -> Section:
    """How well each character's faces are found in scenes that its cascade has not seen."""
    plot = figure(6.4, 3.4)
    axes = plot.subplots()
    for character in params.characters:
        roc = pd.read_csv(REPORTS / "cascades" / f"{character}.csv")
        axes.plot(roc["false_positives_per_frame"], roc["recall"], label=character, drawstyle="steps-post")
    axes.set(xlabel="false positives per frame", ylabel="recall (IoU 0.5)", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="lower right")
    axes.grid(alpha=0.25)
    text = "Single frames of held-out scenes; every box found is held against the boxes people drew."
    return Section("Cascades", [drawing(plot, text=text)])


def faces_section(manifest: pd.DataFrame, params: Params) -> Section:
    """What the cascades found: faces kept, near-duplicates put aside."""
    parts = []
    for character in params.characters:
        own = manifest[manifest["character"] == character]
        distinct = own[own["status"] == OK]
        parts.append(sheet(distinct, f"{character}: {len(distinct)} distinct faces", "A spread over all episodes."))
    parts.append(table(shares(manifest), "Distinct faces by character and split"))
    parts += [duplicates_part(manifest), distances_part(), repeats_part(manifest)]
    rejected = manifest[(manifest["status"] != OK) & (manifest["cluster"] == manifest["face_id"])]
    reasons = rejected["reason"].value_counts().rename_axis("reason")
    if len(reasons):
        parts.append(table(reasons.reset_index(name="faces"), "Detections put aside"))
    return Section("Faces", parts)


def duplicates_part(manifest: pd.DataFrame) -> Part:
    """The largest clusters of near-duplicates, a row each: the representative, then up to seven others."""
    blank = np.full((8, 8, 3), BACKGROUND, np.uint8)
    shown: list[Pixels] = []
    for representative in manifest[manifest["status"] == OK].nlargest(6, "cluster_size", keep="first")["face_id"]:
        members = manifest[manifest["cluster"] == representative]
        others = spread(members[members["face_id"] != representative], COLUMNS - 1)
        row = crops_of(pd.concat([members[members["face_id"] == representative], others]))
        shown += [*row, *[blank] * (COLUMNS - len(row))]
    if not shown:
        return Part("Near-duplicates", "No faces.")
    text = "The largest clusters, a row each; the sharpest face, first in its row, stands for all of them."
    return photograph(contact_sheet(shown, COLUMNS), "Near-duplicates", text)


def shares(manifest: pd.DataFrame) -> pd.DataFrame:
    """Faces in use of each character in each split, with the share of the character's faces that this is."""
    used = manifest[manifest["status"] == OK]
    counts = used.pivot_table(index="character", columns="split", values="face_id", aggfunc="count", fill_value=0)
    counts = counts.reindex(columns=["train", "validation", "test"], fill_value=0)
    percent = counts.mul(100).div(counts.sum(axis=1), axis=0).round().astype(int)
    return (counts.astype(str) + " (" + percent.astype(str) + " %)").rename_axis(columns=None).reset_index()


def distances_part() -> Part:
    """What `manifest.duplicate_distance` is chosen by."""
    text = (
        "How far apart two faces of one character are, and pairs at each distance. Where faces stop being one drawing "
        "is where manifest.duplicate_distance belongs."
    )
    return png_file(REPORTS / "manifest" / "duplicates.png", "Distances between faces", text)


def repeats_part(manifest: pd.DataFrame) -> Part:
    """Tracks whose faces several episodes show: openings, endings, animation used again."""
    found = manifest[manifest["repeated"]]
    if found.empty:
        return Part("Repeated material", "No two episodes share any.")
    tracks = found.groupby(["episode_id", "scene", "track", "character"])
    shown = tracks.agg(first_frame=("frame", "min"), faces=("frame", "size"), episodes=("episodes", "max"))
    shown = shown.reset_index().sort_values(["episodes", "faces"], ascending=False, kind="stable")
    text = "Tracks that other episodes show too; each of their pictures is in use once, in the episode listed first."
    return table(shown.head(24), "Repeated material", text)


def labels_section(params: Params) -> Section:
    """The dataset: a sheet per emotion, and how sure its labels are."""
    dataset = pd.concat(
        [read_frame(Path(f"data/dataset/{split}.parquet"), DATASET) for split in ("train", "validation", "test")],
        ignore_index=True,
    )
    counts = dataset.pivot_table(index="emotion", columns="split", values="face_id", aggfunc="count", fill_value=0)
    counts = counts.reindex(index=params.emotions, columns=["train", "validation", "test"], fill_value=0)
    parts = [table(counts.rename_axis("emotion").reset_index(), "Faces by emotion and split")]
    for emotion in params.emotions:
        own = dataset[dataset["emotion"] == emotion]
        parts.append(sheet(own, f"{emotion}: {len(own)} faces"))
    labels = read_frame(Path("data/labels.parquet"), LABELS)
    unused = labels.loc[labels["status"] != OK, "reason"].str.replace(r"^emotions\.csv, line \d+: ", "", regex=True)
    reasons = unused.str.replace(r"^(a tie|no emotion): .*", r"\1", regex=True).value_counts().head(12)
    if len(reasons):
        parts.append(table(reasons.rename_axis("reason").reset_index(name="rows"), "Annotations without effect"))
    return Section("Labels", parts)


def classifier_section() -> Section:
    """How the classifier learned, and where it errs."""
    curves = pd.read_csv(REPORTS / "train" / "curves.csv")
    plot = figure(8, 3)
    left, right = plot.subplots(1, 2)
    for axes, what in ((left, "loss"), (right, "accuracy")):
        for split in ("train", "validation"):
            axes.plot(curves["epoch"], curves[f"{split}_{what}"], label=split)
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.25)
    left.legend(frameon=False)
    evaluated = REPORTS / "evaluate"
    return Section(
        "Classifier",
        [
            drawing(plot, "Learning curves"),
            png_file(evaluated / "confusion.png", "Confusion on held-out scenes"),
            png_file(evaluated / "mistakes.png", "Mistakes, the surest first"),
        ],
    )


def spread(faces: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows, evenly taken from all of them."""
    if len(faces) <= count:
        return faces
    return faces.iloc[np.linspace(0, len(faces) - 1, count).round().astype(int)]


def sheet(faces: pd.DataFrame, heading: str, text: str = "") -> Part:
    """A contact sheet of a spread of the faces; a sentence where there are none."""
    if faces.empty:
        return Part(heading, "No faces.")
    return photograph(contact_sheet(crops_of(spread(faces, SHEET)), columns=12), heading, text)


def crops_of(faces: pd.DataFrame) -> Sequence[Pixels]:
    """The crops of the rows, RGB; a grey square where one does not decode."""
    crops = [image["bytes"] for image in faces["image"]] if "image" in faces else read_crops(faces)
    decoded = (decode_rgb(crop) for crop in crops)
    return [np.full((8, 8, 3), 128, np.uint8) if image is None else image for image in decoded]
