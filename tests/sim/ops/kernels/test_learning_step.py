import pytest
import torch

from neurospyke.sim.ops.kernels.learning_step import learning_step
from neurospyke.sim.ops.pointwise_inhibition import reference as inhibition
from neurospyke.sim.ops.spiking_convolution import reference as convolution
from neurospyke.sim.ops.stdp import reference as stdp
from neurospyke.sim.ops.winners import reference as winners
from tests.conformance import assert_same
from tests.sim.ops.kernels.layers import ROUTES, SHAPES, exact

K, RADIUS = 2, 1


def step_by_step(layer, rates, rule, samples):
    latency, weight, threshold, n_bins, stride, padding = layer
    spike, drive = inhibition(
        *convolution(
            latency[samples], weight, threshold, n_bins=n_bins, stride=stride, padding=padding
        )
    )
    found = winners(spike, drive, K, radius=RADIUS)
    new = stdp(
        weight, latency[samples], spike, found, *rates, **rule, stride=stride, padding=padding
    )
    return new, found


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("route", ROUTES)
def test_it_is_convolution_inhibition_winners_and_stdp(online, route):
    layer = exact(SHAPES[0])
    maps = len(layer.weight)
    # quarters stay quarters, so that the second sample is exact too
    rates = [torch.full((maps,), 0.5), torch.full((maps,), -0.25)]
    rule = {"lower": -1.0, "upper": 2.0, "stabilizer": False, "clamp": "winners"}
    plain = layer._replace(
        latency=layer.latency.cpu(), weight=layer.weight.cpu(), threshold=layer.threshold.cpu()
    )
    weight, found = plain.weight, []
    for samples in (slice(0, 1), slice(1, 2)) if online else (slice(0, 2),):
        weight, rows = step_by_step(plain._replace(weight=weight), rates, rule, samples)
        found.append(rows)
    assert (torch.cat(found)[..., 0] >= 0).any()
    assert not torch.equal(weight, plain.weight)
    outputs = learning_step(
        layer.weight,
        layer.latency,
        layer.threshold,
        *(rate.to(layer.weight.device) for rate in rates),
        *(torch.full_like(layer.threshold, rule[bound]) for bound in ("lower", "upper")),
        None,
        layer.n_bins,
        K,
        RADIUS,
        rule["stabilizer"],
        rule["clamp"],
        layer.stride,
        layer.padding,
        online,
        route=route,
    )
    assert_same([out.cpu() for out in outputs], (weight, torch.cat(found)))
