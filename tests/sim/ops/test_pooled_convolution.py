import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.pooled_convolution import pooled_convolution, reference
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from tests.conformance import LAYERS, assert_same, check_op, latencies, layer, quarters

REGISTERED = torch.ops.neurospyke.pooled_convolution.default


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("dtype", "pooling"),
    [
        (torch.float32, {"kernel": 2}),
        (
            torch.float64,
            {"kernel": (2, 1), "pool_stride": (1, 2), "pool_padding": (1, 0, 0, 2)},
        ),
    ],
)
def test_conforms(name, dtype, pooling):
    args, options = layer(name, dtype)
    check_op(pooled_convolution, REGISTERED, reference, *args, **options, **pooling)


def test_the_first_spike_of_each_window_is_passed_on():
    latency = torch.tensor([[7, 3, 9], [8, SILENT, 2], [1, 4, 5]], dtype=torch.uint8)
    args = latency.view(1, 1, 3, 3), torch.ones(1, 1, 1, 1), 0.5
    assert pooled_convolution(*args, n_bins=9, kernel=2).tolist() == [[[[3]]]]
    assert pooled_convolution(*args, n_bins=9, kernel=2, pool_stride=1).tolist() == [
        [[[3, 2], [1, 2]]]
    ]
    padded = pooled_convolution(*args, n_bins=9, kernel=2, pool_padding=(1, 0, 0, 1))
    assert padded.tolist() == [[[[3, SILENT], [1, 2]]]]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999),
    threshold=st.sampled_from([None, -0.5, 0.5, 2.0]),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    pool_stride=st.sampled_from([None, 1, 2, (3, 1), 5]),
    pool_padding=st.sampled_from([0, 1, (0, 3, 1, 0), (7, 0, 0, 9)]),
    stride=st.sampled_from([1, (2, 1), 3]),
)
def test_it_is_the_convolution_then_the_pooling(
    seed, threshold, kernel, pool_stride, pool_padding, stride
):
    latency = latencies(2, 2, 9, 8, n_bins=5, seed=seed)
    weight = quarters(5, 2, 3, 2, low=-2, high=4, seed=seed)
    layer = {"n_bins": 5, "stride": stride, "padding": (2, 1, 0, 1)}
    spikes = spiking_convolution(latency, weight, threshold, **layer, return_potential=False)
    if any(size < window for size, window in zip(spikes.shape[2:], kernel, strict=True)):
        return
    pooling = {"kernel": kernel, "pool_stride": pool_stride, "pool_padding": pool_padding}
    found = pooled_convolution(latency, weight, threshold, **layer, **pooling)
    assert_same(found, pool(spikes, kernel, pool_stride, pool_padding))


def test_a_window_over_everything_finds_the_first_spike():
    latency = latencies(3, 2, 20, 17, n_bins=100, seed=0)
    weight = quarters(7, 2, 3, 3, low=0, high=4, seed=1)
    spikes = spiking_convolution(latency, weight, 6.0, n_bins=100, return_potential=False)
    found = pooled_convolution(latency, weight, 6.0, n_bins=100, kernel=(18, 15))
    assert_same(found, spikes.amin((2, 3), keepdim=True))


def test_inputs_of_no_sample_give_no_sample():
    latency = torch.zeros(0, 1, 4, 4, dtype=torch.uint8)
    pooled = pooled_convolution(latency, torch.zeros(2, 1, 2, 2), 1.0, n_bins=3, kernel=2)
    assert pooled.shape == (0, 2, 1, 1)


def test_bad_input_is_refused_by_name():
    latency = torch.zeros(1, 2, 4, 4, dtype=torch.uint8)
    weight = torch.zeros(3, 2, 2, 2)
    for args, options, error, message in [
        ((latency.float(), weight, 1.0), {}, TypeError, "`latency` must have dtype torch.uint8"),
        ((latency, weight.half(), 1.0), {}, TypeError, "`weight` must be a float32 or float64"),
        ((latency, weight[:0], 1.0), {}, ValueError, "`weight` must have at least one map"),
        ((latency, weight, 1.0), {"n_bins": 300}, ValueError, "`n_bins` must be 1 to 254"),
        ((latency, weight, 1.0), {"kernel": 0}, ValueError, "`kernel` must be"),
        ((latency, weight, 1.0), {"kernel": 4}, ValueError, "smaller than the window"),
        ((latency, weight, 1.0), {"kernel": 2**40}, ValueError, "`kernel` must be"),
        ((latency, weight, 1.0), {"pool_stride": 0}, ValueError, "`pool_stride` must be"),
        ((latency, weight, 1.0), {"pool_padding": (1, 1)}, ValueError, "`padding` must be"),
        ((latency, weight, 1.0), {"precision": None}, ValueError, "`precision` must be one of"),
    ]:
        with pytest.raises(error, match=message):
            pooled_convolution(*args, **{"n_bins": 5, "kernel": 2, **options})
