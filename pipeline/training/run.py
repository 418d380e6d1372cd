"""The training loop: labelled pictures in, trained weights and the learning curves out.

Everything random comes from two generators: torch's global one (initial weights, dropout), which
`pipeline.compute.arithmetic.reproducible` seeds, and the run's own for the order and the variation of the pictures.
With the network, the optimiser and the number of the epoch they are the whole state of a `Run`: what a checkpoint
holds.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.classifier.inputs import Normalisation
from pipeline.errors import StageError
from pipeline.nets.layers import part_seen
from pipeline.nets.recipe import Recipe
from pipeline.training.augment import VARIATIONS, mix, vary

EVALUATION_BATCH: Final = 256
WARM_UP: Final = 0.25
"""Share of the one-cycle schedule in which the rate rises."""


@dataclass(frozen=True)
class Examples:
    """Labelled pictures."""

    images: torch.Tensor
    """uint8 [N, S, S, C]."""
    targets: torch.Tensor
    """Index of the emotion, int64 [N]."""
    shares: torch.Tensor | None = None
    """What is learned, float32 [N, K], where it is more than the emotion: shares of the votes."""

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Epoch:
    """One point of the learning curves. Losses are means of the cross-entropy (nats); None: there is no validation.

    The training figures are gathered while the weights move, dropout is on and the pictures are varied, as Keras does.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    train_accuracy: float
    validation_accuracy: float | None


