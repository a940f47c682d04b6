import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition, reference
from tests.conformance import assert_same, check_op, latencies, quarters

REGISTERED = torch.ops.neurospyke.pointwise_inhibition.default


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(dtype):
    latency = latencies(3, 5, 4, 6, n_bins=4, seed=0, silent=0.6)
    potential = quarters(3, 5, 4, 6, low=-1, high=2, seed=1, dtype=dtype)
    check_op(pointwise_inhibition, REGISTERED, reference, latency, potential)


def test_time_comes_before_potential_and_potential_before_index():
    latency = torch.tensor(
        [[3, 4, 4, 255], [2, 4, 4, 255], [2, 5, 4, 255]], dtype=torch.uint8
    ).view(1, 3, 1, 4)
    potential = torch.tensor(
        [[9.0, 1.0, 2.0, 0.0], [1.0, 1.0, 2.0, 0.0], [1.25, 9.0, 1.0, 0.0]]
    ).view(1, 3, 1, 4)
    kept, drive = pointwise_inhibition(latency, potential)
    assert kept[0, :, 0].tolist() == [[255, 4, 4, 255], [255, 255, 255, 255], [2, 255, 255, 255]]
    assert drive[0, :, 0].tolist() == [[0, 1, 2, 0], [0, 0, 0, 0], [1.25, 0, 0, 0]]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_laws(seed):
    latency = latencies(3, 4, 3, 3, n_bins=3, seed=seed)
    potential = quarters(3, 4, 3, 3, low=1, high=4, seed=seed)
    kept, drive = pointwise_inhibition(latency, potential)
    samples = zip(latency[:, None], potential[:, None], strict=True)
    one_by_one = [pointwise_inhibition(*sample) for sample in samples]
    assert_same([torch.cat(outs) for outs in zip(*one_by_one, strict=True)], (kept, drive))
    assert_same(pointwise_inhibition(kept, drive), (kept, drive))
    assert_same((kept != SILENT).sum(1), (latency != SILENT).any(1).long())
    assert_same(kept.amin(1), latency.amin(1))

    silence = torch.full((3, 1, 3, 3), SILENT, dtype=torch.uint8)
    more = pointwise_inhibition(
        torch.cat([latency, silence], 1), torch.cat([potential, torch.zeros(3, 1, 3, 3)], 1)
    )
    assert_same([out[:, :4] for out in more], (kept, drive))

    distinct = torch.rand(3, 4, 3, 3, generator=torch.Generator().manual_seed(seed))
    plain = pointwise_inhibition(latency, distinct)
    assert_same(
        pointwise_inhibition(latency.flip(1), distinct.flip(1)), [out.flip(1) for out in plain]
    )


def test_bad_input_is_refused_by_name():
    latency, potential = torch.zeros(1, 2, 3, 3, dtype=torch.uint8), torch.zeros(1, 2, 3, 3)
    for args, error, message in [
        ((potential, potential), TypeError, "`latency` must have dtype torch.uint8"),
        ((latency[0], potential[0]), ValueError, r"`latency` must have axes \(batch, map"),
        ((latency, latency), TypeError, "`potential` must be a floating-point tensor; got torch.u"),
        ((latency, potential[:, :1]), ValueError, "`potential` must have the shape of `latency`"),
    ]:
        with pytest.raises(error, match=message):
            pointwise_inhibition(*args)


def test_spyketorch_pointwise_inhibition(shared_oracles):
    with np.load(shared_oracles / "spyketorch_pointwise_inhibition.npz") as oracle:
        before, after = (torch.from_numpy(oracle[key]) for key in ("thresholded", "inhibited"))
    kept, drive = pointwise_inhibition(*(out[None] for out in first_spike(before)))
    assert_same((kept[0], drive[0]), first_spike(after))


def first_spike(thresholded):
    """Latency and potential in its bin, of potentials (time, ...) that are 0 below threshold."""
    latency = from_spikes(thresholded)
    times = torch.arange(len(thresholded)).view(-1, 1, 1, 1)
    return latency, (thresholded * (times == latency)).sum(0)
