"""What null stands for, optimisers, losses and rates."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.classifier.inputs import Normalisation
from pipeline.errors import ParamsError
from pipeline.nets import ARCHITECTURES
from pipeline.nets.recipe import Recipe
from pipeline.params import Train
from pipeline.training.recipes import plan_of
from pipeline.training.run import Examples, Run, class_weights, cross_entropy, make_optimiser, rate


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_null_stands_for_the_networks_own_recipe(name):
    assert plan_of(Train(net=name)).recipe == ARCHITECTURES[name].recipe


def test_published_settings():
    hill, ho = plan_of(Train(net="hill2017")).recipe, plan_of(Train(net="ho2023")).recipe
    assert (hill.optimizer, hill.learning_rate, hill.momentum, hill.epochs, hill.batch) == ("sgd", 0.01, 0.9, 50, 32)
    assert (ho.optimizer, ho.learning_rate, ho.epochs, ho.patience, ho.augment) == ("adam", 0.001, 58, 5, "affine")
    assert plan_of(Train(net="dikshit2022")).recipe.imbalance == "weights"
    assert plan_of(Train(net="li2022")).recipe.batch == 64


def test_what_is_set_wins_and_another_optimiser_brings_its_own_rate():
    assert plan_of(Train(net="hill2017", epochs=3, momentum=0.0)).recipe.epochs == 3
    assert plan_of(Train(net="hill2017", optimizer="adadelta")).recipe.learning_rate == 1.0
    changed = plan_of(Train(net="toon", optimizer="sgd")).recipe
    assert (changed.learning_rate, changed.weight_decay, changed.mixup) == (0.01, 0.0, 0.2)
    assert plan_of(Train(net="toon", optimizer="sgd", learning_rate=0.5)).recipe.learning_rate == 0.5


def test_dropout_goes_to_networks_that_have_it():
    assert plan_of(Train(net="hill2017", dropout=0.2, options={"blocks": 2})).arguments == {"blocks": 2, "dropout": 0.2}
    with pytest.raises(ParamsError, match="dikshit2022 has no dropout; set it to null"):
        plan_of(Train(net="dikshit2022", dropout=0.2))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", -0.1 * (0.5 + 0.9 * 0.5)),
        ("adam", -0.1),
        ("adamw", -0.1),
        ("adadelta", -0.1 * math.sqrt(1e-7) / math.sqrt(0.05 * 0.25 + 1e-7) * 0.5),
        ("adagrad", -0.1),
        ("rmsprop", -0.1 * 0.5 / math.sqrt(0.1 * 0.25)),
    ],
)
def test_the_first_step_of_each_optimiser_is_that_of_its_paper(name, expected):
    """From 0 with slope 0.5 and rate 0.1, worked out by hand."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    optimiser = make_optimiser(net, Recipe(optimizer=name, learning_rate=0.1, momentum=0.9))
    net.weight.grad = torch.full((1, 1), 0.5)
    optimiser.step()
    assert net.weight.item() == pytest.approx(expected, rel=1e-4)


def test_the_one_cycle_goes_up_and_down():
    recipe = Recipe(schedule="one-cycle", learning_rate=2.0)
    rates = [rate(recipe, step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(2 / 25)
    assert max(rates) == rates[250] == pytest.approx(2.0)
    assert rates[-1] < 1e-4
    assert rates[:250] == sorted(rates[:250])
    assert rates[250:] == sorted(rates[250:], reverse=True)
    assert rate(Recipe(learning_rate=2.0), 7, 10) == 2.0


def test_class_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0] * 7 + [1] * 2 + [3])
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    found = class_weights(torch.bincount(torch.from_numpy(labels), minlength=5))
    assert found[[0, 1, 3]].tolist() == pytest.approx(expected.tolist())
    assert found[[2, 4]].tolist() == [0, 0]


def test_sigmoid_heads_learn_each_class_by_itself():
    net = nn.Linear(2, 2)
    net.sigmoid = True
    logits, shares = torch.tensor([[0.3, -1.0]]), torch.tensor([[1.0, 0.0]])
    by_hand = -math.log(1 / (1 + math.exp(-0.3))) - math.log(1 - 1 / (1 + math.exp(1.0)))
    assert cross_entropy(net, logits, shares, None).item() == pytest.approx(by_hand, rel=1e-5)


def unbalanced():
    targets = torch.tensor([0] * 30 + [1] * 8 + [2] * 1)
    images = torch.arange(39, dtype=torch.uint8)[:, None, None, None].expand(39, 4, 4, 3).contiguous()
    return Examples(images, targets)


def test_balanced_batches_show_each_emotion_equally_often():
    data = unbalanced()
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    plain = Normalisation((0.0,) * 3, (1.0,) * 3)
    run = Run(net, plain, data, data, Recipe(batch=6, imbalance="batches"), 0, 4)
    order = run._order()
    assert torch.bincount(data.targets[order], minlength=4).tolist() == [13, 13, 13, 0]
    for start in range(0, 36, 6):
        assert sorted(data.targets[order[start : start + 6]].tolist()) == [0, 0, 1, 1, 2, 2]
    assert len(set(order[data.targets[order] == 0].tolist())) == 13
    assert set(order[data.targets[order] == 1].tolist()) == set(range(30, 38))


def test_smoothed_and_shared_labels_are_learned_as_shares():
    data = unbalanced()
    shares = torch.zeros(39, 3)
    shares[:, 0], shares[:, 1] = 0.75, 0.25
    run = Run(
        nn.Sequential(nn.Flatten(), nn.Linear(48, 3)),
        Normalisation((0.0,) * 3, (1.0,) * 3),
        Examples(data.images, data.targets, shares),
        data,
        Recipe(smoothing=0.3),
    )
    assert run.smoothed[5].tolist() == pytest.approx([0.7 * 0.75 + 0.1, 0.7 * 0.25 + 0.1, 0.1])
