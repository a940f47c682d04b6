"""Nothing on the host may wait for, or depend on, values on the device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.kernels.learning_step import learning_step
from neurospyke.sim.ops.kernels.pooled_convolution import pooled_convolution
from tests.conformance import assert_same
from tests.sim.ops.kernels.layers import DEVICE, SHAPES, exact

# What copies values to the host, or makes shapes out of them.
READS = {
    "_local_scalar_dense",
    "item",
    "nonzero",
    "masked_select",
    "unique",
    "_unique2",
    "is_nonzero",
}


class Reads(TorchDispatchMode):
    """Names of the operations seen that the host would have to wait for."""

    def __init__(self):
        super().__init__()
        self.seen, self.all = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.all.append(name)
        self.seen += [name] if name in READS else []
        return func(*args, **(kwargs or {}))


def step(layer, online=True):
    """One step of learning, and pooled latencies."""
    tables = [torch.full_like(layer.threshold, each) for each in (0.5, -0.25, -1.0, 2.0)]
    rule = (None, layer.n_bins, 2, 1, True, "all", layer.stride, layer.padding, online)
    return *learning_step(layer.weight, layer.latency, layer.threshold, *tables, *rule), (
        pooled_convolution(*layer, (2, 2), (2, 2), (0, 0, 0, 0), "reproducible")
    )


def test_no_value_is_read_on_the_host():
    with Reads() as reads:
        step(exact(SHAPES[0]))
    assert reads.seen == []
    assert {"empty", "zeros"} & set(reads.all)


@pytest.mark.skipif(DEVICE == "cpu", reason="CUDA graphs need a GPU")
def test_a_captured_step_follows_its_inputs():
    layer = exact(SHAPES[0])
    step(layer)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step(layer)
    # dense, then sparse: the route changes from replay to replay
    for level in (0, SILENT):
        layer.latency[:, 1:] = level
        graph.replay()
        assert_same(captured, step(layer))
