"""Linear latency and spike trains: bins by hand, frequencies against their laws, refusals."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.coding import (
    bernoulli_spikes,
    interval_spikes,
    linear_latency,
    poisson_spikes,
)
from neurospyke.sim.latency import SILENT
from tests.conformance import quarters


def row(*values):
    return torch.tensor(values).view(1, 1, 1, -1)


def test_linear_latency_by_hand():
    """Largest 2: shares lost 0, 1/8, 1/2, 1/2, 7/8 of 4 bins; zero and below never."""
    latency = linear_latency(row(2.0, 1.75, 1.0, 1.0, 0.25, 0.0, -1.0), 4)
    assert latency.flatten().tolist() == [0, 0, 2, 2, 3, SILENT, SILENT]


def test_linear_latency_of_spyker_by_hand():
    """From -1 to 3: shares lost 0, 1/8, 1/2, 1/2, 3/4, 1 of 4 bins; the smallest never."""
    latency = linear_latency(row(3.0, 2.5, 1.0, 1.0, 0.0, -1.0), 4, bins="spyker")
    assert latency.flatten().tolist() == [0, 0, 2, 2, 3, SILENT]


def test_linear_latency_as_published_software_has_it():
    """Frozen from Spyker 0.1.0: intensities 0 to 39 over 64, mixed, in 7 bins."""
    intensity = [11, 27, 4, 24, 23, 2, 3, 34, 18, 1, 10, 22, 20, 26, 28, 30, 37, 38, 17, 0, 39]
    expected = [5, 2, 6, 2, 2, 6, 6, 0, 3, 6, 5, 3, 3, 2, 1, 1, 0, 0, 3, SILENT, 0]
    latency = linear_latency(row(*intensity) / 64, 7, bins="spyker")
    assert latency.flatten().tolist() == expected


def test_the_margin_of_spyker_lifts_rounding_over_an_edge():
    """In float32, 1 - 238 / 255 falls short of 1 / 15, and counts as bin 1 of 15 all the same."""
    latency = linear_latency(row(1.0, 238 / 255, 0.0), 15, bins="spyker")
    assert latency.flatten().tolist() == [0, 1, SILENT]


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_samples_without_contrast(value):
    intensity = torch.full((2, 1, 1, 3), value)
    intensity[1, 0, 0, 1] = 2.0
    plain = linear_latency(intensity, 4)
    assert (plain[0] == SILENT).all()
    assert plain[1, 0, 0, 1] == 0
    assert linear_latency(intensity, 4, bins="spyker").flatten().tolist() == [
        *(0, 0, 0),
        *(SILENT, 0, SILENT),
    ]


def test_levels_of_bytes_fall_where_their_fractions_do():
    """In whole numbers: level k of 255 is in bin (255 - k) n // 255, for every number of bins."""
    for scale in (1.0, 0.3, 7.0):
        intensity = (torch.arange(256, dtype=torch.float32) / 255 * scale).view(1, 1, 1, -1)
        for n_bins in range(1, 255):
            latency = linear_latency(intensity, n_bins).flatten().tolist()
            expected = [(255 - k) * n_bins // 255 for k in range(1, 256)]
            assert latency == [SILENT, *expected]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999),
    n_bins=st.integers(1, 254),
    bins=st.sampled_from(["proportional", "spyker"]),
)
def test_linear_latency_laws(seed, n_bins, bins):
    x = quarters(3, 2, 4, 3, low=-2, high=8, seed=seed)
    latency = linear_latency(x, n_bins, bins=bins)
    assert torch.equal(
        torch.cat([linear_latency(one[None], n_bins, bins=bins) for one in x]), latency
    )
    assert torch.equal(linear_latency(x.flip(1, 3), n_bins, bins=bins), latency.flip(1, 3))
    assert torch.equal(linear_latency(x * 4, n_bins, bins=bins), latency)
    flat, times = x.flatten(1), latency.flatten(1).int()
    stronger = flat[:, :, None] > flat[:, None, :]
    assert (times[:, :, None] <= times[:, None, :])[stronger].all()
    if bins == "proportional":
        assert torch.equal(latency != SILENT, x > 0)
    else:
        assert torch.equal(linear_latency(x - 3, n_bins, bins=bins), latency)
        assert torch.equal(latency == SILENT, x == x.amin((1, 2, 3), keepdim=True))


def generator():
    return torch.Generator().manual_seed(0)


