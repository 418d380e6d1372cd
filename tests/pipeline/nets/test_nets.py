"""The networks: layers and parameter counts as published or worked out by hand."""

from typing import get_args

import pytest
import torch

from pipeline.errors import InputError, ParamsError
from pipeline.nets import ARCHITECTURES, architecture, build, check_options
from pipeline.nets.googlenet import Inception
from pipeline.nets.layers import probabilities, squares
from pipeline.params import Train


def counts(layers):
    """Trained values of each layer that has any."""
    return [n for n in (sum(p.numel() for p in layer.parameters()) for layer in layers) if n]


def total(net):
    return sum(p.numel() for p in net.parameters())


def sides(layers, x):
    found = []
    for layer in layers:
        x = layer(x)
        found.append(x.shape[-1])
    return found


def test_every_network_can_be_chosen_in_params():
    assert set(ARCHITECTURES) == set(get_args(Train.model_fields["net"].annotation))


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"no network called 'hill2018'; there is hill2017.*Did you mean 'hill2017'"):
        architecture("hill2018")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_maps_its_input_to_one_logit_per_class(name):
    classes = 7
    net = ARCHITECTURES[name]
    with torch.inference_mode():
        logits = build(name, classes, {}).eval()(torch.zeros(2, net.channels, net.size, net.size))
    assert logits.shape == (2, classes)
    assert logits.dtype == torch.float32


def test_hill2017_has_the_published_layers_and_as_many_parameters_as_counted_by_hand():
    net = build("hill2017", 5, {})
    conv1, conv2, conv3 = 3 * 3 * 3 * 32 + 32, 3 * 3 * 32 * 32 + 32, 3 * 3 * 32 * 32 + 32
    dense, output = 32 * 512 + 512, 512 * 5 + 5
    by_layer = counts([*net.features, *net.head])
    assert by_layer == [conv1, conv2, conv3, dense, output] == [896, 9248, 9248, 16896, 2565]
    assert total(net) == 38853
    assert sides(net.features, torch.zeros(1, 3, 60, 60)) == [60, 30, 30, 30, 15, 15, 15, 1, 1]


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_hill2017_is_the_same_function_as_with_the_whole_picture_computed(blocks):
    torch.manual_seed(0)
    net = build("hill2017", 5, {"blocks": blocks}).eval()
    assert net.seen == slice(0, {1: 55, 2: 57, 3: 43}[blocks])
    x = torch.randn(4, 3, 60, 60)
    found = net(x)
    found.square().sum().backward()
    slopes = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    whole = net.head(net.features(x))
    whole.square().sum().backward()
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
    for one, parameter in zip(slopes, net.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("blocks", "flat"), [(1, 32 * 6 * 6), (2, 32 * 3 * 3), (3, 32)])
def test_hill2017_with_one_or_two_convolutions(blocks, flat):
    net = build("hill2017", 3, {"blocks": blocks})
    assert counts(net.head) == [flat * 512 + 512, 513 * 3]
    assert len(counts(net.features)) == blocks


def test_hill2017_starts_from_keras_initial_values():
    torch.manual_seed(0)
    net = build("hill2017", 5, {})
    weights = net.features[3].weight
    limit = (6 / (9 * 32 + 9 * 32)) ** 0.5  # Glorot & Bengio 2010, eq. 16: sqrt(6 / (fan in + fan out))
    assert 0.97 * limit < weights.abs().max() <= limit
    assert not net.features[3].bias.any()


def test_hill2017_sees_the_top_left_43_pixels_only():
    torch.manual_seed(0)
    net = build("hill2017", 5, {}).eval()
    x = torch.rand(1, 3, 60, 60, requires_grad=True)
    with torch.no_grad():
        plain = net(x)
        outside = x.clone()
        outside[..., 43:, :] = 5
        outside[..., 43:] = 5
        assert torch.equal(net(outside), plain)
        edge = x.clone()
        edge[..., 42, 20:42] = 1000
        assert not torch.equal(net(edge), plain)


@pytest.mark.parametrize(
    ("name", "classes", "features", "head"),
    [
        ("ho2023", 7, [320, 18_496], [1_638_656, 1_799]),
        ("li2022", 7, [320, 18_496, 73_856, 295_168], [590_080, 1_799]),
        ("dikshit2022", 8, [448, 4_640, 18_496, 73_856, 295_168], [100_360]),
        ("vanilla", 7, [896, 18_496, 73_856], [589_952, 903]),
    ],
)
def test_layers_of_the_plain_networks(name, classes, features, head):
    net = build(name, classes, {})
    assert counts(net.features) == features
    assert counts(net.head) == head


def test_variants_of_the_plain_network():
    plain = total(build("vanilla", 7, {}))
    assert total(build("vanilla", 7, {"batch_norm": True})) == plain + 2 * (32 + 64 + 128)
    leaky = build("vanilla", 7, {"leaky": True}).features[1]
    assert leaky(torch.tensor(-1.0)).item() == pytest.approx(-0.01)
    assert build("vanilla", 7, {}).features[1](torch.tensor(-1.0)).item() == 0


