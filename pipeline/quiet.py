"""Nothing here reports to anybody: the switches of every library that would, set before it is imported.

Read from the packages themselves, at the versions of requirements.lock. Label Studio has switches of its own
(`labeling.local_server`); so has Chromium, which only tests and benchmarks drive.
"""

import os
from typing import Final

SWITCHES: Final = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime from 1.29 on sends a device id from Linux
    "DVC_NO_ANALYTICS": "true",  # where the project's own .dvc/config does not say so
    "ITERATIVE_DO_NOT_TRACK": "1",  # iterative-telemetry, which comes with dvc
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, where somebody has it
    "DO_NOT_TRACK": "1",  # an agreement among many programs
}


def keep_quiet() -> None:
    """Set the switches for this process and those it starts."""
    os.environ.update(SWITCHES)
