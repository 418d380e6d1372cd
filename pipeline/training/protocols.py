"""What `toonset benchmark` can run: the published networks and ours, each with its own recipe (`pipeline/nets/`).

A paper's protocol is its network, its training and its split of the pictures. The networks' files say what the papers
leave open and what was chosen instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pipeline.errors import ParamsError, nearest
from pipeline.params import Train

OWN: Final = "project"
"""The name of the project's own section `train`."""


@dataclass(frozen=True)
class Protocol:
    """One name that can be run."""

    train: Mapping[str, Any]
    """Settings of the section `train`; what is not named is left to the network's recipe."""
    reported: str = field(default="")
    """What the paper reports, on which faces; empty where nothing is known or the network is ours."""


_BY_PICTURE: Final = "split 80/10/10 by picture"
PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        "toon": Protocol({"net": "toon"}),
        "toon-random-start": Protocol({"net": "toon", "start": None}),
        "hill2017": Protocol({"net": "hill2017"}, "accuracy 0.80, three emotions of cartoon faces"),
        "ho2023": Protocol({"net": "ho2023"}, "accuracy about 0.50 on 60 pictures of cartoon faces"),
        "li2022": Protocol({"net": "li2022"}, "accuracy 0.868 on FER2013, photographs of people"),
        "vanilla": Protocol({"net": "vanilla"}),
        "dikshit2022": Protocol({"net": "dikshit2022"}, f"accuracy 0.70, eight emotions, {_BY_PICTURE}"),
        "resnet18": Protocol(
            {"net": "resnet18", "pretrained": "none"},
            f"accuracy 0.72 (in dikshit2022's paper), eight emotions, {_BY_PICTURE}; here from a random start",
        ),
        "resnet50": Protocol({"net": "resnet50", "pretrained": "none"}),
        "googlenet": Protocol({"net": "googlenet"}),
        "googlenet-batch-norm": Protocol({"net": "googlenet", "options": {"batch_norm": True}}),
        "googlenet-deeper": Protocol({"net": "googlenet", "options": {"deeper": True}}),
    }
)


def protocol_of(name: str, own: Train) -> Protocol:
    """The protocol of this name; `OWN` is the section `train` given here. Raises ParamsError for another name."""
    if name == OWN:
        return Protocol(own.model_dump(mode="json"))
    if name not in PROTOCOLS:
        raise ParamsError(
            f"there is no benchmark {name!r}.{nearest(name, [*PROTOCOLS, OWN])} Expected one of "
            f"{', '.join(PROTOCOLS)}, or {OWN} (the section `train` of params.yaml)"
        )
    return PROTOCOLS[name]
