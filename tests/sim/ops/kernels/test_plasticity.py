import pytest
import torch

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.kernels.stdp import stdp
from neurospyke.sim.ops.kernels.winners import winners
from neurospyke.sim.ops.stdp import reference as stdp_reference
from neurospyke.sim.ops.winners import reference as winners_reference
from tests.conformance import assert_same, latencies, quarters
from tests.sim.ops.kernels.layers import DEVICE
from tests.sim.ops.kernels.test_inhibited_convolution import kept


@pytest.mark.parametrize("radius", [None, 0, 1, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(3, 5, 4, 6), (2, 13, 9, 11)])
def test_winners_conform(radius, dtype, size):
    latency = latencies(*size, n_bins=3, seed=0, silent=0.5)
    latency[-1] = SILENT
    potential = quarters(*size, low=-1, high=2, seed=1, dtype=dtype)
    expected = winners_reference(latency, potential, 7, radius=radius)
    assert (expected[0] >= 0).any()
    assert (expected[-1] < 0).all()
    for arrange in (torch.contiguous_format, torch.channels_last):
        given = [x.to(DEVICE).contiguous(memory_format=arrange) for x in (latency, potential)]
        assert_same(winners(*given, 7, radius).cpu(), expected)


@pytest.mark.parametrize("radius", [None, 0, 2])
def test_winners_of_given_maps_are_those_of_the_spread_out_form(radius):
    latency = latencies(3, 5, 6, 7, n_bins=3, seed=2, silent=0.7)
    potential = quarters(3, 5, 6, 7, low=1, high=3, seed=3)
    spike, maps, drive = (part.to(DEVICE) for part in kept(latency, potential))
    # spread out again: every map but the kept one silenced
    alone = torch.arange(5).view(-1, 1, 1) == maps.cpu()
    spread = latency.masked_fill(~alone, SILENT)
    expected = winners_reference(spread, potential, 4, radius=radius)
    assert_same(winners(spike, drive, 4, radius, maps).cpu(), expected)


GEOMETRY = {"stride": (2, 1), "padding": (1, 0, 0, 1)}


def on_device(weight, inputs, rates, lower=0.0, upper=1.0, window=None, **options):
    """New weights on the device, its kernel called as the op calls it."""
    bounds = [
        torch.as_tensor(each, dtype=weight.dtype).expand(len(weight)) for each in (lower, upper)
    ]
    options = {"window": None if window is None else window.to(DEVICE), **options}
    parts = [part.to(DEVICE) for part in (weight, *inputs, *rates, *bounds)]
    return stdp(*parts, **({"stabilizer": True, "clamp": "winners"} | options)).cpu()


def learn(weight, latency_in, latency_out, rows, rates, **rule):
    inputs = (latency_in, latency_out, rows)
    return on_device(weight, inputs, rates, **rule, **GEOMETRY), stdp_reference(
        weight, *inputs, *rates, **rule, **GEOMETRY
    )


def problem(dtype=torch.float32, batch=3, k=4, maps=3):
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(maps, 2, 3, 2, generator=generator, dtype=dtype) * 1.4 - 0.2
    latency_in = latencies(batch, 2, 6, 5, n_bins=5, seed=1)
    latency_out = latencies(batch, maps, 3, 5, n_bins=5, seed=2)
    rows = torch.stack(
        [torch.randint(-1, size, (batch, k), generator=generator) for size in (maps, 3, 5)], -1
    )
    # a winner has a place; a row without one is all -1
    rows = torch.where(rows.amin(-1, keepdim=True) < 0, -1, rows)
    rates = [torch.rand(maps, generator=generator, dtype=dtype) * sign for sign in (0.5, -0.4)]
    return weight, latency_in, latency_out, rows, rates


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("stabilizer", [True, False])
@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_stdp_conforms(dtype, stabilizer, clamp):
    weight, *inputs, rows, rates = problem(dtype)
    assert (rows[..., 0] >= 0).sum() > 5
    # 0.1 is neither a float32 nor half of one
    bounds = {"lower": 0.1, "upper": 0.9, "stabilizer": stabilizer, "clamp": clamp}
    new, expected = learn(weight, *inputs, rows, rates, **bounds)
    assert not torch.equal(new, weight)
    # a device may contract a product and a sum into one rounding
    close = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(new, expected, rtol=close, atol=close)


