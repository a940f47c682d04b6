"""Rules: rates by hand, bounds of the schedule, bad settings."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule, convergence


def test_rates_by_hand():
    rule = STDP(0.004, -0.003, schedule=RateSchedule(500, 2.0, 0.15))
    expected = {0: 0.004, 499: 0.004, 500: 0.008, 1999: 0.032, 2000: 0.064, 2500: 0.128, 3000: 0.15}
    for n_samples, rate in expected.items():
        assert rule.rates(n_samples) == pytest.approx((rate, -0.75 * rate))
    assert STDP(0.004, -0.003).rates(10**9) == (0.004, -0.003)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-4, 0.1), st.floats(0, 0.1), st.floats(1.01, 100.0), st.integers(0, 10**12))
def test_rates_grow_up_to_the_maximum_and_keep_their_ratio(positive, negative, factor, n_samples):
    rule = STDP(positive, -negative, schedule=RateSchedule(10, factor, 0.1))
    now, later = np.array(rule.rates(n_samples)), np.array(rule.rates(n_samples + 10))
    assert positive <= now[0] <= later[0] <= 0.1 * (1 + 1e-12)
    assert later[0] == pytest.approx(min(now[0] * factor, 0.1))
    assert now[1] * positive == pytest.approx(-negative * now[0])


def test_convergence_by_hand():
    assert convergence(torch.tensor([0.25, 0.75, 0.0, 1.0])) == 0.09375
    assert convergence(torch.tensor([0.5]), 0.0, 2.0) == 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: STDP(math.nan, -0.1), "`rate_positive`"),
        (lambda: STDP(0.1, -0.1, 0), "`n_winners`"),
        (lambda: STDP(0.1, -0.1, radius=-1), "`radius`"),
        (lambda: STDP(0.1, -0.1, lower=1.0, upper=0.0), "swap them"),
        (lambda: STDP(0.1, -0.1, clamp="some"), "'some'"),
        (lambda: STDP(0.2, -0.1, schedule=RateSchedule(5, 2.0, 0.1)), "maximum"),
        (lambda: STDP(0.1, -0.1).rates(-1), "`n_samples`"),
        (lambda: RateSchedule(0, 2.0, 0.1), "`every`"),
        (lambda: RateSchedule(5, 1.0, 0.1), "`factor`"),
        (lambda: RateSchedule(5, 2.0, 0.0), "`maximum`"),
        (lambda: convergence(torch.ones(0)), "at least one"),
        (lambda: convergence(torch.ones(1), 1.0, 1.0), "`lower`"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rates_and_bounds_may_differ_between_maps():
    rule = STDP(
        (0.004, 0.008), (-0.003, -0.006), upper=(0.5, 1.0), schedule=RateSchedule(10, 2.0, 0.032)
    )
    assert rule.rates(10) == ((0.008, 0.016), (-0.006, -0.012))
    # the largest reaches the maximum, and all keep their ratios
    assert rule.rates(1000)[0] == pytest.approx((0.016, 0.032))
    weight = torch.tensor([[0.25, 0.5], [0.25, 0.5]])
    assert convergence(weight, 0.0, (0.5, 1.0)) == pytest.approx((0.0625 + 0.1875 + 0.25) / 4)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 50), st.floats(0.1, 50), st.integers(1, 60))
def test_a_window_fades_with_the_lag(positive, negative, n_bins):
    window = STDP(0.1, -0.1, time_constants=(positive, negative), silent=0.25).window(n_bins)
    assert window is not None
    assert len(window) == 2 * n_bins
    assert window[n_bins - 1] == 1
    assert window[-1] == 0.25
    for lag in range(1, n_bins):
        assert window[n_bins - 1 + lag].item() == pytest.approx(math.exp(-lag / positive))
        assert window[n_bins - 1 - lag].item() == pytest.approx(math.exp(-lag / negative))
    assert STDP(0.1, -0.1).window(n_bins) is None


def test_thresholds_follow_who_wins_by_hand():
    threshold = torch.tensor([2.0, 2.0, 2.0, 0.25])
    rows = torch.tensor([[[0, 0, 0], [1, 1, 1]], [[0, 2, 2], [-1, -1, -1]]])
    bins = torch.tensor([[4, 6], [2, 99]])
    # three wins, 3/4 a map
    alike = Homeostasis(0.5).thresholds(threshold, rows, bins, 10)
    assert alike.tolist() == [2.625, 2.125, 1.625, 0.0]
    # the winners' bins lie 1 + 3 - 1 = 3 tenths of the code after 3
    timely = Homeostasis(1.0, target=3.0, least=0.5).thresholds(threshold, rows, bins, 10)
    assert timely.tolist() == pytest.approx([2.95, 1.95, 0.95, 0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: STDP((), -0.1), "`rate_positive`"),
        (lambda: STDP((0.1, math.inf), -0.1), "`rate_positive`"),
        (lambda: STDP(0.1, -0.1, lower=(0.0, 0.5), upper=(1.0, 0.5)), "swap them"),
        (
            lambda: STDP(0.1, -0.1, lower=(0.0, 0.5), upper=(1.0, 1.0, 1.0)),
            "one a map; got 2 and 3",
        ),
        (lambda: STDP(0.1, -0.1, time_constants=(0.0, 1.0)), "`time_constants`"),
        (lambda: STDP(0.1, -0.1, silent=1.5), "`silent`"),
        (lambda: Homeostasis(0.0), "`rate`"),
        (lambda: Homeostasis(0.1, target=-1.0), "`target`"),
        (lambda: Homeostasis(0.1, least=-1.0), "`least`"),
    ],
)
def test_bad_numbers_of_maps_and_times(call, message):
    with pytest.raises(ValueError, match=message):
        call()
