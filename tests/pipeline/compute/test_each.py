"""Work shared out over real processes and a real Dask cluster: the same results in order, whatever dies on the way."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import __version__
from pipeline.compute import dask_cluster as compute_cluster
from pipeline.compute.dask_cluster import Cluster, InProject
from pipeline.compute.each import AHEAD, ATTEMPTS, each
from pipeline.errors import ParamsError, SetupError, StageError, TaskLost
from pipeline.params import Compute, load_params
from tests.support import ROOT
from tests.support.dask_cluster import dask_cluster

TWO = Compute(workers=2)


def square(number: int) -> int:
    return number * number


def unlucky(number: int) -> int:
    if number == 5:
        raise ValueError("five")
    return number


def mortal(number: int, folder: Path, deaths: dict[int, int]) -> int:
    """The square; every try leaves a mark, and the first `deaths[number]` tries end the process."""
    tries = len(list(folder.glob(f"{number}-*")))
    (folder / f"{number}-{tries}").touch()
    if tries < deaths.get(number, 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@dataclass
class Fragile:
    """A result that ends its worker when it is fetched, the first time; then it arrives as the number."""

    number: int
    mark: Path

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return int, (self.number,)


def fragile(number: int, folder: Path) -> Fragile:
    return Fragile(number, folder / str(number))


def tries(folder: Path) -> dict[int, int]:
    """How often each number was tried."""
    numbers = [int(path.name.split("-")[0]) for path in folder.iterdir()]
    return {number: numbers.count(number) for number in sorted(set(numbers))}


def written(name: str) -> str:
    """What the project's params.yaml says, read where the task runs; a file is left there."""
    Path(name).touch()
    return Path("params.yaml").read_text(encoding="utf-8")


def run(function: Any, items: Any, compute: Compute = TWO, **more: Any) -> list[Any]:
    return list(each(function, items, compute, desc="work", unit="number", **more))


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    """Two workers that were started in another directory than the project's."""
    with dask_cluster(tmp_path_factory.mktemp("elsewhere")) as address:
        yield Compute(scheduler=address)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text("the project's own")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def test_results_are_the_same_and_in_order_wherever_the_work_runs(project: Path, dask: Compute) -> None:
    alone = run(square, range(20), Compute(workers=1))
    assert alone == [number * number for number in range(20)]
    assert run(square, range(20)) == alone
    assert run(square, range(20), dask) == alone


def test_nothing_to_do_starts_nothing() -> None:
    assert run(square, [], Compute(scheduler="tcp://127.0.0.1:1")) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_function_raises_is_raised_at_its_items_turn(workers: int) -> None:
    results = each(unlucky, range(9), Compute(workers=workers), desc="work", unit="number")
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="five"):
        next(results)


def test_what_a_task_raises_on_a_cluster_is_raised_here(project: Path, dask: Compute) -> None:
    with pytest.raises(ValueError, match="five"):
        run(unlucky, range(9), dask)


def test_only_so_many_tasks_are_on_their_way() -> None:
    taken = given = most = 0

    def items() -> Iterator[int]:
        nonlocal taken, most
        for number in range(60):
            taken += 1
            most = max(most, taken - given)
            yield number

    for given, result in enumerate(each(square, items(), TWO, desc="work", unit="number"), start=1):
        assert result == (given - 1) ** 2
    assert given == 60
    # One more than are flying: it is taken while the one just handed on is still counted.
    assert AHEAD * 2 <= most <= AHEAD * 2 + 1


@pytest.mark.slow
def test_a_death_costs_its_own_task_only_and_that_is_tried_again(marks: Path) -> None:
    work = partial(mortal, folder=marks, deaths={2: 1, 6: 2})
    assert run(work, range(9)) == run(square, range(9))
    assert tries(marks) == dict.fromkeys(range(9), 1) | {2: 2, 6: 3}


def test_a_poisonous_item_is_told_and_the_others_are_done(marks: Path) -> None:
    work = partial(mortal, folder=marks, deaths={3: 99})
    said: list[str] = []

    def lost(number: int, error: TaskLost) -> int:
        said.append(str(error))
        return -number

    assert run(work, range(6), lost=lost) == [0, 1, 4, -3, 16, 25]
    assert tries(marks) == dict.fromkeys(range(6), 1) | {3: ATTEMPTS}
    assert said == [f"the process working on it died {ATTEMPTS} times: out of memory, or a fault in a library that "
                    "this input brings out"]  # fmt: skip


@pytest.mark.slow
def test_without_a_result_for_what_is_lost_it_is_an_error(marks: Path) -> None:
    with pytest.raises(TaskLost, match="died 3 times"):
        run(partial(mortal, folder=marks, deaths={0: 99}), range(3))


