"""The page of `toonset app --export` beside Python: `python -m benchmarks.exported PROJECT [--frames N]`.

Run it after `dvc repro` in PROJECT. The page is opened from the disk in headless Chromium with the network cut. Frames
of test scenes are given to both as PNG files; windows, faces and probabilities are compared, and timed.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Page

from benchmarks.studio import browser
from cascades import Detector, chroma_of
from cascades.pictures import read_picture
from pipeline import paths
from pipeline.app.command import open_live
from pipeline.app.export import page_of
from pipeline.app.live import Live
from pipeline.classifier.predict import Finder
from pipeline.images import Pixels, fit_height, to_gray
from pipeline.rows import EpisodeRow, SceneRow
from pipeline.schemas import EPISODES, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.video.decode import decode_chosen, known_frames

IMAGE = """async file => {
    const source = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    return pixelsOf(source, source.width, source.height);
}"""
LOOK = f"""async () => {{
    const image = await ({IMAGE})(window.given), start = performance.now(), faces = facesIn(image);
    const took = performance.now() - start, scale = Math.min(1, data.crops.max_height / image.height);
    const small = scale < 1 ? shrunk(image, roundEven(image.width * scale), data.crops.max_height) : image;
    const least = Math.max(1, roundEven(data.crops.min_size * scale));
    const settings = {{ scale_factor: data.crops.scale_factor, min_size: least }};
    return {{ faces, took, windows: windowsOf(data.cascades, planesOf(small), settings) }};
}}"""


def frames_of(count: int) -> list[Pixels]:
    """Frames of test scenes, spread over them."""
    scenes, episodes = read_rows(paths.SCENES, SCENES), read_rows(paths.EPISODES, EPISODES)
    wanted: dict[str, set[int]] = {}
    test = list(rows_of(scenes[scenes["split"] == "test"], SceneRow))
    for i in range(count):
        scene = test[i % len(test)]
        wanted.setdefault(scene.episode_id, set()).add(
            scene.start_frame + scene.frames * (i // len(test) + 1) // (count // len(test) + 2)
        )
    found = []
    for row in rows_of(episodes, EpisodeRow):
        own = scenes[scenes["episode_id"] == row.episode_id]
        known = known_frames(row, own["start_frame"], own["start_pts"])
        chosen = wanted.get(row.episode_id, set())
        found += [frame.rgb() for frame in decode_chosen(paths.VIDEOS / row.path, chosen, known)]
    return found


def in_page(page: Page, file: Path) -> dict[str, Any]:
    """What the page finds in a picture file."""
    page.set_input_files("#kept", file)
    page.evaluate("window.given = document.getElementById('kept').files[0]")
    return dict(page.evaluate(LOOK))


def in_python(live: Live, finder: Finder, file: Path) -> dict[str, Any]:
    """The same of Python: windows by cascade, faces with their probabilities, milliseconds."""
    rgb, crops = read_picture(file), live.classifier.about.crops
    start = time.perf_counter()
    faces = list(finder.find(file, rgb))
    each = live.classifier.predict([face.pixels for face in faces])
    took = 1000 * (time.perf_counter() - start)
    small, scale = fit_height(rgb, crops.max_height)
    cascades = [one.cascade for one in live.cascades.values()]
    least = max(1, round(crops.min_size * scale))
    detector = Detector(cascades, scale_factor=crops.scale_factor, min_size=least)
    windows = detector.windows(to_gray(small), chroma=chroma_of(small))
    return {
        "faces": faces,
        "each": each,
        "took": took,
        "windows": [np.column_stack([w.boxes, w.margins]) for w in windows],
    }


def compare(frames: list[Pixels], live: Live) -> dict[str, Any]:
    """The table's figures."""
    finder = Finder(list(live.cascades.values()), live.classifier.about.crops)
    html = page_of(live.classifier, list(live.cascades.values()), {})
    same_windows = same_faces = windows = faces = 0
    difference, theirs_ms, ours_ms = 0.0, [], []
    with tempfile.TemporaryDirectory() as temporary, browser("--host-resolver-rules=MAP * ~NOTFOUND") as chromium:
        folder = Path(temporary)
        (folder / "page.html").write_text(html, encoding="utf-8")
        page = chromium.new_page()
        page.goto((folder / "page.html").as_uri())
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'kept' }))"
        )
        for i, frame in enumerate(frames):
            cv2.imwrite(str(folder / f"{i}.png"), frame[..., ::-1])
            theirs, ours = in_page(page, folder / f"{i}.png"), in_python(live, finder, folder / f"{i}.png")
            windows += sum(len(own) for own in ours["windows"])
            same_windows += all(
                np.array_equal(np.array(a).reshape(-1, 5), b)
                for a, b in zip(theirs["windows"], ours["windows"], strict=True)
            )
            faces += len(ours["faces"])
            places = [(one["character"], tuple(one["box"])) for one in theirs["faces"]]
            same = places == [(face.character, face.box) for face in ours["faces"]]
            same_faces += same
            if same and places:
                each = np.array([one["each"] for one in theirs["faces"]])
                difference = max(difference, float(np.abs(each - ours["each"]).max()))
            theirs_ms.append(theirs["took"])
            ours_ms.append(ours["took"])
    return {
        "size of the page, MB": round(len(html.encode()) / 1e6, 2),
        "frames": len(frames),
        "frames with the same windows": same_windows,
        "windows in them": windows,
        "frames with the same faces": same_faces,
        "faces in them": faces,
        "largest difference of a probability": f"{difference:.1e}",
        "ms per frame in the page, median": round(float(np.median(theirs_ms))),
        "ms per frame in Python, median": round(float(np.median(ours_ms))),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    with contextlib.chdir(options.project):
        live, _ = open_live([], paths.CLASSIFIER)
        found = compare(frames_of(options.frames), live)
    print("| what | result |\n|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
