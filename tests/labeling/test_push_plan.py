"""What a push decides to do, without a server: `test_label_studio.py` does the same against a real one."""

from typing import Any

from labeling.push import plan
from labeling.server import Present


def wanted(*keys: str, revision: str = "r") -> list[dict[str, Any]]:
    return [{"data": {"key": key, "revision": revision}} for key in keys]


def there(number: int, key: str, *, revision: str = "r", touched: bool = False) -> Present:
    return Present(number, {"key": key, "revision": revision}, touched)


def test_a_second_push_has_nothing_to_do() -> None:
    todo = plan(wanted("a", "b"), [there(1, "a"), there(2, "b")], lambda data: True)
    assert (todo.add, todo.remove, todo.same) == ([], [], 2)


def test_what_changed_is_replaced_and_what_is_no_longer_wanted_goes() -> None:
    todo = plan(wanted("a", "b", "c"), [there(1, "a", revision="old"), there(2, "b"), there(3, "x")], lambda data: True)
    assert [task["data"]["key"] for task in todo.add] == ["a", "c"]
    assert (todo.remove, todo.updated, todo.stale, todo.same) == ([1, 3], 1, 1, 1)


def test_what_somebody_answered_is_left_alone_whatever_we_want() -> None:
    present = [there(1, "a", revision="old", touched=True), there(2, "x", touched=True), there(3, "a")]
    todo = plan(wanted("a"), present, lambda data: True)
    assert (todo.add, todo.remove, todo.answered) == ([], [3], 2)


def test_a_task_that_is_there_twice_is_kept_once_the_oldest() -> None:
    todo = plan(wanted("a"), [there(1, "a"), there(2, "a"), there(3, "a", revision="old")], lambda data: True)
    assert (todo.add, todo.remove, todo.same) == ([], [2, 3], 1)


def test_other_peoples_tasks_stay() -> None:
    present = [there(1, "x"), Present(2, {"image": "holiday.jpg"}, False)]
    todo = plan([], present, lambda data: False)
    assert (todo.add, todo.remove, todo.foreign) == ([], [], 2)
