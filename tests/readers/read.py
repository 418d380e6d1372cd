"""Reads one of our exports with another program's own reader; stands alone, for it runs in that program's environment.

    python read.py READER FOLDER

prints as JSON what was found: {"boxes": [[picture, character, [x, y, w, h]], …]} or {"faces": {split: {face_id:
emotion}}}.
"""

import importlib
import importlib.util
import json
import os
import sys
import types
from pathlib import Path

os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "FIFTYONE_DO_NOT_TRACK": "true",
               "FIFTYONE_DATABASE_URI": "mongodb://127.0.0.1:9"}  # fmt: skip
SPLITS = ("train", "validation", "test")


def corners(picture, name, x1, y1, x2, y2):
    return [Path(picture).name, name, [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]]


# Boxes.


def of_supervision(dataset):
    """Pictures and boxes of a dataset of supervision."""
    found = []
    for picture, _, boxes in dataset:
        for box, number in zip(boxes.xyxy, boxes.class_id, strict=True):
            found.append(corners(picture, dataset.classes[number], *box))
    return found


def supervision_coco(folder):
    from supervision import DetectionDataset

    return {"boxes": [
        row for file in sorted((folder / "annotations").glob("*.json"))
        for row in of_supervision(DetectionDataset.from_coco(str(folder / "images"), str(file)))
    ]}  # fmt: skip


def supervision_yolo(folder):
    from supervision import DetectionDataset

    found = []
    for split in sorted(path.name for path in (folder / "images").iterdir()):
        images, labels = folder / "images" / split, folder / "labels" / split
        found += of_supervision(DetectionDataset.from_yolo(str(images), str(labels), str(folder / "data.yaml")))
    return {"boxes": found}


def supervision_voc(folder):
    from supervision import DetectionDataset

    return {"boxes": of_supervision(
        DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    )}  # fmt: skip


def ultralytics_yolo(folder):
    """Its own check of data.yaml, and the data set that its trainer reads."""
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    found = []
    for folder_of_split in dict.fromkeys(data[key] for key in ("train", "val", "test") if data.get(key)):
        for label in YOLODataset(img_path=folder_of_split, data=data, task="detect", augment=False).get_labels():
            height, width = label["shape"]
            for number, (x, y, w, h) in zip(label["cls"][:, 0], label["bboxes"], strict=True):
                place = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
                found.append([Path(label["im_file"]).name, data["names"][int(number)], [float(v) for v in place]])
    return {"boxes": found}


def datumaro(form):
    def read(folder):
        from datumaro import Dataset

        dataset = Dataset.import_from(str(folder), form)
        names = [label.name for label in dataset.categories()[next(iter(dataset.categories()))].items]
        return {"boxes": [
            [f"{Path(item.id).name.removesuffix('.jpg')}.jpg", names[one.label], [float(v) for v in one.get_bbox()]]
            for item in dataset for one in item.annotations if one.type.name == "bbox"
        ]}  # fmt: skip

    return read


def datumaro_folder(folder):
    from datumaro import Dataset

    dataset = Dataset.import_from(str(folder), "imagenet_with_subset_dirs")
    names = [label.name for label in dataset.categories()[next(iter(dataset.categories()))].items]
    found = {}
    for item in dataset:
        (label,) = item.annotations
        found.setdefault(item.subset, {})[Path(item.id).name.rpartition(":")[2]] = names[label.label]
    return {"faces": found}


def of_fiftyone(importer):
    """Pictures and boxes of an importer of FiftyOne. Its data sets live in a MongoDB; its importers need none."""
    from PIL import Image

    found = []
    with importer:
        for picture, _, label in importer:
            with Image.open(picture) as image:
                size = [*image.size, *image.size]
            # CVAT's gives several kinds of labels by name.
            boxes = label.get("detections") if isinstance(label, dict) else label
            for one in boxes.detections if boxes is not None else ():
                place = [float(share * side) for share, side in zip(one.bounding_box, size, strict=True)]
                found.append([Path(picture).name, one.label, place])
    return found


def fiftyone_coco(folder):
    from fiftyone.utils.coco import COCODetectionDatasetImporter

    return {"boxes": [
        row for file in sorted((folder / "annotations").glob("*.json"))
        for row in of_fiftyone(COCODetectionDatasetImporter(data_path=str(folder / "images"), labels_path=str(file)))
    ]}  # fmt: skip


def fiftyone_cvat(folder):
    from fiftyone.utils.cvat import CVATImageDatasetImporter

    places = {"data_path": str(folder / "images"), "labels_path": str(folder / "annotations.xml")}
    return {"boxes": of_fiftyone(CVATImageDatasetImporter(**places))}


def fiftyone_voc(folder):
    from fiftyone.utils.voc import VOCDetectionDatasetImporter

    places = {"data_path": str(folder / "JPEGImages"), "labels_path": str(folder / "Annotations")}
    return {"boxes": of_fiftyone(VOCDetectionDatasetImporter(**places))}


