import pytest
import torch

from neurospyke.sim.ops.kernels.pool import pool
from neurospyke.sim.ops.kernels.pooled_convolution import pooled_convolution
from neurospyke.sim.ops.pool import reference
from neurospyke.sim.ops.spiking_convolution import reference as convolution_reference
from tests.conformance import assert_same, latencies
from tests.sim.ops.kernels.layers import DEVICE, ROUTES, SHAPES, exact

WINDOWS = [
    ((2, 2), (2, 2), (0, 0, 0, 0)),
    ((2, 3), (3, 1), (1, 0, 2, 3)),
    ((3, 1), (1, 2), (0, 2, 0, 0)),
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [(2, 3, 7, 6), (1, 40, 8, 9)])
def test_pool_conforms(window, size):
    latency = latencies(*size, n_bins=254, seed=0)
    expected = reference(latency, *window)
    for given in (latency, latency.contiguous(memory_format=torch.channels_last)):
        out = pool(given.to(DEVICE), *window)
        assert out.is_contiguous(memory_format=torch.channels_last)
        assert_same(out.cpu(), expected)


def test_nothing_to_pool():
    empty = torch.zeros(0, 2, 4, 4, dtype=torch.uint8, device=DEVICE)
    assert pool(empty, (2, 2), (2, 2), (0, 0, 0, 0)).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("window", WINDOWS[:2])
def test_pooled_convolution_conforms(route, window):
    layer = exact(SHAPES[0])
    whole, _ = convolution_reference(
        layer.latency.cpu(),
        layer.weight.cpu(),
        layer.threshold.cpu(),
        n_bins=layer.n_bins,
        stride=layer.stride,
        padding=layer.padding,
    )
    out = pooled_convolution(*layer, *window, "full", route=route)
    assert_same(out.cpu(), reference(whole, *window))
