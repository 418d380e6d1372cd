"""Matching annotations to the detected faces, and making one label of several answers."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cascades.boxes import intersection_over_union as iou
from labeling.answers import NO_EMOTION, NO_VOTE, NOT_THEIRS, RIGHT_CHARACTER, WRONG_CHARACTER, WRONG_EMOTION
from labeling.dawid_skene import dawid_skene
from pipeline.params import Labels
from pipeline.rows import AnnotationRow
from pipeline.schemas import LABELS, OK, REJECTED
from pipeline.tables import is_face, rows_of

BOX = ["x", "y", "w", "h"]
NO_FACE = "no face was found there"
NO_EMOTION_GIVEN = "no emotion"
"""How the reason begins where people answered that the face is unclear, or none of the character."""
AGAINST = "not-the-character"
"""What every answer in NOT_THEIRS counts as, because they all mean: this is not a face of the character."""


def in_common(reasons: pd.Series) -> pd.Series:
    """The reasons of LABELS less what is of one row only: its line, its votes."""
    shared = reasons.str.replace(r"^emotions\.csv, line \d+: ", "", regex=True)
    return shared.str.replace(r"^(a tie|no emotion|no vote yet): .*", r"\1", regex=True)


def faces_to_label(manifest: pd.DataFrame) -> pd.DataFrame:
    """The faces that an annotation can belong to: those in use and their near-duplicates, but no false alarms."""
    return manifest[is_face(manifest)]


def match(annotations: pd.DataFrame, faces: pd.DataFrame, params: Labels) -> pd.Series:
    """The face_id that each annotation belongs to, or None if there is none.

    An annotation belongs to the face of the same episode and character that overlaps it most (IoU at least
    `params.min_iou`) and is at most `params.frame_tolerance` frames away. If two overlap equally, it is the nearer
    frame. Annotations are matched by place and time and not by id, so they stay valid when the cascade is trained
    again.
    """
    by_place = {place: _Place.of(own) for place, own in faces.groupby(["episode_id", "character"])}
    found = []
    for row in rows_of(annotations, AnnotationRow):
        own = by_place.get((row.episode_id, row.character))
        found.append(None if own is None or row.status != OK else own.best(row, params))
    return pd.Series(found, index=annotations.index, dtype=object)


@dataclass(frozen=True, eq=False)
class _Place:
    """A character's faces in an episode: their frames int64 [N], boxes int64 [N, 4] (x, y, w, h px), and ids."""

    frames: NDArray[np.int64]
    boxes: NDArray[np.int64]
    ids: list[str]

    @staticmethod
    def of(faces: pd.DataFrame) -> "_Place":
        return _Place(faces["frame"].to_numpy(np.int64), faces[BOX].to_numpy(np.int64), faces["face_id"].tolist())

    def best(self, row: AnnotationRow, params: Labels) -> str | None:
        """The face_id that an annotation belongs to; None where there is none."""
        away = np.abs(self.frames - row.frame)
        near = np.flatnonzero(away <= params.frame_tolerance)
        overlap = iou(np.array([[row.x, row.y, row.w, row.h]]), self.boxes[near])[0]
        candidates = [
            (-share, away[place], self.ids[place])
            for share, place in zip(overlap, near, strict=True)
            if share >= params.min_iou
        ]
        return min(candidates)[2] if candidates else None


class MatchedRow(AnnotationRow):
    """An annotation and the face that it is matched to."""

    face_id: str
    cluster: str


@dataclass(frozen=True)
class Verdict:
    """The result of the votes on one face."""

    answer: str
    """An emotion, `unclear` or AGAINST; where `tied`, one of several as good."""
    confidence: float
    """By majority the share of the votes for it, by Dawid and Skene its probability."""
    tied: bool


def cast_votes(annotations: pd.DataFrame, matched: pd.Series, clusters: pd.Series) -> pd.DataFrame:
    """The votes: rows of `annotations` that belong to a face and count, with `face_id`, `cluster` and `answer`.

    annotations: as `read_emotions` returns them, in the order of the file. matched: face_id per annotation. clusters:
    cluster (the representative's face_id) by face_id. `answer` is the emotion given, or AGAINST. If one annotator
    judged one face several times, the last row counts. There are two exceptions: `right-character` cancels only a
    `wrong-character`, and `wrong-emotion` only the emotion that it contradicts.
    """
    rows = annotations.assign(face_id=matched, cluster=matched.map(clusters.to_dict()))
    rows = rows[rows["cluster"].notna() & (rows["status"] == OK)]
    standing: dict[tuple[str, str], tuple[Any, str]] = {}
    for index, row in zip(rows.index, rows_of(rows, MatchedRow), strict=True):
        key = (row.face_id, row.annotator)
        if row.emotion == WRONG_EMOTION:
            if key in standing and standing[key][1] == row.suggested:
                del standing[key]
        elif row.emotion == RIGHT_CHARACTER:
            if key in standing and standing[key][1] == WRONG_CHARACTER:
                del standing[key]
        else:
            standing[key] = (index, row.emotion)
    votes = rows.loc[sorted(index for index, _ in standing.values())]
    return votes.assign(answer=votes["emotion"].where(~votes["emotion"].isin(NOT_THEIRS), AGAINST))


