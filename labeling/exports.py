"""Label Studio's JSON export of our emotion tasks → rows of emotions.csv."""

from collections.abc import Iterator, Sequence
from typing import Any

from labeling.errors import InvalidExport
from labeling.tasks import TASK_FIELDS


def emotion_rows(export: Any, emotions: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row per submitted annotation: TASK_FIELDS without face_id, emotion, annotator, annotated_at, lead_time_s.

    export: the parsed JSON (the format Label Studio calls JSON). Skipped tasks and cancelled annotations have no row.
    Raises InvalidExport for anything that is not such an export, and for an answer that is not one of `emotions`.
    """
    if not isinstance(export, list):
        raise InvalidExport(
            "expected a list of tasks (export as JSON), found something else (in Label Studio: Export → JSON)"
        )
    for number, task in enumerate(export):
        data = task.get("data", {}) if isinstance(task, dict) else {}
        missing = [name for name in TASK_FIELDS if name not in data]
        if missing:
            raise InvalidExport(f"task {number} lacks {', '.join(missing)}: it was not made by the tasks stage")
        for annotation in task.get("annotations", []):
            emotion = _choice(annotation)
            if annotation.get("was_cancelled") or emotion is None:
                continue
            if emotion not in emotions:
                raise InvalidExport(f"task {number} is answered {emotion!r}; params.yaml has {', '.join(emotions)}")
            yield {
                **{name: data[name] for name in TASK_FIELDS if name != "face_id"},
                "emotion": emotion,
                "annotator": _annotator(annotation.get("completed_by")),
                "annotated_at": annotation.get("updated_at", ""),
                "lead_time_s": _seconds(annotation.get("lead_time")),
            }


def _choice(annotation: dict[str, Any]) -> str | None:
    for result in annotation.get("result", []):
        if result.get("from_name") == "emotion":
            return str(result["value"]["choices"][0])
    return None


def _annotator(completed_by: Any) -> str:
    return str(completed_by.get("email", "")) if isinstance(completed_by, dict) else str(completed_by or "")


def _seconds(lead_time: float | None) -> str:
    return "" if lead_time is None else f"{lead_time:.1f}"
