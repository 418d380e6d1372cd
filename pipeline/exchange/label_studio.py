"""Boxes in Label Studio's JSON export, whoever made the tasks: on pictures, and on videos.

On a video, only key frames count, for nobody looked at the boxes between them. Label Studio numbers frames by a rate
that its page assumes, so the time of a key frame is used and not its number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cascades.box_files import read_json
from pipeline.errors import InputError
from pipeline.exchange.boxed import Box, BoxedPicture
from pipeline.exchange.tables import reading

Result = Mapping[str, Any]
TOLD: Final = ("emotion", "annotator")
NO_BOX: Final = ("textarea", "choices", "labels")
"""Results that say something about a box."""
SHARES: Final = (1, 1)
"""The size of a video, which its boxes do not say."""


def read_label_studio(path: Path) -> Iterator[BoxedPicture]:
    """Tasks with rectangles, as Label Studio exports them as JSON."""
    file = path / "tasks.json" if path.is_dir() else path
    data = reading(read_json, file)
    try:
        for task in data:
            data_of = task["data"]
            name = str(next(value for value in data_of.values() if isinstance(value, str) and "/" in value))
            file_name = name.replace("\\", "/").rpartition("/")[2].partition("?")[0] or name
            file_name = file_name if "." in file_name else name.rpartition("=")[2].rpartition("/")[2]
            results = [one for answer in task.get("annotations") or () for one in answer.get("result") or ()]
            videos = [one for one in results if one.get("type") == "videorectangle"]
            yield from _of_video(file_name, videos, results)
            if not videos:
                yield _of_picture(file_name, str(data_of.get("split", "")), results)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, IndexError, RuntimeError) as error:
        raise InputError(f"{file} is no JSON export of Label Studio with boxes ({error!r})") from error


def _of_picture(file: str, split: str, results: Sequence[Result]) -> BoxedPicture:
    boxes: dict[str, Box] = {}
    size, faults = (0, 0), []
    for one in results:
        value = one.get("value", {})
        if one.get("type") == "rectanglelabels":
            size = int(one["original_width"]), int(one["original_height"])
            if value.get("rotation"):
                faults.append(_turned(value))
            else:
                boxes[str(one["id"])] = _box(str(value["rectanglelabels"][0]), value, size)
        elif one.get("type") not in NO_BOX:
            faults.append(f"a result of type {one.get('type')!r}, which is no box")
    told = _told(results)
    found = tuple(replace(box, **told.get(identity, {})) for identity, box in boxes.items())
    return BoxedPicture(file, *size, found, split, faults=tuple(faults))


def _of_video(file: str, videos: Sequence[Result], results: Sequence[Result]) -> Iterator[BoxedPicture]:
    """A picture for each time at which a face has a key frame."""
    names = {str(one.get("id")): one["value"]["labels"][0] for one in results if one.get("value", {}).get("labels")}
    told = _told(results)
    boxes: dict[float, list[Box]] = {}
    faults: dict[float, list[str]] = {}
    for one in videos:
        shown = False
        for key in sorted(one["value"]["sequence"], key=lambda key: key["frame"]):
            # A key frame that is not enabled is the last one that shows the face.
            if not (key["enabled"] or shown):
                continue
            shown = bool(key["enabled"])
            time_s = float(key["time"])
            if key.get("rotation"):
                faults.setdefault(time_s, []).append(_turned(key))
                continue
            box = _box(str(names.get(str(one.get("id")), "")), key, SHARES)
            boxes.setdefault(time_s, []).append(replace(box, **told.get(str(one.get("id")), {})))
    for time_s in sorted({*boxes, *faults}):
        own = tuple(boxes.get(time_s, ()))
        yield BoxedPicture(file, 0, 0, own, time_s=time_s, shares=True, faults=tuple(faults.get(time_s, ())))


def _told(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """What is said of each box besides its name."""
    told: dict[str, dict[str, Any]] = {}
    for one in results:
        words = one.get("value", {}).get("text") or one.get("value", {}).get("choices")
        if words and one.get("from_name") in TOLD:
            told.setdefault(str(one.get("id")), {})[one["from_name"]] = str(words[0])
    return told


def _box(name: str, value: Result, size: tuple[int, int]) -> Box:
    """A box that is given in per cent of a picture."""
    across, down = size[0] / 100, size[1] / 100
    return Box(name, value["x"] * across, value["y"] * down, value["width"] * across, value["height"] * down)


def _turned(value: Result) -> str:
    return f"a box turned by {value['rotation']}°, expected upright boxes"
