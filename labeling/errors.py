"""What can go wrong with label configs and exports.

LabelingError
├── InvalidLabelConfig    a label config that Label Studio would not take, or that lacks what we fill in
└── InvalidExport         a file that is no Label Studio export of our tasks
"""


class LabelingError(Exception):
    """Base of everything this package raises on purpose."""


class InvalidLabelConfig(LabelingError):
    """The label config cannot be used; the message says what was found and what was expected."""


class InvalidExport(LabelingError):
    """The file is not an export of our tasks."""
