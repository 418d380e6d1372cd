"""What can go wrong between us and Label Studio.

LabelingError
├── InvalidLabelConfig    a label config that Label Studio would not take, or that lacks what we fill in
├── InvalidExport         a file that is no Label Studio export of our tasks
├── ServerError           a server that does not do what was asked; the message carries its own words
│   ├── ServerUnreachable     nothing answers, or not in time
│   ├── AccessDenied          the token is unknown, revoked or of another kind
│   └── ConfigChanged         the labelling page was changed by hand in a way that loses answers
└── LocalServerError      our own server cannot be installed or started

A message says what was found, what was expected and what to do; none ever carries a token.
"""


class LabelingError(Exception):
    """Base of everything this package raises on purpose."""


class InvalidLabelConfig(LabelingError):
    """The label config cannot be used; the message says what was found and what was expected."""


class InvalidExport(LabelingError):
    """The file is not an export of our tasks."""


class ServerError(LabelingError):
    """The server refused or failed; what was done before stays done, and the same command goes on from there."""


class ServerUnreachable(ServerError):
    """Nothing answers at the address, or it stopped answering."""


class AccessDenied(ServerError):
    """The server does not accept the token."""


class ConfigChanged(ServerError):
    """A project's labelling page was changed by hand and no longer asks what we read answers from."""


class LocalServerError(LabelingError):
    """Label Studio's own environment cannot be made, or the server in it does not start."""
