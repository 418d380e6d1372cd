"""The names that other people's code may use are pinned: a name that goes or comes is a change that users notice.

They are computed from the packages as they are imported, each in a Python of its own: other tests import more.
"""

import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import pytest

PACKAGES = {
    "cascades": """
        AnnotatedImage Box BoxRegression CalibrationMissing Cascade CascadeClassifier CascadeError CascadeFileNotFound
        CascadeInfo CheckpointMismatch Detections Detector InvalidCascadeXml InvalidParameter OpenCVError RejectedBox
        Roc StageReport TrainingDataError TrainingParams TrainingResult Windows calibrate choose_planes chroma_of
        evaluate fit_boxes groupRectangles operating_score probability train train_validated
    """,
    "pipeline": "Classifier ToonsetError __version__ load_model",
    "labeling": """
        agreement anchoring answers config dawid_skene errors exports local_server push server tasks
    """,
}
"""Package → its `__all__`."""
LABELING = {
    "agreement": "Estimate alpha_of_class confusion kappas krippendorff_alpha measure pairs several value_counts",
    "anchoring": "anchoring",
    "answers": "",
    "config": "Kind Page box_config emotion_config fill missing_tags name_config offered same_config sheet_config",
    "dawid_skene": "Fit dawid_skene",
    "errors": """
        AccessDenied ConfigChanged InvalidExport InvalidLabelConfig LabelingError LocalServerError ServerError
        ServerUnreachable
    """,
    "exports": "box_rows emotion_rows name_rows sheet_rows",
    "local_server": "Credentials LocalServer cache ensure_environment pinned_version requirements running_version",
    "push": "Plan Pushed describe ensure_project lost_answers plan push",
    "server": "Present Project Server without_secrets",
    "tasks": "Drawn Guess box_task clock emotion_task name_task sheet_task",
}
"""Module of labeling → its functions and classes."""

COMPUTE = """
import importlib, inspect, json, sys

found = {}
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    own = [
        key for key, value in vars(module).items()
        if not key.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(name)
    ]
    listed = list(getattr(module, "__all__", own))
    found[name] = {"own": sorted(own), "listed": listed, "there": [key for key in listed if hasattr(module, key)]}
print(json.dumps(found))
"""


def computed(*modules: str) -> dict[str, Any]:
    return dict(json.loads(subprocess.check_output([sys.executable, "-c", COMPUTE, *modules], text=True)))


@pytest.mark.slow
def test_the_names_of_the_packages() -> None:
    for package, pinned in PACKAGES.items():
        found = computed(package)[package]
        assert found["listed"] == sorted(found["listed"]) == pinned.split()
        assert set(found["own"]) <= set(found["listed"]), package
        assert package == "labeling" or found["there"] == found["listed"]  # its names are modules, which are not loaded


@pytest.mark.slow
def test_the_names_of_labelings_modules() -> None:
    assert list(LABELING) == PACKAGES["labeling"].split()
    found = computed(*(f"labeling.{module}" for module in LABELING))
    for module, pinned in LABELING.items():
        assert found[f"labeling.{module}"]["own"] == pinned.split(), module


def test_type_checkers_are_told_of_the_types() -> None:
    for package in PACKAGES:
        assert (files(package) / "py.typed").is_file(), package
