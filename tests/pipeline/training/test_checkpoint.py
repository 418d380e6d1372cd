"""A training that was interrupted ends with the bits of one that was not."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from pipeline.classifier.inputs import Normalisation
from pipeline.compute.arithmetic import reproducible
from pipeline.nets import build
from pipeline.nets.recipe import Recipe
from pipeline.training import loop
from pipeline.training.checkpoint import resume, write
from pipeline.training.loop import train_to_the_end
from pipeline.training.run import Examples, Run

OPTIMISERS = ("adadelta", "adagrad", "adam", "adamw", "rmsprop", "sgd")
RECIPE = Recipe(epochs=4, batch=8, schedule="one-cycle", augment="strong", mixup=0.3, smoothing=0.1, weight_decay=0.01)


def examples(n, seed):
    dice = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 92, 92, 3), generator=dice, dtype=torch.uint8)
    return Examples(images, torch.randint(0, 3, (n,), generator=dice))


def new_run(recipe):
    net = build("toon", 3, {"width": 4})
    return Run(net, Normalisation((120.0,) * 3, (60.0,) * 3), examples(20, 1), examples(9, 2), recipe, 5, 3)


def bits(run):
    return [tensor.numpy().tobytes() for tensor in run.net.state_dict().values()]


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_going_on_gives_the_same_bits_as_not_stopping(tmp_path, optimiser):
    recipe = replace(RECIPE, optimizer=optimiser)
    with reproducible(0, 1):
        whole = new_run(recipe)
        train_to_the_end(whole)
    with reproducible(0, 1):
        first = new_run(recipe)
        curves = [first.step(), first.step()]
        write(tmp_path / "c.safetensors", "key", first, curves, {})
    with reproducible(99, 1):  # the state comes from the file, not from the seed
        second = new_run(recipe)
        train_to_the_end(second, tmp_path / "c.safetensors", "key")
    assert bits(second) == bits(whole)
    assert second.curves == whole.curves


def test_checkpoints_are_written_on_the_way_and_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS", -1.0)
    with reproducible(0, 1):
        plain = new_run(RECIPE)
        train_to_the_end(plain)
    with reproducible(0, 1):
        kept = new_run(RECIPE)
        train_to_the_end(kept, tmp_path / "c.safetensors", "key")
    assert (tmp_path / "c.safetensors").stat().st_size > 0
    assert bits(kept) == bits(plain)


@pytest.mark.parametrize("damage", ["other key", "cut", "missing", "not ours"])
def test_another_trainings_checkpoint_or_a_damaged_one_is_left_alone(tmp_path, damage):
    path = tmp_path / "c.safetensors"
    with reproducible(0, 1):
        run = new_run(RECIPE)
        write(path, "other" if damage == "other key" else "key", run, [run.step()], {})
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:5000])
        elif damage == "missing":
            path.unlink()
        elif damage == "not ours":
            path.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
        fresh = new_run(RECIPE)
        before = bits(fresh)
        assert resume(path, "key", fresh) is None
        assert bits(fresh) == before


def constant(shift):
    """A network whose validation loss is set by hand: one bias that training cannot move far."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(92 * 92 * 3, 3))
    with torch.no_grad():
        net[1].bias += shift
    return net


def test_early_stopping_takes_the_epoch_with_the_lowest_validation_loss():
    data = examples(24, 1)
    judge = Examples(data.images, (data.targets + 1) % 3)  # what is learned is wrong: the loss rises at once
    recipe = Recipe(optimizer="sgd", learning_rate=0.001, epochs=30, batch=8, patience=3)
    with reproducible(0, 1):
        run = Run(constant(0), Normalisation((120.0,) * 3, (60.0,) * 3), data, judge, recipe, 0, 3)
        epoch = train_to_the_end(run)
    losses = [point.validation_loss for point in run.curves]
    assert epoch == 1 + losses.index(min(losses))
    assert len(run.curves) == epoch + 3 < 30
    with reproducible(0, 1):
        short = Run(
            constant(0), Normalisation((120.0,) * 3, (60.0,) * 3), data, judge, replace(recipe, epochs=epoch), 0, 3
        )
        train_to_the_end(short)
    assert bits(run) == bits(short)


def test_without_validation_faces_nothing_stops_early():
    nobody = Examples(torch.zeros(0, 92, 92, 3, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    with reproducible(0, 1):
        run = new_run(replace(RECIPE, patience=1))
        run.validation = nobody
        assert train_to_the_end(run) == RECIPE.epochs
