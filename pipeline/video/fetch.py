"""Getting one episode's video file into a folder: yt-dlp for addresses, a copy for files, the renderer for the sample
show.

The file is not checked here: yt-dlp reports success for a web page named .mp4, and for the result of a broken `.part`.
Each episode has a folder of its own, because yt-dlp's file names collide if two addresses end alike.
"""

import importlib.util
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import yt_dlp
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import ExtractorError, YoutubeDLError

from pipeline.console import progress
from pipeline.errors import InputError, ParamsError, nearest
from pipeline.params import Download
from pipeline.video.sources import SAMPLE, Item, local

FICLONE: Final = 0x40049409
"""Linux ioctl: share the blocks of another file, copy on write (Btrfs, XFS)."""

YOUTUBE: Final = re.compile(r"https?://(?:[\w-]+\.)*(?:youtube\.com|youtube-nocookie\.com|youtu\.be)(?:[/:?]|$)", re.I)
RUNTIMES: Final = ("deno", "node", "bun")
LONGEST_WAIT_S: Final = 30.0


def fetch(item: Item, folder: Path, params: Download) -> Path:
    """Get the item's file into `folder` and return its path; what an earlier try left there is continued.

    Raises InputError saying why it cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if item.kind == "sample":
        return _render(item, folder)
    if item.kind == "file":
        return _copy(local(item.source), folder)
    return _download(item, folder, params)


def check_samples(items: list[Item]) -> None:
    """Raise ParamsError if a `sample:` source names an episode that the sample show has not."""
    names = [item.source.removeprefix(SAMPLE) for item in items if item.kind == "sample"]
    if not names:
        return
    from pipeline.sample import EPISODES, TEN_EPISODES

    valid = sorted((*EPISODES, *TEN_EPISODES))
    for name in names:
        if name not in valid:
            raise ParamsError(
                f"the sample show has no episode {name!r}; expected {SAMPLE} and one of {', '.join(valid)}."
                f"{nearest(name, valid)}"
            )


def _render(item: Item, folder: Path) -> Path:
    """Draw an episode of the sample show."""
    from pipeline.sample import render_episode

    path = folder / "video.mp4"
    with progress(desc=item.id, unit="frame") as bar:

        def count() -> None:
            bar.update()

        render_episode(item.source.removeprefix(SAMPLE), path, count)
    return path


def _copy(source: Path, folder: Path) -> Path:
    """Copy a file, sharing its blocks where the file system can.

    Never a hard link: with `cache.type hardlink` DVC makes an output's file read-only and links it into its cache, so
    the user's own file became 0444 and writing to it changed the cache (tried with DVC 3.67; with its default cache
    type it puts a copy in place of the link, so a link saved nothing either).
    """
    path = folder / f"video{_suffix(source)}"
    try:
        with source.open("rb") as reader, path.open("wb") as writer:
            if not _share_blocks(reader, writer):
                shutil.copyfileobj(reader, writer, 1 << 20)
    except OSError as error:
        raise InputError(f"it cannot be copied: {error.strerror}; expected a file that can be read") from error
    return path


def _share_blocks(source: BinaryIO, copy: BinaryIO) -> bool:
    """Let `copy` share the blocks of `source`, on Linux; False where it cannot, and then nothing is written."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(copy, FICLONE, source.fileno())
    except OSError:
        return False
    return True


def _suffix(path: Path) -> str:
    """The file's suffix if it can be part of our names, else nothing: FFmpeg goes by content."""
    suffix = path.suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) and suffix != ".json" else ""


def _download(item: Item, folder: Path, params: Download) -> Path:
    """Download with yt-dlp, trying again after failures that may pass."""
    if YOUTUBE.match(item.source):
        _need_youtube_parts()
    tries = params.retries + 1
    for attempt in range(tries):
        try:
            return _yt_dlp(item, folder, params)
        except (YoutubeDLError, OSError) as error:
            if attempt + 1 < tries and _may_pass(error):
                time.sleep(_wait_s(attempt))
                continue
            raise InputError(
                f"it could not be fetched (tries: {attempt + 1}): {_plain(error)}; expected a video: check the address "
                "and the network, then run again (what has come is kept)"
            ) from error
    raise AssertionError("unreachable")