def settle_labels(
    annotations: pd.DataFrame, matched: pd.Series, clusters: pd.Series, method: str = "majority"
) -> pd.DataFrame:
    """Rows of LABELS: one per cluster of near-duplicates that was judged, and one per annotation without a matching
    face.

    The arguments are those of `cast_votes`, and `labels.consensus` of params.yaml.
    """
    votes = cast_votes(annotations, matched, clusters)
    settle = by_dawid_skene if method == "dawid-skene" else by_majority
    verdicts = settle(votes)
    rows = annotations.assign(face_id=matched, cluster=matched.map(clusters.to_dict()))
    found = rows["cluster"].notna() & (rows["status"] == OK)
    remarks = {str(name): own for name, own in rows[found & rows["emotion"].isin(NO_VOTE)].groupby("cluster")}
    by_cluster = {str(name): own for name, own in votes.groupby("cluster")}
    labels = []
    for cluster in sorted({*by_cluster, *remarks}):
        own, remarked = by_cluster.get(cluster), remarks.get(cluster)
        label = _label(own, verdicts[cluster], cluster) if own is not None else _looked_at(remarked, cluster)
        said = {} if remarked is None else dict(sorted(Counter(remarked["emotion"]).items()))
        labels.append({**label, "remarks": json.dumps(said), "consensus": method})
    labels += [{**_unmatched(row), "consensus": method} for row in rows_of(rows[~found], AnnotationRow)]
    table = pd.DataFrame(labels, columns=LABELS.names)
    return table.sort_values(["episode_id", "frame", "x", "y", "emotion", "reason"], ignore_index=True)


def by_majority(votes: pd.DataFrame) -> dict[str, Verdict]:
    """Verdict by cluster: the answer with most votes. If several have equally many, the one given in a review."""
    verdicts = {}
    for cluster, own in votes.groupby("cluster"):
        ranked = _ranked(own["answer"])
        best = [answer for answer, count in ranked if count == ranked[0][1]]
        reviewed = _ranked(own.loc[own["answer"].isin(best) & (own["given_by"] == "review"), "answer"])
        settled = len(best) > 1 and (len(reviewed) == 1 or (len(reviewed) > 1 and reviewed[0][1] > reviewed[1][1]))
        answer = reviewed[0][0] if settled else best[0]
        verdicts[str(cluster)] = Verdict(answer, ranked[0][1] / len(own), len(best) > 1 and not settled)
    return verdicts


def by_dawid_skene(votes: pd.DataFrame) -> dict[str, Verdict]:
    """Verdict by cluster: the most probable answer, annotators weighed by how reliable they are."""
    item, items = pd.factorize(votes["cluster"], sort=True)
    annotator, annotators = pd.factorize(votes["annotator"], sort=True)
    answer, answers = pd.factorize(votes["answer"], sort=True)
    counts = np.zeros((len(items), len(annotators), len(answers)), np.int64)
    np.add.at(counts, (item, annotator, answer), 1)
    # Six digits are the same on every processor, and what differs by less than that is a tie.
    posterior = dawid_skene(counts).posterior.round(6) if len(votes) else np.zeros((0, 0))
    return {
        str(name): Verdict(str(answers[row.argmax()]), float(row.max()), int((row == row.max()).sum()) > 1)
        for name, row in zip(items, posterior, strict=True)
    }


def _ranked(answers: "pd.Series[str]") -> list[tuple[str, int]]:
    """Answers with their number of votes, most first, then by name."""
    return sorted(Counter(answers).items(), key=lambda item: (-item[1], item[0]))


def _label(votes: pd.DataFrame, verdict: Verdict, cluster: str) -> dict[str, Any]:
    """The label of one cluster that has votes."""
    counts = Counter(votes["emotion"])
    said = ", ".join(f"{name} {count}" for name, count in _ranked(votes["emotion"]))
    reason = ""
    if verdict.tied:
        reason = f"a tie: {said}"
    elif verdict.answer in (*NO_EMOTION, AGAINST):
        reason = f"{NO_EMOTION_GIVEN}: {said}"
    return {
        **_place(votes, cluster),
        "emotion": None if reason else verdict.answer,
        "votes": json.dumps(dict(sorted(counts.items()))),
        "annotators": votes["annotator"].nunique(),
        "agreement": float((votes["answer"] == verdict.answer).mean()),
        "confidence": verdict.confidence,
        "label_source": "direct" if (votes["face_id"] == cluster).any() else "cluster",
        "given_by": ",".join(sorted(set(votes["given_by"]) - {""})),
        "status": REJECTED if reason else OK,
        "reason": reason,
    }


def _looked_at(remarked: Any, cluster: str) -> dict[str, Any]:
    """A face that was judged on sheets only, without an emotion: it has no label yet."""
    said = ", ".join(f"{name} {count}" for name, count in _ranked(remarked["emotion"]))
    return {
        **_place(remarked, cluster),
        "emotion": None,
        "votes": "{}",
        "annotators": 0,
        "agreement": None,
        "confidence": None,
        "label_source": "direct" if (remarked["face_id"] == cluster).any() else "cluster",
        "given_by": ",".join(sorted(set(remarked["given_by"]) - {""})),
        "status": REJECTED,
        "reason": f"no vote yet: {said}",
    }


def _place(rows: pd.DataFrame, cluster: str) -> dict[str, Any]:
    """Where the first of a face's annotations stands."""
    first = next(rows_of(rows, AnnotationRow))
    return {"face_id": cluster, **{name: getattr(first, name) for name in ("episode_id", "frame", *BOX)}}


def _unmatched(row: AnnotationRow) -> dict[str, Any]:
    """An annotation without a matching face: kept, with the reason."""
    said, vote = json.dumps({row.emotion: 1}), row.emotion not in NO_VOTE
    return {
        "face_id": None,
        **{name: getattr(row, name) for name in ("episode_id", "frame", *BOX)},
        "emotion": row.emotion,
        "votes": said if vote else "{}",
        "remarks": "{}" if vote else said,
        "annotators": int(vote),
        "agreement": 1.0 if vote else None,
        "confidence": None,
        "label_source": "direct",
        "given_by": row.given_by,
        "status": REJECTED,
        "reason": f"emotions.csv, line {row.line}: {row.reason or NO_FACE}",
    }
