"""What people wrote is shown as text wherever it is shown: by DVC's own plots, and by a Markdown reader."""

import csv
import io
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from pipeline.dataset.card import dataset_card
from pipeline.escape import markdown, plot_cell
from pipeline.schemas import DATASET, EPISODES
from tests.support.worlds import params

NASTY = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://tracker.example/x.png)",
    "a | b\n| c | d |\n\n# heading",
    "`code` *bold* _it_ ~~gone~~ &lt;b&gt; \\",
    "=1+1",
    "@SUM(A1)",
]


class Scripts(HTMLParser):
    """Counts a page's scripts."""

    count = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.count += tag == "script"


def page_of(folder: Path, annotators: list[str]) -> str:
    """What `dvc plots show` makes of answers by these people."""
    folder.mkdir()
    rows = [("f0", name, "ben", "happy", "sad") for name in annotators]
    columns = ["face_id", "annotator", "other_annotator", "said", "other_said"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "confusion.csv", index=False)
    (folder / "dvc.yaml").write_text("plots:\n- confusion.csv: {template: confusion, x: said, y: other_said}\n")
    for command in (["init", "--no-scm", "--quiet"], ["plots", "show", "--quiet"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=folder, check=True, capture_output=True)
    return (folder / "dvc_plots" / "index.html").read_text()


@pytest.mark.slow
def test_an_annotators_name_reaches_no_script_of_dvcs_plots(tmp_path: Path) -> None:
    def scripts(page: str) -> int:
        parser = Scripts()
        parser.feed(page)
        return parser.count

    plain = scripts(page_of(tmp_path / "plain", ["anna"]))
    assert scripts(page_of(tmp_path / "raw", NASTY)) > plain  # DVC does not escape by itself
    assert scripts(page_of(tmp_path / "escaped", list(map(plot_cell, NASTY)))) == plain


def test_a_cell_for_a_plot_is_one_line_and_no_formula() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([plot_cell(name)] for name in NASTY)
    cells = [row[0] for row in csv.reader(io.StringIO(text.getvalue()))]
    assert not any(set('<>"\n') & set(cell) or cell[0] in "=+-@" for cell in cells)
    assert plot_cell("anna@example.org") == "anna@example.org"


@pytest.mark.parametrize("text", NASTY)
def test_markdown_shows_what_was_written_and_nothing_else(text: str) -> None:
    line = " ".join(text.split())
    (block,) = [token for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(text)) if token.children]
    assert {token.type for token in block.children or []} <= {"text", "text_special"}
    assert "".join(token.content for token in block.children or []) == line
    row = MarkdownIt("gfm-like", {"linkify": False}).parse(f"| a | b |\n|---|---|\n| {markdown(text)} | end |")
    assert [token.content for token in row if token.type == "inline"][2:][-1] == "end"


def test_licence_and_credit_of_the_card_are_text() -> None:
    face = dict.fromkeys(DATASET.names) | {"face_id": "f", "episode_id": "e", "emotion": "sad", "character": "cat"}
    episode = dict.fromkeys(EPISODES.names) | {"episode_id": "e", "sha256": "0" * 64}
    episode |= {"license": NASTY[0], "attribution": NASTY[4]}
    faces, episodes = pd.DataFrame([face | {"split": "train"}]), pd.DataFrame([episode])
    card = dataset_card(faces, episodes, params(), ["train", "validation", "test"])
    body = card.split("---", 2)[2]
    html = MarkdownIt("gfm-like", {"linkify": False}).render(body)
    assert "<script" not in html
    assert "&lt;/script&gt;" in html
    assert "<td>a | b | c | d | # heading</td>" in html
