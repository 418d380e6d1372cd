"""The training loop: labelled pictures in, trained weights and the learning curves out.

Everything random comes from two generators: torch's global one (initial weights, dropout), which
`pipeline.arithmetic.reproducible` seeds, and the run's own for the order of the pictures. With the network, the
optimiser and the number of the epoch they are the whole state of a `Run`: what a checkpoint has to hold.
"""

import math
from collections.abc import Iterator, Sequence
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


def best_epoch(curves: Sequence[Epoch]) -> Epoch | None:
    """The epoch with the highest validation accuracy, then the lowest validation loss, then the earliest.

    None without a validation set.
    """
    measured = [
        (-point.validation_accuracy, point.validation_loss, point.epoch, point)
        for point in curves
        if point.validation_accuracy is not None and point.validation_loss is not None
    ]
    return min(measured)[3] if measured else None
