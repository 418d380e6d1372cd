"""The sample show: a small cartoon the project draws itself, with everything in it known.

Three episodes of a minute, a cat and a mouse with five expressions, painted places, creatures that are neither, cuts
and fades. `render_episode` draws and films one; `episode_truth` tells what is in it without drawing.
"""

from pipeline.sample.expressions import EXPRESSIONS
from pipeline.sample.render import render_episode
from pipeline.sample.script import EPISODES
from pipeline.sample.truth import SceneTruth, Truth, episode_truth

CHARACTERS = ("cat", "mouse")
DRAWING = 1
"""Raise it when an episode's bytes change (a test pins them), so that projects draw theirs anew."""

__all__ = ["CHARACTERS", "DRAWING", "EPISODES", "EXPRESSIONS", "SceneTruth", "Truth", "episode_truth", "render_episode"]
