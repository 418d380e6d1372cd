"""The sample show: a small cartoon the project draws itself, with everything in it known.

Three episodes of a minute, a cat and a mouse with five expressions, painted places, creatures that are neither, cuts
and fades. Three more episodes (TEN_EPISODES) are a show of their own with ten characters, in crowds, two of them alike
and one rare: benchmarks and tests use it. `render_episode` draws and films an episode; `episode_truth` tells what is in
it without drawing.
"""

from pipeline.sample.cast import CHARACTERS, TEN_CHARACTERS
from pipeline.sample.expressions import EXPRESSIONS
from pipeline.sample.render import render_episode
from pipeline.sample.script import EPISODES, TEN_EPISODES
from pipeline.sample.truth import SceneTruth, Truth, episode_truth

DRAWING = 1
"""Raise it when an episode's bytes change (a test pins them), so that projects draw theirs anew."""

__all__ = [
    "CHARACTERS",
    "DRAWING",
    "EPISODES",
    "EXPRESSIONS",
    "TEN_CHARACTERS",
    "TEN_EPISODES",
    "SceneTruth",
    "Truth",
    "episode_truth",
    "render_episode",
]
