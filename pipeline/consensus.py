"""Matching what annotators said to the faces that were found, and settling on one label a face."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from cascades.boxes import intersection_over_union as iou
from pipeline.annotations import NO_EMOTION
from pipeline.params import Labels
from pipeline.schemas import LABELS, OK, REJECTED
from pipeline.tables import rows_of

BOX = ["x", "y", "w", "h"]
NO_FACE = "no face was found there"


def faces_to_label(manifest: pd.DataFrame) -> pd.DataFrame:
    """The faces an annotation may mean: those in use and their near-duplicates, but no false alarms."""
    return manifest[(manifest["status"] == OK) | (manifest["cluster"] != manifest["face_id"])]


def match(annotations: pd.DataFrame, faces: pd.DataFrame, params: Labels) -> pd.Series:
    """The face_id that each annotation speaks of, or None where there is none.

    An annotation means the face of the same episode and character that overlaps it most (at least `params.min_iou`),
    at most `params.frame_tolerance` frames away; the nearer frame where two overlap it equally. Matching by place and
    time, not by id, lets annotations outlive a retrained cascade.
    """
    by_place = dict(iter(faces.groupby(["episode_id", "character"])))
    found = []
    for row in rows_of(annotations):
        own = by_place.get((row.episode_id, row.character))
        found.append(None if own is None or row.status != OK else _best(row, own, params))
    return pd.Series(found, index=annotations.index, dtype=object)


def _best(row: Any, faces: pd.DataFrame, params: Labels) -> str | None:
    away = np.abs(faces["frame"].to_numpy() - row.frame)
    near = faces[away <= params.frame_tolerance]
    overlap = iou(np.array([[row.x, row.y, row.w, row.h]]), near[BOX].to_numpy(np.int64))[0]
    candidates = [
        (-share, abs(face.frame - row.frame), face.face_id)
        for share, face in zip(overlap, rows_of(near), strict=True)
        if share >= params.min_iou
    ]
    return min(candidates)[2] if candidates else None


def settle_labels(annotations: pd.DataFrame, matched: pd.Series, clusters: pd.Series) -> pd.DataFrame:
    """Rows of LABELS: one per labelled cluster of near-duplicates, and one per annotation that found no face.

    annotations: as `read_emotions` gives them. matched: face_id per annotation. clusters: cluster (the representative's
    face_id) by face_id. Where one annotator spoke of one face more than once, the last row of the file counts.
    """
    rows = annotations.assign(matched=matched, cluster=matched.map(clusters.to_dict()))
    used = rows[rows["cluster"].notna() & (rows["status"] == OK)]
    used = used.drop_duplicates(["matched", "annotator"], keep="last")
    labels = [_consensus(str(cluster), votes) for cluster, votes in used.groupby("cluster", sort=True)]
    labels += [_unmatched(row) for row in rows_of(rows[rows["cluster"].isna() | (rows["status"] != OK)])]
    table = pd.DataFrame(labels, columns=LABELS.names)
    return table.sort_values(["episode_id", "frame", "x", "y", "emotion", "reason"], ignore_index=True)


def _consensus(cluster: str, votes: pd.DataFrame) -> dict[str, Any]:
    """The label of one cluster: the emotion with most votes; none where two have equally many."""
    counts = Counter(votes["emotion"])
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    emotion, most = ranked[0]
    said = ", ".join(f"{name} {count}" for name, count in ranked)
    reason = ""
    if len(ranked) > 1 and ranked[1][1] == most:
        reason = f"a tie: {said}"
    elif emotion in NO_EMOTION:
        reason = f"no emotion: {said}"
    first = next(rows_of(votes))
    return {
        "face_id": cluster,
        **{name: getattr(first, name) for name in ("episode_id", "frame", *BOX)},
        "emotion": None if reason else emotion,
        "votes": json.dumps(dict(sorted(counts.items()))),
        "annotators": votes["annotator"].nunique(),
        "agreement": most / len(votes),
        "label_source": "direct" if (votes["matched"] == cluster).any() else "cluster",
        "status": REJECTED if reason else OK,
        "reason": reason,
    }


def _unmatched(row: Any) -> dict[str, Any]:
    """An annotation that no face answers to: kept, with the reason."""
    return {
        "face_id": None,
        **{name: getattr(row, name) for name in ("episode_id", "frame", *BOX)},
        "emotion": row.emotion,
        "votes": json.dumps({row.emotion: 1}),
        "annotators": 1,
        "agreement": 1.0,
        "label_source": "direct",
        "status": REJECTED,
        "reason": f"emotions.csv, line {row.line}: {row.reason or NO_FACE}",
    }


def pairwise_agreement(annotations: pd.DataFrame, matched: pd.Series) -> float | None:
    """Share of pairs of annotators who gave one face the same answer; None where no face has two."""
    rows = annotations.assign(matched=matched.to_numpy()).dropna(subset=["matched"])
    rows = rows.drop_duplicates(["matched", "annotator"], keep="last")
    agree = total = 0
    for _, votes in rows.groupby("matched"):
        said = list(votes["emotion"])
        pairs = [(a, b) for i, a in enumerate(said) for b in said[i + 1 :]]
        total += len(pairs)
        agree += sum(a == b for a, b in pairs)
    return agree / total if total else None
