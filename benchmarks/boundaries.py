"""How well found scene boundaries agree with the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BoundaryScore:
    """Boundaries found and true, and their F1; `missed` and `extra` are frame indices."""

    hits: int
    missed: tuple[int, ...]
    extra: tuple[int, ...]

    @property
    def f1(self) -> float:
        """2·hits / (found + true); 1 where there is nothing to find and nothing was found."""
        both = 2 * self.hits + len(self.missed) + len(self.extra)
        return 2 * self.hits / both if both else 1.0


def boundary_f1(
    found: Sequence[int], truth: Sequence[int], gradual: Sequence[tuple[int, int]] = (), tolerance: int = 2
) -> BoundaryScore:
    """Match each true boundary (first frame of a scene, without the first scene) with at most one found.

    A found boundary is right within `tolerance` frames of a true one, or anywhere in the gradual transition (first and
    last frame, inclusive) that holds it or ends just before it, as a dissolve does. Intervals are matched in order of
    their ends, each with the earliest boundary still free in it, which gives the most matches there can be.
    """
    windows = sorted((_window(frame, gradual, tolerance) for frame in truth), key=lambda window: (window[1], window[0]))
    free = sorted(found)
    missed = []
    for low, high, frame in windows:
        match = next((candidate for candidate in free if low <= candidate <= high), None)
        if match is None:
            missed.append(frame)
        else:
            free.remove(match)
    return BoundaryScore(len(windows) - len(missed), tuple(sorted(missed)), tuple(free))


def _window(frame: int, gradual: Sequence[tuple[int, int]], tolerance: int) -> tuple[int, int, int]:
    """(first frame accepted, last frame accepted, true boundary)."""
    holding = [(first, last) for first, last in gradual if first <= frame <= last + 1]
    low = min([frame - tolerance, *(first for first, _ in holding)])
    high = max([frame + tolerance, *(last for _, last in holding)])
    return low, high, frame
