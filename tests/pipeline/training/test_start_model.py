"""Training from a model's folder: what is taken, what stays random, what is an error."""

import pytest
import torch

from pipeline.classifier.inputs import Normalisation
from pipeline.classifier.model import WEIGHTS, save_model
from pipeline.errors import InputError, ParamsError
from pipeline.nets import ARCHITECTURES, build
from pipeline.params import Train
from pipeline.training.recipes import plan_of
from pipeline.training.start_model import class_rows, start_from_model
from pipeline.training.train import train
from tests.support.drawn_shapes import params, rows

MINE = ("square", "star", "disc")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A classifier of discs, squares and crosses: its folder, itself, the sha256 of its weights."""
    folder = tmp_path_factory.mktemp("model")
    classifier = train(rows(12, seed=1), rows(0, seed=2), params(net="hill2017", epochs=1)).classifier
    return folder, classifier, save_model(folder, classifier)


def settings(earlier, **more):
    return {"net": "hill2017", "start": str(earlier[0]), "start_sha256": earlier[2], **more}


def test_the_body_and_the_rows_of_known_emotions_are_the_models_and_other_rows_stay_random(earlier):
    plan = plan_of(Train(**settings(earlier)))
    torch.manual_seed(3)
    net = build("hill2017", 3, {})
    before = {name: values.clone() for name, values in net.state_dict().items()}
    about, theirs = earlier[1].about, earlier[1].net.state_dict()
    assert start_from_model(net, plan, MINE) == Normalisation(about.mean, about.std)
    last = {"head.4.weight", "head.4.bias"}
    assert class_rows("hill2017", {}) == last
    for name, values in net.state_dict().items():
        if name in last:
            assert torch.equal(values[0], theirs[name][1])
            assert torch.equal(values[1], before[name][1])
            assert torch.equal(values[2], theirs[name][0])
        else:
            assert torch.equal(values, theirs[name])
    assert f"hill2017 from {earlier[0]}" in str(plan)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_has_rows_for_its_classes_and_none_is_drawn_at_random_to_find_them(name):
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    assert class_rows(name, {})
    assert torch.equal(first, torch.rand(1))


def test_the_same_training_from_a_model_gives_the_same_bytes_and_other_ones_than_from_scratch(earlier):
    def learned(**more):
        made = train(rows(12, seed=3), rows(0, seed=2), params(net="hill2017", epochs=1, **more))
        return made, [tensor.numpy().tobytes() for tensor in made.classifier.net.state_dict().values()]

    own = {"start": str(earlier[0]), "start_sha256": earlier[2]}
    made, first = learned(**own)
    assert made.classifier.about.mean == earlier[1].about.mean
    assert first == learned(**own)[1]
    assert first != learned(start=None)[1]


def test_what_does_not_fit_is_an_error_that_says_what_to_do(earlier, tmp_path):
    folder, _, sha256 = earlier

    def begin(**train):
        start_from_model(build("hill2017", 3, {}), plan_of(Train(**train)), MINE)

    with pytest.raises(InputError, match=r"there is no toon-face/model.*a model.* Did you mean 'toon-faces'"):
        begin(net="hill2017", start="toon-face")
    with pytest.raises(ParamsError, match=rf"has sha256 {sha256}, but `train.start_sha256` is null: set it"):
        begin(net="hill2017", start=str(folder))
    with pytest.raises(ParamsError, match="so that other weights never take their place unseen"):
        begin(net="hill2017", start=str(folder), start_sha256="0" * 64)
    with pytest.raises(ParamsError, match=r"is a model of hill2017.*but `train.net` is vanilla"):
        begin(net="vanilla", start=str(folder), start_sha256=sha256)
    with pytest.raises(ParamsError, match="choose the same network and options"):
        begin(**settings(earlier, options={"blocks": 2}))
    with pytest.raises(ParamsError, match=r"`train\.start_sha256` is for the folder of a model"):
        begin(net="hill2017", start_sha256=sha256)
    (tmp_path / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match=r"no trained model: .*model.json"):
        begin(net="hill2017", start=str(tmp_path), start_sha256=sha256)
