"""The characters as data: the cat and the mouse of the sample show, and the ten of the show with ten characters.

Pip and Pop look alike: they differ in the vest, a little in the fur, and Pop has a pale blaze. The dragon is seen in
few scenes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pipeline.sample.design import Design

CHARACTERS: Final = ("cat", "mouse")
TEN_CHARACTERS: Final = ("bear", "dragon", "duck", "fox", "frog", "lion", "panda", "pig", "pip", "pop")

_PIP = Design(
    outline=((0, -50), (22, -47), (36, -31), (40, -8), (44, 12), (40, 30), (22, 46), (0, 50)),
    fur="#d8b48a", fur_light="#f2dcbc", fur_dark="#a9835a", ink="#3d2b1c", muzzle="#fbf3e4", iris="#6a4a8c",
    brow="#6b4a2c", eye_x=16, eye_y=-8, eye_rx=10.5, eye_ry=15, mouth_y=28, mouth_width=19, muzzle_depth=45,
    ears="long", nose="mouse", whiskers=True, body="mouse", cloth="#c8324a", tail="#f2dcbc", stature=0.8,
)  # fmt: skip

DESIGNS: Final[Mapping[str, Design]] = {
    "cat": Design(
        outline=((0, -50), (25, -47.5), (44, -33), (51, -8), (52, 4), (63, 19), (63, 19), (50, 25), (55, 36), (55, 36),
                 (40, 40), (22, 48), (0, 50)),
        fur="#f0913a", fur_light="#ffbe6a", fur_dark="#c4631d", ink="#4a2412", muzzle="#fff1d8", iris="#58b368",
        brow="#7d3a10", eye_x=22, eye_y=-7, eye_rx=13.5, eye_ry=17, mouth_y=27, mouth_width=25, muzzle_depth=44,
        ears="cat", coat="stripes", nose="cat", whiskers=True, body="cat", cloth="#2bb8b0", cloth_dark="#1f9a94",
        tail="#c4631d",
    ),
    "mouse": Design(
        outline=((0, -50), (23, -46.5), (41, -30), (48, -5), (46, 17), (36, 35), (18, 47), (0, 50)),
        fur="#8fa3c9", fur_light="#bccbe8", fur_dark="#63759e", ink="#27304d", muzzle="#eef1fa", iris="#3d2b1f",
        brow="#2f3a5e", eye_x=16.5, eye_y=-9, eye_rx=12.5, eye_ry=18, mouth_y=29, mouth_width=20, muzzle_depth=46,
        ears="mouse", coat="tuft", nose="mouse", whiskers=True, body="mouse", cloth="#e0a526", tail="#f2b5c4",
        stature=0.9,
    ),
    "bear": Design(
        outline=((0, -50), (26, -47), (46, -30), (56, -4), (58, 18), (48, 38), (24, 48), (0, 50)),
        fur="#8a5a36", fur_light="#b98556", fur_dark="#5b3a22", ink="#2a1a10", muzzle="#e3c49a", iris="#3a2413",
        brow="#38220f", eye_x=19, eye_y=-10, eye_rx=8.5, eye_ry=11, mouth_y=29, mouth_width=26, muzzle_depth=46,
        ears="round", ear_size=1.15, nose="cat", body="cat", cloth="#3a6fc4", cloth_dark="#2b539a", tail="#5b3a22",
        stature=1.25,
    ),
    "dragon": Design(
        outline=((0, -50), (22, -47), (38, -32), (44, -6), (50, 14), (52, 30), (30, 47), (0, 50)),
        fur="#7a4fb0", fur_light="#a985dc", fur_dark="#4f2f7c", ink="#241238", muzzle="#d8c46a", iris="#e0a020",
        brow="#3a1f60", eye_x=19, eye_y=-12, eye_rx=12, eye_ry=13, mouth_y=28, mouth_width=30, muzzle_depth=40,
        ears="horns", ear_size=1.3, coat="spots", nose="cat", body="cat", cloth="#e8d34a", cloth_dark="#b8a22c",
        tail="#4f2f7c", stature=1.15,
    ),
    "duck": Design(
        outline=((0, -50), (24, -46), (40, -28), (43, -4), (40, 18), (30, 36), (16, 47), (0, 50)),
        fur="#f6d84a", fur_light="#fff0a0", fur_dark="#d0a820", ink="#5a4208", muzzle="#fff6cc", iris="#2f6f9a",
        brow="#8a6a10", eye_x=15, eye_y=-14, eye_rx=10.5, eye_ry=15, mouth_y=31, mouth_width=16, muzzle_depth=48,
        ears="none", coat="quiff", nose="beak", body="mouse", cloth="#2f6f9a", tail="#d0a820", stature=0.8,
    ),
    "fox": Design(
        outline=((0, -50), (24, -46), (42, -30), (54, -2), (60, 14), (44, 30), (18, 46), (0, 50)),
        fur="#c8481e", fur_light="#e87a3e", fur_dark="#8f2e10", ink="#3a1408", muzzle="#fff4ea", iris="#7a5a14",
        brow="#5a1c08", eye_x=20, eye_y=-8, eye_rx=9.5, eye_ry=13, mouth_y=28, mouth_width=21, muzzle_depth=50,
        ears="pointed", ear_size=1.05, coat="cheeks", nose="cat", whiskers=True, body="cat", cloth="#e9e2d0",
        cloth_dark="#c4bba4", tail="#8f2e10", stature=1.0,
    ),
    "frog": Design(
        outline=((0, -46), (24, -50), (40, -40), (50, -14), (60, 10), (56, 30), (32, 46), (0, 50)),
        fur="#6ab44a", fur_light="#a4dc7c", fur_dark="#3f7f2c", ink="#1c3a14", muzzle="#d8efb8", iris="#c89a1e",
        brow="#2f5f20", eye_x=25, eye_y=-24, eye_rx=13, eye_ry=14, mouth_y=22, mouth_width=38, muzzle_depth=34,
        ears="none", coat="spots", nose="none", body="mouse", cloth="#b0542a", tail="#6ab44a", stature=0.75,
    ),
    "lion": Design(
        outline=((0, -50), (24, -47), (42, -32), (48, -6), (50, 16), (42, 36), (22, 48), (0, 50)),
        fur="#e8b454", fur_light="#f8d68c", fur_dark="#b4541e", ink="#4a2a0c", muzzle="#fff0d0", iris="#8a5a1c",
        brow="#7a3a10", eye_x=19, eye_y=-8, eye_rx=10, eye_ry=13, mouth_y=28, mouth_width=26, muzzle_depth=46,
        ears="mane", coat="", nose="cat", whiskers=True, body="cat", cloth="#7a2f8f", cloth_dark="#5a1f6c",
        tail="#b4541e", stature=1.1,
    ),
    "panda": Design(
        outline=((0, -50), (27, -46), (47, -29), (55, -4), (54, 20), (44, 38), (22, 48), (0, 50)),
        fur="#f0f0ec", fur_light="#ffffff", fur_dark="#33343a", ink="#1a1a1e", muzzle="#ffffff", iris="#2a2a30",
        brow="#1a1a1e", eye_x=20, eye_y=-7, eye_rx=8.5, eye_ry=11.5, mouth_y=28, mouth_width=20, muzzle_depth=44,
        ears="dark", ear_size=1.1, coat="eyes", nose="cat", body="cat", cloth="#d8546a", cloth_dark="#a83a50",
        tail="#33343a", stature=1.1,
    ),
    "pig": Design(
        outline=((0, -50), (25, -46), (45, -30), (54, -4), (56, 16), (48, 36), (26, 48), (0, 50)),
        fur="#f0a4b0", fur_light="#fccdd4", fur_dark="#cc7486", ink="#5a2430", muzzle="#e88a9a", iris="#3a5a8a",
        brow="#9a4a58", eye_x=21, eye_y=-11, eye_rx=8, eye_ry=11, mouth_y=33, mouth_width=22, muzzle_depth=50,
        ears="hanging", ear_size=0.55, nose="pig", body="cat", cloth="#4a8a4a", cloth_dark="#346a34", tail="#cc7486",
        stature=0.95,
    ),
    "pip": _PIP,
    "pop": replace(_PIP, fur="#ccae96", fur_light="#eadacb", fur_dark="#9a7c66", coat="blaze", cloth="#3a62c8"),
}  # fmt: skip
