"""The training loop against a twin in numpy, and on pictures where the answer is known."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.classifier.inputs import InputShape, Normalisation, statistics
from pipeline.compute.arithmetic import reproducible
from pipeline.errors import StageError
from pipeline.nets import architecture, build
from pipeline.nets.recipe import Recipe
from pipeline.training.run import Epoch, Examples, Run, best_epoch, loss_and_accuracy
from pipeline.training.train import examples
from tests.support.drawn_shapes import SHAPES, rows

EMPTY = Examples(torch.zeros(0, 4, 4, 3, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
AS_IT_IS = Normalisation((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))


def small_examples(n=12, classes=3):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (n, 4, 4, 3)).astype(np.uint8)
    return Examples(torch.from_numpy(images), torch.from_numpy(rng.integers(0, classes, n)))


def linear_net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 3))


def test_epochs_equal_sgd_with_nesterov_momentum_written_out_in_numpy():
    data, net = small_examples(), linear_net()
    w, b = net[1].weight.detach().double().numpy().copy(), net[1].bias.detach().double().numpy().copy()
    x = data.images.numpy().transpose(0, 3, 1, 2).reshape(12, 48) / 255.0
    y = np.eye(3)[data.targets.numpy()]
    velocity_w, velocity_b = np.zeros_like(w), np.zeros_like(b)

    run = Run(net, AS_IT_IS, data, EMPTY, Recipe(optimizer="sgd", batch=12, learning_rate=0.1, momentum=0.9))
    for _ in range(4):
        point = run.step()
        logits = x @ w.T + b
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss, right = -np.log(p[y == 1]).mean(), (p.argmax(axis=1) == y.argmax(axis=1)).mean()
        # Sutskever et al. 2013 as torch and Keras write it: v ← µv + g, w ← w − η(g + µv)
        gradient_w, gradient_b = (p - y).T @ x / 12, (p - y).mean(axis=0)
        velocity_w, velocity_b = 0.9 * velocity_w + gradient_w, 0.9 * velocity_b + gradient_b
        w -= 0.1 * (gradient_w + 0.9 * velocity_w)
        b -= 0.1 * (gradient_b + 0.9 * velocity_b)
        assert point.train_loss == pytest.approx(loss, rel=1e-5)  # float32 against float64
        assert point.train_accuracy == pytest.approx(right)
        np.testing.assert_allclose(net[1].weight.detach().numpy(), w, atol=1e-5)
        np.testing.assert_allclose(net[1].bias.detach().numpy(), b, atol=1e-5)


def test_every_epoch_shows_every_picture_once_in_another_order():
    data = small_examples(n=200)
    run = Run(linear_net(), AS_IT_IS, data, EMPTY, Recipe(batch=32))
    plain = [image.tobytes() for image in data.images.numpy()]
    orders = []
    for _ in range(2):
        sizes, seen, labels = [], [], []
        for images, targets in run._batches():
            back = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
            sizes.append(len(targets))
            seen += [plain.index(image.tobytes()) for image in back]
            labels += targets.argmax(dim=1).tolist()
        assert sizes == [32] * 6 + [8]
        assert sorted(seen) == list(range(200))
        assert labels == data.targets[seen].tolist()
        orders.append(seen)
    assert orders[0] != orders[1] != sorted(orders[1])


def test_validation_is_measured_without_dropout_and_in_parts():
    data = small_examples(n=300)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(48, 3))
    loss, accuracy = loss_and_accuracy(net, AS_IT_IS, data)
    logits = net.eval()(AS_IT_IS(data.images))
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, data.targets).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(dim=1) == data.targets).double().mean().item())
    assert loss_and_accuracy(net, AS_IT_IS, EMPTY) == (None, None)


def point(epoch, loss, accuracy):
    return Epoch(epoch, 1.0, loss, 0.5, accuracy)


def test_the_best_epoch_has_the_highest_validation_accuracy_then_the_lower_loss_then_is_the_earlier():
    assert best_epoch([point(1, 0.1, 0.5), point(2, 2.0, 0.6)]).epoch == 2
    assert best_epoch([point(1, 0.9, 0.5), point(2, 0.8, 0.5), point(3, 0.8, 0.5)]).epoch == 2
    assert best_epoch([point(1, None, None)]) is None


def test_a_loss_that_is_no_number_stops_with_the_epoch_and_what_to_try():
    run = Run(linear_net(), AS_IT_IS, small_examples(), EMPTY, Recipe(optimizer="sgd", learning_rate=1e38, batch=4))
    with pytest.raises(
        StageError,
        match=r"the loss became (nan|inf) \(validation: None\) in epoch 1 of 50.*smaller train.learning_rate",
    ):
        run.step()


def trained_accuracy(shuffled):
    """Accuracy of hill2017 on 90 drawn shapes it has not seen, after 16 epochs on 150."""
    net = architecture("hill2017")
    shape = InputShape(net.size, net.channels, 0.25)  # the margin of the drawn faces: hill2017 sees them whole
    train, _ = examples(rows(150, seed=1), SHAPES, shape, "train")
    test, _ = examples(rows(90, seed=2), SHAPES, shape, "test")
    if shuffled:  # every shape gets every label equally often: a plain shuffle leaves a label to win for each shape
        train = Examples(train.images, torch.arange(150) // 3 % 3)
    with reproducible(seed=0, threads=1):
        run = Run(build("hill2017", 3, {}), statistics(train.images.numpy()), train, EMPTY, net.recipe)
        for _ in itertools.repeat(None, 16):
            run.step()
        return loss_and_accuracy(run.net, run.normalise, test)[1]


@pytest.mark.slow
def test_hill2017_learns_drawn_shapes():
    assert trained_accuracy(shuffled=False) > 0.9


@pytest.mark.slow
def test_hill2017_learns_nothing_from_shuffled_labels():
    assert 0.18 < trained_accuracy(shuffled=True) < 0.48  # 90 guesses at 1/3: 0.33 ± 3 × 0.05
