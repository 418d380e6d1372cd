"""Pictures that came from elsewhere: near-duplicates found, the rest dealt to train, validation and test.

For each source the first rule that applies decides:

1. a split that the source gives stands; what it lacks (such as validation) is taken from its training pictures,
2. pictures of one group (a column of its table) stay together,
3. where nothing is known, the boxes of one picture, and pictures that are linked by near-duplicates, stay together.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.record_splits import stratify
from pipeline.dataset.scene_splits import scene_split
from pipeline.images import Pixels
from pipeline.params import Manifest, Splits
from pipeline.schemas import OK, REJECTED, SPLITS
from pipeline.similarity.clusters import Clusters, chains, find_clusters
from pipeline.similarity.pairs import near_pairs

MANY: Final = 4000
"""Groups from which on a hash deals them out, whose shares are then close to those asked for."""


def settle_pictures(rows: pd.DataFrame, thumbnails: Pixels, splits: Splits, params: Manifest) -> pd.DataFrame:
    """The rows of PICTURES complete, in the same order.

    rows: sorted by source as params.yaml lists them. thumbnails: uint8 [N, SIDE, SIDE] of those in use, in row order.
    """
    rows = rows.assign(cluster=rows["face_id"], cluster_size=1, scene=None, split=None)
    used = (rows["status"] == OK).to_numpy().copy()
    contradicted = _contradicted(rows, used)
    rows.loc[contradicted.index, "status"] = REJECTED
    rows.loc[contradicted.index, "reason"] = contradicted
    kept = used & (rows["status"] == OK).to_numpy()
    own, small = rows[kept], thumbnails[kept[used]]
    clusters = find_clusters(_rank(own), pd.Series("all", index=own.index), small, params.duplicate_bits,
                             params.duplicate_distance)  # fmt: skip
    stands = clusters.stands_for
    names = own["face_id"].to_numpy()
    rows.loc[own.index, "cluster"] = names[stands]
    rows.loc[own.index, "cluster_size"] = np.bincount(stands, minlength=len(own))[stands]
    duplicate = stands != np.arange(len(own))
    rows.loc[own.index[duplicate], "status"] = REJECTED
    rows.loc[own.index[duplicate], "reason"] = _reasons(own[duplicate], own.iloc[stands[duplicate]])
    linked = _linked(own, clusters)
    for _, members in own[~duplicate].groupby("source", sort=False):
        groups = _groups(members, linked[own.index.get_indexer(members.index)])
        split = _deal(members, groups, splits)
        rows.loc[members.index, "split"] = split
        rows.loc[members.index, "scene"] = pd.factorize(groups.astype(str) + " " + split)[0]
    return rows


def _contradicted(rows: pd.DataFrame, used: NDArray[np.bool_]) -> "pd.Series[str]":
    """Why each picture is not used that is there again, byte for byte, with another label."""
    own = rows[used]
    # Not by the picture's sha256: a picture with two boxes may have two labels.
    content = pd.Series([image["bytes"] for image in own["image"]], index=own.index, dtype=object)
    said = own["emotion"].groupby(content).agg(lambda emotions: sorted(set(emotions)))
    said = said[said.map(len) > 1]
    doubtful = content[content.isin(said.index)]
    return doubtful.map(lambda face: f"the same picture is labelled {' and '.join(said[face])}")


def _rank(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Which of two near-duplicates stands: that of the earlier source, then the sharper one."""
    places = pd.factorize(rows["source"])[0]
    order = np.lexsort((rows["name"].to_numpy(str), rows["face_id"].to_numpy(str),
                        -rows["sharpness"].to_numpy(np.float64), places))  # fmt: skip
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows))
    return rank


def _reasons(duplicates: pd.DataFrame, representatives: pd.DataFrame) -> list[str]:
    reasons = []
    for own, other in zip(duplicates.to_dict("records"), representatives.to_dict("records"), strict=True):
        more = "" if own["emotion"] == other["emotion"] else f", which is labelled {other['emotion']}"
        reasons.append(f"near-duplicate of {other['name']} of {other['source']}{more}")
    return reasons


def _linked(rows: pd.DataFrame, clusters: Clusters) -> NDArray[np.int64]:
    """Number of the chain that each row is in, within its source: near-duplicates, and the boxes of one picture."""
    source = pd.factorize(rows["source"])[0]
    place = pd.Series(np.arange(len(rows)))
    first = place.groupby(rows["sha256"].to_numpy()).transform("min")
    pairs = pd.concat([clusters.unmoved, clusters.moved, pd.DataFrame({"first": first, "second": place})])
    return chains(len(rows), pairs[source[pairs["first"]] == source[pairs["second"]]])


def _groups(rows: pd.DataFrame, linked: NDArray[np.int64]) -> "pd.Series[str]":
    """The group of each picture: what the source says, else its chain."""
    chain = pd.Series([f"chain {number}" for number in linked], index=rows.index, dtype=object)
    return chain.where(rows["group"] == "", "group " + rows["group"])


def _deal(rows: pd.DataFrame, groups: "pd.Series[str]", splits: Splits) -> "pd.Series[str]":
    """The split of each picture of one source."""
    given = rows["given_split"]
    lacking = [name for name in SPLITS[1:] if not (given == name).any()]
    free = given.isin(["", "train"]) if (given != "").any() else given == ""
    split = given.where(given != "", "train").astype(object)
    if not lacking or not free.any():
        return split
    shares = {name: getattr(splits, name) for name in lacking}
    rest = 1 - sum(getattr(splits, name) for name in SPLITS[1:] if name not in lacking)
    wanted = Splits(**{"validation": 0.0, "test": 0.0} | {name: share / rest for name, share in shares.items()},
                    seed=splits.seed)  # fmt: skip
    split[free] = _dealt(rows[free], groups[free], wanted).to_numpy()
    return split


def _dealt(rows: pd.DataFrame, groups: "pd.Series[str]", splits: Splits) -> "pd.Series[str]":
    """Whole groups dealt out: so that each emotion has about its share, and of many groups by a hash."""
    key = rows["sha256"].groupby(groups).min()
    if len(key) > MANY:
        return groups.map({group: scene_split(sha256, 0, splits) for group, sha256 in key.items()})
    counts = rows.groupby([groups, rows["emotion"]]).size().unstack(fill_value=0)
    counts = counts.loc[key.sort_values().index]  # by content: pictures with neighbouring names are often alike
    start = pd.Series("train", index=counts.index)
    return groups.map(stratify(counts, start, pd.Series(False, index=counts.index), splits))


def beside_episodes(shown: Pixels, faces: Pixels, params: Manifest) -> NDArray[np.bool_]:
    """Which pictures are near-duplicates of a face from an episode, bool [P]: the face stands, whatever its split.

    shown: uint8 [P, SIDE, SIDE], thumbnails of the pictures. faces: uint8 [F, SIDE, SIDE], of the episodes' faces.
    """
    near = np.zeros(len(shown), np.bool_)
    if len(shown) and len(faces):
        pairs = near_pairs(np.concatenate([faces, shown]), params.duplicate_bits, params.duplicate_distance)
        first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
        across = (first < len(faces)) & (second >= len(faces))
        near[second[across] - len(faces)] = True
    return near