@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_rates_of_each_sample_bounds_of_each_map_and_a_window_conform(clamp):
    weight, *inputs, rows, rates = problem()
    generator = torch.Generator().manual_seed(3)
    rates = [rate * torch.rand(3, 3, generator=generator) for rate in rates]
    rule = {
        "lower": torch.tensor([0.0, 0.25, 0.5]),
        "upper": torch.tensor([0.5, 1.0, 0.75]),
        "window": torch.rand(6, generator=generator),
        "clamp": clamp,
    }
    new, expected = learn(weight, *inputs, rows, rates, **rule)
    torch.testing.assert_close(new, expected, rtol=1e-6, atol=1e-6)
    plain, _ = learn(weight, *inputs, rows, rates, clamp=clamp)
    assert (new - plain).abs().max() > 0.1


def test_two_winners_of_a_map_in_one_sample_are_clamped_after_both():
    weight, *inputs, _, _ = problem()
    rows = torch.tensor([[[1, 0, 0], [-1, -1, -1]], [[0, 1, 2], [0, 2, 2]], [[-1] * 3] * 2])
    rates = [torch.full((3,), 5.0), torch.full((3,), -3.0)]
    new, expected = learn(weight, *inputs, rows, rates, stabilizer=False, clamp="all")
    assert_same(new, expected)
    assert (new.amin(), new.amax()) == (0, 1)


@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_nobody_won(clamp):
    weight, *inputs, rows, rates = problem()
    new, expected = learn(weight, *inputs, torch.full_like(rows, -1), rates, clamp=clamp)
    assert_same(new, expected)
    assert_same(new, weight)


def test_more_winners_than_are_read_at_once():
    weight, *inputs, rows, rates = problem(batch=2, k=600)
    rows[0, :550], rows[1, :599] = -1, -1
    rows[1, 599] = torch.tensor([2, 1, 1])
    for clamp in ("winners", "all"):
        new, expected = learn(weight, *inputs, rows, rates, stabilizer=False, clamp=clamp)
        torch.testing.assert_close(new, expected, rtol=1e-6, atol=1e-6)
        assert not torch.equal(new[2], weight[2])


def test_stdp_of_one_latency_a_position():
    weight, latency_in, latency_out, rows, rates = problem()
    spike, maps, _ = kept(latency_out, torch.ones(latency_out.shape))
    places = [(0, 1, 2), (0, 2, 4), (1, 0, 0), (2, 1, 1)]
    rows = torch.full((3, 2, 3), -1)
    for rank, (sample, y, x) in enumerate(places):
        rows[sample, rank % 2] = torch.tensor([maps[sample, 0, y, x].item(), y, x])
    expected = stdp_reference(weight, latency_in, latency_out, rows, *rates, **GEOMETRY)
    new = on_device(weight, (latency_in, spike, rows), rates, **GEOMETRY)
    torch.testing.assert_close(new, expected, rtol=1e-6, atol=1e-6)
    assert not torch.equal(new, weight)


def test_rows_that_are_no_place_are_passed_over_and_the_layout_is_kept():
    weight = quarters(3, 2, 2, 3, low=1, high=3, seed=4).permute(3, 2, 0, 1)  # maps innermost
    latency = latencies(1, 2, 3, 2, n_bins=3, seed=5)
    post = torch.ones(1, 3, 1, 1, dtype=torch.uint8)
    rates = torch.full((3,), 0.25), torch.full((3,), -0.25)
    rows = torch.tensor([[[0, 9, 0], [3, 0, 0], [1, 0, -5], [2, 0, 0]]])
    for clamp in ("winners", "all"):
        rule = {
            "lower": 0.0,
            "upper": 0.5,
            "stabilizer": False,
            "clamp": clamp,
            "stride": (1, 1),
            "padding": (0, 0, 0, 1),
        }
        found = on_device(weight, (latency, post, rows), rates, **rule)
        expected = stdp_reference(weight, latency, post, rows, *rates, **rule)
        assert_same(found, expected)
        assert found.stride() == weight.stride()
        assert not torch.equal(expected[2], weight[2])


def test_winners_at_the_edges_of_what_is_allowed():
    latency = torch.tensor([[[[1, 0]]]], dtype=torch.uint8)
    potential, maps = torch.ones(1, 1, 1, 2), torch.tensor([[[[2, -1]]]])
    given = [part.to(DEVICE) for part in (latency, potential)]
    assert winners(*given, 3, 2**31 - 1).tolist() == [[[0, 0, 1], [-1] * 3, [-1] * 3]]
    rows = winners(*given, 20000, None, maps.to(DEVICE))
    assert rows[0, 0].tolist() == [2, 0, 0]
    assert (rows[0, 1:] == -1).all()
