"""The page of a training: one HTML file that is written anew after every stage, and once more at the end.

While the training goes on, the page asks the browser to load it again every few seconds. It has no script and loads
nothing from elsewhere.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cascades.boxes import AnnotatedImage, Box
from cascades.evaluation import Roc
from cascades.files import write_whole
from cascades.training import StageReport
from cascades.verdict import FPPI, Verdict, statements
from cascades.words import counted

REFRESH_S: Final = 3
MOST: Final = 24
"""Misses and false alarms that are shown of each."""
SIDE: Final = 112  # px of a miss or a false alarm
AROUND: Final = 0.6  # of a box's longer side, shown on every side of it
TRUE, FALSE = "#2e9e5b", "#d8433b"
STYLE: Final = """
:root { color-scheme: light dark; --ink: #22252a; --soft: #6a7078; --line: #e2e4e8; --paper: #fff; --accent: #2f6fde; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaee; --soft: #9aa1ab; --line: #33373e; --paper: #191b1f; --accent: #7aa7ff; } }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.5rem 5rem; color: var(--ink); background: var(--paper);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; }
p, li { max-width: 44rem; overflow-wrap: anywhere; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
td.pictures, th.pictures { text-align: left; padding-right: 1.4rem; }
td img { image-rendering: pixelated; height: 30px; vertical-align: middle; }
progress { width: 100%; max-width: 44rem; height: .6rem; accent-color: var(--accent); }
.tiles { display: flex; flex-wrap: wrap; gap: 8px; } figure { margin: 0; width: 112px; }
figure img { display: block; border-radius: 4px; }
figcaption { font-size: .7rem; line-height: 1.35; color: var(--soft); overflow: hidden; text-overflow: ellipsis;
             white-space: nowrap; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--line); } .curve { stroke: var(--accent); stroke-width: 2.5; fill: none; }
"""


@dataclass
class TrainingPage:
    """What is known of a training so far; `stage` is called for every stage that is done, then `done` or `judged`."""

    path: Path
    title: str
    notes: list[str] = field(default_factory=list)
    runs: list[list[StageReport]] = field(default_factory=list)
    rest: str = ""

    def stage(self, report: StageReport) -> None:
        """Add a stage. Stages that begin again belong to another training: gray and color, for `--planes auto`."""
        if not self.runs or report.stage <= self.runs[-1][-1].stage:
            self.runs.append([])
        self.runs[-1].append(report)
        self.write(self._going(report))

    def write(self, head: str, refresh: bool = True) -> None:
        """Put the page into its file, whole."""
        again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes[:MOST])
        more = len(self.notes) - MOST
        parts = [
            f'<!doctype html><html lang="en"><meta charset="utf-8">{again}',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(self.title)}</title><style>{STYLE}</style><h1>{escape(self.title)}</h1>{head}{self.rest}",
            *(_stages(run, self._name(run)) for run in self.runs),
            f"<h2>Notes</h2><ul>{notes}</ul>" if notes else "",
            f'<p class="soft">and {counted(more, "more notes")}, printed by the command</p>' if more > 0 else "",
        ]
        write_whole(self.path, "".join(parts).encode())

    def done(self, lines: Sequence[str]) -> None:
        """The last page of a training without validation images."""
        self.rest = (
            "<h2>How good is it?</h2><p>That is not known: the rates below are of the pictures that it was trained on. "
            "Name pictures of other scenes with <code>--validation</code>, or run <code>cascades evaluate</code>.</p>"
        )
        self.write("".join(f"<p>{escape(line)}</p>" for line in lines), refresh=False)

    def judged(self, lines: Sequence[str], verdict: Verdict, images: Sequence[AnnotatedImage]) -> None:
        """The last page of a training with validation images, on which `verdict` was made."""
        self.rest = _judged(verdict, images)
        self.write("".join(f"<p>{escape(line)}</p>" for line in lines), refresh=False)

    def _name(self, run: list[StageReport]) -> str:
        planes = "gray" if run[0].hardest.shape[1] == 1 else "color"
        return f"Stages, in {planes}" if len(self.runs) > 1 else "Stages"

    def _going(self, report: StageReport) -> str:
        left = f"about {_duration(report.seconds_left)} left" if report.stage < report.stages else "the last one"
        return (
            f'<p class="soft">Training: {report.stage} of {counted(report.stages, "stages")}, {left}. This page loads '
            f'itself again.</p><progress value="{report.stage}" max="{report.stages}"></progress>'
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _stages(run: Sequence[StageReport], title: str) -> str:
    """A row for each stage; the shares kept so far are products, as every stage sees what the one before passed."""
    rows, hit, alarm = [], 1.0, 1.0
    for one in run:
        hit, alarm = hit * one.hit_rate, alarm * one.false_alarm
        rows.append(
            f"<tr><td>{one.stage}</td><td>{one.weak_count}</td><td>{one.hit_rate:.4f}</td><td>{hit:.4f}</td>"
            f"<td>{one.false_alarm:.3f}</td><td>{alarm:.2g}</td><td>{one.seconds:.1f}</td>"
            f'<td class="pictures">{_row(one.weakest)}</td><td class="pictures">{_row(one.hardest)}</td></tr>'
        )
    earlier = f"<p>Stages 1 to {run[0].stage - 1} are from the checkpoint.</p>" if run[0].stage > 1 else ""
    return (
        f'<h2>{title}</h2>{earlier}<div class="scroll"><table><tr><th>stage</th><th>trees</th><th>hit rate</th>'
        "<th>so far</th><th>false alarm</th><th>so far</th><th>seconds</th>"
        '<th class="pictures">faces it is least sure of</th><th class="pictures">background most like a face</th></tr>'
        f'{"".join(rows)}</table></div><p class="soft">Hit rate: share of the training faces that pass the stage. '
        "False alarm: share of the stage&#x27;s background windows that pass. Is a picture on the left no face? Then a "
        "box is wrong. Is a picture on the right a face? Then a box is missing.</p>"
    )


def _row(patches: NDArray[np.uint8]) -> str:
    """Windows side by side, uint8[N, P, H, W], the gray plane."""
    gray = [np.pad(patch[0], ((0, 0), (0, 2)), constant_values=128) for patch in patches]
    return _image(Image.fromarray(np.concatenate(gray, axis=1)), "windows") if gray else ""


def _image(image: Image.Image, alt: str, hint: str = "") -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    about = f' title="{escape(hint)}"' if hint else ""
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}"{about}>'


def _judged(verdict: Verdict, images: Sequence[AnnotatedImage]) -> str:
    roc, misses = verdict.roc, verdict.misses
    rates = "".join(f"<tr><td>{fppi:g}</td><td>{roc.recall_at(fppi):.3f}</td></tr>" for fppi in (0.1, 0.3, 1.0))
    used = {face.image for face in misses[:MOST]} | {alarm.image for alarm in verdict.alarms[:MOST]}
    shown = {i: images[i] for i in sorted(used)}
    said = "".join(f"<li>{escape(line)}</li>" for line in statements(verdict))
    if not said:
        said = "<li>The misses have nothing in common that was measured. More boxes from other scenes always help.</li>"
    missed = [_tile(shown[f.image], f.box, TRUE, f"{f.box.w}×{f.box.h} px") for f in misses[:MOST]]
    wrong = [_tile(shown[a.image], a.box, FALSE, f"score {a.score:.1f}") for a in verdict.alarms[:MOST]]
    found, faces = len(verdict.faces) - len(misses), counted(len(verdict.faces), "faces")
    return (
        f"<h2>How good is it?</h2><p>On {counted(roc.images, 'validation pictures')} with {faces}, none of which "
        f"was trained on. At {FPPI:g} false positives per picture it finds {found} of {faces}.</p>{_curve(roc)}"
        f'<div class="scroll"><table><tr><th>false positives per picture</th><th>recall</th></tr>{rates}</table></div>'
        f"<h2>What would help next</h2><ul>{said if misses else '<li>No face is missed.</li>'}</ul>"
        + _tiles(f"Misses: {len(misses)}", missed, len(misses), "In green: the box that was not found.")
        + _tiles(f"False alarms: {len(verdict.alarms)}", wrong, len(verdict.alarms),
                 "In red: what was taken for a face. If it is one, a box is missing.")
    )  # fmt: skip


def _tiles(title: str, tiles: Sequence[str], count: int, text: str) -> str:
    if not tiles:
        return ""
    first = f" The first {len(tiles)} are shown." if count > len(tiles) else ""
    return f'<h2>{title}</h2><p class="soft">{text}{first}</p><div class="tiles">{"".join(tiles)}</div>'


def _tile(image: AnnotatedImage, box: Box, color: str, line: str) -> str:
    """A box of an image with what is around it, as a square of SIDE px."""
    side = max(box.w, box.h, 1) * (1 + 2 * AROUND)
    left, top = box.x + box.w / 2 - side / 2, box.y + box.h / 2 - side / 2
    tile = Image.new("RGB", (SIDE, SIDE), "#808080")
    height, width = image.gray.shape
    x0, y0, x1, y1 = max(round(left), 0), max(round(top), 0), min(round(left + side), width), min(
        round(top + side), height)  # fmt: skip
    scale = SIDE / side
    if x1 > x0 and y1 > y0:
        part = Image.fromarray(image.gray[y0:y1, x0:x1])
        part = part.resize((max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)))
        tile.paste(part, (round((x0 - left) * scale), round((y0 - top) * scale)))
    x, y = (box.x - left) * scale, (box.y - top) * scale
    ImageDraw.Draw(tile).rectangle((x, y, x + box.w * scale, y + box.h * scale), outline=color, width=2)
    where = f"{image.key}: {tuple(box)}"
    caption = f"<figcaption>{escape(line)}</figcaption><figcaption>{escape(image.key)}</figcaption>"
    return f"<figure>{_image(tile, where, where)}{caption}</figure>"


def _curve(roc: Roc) -> str:
    """Recall against false positives per picture, 0.01 to 10 on a logarithmic scale."""
    width, height, left, bottom = 576, 300, 60, 40
    across, up = width - left - 12, height - bottom - 12

    def place(fppi: float, recall: float) -> tuple[float, float]:
        share = (np.log10(min(max(fppi, 0.01), 10.0)) + 2) / 3
        return left + across * float(share), height - bottom - up * recall

    lines = []
    for recall in (0, 0.25, 0.5, 0.75, 1):
        _, y = place(0.01, recall)
        lines.append(f'<line class="grid" x1="{left}" x2="{width - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{recall:g}</text>')
    for fppi in (0.01, 0.1, 1, 10):
        x, y = place(fppi, 0)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{y:.1f}"/>')
        lines.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{fppi:g}</text>')
    points, before = [], place(0, 0)[1]
    for fppi, recall in zip(roc.fppi.tolist(), roc.recall.tolist(), strict=True):
        if fppi > 10:
            break
        x, y = place(fppi, recall)
        points += [f"{x:.1f},{before:.1f}", f"{x:.1f},{y:.1f}"]
        before = y
    points.append(f"{place(10, 0)[0]:.1f},{before:.1f}")
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="recall against false positives">'
        f'{"".join(lines)}<polyline class="curve" points="{" ".join(points)}"/>'
        f'<text x="{left + across / 2}" y="{height - 6}" text-anchor="middle">false positives per picture</text>'
        f'<text text-anchor="middle" transform="translate(16 {12 + up / 2}) rotate(-90)">recall</text>'
        "</svg>"
    )
