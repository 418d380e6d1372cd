"""OpenCV's cascade XML: the format since 2.4 read and written, the one before read.

The file is untrusted: no entities, no external references, sizes bounded, every index and rectangle checked, so that
what comes out can be run without further checks.
"""

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from cascades.errors import InvalidCascadeXml
from cascades.features import HaarFeatures, LbpFeatures
from cascades.model import Cascade, CascadeInfo, Stage, Tree
from cascades.old_format import TYPE_ID, modernized
from cascades.planes import COLOR, GRAY, OLD_SPELLING

MAX_WINDOW = 1024  # px
MAX_STAGES = 1000
MAX_TREES = 100_000
MAX_NODES = 1023  # in one tree
MAX_FEATURES = 1_000_000
COLOR_ROOT = "toonset_storage_1"  # features on color planes: OpenCV must not mistake the file for one of its own
LBP_WORDS = 8  # 256 codes as bits of eight int32

_BOOSTING = {"gentle": "GAB", "discrete": "DAB", "real": "RAB"}
_BOOSTING_NAMES = {code: name for name, code in _BOOSTING.items()}


def parse_cascade(content: bytes, name: str) -> Cascade:
    """Read a cascade from the bytes of an XML file; `name` is used in messages."""
    try:
        root = fromstring(_plain(content))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidCascadeXml(f"{name}: not an XML file that can be read ({error})") from error
    reader = _Reader(name, color=root.tag == COLOR_ROOT)
    if root.tag in ("opencv_storage", COLOR_ROOT):
        for node in root:
            if node.get("type_id") == TYPE_ID or _is_old(node):
                return reader.cascade(modernized(node, reader.fail))
            # OpenCV takes the first element, whatever it is called.
            if node.tag == "cascade" or node.find("stageType") is not None:
                return reader.cascade(node)
    raise reader.fail("no <opencv_storage><cascade>")


def _is_old(node: Element) -> bool:
    """Whether an element without a type_id is a cascade as before OpenCV 2.4."""
    return node.find("stageType") is None and node.find("size") is not None and node.find("stages") is not None


def _plain(content: bytes) -> bytes:
    """What OpenCV's own parser reads, as an XML parser takes it.

    Comments go: many a cascade has dashes inside, which XML forbids, or letters in an encoding that it does not name.
    """
    return re.sub(rb"<!--.*?-->", b"", content.rstrip(b"\0 \t\r\n"), flags=re.DOTALL)


