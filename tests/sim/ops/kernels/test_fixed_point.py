import pytest
import torch

from neurospyke.sim.ops.kernels.fixed_point import (
    digits,
    fixed_point,
    power_of_two,
    to_potential,
    whole_threshold,
)


def test_round_numbers_are_on_the_grid_and_others_within_half_a_step():
    weight = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    q, exponent = fixed_point(weight)
    step = power_of_two(exponent).view(-1, 1, 1, 1)
    assert ((q * step - weight.double()).abs() <= step / 2).all()
    assert (q.abs().amax((1, 2, 3)) >= 2**20).all()
    round_numbers = (weight * 4).round() / 4
    q, exponent = fixed_point(round_numbers)
    assert torch.equal(to_potential(q, exponent.view(-1, 1, 1, 1), torch.float32), round_numbers)


@pytest.mark.parametrize("n", [1, 1023, 5000, 70_000])
def test_no_sum_overflows_and_digits_hold_every_number(n):
    q, _ = fixed_point(torch.cat([torch.ones(1, n), -torch.full((1, n), 1.999999)]))
    assert (q.long().abs().sum(1) < 2**31).all()
    low, middle, high = digits(q).int()
    assert torch.equal(low + 128 * middle + 128**2 * high, q)


def test_the_threshold_decides_as_on_the_real_line():
    exponent = torch.tensor([-3])
    for level in (-0.3, -0.25, 0.0, 0.1, 0.125, 7.0):
        whole = whole_threshold(torch.tensor([level]), exponent)
        for total in range(-10, 70):
            assert (total > whole.item()) == (total / 8 > torch.tensor(level).item())
    never = whole_threshold(torch.tensor([float("inf"), float("nan"), 1e30]), exponent)
    assert (never == 2**31 - 1).all()
    assert whole_threshold(torch.tensor([-float("inf")]), exponent).item() == -(2**31)


def test_any_finite_weight():
    weight = torch.tensor([[0.0], [2.0**-149], [1.5 * 2.0**127], [-1.0]])
    q, exponent = fixed_point(weight)
    assert torch.equal(to_potential(q, exponent[:, None], torch.float32), weight)
    assert fixed_point(torch.ones(0, 3))[0].shape == (0, 3)
    assert fixed_point(torch.ones(3, 0))[0].shape == (3, 0)
