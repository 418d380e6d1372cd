"""What can go wrong, as part of the interface.

    CascadeError
    ├── CascadeFileNotFound   no such cascade on this machine (also a FileNotFoundError)
    ├── InvalidCascadeXml     a file is not a cascade this library reads
    ├── TrainingDataError     images or boxes from which nothing can be learned
    ├── PictureError          a file is not a picture, or not a whole one
    ├── InvalidParameter      a setting outside its range (also a ValueError)
    │   └── OpenCVError       a wrong call of `CascadeClassifier` (also a cv2.error)
    ├── CheckpointMismatch    a checkpoint made from other data or settings
    └── CalibrationMissing    a probability or an operating point is asked of a cascade that has none

A single bad box is data, not an error: it comes back as a `RejectedBox` with a reason.
"""

import cv2


class CascadeError(Exception):
    """Base of everything this library raises on purpose."""


class CascadeFileNotFound(CascadeError, FileNotFoundError):
    """This machine has no cascade file of that name; the message says what to install."""


class InvalidCascadeXml(CascadeError):
    """The file is not a cascade, or asks for more than a cascade may."""


class TrainingDataError(CascadeError):
    """Nothing can be learned from these images and boxes."""


class PictureError(CascadeError):
    """A file is not a picture that can be read whole."""


class InvalidParameter(CascadeError, ValueError):
    """A setting is outside its range; the message says found, expected and what to do."""


class OpenCVError(InvalidParameter, cv2.error):
    """A call that `cv2.CascadeClassifier` refuses too; programs that catch `cv2.error` catch it."""


class CheckpointMismatch(CascadeError):
    """The checkpoint belongs to other data or other settings."""


class CalibrationMissing(CascadeError):
    """The cascade has no calibration, or none for the rate that is asked for."""
