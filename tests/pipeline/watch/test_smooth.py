"""Smoothing along a track: held against the sum over all sequences of emotions, written out."""

from itertools import product

import numpy as np
import pytest

from pipeline.watch.smooth import INDEPENDENT_S, LEAST, STAYS_S, smooth


def by_all_sequences(probabilities: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The same posterior as a sum over every sequence of emotions, of which there are K to the power of T."""
    count, emotions = probabilities.shape
    steps = np.diff(times)
    weights = np.minimum(1, np.append(steps, np.median(steps)) / INDEPENDENT_S)
    found = np.zeros((count, emotions))
    for path in product(range(emotions), repeat=count):
        likelihood = 1.0
        for t, emotion in enumerate(path):
            likelihood *= max(probabilities[t, emotion], LEAST) ** weights[t]
            if t:
                stay = np.exp(-steps[t - 1] / STAYS_S)
                likelihood *= stay if emotion == path[t - 1] else (1 - stay) / (emotions - 1)
        for t, emotion in enumerate(path):
            found[t, emotion] += likelihood
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_posterior_given_the_whole_track(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), 6).astype(np.float32)
    times = np.cumsum(rng.uniform(0.04, 0.9, 6))
    np.testing.assert_allclose(smooth(probabilities, times), by_all_sequences(probabilities, times), atol=1e-5)


def test_a_blink_is_no_feeling_and_a_change_is_one() -> None:
    happy, sad = [0.9, 0.1], [0.1, 0.9]
    times = np.arange(24) / 8
    blink = np.array([happy] * 12 + [sad] + [happy] * 11, dtype=np.float32)
    assert (smooth(blink, times).argmax(axis=1) == 0).all()
    change = np.array([happy] * 12 + [sad] * 12, dtype=np.float32)
    assert smooth(change, times).argmax(axis=1).tolist() == [0] * 12 + [1] * 12


def test_one_frame_and_one_emotion_stay_as_they_are() -> None:
    alone = np.array([[0.7, 0.3]], dtype=np.float32)
    assert (smooth(alone, np.zeros(1)) == alone).all()
    single = np.ones((3, 1), dtype=np.float32)
    assert (smooth(single, np.arange(3.0)) == single).all()


def test_a_probability_of_zero_is_no_certainty() -> None:
    times = np.arange(4) / 2
    found = smooth(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32), times)
    assert np.isfinite(found).all()
    assert found.argmax(axis=1).tolist() == [0, 0, 1, 1]
