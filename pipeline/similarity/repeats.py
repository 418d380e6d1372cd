"""Material that several episodes share, such as openings and re-used animation. It is found by its near-duplicate
faces.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.similarity.clusters import Clusters


def episodes_showing(episodes: pd.Series, clusters: Clusters) -> NDArray[np.int64]:
    """In how many episodes each face or a near-duplicate of it occurs; int64 [N], at least 1.

    episodes: the episode of each face. Near are the faces that are near as they are, and all that were put together in
    the first round with a face that is near, laid over it, the one this face was put together with.
    """
    codes = pd.factorize(episodes)[0]
    first, second = (clusters.unmoved[name].to_numpy() for name in ("first", "second"))
    other = codes[first] != codes[second]
    seen = [
        pd.DataFrame({"face": np.arange(len(codes)), "episode": codes}),
        pd.DataFrame({"face": first, "episode": codes[second]})[other],
        pd.DataFrame({"face": second, "episode": codes[first]})[other],
    ]
    showing = pd.DataFrame({"to": clusters.still, "episode": codes}).drop_duplicates()
    first, second = (clusters.moved[name].to_numpy() for name in ("first", "second"))
    near = pd.DataFrame({"of": np.concatenate([first, second]), "to": np.concatenate([second, first])})
    shown = near.merge(showing, on="to")[["of", "episode"]].drop_duplicates()
    members = pd.DataFrame({"face": np.arange(len(codes)), "of": clusters.still})
    seen.append(members.merge(shown, on="of")[["face", "episode"]])
    return np.bincount(pd.concat(seen).drop_duplicates()["face"], minlength=len(codes))


def repeated(faces: pd.DataFrame, showing: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which faces belong to repeated material: faces of tracks of which at least half occurs in another episode too.

    The rule is about tracks and not about single faces. Two drawings of one character may look alike by chance, but
    most of a track does not. And a face that was missed in the other episode still belongs to the repeated material.

    faces: episode_id, track.
    """
    shared = pd.Series(showing > 1, index=faces.index)
    return shared.groupby([faces["episode_id"], faces["track"]]).transform("mean").to_numpy(float) >= 0.5
