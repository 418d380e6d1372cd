"""Haar and LBP cascades: train, read, write and run them. This library uses nothing of the pipeline.

images with boxes ─► train ─► Cascade ─► .save (OpenCV's XML)
                     fit_boxes: learn where in its window each edge of a face is
                     train_validated: with probabilities and, if asked, the choice between gray and color
Cascade.load ─► Detector.detect ─► Detections ─► evaluate ─► Roc
CascadeClassifier, groupRectangles: OpenCV's interface, for programs that were written for it
cascades.data: the cascade files of an installed OpenCV or of Debian's opencv-data
"""

from pathlib import Path

from cascades import stale
from cascades.box_fitting import fit_boxes
from cascades.box_regression import BoxRegression
from cascades.boxes import AnnotatedImage, Box, RejectedBox
from cascades.calibration import calibrate, choose_planes, operating_score, probability, train_validated
from cascades.detector import Detections, Detector, Windows
from cascades.drop_in import CascadeClassifier, groupRectangles
from cascades.errors import (
    CalibrationMissing,
    CascadeError,
    CascadeFileNotFound,
    CheckpointMismatch,
    InvalidCascadeXml,
    InvalidParameter,
    OpenCVError,
    TrainingDataError,
)
from cascades.evaluation import Roc, evaluate
from cascades.model import Cascade, CascadeInfo
from cascades.params import TrainingParams
from cascades.planes import chroma_of
from cascades.training import StageReport, TrainingResult, train

stale.forget_stale_kernels(
    Path(__file__).parent
)  # numba reads a kernel when it is first called, so this is early enough

__all__ = [
    "AnnotatedImage",
    "Box",
    "BoxRegression",
    "CalibrationMissing",
    "Cascade",
    "CascadeClassifier",
    "CascadeError",
    "CascadeFileNotFound",
    "CascadeInfo",
    "CheckpointMismatch",
    "Detections",
    "Detector",
    "InvalidCascadeXml",
    "InvalidParameter",
    "OpenCVError",
    "RejectedBox",
    "Roc",
    "StageReport",
    "TrainingDataError",
    "TrainingParams",
    "TrainingResult",
    "Windows",
    "calibrate",
    "choose_planes",
    "chroma_of",
    "evaluate",
    "fit_boxes",
    "groupRectangles",
    "operating_score",
    "probability",
    "train",
    "train_validated",
]
