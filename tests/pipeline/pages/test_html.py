"""The report page: one file, no network, every text escaped; sheets hold every picture."""

import re

import numpy as np
import pandas as pd

from pipeline.pages.html import LONG, Link, Part, Section, drawing, elided, photograph, render, table
from pipeline.pages.sheets import contact_sheet, figure


def test_the_page_is_one_file_and_escapes_what_it_is_given() -> None:
    plot = figure(2, 2)
    plot.subplots().plot([0, 1])
    parts = [
        Part("<script>alert(1)</script>", 'a "quote" & more'),
        table(pd.DataFrame({"name": ["<b>n"], "count": [3]}), "counts"),
        photograph(np.zeros((8, 8, 3), np.uint8), "black"),
        drawing(plot, "line"),
    ]
    page = render("title <i>", "lead <s>", {"fact": "<u>"}, [Section("Faces & more", parts)], Link("other.html", "<a>"))
    assert "<script" not in page
    for raw in ("<b>n", "<i>", "<u>", "<s>", "<a>"):
        assert raw not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#|other\.html")""", page)
    assert page.count("<img ") == 2
    assert 'href="#faces-more"' in page
    assert 'id="faces-more"' in page
    assert re.search(r'<td class="n">3</td>', page)


def test_long_tables_and_folded_sections_open_on_demand() -> None:
    def page(rows: int, *, folded: bool = False) -> str:
        numbers = table(pd.DataFrame({"n": range(1000, 1000 + rows)}))
        return render("t", "l", {}, [Section("Rows", [numbers], folded=folded)])

    assert "<details>" not in page(LONG)
    long = page(LONG + 1)
    above, _, inside = long.partition("<details>")
    assert f"<summary>All {LONG + 1} rows</summary>" in inside
    assert above.count("<td") == LONG // 2
    assert inside.count("<td") == LONG + 1
    assert "<details><summary>Show</summary>" in page(1, folded=True)


def test_what_opens_the_page_stands_above_the_facts_and_commands_are_code() -> None:
    first = Section("First", [Part(items=["run `a <b>` & see"])])
    page = render("t", "l", {"fact": "x"}, [Section("Later")], opening=[first])
    places = [page.index(text) for text in ('id="first"', "In short", 'id="later"')]
    assert places == sorted(places)
    assert "<li>run <code>a &lt;b&gt;</code> &amp; see</li>" in page
    assert 'href="#first"' in page


def test_names_that_begin_alike_are_told_apart_by_their_ends() -> None:
    shown = [elided(f"the-long-show-season-1-episode-{number}") for number in (1, 2, 12)]
    assert len(set(shown)) == 3
    assert max(map(len, shown)) <= 15
    assert elided("sample-kitchen") == "sample-kitchen"


def test_a_drawing_has_the_same_bytes_each_time() -> None:
    def picture() -> str:
        plot = figure(2, 2)
        plot.subplots().plot([0, 1], [0, 3])
        return drawing(plot).picture

    assert picture() == picture()


def test_a_contact_sheet_shows_every_picture_in_order() -> None:
    pictures = [np.full((20, 20, 3), level, np.uint8) for level in (10, 60, 110, 160, 210)]
    sheet = contact_sheet(pictures, columns=2, side=10, gap=2)
    assert sheet.shape == (3 * 12 + 2, 2 * 12 + 2, 3)
    centres = [int(sheet[2 + 12 * (i // 2) + 5, 2 + 12 * (i % 2) + 5, 0]) for i in range(5)]
    assert centres == [10, 60, 110, 160, 210]
