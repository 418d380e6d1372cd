"""The dataset's README: what is in it, where each picture comes from, what every column means."""

from collections.abc import Sequence

import pandas as pd

from pipeline.escape import markdown
from pipeline.params import Params
from pipeline.rows import DatasetRow, EpisodeRow
from pipeline.schemas import DATASET
from pipeline.tables import rows_of
from pipeline.version import VERSION

HEAD = """---
configs:
- config_name: default
  data_files:
{files}---
"""
"""What Hugging Face's `load_dataset` reads to know the splits."""


PICTURES = """

Of faces that came as pictures, `episode_id` is the source, `episode_sha256` the sha256 of the picture as it came and
`image.path` its name. `scene` is a group of pictures that are in one split as a whole, and `frame` the picture's place
in its source. What the source says is the label; it counts as one vote."""
"""What the columns mean where there is no episode."""


def dataset_card(dataset: pd.DataFrame, episodes: pd.DataFrame, params: Params, splits: Sequence[str]) -> str:
    """The card as Markdown, the same text for the same rows.

    dataset: rows of DATASET. episodes: rows of EPISODES.
    """
    counted = dataset.groupby(["emotion", "split"]).size()
    counts = [
        [_called(emotion, params), *(int(counted.get((emotion, split), 0)) for split in splits)]
        for emotion in params.emotions
    ]
    characters = ", ".join(_called(name, params) for name in sorted(dataset["character"].unique()))
    used = episodes[episodes["episode_id"].isin(dataset["episode_id"])]
    sources = [
        [row.episode_id, markdown(row.license), markdown(row.attribution), f"`{row.sha256}`"]
        for row in rows_of(used, EpisodeRow)
    ]
    elsewhere = dataset[~dataset["episode_id"].isin(episodes["episode_id"])].drop_duplicates("episode_id")
    given = [
        [row.episode_id, markdown(row.license), markdown(row.attribution), "not an episode: pictures that were given"]
        for row in rows_of(elsewhere.sort_values("episode_id"), DatasetRow)
    ]
    columns = [[f"`{field.name}`", (field.metadata or {})[b"doc"].decode()] for field in DATASET]
    # `load_dataset` fails as a whole where a split has no rows.
    filled = [split for split in splits if (dataset["split"] == split).any()]
    files = "".join(f"  - {{split: {split}, path: {split}.parquet}}\n" for split in filled)
    return f"""{HEAD.format(files=files)}
# Emotions of cartoon faces: {characters}

{len(dataset)} faces. Near-duplicates were clustered, and the sharpest face of each cluster was kept. All faces of a
scene are in one split. People gave the labels. `votes`, `agreement` and `confidence` say how sure a label is;
`label_source` and `given_by` say where it comes from. Made with toonset {VERSION}.

{_table(["emotion", *splits], counts)}

## Sources

Check that you may share a show's pictures before you do.

{_table(["episode", "licence", "credit", "sha256 of the video"], sources + given)}{PICTURES if given else ""}

## Columns

{_table(["column", "meaning"], columns)}
"""


def _called(identity: str, params: Params) -> str:
    """The name, and the id that stands in the tables where that is another."""
    name = params.shown(identity)
    return identity if name == identity else f"{markdown(name)} (`{identity}`)"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
