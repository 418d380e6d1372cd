"""The server, asked over real connections: what it answers and records, and whom it refuses."""

import contextlib
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cascades.pictures import decode_picture
from pipeline.app.command import bound, open_live, page_of
from pipeline.app.server import MOST_FRAME, MOST_PICTURE, Site, server_of
from pipeline.classifier.model import save_model
from pipeline.cli import app
from pipeline.errors import InputError, SetupError
from pipeline.faces.cascade_files import save_cascade
from pipeline.tables import read_rows, to_table
from pipeline.watch.record import FACES
from tests.pipeline.app.seen import MIN_SCORE, classifier, disc, live, moving, scene


@dataclass
class Served:
    """A server, and where it is."""

    port: int
    out: Path
    film: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def frames(self, origin: str | None = "own") -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/frames", origin=self.url if origin == "own" else origin)

    def send_picture(self, data: bytes, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.url}/picture", content=data, headers={"Origin": self.url, **headers}, timeout=60)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run the server until the block ends; then all its connections have ended."""
    film = folder / "pilot.mp4"
    film.write_bytes(bytes(range(256)) * 40)
    site = Site(page_of(live(), {"pilot": film}, {}), live(), {"pilot": film}, folder / "watch")
    with bound(0) as listening:
        server = server_of(site)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Served(listening.getsockname()[1], folder / "watch", film)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as running:
        yield running


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def message(picture: np.ndarray, time_s: float) -> bytes:
    return struct.pack("<d", time_s) + jpeg(picture)


def ask(socket: ClientConnection, sent: bytes | str | dict[str, bool]) -> dict[str, object]:
    socket.send(json.dumps(sent) if isinstance(sent, dict) else sent)
    return json.loads(socket.recv(timeout=60))


def test_what_is_answered_and_recorded_is_what_live_gives_for_the_same_frames(served):
    expected, looking = [], live("live-001")
    with served.frames() as socket:
        ask(socket, message(scene(1, ((20, 30),)), 0.0))  # before the recording
        began = ask(socket, {"record": True})
        assert began["recording"].endswith("live-001")
        for i, picture in enumerate(moving(9)):
            rows = looking.look(decode_picture(jpeg(picture)), 1 + i / 25)
            answer = ask(socket, message(picture, 1 + i / 25))
            assert [face["box"] for face in answer["faces"]] == [[row[side] for side in "xywh"] for row in rows]
            assert [face["emotion"] for face in answer["faces"]] == [row["emotion"] for row in rows]
            expected += rows
        ended = ask(socket, {"record": False})
    assert (ended["frames"], ended["rows"]) == (9, len(expected)) == (9, 15)
    recorded = read_rows(served.out / "live-001" / FACES, looking.schema)
    assert recorded.equals(to_table(expected, looking.schema).to_pandas())


def test_frames_that_come_too_fast_are_dropped_and_the_last_one_is_answered(served):
    with served.frames() as socket:
        for i in range(40):
            socket.send(message(scene(i, ((20 + i, 30),)), i / 25))
        answers = []
        while not answers or answers[-1]["time_s"] < 39 / 25:
            answers.append(json.loads(socket.recv(timeout=60)))
    times = [answer["time_s"] for answer in answers]
    assert times == sorted(set(times))
    assert answers[-1]["dropped"] > 0
    assert len(answers) + answers[-1]["dropped"] == 40


def test_a_page_that_is_closed_while_it_records_leaves_the_recording(tmp_path):
    with serving(tmp_path) as served, served.frames() as socket:
        ask(socket, {"record": True})
        ask(socket, message(scene(7, ((20, 30),)), 0.5))
    assert len(read_rows(tmp_path / "watch" / "live-001" / FACES, live().schema)) == 1


def test_frames_and_commands_that_make_no_sense_are_told_so_and_the_next_is_answered(served):
    late = struct.pack("<d", float("nan")) + jpeg(scene(1, ()))
    with served.frames() as socket:
        wrong = [b"", b"\0" * 8, b"\0" * 8 + b"no picture", late, "{", '{"record": 1', '{"record": false}', "[]"]
        problems = [ask(socket, sent)["problem"] for sent in wrong]
        assert "expected its time" in problems[0]
        assert problems[2].startswith("no picture that can be decoded")
        assert problems[3].startswith("a frame at nan s")
        assert problems[4].startswith('expected {"record": true}')
        assert problems[6] == "there is no recording"
        assert len(ask(socket, message(scene(7, ((20, 30),)), 0.0))["faces"]) == 1


