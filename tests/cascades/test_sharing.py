"""Levels shared out among threads: all of them done once, in order, by as many threads as the picture is worth."""

import threading

import pytest

from cascades.sharing import PIXELS_EACH, Workers, threads_for

LARGE = 10 * PIXELS_EACH


@pytest.mark.parametrize(
    ("pixels", "most", "threads"),
    [(0, 4, 1), (2 * PIXELS_EACH - 1, 4, 1), (2 * PIXELS_EACH, 4, 2), (LARGE, 4, 4), (LARGE, 1, 1)],
)
def test_threads_grow_with_the_picture(pixels: int, most: int, threads: int) -> None:
    assert threads_for(pixels, most) == threads


def test_two_threads_work_at_the_same_time_and_results_keep_their_order() -> None:
    both = threading.Barrier(2, timeout=30)  # passed only by two threads together

    def work(job: int) -> tuple[int, int]:
        both.wait()
        return job, threading.get_ident()

    found = Workers(2).results(work, range(10), LARGE)
    assert [job for job, _ in found] == list(range(10))
    assert len({thread for _, thread in found}) == 2


def test_a_small_picture_stays_with_the_caller() -> None:
    found = Workers(2).results(lambda job: threading.get_ident(), range(10), PIXELS_EACH)
    assert set(found) == {threading.get_ident()}


def test_a_list_is_done_though_all_helpers_are_busy() -> None:
    workers = Workers(2)

    def outer(job: int) -> list[int]:
        return workers.results(lambda inner: 10 * job + inner, range(3), LARGE)

    assert workers.results(outer, range(4), LARGE) == [[10 * job + inner for inner in range(3)] for job in range(4)]


@pytest.mark.parametrize("thread", ["caller", "helper"])
def test_an_error_reaches_the_caller(thread: str) -> None:
    me, both = threading.get_ident(), threading.Barrier(2, timeout=30)

    def work(job: int) -> None:
        both.wait()
        if (threading.get_ident() == me) == (thread == "caller"):
            raise ValueError("a bad level")

    with pytest.raises(ValueError, match="a bad level"):
        Workers(2).results(work, range(2), LARGE)
