"""Published weights: loaded as torchvision names them, or an error that says what is wrong; never silently random."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import InputError, ParamsError
from pipeline.nets import build
from pipeline.params import Train
from pipeline.training.pretrained import start_from_published
from pipeline.training.recipes import plan_of
from tests.support.servers import serving


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file as torchvision publishes them, `fc` of 1,000 classes included, but with weights made here."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(build("resnet18", 1000, {"head": "one"}).state_dict(), path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settings(path, digest=None, net="resnet18"):
    return plan_of(Train(net=net, pretrained=str(path), pretrained_sha256=digest or sha256(path)))


def assert_started_from(net, path):
    published = torch.load(path, weights_only=True)
    own = net.state_dict()
    assert all(torch.equal(own[name], value) for name, value in published.items() if not name.startswith("fc."))
    assert own["fc.4.weight"].shape == (5, 64)


def test_a_file_gives_the_body_and_leaves_the_head_to_be_trained(weights):
    net = build("resnet18", 5, {})
    assert start_from_published(net, settings(weights))
    assert_started_from(net, weights)


def test_the_same_from_safetensors(weights, tmp_path):
    path = tmp_path / "resnet18.safetensors"
    save_file(torch.load(weights, weights_only=True), path)
    net = build("resnet18", 5, {})
    assert start_from_published(net, settings(path))
    assert_started_from(net, weights)


def test_a_url_is_fetched_once(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving() as site:
        url = site.add("/resnet18.pth", weights.read_bytes())
        for _ in range(2):
            net = build("resnet18", 5, {})
            assert start_from_published(net, settings(url, sha256(weights)))
            assert_started_from(net, weights)
        assert len(site.requests) == 1


def test_a_url_with_another_file_is_refused_and_not_kept(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving() as site:
        url = site.add("/resnet18.pth", b"another file")
        with pytest.raises(InputError, match=r"has sha256 [0-9a-f]{64}, expected .*damaged or another file"):
            start_from_published(build("resnet18", 5, {}), settings(url, sha256(weights)))
        with pytest.raises(InputError, match=r"cannot be fetched \(HTTP Error 404"):
            start_from_published(build("resnet18", 5, {}), settings(site.address + "/no.pth", sha256(weights)))
    assert not list(tmp_path.rglob("*.pth"))


def test_weights_must_be_named_or_declined(tmp_path, weights):
    net = build("resnet18", 5, {})
    with pytest.raises(ParamsError, match=r"`train.pretrained` names none.*say `pretrained: none` to start"):
        start_from_published(net, plan_of(Train(net="resnet18")))
    assert not start_from_published(net, plan_of(Train(net="resnet18", pretrained="none")))
    with pytest.raises(ParamsError, match=r"`train.pretrained_sha256` is missing"):
        start_from_published(net, plan_of(Train(net="resnet18", pretrained=str(weights))))
    with pytest.raises(InputError, match="there is no file"):
        start_from_published(net, settings(tmp_path / "none.pth", "0" * 64))
    with pytest.raises(InputError, match="begin with http:// or https://"):
        start_from_published(net, settings("ftp://example.org/w.pth", "0" * 64))
    with pytest.raises(ParamsError, match="toon starts from random weights; set it to null"):
        start_from_published(build("toon", 5, {}), plan_of(Train(net="toon", pretrained=str(weights))))


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_truncated_file_with_the_sha256_of_the_truncated_file(weights, tmp_path, share):
    data = weights.read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="cannot be read as weights"):
        start_from_published(build("resnet18", 5, {}), settings(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layer3.0.conv1.weight"), "1 are missing and 0 are unknown, such as layer3.0.conv1"),
        (lambda state: state.update(classifier=torch.zeros(1)), "0 are missing and 1 are unknown, such as classifier"),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}),
            "is not a file of resnet18 weights: size mismatch",
        ),
    ],
)
def test_weights_of_another_network(weights, tmp_path, change, said):
    state = torch.load(weights, weights_only=True)
    change(state)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(InputError, match=said):
        start_from_published(build("resnet18", 5, {}), settings(tmp_path / "other.pth"))
