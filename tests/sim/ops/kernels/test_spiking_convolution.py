import pytest
import torch

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.kernels.fixed_point import fixed_point, to_potential, whole_threshold
from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.kernels.spiking_linear import spiking_linear
from neurospyke.sim.ops.spiking_convolution import reference
from neurospyke.sim.ops.spiking_linear import reference as linear_reference
from tests.conformance import assert_same, latencies
from tests.sim.ops.kernels.layers import (
    DEVICE,
    ROUTES,
    SHAPES,
    differing,
    exact,
    placed,
    potentials,
    rough,
)

PRECISIONS = ("full", "fast", "reproducible")


def run(layer, precision="full", wanted=True, **options):
    out, potential = spiking_convolution(*layer, precision, wanted, **options)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert potential.is_contiguous(memory_format=torch.channels_last) or not wanted
    return out.cpu(), potential.cpu()


def expected(layer):
    latency, weight, threshold, n_bins, stride, padding = layer
    return reference(
        latency.cpu(),
        weight.cpu(),
        None if threshold is None else threshold.cpu(),
        n_bins=n_bins,
        stride=stride,
        padding=padding,
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("threshold", [True, False])
def test_tensor_cores_conform_exactly(shape, precision, threshold):
    layer = exact(shape, threshold)
    assert_same(run(layer, precision, route="dense"), expected(layer))


@pytest.mark.parametrize("shape", SHAPES[:1] + SHAPES[2:])
@pytest.mark.parametrize("precision", ["full", "reproducible"])
def test_events_conform_exactly(shape, precision):
    layer = exact(shape)
    assert_same(run(layer, precision, route="events"), expected(layer))


@pytest.mark.parametrize("route", ROUTES)
def test_read_out_in_the_last_bin(route):
    layer = exact(SHAPES[0], threshold=False)
    assert_same(run(layer, route=route), expected(layer))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_float64_weights_stay_float64(precision):
    # 2^-40 above the threshold, which float32 cannot tell
    weight = torch.tensor([1.0, 2.0**-40], dtype=torch.float64).view(1, 2, 1, 1)
    latency = torch.tensor([0, 3], dtype=torch.uint8).view(1, 2, 1, 1)
    layer = placed(latency, weight, torch.ones(1, dtype=torch.float64), 4)
    out, potential = run(layer, precision)
    assert (out.item(), potential.item()) == (3, 1 + 2.0**-40)


@pytest.mark.parametrize("shape", SHAPES[:3])
@pytest.mark.parametrize("route", ROUTES)
def test_rough_numbers_agree_with_float64(shape, route):
    if shape is SHAPES[1] and route == "events" and DEVICE == "cpu":
        pytest.skip("takes the interpreter long, and the other shapes cover it")
    layer = rough(shape)
    out, potential = run(layer, route=route)
    assert differing(layer, out, 2e-7) <= 1
    v = potentials(layer.wide())
    at = v.gather(0, out.clamp(max=layer.n_bins - 1).long()[None])[0]
    fired = out != SILENT
    torch.testing.assert_close(potential[fired].double(), at[fired], rtol=1e-6, atol=1e-5)
    assert (potential[~fired] == 0).all()


def test_one_pass_is_close():
    layer = rough(SHAPES[1])
    assert differing(layer, run(layer, "fast", route="dense")[0], 2.0**-11) <= 20


@pytest.mark.parametrize("route", ROUTES)
def test_reproducible_is_the_fixed_point_grid_exactly(route):
    layer = rough(SHAPES[0])
    q, exponent = fixed_point(layer.weight)
    whole = layer._replace(weight=q.double(), threshold=whole_threshold(layer.threshold, exponent))
    total = potentials(whole)
    crossed = total > whole.threshold.cpu().view(-1, 1, 1)
    first = crossed.int().argmax(0)
    at = to_potential(total.gather(0, first[None])[0], exponent.cpu().view(-1, 1, 1), torch.float32)
    silent = ~crossed.any(0)
    assert_same(
        run(layer, "reproducible", route=route),
        (first.masked_fill(silent, SILENT).to(torch.uint8), at.masked_fill(silent, 0.0)),
    )


@pytest.mark.parametrize("factor", [2.0**-140, 2.0**-100, 2.0**100])
def test_any_range_of_weights(factor):
    layer = exact(SHAPES[0])
    layer = layer._replace(weight=layer.weight * factor, threshold=layer.threshold * factor)
    spike, potential = expected(layer)
    assert_same(run(layer, route="dense"), (spike, potential))


def test_small_weights_beside_a_large_one():
    # the large weight never takes part; the small ones are 2^-16 of it
    layer = rough(SHAPES[0])
    layer = layer._replace(
        weight=torch.cat([layer.weight, torch.full_like(layer.weight[:, :1], 2.0**16)], 1),
        latency=torch.cat([layer.latency, torch.full_like(layer.latency[:, :1], SILENT)], 1),
    )
    out, potential = run(layer, route="dense")
    assert_same(out, expected(layer)[0])
    torch.testing.assert_close(potential, expected(layer)[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("level", [1e-44, -1e-44, float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("precision", ["full", "reproducible"])
def test_thresholds_out_of_range(level, precision):
    weight = torch.tensor([-1e6, 2e6]).view(1, 2, 1, 1)
    latency = torch.tensor([1, 2], dtype=torch.uint8).view(1, 2, 1, 1)
    layer = placed(latency, weight, torch.tensor([level]), 4)
    for route in ROUTES:
        assert_same(run(layer, precision, route=route)[0], expected(layer)[0])


@pytest.mark.parametrize("route", ROUTES)
def test_layout_and_batch_change_nothing(route):
    layer = rough(SHAPES[0])
    whole = run(layer, route=route)
    last = layer._replace(latency=layer.latency.contiguous(memory_format=torch.channels_last))
    assert_same(run(last, route=route), whole)
    weight = layer.weight.contiguous(memory_format=torch.channels_last)
    assert_same(run(layer._replace(weight=weight), route=route), whole)
    spread = torch.full((*layer.latency.shape[:3], 9), 7, dtype=torch.uint8, device=DEVICE)
    spread[..., 1::2] = layer.latency
    assert_same(run(layer._replace(latency=spread[..., 1::2]), route=route), whole)
    apart = torch.stack([layer.threshold, layer.threshold + 9], 1)[:, 0]
    assert_same(run(layer._replace(threshold=apart), route=route), whole)
    halves = [run(layer._replace(latency=one), route=route) for one in layer.latency.split(1)]
    assert_same([torch.cat(outs) for outs in zip(*halves, strict=True)], whole)
    assert_same(run(layer, wanted=False, route=route), (whole[0], torch.empty(0)))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "size", [(0, 2, 3, 3), (2, 0, 3, 3), (2, 2, 3, 3)], ids=["batch", "channel", "map"]
)
def test_axes_of_length_zero(size, route):
    latency = torch.zeros(size, dtype=torch.uint8)
    weight = torch.ones(2 if 0 in size else 0, size[1], 2, 2)
    out, potential = run(placed(latency, weight, torch.full((len(weight),), -1.0), 3), route=route)
    # nothing adds up to 0, which is above -1 in the first bin
    silence = torch.zeros(size[0], len(weight), 2, 2)
    assert_same((out, potential), (silence.to(torch.uint8), silence))


def test_density_decides():
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    layer = exact(SHAPES[0])
    assert_same(run(layer, route="auto", work=work), expected(layer))
    # 24 positions in blocks of 16, all bins at once
    assert work.tolist() == [2, 0]
    work.zero_()
    layer.latency.fill_(SILENT)
    layer.latency[0, 0, 0, 0] = 1
    assert_same(run(layer, route="auto", work=work), expected(layer))
    # the only event is in the windows of two positions; all 24 look at the first bin, two go on
    assert work.tolist() == [2, 26]


def test_tensor_cores_stop_when_all_have_spiked():
    latency = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    for level, blocks in [(0.5, 1), (2.0, 4)]:
        layer = placed(latency, torch.ones(1, 1, 1, 1), torch.tensor([level]), 64)
        work.zero_()
        run(layer, route="dense", work=work)
        assert work.tolist() == [blocks, 0]


def test_events_stop_when_all_have_spiked():
    latency = torch.arange(10, dtype=torch.uint8).view(1, 10, 1, 1)
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    for level, events in [(2.5, 3), (20.0, 10)]:
        layer = placed(latency, torch.ones(1, 10, 1, 1), torch.tensor([level]), 64)
        work.zero_()
        run(layer, route="events", work=work)
        assert work.tolist() == [events, events]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("threshold", [True, False])
def test_linear_conforms(route, threshold):
    layer = exact(SHAPES[2], threshold)
    latency, weight = layer.latency.flatten(1)[:4], layer.weight.flatten(1)
    out = spiking_linear(latency, weight, layer.threshold, layer.n_bins, "full", route=route)
    floor = None if layer.threshold is None else layer.threshold.cpu()
    assert_same(
        [part.cpu() for part in out],
        linear_reference(latency.cpu(), weight.cpu(), floor, n_bins=layer.n_bins),
    )


def test_more_bins_cost_events_nothing():
    latency = latencies(1, 3, 4, 4, n_bins=8, seed=0)
    found = []
    for n_bins in (8, 200):
        work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
        layer = placed(latency, torch.ones(2, 3, 2, 2), torch.full((2,), 100.0), n_bins)
        run(layer, route="events", work=work)
        found.append(work.tolist())
    assert found[0] == found[1]
    assert found[0][1] < 9 * 8