def test_ho2023_adds_l2_of_its_first_convolution_to_the_loss():
    net = build("ho2023", 3, {})
    weight = net.features[0].weight
    assert net.penalty().item() == pytest.approx(0.001 * (weight.detach().double() ** 2).sum().item(), rel=1e-5)


def test_googlenet_has_the_parameters_counted_in_its_study():
    net = build("googlenet", 7, {})
    stem = counts(net.features[:5])
    assert stem == [9_472, 36_928, 110_784]
    inceptions = [layer for layer in net.features if isinstance(layer, Inception)]
    expected = [163_696, 388_736, 376_176, 449_160, 510_104, 605_376, 868_352, 1_043_456, 1_444_080]
    assert counts(inceptions) == expected
    assert total(net) == 6_072_375


def test_googlenet_with_one_more_inception_in_blocks_3_and_5_and_a_second_dense_layer():
    net = build("googlenet", 7, {"deeper": True})
    by_layer = counts([layer for layer in net.features if isinstance(layer, Inception)])
    assert by_layer[:3] == [163_696, 177_008, 388_736]
    assert by_layer[-3:] == [1_043_456, 1_043_456, 1_444_080]
    assert total(net) == 7_296_999


def test_variants_of_googlenet():
    net = build("googlenet", 7, {"batch_norm": True, "l2": 0.5})
    norms = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert len(norms) == 3 + 9 * 6
    assert net.penalty().item() == pytest.approx(0.5 * squares(net).item())
    assert build("googlenet", 7, {}).penalty().item() == 0


@pytest.mark.parametrize(
    ("name", "body", "whole", "names"),
    [
        ("resnet18", 11_176_512, 11_689_512, 122),
        ("resnet50", 23_508_032, 25_557_032, 320),
    ],
)
def test_resnets_are_torchvisions(name, body, whole, names):
    """Counts and the number of tensors as torchvision publishes them, `fc` of 1,000 classes included."""
    net = build(name, 1000, {"head": "one"})
    assert total(net) - total(net.fc) == body
    assert total(net) == whole
    state = net.state_dict()
    assert len(state) == names
    known = {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.conv1.weight": (64, 64, 3, 3) if name == "resnet18" else (64, 64, 1, 1),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1) if name == "resnet18" else (512, 256, 1, 1),
        "layer4.1.bn2.bias": (512,),
        "fc.weight": (1000, 512 if name == "resnet18" else 2048),
    }
    assert {key: tuple(state[key].shape) for key in known} == known


def test_heads_of_the_resnets():
    two = build("resnet18", 7, {"head": "two"})
    assert counts(two.fc) == [512 * 64 + 64, 64 * 64 + 64, 65 * 7]
    one = build("resnet18", 7, {"head": "one"})
    logits = torch.tensor([[0.0, 2.0]])
    assert probabilities(two, logits).tolist() == torch.softmax(logits, 1).tolist()
    each = logits.sigmoid()
    assert torch.allclose(probabilities(one, logits), each / each.sum())


def test_a_frozen_resnet_trains_its_head_alone_and_keeps_its_statistics():
    net = build("resnet18", 3, {"frozen": True})
    assert {name for name, one in net.named_parameters() if one.requires_grad} == {
        name for name, _ in net.named_parameters() if name.startswith("fc.")
    }
    before = net.bn1.running_mean.clone()
    net.train()(torch.rand(2, 3, 64, 64))
    assert torch.equal(net.bn1.running_mean, before)
    assert net.fc.training


def test_toon_is_small():
    net = build("toon", 5, {})
    assert total(net) < 300_000
    assert sides(net.features, torch.zeros(1, 3, 48, 48)) == [24, 24, 24, 24, 12, 6]


@pytest.mark.parametrize("seen", [40, 48, 64])
def test_toon_sees_the_middle_alone(seen):
    net = build("toon", 3, {"seen": seen}).eval()
    pictures = torch.rand(2, 3, 92, 92)
    around = pictures.clone()
    around[..., : 46 - seen // 2, :] = 0
    around[..., 46 + seen // 2 :] = 1
    assert torch.equal(net(pictures), net(around))
    around[..., 46, 46 - seen // 2] += 1
    assert not torch.equal(net(pictures), net(around))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hill2017", {"block": 2}, "hill2017 has no option `block`; its own are `dropout`, `blocks`. Did you mean"),
        ("hill2017", {"blocks": 4}, "blocks should be 1, 2 or 3, not 4"),
        ("hill2017", {"blocks": "two"}, "option `blocks` of hill2017 is 'two'; expected int"),
        ("toon", {"seen": 44}, "seen is 44; expected a multiple of 8 from 8 to 88"),
        ("toon", {"seen": 96}, "seen is 96; expected a multiple of 8 from 8 to 88"),
        ("resnet18", {"head": "three"}, "head should be 'one' or 'two', not 'three'"),
        ("dikshit2022", {"dropout": 0.5}, "dikshit2022 has no option `dropout`; its own are none"),
    ],
)
def test_options_a_network_does_not_know(name, options, said):
    with pytest.raises(ParamsError) as caught:
        check_options(name, options)
    assert said in str(caught.value)
