"""All results so far → two pages that open without a network.

`reports/index.html` has the figures, `reports/dataset.html` the pictures of the dataset.
"""

import pandas as pd

from pipeline import paths
from pipeline.console import say_counts
from pipeline.faces.cascade_keys import curve_file
from pipeline.labels.consensus import in_common
from pipeline.pages.advice import advice, emotions_advice
from pipeline.pages.agreement import agreement_section
from pipeline.pages.dataset import dataset_sections, emotions_section
from pipeline.pages.doubts import put_aside
from pipeline.pages.html import Link, Part, Section, drawing, png_file, render, table
from pipeline.pages.overview import dataset_overview, overview
from pipeline.pages.plots import drawn
from pipeline.pages.sheets import figure
from pipeline.params import Params, load_params
from pipeline.project.summary import headline_figures, key_metrics
from pipeline.rows import EpisodeRow
from pipeline.schemas import DATASET, EPISODES, LABELS, MANIFEST, OK, PICTURES, SCENES, SPLITS
from pipeline.tables import read_rows, rows_of, write_json, write_text

MODEL = Link("model.html", "The classifier")
"""The page that the evaluate stage makes."""


def main() -> None:
    """Read the tables and the reports of the other stages, write reports/index.html and reports/dataset.html."""
    params = load_params()
    dataset = read_dataset()
    opening, figures, pictures = (of_pictures if params.pictures_alone else of_episodes)(dataset, params)
    title = f"toonset: {', '.join(map(params.shown, params.characters))}"
    lead = "Who is in this project, what its dataset shows, and how good it is."
    numbers, shown_faces, model = (
        Link(paths.INDEX_PAGE.name, "The overview"),
        Link(paths.DATASET_PAGE.name, "The pictures"),
        MODEL,
    )
    watched = [
        Link(path.relative_to(paths.REPORTS).as_posix(), f"Timeline of {path.parent.name}")
        for path in sorted(paths.WATCH_REPORTS.glob("*/index.html"))
    ]
    page = render(title, lead, headline_figures(), figures, shown_faces, model, *watched, opening=opening)
    write_text(paths.INDEX_PAGE, page)
    write_json(paths.METRICS, key_metrics(params))
    lead = "The faces of this project as pictures."
    write_text(paths.DATASET_PAGE, render(title, lead, {}, pictures, numbers, model))
    shown = sum(part.pictures for section in [*opening, *figures, *pictures] for part in section.parts)
    say_counts("report", {"sections": len(figures) + len(pictures), "pictures": shown})


def of_episodes(dataset: pd.DataFrame, params: Params) -> tuple[list[Section], list[Section], list[Section]]:
    """The opening, the figures and the pictures of a project with episodes. dataset: rows of DATASET, all splits."""
    manifest = read_rows(paths.MANIFEST, MANIFEST)
    figures = [
        episodes_section(),
        *pictures_sections(dataset, params),
        cascades_section(params),
        faces_section(manifest, params),
        labels_section(dataset, params),
        agreement_section(params.names),
        classifier_section(),
    ]
    opening = overview(manifest, dataset, advice(params), params)
    return opening, figures, dataset_sections(manifest, dataset, params)


def of_pictures(dataset: pd.DataFrame, params: Params) -> tuple[list[Section], list[Section], list[Section]]:
    """The same of a project whose faces all came as pictures."""
    figures = [*pictures_sections(dataset, params), labels_section(dataset, params), classifier_section()]
    return dataset_overview(dataset, emotions_advice(params), params), figures, [emotions_section(dataset, params)]


def read_dataset() -> pd.DataFrame:
    """The rows of all three splits."""
    tables = [read_rows(paths.split_table(split), DATASET) for split in SPLITS]
    return pd.concat(tables, ignore_index=True)


