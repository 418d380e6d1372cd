"""What a report page refers to, read as a browser would."""

import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from pipeline.images import Pixels, decode_rgb

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ADDRESSES = ("src", "href", "srcset", "data", "poster", "action", "background")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.named: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, value or "") for name, value in attributes if name in ADDRESSES]
        self.named |= {value or "" for name, value in attributes if name == "id"}


def pictures(path: Path) -> list[tuple[str, bytes]]:
    """The kind and the bytes of each picture of a page; fails where it refers to anything but itself and its folder."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|<script|<iframe|<object|<embed", text)
    reader = _Reader()
    reader.feed(text)
    found = []
    for tag, address in reader.found:
        if tag == "img":
            kind, encoded = re.fullmatch(r"data:([a-z/+]+);base64,(.+)", address).groups()
            found.append((kind, base64.b64decode(encoded, validate=True)))
        elif address.startswith("#"):
            assert address[1:] in reader.named
        else:
            assert re.fullmatch(r"[\w.-]+", address), address
            assert (path.parent / address).is_file(), address
    return found


def photographs(path: Path) -> list[Pixels]:
    """The JPEG pictures of a page, RGB, all of which decode."""
    decoded = [decode_rgb(data) for kind, data in pictures(path) if kind == "image/jpeg"]
    assert all(isinstance(picture, np.ndarray) for picture in decoded)
    return [picture for picture in decoded if picture is not None]


def sizes_in_a_browser(path: Path, copy: Path) -> list[tuple[int, int]]:
    """Width and height of every picture of a page as headless Chromium, without a network, decodes them, px.

    copy: where the page goes with a script that counts.
    """
    assert CHROMIUM is not None
    count = "[...document.images].map(i => i.naturalWidth + 'x' + i.naturalHeight).join(' ')"
    script = f"<script>onload = () => {{ document.body.innerHTML = 'sizes: ' + {count} + '.' }}</script></html>"
    copy.write_text(path.read_text(encoding="utf-8").replace("</html>", script), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    profile = f"--user-data-dir={copy.parent / 'profile'}"
    command = [CHROMIUM, *options, profile, "--dump-dom", copy.resolve().as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    listed = re.search(r"sizes: ([\dx ]*)\.", shown)
    assert listed, shown[-500:]
    return [tuple(map(int, size.split("x"))) for size in listed[1].split()]  # type: ignore[misc]
