"""Recording the split of every scene for good, stratified by character: `toonset splits`.

By default a hash decides the split of a scene. It cannot depend on characters, because the faces found in a scene
change with every new cascade. A recorded scene keeps its split for good, so recording can take characters into account.
Scenes that are already recorded are never changed.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.console import say_counts
from pipeline.dataset.scene_splits import COLUMNS, read_held_out, read_recorded, recorded_split
from pipeline.errors import InputError
from pipeline.labels.annotations import read_boxes
from pipeline.labels.people_files import append, open_to_append
from pipeline.params import Params, Splits, load_params
from pipeline.rows import SceneRow
from pipeline.schemas import EPISODES, LABELS, MANIFEST, OK, SCENES, SPLITS
from pipeline.tables import read_rows, rows_of

SCENE = ["episode_id", "scene"]


def record_splits(path: Path = paths.SPLITS, *, keep: bool = False, advise: bool = True) -> None:
    """Append the scenes that annotations/splits.csv does not have yet; its existing rows keep their bytes.

    Before faces are found, only the scenes with boxes are recorded: of the others nobody knows yet who is in them.
    keep: record the splits that the scenes have now, for a dataset that people already use, instead of assigning new
    ones. advise: whether to say, beside the counts, how each character is divided and what comes next.
    """
    params = load_params()
    scenes = read_rows(paths.SCENES, SCENES)
    scenes = scenes[scenes["status"] == OK]
    known = read_recorded(path)
    chosen = read_held_out(dict(scenes.groupby("episode_id")["stop_frame"].max()))
    settled = pd.Series(
        [
            recorded_split(row.start_frame, row.stop_frame, known.get(row.episode_id, []))
            for row in rows_of(scenes, SceneRow)
        ],
        index=scenes.index,
        dtype=object,
    )
    # Where people chose the test scenes, what they chose is what is written down.
    fixed = settled.where(settled.notna(), scenes["split"].where(scenes["episode_id"].isin(chosen)))
    found = paths.MANIFEST.exists()
    counts = pd.concat([_faces(params), _emotions(params)], axis=1) if found else _boxes(scenes, params)
    faces = counts.reindex(pd.MultiIndex.from_frame(scenes[SCENE])).fillna(0).astype(int).set_axis(scenes.index)
    split = stratify(faces, scenes["split"].where(fixed.isna(), fixed), fixed.notna() | keep, params.splits)
    known_cast = found | keep | fixed.notna() | (faces.sum(axis=1) > 0)
    new = scenes.assign(split=split)[settled.isna() & known_cast]
    columns = [*COLUMNS, "split"]
    rows = [
        (row.episode_id, str(row.start_frame), str(row.stop_frame - 1), row.split) for row in rows_of(new, SceneRow)
    ]
    append(open_to_append(path, columns, columns), columns, [dict(zip(columns, row, strict=True)) for row in rows])
    moved = int((split != scenes["split"]).sum())
    left = len(scenes) - len(new) - int(settled.notna().sum())
    say_counts(
        "splits",
        {
            "scenes": len(scenes), "recorded now": len(new), "recorded before": int(settled.notna().sum()),
            **({"left until faces are found": left} if left else {}),
        },
    )  # fmt: skip
    if not advise:
        return
    for name in faces.columns:
        shares = faces[name].groupby(split).sum() / max(1, faces[name].sum())
        print(f"  {name}: " + ", ".join(f"{shares.get(name, 0):.0%} {name}" for name in SPLITS))
    if moved:
        then = "dvc repro" if paths.LABELS.exists() else "dvc repro tasks"
        print(f"  {moved} scenes have another split now: run `{then}` to make everything after `scenes` again")
    if left:
        print("  when `dvc repro tasks` has found faces, run `toonset splits` again: it records the other scenes")
    if moved and paths.LABELS.exists():
        print("  open labelling tasks may change too: it is best to run `toonset splits` right after the first boxes")


def _faces(params: Params) -> pd.DataFrame:
    """Distinct faces of each character by scene."""
    manifest = read_rows(paths.MANIFEST, MANIFEST, [*SCENE, "character", "status"])
    counts = manifest[manifest["status"] == OK].groupby([*SCENE, "character"]).size().unstack(fill_value=0)
    return counts.rename(columns=lambda character: f"{params.shown(character)}, faces found")


def _emotions(params: Params) -> pd.DataFrame:
    """Labelled faces of each emotion by scene; no columns where nobody has labelled any."""
    manifest = read_rows(paths.MANIFEST, MANIFEST, ["face_id", *SCENE])
    if not paths.LABELS.exists():
        return pd.DataFrame(index=pd.MultiIndex.from_frame(manifest[SCENE].drop_duplicates()))
    labels = read_rows(paths.LABELS, LABELS, ["face_id", "emotion", "status"])
    named = manifest.merge(labels[labels["status"] == OK].drop(columns="status"), on="face_id")
    counts = named.groupby([*SCENE, "emotion"]).size().unstack(fill_value=0)
    return counts.rename(columns=lambda emotion: f"faces labelled {params.shown(emotion)}")


def _boxes(scenes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Boxed faces of each character by scene. Raises InputError where there is no box that can be used."""
    boxes = read_boxes(paths.BOXES, read_rows(paths.EPISODES, EPISODES), params.characters)
    boxes = boxes[boxes["status"] == OK].sort_values("frame")
    if boxes.empty:
        raise InputError(
            f"{paths.BOXES} has no box that can be used, and no faces are found yet: nobody knows who is in which "
            "scene. Box faces first (`toonset label push boxes`, `toonset label pull`)"
        )
    starts = scenes[[*SCENE, "start_frame"]].sort_values("start_frame")
    placed = pd.merge_asof(
        boxes.astype({"frame": "int64"}), starts.astype({"start_frame": "int64"}),
        left_on="frame", right_on="start_frame", by="episode_id",
    )  # fmt: skip
    counts = placed.groupby([*SCENE, "character"]).size().unstack(fill_value=0)
    return counts.rename(columns=lambda character: f"{params.shown(character)}, boxes")


def stratify(faces: pd.DataFrame, split: pd.Series, fixed: pd.Series, splits: Splits) -> pd.Series:
    """A split for every scene that is not fixed, so that each character has about its share of faces in each.

    faces: int [scenes, characters]. split: what each scene has so far; kept where it is `fixed` or has no face.
    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011): the character with fewest faces left to give away
    goes first, with its fullest scene, to the split that lacks most of that character, and of two, most faces at all.
    """
    counts, codes = faces.to_numpy(np.int64), np.array([SPLITS.index(name) for name in split])
    unsettled = ~fixed.to_numpy(bool) & (counts.sum(axis=1) > 0)
    wanted = np.outer([1 - splits.validation - splits.test, splits.validation, splits.test], counts.sum(axis=0))
    given = np.stack([counts[~unsettled & (codes == code)].sum(axis=0) for code in range(len(SPLITS))])
    while unsettled.any():
        left = counts[unsettled].sum(axis=0)
        character = int(np.where(left > 0, left, left.max() + 1).argmin())
        scene = int(np.where(unsettled, counts[:, character], -1).argmax())
        lacking = (wanted - given).round(6)
        codes[scene] = max(range(len(SPLITS)), key=lambda code: (lacking[code, character], lacking[code].sum()))
        given[codes[scene]] += counts[scene]
        unsettled[scene] = False
    return pd.Series([SPLITS[code] for code in codes], index=split.index)