def test_where_nothing_can_be_recorded_it_is_said_once_and_frames_are_still_answered(tmp_path):
    (tmp_path / "watch").write_text("a file in the way")
    with serving(tmp_path) as served, served.frames() as socket:
        assert "live-001 cannot be made" in ask(socket, {"record": True})["problem"]
        for time_s in (0.0, 0.1):
            assert len(ask(socket, message(scene(7, ((20, 30),)), time_s))["faces"]) == 1


def test_other_pages_are_refused(served):
    for origin in (
        None,
        "http://evil.example",
        f"https://127.0.0.1:{served.port}",
        f"http://127.0.0.1:{served.port + 1}",
    ):
        with pytest.raises(InvalidStatus, match="403"), served.frames(origin):
            pass
        headers = {"Origin": origin} if origin else {}
        assert httpx.post(f"{served.url}/picture", content=b"x", headers=headers).status_code == 403
    # A name of elsewhere that leads here: its page's Origin is its Host.
    rebound = {"Host": f"evil.example:{served.port}", "Origin": f"http://evil.example:{served.port}"}
    assert httpx.get(served.url, headers=rebound).status_code == 400
    assert httpx.post(f"{served.url}/picture", content=b"x", headers=rebound).status_code == 400
    assert "connect-src 'self'" in httpx.get(served.url).headers["content-security-policy"]


def test_what_is_sent_is_bounded(served):
    with served.frames() as socket:
        with contextlib.suppress(ConnectionClosedError):  # it may be closed while we still send
            socket.send(b"\0" * (MOST_FRAME + 1))
        with pytest.raises(ConnectionClosedError, match="1009"):
            socket.recv(timeout=60)
    answer = served.send_picture(b"\0" * (MOST_PICTURE + 1))
    assert (answer.status_code, answer.json()["problem"]) == (413, "the picture has more than 32 MB: make it smaller")


def test_a_picture_is_answered_and_without_a_face_in_it_as_one_face(served):
    found = served.send_picture(jpeg(scene(7, ((20, 30), (120, 90))))).json()
    assert len(found["faces"]) == 2
    assert "note" not in found
    drawing = np.full((90, 90, 3), 255, np.uint8)
    cv2.circle(drawing, (45, 45), 9, (200, 0, 0), 2)
    whole = served.send_picture(cv2.imencode(".png", drawing)[1].tobytes()).json()
    assert whole["note"].startswith("no face was found")
    own = classifier().predict([np.ascontiguousarray(drawing[..., ::-1])])[0]
    assert list(whole["faces"][0]["each"].values()) == pytest.approx(own.tolist(), abs=1e-6)
    assert whole["faces"][0]["box"] is None
    bad = served.send_picture(b"mine")
    assert (bad.status_code, bad.json()["problem"][:14]) == (422, "no picture tha")


def test_an_episode_is_sent_in_parts_and_no_other_file_is(served):
    part = httpx.get(f"{served.url}/episodes/pilot", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, served.film.read_bytes()[100:300])
    for name in ("other", "..%2Fpilot.mp4", "pilot.mp4"):
        assert httpx.get(f"{served.url}/episodes/{name}").status_code == 404


def test_what_is_missing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="run this in a project"):
        open_live([], Path("models/emotion"))
    with pytest.raises(InputError, match=r"no cascade .*absent\.xml"):
        open_live([Path("absent.xml")], Path("models/emotion"))
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, tmp_path)
    with pytest.raises(InputError, match="no trained model"):
        open_live([Path("disc.xml")], Path("models/emotion"))
    save_model(tmp_path / "emotion", classifier())
    with pytest.raises(InputError, match=r"two cascades are called disc\.xml"):
        open_live([Path("disc.xml"), Path("disc.xml")], Path("emotion"))
    known, params = open_live([Path("disc.xml")], Path("emotion"))
    assert params is None
    assert known.look(scene(7, ((20, 30),)), 0.0) == live().look(scene(7, ((20, 30),)), 0.0)


def test_a_taken_port_is_one_line():
    with bound(0) as first:
        port = first.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port} on 127.0.0.1 is taken by another program"):
            bound(port)


@pytest.mark.slow
def test_a_plain_install_says_what_to_install(tmp_path):
    """In a process that has no uvicorn, the command ends with the line to type; all others still work."""
    code = "import sys; sys.modules['uvicorn'] = None; from pipeline.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "app"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "toonset: uvicorn not installed: pip install 'toonset[app]'\n")
    assert CliRunner().invoke(app, ["app", "--help"]).exit_code == 0