class _Reader:
    """Turns elements into values, naming the file and the element in every complaint."""

    def __init__(self, name: str, color: bool) -> None:
        self.name = name
        self.color = color

    def fail(self, message: str) -> InvalidCascadeXml:
        return InvalidCascadeXml(f"{self.name}: {message}")

    def cascade(self, node: Element) -> Cascade:
        if self.text(node, "stageType") != "BOOST":
            raise self.fail(f"stageType is {self.text(node, 'stageType')!r}, only BOOST is known")
        window = (
            self.integer(node, "width", 3, MAX_WINDOW),
            self.integer(node, "height", 3, MAX_WINDOW),
        )
        kind = self.text(node, "featureType")
        features: HaarFeatures | LbpFeatures
        if kind == "HAAR":
            features = self.haar(self.children(node, "features", MAX_FEATURES), window)
        elif kind == "LBP":
            features = self.lbp(self.children(node, "features", MAX_FEATURES), window)
        else:
            raise self.fail(f"featureType is {kind!r}, expected HAAR or LBP")
        words = LBP_WORDS if kind == "LBP" else 0
        stages = []
        trees = 0
        for number, stage in enumerate(self.children(node, "stages", MAX_STAGES)):
            stages.append(self.stage(stage, number, len(features), words))
            trees += len(stages[-1].trees)
            if trees > MAX_TREES:
                raise self.fail(f"more than {MAX_TREES:,} weak classifiers")
        if not stages:
            raise self.fail("no stages")
        if self.color and [OLD_SPELLING.get(p, p) for p in self.text(node, "planes").split()] != list(COLOR):
            raise self.fail(f"<planes> is {self.text(node, 'planes')!r}, expected {' '.join(COLOR)!r}")
        boosting = node.findtext("stageParams/boostType", "").strip()
        mode = node.findtext("featureParams/mode", "").strip().lower()
        return Cascade(
            window,
            features,
            tuple(stages),
            CascadeInfo(planes=COLOR if self.color else GRAY),
            boosting=_BOOSTING_NAMES.get(boosting, "gentle"),
            feature_set=mode if mode in ("basic", "core", "all") else "basic",
        )

    def stage(self, node: Element, number: int, feature_count: int, words: int) -> Stage:
        threshold = self.numbers(node, "stageThreshold", 1)[0]
        weak = self.children(node, "weakClassifiers", MAX_TREES)
        if not weak:
            raise self.fail(f"stage {number} has no weak classifiers")
        return Stage(threshold, tuple(self.tree(w, number, feature_count, words) for w in weak))

    def tree(self, node: Element, number: int, feature_count: int, words: int) -> Tree:
        step = 3 + words if words else 4
        raw = self.numbers(node, "internalNodes", None, MAX_NODES * step)
        leaves = self.numbers(node, "leafValues", None, MAX_NODES + 1)
        count = len(raw) // step
        if count == 0 or len(raw) != count * step or len(leaves) != count + 1:
            raise self.fail(f"stage {number}: a tree with {len(raw)} node numbers and {len(leaves)} leaves")
        table = np.array(raw, np.float64).reshape(count, step)
        whole = table[:, : 3 + words] if words else table[:, :3]
        if np.any(whole != np.rint(whole)) or np.any(np.abs(whole) > 2**32):
            raise self.fail(f"stage {number}: node numbers must be whole")
        left, right, feature = (whole[:, i].astype(np.int64) for i in range(3))
        self.check_links(left, right, count, number)
        if np.any((feature < 0) | (feature >= feature_count)):
            raise self.fail(f"stage {number}: a feature index outside 0–{feature_count - 1}")
        # Subsets are written as signed or unsigned 32-bit words; keep the bits.
        subset = (whole[:, 3:].astype(np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
        return Tree(
            feature.astype(np.int32),
            left.astype(np.int32),
            right.astype(np.int32),
            table[:, 3].astype(np.float32) if not words else np.zeros(count, np.float32),
            np.array(leaves, np.float32),
            subset.reshape(count, words),
        )

    def check_links(self, left: NDArray[np.int64], right: NDArray[np.int64], count: int, number: int) -> None:
        """Every link leads forward to a node or to a leaf, so that walking a tree always ends."""
        here = np.arange(count)
        for link in (left, right):
            if np.any((link > 0) & ((link <= here) | (link >= count))) or np.any(link < -count):
                raise self.fail(f"stage {number}: a tree with a link to a node or leaf that is not there")

    def haar(self, nodes: list[Element], window: tuple[int, int]) -> HaarFeatures:
        rects = np.zeros((len(nodes), 3, 4), np.int16)
        weights = np.zeros((len(nodes), 3), np.float32)
        tilted = np.zeros(len(nodes), np.bool_)
        plane = np.zeros(len(nodes), np.uint8)
        for i, node in enumerate(nodes):
            parts = self.children(node, "rects", 3)
            if not parts:
                raise self.fail(f"feature {i} has no rectangles")
            tilted[i] = node.find("tilted") is not None and self.integer(node, "tilted", 0, 1) == 1
            plane[i] = self.integer(node, "plane", 0, len(COLOR) - 1) if self.color else 0
            for k, part in enumerate(parts):
                values = self.split(part.text, 5, f"feature {i}")
                rects[i, k] = self.rectangle(values[:4], f"feature {i}")
                weights[i, k] = values[4]
        features = HaarFeatures(rects, weights, tilted, plane)
        corners = features.corners()
        outside = (corners < 0) | (corners > np.array(window, np.int16))
        if outside.any():
            first = int(np.argwhere(outside)[0, 0])
            raise self.fail(f"feature {first} lies outside the {window[0]}×{window[1]} window")
        return features

    def lbp(self, nodes: list[Element], window: tuple[int, int]) -> LbpFeatures:
        rects = np.zeros((len(nodes), 4), np.int16)
        for i, node in enumerate(nodes):
            rects[i] = self.rectangle(self.split(node.findtext("rect"), 4, f"feature {i}"), f"feature {i}")
            x, y, w, h = (int(v) for v in rects[i])
            if x + 3 * w > window[0] or y + 3 * h > window[1]:
                raise self.fail(f"feature {i} lies outside the {window[0]}×{window[1]} window")
        return LbpFeatures(rects)

    def rectangle(self, values: list[float], what: str) -> list[int]:
        if any(v != int(v) or not 0 <= v <= MAX_WINDOW for v in values) or values[2] < 1 or values[3] < 1:
            raise self.fail(f"{what}: rectangle {values}, expected whole pixels inside the window")
        return [int(v) for v in values]

    def children(self, node: Element, tag: str, most: int) -> list[Element]:
        found = node.find(tag)
        items = [] if found is None else list(found)
        if len(items) > most:
            raise self.fail(f"<{tag}> has {len(items):,} entries, at most {most:,} are allowed")
        return items

    def text(self, node: Element, tag: str) -> str:
        value = node.findtext(tag)
        if value is None:
            raise self.fail(f"<{tag}> is missing")
        return value.strip()

    def integer(self, node: Element, tag: str, low: int, high: int) -> int:
        value = self.numbers(node, tag, 1)[0]
        if value != int(value) or not low <= value <= high:
            raise self.fail(f"<{tag}> is {value:g}, expected {low}–{high}")
        return int(value)

    def numbers(self, node: Element, tag: str, count: int | None, most: int = 1) -> list[float]:
        return self.split(self.text(node, tag), count, f"<{tag}>", most)

    def split(self, text: str | None, count: int | None, what: str, most: int = 5) -> list[float]:
        words = (text or "").split()
        if (count is not None and len(words) != count) or len(words) > max(most, count or 0):
            raise self.fail(
                f"{what}: {len(words)} numbers, expected {count if count is not None else f'at most {most}'}"
            )
        try:
            values = [float(w) for w in words]
        except ValueError as error:
            raise self.fail(f"{what}: {error}") from error
        if not all(abs(v) <= 1e30 for v in values):  # also refuses NaN
            raise self.fail(f"{what}: a number that is not finite")
        return values


def write_cascade(cascade: Cascade) -> str:
    """OpenCV's XML as text. Only features in use are written, in the order of first use."""
    used: dict[int, int] = {}
    for stage in cascade.stages:
        for tree in stage.trees:
            for index in tree.feature:
                used.setdefault(int(index), len(used))
    haar = isinstance(cascade.features, HaarFeatures)
    color = cascade.info.planes == COLOR
    root = COLOR_ROOT if color else "opencv_storage"
    lines = ['<?xml version="1.0"?>', f"<{root}>", "<cascade>"]
    lines += _tags(2, planes=" ".join(COLOR)) if color else []
    lines += _tags(
        2,
        stageType="BOOST",
        featureType="HAAR" if haar else "LBP",
        height=cascade.window[1],
        width=cascade.window[0],
    )
    most = max(len(stage.trees) for stage in cascade.stages)
    lines += [
        "  <stageParams>",
        *_tags(4, boostType=_BOOSTING[cascade.boosting], maxWeakCount=most),
        "  </stageParams>",
    ]
    lines += ["  <featureParams>", *_tags(4, maxCatCount=0 if haar else 256, featSize=1)]
    lines += _tags(4, mode=cascade.feature_set.upper()) if haar else []
    lines += ["  </featureParams>", *_tags(2, stageNum=len(cascade.stages)), "  <stages>"]
    for stage in cascade.stages:
        lines += _stage_lines(stage, used)
    lines += ["  </stages>", "  <features>"]
    index = np.array(list(used), np.int64)
    lines += _feature_lines(cascade.features.take(index), color)
    lines += ["  </features>", "</cascade>", f"</{root}>"]
    return "\n".join(lines) + "\n"


def _stage_lines(stage: Stage, used: dict[int, int]) -> list[str]:
    lines = ["    <_>", *_tags(6, maxWeakCount=len(stage.trees), stageThreshold=_float(stage.threshold))]
    lines += ["      <weakClassifiers>"]
    for tree in stage.trees:
        nodes = []
        for k in range(len(tree.feature)):
            rule = [str(int(v)) for v in tree.subset[k]] if tree.subset.size else [_float(tree.threshold[k])]
            nodes += [str(int(tree.left[k])), str(int(tree.right[k])), str(used[int(tree.feature[k])]), *rule]
        leaves = " ".join(_float(v) for v in tree.leaves)
        lines += ["        <_>", *_tags(10, internalNodes=" ".join(nodes), leafValues=leaves), "        </_>"]
    return [*lines, "      </weakClassifiers>", "    </_>"]


def _feature_lines(features: HaarFeatures | LbpFeatures, color: bool) -> list[str]:
    lines = []
    if isinstance(features, LbpFeatures):
        for rect in features.rects:
            lines += ["    <_>", *_tags(6, rect=" ".join(str(int(v)) for v in rect)), "    </_>"]
        return lines
    for i, (rects, weights, tilted) in enumerate(zip(features.rects, features.weights, features.tilted, strict=True)):
        lines += ["    <_>", "      <rects>"]
        for rect, weight in zip(rects, weights, strict=True):
            if weight != 0:
                lines += [f"        <_>{' '.join(str(int(v)) for v in rect)} {_float(weight)}</_>"]
        lines += ["      </rects>", *_tags(6, tilted=int(tilted))]
        lines += [*_tags(6, plane=int(features.plane[i])), "    </_>"] if color else ["    </_>"]
    return lines


def _tags(indent: int, **values: object) -> list[str]:
    return [f"{' ' * indent}<{tag}>{value}</{tag}>" for tag, value in values.items()]


def _float(value: Any) -> str:
    """The shortest text that reads back as the same float32, with a point as OpenCV's parser wants for reals."""
    text = np.format_float_positional(np.float32(value), unique=True, trim="0")
    return (
        text if 1e-5 <= abs(value) < 1e7 or value == 0 else np.format_float_scientific(np.float32(value), unique=True)
    )
