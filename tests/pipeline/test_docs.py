"""The pages in Markdown: short lines, links that lead somewhere, settings and commands that exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from pipeline.cli import app
from pipeline.params import Params
from tests.support import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = [ROOT / "params.yaml", ROOT / "pipeline" / "project" / "template" / "params.yaml"]
LONGEST = 120
SECTIONS = sorted(set(Params.model_fields) - {"toonset", "episodes", "characters", "emotions"})


@pytest.mark.parametrize("page", [*PAGES, *SETTINGS], ids=lambda page: page.name)
def test_lines_are_short_outside_tables(page: Path) -> None:
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    assert [number for number, line in lines if len(line) > LONGEST and not line.startswith("|")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_and_headings_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        other = (page.parent / target).resolve() if target else page
        assert other.is_file(), f"{page.name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, f"{page.name} links to {target}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for section, key in re.findall(rf"`({'|'.join(SECTIONS)})\.(\w+)(?:[:.][^`]*)?`", text):
        if key not in ("csv", "json", "parquet", "py"):
            annotation = Params.model_fields[section].annotation
            assert key in getattr(annotation, "model_fields", {}), f"{page.name} names {section}.{key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"`(toonset [^`]*)`|^ {4}(toonset .*)$", text, re.MULTILINE)
    for fence in re.findall(r"^```sh$(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        code += re.findall(r"^()(toonset .*)$", fence, re.MULTILINE)
    for line in ("".join(found) for found in code):
        words = line.split("#")[0].replace("\\\n", " ").split()[1:]
        command = get_command(app)
        while words and hasattr(command, "commands"):
            assert words[0].startswith("-") or words[0] in command.commands, f"{page.name}: {line}"
            command = command.commands.get(words.pop(0), command)
        options = {option for parameter in command.params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
        assert used <= options, f"{page.name}: {line}"


def test_every_page_that_the_readme_links_to_names_its_reader_first() -> None:
    for name in set(re.findall(r"\]\((docs/\w+\.md)\)", (ROOT / "README.md").read_text(encoding="utf-8"))):
        lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line]
        assert lines[0].startswith("# ")
        assert lines[1].startswith("*For "), f"{name} begins with {lines[1]!r}"
