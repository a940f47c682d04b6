"""Rules: rates by hand, bounds of the schedule, bad settings."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.plasticity import STDP, RateSchedule, convergence


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
    now, later = rule.rates(n_samples), rule.rates(n_samples + 10)
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
