"""The same bytes on other processors: the training again, compiled and dispatched for a plain x86-64."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cascades import AnnotatedImage, TrainingResult, fit_boxes
from cascades.opencv_xml import write_cascade
from tests.support import ROOT

PROGRAM = """
import hashlib
from cascades import fit_boxes, train
from cascades.opencv_xml import write_cascade
from tests.cascades.conftest import SMALL, draw_images
cascade = fit_boxes(train(draw_images(0, 20), SMALL).cascade, draw_images(0, 20))
print(hashlib.sha256((write_cascade(cascade) + repr(cascade.info)).encode()).hexdigest())
"""
PLAIN = {
    "NUMBA_CPU_NAME": "x86-64",
    "NUMBA_CPU_FEATURES": "",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
    "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FMA3,AVX,SSE4.2,SSE4.1",
}


@pytest.mark.slow
def test_same_bytes_without_modern_instructions(
    trained: TrainingResult, images: list[AnnotatedImage], tmp_path: Path
) -> None:
    environment = {**os.environ, **PLAIN, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    cascade = fit_boxes(trained.cascade, images)
    written = write_cascade(cascade) + repr(cascade.info)
    assert run.stdout.strip() == hashlib.sha256(written.encode()).hexdigest()
