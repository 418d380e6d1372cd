"""`toonset search`: from a picture to the faces of the project that are like it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.classifier.features import Extractor, OwnFeatures, features_of
from pipeline.classifier.imagenet import ImageNetFeatures
from pipeline.classifier.model import load_model
from pipeline.errors import InputError
from pipeline.params import load_params
from pipeline.search.hits import Answer, Hit, Links, Wanted, hits_of, with_emotions
from pipeline.search.index import Index, faces_in_use, features_of_faces
from pipeline.search.page import write_page
from pipeline.search.query import faces_asked
from pipeline.search.sheet import write_sheet

SHOWN = ("face_id", "episode_id", "frame", "pts", "time_s", "character", "x", "y", "w", "h", "emotion", "probability")
"""What the JSON says of a face."""


def search(
    picture: Path,
    wanted: Wanted,
    model: Path,
    out: Path,
    *,
    cascades: Sequence[Path] = (),
    margin: float | None = None,
    imagenet: bool = False,
    as_json: bool = False,
    sheet: Path | None = None,
) -> None:
    """Find the faces that are like those in a picture; write `out`/NAME.html, or print them as JSON.

    imagenet: compare by a network that was trained on photographs. sheet: a PNG to write as well.
    """
    if sheet is not None and sheet.suffix.casefold() != ".png":
        raise InputError(f"--sheet {sheet}: a sheet is a PNG; give it a name that ends in .png")
    params = load_params()
    classifier = load_model(model)
    wanted.check(params.characters, classifier.emotions)
    asked = faces_asked(picture, classifier, params, cascades, margin)
    own = OwnFeatures(classifier)
    extractor: Extractor = ImageNetFeatures() if imagenet else own
    faces = faces_in_use()
    features = features_of_faces(faces, own, params.faces.crop_margin)
    faces = with_emotions(faces, own.answers(features), classifier.about)
    if imagenet:
        features = features_of_faces(faces, extractor, params.faces.crop_margin)
    index = Index.of(faces, features)
    if not wanted.among(index.faces).any():
        raise InputError(f"the project has no face that is {wanted.said}: leave an option out")
    answers = []
    for face in asked:
        found = features_of(extractor, [face.pixels], face.margin)[0]
        probabilities = classifier.predict([face.pixels], face.margin)[0]
        best = int(probabilities.argmax())
        hits = hits_of(index, found, wanted, Links(Path() if as_json else out))
        sure = bool(probabilities[best] >= classifier.about.unsure_below)
        answers.append(Answer(face, classifier.emotions[best], float(probabilities[best]), not sure, hits))
    if sheet is not None:
        write_sheet(sheet, answers, params)
    if as_json:
        for answer in answers:
            for rank, hit in enumerate(answer.hits, start=1):
                print(json.dumps(_row(picture, answer, rank, hit), ensure_ascii=False))
        return
    path = out / f"{picture.stem}.html"
    write_page(path, picture, answers, wanted.said, params.characters, params.names)
    count = sum(len(answer.hits) for answer in answers)
    said = "1 face" if len(asked) == 1 else f"{len(asked)} faces"
    print(f"search: {said} in {picture}, {count} found among {len(faces)}: {path}")
    if sheet is not None:
        print(f"search: {sheet}")


def _row(picture: Path, answer: Answer, rank: int, hit: Hit) -> dict[str, Any]:
    face = {name: hit.face[name] for name in SHOWN}
    return {
        "picture": str(picture),
        "asked_box": answer.asked.box,
        "asked_character": answer.asked.character,
        "rank": rank,
        "likeness": hit.likeness,
        **face,
        "unsure": hit.face["unsure"],
        "said_by_people": hit.face["label"] != "",
        "near_duplicates": hit.face["cluster_size"] - 1,
        "video": hit.video,
        "watch": hit.watch,
    }