def fiftyone_yolo(folder):
    from fiftyone.utils.yolo import YOLOv5DatasetImporter

    splits = {"train": "train", "validation": "val", "test": "test"}
    return {"boxes": [
        row for split, key in splits.items() if (folder / "images" / split).is_dir()
        for row in of_fiftyone(YOLOv5DatasetImporter(dataset_dir=str(folder), yaml_path="data.yaml", split=key))
    ]}  # fmt: skip


# Faces.


def torchvision_folder(folder):
    """`ImageFolder` of torchvision; the rest of the package, whose compiled part needs CUDA, is not imported."""
    place = Path(importlib.util.find_spec("torchvision").origin).parent
    for name, path in (("torchvision", place), ("torchvision.datasets", place / "datasets")):
        module = types.ModuleType(name)
        module.__path__ = [str(path)]
        module.get_image_backend = lambda: "PIL"  # what `import torchvision` sets
        sys.modules[name] = module
    image_folder = importlib.import_module("torchvision.datasets.folder").ImageFolder
    found = {}
    for split in sorted(path.name for path in folder.iterdir()):
        data = image_folder(str(folder / split), allow_empty=True)
        found[split] = {Path(path).stem: data.classes[number] for path, number in data.samples}
        picture, _ = data[0]
        assert picture.size == (96, 96), picture.size
    return {"faces": found}


def keras_folder(folder):
    """`flow_from_directory`."""
    from keras_preprocessing.image import ImageDataGenerator

    found = {}
    for split in sorted(path.name for path in folder.iterdir()):
        flow = ImageDataGenerator().flow_from_directory(str(folder / split), shuffle=False, batch_size=4)
        names = {number: name for name, number in flow.class_indices.items()}
        pictures, answers = next(flow)
        assert pictures.shape == (4, 256, 256, 3), pictures.shape
        assert answers.shape == (4, len(names)), answers.shape
        found[split] = {
            Path(name).stem: names[number] for name, number in zip(flow.filenames, flow.classes, strict=True)
        }
    return {"faces": found}


def fiftyone_folder(folder):
    from fiftyone.utils.data.importers import ImageClassificationDirectoryTreeImporter

    found = {}
    for split in sorted(path.name for path in folder.iterdir()):
        with ImageClassificationDirectoryTreeImporter(dataset_dir=str(folder / split)) as importer:
            found[split] = {Path(picture).stem: label.label for picture, _, label in importer}
    return {"faces": found}


def polars_parquet(folder):
    import polars

    rows = polars.read_parquet(str(folder / "data" / "*.parquet"))
    assert rows.schema["emotion_name"] == polars.String
    found = {}
    for face_id, emotion, split, picture in rows.select("face_id", "emotion_name", "split", "image").iter_rows():
        assert picture["bytes"].startswith(b"\xff\xd8"), picture["bytes"][:4]
        found.setdefault(split, {})[face_id] = emotion
    return {"faces": found}


def duckdb_parquet(folder):
    import duckdb

    asked = f"select split, face_id, emotion_name, image.bytes from '{folder}/data/*.parquet'"
    found = {}
    for split, face_id, emotion, picture in duckdb.sql(asked).fetchall():
        assert picture.startswith(b"\xff\xd8"), picture[:4]
        found.setdefault(split, {})[face_id] = emotion
    return {"faces": found}


def webdataset_tar(folder):
    import webdataset

    found = {}
    for split in SPLITS:
        if (folder / f"{split}-000000.tar").exists():
            data = webdataset.WebDataset(str(folder / f"{split}-000000.tar"), shardshuffle=False).decode("pil")
            for one in data:
                assert one["jpg"].size == (96, 96), one["jpg"].size
                assert one["cls"] == ("joy", "sadness", "surprise").index(one["json"]["emotion"])
                found.setdefault(split, {})[one["__key__"]] = one["json"]["emotion"]
    return {"faces": found}


READERS = {
    "datumaro coco": datumaro("coco"),
    "datumaro cvat": datumaro("cvat"),
    "datumaro voc": datumaro("voc"),
    "datumaro folder": datumaro_folder,
    "datumaro yolo": datumaro("yolo"),
    "duckdb huggingface": duckdb_parquet,
    "duckdb release": duckdb_parquet,
    "fiftyone coco": fiftyone_coco,
    "fiftyone cvat": fiftyone_cvat,
    "fiftyone folder": fiftyone_folder,
    "fiftyone voc": fiftyone_voc,
    "fiftyone yolo": fiftyone_yolo,
    "keras folder": keras_folder,
    "polars huggingface": polars_parquet,
    "polars release": polars_parquet,
    "supervision coco": supervision_coco,
    "supervision voc": supervision_voc,
    "supervision yolo": supervision_yolo,
    "torchvision folder": torchvision_folder,
    "ultralytics yolo": ultralytics_yolo,
    "webdataset webdataset": webdataset_tar,
}

if __name__ == "__main__":
    print("\n" + json.dumps(READERS[sys.argv[1]](Path(sys.argv[2]))))
