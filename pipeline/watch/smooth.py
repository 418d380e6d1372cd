"""One emotion along a track: a blink is not a feeling.

A track is read as a hidden Markov model (Rabiner, "A tutorial on hidden Markov models", Proc. IEEE 1989, section III):
the emotion of a frame is hidden, it mostly stays what it was, and the classifier's probabilities are what is seen of
it. The forward–backward procedure gives each frame the probability of every emotion, given all frames of the track.

Neighbouring frames show nearly the same drawing, so they are nearly the same piece of evidence. Each frame therefore
counts as the share of an independent one that its distance in time makes it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

STAYS_S: Final = 2.0
"""Mean time for which a character keeps an emotion, s."""
INDEPENDENT_S: Final = 0.5
"""Time between two frames from which on they count as two pieces of evidence, s."""
LEAST: Final = 1e-4
"""Least probability of any emotion in a single frame."""


def smooth(probabilities: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities [T, K] of the frames of one track, given all of them; `times` [T], s, ascending.

    A track of one frame keeps its probabilities.
    """
    count, emotions = probabilities.shape
    if count < 2 or emotions < 2:
        return probabilities
    steps = np.diff(times)
    weights = np.minimum(1.0, np.append(steps, np.median(steps)) / INDEPENDENT_S)
    seen = np.maximum(probabilities.astype(np.float64), LEAST) ** weights[:, None]
    stay = np.exp(-steps / STAYS_S)
    forward = np.empty((count, emotions))
    forward[0] = _scaled(seen[0])
    for t in range(1, count):
        forward[t] = _scaled(_moved(forward[t - 1], stay[t - 1]) * seen[t])
    backward = np.ones((count, emotions))
    for t in range(count - 2, -1, -1):
        backward[t] = _scaled(_moved(seen[t + 1] * backward[t + 1], stay[t]))
    both = forward * backward
    return np.asarray(both / both.sum(axis=1, keepdims=True), dtype=np.float32)


def _moved(state: NDArray[np.float64], stay: float) -> NDArray[np.float64]:
    """One step of the chain: with probability `stay` the same emotion, else any of the others alike."""
    moved: NDArray[np.float64] = stay * state + (1 - stay) * (state.sum() - state) / (len(state) - 1)
    return moved


def _scaled(state: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = state / state.sum()
    return scaled
