"""The picture at the top of the README: `python -m benchmarks.example_picture`, after `make repro`.

Above: one frame of each of two episodes, with boxes and names from the cascades and emotions from the classifier. The
frames are from test scenes, on which nothing was trained. Below: faces of the dataset with the labels that people gave.
"""

import io
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from pipeline import load_model, paths
from pipeline.faces.crops import read_crops
from pipeline.images import decode_rgb
from pipeline.schemas import DATASET, EPISODES, MANIFEST, SPLITS
from pipeline.tables import read_rows
from pipeline.video.decode import decode_chosen

PICTURE = Path("docs/example.png")
WIDTH, GAP, MARGIN = 560, 12, 12
"""Width of a frame, space between two, space around all, px."""
TEXT = 17
"""Height of the letters, px."""
FACE = 102
"""Side of a face in the row below, px."""
COLORS = {"cat": (217, 130, 43), "mouse": (59, 130, 196)}
ACROSS = 2
PALETTE = 160
"""Colors of the PNG: few enough for a small file."""


def frames_to_show(manifest: pd.DataFrame) -> pd.DataFrame:
    """The faces (rows of MANIFEST) of a test frame per episode: that with most characters, then the largest faces."""
    faces = manifest[manifest["kept"] & (manifest["split"] == "test")]
    frames = faces.assign(area=faces["w"] * faces["h"]).groupby(["episode_id", "frame"], as_index=False)
    found = frames.agg(characters=("character", "nunique"), least=("area", "min"))
    found = found.sort_values(["characters", "least", "frame"], ascending=[False, False, True])
    best = found.drop_duplicates("episode_id").head(ACROSS)
    return faces.merge(best[["episode_id", "frame"]], on=["episode_id", "frame"]).sort_values(["episode_id", "x"])


def dataset_faces(count: int) -> pd.DataFrame:
    """Faces (rows of DATASET) on whose label two people agree: emotions and characters in turn, the sharpest first."""
    tables = [read_rows(paths.split_table(split), DATASET) for split in SPLITS]
    faces = pd.concat(tables).sort_values(["sharpness", "face_id"], ascending=[False, True])
    faces = faces[(faces["annotators"] > 1) & (faces["agreement"] == 1)].copy()
    faces["turn"] = faces.groupby(["emotion", "character"]).cumcount()
    faces["who"] = faces.groupby("emotion")["character"].rank("dense").astype(int)
    return faces.sort_values(["turn", "who", "emotion"]).head(count)


def lettering(size: int) -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings with it: the same on every machine."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf", size)


def drawn_frame(rows: pd.DataFrame, video: Path) -> Image.Image:
    """The frame of the rows (episode_id, frame, character, x, y, w, h, answer) with their boxes and words."""
    index = int(rows["frame"].iloc[0])
    rgb = next(frame.rgb() for frame in decode_chosen(video, [index]))
    scale = WIDTH / rgb.shape[1]
    picture = Image.fromarray(rgb).resize((WIDTH, round(rgb.shape[0] * scale)), Image.Resampling.LANCZOS)
    draw, font = ImageDraw.Draw(picture), lettering(TEXT)
    for row in rows.to_dict("records"):
        left, top, right, bottom = (
            round(edge * scale) for edge in (row["x"], row["y"], row["x"] + row["w"], row["y"] + row["h"])
        )
        color = COLORS.get(row["character"], (63, 155, 87))
        draw.rectangle((left, top, right, bottom), outline=color, width=3)
        for words, above in ((row["character"], True), (row["answer"], False)):
            long = draw.textlength(words, font)
            x = min(max(0, (left + right - long) / 2 - 4), WIDTH - long - 8)
            y = top - TEXT - 8 if above else bottom
            draw.rectangle((x, y, x + long + 8, y + TEXT + 8), fill=color)
            draw.text((x + 4, y + 2), words, font=font, fill="white")
    return picture


def main() -> None:
    """Draw the picture from the project in this directory."""
    manifest = read_rows(paths.MANIFEST, MANIFEST)
    manifest["kept"] = (manifest["status"] == "ok") | (manifest["cluster"] != manifest["face_id"])
    shown, model = frames_to_show(manifest), load_model()
    crops = [decode_rgb(crop) for crop in read_crops(shown)]
    probabilities = model.predict([crop for crop in crops if crop is not None])
    shown["answer"] = [f"{model.emotions[int(row.argmax())]} {row.max():.0%}" for row in probabilities]
    videos = read_rows(paths.EPISODES, EPISODES).set_index("episode_id")["path"]
    frames = [drawn_frame(rows, paths.VIDEOS / videos[name]) for name, rows in shown.groupby("episode_id", sort=True)]
    width = 2 * MARGIN + len(frames) * WIDTH + (len(frames) - 1) * GAP
    high = max(frame.height for frame in frames)
    sheet = Image.new("RGB", (width, 2 * MARGIN + high + GAP + FACE + TEXT + 8), "white")
    for index, frame in enumerate(frames):
        sheet.paste(frame, (MARGIN + index * (WIDTH + GAP), MARGIN))
    count = (width - 2 * MARGIN + GAP) // (FACE + GAP)
    step = (width - 2 * MARGIN - FACE) / (count - 1)
    draw, font = ImageDraw.Draw(sheet), lettering(TEXT - 3)
    for index, row in enumerate(dataset_faces(count).to_dict("records")):
        x, y = MARGIN + round(index * step), MARGIN + high + GAP
        face = Image.open(io.BytesIO(row["image"]["bytes"])).resize((FACE, FACE), Image.Resampling.LANCZOS)
        sheet.paste(face, (x, y))
        word = str(row["emotion"])
        draw.text((x + (FACE - draw.textlength(word, font)) / 2, y + FACE + 3), word, font=font, fill="#222222")
    sheet.quantize(PALETTE, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {sheet.width}×{sheet.height} px, {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