def test_bernoulli_frequencies():
    """Of 254 bins in 2000 samples, within five standard deviations of rate times intensity."""
    x = torch.tensor([0.0, 0.1, 0.5, 2.0]).expand(2000, 1, 1, 4)
    spikes = bernoulli_spikes(x, 254, generator(), rate=0.5)
    assert spikes.shape == (254, 2000, 1, 1, 4)
    assert spikes.dtype == torch.uint8
    n = 254 * 2000
    for share, p in zip(spikes.double().mean((0, 1, 2, 3)), (0, 0.05, 0.25, 1.0), strict=True):
        assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / n)
    # bins are independent: neighbours agree as often as chance has it
    both = (spikes[1:] & spikes[:-1]).double().mean((0, 1, 2, 3))[2].item()
    assert abs(both - 0.25**2) < 5 * math.sqrt(0.0625 / n)


def test_poisson_frequencies():
    """Counts of 0 to 3 at a mean of 1.5, within five standard deviations of their law."""
    spikes = poisson_spikes(torch.full((2000, 1, 1, 1), 0.5), 254, generator(), rate=3.0)
    assert spikes.shape == (254, 2000, 1, 1, 1)
    n = spikes.numel()
    for k in range(4):
        p = math.exp(-1.5) * 1.5**k / math.factorial(k)
        share = (spikes == k).double().mean().item()
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert spikes.max() > 5


def test_poisson_counts_fit_a_byte():
    spikes = poisson_spikes(torch.full((100, 1, 10, 10), 100.0), 10, generator())
    assert 99 < spikes.double().mean() < 101
    assert 50 < spikes.min() < spikes.max() < 160


def test_intervals_are_positive_poisson_numbers():
    """First intervals k at m = 1 and 3, within five standard deviations of m^k / k! (e^m - 1)."""
    latency = torch.tensor([0, 2, SILENT], dtype=torch.uint8).expand(100_000, 3)
    spikes = interval_spikes(latency, 40, generator())
    assert spikes.shape == (40, 100_000, 3)
    assert spikes.max() == 1
    assert not spikes[:, :, 2].any()
    for unit, m in ((0, 1), (1, 3)):
        train = spikes[:, :, unit]
        first = train.argmax(0)
        after = train.cumsum(0) == 2
        second = after.int().argmax(0)
        for interval in (first + 1, second - first):
            for k in range(1, 6):
                p = m**k / (math.factorial(k) * (math.exp(m) - 1))
                share = (interval == k).double().mean().item()
                assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / 100_000)


@pytest.mark.parametrize("draw", [bernoulli_spikes, poisson_spikes])
def test_the_generator_alone_decides(draw):
    x = torch.rand(3, 1, 4, 4, generator=generator())
    torch.manual_seed(1)
    first = draw(x, 9, generator())
    torch.manual_seed(2)
    assert torch.equal(draw(x, 9, generator()), first)
    assert not torch.equal(draw(x, 9, torch.Generator().manual_seed(1)), first)
    latency = linear_latency(x, 9)
    again = interval_spikes(latency, 9, generator())
    assert torch.equal(interval_spikes(latency, 9, generator()), again)


X = torch.full((1, 1, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linear_latency(X.int(), 3), TypeError, "`intensity`"),
        (lambda: linear_latency(X[0], 3), ValueError, "`intensity`"),
        (lambda: linear_latency(X, 0), ValueError, "`n_bins`"),
        (lambda: linear_latency(X, 3, bins="equal"), ValueError, "`bins` must be .*'equal'"),
        (lambda: linear_latency(X * math.inf, 3), ValueError, "finite"),
        (lambda: linear_latency(X * math.nan, 3), ValueError, "finite"),
        (lambda: bernoulli_spikes(X, 3, generator(), rate=0.0), ValueError, "`rate`"),
        (lambda: bernoulli_spikes(X, 3, generator(), rate=2.5), ValueError, r"\[0, 1\].*1.25"),
        (lambda: bernoulli_spikes(-X, 3, generator()), ValueError, "got -0.5"),
        (lambda: bernoulli_spikes(X * math.nan, 3, generator()), ValueError, "nan"),
        (lambda: poisson_spikes(X, 3, generator(), rate=201.0), ValueError, r"\[0, 100\]"),
        (lambda: poisson_spikes(X, 255, generator()), ValueError, "`n_bins`"),
        (lambda: interval_spikes(X, 3, generator()), TypeError, "`latency`"),
        (lambda: interval_spikes((X * 8).byte(), 3, generator()), ValueError, "`latency`.*got 4"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