class Run:
    """A training under way: call `step` once per epoch."""

    def __init__(
        self,
        net: nn.Module,
        normalise: Normalisation,
        train: Examples,
        validation: Examples | None,
        recipe: Recipe,
        seed: int = 0,
        classes: int | None = None,
        pace: float = 1.0,
    ) -> None:
        """The network decides the device.

        validation: what each epoch is measured by; None: by nothing. classes: how many, where the targets do not show
        them all. pace: the learning rate of all layers but `head`, as a share of the recipe's; below 1 where those
        layers already know faces.
        """
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = next(net.parameters()).device
        self.normalise = normalise
        self.train, self.recipe = train, recipe
        self.validation = Examples(train.images[:0], train.targets[:0]) if validation is None else validation
        self.classes = classes or int(train.targets.max()) + 1
        self.counts = torch.bincount(train.targets, minlength=self.classes)
        self.optimiser = make_optimiser(net, recipe, pace)
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = 0
        self.curves: list[Epoch] = []
        self.smoothed = self._targets()
        self.weights = class_weights(self.counts).to(self.device) if recipe.imbalance == "weights" else None

    def step(self) -> Epoch:
        """Train one epoch and measure it; raises StageError if the loss is no number any more."""
        steps = -(-len(self.train) // self.recipe.batch)
        done, total = self.epoch * steps, self.recipe.epochs * steps
        self.epoch += 1
        self.net.train()
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        for number, (images, shares) in enumerate(self._batches()):
            for group in self.optimiser.param_groups:
                group["lr"] = group["pace"] * rate(self.recipe, done + number, total)
            logits = self.net(images)
            loss = cross_entropy(self.net, logits, shares, self.weights)
            penalty: Callable[[], torch.Tensor] | None = getattr(self.net, "penalty", None)
            self.optimiser.zero_grad()
            (loss if penalty is None else loss + penalty()).backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            loss_sum += loss.detach() * len(images)
            right += (logits.argmax(dim=1) == shares.argmax(dim=1)).sum()
        train_loss, train_accuracy = loss_sum.item() / len(self.train), right.item() / len(self.train)
        validation_loss, validation_accuracy = loss_and_accuracy(self.net, self.normalise, self.validation)
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss or 0.0)):
            raise StageError(
                f"the loss became {train_loss} (validation: {validation_loss}) in epoch {self.epoch} of "
                f"{self.recipe.epochs}: training has diverged. Try a smaller train.learning_rate (it is "
                f"{self.recipe.learning_rate:g}; try a tenth of it) or a smaller train.momentum "
                f"(it is {self.recipe.momentum:g})"
            )
        return Epoch(self.epoch, train_loss, validation_loss, train_accuracy, validation_accuracy)

    def _targets(self) -> torch.Tensor:
        """What is learned of each picture, float32 [N, classes], smoothed."""
        shares = self.train.shares
        if shares is None:
            shares = functional.one_hot(self.train.targets, self.classes).float()
        return (1 - self.recipe.smoothing) * shares + self.recipe.smoothing / self.classes

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The training pictures in a new order, as normalised, varied batches and what is to be learned of them."""
        how = VARIATIONS[self.recipe.augment]
        seen: slice | None = getattr(self.net, "seen", None)
        order = self._order()
        for start in range(0, len(order), self.recipe.batch):
            rows = order[start : start + self.recipe.batch]
            images = self.normalise(self.train.images[rows].to(self.device))
            shares = self.smoothed[rows].to(self.device)
            images = part_seen(images, seen) if how is None else vary(images, how, self.generator, seen)
            if self.recipe.mixup:
                images, shares = mix(images, shares, self.recipe.mixup, self.generator)
            yield images, shares

    def _order(self) -> torch.Tensor:
        """Row numbers: each once; under balanced batches, of each emotion that occurs equally many, in turn."""
        if self.recipe.imbalance != "batches":
            return torch.randperm(len(self.train), generator=self.generator)
        present = [int(emotion) for emotion in self.counts.nonzero()]
        each = -(-len(self.train) // len(present))
        decks = []
        for emotion in present:
            own = (self.train.targets == emotion).nonzero()[:, 0]
            laps = [own[torch.randperm(len(own), generator=self.generator)] for _ in range(-(-each // len(own)))]
            decks.append(torch.cat(laps)[:each])
        return torch.stack(decks, dim=1).flatten()[: len(self.train)]


def cross_entropy(
    net: nn.Module, logits: torch.Tensor, shares: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    """Mean loss of a batch; where classes are judged one by one (`net.sigmoid`), the sum of their binary losses."""
    if not getattr(net, "sigmoid", False):
        return functional.cross_entropy(logits, shares, weight=weights)
    return functional.binary_cross_entropy_with_logits(logits, shares, weight=weights) * logits.shape[1]


def class_weights(counts: torch.Tensor) -> torch.Tensor:
    """A weight per class, float32 [K], so that each that occurs counts the same in all and the mean example 1."""
    present = counts > 0
    share = counts.sum() / (present.sum() * counts.clamp(min=1))
    return torch.where(present, share, torch.zeros(())).float()


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of one step, from 0; one-cycle (Smith & Topin 2018): up from 1/25, then down to 0, cosines."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    progress = step / steps
    if progress < WARM_UP:
        low, share = recipe.learning_rate / 25, progress / WARM_UP
        return low + (recipe.learning_rate - low) * (1 - math.cos(math.pi * share)) / 2
    return recipe.learning_rate * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


def make_optimiser(net: nn.Module, recipe: Recipe, pace: float = 1.0) -> torch.optim.Optimizer:
    """The optimiser over the weights that are trained, with Keras's other constants.

    Under `adamw` only weights of layers decay, not biases and the scales of normalisation. pace: as `Run` has it.
    """
    groups = _groups(net, recipe, pace)
    eps, decay, lr = 1e-7, recipe.weight_decay, recipe.learning_rate
    match recipe.optimizer:
        case "sgd":
            nesterov = recipe.momentum > 0
            return torch.optim.SGD(groups, lr=lr, momentum=recipe.momentum, nesterov=nesterov, weight_decay=decay)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, eps=eps, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, eps=eps)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr=lr, rho=0.95, eps=eps, weight_decay=decay)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr=lr, eps=eps, weight_decay=decay)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr, alpha=0.9, eps=eps, weight_decay=decay)
        case unknown:
            raise ValueError(f"no optimiser {unknown!r}")


def _groups(net: nn.Module, recipe: Recipe, pace: float) -> list[dict[str, Any]]:
    """The weights that are trained, by how fast they learn and, under `adamw`, by whether they decay."""
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, one in net.named_parameters():
        if one.requires_grad:
            decays = recipe.optimizer != "adamw" or one.ndim > 1
            key = (1.0 if name.startswith("head.") else pace, recipe.weight_decay if decays else 0.0)
            found.setdefault(key, []).append(one)
    return [{"params": own, "pace": own_pace, "weight_decay": decay} for (own_pace, decay), own in found.items()]


def logits_of(net: nn.Module, normalise: Normalisation, images: torch.Tensor) -> torch.Tensor:
    """Logits, float32 [N, K] on the CPU, of uint8 [N, S, S, C]; dropout off."""
    net.eval()
    device = next(net.parameters()).device
    with torch.inference_mode():
        parts = [
            net(normalise(images[start : start + EVALUATION_BATCH].to(device))).cpu()
            for start in range(0, len(images), EVALUATION_BATCH)
        ]
    return torch.cat(parts)


def loss_and_accuracy(
    net: nn.Module, normalise: Normalisation, examples: Examples
) -> tuple[float | None, float | None]:
    """Mean cross-entropy of the labels and accuracy; (None, None) of no examples."""
    if not len(examples):
        return None, None
    logits = logits_of(net, normalise, examples.images)
    shares = functional.one_hot(examples.targets, logits.shape[1]).float()
    loss = cross_entropy(net, logits, shares, None)
    return float(loss), float((logits.argmax(dim=1) == examples.targets).double().mean())


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


def best_so_far(curves: Sequence[Epoch]) -> int | None:
    """The first epoch with the lowest validation loss, which decides about early stopping; None without a validation
    set.
    """
    losses = [(point.validation_loss, point.epoch) for point in curves if point.validation_loss is not None]
    return min(losses)[1] if losses else None
