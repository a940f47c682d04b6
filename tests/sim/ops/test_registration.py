import subprocess
import sys

import pytest
import torch

from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.learning_step import learning_step
from neurospyke.sim.ops.lif_scan import lif_scan
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.pooled_convolution import pooled_convolution
from neurospyke.sim.ops.rank_order import rank_order
from neurospyke.sim.ops.spike_time import spike_time_linear
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.spiking_linear import spiking_linear
from neurospyke.sim.ops.stdp import stdp
from neurospyke.sim.ops.stream_linear import stream_linear
from neurospyke.sim.ops.winners import winners
from tests.conformance import assert_same, latencies, quarters

LATENCY = latencies(5, 2, 3, 6, 7, n_bins=6, seed=0)
WEIGHT = quarters(4, 3, 3, 3, low=0, high=4, seed=1)


def fire(latency, weight=WEIGHT):
    return spiking_convolution(latency, weight, 2.0, n_bins=6)


def learn(weight, latency):
    return learning_step(weight, latency, 2.0, 0.25, -0.25, n_bins=6, k=2)


@pytest.mark.parametrize(
    "op",
    [
        fire,
        lambda latency: spiking_convolution(latency, WEIGHT, 2.0, n_bins=6, return_potential=False),
        lambda latency: inhibited_convolution(latency, WEIGHT, 2.0, n_bins=6),
        lambda latency: pooled_convolution(latency, WEIGHT, 2.0, n_bins=6, kernel=2),
        lambda latency: spiking_linear(latency[:, :, 0, 0], WEIGHT[:, :, 0, 0], 0.5, n_bins=6),
        lambda latency: pool(latency, 2),
        lambda latency: rank_order(latency.float(), 4),
        lambda latency: winners(*fire(latency), 2, radius=1),
        lambda latency: pointwise_inhibition(*fire(latency)),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_mapping_over_samples_is_a_loop(op, axis):
    assert_mapped(op, axis, LATENCY)


def assert_mapped(op, axis, *args):
    mapped = torch.vmap(op, in_dims=axis)(*args)
    parts = zip(*[arg.unbind(axis) for arg in args], strict=True)
    loop = [op(*part) for part in parts]
    if isinstance(mapped, torch.Tensor):
        assert_same(mapped, torch.stack(loop))
    else:
        assert_same(mapped, [torch.stack(outs) for outs in zip(*loop, strict=True)])


def test_mapping_over_weights_is_a_loop():
    weights = quarters(5, 4, 3, 3, 3, low=0, high=4, seed=2)
    assert_mapped(lambda weight: fire(LATENCY[0], weight), 0, weights)
    assert_mapped(fire, 0, LATENCY, weights)
    assert_mapped(learn, 0, weights, LATENCY)


def test_a_gradient_that_there_is_not_is_an_error():
    latency, flat = LATENCY[0], LATENCY[0].flatten(1)
    potential = torch.rand(latency.shape)
    rows, tau = torch.ones(4, 2, 3), torch.full((3,), 5.0)

    def inhibited(weight):
        return inhibited_convolution(latency, weight, 2.0, n_bins=6)[2]

    def changed(weight):
        spikes, drive = fire(latency)
        return stdp(weight, latency, spikes, winners(spikes, drive, 2), 0.25, -0.25)

    def twice(function):
        """Gradient of a gradient."""

        def first(leaf):
            out = function(leaf).square().sum()
            return torch.autograd.grad(out, leaf, create_graph=True)[0]

        return first

    for name, call, value in [
        ("spiking_convolution", lambda w: fire(latency, w)[1], WEIGHT),
        ("spiking_linear", lambda w: spiking_linear(flat, w, 0.5, n_bins=6)[1], torch.ones(2, 126)),
        ("inhibited_convolution", inhibited, WEIGHT),
        ("pointwise_inhibition", lambda v: pointwise_inhibition(latency, v)[1], potential),
        ("learning_step", lambda w: learn(w, latency)[0], WEIGHT),
        ("stdp", changed, WEIGHT),
        ("scan_gradient", twice(lambda x: lif_scan(x, tau, return_membrane=True).membrane), rows),
        ("stream_linear_gradient", twice(lambda w: stream_linear(rows, w)), torch.ones(2, 3)),
        (
            "spike_time_gradient",
            twice(lambda w: spike_time_linear(flat.float(), w, 0.5, n_bins=6)),
            torch.ones(2, 126),
        ),
    ]:
        leaf = value.clone().requires_grad_()
        with pytest.raises(RuntimeError, match=f"neurospyke::{name} has no gradient; detach"):
            call(leaf).sum().backward()
        if not name.endswith("gradient"):
            with torch.no_grad():
                assert not call(leaf).requires_grad


def test_ops_do_not_bring_in_the_compiler():
    """Importing it takes seconds and more than a hundred megabytes."""
    script = (
        "import sys, torch\n"
        "from neurospyke.sim.ops.pool import pool\n"
        "before = set(sys.modules)\n"
        "pool(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), 2)\n"
        "assert not [name for name in set(sys.modules) - before if name.startswith('torch')]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
