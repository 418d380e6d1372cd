"""Clusters: each member is near its representative, no two representatives are near each other, whatever the order."""

import networkx
import numpy as np
import pandas as pd
import pytest

from pipeline.similarity.clusters import chains, cover


def pairs_of(*pairs: tuple[int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(list(pairs), columns=["first", "second", "distance"]).astype({"first": int, "second": int})


def random_pairs(rng: np.random.Generator, count: int) -> pd.DataFrame:
    first, second = np.triu_indices(count, 1)
    kept = rng.random(len(first)) < 0.06
    # Few different distances, so that ties happen.
    distance = rng.integers(0, 4, kept.sum()).astype(float)
    return pd.DataFrame({"first": first[kept], "second": second[kept], "distance": distance})


def plain_cover(rank: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    """The definition, face by face."""
    near = {(a, b): d for row in pairs.itertuples(index=False) for a, b, d in [row, (row.second, row.first, row[2])]}
    stands = np.full(len(rank), -1)
    for row in np.argsort(rank):
        leaders = [other for other in range(len(rank)) if stands[other] == other and (other, row) in near]
        stands[row] = min(leaders, key=lambda other: (near[other, row], rank[other])) if leaders else row
    return stands


@pytest.mark.parametrize("seed", range(20))
def test_the_cover_is_the_plain_one_and_keeps_its_promises(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs, rank = random_pairs(rng, 60), rng.permutation(60)
    found = cover(rank, pairs)
    assert found.tolist() == plain_cover(rank, pairs).tolist()
    near = set(zip(pairs["first"], pairs["second"], strict=True))
    leaders = np.unique(found)
    assert not any((a, b) in near for a in leaders for b in leaders)
    assert all((min(a, b), max(a, b)) in near for a, b in enumerate(found) if a != b)
    assert 5 < len(leaders) < 60


def test_the_order_of_the_rows_and_of_the_pairs_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    pairs, rank = random_pairs(rng, 50), rng.permutation(50)
    new_place = rng.permutation(50)
    ends = np.sort(np.stack([new_place[pairs["first"]], new_place[pairs["second"]]]), axis=0)
    moved = pairs.assign(first=ends[0], second=ends[1]).sample(frac=1, random_state=6)
    rank_moved = np.empty(50, int)
    rank_moved[new_place] = rank
    assert (cover(rank_moved, moved)[new_place] == new_place[cover(rank, pairs)]).all()


def test_what_comes_later_changes_nothing_for_what_is_there() -> None:
    rng = np.random.default_rng(7)
    pairs, rank = random_pairs(rng, 80), np.arange(80)
    whole = cover(rank, pairs)
    for count in (10, 40, 79):
        before = pairs[(pairs["first"] < count) & (pairs["second"] < count)]
        assert (cover(rank[:count], before) == whole[:count]).all()


def test_a_chain_is_cut_where_its_ends_are_no_longer_near() -> None:
    turning_head = pairs_of((0, 1, 5.0), (1, 2, 5.0), (2, 3, 5.0), (3, 4, 5.0))
    assert len(set(chains(5, turning_head))) == 1
    assert cover(np.arange(5), turning_head).tolist() == [0, 0, 2, 2, 4]


def test_chains_are_the_connected_components_that_networkx_finds() -> None:
    pairs = random_pairs(np.random.default_rng(8), 60).iloc[::3]
    numbers = chains(60, pairs)
    graph = networkx.Graph(list(zip(pairs["first"], pairs["second"], strict=True)))
    graph.add_nodes_from(range(60))
    found = {frozenset(np.flatnonzero(numbers == number).tolist()) for number in np.unique(numbers)}
    assert found == {frozenset(part) for part in networkx.connected_components(graph)}
    assert len(found) > 3


def test_no_rows_and_no_pairs() -> None:
    assert cover(np.empty(0, int), pairs_of()).tolist() == []
    assert cover(np.array([1, 0, 2]), pairs_of()).tolist() == [0, 1, 2]
    assert chains(3, pairs_of()).tolist() == [0, 1, 2]
