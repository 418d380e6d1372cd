"""Which cascades of a project can be used: a character without boxes stops nobody else."""

from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from cascades import Cascade
from pipeline.errors import InputError
from pipeline.faces.cascade_files import found_cascades, save_cascade, save_untrained


def test_who_has_no_cascade_is_said_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cascade = Cascade.load(Path(cv2.data.haarcascades) / "haarcascade_smile.xml")
    save_cascade("hero", replace(cascade), {"min_score": 2.0}, tmp_path)
    save_untrained("rookie", "3 usable boxes", tmp_path)
    found = found_cascades(["rookie", "hero", "stranger"], "watch", tmp_path)
    assert [(one.character, one.min_score) for one in found] == [("hero", 2.0)]
    assert capsys.readouterr().out == "watch: rookie, stranger have no cascade yet: not searched for\n"


def test_nobody_with_a_cascade_is_an_error(tmp_path: Path) -> None:
    save_untrained("rookie", "3 usable boxes", tmp_path)
    with pytest.raises(InputError, match="there is no cascade in"):
        found_cascades(["rookie"], "watch", tmp_path)