def test_a_dask_worker_killed_in_the_middle_costs_nothing(project: Path, marks: Path, dask: Compute) -> None:
    work = partial(mortal, folder=marks, deaths={4: 1})
    assert run(work, range(12), dask) == run(square, range(12))
    assert tries(marks)[4] == 2


def test_a_poisonous_item_on_a_cluster_is_told_and_the_others_are_done(
    project: Path, marks: Path, dask: Compute
) -> None:
    work = partial(mortal, folder=marks, deaths={3: 99})
    assert run(work, range(6), dask, lost=lambda number, _: -number) == [0, 1, 4, -3, 16, 25]


def test_a_worker_started_elsewhere_works_in_the_projects_directory(project: Path, dask: Compute) -> None:
    assert run(written, ["a", "b", "c"], dask) == ["the project's own"] * 3
    assert sorted(path.name for path in project.iterdir()) == ["a", "b", "c", "data", "params.yaml"]
    assert [path.name for path in (project / "data" / "cache" / "cluster").iterdir()] == []


def test_a_worker_that_does_not_see_the_project_or_is_of_another_version_says_so(project: Path) -> None:
    with pytest.raises(SetupError, match=r"does not see the project's directory .*docs/scaling\.md"):
        InProject(square, str(project), "data/cache/cluster/none", __version__)(3)
    with pytest.raises(SetupError, match=f"runs toonset {__version__}, this is 0.0.1"):
        InProject(square, str(project), "params.yaml", "0.0.1")(3)
    assert InProject(square, str(project), "params.yaml", __version__)(3) == 9


def test_a_worker_that_dies_while_its_result_is_fetched_is_replaced(project: Path, marks: Path, dask: Compute) -> None:
    assert run(partial(fragile, folder=marks), range(3), dask) == [0, 1, 2]
    assert len(list(marks.iterdir())) == 3


def test_a_project_that_was_deleted_and_made_anew_is_found_by_a_worker_that_was_in_it(project: Path) -> None:
    here = project / "show"
    for content in ("first", "second"):
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        (here / "params.yaml").write_text(content)
        assert InProject(written, str(here), "params.yaml", __version__)("seen") == content
        assert (here / "seen").exists()


def test_where_no_scheduler_answers_there_is_one_clear_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute_cluster, "CONNECT_S", 1)
    with pytest.raises(SetupError, match=r"no Dask scheduler answers there .*dask scheduler --host 127\.0\.0\.1"):
        run(square, [1], Compute(scheduler="tcp://127.0.0.1:9"))


def test_without_dask_the_install_line_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SetupError, match="`pip install distributed`"):
        Cluster("tcp://127.0.0.1:8786")


@pytest.mark.server
def test_a_scheduler_that_stops_ends_the_stage_with_a_message(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with dask_cluster(project) as address:
        results = each(square, range(99), Compute(scheduler=address), desc="work", unit="number")
        assert next(results) == 0
    with pytest.raises(StageError, match=r"connection to the scheduler at .* was lost: .* what was finished is kept"):
        list(results)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("address", ["host:8786", "tcp://host", "http://host:8786", ""])
def test_a_scheduler_that_is_no_address_is_refused_before_any_work(tmp_path: Path, address: str) -> None:
    (tmp_path / "params.yaml").write_text(
        f'toonset: "0.1"\nepisodes: []\ncharacters: [cat]\nemotions: [a, b]\ncompute: {{scheduler: "{address}"}}\n'
    )
    with pytest.raises(ParamsError, match=f"`compute.scheduler`: '{address}' is not an address of a Dask scheduler"):
        load_params(tmp_path / "params.yaml")


ENDLESS = """
import sys, threading
from pipeline.compute.each import each
from pipeline.params import Compute

def endless(number):
    print("begun", flush=True)
    threading.Event().wait()

if __name__ == "__main__":
    list(each(endless, range(8), Compute(workers=2), desc="work", unit="number"))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stage_that_is_ended_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    stage = subprocess.Popen(
        [sys.executable, "endless.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert stage.stdout is not None
    assert [stage.stdout.readline() for _ in range(2)] == ["begun\n"] * 2
    stage.send_signal(number)  # to the stage alone, not to its workers
    # The workers hold the other end of this pipe: it ends when the last of them has ended.
    assert stage.communicate(timeout=60)[0] == ""
    assert stage.returncode == -number


BARS = """
from pipeline.compute.each import each
from pipeline.console import progress
from pipeline.params import Compute

def work(count):
    return sum(progress(range(count), desc="inner", unit="steps"))

if __name__ == "__main__":
    print(list(each(work, [1, 2, 3], Compute(workers=2), desc="outer", unit="items")))
"""


def test_workers_that_count_their_steps_leave_nothing_behind(tmp_path: Path) -> None:
    """A lock that tqdm shares between processes would outlive the workers, and Python would warn of it."""
    script = tmp_path / "bars.py"
    script.write_text(BARS)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[0, 1, 3]\n")
    assert "Warning" not in done.stderr
