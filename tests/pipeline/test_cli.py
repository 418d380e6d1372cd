"""The command line explains itself: every option has a help text, every choice is listed."""

from collections.abc import Iterator
from typing import Any

import yaml
from typer.main import get_command
from typer.testing import CliRunner

from labeling.config import PAGES, Kind
from pipeline.cli import Stage, app
from tests.support import ROOT


def commands(command: Any, name: str = "toonset") -> Iterator[tuple[str, Any]]:
    """Every command below a command group, with the words that call it."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for word, one in inner.items():
        yield from commands(one, f"{name} {word}")


def test_every_command_and_every_parameter_has_a_help_text() -> None:
    found = dict(commands(get_command(app)))
    assert {"toonset new", "toonset stage", "toonset label push", "toonset cascade train"} <= set(found)
    assert [name for name, command in found.items() if not command.help] == []
    silent = [
        f"{name}: {parameter.name}"
        for name, command in found.items()
        for parameter in command.params
        if parameter.name != "help" and not parameter.help
    ]
    assert silent == []


def test_the_stages_of_the_command_line_are_those_of_dvc_yaml() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert sorted(Stage) == sorted(stages)


def test_help_lists_the_choices_and_a_wrong_one_is_answered_with_them() -> None:
    assert set(Kind) == set(PAGES)
    run = CliRunner().invoke
    for command, choices in (("stage", Stage), ("label push", Kind)):
        shown = "".join(run(app, [*command.split(), "--help"], env={"COLUMNS": "300"}).output.split())
        assert "|".join(choices) in shown
        wrong = run(app, [*command.split(), "bokses"], env={"COLUMNS": "300"})
        assert wrong.exit_code == 2
        assert all(f"'{choice}'" in wrong.output for choice in choices)
