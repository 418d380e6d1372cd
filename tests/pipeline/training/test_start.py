"""Training from the weights that the package ships: what is taken, what stays random, what is an error."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import InputError
from pipeline.nets import build
from pipeline.params import Train
from pipeline.training.recipes import plan_of
from pipeline.training.start import HEAD, KNOWN, SHA256, WEIGHTS, put, read_weights, start_from_shipped
from pipeline.training.train import train
from tests.support.drawn_shapes import params, rows

MINE = ("bored", "happy", "sad")


def started(emotions=MINE, **settings):
    torch.manual_seed(3)
    net = build("toon", len(emotions), {})
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    done = start_from_shipped(net, plan_of(Train(**settings)), emotions)
    return done, before, net.state_dict()


def test_the_body_and_the_rows_of_known_emotions_are_the_files_and_other_rows_stay_random():
    done, before, after = started(start="toon-faces")
    shipped = load_file(WEIGHTS)
    assert done
    for name, values in shipped.items():
        if name in HEAD:
            assert torch.equal(after[name][0], before[name][0])
            assert torch.equal(after[name][1], values[KNOWN.index("happy")])
            assert torch.equal(after[name][2], values[KNOWN.index("sad")])
        else:
            assert torch.equal(after[name], values)
            assert not torch.equal(before[name], values)


@pytest.mark.parametrize(
    "settings",
    [
        {"start": None},
        {"start": "toon-faces", "options": {"width": 8}},
        {"start": "toon-faces", "net": "hill2017"},
    ],
)
def test_null_another_width_and_another_network_start_from_random_weights_and_say_so(settings):
    plan = plan_of(Train(**settings))
    net = build(plan.settings.net, 3, plan.arguments)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert not start_from_shipped(net, plan, MINE)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert "toon-faces" not in str(plan)
    assert "toon from toon-faces" in str(plan_of(Train(start="toon-faces")))


def test_a_file_that_is_missing_cut_short_or_another_is_an_error_that_says_what_to_do(tmp_path):
    cut, other = tmp_path / "cut.safetensors", tmp_path / "other.safetensors"
    cut.write_bytes(WEIGHTS.read_bytes()[:-100])
    save_file({"fc.weight": torch.zeros(2, 2)}, other)
    with pytest.raises(InputError, match=r"cannot be read .*: install toonset again"):
        read_weights(tmp_path / "none.safetensors")
    for path in (cut, other):
        with pytest.raises(InputError, match=f"expected {SHA256}: it is damaged; install toonset again"):
            read_weights(path)
    with pytest.raises(InputError, match="not weights of toon"):
        put(build("toon", 3, {}), MINE, load_file(other))


def test_a_start_changes_what_is_learned_and_the_same_training_gives_the_same_bytes():
    def learned(start):
        made = train(rows(24, seed=1), rows(0, seed=2), params(net="toon", epochs=2, start=start))
        return [tensor.numpy().tobytes() for tensor in made.classifier.net.state_dict().values()]

    first = learned("toon-faces")
    assert first == learned("toon-faces")
    assert first != learned(None)


def test_the_shipped_file_is_small():
    assert WEIGHTS.stat().st_size < 2_000_000
