"""Items prepared in a thread come in order, no further ahead than asked, and faults come to who reads them."""

import threading
from collections.abc import Iterator

import pytest

from pipeline.compute.ahead import ahead


def test_items_come_in_order_and_from_another_thread() -> None:
    made: list[str] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(threading.current_thread().name)
            yield number

    assert list(ahead(items(), 4)) == list(range(50))
    assert threading.current_thread().name not in made
    assert len(set(made)) == 1


def test_no_more_than_asked_is_taken_in_advance_and_the_thread_ends_with_its_reader() -> None:
    taken: list[int] = []
    before = threading.active_count()
    reader = ahead((taken.append(number) or number for number in range(1000)), 3)
    assert [next(reader) for _ in range(5)] == [0, 1, 2, 3, 4]
    reader.close()
    assert 5 <= len(taken) <= 5 + 3
    assert threading.active_count() == before


def test_a_fault_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("no more")

    reader = ahead(items(), 8)
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(OSError, match="no more"):
        next(reader)
