"""A release as Croissant 1.1 (https://docs.mlcommons.org/croissant/): what `mlcroissant` and search engines read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pipeline.schemas import DATASET, FRAME
from pipeline.schemas import column as documented

CONTEXT: Final[dict[str, Any]] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
KINDS: Final = {
    "string": "sc:Text", "int32": "sc:Integer", "int64": "sc:Integer", "float": "sc:Float", "double": "sc:Float",
}  # fmt: skip

RELEASED_BOXES: Final = pa.schema(
    [
        documented("face_id", pa.string(), "the face in the table of its split"),
        documented("split", pa.string(), "train, validation or test"),
        *FRAME,
        documented("character", pa.string(), "whose face it is"),
        documented("bbox", pa.string(), "left edge, upper edge, width and height of the face, px, with spaces between"),
    ]
)
"""Of a release: where each face is in its frame, as Croissant has boxes."""


def croissant(
    about: Mapping[str, Any],
    files: Mapping[str, tuple[str, str]],
    boxes: tuple[str, str],
    emotions: Sequence[str],
    *,
    pictures: bool,
) -> dict[str, Any]:
    """The description.

    about: name, description, version, license, creator, date…; files: split → (path, sha256); boxes: those of the table
    of boxes.
    """
    distribution = [
        {
            "@type": "cr:FileObject",
            "@id": f"{split}-parquet",
            "name": f"{split}-parquet",
            "contentUrl": path,
            "encodingFormat": "application/x-parquet",
            "sha256": sha256,
        }
        for split, (path, sha256) in {**files, "boxes": boxes}.items()
    ]
    urls = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
    splits = {
        "@type": "cr:RecordSet", "@id": "splits", "name": "splits", "dataType": "cr:Split",
        "key": {"@id": "splits/name"}, "field": [_plain("splits/name", "sc:Text"), _plain("splits/url", "sc:URL")],
        "data": [{"splits/name": split, "splits/url": urls[split]} for split in files],
    }  # fmt: skip
    enumeration = {
        "@type": "cr:RecordSet", "@id": "emotions", "name": "emotions", "dataType": "sc:Enumeration",
        "key": {"@id": "emotions/name"}, "field": [_plain("emotions/name", "sc:Text")],
        "data": [{"emotions/name": name} for name in emotions],
    }  # fmt: skip
    sets = [_faces(split, pictures) for split in files]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        **about,
        "distribution": distribution,
        "recordSet": [splits, enumeration, *sets, _boxes()],
    }


def _plain(identity: str, kind: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": identity, "name": identity.rpartition("/")[2], "dataType": kind}


def _faces(split: str, pictures: bool) -> dict[str, Any]:
    """The record set of a split: a field for each column, with its documentation."""
    fields = []
    for column in DATASET:
        name = "emotion_name" if column.name == "emotion" else column.name
        if name == "image" and not pictures:
            continue
        source: dict[str, Any] = {"fileObject": {"@id": f"{split}-parquet"}, "extract": {"column": name}}
        kind = "sc:ImageObject" if name == "image" else KINDS[str(column.type)]
        if name == "image":
            source["transform"] = {"jsonPath": "bytes"}
        field = _described(split, column, kind, source)
        if column.name in ("emotion", "split"):
            target = "emotions/name" if column.name == "emotion" else "splits/name"
            field["references"] = {"field": {"@id": target}}
        if column.name == "emotion":
            # Who gave the labels; how often and how sure stands in `votes`, `annotators` and `confidence`.
            field["prov:wasAttributedTo"] = {"@type": "prov:Agent", "name": "the annotators of this release"}
        fields.append(field)
    return {"@type": "cr:RecordSet", "@id": split, "name": split, "key": {"@id": f"{split}/face_id"}, "field": fields}


def _boxes() -> dict[str, Any]:
    """The record set of boxes; `mlcroissant` reads a box from a text, not from a list in Parquet."""
    fields = []
    for own in RELEASED_BOXES:
        source: dict[str, Any] = {"fileObject": {"@id": "boxes-parquet"}, "extract": {"column": own.name}}
        if own.name == "bbox":
            source["format"] = "XYWH"
        kind = "cr:BoundingBox" if own.name == "bbox" else KINDS[str(own.type)]
        field = _described("boxes", own, kind, source)
        if own.name == "split":
            field["references"] = {"field": {"@id": "splits/name"}}
        fields.append(field)
    return {"@type": "cr:RecordSet", "@id": "boxes", "name": "boxes", "key": {"@id": "boxes/face_id"}, "field": fields}


def _described(record_set: str, column: "pa.Field[Any]", kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": (column.metadata or {})[b"doc"].decode(),
        "dataType": kind,
        "source": source,
    }