def _yt_dlp(item: Item, folder: Path, params: Download) -> Path:
    with progress(desc=item.id, unit="B") as bar:
        bar.unit, bar.unit_scale = "B", True
        with yt_dlp.YoutubeDL(_options(folder, params, _show(bar))) as downloader:
            info = downloader.extract_info(item.source)
    if info is None or info.get("_type") in ("playlist", "multi_video"):
        found = len(list((info or {}).get("entries") or []))
        raise InputError(f"it is a list of {found} videos; expected one video: name each in an entry of its own")
    return Path(info["requested_downloads"][0]["filepath"])


def _options(folder: Path, params: Download, hook: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """yt-dlp's options: one video without sound if there is a choice, no cookies, no times, nothing of the user's."""
    return {
        "outtmpl": {"default": str(folder / "video.%(ext)s")},
        # Pictures are all that is used, and without sound nothing needs ffmpeg to be put together.
        "format": "bv/b/bv*",
        "format_sort": [f"res:{params.max_height}", "vcodec:h264"],
        "fixup": "never",
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "retries": params.retries,
        "fragment_retries": params.retries,
        "skip_unavailable_fragments": False,
        "retry_sleep_functions": {"http": _wait_s, "fragment": _wait_s},
        "socket_timeout": params.timeout_s,
        "updatetime": False,
        "cachedir": False,
        "js_runtimes": {name: {} for name in RUNTIMES},
        "progress_hooks": [hook],
        "noprogress": True,
        "logger": _Silence(),
        "color": "never",
    }


class _Silence:
    """yt-dlp's messages are dropped: what matters comes as an exception and becomes the row's reason."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


def _show(bar: Any) -> Callable[[dict[str, Any]], None]:
    def hook(state: dict[str, Any]) -> None:
        bar.total = state.get("total_bytes") or state.get("total_bytes_estimate")
        bar.update(max(0, (state.get("downloaded_bytes") or 0) - bar.n))

    return hook


def _wait_s(attempt: int) -> float:
    """Seconds to wait after failure number `attempt` (from 0): 0.25, 1, 4, 16, then 30."""
    return min(LONGEST_WAIT_S, 0.25 * 4.0**attempt)


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: not where the server said no, or yt-dlp knows that there is no such video."""
    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return cause.status >= 500 or cause.status in (408, 429)
        if isinstance(cause, ExtractorError) and cause.expected and cause.cause is None:
            return False
    return True


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and what caused it; yt-dlp keeps causes in attributes of its own."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        info = getattr(error, "exc_info", None) or (None, None, None)
        cause = getattr(error, "cause", None)
        error = next((e for e in (cause, info[1], error.__cause__) if isinstance(e, BaseException)), None)
    return found


def _plain(error: BaseException) -> str:
    """yt-dlp's message in one line, without its marks and its advice to report bugs."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).removeprefix("ERROR: ")
    text = text.split("; please report this issue")[0].split(" (caused by ")[0]
    text = re.sub(r"^\[[\w:.+-]+\] ", "", text)
    return " ".join(text.split()).rstrip(".")


def _need_youtube_parts() -> None:
    if not any(map(shutil.which, RUNTIMES)):
        raise InputError(
            "YouTube videos need a JavaScript runtime, and neither deno nor node is installed: install deno "
            "(https://deno.com) and run again, or fetch the video elsewhere and name the file as the source"
        )
    if importlib.util.find_spec("yt_dlp_ejs") is None:
        raise InputError(
            "YouTube videos need the package yt-dlp-ejs, which is not installed: `pip install yt-dlp-ejs` and run "
            "again, or fetch the video elsewhere and name the file as the source"
        )
