"""Material that several episodes share, such as openings and re-used animation. It is found by its near-duplicate
faces.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def episodes_showing(episodes: pd.Series, pairs: pd.DataFrame) -> NDArray[np.int64]:
    """In how many episodes each face or a near-duplicate of it occurs; int64 [N], at least 1.

    episodes: the episode of each face. pairs: first, second: all near-duplicates.
    """
    codes = pd.factorize(episodes)[0]
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    apart = codes[first] != codes[second]
    first, second = first[apart], second[apart]
    seen = pd.DataFrame(
        {"face": np.concatenate([first, second]), "episode": np.concatenate([codes[second], codes[first]])}
    )
    return 1 + np.bincount(seen.drop_duplicates()["face"], minlength=len(codes))


def repeated(faces: pd.DataFrame, showing: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which faces belong to repeated material: faces of tracks of which at least half occurs in another episode too.

    The rule is about tracks and not about single faces. Two drawings of one character may look alike by chance, but
    most of a track does not. And a face that was missed in the other episode still belongs to the repeated material.

    faces: episode_id, track.
    """
    shared = pd.Series(showing > 1, index=faces.index)
    return shared.groupby([faces["episode_id"], faces["track"]]).transform("mean").to_numpy(float) >= 0.5
