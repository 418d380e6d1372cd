"""A web server on this machine that serves files with ranges and misbehaves on request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

KINDS = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".ts": "video/mp2t",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".html": "text/html",
}


@dataclass
class Hold:
    """Stops an answer after `at` bytes until released, but lets the first `skip` pass: yt-dlp looks before it loads."""

    at: int
    skip: int = 1
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


@dataclass
class Page:
    """What a path answers with.

    `failures` are status codes answered first, one per request; the first `breaks` answers that carry the file end
    after `break_at` bytes although more were announced.
    """

    content: bytes = b""
    kind: str = ""
    failures: list[int] = field(default_factory=list)
    breaks: int = 0
    break_at: int = 0
    ranges: bool = True
    hold: Hold | None = None


@dataclass
class Site:
    """Pages by path, and every request that came: (path, Range header or empty)."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, content: bytes = b"", **options: object) -> str:
        """Serve `content` at `path`; returns the whole address."""
        self.pages[path] = Page(content, **options)  # type: ignore[arg-type]
        return self.address + path


@contextmanager
def serving() -> Iterator[Site]:
    """A site on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = self.path.split("?")[0]
            asked = self.headers.get("Range", "")
            site.requests.append((path, asked))
            page = site.pages.get(path, Page(failures=[404]))
            if page.failures:
                self.send_error(page.failures.pop(0) if path in site.pages else 404)
                self.close_connection = True
                return
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and page.ranges else 0
            if start >= len(page.content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if asked and page.ranges else 200)
            self.send_header("Content-Type", page.kind or KINDS.get(PurePosixPath(path).suffix, "video/mp4"))
            self.send_header("Content-Length", str(len(page.content) - start))
            if asked and page.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
            self.end_headers()
            if not body:
                return
            stop = len(page.content)
            if page.breaks and start < page.break_at:
                page.breaks -= 1
                stop = page.break_at
                self.close_connection = True
            try:
                if page.hold is not None and page.hold.skip > 0:
                    page.hold.skip -= 1
                elif page.hold is not None:
                    self.wfile.write(page.content[start : page.hold.at])
                    page.hold.reached.set()
                    page.hold.release.wait(60)
                    start = page.hold.at
                self.wfile.write(page.content[start:stop])
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site = Site(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
