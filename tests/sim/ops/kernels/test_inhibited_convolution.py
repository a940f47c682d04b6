import pytest
import torch

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.kernels.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.kernels.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.pointwise_inhibition import reference as inhibition_reference
from neurospyke.sim.ops.spiking_convolution import reference
from tests.conformance import assert_same, latencies, quarters
from tests.sim.ops.kernels.layers import DEVICE, ROUTES, SHAPES, exact, placed, rough


def run(layer, precision="full", **options):
    outputs = inhibited_convolution(*layer, precision, **options)
    latency, maps, potential = outputs
    assert latency.stride() == potential.stride() == (*maps.stride()[:1], 1, *maps.stride()[2:])
    return [out.cpu() for out in outputs]


def kept(latency, potential):
    """The form with one map a position, of latencies and potentials of all maps."""
    latency, potential = inhibition_reference(latency.cpu(), potential.cpu())
    fired = (latency != SILENT).any(1, keepdim=True)
    maps = (latency != SILENT).int().argmax(1, keepdim=True).masked_fill(~fired, -1)
    return latency.amin(1, keepdim=True), maps, potential.sum(1, keepdim=True)


def expected(layer):
    latency, weight, threshold, n_bins, stride, padding = layer
    floor = None if threshold is None else threshold.cpu()
    return kept(
        *reference(
            latency.cpu(), weight.cpu(), floor, n_bins=n_bins, stride=stride, padding=padding
        )
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threshold", [True, False])
def test_tensor_cores_conform_exactly(shape, threshold):
    layer = exact(shape, threshold)
    for precision in ("full", "fast", "reproducible"):
        assert_same(run(layer, precision, route="dense"), expected(layer))


@pytest.mark.parametrize("shape", SHAPES[:1] + SHAPES[2:])
def test_events_conform_exactly(shape):
    layer = exact(shape)
    for precision in ("full", "reproducible"):
        assert_same(run(layer, precision, route="events"), expected(layer))
    assert_same(run(layer.wide(), route="events"), expected(layer.wide()))


# one block of maps and two
@pytest.mark.parametrize(
    ("route", "maps"), [("dense", 3), ("dense", 70), ("events", 3), ("events", 600)]
)
def test_ties_go_to_the_larger_potential_then_to_the_lower_map(route, maps):
    latency = torch.tensor([2, 5], dtype=torch.uint8).view(1, 2, 1, 1)
    weight = torch.zeros(maps, 2, 1, 1)
    weight[-2:] = torch.tensor([[1.0, 9.0], [2.0, 0.0]]).view(2, 2, 1, 1)
    layer = placed(latency, weight, torch.full((maps,), 0.5), 8)
    assert [out.item() for out in run(layer, route=route)] == [2, maps - 1, 2.0]
    layer.weight[1] = layer.weight[-1]
    assert [out.item() for out in run(layer, route=route)] == [2, 1, 2.0]
    layer.weight[:] = 0.0
    assert [out.item() for out in run(layer, route=route)] == [SILENT, -1, 0.0]


@pytest.mark.parametrize("precision", ["full", "reproducible"])
@pytest.mark.parametrize("route", ROUTES)
def test_rough_numbers_are_those_of_the_convolution(route, precision):
    layer = rough(SHAPES[0])
    whole = kept(*spiking_convolution(*layer, precision, True, route=route))
    assert_same(run(layer, precision, route=route), whole)


@pytest.mark.parametrize("route", ROUTES)
def test_it_stops_at_the_first_bin_with_a_spike(route):
    latency = torch.arange(40, dtype=torch.uint8).view(1, 40, 1, 1)
    weight = torch.ones(2, 40, 1, 1)
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    for level, events in [(3.5, 4), (100.0, 40)]:
        layer = placed(latency, weight, torch.tensor([level, 1000.0]), 48)
        work.zero_()
        run(layer, route=route, work=work)
        assert work[0] == (events if route == "events" else -(-events // 16))


def test_later_maps_are_not_followed_beyond_the_spike_of_earlier_ones():
    latency = torch.arange(10, dtype=torch.uint8).view(1, 10, 1, 1)
    weight = torch.zeros(600, 10, 1, 1)
    weight[0] = 1.0
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    run(placed(latency, weight, torch.full((600,), 2.5), 10), route="events", work=work)
    # two blocks of maps, three bins each
    assert work.tolist() == [6, 6]


def test_density_decides():
    work = torch.zeros(2, dtype=torch.int32, device=DEVICE)
    layer = exact(SHAPES[0])
    assert_same(run(layer, work=work), expected(layer))
    assert work.tolist() == [2, 0]
    work.zero_()
    layer.latency.fill_(SILENT)
    assert_same(run(layer, work=work), expected(layer))
    assert work.tolist() == [0, 24]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("maps", [5, 130])
def test_pointwise_inhibition_conforms(dtype, maps):
    latency = latencies(2, maps, 3, 4, n_bins=4, seed=0, silent=0.6)
    potential = quarters(2, maps, 3, 4, low=-1, high=2, seed=1, dtype=dtype)
    outputs = pointwise_inhibition(latency.to(DEVICE), potential.to(DEVICE))
    assert_same([out.cpu() for out in outputs], inhibition_reference(latency, potential))
    last = [
        part.to(DEVICE).contiguous(memory_format=torch.channels_last)
        for part in (latency, potential)
    ]
    assert_same(pointwise_inhibition(*last), outputs)


def test_silence_stays_silent():
    silence = torch.full((1, 2, 1, 3), SILENT, dtype=torch.uint8, device=DEVICE)
    outputs = pointwise_inhibition(silence, torch.zeros(1, 2, 1, 3, device=DEVICE))
    assert_same(outputs, (silence, torch.zeros(1, 2, 1, 3, device=DEVICE)))