def episodes_section() -> Section:
    """The episodes, and why some cannot be used."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    scenes = read_rows(paths.SCENES, SCENES)
    counted = scenes.groupby("episode_id").size()
    shown = pd.DataFrame(
        {
            "episode": episodes["episode_id"],
            "status": [row.status + (f": {row.reason}" if row.reason else "") for row in rows_of(episodes, EpisodeRow)],
            "size": [f"{w:.0f}×{h:.0f}" for w, h in zip(episodes["width"], episodes["height"], strict=True)],
            "frames": episodes["frames"].fillna(0).astype(int),
            "scenes": episodes["episode_id"].map(counted).fillna(0).astype(int),
            "licence": episodes["license"],
            "credit": episodes["attribution"],
        }
    )
    split = scenes.groupby("split")["frames"].agg(["size", "sum"]).reset_index()
    split.columns = pd.Index(["split", "scenes", "frames"])
    return Section("Episodes and scenes", [table(shown), table(split, "Scenes by split")])


def pictures_sections(dataset: pd.DataFrame, params: Params) -> list[Section]:
    """Where pictures came from, what their labels became, and why some are not used; nothing where there are none."""
    if not params.faces_from:
        return []
    rows = read_rows(paths.PICTURES, PICTURES, ["source", "label", "emotion", "face_id", "status", "reason", "license"])
    used = rows[rows["status"] == OK]
    sources = rows.groupby(["source", "license"], sort=False).size().reset_index(name="pictures")
    sources["used"] = sources["source"].map(used.groupby("source").size()).fillna(0).astype(int)
    words = used.groupby(["source", "label", "emotion"]).size().reset_index(name="pictures used")
    parts = [table(sources), table(named(words, params), "What the labels became")]
    reasons = rows.loc[rows["status"] != OK, "reason"].str.replace(
        r"near-duplicate of .*", "near-duplicate of another picture", regex=True
    )
    beside = int((~used["face_id"].isin(dataset["face_id"])).sum())
    if beside:
        reasons = pd.concat([reasons, pd.Series(["near-duplicate of a face from an episode"] * beside)])
    if len(reasons):
        counted = reasons.value_counts().head(12).rename_axis("reason").reset_index(name="pictures")
        parts.append(table(counted, "Pictures that are not used"))
    return [Section("Pictures that were given", parts)]


def cascades_section(params: Params) -> Section:
    """How well each character's faces are found in scenes that its cascade has not seen."""
    plot = figure(6.4, 3.4)
    axes = plot.subplots()
    for character in params.characters:
        roc = pd.read_csv(curve_file(character))
        axes.plot(
            roc["false_positives_per_frame"],
            roc["recall"],
            label=drawn(params.shown(character), character),
            drawstyle="steps-post",
        )
    axes.set(xlabel="false positives per frame", ylabel="recall (IoU 0.5)", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="lower right")
    axes.grid(alpha=0.25)
    text = "Measured on single frames of held-out scenes: detections are compared with the boxes that people drew."
    return Section("Cascades", [drawing(plot, text=text)])


def faces_section(manifest: pd.DataFrame, params: Params) -> Section:
    """The detections: faces that are used, near-duplicates, and detections that were not kept."""
    parts = [
        table(named(shares(manifest), params), "Distinct faces by character and split"),
        repeats_part(manifest, params),
    ]
    reasons = put_aside(manifest)["kind"].value_counts().rename_axis("reason")
    if len(reasons):
        parts.append(table(reasons.reset_index(name="faces"), "Detections that were not kept"))
    return Section("Faces", parts)


def shares(manifest: pd.DataFrame) -> pd.DataFrame:
    """Faces in use of each character in each split, with the share of the character's faces that this is."""
    used = manifest[manifest["status"] == OK]
    counts = used.pivot_table(index="character", columns="split", values="face_id", aggfunc="count", fill_value=0)
    counts = counts.reindex(columns=list(SPLITS), fill_value=0)
    percent = counts.mul(100).div(counts.sum(axis=1), axis=0).round().astype(int)
    return (counts.astype(str) + " (" + percent.astype(str) + " %)").rename_axis(columns=None).reset_index()


def repeats_part(manifest: pd.DataFrame, params: Params) -> Part:
    """Tracks whose faces several episodes show: openings, endings, animation used again."""
    found = manifest[manifest["repeated"]]
    if found.empty:
        return Part("Repeated material", "No two episodes share a track.")
    tracks = found.groupby(["episode_id", "scene", "track", "character"])
    shown = tracks.agg(first_frame=("frame", "min"), faces=("frame", "size"), episodes=("episodes", "max"))
    shown = shown.reset_index().sort_values(["episodes", "faces"], ascending=False, kind="stable")
    text = (
        "Tracks that other episodes show too, such as an opening. Each picture is used once, in the episode that "
        "params.yaml lists first."
    )
    return table(named(shown.head(24), params), "Repeated material", text)


def named(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The rows with characters and emotions as people read them."""
    return rows.assign(**{name: rows[name].map(params.shown) for name in ("character", "emotion") if name in rows})


def labels_section(dataset: pd.DataFrame, params: Params) -> Section:
    """The dataset, and the answers that are not used."""
    counts = dataset.pivot_table(index="emotion", columns="split", values="face_id", aggfunc="count", fill_value=0)
    counts = counts.reindex(index=params.emotions, columns=list(SPLITS), fill_value=0)
    parts = [table(named(counts.rename_axis("emotion").reset_index(), params), "Faces by emotion and split")]
    if params.pictures_alone:
        return Section("Labels", parts)
    labels = read_rows(paths.LABELS, LABELS)
    reasons = in_common(labels.loc[labels["status"] != OK, "reason"]).value_counts().head(12)
    if len(reasons):
        parts.append(table(reasons.rename_axis("reason").reset_index(name="rows"), "Answers that are not used"))
    return Section("Labels", parts)


def classifier_section() -> Section:
    """The learning curves of the classifier, and its mistakes."""
    curves = pd.read_csv(paths.REPORTS / "train" / "curves.csv")
    plot = figure(8, 3)
    left, right = plot.subplots(1, 2)
    for axes, what in ((left, "loss"), (right, "accuracy")):
        for split in ("train", "validation"):
            axes.plot(curves["epoch"], curves[f"{split}_{what}"], label=split)
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.25)
    left.legend(frameon=False)
    evaluated = paths.REPORTS / "evaluate"
    return Section(
        "Classifier",
        [
            drawing(plot, "Learning curves"),
            png_file(evaluated / "confusion.png", "Confusion on held-out scenes"),
            png_file(evaluated / "mistakes.png", "Mistakes, the most confident first"),
        ],
    )
