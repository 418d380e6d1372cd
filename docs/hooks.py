"""What `make docs` adds to the pages of this folder, made anew each time: nothing here can go out of date.

README.md, CONTRIBUTING.md and CHANGELOG.md are pages. The references come from the code: the commands from the command
line itself, params.yaml from its model and the comments of the template, the public names from the packages. Notebooks
are shown as pages. mkdocs calls `on_config`, `on_files` and `on_page_markdown`.
"""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

from pipeline.params import Params

ROOT: Final = Path(__file__).resolve().parents[1]
TEMPLATE: Final = ROOT / "pipeline" / "project" / "template" / "params.yaml"
GUIDES: Final = (
    "annotations",
    "exchange",
    "formats",
    "publish",
    "check",
    "labelling",
    "splits",
    "sharing",
    "models",
    "cascades",
    "scaling",
    "stages",
)
"""Guides in the order in which they are read; those that are not named come after them."""
PACKAGES: Final = ("pipeline", "cascades", "labeling")
PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "cascades/README.md": "cascades-alone.md",
}
"""Files of the repository → their pages."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The navigation: every page of docs/ has its place in it."""
    folder = Path(config.docs_dir)
    found = sorted(path.stem for path in folder.glob("*.md"))
    guides = [name for name in GUIDES if name in found] + [name for name in found if name not in GUIDES]
    notebooks = sorted(path.stem for path in (folder / "notebooks").glob("*.ipynb"))
    config.nav = [
        {"Start": "index.md"},
        {"Guides": [*(f"{name}.md" for name in guides), PAGES["cascades/README.md"]]},
        {"Notebooks": [f"notebooks/{name}.md" for name in notebooks]},
        {"Reference": ["commands.md", "params.md", *(f"api/{package}.md" for package in PACKAGES)]},
        {"Project": ["changelog.md", "contributing.md"]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    pages = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in PAGES.items()}
    pages |= {"commands.md": commands(), "params.md": params_reference()}
    pages |= {f"api/{package}.md": public_names(package) for package in PACKAGES}
    for path in sorted((Path(config.docs_dir) / "notebooks").glob("*.ipynb")):
        pages[f"notebooks/{path.stem}.md"] = notebook(path)
    pages["site.css"] = code_colors()
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links between the repository's files as links between pages."""
    markdown = markdown.replace("](../", "](").replace("](docs/", "](")
    for name, page in PAGES.items():
        markdown = markdown.replace(f"]({name}", f"]({page}")
    return markdown


def commands() -> str:
    """The reference of the command line, as typer writes it."""
    command = [
        sys.executable,
        "-m",
        "typer",
        "pipeline.cli",
        "utils",
        "docs",
        "--name",
        "toonset",
        "--title",
        "Commands",
    ]
    return subprocess.check_output(command, cwd=ROOT, text=True, env={**os.environ, "NO_COLOR": "1"})


def public_names(package: str) -> str:
    """The page of a package: what its `__all__` names, in that order."""
    module = importlib.import_module(package)
    lead = inspect.cleandoc(module.__doc__ or "")
    names = [name for name in module.__all__ if not name.startswith("__")]
    parts = [f"# {package}", f"```text\n{lead}\n```", *(f"::: {package}.{name}" for name in names)]
    return "\n\n".join(parts) + "\n"


def notebook(path: Path) -> str:
    """A notebook's cells as a page. What it prints is not shown: it depends on the machine."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    parts.insert(1, f"[Download this notebook]({path.name})")
    return "\n\n".join(parts) + "\n"


def code_colors() -> str:
    """The colors of code, light and dark; the theme has none of its own that would not come from another host."""
    styles = {"light": "default", "dark": "github-dark"}
    rules = [
        HtmlFormatter(style=style, nobackground=True).get_style_defs(f'[data-bs-theme="{theme}"] .codehilite')
        for theme, style in styles.items()
    ]
    return "\n".join([*rules, ".doc-signature pre { margin-bottom: 0.5rem }", ".doc-contents { margin-left: 1.5rem }"])


def params_reference() -> str:
    """The reference of params.yaml: a table per section, from the model and the template's comments."""
    schema = Params.model_json_schema()
    comments = dict(_comments(TEMPLATE.read_text(encoding="utf-8").splitlines()))
    sections = [name for name, one in schema["properties"].items() if "$ref" in one]
    top = {name: one for name, one in schema["properties"].items() if name not in sections}
    parts = [
        "# params.yaml",
        "All settings of a project. A setting that is not in the file has its default.",
        "## The show",
        _table((name, _default(one), _kind(one, schema), comments[name,]) for name, one in top.items()),
    ]
    for name in sections:
        section = _resolve(schema["properties"][name], schema)
        about = comments.get((name,)) or section["description"]
        rows = [
            (key, _default(one), _kind(one, schema), comments[name, key]) for key, one in section["properties"].items()
        ]
        parts += [f"## {name}", _sentence(about), _table(rows)]
    return "\n\n".join(parts) + "\n"


def _comments(lines: Iterable[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(section, key) → comment behind it; of a top-level key also the lines of comments above it."""
    section, above = "", []
    for line in lines:
        if line.startswith("# "):
            above.append(line[2:])
            continue
        found = re.match(r"( *)([a-z_0-9]+):([^#]*)(?:# (.*))?$", line)
        if found:
            indented, key, _, comment = found.groups()
            if not indented:
                section = key
            yield ((section, key) if indented else (key,)), comment or " ".join(above)
        above = []


def _table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    lines = ["| setting | default | value | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key}` | {default} | {kind} | {meaning.replace('|', ', ')} |" for key, default, kind, meaning in rows
    ]
    return "\n".join(lines)


def _default(one: Mapping[str, Any]) -> str:
    return f"`{json.dumps(one['default'], ensure_ascii=False)}`" if "default" in one else ""


def _kind(one: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in words; a schema of JSON Schema."""
    one = _resolve(one, schema)
    if "anyOf" in one:
        return " or ".join(_kind(option, schema) for option in one["anyOf"])
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    kinds = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`",
             "array": "list", "object": "mapping", "null": "`null`"}  # fmt: skip
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    limits = [f"{word} {one[limit]:g}" for limit, word in words.items() if limit in one]
    return " ".join([kinds[one["type"]], *limits])


def _resolve(one: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the definition that it refers to."""
    reference = one.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else one


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".:") + "." if text else ""
