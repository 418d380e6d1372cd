"""Texts that people wrote, made harmless for the place where they are shown.

Pages are HTML made by jinja2, which escapes by itself, and drawings are SVG through `html.escape`. What stands here is
for the places that do not: Markdown, and the CSV files that `dvc plots show` puts into a script of its page.
"""

import html
import re


def markdown(text: str) -> str:
    """A text that Markdown, and HTML made from it, show as it is, on one line, also in a cell of a table."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]()#+!~|])", r"\\\1", html.escape(line, quote=False))


def plot_cell(text: str) -> str:
    """A text for a cell of a CSV file that is shown in a page's script, or opened in a spreadsheet.

    A tag would end the script. A cell that begins with =, +, - or @ is a formula to spreadsheets.
    """
    line = html.escape(" ".join(str(text).split()))
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
