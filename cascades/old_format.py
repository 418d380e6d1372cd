"""Cascades in the format from before OpenCV 2.4 (type_id opencv-haar-classifier), rewritten as the current format.

Only the shape of the XML changes: features move from the nodes into one list, leaf values from the nodes into leaves.
What comes out goes through the same checks as any other file.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

TYPE_ID = "opencv-haar-classifier"


def modernized(old: Element, fail: Callable[[str], Exception]) -> Element:
    """The <cascade> element that says the same as an old one; `fail` makes the error for what is missing."""
    size = (old.findtext("size") or "").split()
    if len(size) != 2:
        raise fail("<size> is missing or is not a width and a height")
    cascade = Element("cascade")
    for tag, text in (("stageType", "BOOST"), ("featureType", "HAAR"), ("width", size[0]), ("height", size[1])):
        SubElement(cascade, tag).text = text
    stages = SubElement(cascade, "stages")
    features = SubElement(cascade, "features")
    for old_stage in old.findall("stages/_"):
        stage = SubElement(stages, "_")
        SubElement(stage, "stageThreshold").text = old_stage.findtext("stage_threshold")
        weak = SubElement(stage, "weakClassifiers")
        for old_tree in old_stage.findall("trees/_"):
            _tree(old_tree, SubElement(weak, "_"), features, fail)
    return cascade


def _tree(old: Element, tree: Element, features: Element, fail: Callable[[str], Exception]) -> None:
    nodes: list[str] = []
    leaves: list[str] = []
    for node in old.findall("_"):
        feature = node.find("feature")
        threshold = node.findtext("threshold")
        if feature is None or threshold is None:
            raise fail("a node without <feature> or <threshold>")
        links = []
        for side in ("left", "right"):
            target, value = node.findtext(f"{side}_node"), node.findtext(f"{side}_val")
            if target is None and value is None:
                raise fail(f"a node with neither <{side}_node> nor <{side}_val>")
            links.append(target if target is not None else str(-len(leaves)))
            leaves += [] if target is not None else [str(value)]
        nodes += [*links, str(len(features)), threshold]
        feature.tag = "_"
        features.append(feature)
    SubElement(tree, "internalNodes").text = " ".join(nodes)
    SubElement(tree, "leafValues").text = " ".join(leaves)
