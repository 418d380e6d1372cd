"""The page and what it talks to: frames over a WebSocket, one after the other; pictures and episodes over HTTP.

Only this machine is answered, and only our own page: the Host must be this machine's (a page of elsewhere whose name is
made to lead here is refused), and the Origin of an upload or a WebSocket must be the page's.
"""

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cascades.errors import PictureError
from cascades.pictures import decode_picture
from pipeline.app.live import Live
from pipeline.app.recording import Recording
from pipeline.errors import ToonsetError

MOST_FRAME: Final = 2**22
"""Bytes of a message with a frame, at most; a JPEG of 640×360 has 2^16."""
MOST_PICTURE: Final = 2**25
"""Bytes of a picture that is dropped on the page, at most."""
HEADER: Final = struct.Struct("<d")
"""In front of a frame's JPEG: its time, s."""
HOSTS: Final = ["127.0.0.1", "localhost"]
FOREIGN: Final = 4403
"""Code with which a WebSocket of another page is closed."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Site:
    """What is served: the page, who looks, the project's episodes by id, and where recordings go."""

    page: str
    live: Live
    episodes: Mapping[str, Path]
    out: Path


def server_of(site: Site) -> uvicorn.Server:
    """The server, to be run on a socket of this machine's own address."""
    settings = uvicorn.Config(
        site_app(site), log_level="warning", access_log=False, lifespan="off", ws="websockets-sansio",
        ws_max_size=MOST_FRAME, limit_concurrency=64, timeout_graceful_shutdown=5, server_header=False,
    )  # fmt: skip
    return uvicorn.Server(settings)


def site_app(site: Site) -> Starlette:
    """The application that uvicorn runs."""

    async def page(request: Request) -> Response:
        return HTMLResponse(site.page, headers=HEADERS)

    async def episode(request: Request) -> Response:
        path = site.episodes.get(request.path_params["name"])
        if path is None or not path.is_file():
            return PlainTextResponse("there is no such episode\n", status_code=404)
        return FileResponse(path, headers=HEADERS)

    async def picture(request: Request) -> Response:
        if not is_own_page(request):
            return PlainTextResponse("pictures are taken from our own page only\n", status_code=403)
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > MOST_PICTURE:
                return _problem(f"the picture has more than {MOST_PICTURE // 2**20} MB: make it smaller", 413)
        try:
            return JSONResponse(await run_in_threadpool(answer_picture, site.live, bytes(data)))
        except (PictureError, ToonsetError) as error:
            return _problem(str(error), 422)

    async def frames(socket: WebSocket) -> None:
        if not is_own_page(socket):
            await socket.close(FOREIGN)
            return
        await socket.accept()
        await Session(socket, site.live.fresh("live"), site.out).run()

    routes = [
        Route("/", page),
        Route("/episodes/{name}", episode),
        Route("/picture", picture, methods=["POST"]),
        WebSocketRoute("/frames", frames),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)])


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether the request comes from the page that this server served; its Host is known to be this machine."""
    return connection.headers.get("origin") == f"http://{connection.headers.get('host')}"


def answer_picture(live: Live, data: bytes) -> dict[str, Any]:
    """What is seen in a picture; where no face is found in it, the whole picture is taken for one.

    Raises PictureError where it does not decode.
    """
    rgb = decode_picture(data)
    rows = live.fresh("picture").look(rgb, 0.0)
    if rows:
        return {"faces": [shown(row, live) for row in rows]}
    own = live.classifier.predict([rgb])[0].tolist()
    best = max(range(len(own)), key=lambda i: own[i])
    emotions = live.classifier.emotions
    face = {
        "character": None, "box": None, "emotion": emotions[best], "probability": own[best],
        "unsure": own[best] < live.classifier.about.unsure_below, "each": dict(zip(emotions, own, strict=True)),
    }  # fmt: skip
    return {"faces": [face], "note": "no face was found, so the whole picture was taken for one face"}


def shown(row: Mapping[str, Any], live: Live) -> dict[str, Any]:
    """A row of `watched_schema` as the page needs it."""
    kept = {name: row[name] for name in ("character", "track", "emotion", "probability", "unsure")}
    each = {name: row[name] for name in live.classifier.emotions}
    return {**kept, "box": [row[name] for name in "xywh"], "each": each}


class Session:
    """One open page. A frame that comes while another is looked at takes the place of one that waits: no queue."""

    def __init__(self, socket: WebSocket, live: Live, out: Path) -> None:
        self._socket, self._live, self._out = socket, live, out
        self._recording: Recording | None = None
        self._commands: list[str] = []
        self._frame: bytes | None = None
        self._news = asyncio.Event()
        self._open = True
        self._dropped = 0

    async def run(self) -> None:
        """Answer until the page is closed; a recording is then finished."""
        reading = asyncio.create_task(self._read())
        try:
            async for answer in self._answers():
                await self._socket.send_json(answer)
        except WebSocketDisconnect:
            pass  # closed while an answer was on its way
        finally:
            reading.cancel()
            if self._recording is not None:
                self._recording.close()

    async def _read(self) -> None:
        """Keep the newest frame."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") is not None:
                    self._commands.append(message["text"])
                else:
                    self._dropped += self._frame is not None
                    self._frame = message["bytes"]
                self._news.set()
        finally:
            self._open = False
            self._news.set()

    async def _answers(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            await self._news.wait()
            self._news.clear()
            if not self._open:
                return
            try:
                while self._commands:
                    yield self._command(self._commands.pop(0))
                if self._frame is not None:
                    data, self._frame = self._frame, None
                    yield await run_in_threadpool(self._look, data) | {"dropped": self._dropped}
            except (PictureError, ToonsetError) as error:
                yield {"problem": str(error)}

    def _look(self, data: bytes) -> dict[str, Any]:
        """What is seen in a frame. Raises PictureError where it is none."""
        start = time.perf_counter()
        if len(data) <= HEADER.size:
            raise PictureError(f"a frame of {len(data)} bytes; expected its time (8 bytes) and a JPEG")
        (time_s,) = HEADER.unpack_from(data)
        if not 0 <= time_s < 1e9:
            raise PictureError(f"a frame at {time_s} s; expected 0 or later")
        rows = self._live.look(decode_picture(data[HEADER.size :]), time_s)
        if self._recording is not None:
            self._recording.add(rows, time_s)
        took = round(1000 * (time.perf_counter() - start), 1)
        return {"faces": [shown(row, self._live) for row in rows], "time_s": time_s, "took_ms": took}

    def _command(self, text: str) -> dict[str, Any]:
        """Begin or end a recording: `{"record": true}` or false."""
        try:
            wanted = json.loads(text)["record"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return {"problem": 'expected {"record": true} or {"record": false}'}
        if wanted and self._recording is None:
            self._recording = Recording(self._out, self._live.schema)
            self._live = self._live.fresh(self._recording.name)
            return {"recording": str(self._recording.folder)}
        if not wanted and self._recording is not None:
            done, self._recording = self._recording, None
            done.close()
            return {"recorded": str(done.folder), "frames": done.frames, "rows": done.faces}
        return {"problem": "there is a recording already" if wanted else "there is no recording"}


def _problem(text: str, status: int) -> Response:
    return JSONResponse({"problem": text}, status_code=status)
