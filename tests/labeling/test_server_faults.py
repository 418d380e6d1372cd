"""What goes wrong between us and a real Label Studio: nothing is lost, nothing is there twice, one clear message."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.studio import Studio
from labeling.config import emotion_config, same_config
from labeling.errors import AccessDenied, ConfigChanged, LocalServerError, ServerError, ServerUnreachable
from labeling.exports import emotion_rows
from labeling.local_server import LocalServer, running_version
from labeling.push import ensure_project, push
from labeling.server import Project, Server
from labeling.tasks import emotion_task
from tests.support import ROOT

CONFIGS = ROOT / "labeling" / "configs"
EMOTIONS = ["happy", 'so "sad" & <lost>', "🙃"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    started = Studio(tmp_path_factory.mktemp("faults"))
    started.start()
    try:
        yield started
    finally:
        started.stop()


def tasks(count: int, image: str = "data:,") -> list[dict[str, Any]]:
    place = {"episode_id": "pilot", "character": "cat", "x": 1, "y": 2, "w": 3, "h": 4, "time_s": 0.5}
    return [emotion_task({"face_id": f"face {i}", "frame": i, **place}, image, "data:,") for i in range(count)]


def config(emotions: list[str] = EMOTIONS) -> str:
    return emotion_config(CONFIGS / "emotions.xml", emotions)


def project(server: Server, title: str) -> Project:
    return ensure_project(server, title, "emotions", config())[0]


def keys(server: Server, found: Project) -> list[str]:
    return [task.data["key"] for task in server.tasks(found)]


def answer(server: Server, found: Project, number: int, emotion: str) -> int:
    """Somebody answers the project's task of this number, as the page would; the annotation's id."""
    task = list(server.tasks(found))[number]
    result = [{"from_name": "emotion", "to_name": "face", "type": "choices", "value": {"choices": [emotion]}}]
    return int(server.client.annotations.create(id=task.id, result=result, lead_time=1.0).id)


def everything(data: dict[str, Any]) -> bool:
    return True


def test_pushing_twice_changes_nothing_and_what_is_answered_is_never_touched(studio: Studio) -> None:
    server = studio.server()
    found = project(server, "pushed twice")
    assert push(server, found, tasks(30), everything)["added"] == 30
    ids = [task.id for task in server.tasks(found)]
    assert push(server, found, tasks(30), everything)["unchanged"] == 30
    assert [task.id for task in server.tasks(found)] == ids
    answer(server, found, 3, EMOTIONS[1])
    counts = push(server, found, tasks(20, image="data:,new"), everything)
    assert counts == {"added": 0, "updated": 19, "removed": 10, "unchanged": 0, "answered already": 1}
    assert sorted(keys(server, found)) == sorted(task["data"]["key"] for task in tasks(20))
    assert push(server, found, [], everything)["removed"] == 19
    assert keys(server, found) == ["face 3"]
    (row,) = emotion_rows(server.annotated(found), people=server.people())
    assert (row["emotion"], row["annotator"], row["frame"]) == (EMOTIONS[1], studio.account.username, "3")


def test_a_task_answered_while_a_push_is_under_way_stays(studio: Studio) -> None:
    server = studio.server()
    found = project(server, "answered meanwhile")
    push(server, found, tasks(4), everything)
    seen = [task.id for task in server.tasks(found)]  # what a push saw before somebody answered
    answer(server, found, 1, "happy")
    server.remove_untouched(found, seen)
    assert keys(server, found) == ["face 1"]


def test_two_pushes_at_once_leave_every_task_once(studio: Studio) -> None:
    found = project(studio.server(), "two at once")
    wanted = tasks(1200)
    both = [threading.Thread(target=push, args=(studio.server(), found, wanted, everything)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    push(studio.server(), found, wanted, everything)
    assert sorted(keys(studio.server(), found)) == sorted(task["data"]["key"] for task in wanted)


def test_a_server_that_stops_in_the_middle_of_a_push_and_of_a_pull(studio: Studio) -> None:
    found = project(studio.server(), "stopped")
    server, wanted, done = studio.server(attempts=1), tasks(1500), []

    def stop_after_two_chunks(count: int) -> None:
        done.append(count)
        if sum(done) == 1000:
            studio.stop()

    with pytest.raises(ServerUnreachable, match="goes on where this one stopped"):
        push(server, found, wanted, everything, stop_after_two_chunks)
    with pytest.raises(ServerUnreachable, match="does not answer"):
        server.annotated(found)
    studio.start()
    assert push(studio.server(), found, wanted, everything)["added"] == 500
    assert sorted(keys(studio.server(), found)) == sorted(task["data"]["key"] for task in wanted)


@pytest.mark.filterwarnings("ignore:The `parse_obj` method")  # the SDK's own
def test_a_wrong_and_a_revoked_token(studio: Studio) -> None:
    with pytest.raises(AccessDenied, match="refuses the token") as refused:
        Server(studio.account.url, "f" * 40).projects("any")
    assert "LABEL_STUDIO_API_KEY" in str(refused.value)
    assert "f" * 40 not in str(refused.value)
    server = studio.server()
    personal = server.client.tokens.create()
    assert Server(studio.account.url, personal.token).version() == server.version()
    found = project(Server(studio.account.url, personal.token), "by a personal token")
    assert found.title == "by a personal token"
    server.client.tokens.rotate(refresh=personal.token)  # gives another one and revokes this
    with pytest.raises(AccessDenied) as revoked:
        Server(studio.account.url, personal.token).projects("any")
    assert personal.token not in str(revoked.value)


def test_a_token_with_a_line_end_is_taken_and_no_message_ever_holds_one(studio: Studio) -> None:
    assert Server(studio.account.url, studio.account.token + "\r\n").projects("any") == []
    with pytest.raises(AccessDenied, match="characters that no token has") as refused:
        Server("https://anna:geheim@example.org", "sch\nlüssel")
    assert "geheim" not in str(refused.value)
    assert "lüssel" not in str(refused.value)


def test_how_many_people_see_a_face_follows_params(studio: Studio) -> None:
    server = studio.server()
    ensure_project(server, "shared", "emotions", config(), maximum_annotations=1)
    ensure_project(server, "shared", "emotions", config(), maximum_annotations=2, overlap_cohort_percentage=30)
    (found,) = server.projects("shared")
    assert (found.maximum_annotations, found.overlap_cohort_percentage) == (2, 30)


def test_a_deleted_project_is_made_anew(studio: Studio) -> None:
    server = studio.server()
    found = project(server, "deleted")
    server.client.projects.delete(id=found.id)
    with pytest.raises(ServerError, match="404"):
        push(server, found, tasks(2), everything)
    again = project(server, "deleted")
    assert again.id != found.id
    assert push(server, again, tasks(2), everything)["added"] == 2


def test_a_page_changed_by_hand_is_left_so_unless_answers_would_be_lost(studio: Studio) -> None:
    server = studio.server()
    found = project(server, "changed by hand")
    looks = config().replace('size="5"', 'size="2"')
    server.update_project(found, label_config=looks)
    kept, note = ensure_project(server, "changed by hand", "emotions", config())
    assert (kept.id, "left so" in note) == (found.id, True)
    assert same_config(server.projects("changed by hand")[0].label_config, looks)
    server.update_project(found, label_config=config(EMOTIONS[:2]))
    with pytest.raises(ConfigChanged, match="lacks '🙃'"):
        ensure_project(server, "changed by hand", "emotions", config())


def test_a_page_of_ours_follows_params(studio: Studio) -> None:
    server = studio.server()
    project(server, "followed")
    more = config([*EMOTIONS, "angry"])
    followed, note = ensure_project(server, "followed", "emotions", more)
    assert note == ""
    assert same_config(server.projects("followed")[0].label_config, more)
    push(server, followed, tasks(2), everything)
    answer(server, followed, 0, "angry")
    assert ensure_project(server, "followed", "emotions", config())[1] == ""
    (row,) = emotion_rows(server.annotated(followed))
    assert row["emotion"] == "angry"  # an answer that is no choice any more comes home all the same


def test_a_deleted_annotation_is_no_longer_told_and_the_task_is_open_again(studio: Studio) -> None:
    server = studio.server()
    found = project(server, "annotation deleted")
    push(server, found, tasks(2), everything)
    number = answer(server, found, 0, "happy")
    assert len(list(emotion_rows(server.annotated(found)))) == 1
    server.client.annotations.delete(id=number)
    assert list(emotion_rows(server.annotated(found))) == []
    assert push(server, found, tasks(2), everything)["unchanged"] == 2


def test_a_port_that_is_taken_and_a_second_server_of_one_project(studio: Studio, tmp_path: Path) -> None:
    other = LocalServer(tmp_path / ".labelstudio", tmp_path / "documents", studio.local.port)
    with pytest.raises(LocalServerError, match=r"taken by another Label Studio, version 1\.23"), other.running():
        raise AssertionError("it started")
    same = LocalServer(studio.local.home, studio.local.documents, studio.local.port + 1)
    with pytest.raises(LocalServerError, match=f"running already, at {studio.account.url}"), same.running():
        raise AssertionError("it started")


def test_a_server_whose_command_was_killed_ends_and_leaves_the_project_free(studio: Studio) -> None:
    studio.stop()
    script = (
        "import sys, time; from pathlib import Path; from labeling.local_server import LocalServer\n"
        "with LocalServer(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])).running():\n"
        "    print('runs', flush=True)\n"
        "    time.sleep(600)\n"
    )
    here = [str(studio.local.home), str(studio.local.documents), str(studio.local.port)]
    command = [sys.executable, "-c", script, *here]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "runs\n"
        killed.kill()
    assert running_version(studio.local.url) is None or _ends(studio)
    studio.start()
    assert studio.server().version()


def _ends(studio: Studio) -> bool:
    """Until it has ended, the leftover is known as ours, and nothing is started beside it."""
    other_port = LocalServer(studio.local.home, studio.local.documents, studio.local.port + 1)
    until = time.monotonic() + 60
    while running_version(studio.local.url) is not None:
        assert time.monotonic() < until, "the server lives on"
        with contextlib.suppress(LocalServerError), other_port.running():
            return running_version(studio.local.url) is None
    return True


def test_what_the_server_keeps_is_for_its_owner_only(studio: Studio) -> None:
    kept = [path for path in (studio.local.home / "data").rglob("*") if path.is_file()]
    assert any("sqlite" in path.name for path in kept)
    assert [str(path) for path in kept if path.stat().st_mode & 0o077] == []


def test_credentials_are_for_their_owner_only(studio: Studio) -> None:
    assert studio.local.credentials_file.stat().st_mode & 0o077 == 0
    assert studio.local.home.stat().st_mode & 0o077 == 0
    assert (studio.local.home / ".gitignore").read_text() == "*\n"
