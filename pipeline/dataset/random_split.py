"""The usual split, to compare ours with: faces dealt out by chance, whatever scene they are of."""

import numpy as np
import pandas as pd


def deal(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows, sorted by face_id, with a column `split` dealt by chance, as many of each as there are."""
    order = rows.sort_values("face_id", ignore_index=True)
    return order.assign(split=np.random.default_rng(seed).permutation(order["split"].to_numpy()))
