"""The training loop: labelled pictures in, the weights of the chosen epoch and the learning curves out.

Everything random comes from two generators: torch's global one (initial weights, dropout), which
`pipeline.arithmetic.reproducible` seeds, and the run's own for the order of the pictures. With the network, the
optimiser and the number of the epoch they are the whole state of a `Run`: what a checkpoint has to hold.
"""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.errors import StageError
from pipeline.inputs import Normalisation
from pipeline.params import Train

EVALUATION_BATCH: Final = 256


@dataclass(frozen=True)
class Examples:
    """Labelled pictures."""

    images: torch.Tensor
    """uint8 [N, S, S, C]."""
    targets: torch.Tensor
    """Index of the emotion, int64 [N]."""

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Epoch:
    """One point of the learning curves. Losses are means of the cross-entropy (nats); None: there is no validation.

    The training figures are gathered while the weights move and dropout is on, as Keras does.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    train_accuracy: float
    validation_accuracy: float | None


class Run:
    """A training under way: call `step` once per epoch."""

    def __init__(
        self, net: nn.Module, normalise: Normalisation, train: Examples, validation: Examples, params: Train
    ) -> None:
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalise = normalise
        self.train, self.validation, self.params = train, validation, params
        self.optimiser = torch.optim.SGD(
            net.parameters(), lr=params.learning_rate, momentum=params.momentum, nesterov=params.momentum > 0
        )
        self.generator = torch.Generator().manual_seed(params.seed)
        self.epoch = 0

    def step(self) -> Epoch:
        """Train one epoch and measure it; raises StageError if the loss is no number any more."""
        self.epoch += 1
        self.net.train()
        loss_sum, right = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)
        for images, targets in self._batches():
            logits = self.net(images)
            loss = functional.cross_entropy(logits, targets)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            loss_sum += loss.detach() * len(targets)
            right += (logits.argmax(dim=1) == targets).sum()
        train_loss, train_accuracy = loss_sum.item() / len(self.train), right.item() / len(self.train)
        validation_loss, validation_accuracy = evaluate(self.net, self.normalise, self.validation)
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss or 0.0)):
            raise StageError(
                f"the loss became {train_loss} in epoch {self.epoch} of {self.params.epochs}: the weights ran away. "
                f"Try a smaller train.learning_rate (it is {self.params.learning_rate:g}; try a tenth of it) "
                f"or a smaller train.momentum (it is {self.params.momentum:g})"
            )
        return Epoch(self.epoch, train_loss, validation_loss, train_accuracy, validation_accuracy)

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The training pictures in a new order, as normalised batches and their targets."""
        order = torch.randperm(len(self.train), generator=self.generator)
        for start in range(0, len(order), self.params.batch):
            rows = order[start : start + self.params.batch]
            yield self.normalise(self.train.images[rows]), self.train.targets[rows]


def evaluate(net: nn.Module, normalise: Normalisation, examples: Examples) -> tuple[float | None, float | None]:
    """Mean cross-entropy and accuracy, dropout off; (None, None) of no examples."""
    if not len(examples):
        return None, None
    net.eval()
    loss_sum, right = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(examples), EVALUATION_BATCH):
            targets = examples.targets[start : start + EVALUATION_BATCH]
            logits = net(normalise(examples.images[start : start + EVALUATION_BATCH]))
            loss_sum += float(functional.cross_entropy(logits, targets, reduction="sum"))
            right += int((logits.argmax(dim=1) == targets).sum())
    return loss_sum / len(examples), right / len(examples)


def better(candidate: Epoch, best: Epoch | None) -> bool:
    """Whether `candidate`'s weights should be kept rather than those of an earlier epoch.

    The higher validation accuracy wins, then the lower validation loss, then the earlier epoch. Without a validation
    set the last epoch wins, since nothing else can be said for any.
    """
    if best is None or candidate.validation_accuracy is None or candidate.validation_loss is None:
        return True
    assert best.validation_accuracy is not None
    assert best.validation_loss is not None
    return (candidate.validation_accuracy, -candidate.validation_loss) > (
        best.validation_accuracy,
        -best.validation_loss,
    )


def fit(run: Run, epochs: Iterable[int]) -> tuple[list[Epoch], Epoch]:
    """Train for `epochs`, load the weights of the best one into the network; return the curves and the best epoch."""
    curves: list[Epoch] = []
    best: Epoch | None = None
    weights: dict[str, torch.Tensor] = {}
    for _ in epochs:
        point = run.step()
        curves.append(point)
        if better(point, best):
            best, weights = point, copy.deepcopy(run.net.state_dict())
    assert best is not None
    run.net.load_state_dict(weights)
    return curves, best
