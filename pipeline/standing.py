"""Which of two near-duplicates stands for the other: the earlier-listed episode's, then the sharper.

Within an episode the sharpest face represents its near-duplicates. Between episodes the one listed first in params.yaml
does, however sharp the other is: so an episode that is added at the end of the list takes no face out of a dataset that
people have, and moves none to another split.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.params import Episode


def listed(episode_id: str, episodes: Sequence[Episode]) -> int:
    """The place in the list of the entry that an episode came from; the end for an episode of none.

    The episodes of an entry that is a folder are called by the entry's id and their file's name.
    """
    names = [episode.id for episode in episodes]
    if episode_id in names:
        return names.index(episode_id)
    folders = [name for name in names if episode_id.startswith(f"{name}-")]
    return names.index(max(folders, key=len)) if folders else len(names)


def standing(faces: pd.DataFrame, episodes: Sequence[Episode]) -> NDArray[np.int64]:
    """The rank of each row of `faces` (episode_id, sharpness, face_id) among them, int64 [N]: 0 stands before all."""
    places = {name: listed(name, episodes) for name in faces["episode_id"].unique()}
    keys = pd.DataFrame(
        {
            "listed": faces["episode_id"].map(places).to_numpy(),
            "episode_id": faces["episode_id"].to_numpy(),
            "sharpness": faces["sharpness"].to_numpy(),
            "face_id": faces["face_id"].to_numpy(),
        }
    )
    order = keys.sort_values(list(keys.columns), ascending=[True, True, False, True]).index.to_numpy()
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return rank
