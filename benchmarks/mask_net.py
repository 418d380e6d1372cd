"""A small U-Net that says which pixels of a crop are face: `python -m benchmarks.mask_net FOLDER`.

FOLDER is one in which `benchmarks.pretrain draw` has run: the npm packages are taken from it. The network (after
Ronneberger, Fischer & Brox 2015) learns from faces whose masks are known exactly: avatars, emoji and animals by their
alpha, and the show with ten characters, which is drawn again with the head white and all else black. It never sees the
sample show's own episodes. Writes mask_net.safetensors into FOLDER and prints how well it and GrabCut find the faces of
the sample show. `benchmarks.masks --net FILE` takes it from there.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import nn
from torch.nn import functional

from benchmarks.drawn import choose, rasterise, read_styles, svgs_of, varied
from benchmarks.grabcut import FAR, Mask, cut_out
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.images import Pixels, cut_face, shrink
from pipeline.nets.layers import standardised
from pipeline.nets.toon import MARGIN, SIZE
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH, Shot, View
from pipeline.sample.render import Painter
from pipeline.sample.script import EPISODES, TEN_EPISODES
from pipeline.sample.svg import Image
from pipeline.sample.truth import Face, episode_truth

SMALL: Final = SIZE // 2
"""px, side of what the network reads and answers."""
WIDTHS: Final = (12, 24, 48)
DRAWN: Final = 2000
"""Faces drawn for it."""
APART: Final = 12
"""Frames of the show with ten characters between two that are taken."""
EPOCHS: Final = 8
BATCH: Final = 32
RATE: Final = 0.004
LEAST: Final = 0.1
"""A mask with less than this share of the box is none: the whole crop counts as face then."""
ASKED: Final = 200
"""Faces of the sample show by which masks are judged."""


def block(before: int, after: int) -> nn.Sequential:
    """Two 3×3 convolutions, [N, before, H, W] → [N, after, H, W]."""
    layers: list[nn.Module] = []
    for entering in (before, after):
        layers += [nn.Conv2d(entering, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """uint8 or float [N, 3, S, S] → logits of "this pixel is face", float32 [N, S, S]."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([block(3, WIDTHS[0]), *(block(a, b) for a, b in pairwise(WIDTHS))])
        self.up = nn.ModuleList([block(a + b, a) for a, b in pairwise(WIDTHS)])
        self.head = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x, kept = standardised(x.float() / 255), []
        for level, down in enumerate(self.down):
            x = down(functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for up, beside in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = up(torch.cat([functional.interpolate(x, size=beside.shape[2:]), beside], dim=1))
        logits: torch.Tensor = self.head(x)[:, 0]
        return logits


def disc(size: int, margin: float, diameter: float) -> Mask:
    """Which pixels of a crop lie within a circle of so many sides of the face's box, bool [size, size]."""
    place = (np.arange(size) + 0.5 - size / 2) / (size / (1 + 2 * margin))
    return np.asarray(np.hypot(place[:, None], place[None]) <= diameter / 2)


def face_masks(net: UNet, pictures: Pixels) -> NDArray[np.bool_]:
    """The masks of crops with the margin `MARGIN`, uint8 [N, SIZE, SIZE, 3] → bool [N, SIZE, SIZE]."""
    net.eval()
    near, found = disc(SIZE, MARGIN, FAR), []
    with torch.no_grad():
        for start in range(0, len(pictures), 64):
            small = np.stack([shrink(one, SMALL, SMALL) for one in pictures[start : start + 64]])
            logits = net(torch.from_numpy(small).permute(0, 3, 1, 2))
            whole = functional.interpolate(logits[:, None], size=(SIZE, SIZE), mode="bilinear")[:, 0].numpy()
            found.append((whole > 0) & near)
    masks = np.concatenate(found)
    masks[masks.mean(axis=(1, 2)) * (1 + 2 * MARGIN) ** 2 < LEAST] = True
    return masks


class Matte(Painter):
    """Draws one character's head white and all else black: the exact mask of what is seen of it."""

    wanted = ""

    def mask(self, frame: int, character: str) -> Mask:
        """Which pixels of a frame of the episode show the character's head, bool [H, W]."""
        self.wanted, self._held = character, None
        shot = next(shot for shot in self.plan if shot.start <= frame < shot.stop)
        return self._painted(shot, frame - shot.start, True)[..., 0] > 127

    def _backdrop(self, shot: Shot, view: View) -> Image:
        return np.zeros((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)

    def _raster(self, key: Hashable, shapes: Callable[[], str], scale: float, part: tuple[int, int, int, int]) -> Image:
        raster = super()._raster(key, shapes, scale, part).copy()
        what = key[0] if isinstance(key, tuple) else None
        white = isinstance(what, tuple) and what[:2] == ("head", self.wanted)
        raster[..., :3] = raster[..., 3:] if white else 0
        return raster


def of_show(
    episodes: Sequence[str], apart: int, dice: np.random.Generator, shift: float
) -> Iterator[tuple[Pixels, Mask]]:
    """Faces of a drawn show and their masks, [SIZE, SIZE, 3] and [SIZE, SIZE]. shift: how far boxes are off."""
    for name in episodes:
        painter, matte = Painter(name), Matte(name)
        faces = episode_truth(name).faces.query("annotatable and frame % @apart == 0")
        pictures = {}
        for row in faces.itertuples(index=False, name=None):
            face = Face(*row)
            if face.frame not in pictures:
                pictures = {face.frame: next(painter.frames(face.frame, face.frame + 1))[..., ::-1]}
            side = max(face.w, face.h)
            x, y, more = np.rint(dice.normal(0, shift, 3) * side).astype(int).tolist()
            box = (face.x + x - more // 2, face.y + y - more // 2, face.w + more, face.h + more)
            mask = matte.mask(face.frame, face.character).astype(np.uint8) * 255
            pair = [cut_face(np.ascontiguousarray(one), box, MARGIN, SIZE)
                    for one in (pictures[face.frame], np.repeat(mask[..., None], 3, axis=2))]  # fmt: skip
            rgb, white = (
                np.asarray(cv2.resize(one, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)
                for one in pair
            )
            yield rgb, (white[..., 0] > 127) & disc(SIZE, MARGIN, FAR)


def of_avatars(packages: Path, count: int, dice: np.random.Generator) -> Iterator[tuple[Pixels, Mask]]:
    """Avatars, emoji and animals on varied backgrounds, and where they are."""
    styles = read_styles()
    faces = choose(styles, count, 100)  # other drawings than those of the shipped weights
    for face, svg in zip(faces, svgs_of(faces, styles, packages), strict=True):
        rgb, cover = varied(rasterise(svg, styles[face.style]), dice)
        yield rgb, (cover > 0.5) & disc(SIZE, MARGIN, FAR)


def batches_of(count: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """All rows in a new order, `BATCH` at a time."""
    order = torch.randperm(count, generator=generator)
    yield from (order[start : start + BATCH] for start in range(0, count, BATCH))


def learn(pictures: Pixels, masks: NDArray[np.bool_], seed: int) -> UNet:
    """The trained network. pictures: uint8 [N, SIZE, SIZE, 3]; masks: bool [N, SIZE, SIZE]."""
    images = torch.from_numpy(np.stack([shrink(one, SMALL, SMALL) for one in pictures])).permute(0, 3, 1, 2)
    wanted = torch.from_numpy(np.stack([shrink(one.astype(np.uint8) * 255, SMALL, SMALL) for one in masks])) / 255
    net, generator = UNet(), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(images) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in batches_of(len(images), generator):
            x, y = images[rows], wanted[rows]
            if torch.rand((), generator=generator) < 0.5:
                x, y = x.flip(3), y.flip(2)
            loss = functional.binary_cross_entropy_with_logits(net(x), y)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            pace.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1}: loss {total / len(images):.3f}", flush=True)
    return net


def stacked(pairs: Sequence[tuple[Pixels, Mask]]) -> tuple[Pixels, NDArray[np.bool_]]:
    """Pictures and masks as one array each."""
    return np.stack([picture for picture, _ in pairs]), np.stack([mask for _, mask in pairs])


def overlap(found: Mask, truth: Mask) -> float:
    """Intersection over union of two masks."""
    return float((found & truth).sum() / max(1, (found | truth).sum()))


def read_net(path: Path) -> tuple[UNet, str]:
    """The network of a file and the file's sha256."""
    data, net = path.read_bytes(), UNet()
    net.load_state_dict(load(data), strict=False)  # but for counts of batches
    return net, hashlib.sha256(data).hexdigest()


def main() -> None:
    """Parse the command line, draw, learn, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="one in which `benchmarks.pretrain draw` has run")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    cv2.setNumThreads(1)
    dice = np.random.default_rng(options.seed)
    shown = list(of_show(TEN_EPISODES, APART, dice, 0.05))
    pairs = shown + list(of_avatars(options.folder / "npm", DRAWN, dice))
    drawn_s = time.process_time()
    print(f"faces: {len(shown)} of the show with ten characters, {len(pairs) - len(shown)} drawn; {drawn_s:.0f} CPU s")
    pictures, masks = stacked(pairs)
    with reproducible(options.seed, 1):
        net = learn(pictures, masks, options.seed)
        print(f"training: {time.process_time() - drawn_s:.0f} CPU s")
        path = options.folder / "mask_net.safetensors"
        path.write_bytes(
            save({name: tensor.contiguous() for name, tensor in net.state_dict().items() if "num_b" not in name})
        )
        asked = list(of_show(EPISODES, 4 * APART, dice, 0.0))[:ASKED]
        pictures, truths = stacked(asked)
        found = face_masks(net, pictures)
        cut = [cut_out(one, MARGIN) for one in pictures]
        middle = disc(SIZE, MARGIN, 1.0)
        for title, answers in (
            ("U-Net", found),
            ("GrabCut", cut),
            ("a disc as wide as the box", [middle] * len(asked)),
        ):
            mean = np.mean([overlap(one, truth) for one, truth in zip(answers, truths, strict=True)])
            print(f"sample show, {len(asked)} faces, {title}: IoU {mean:.3f}")
    print(f"{path}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
