"""The networks: layers and parameter counts worked out by hand."""

from typing import get_args

import pytest
import torch

from pipeline.errors import InputError
from pipeline.nets import ARCHITECTURES, architecture, build
from pipeline.params import Train


def test_every_network_can_be_chosen_in_params():
    assert set(ARCHITECTURES) == set(get_args(Train.model_fields["net"].annotation))


def test_an_unknown_network_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"no network called 'hill2018'; there is hill2017. Did you mean 'hill2017'"):
        architecture("hill2018")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_maps_its_input_to_one_logit_per_class(name):
    net = ARCHITECTURES[name]
    logits = build(name, 7, {}).eval()(torch.zeros(2, net.channels, net.size, net.size))
    assert logits.shape == (2, 7)
    assert logits.dtype == torch.float32


def test_hill2017_has_the_published_layers_and_as_many_parameters_as_counted_by_hand():
    net = build("hill2017", 5, {})
    conv1, conv2, conv3 = 3 * 3 * 3 * 32 + 32, 3 * 3 * 32 * 32 + 32, 3 * 3 * 32 * 32 + 32
    dense, output = 32 * 512 + 512, 512 * 5 + 5
    by_layer = [sum(p.numel() for p in layer.parameters()) for layer in [*net.features, *net.head]]
    assert [n for n in by_layer if n] == [conv1, conv2, conv3, dense, output] == [896, 9248, 9248, 16896, 2565]
    assert sum(by_layer) == 38853

    x, sides = torch.zeros(1, 3, 60, 60), []
    for layer in net.features:
        x = layer(x)
        sides.append(x.shape[-1])
    assert sides == [60, 30, 30, 30, 15, 15, 15, 1, 1]


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
