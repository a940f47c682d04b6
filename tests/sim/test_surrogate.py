import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.surrogate import SURROGATES, gaussian, linear, multi_gaussian, slayer, spike


def test_values_by_hand():
    at = torch.tensor([0.0, 1.0], dtype=torch.float64)
    # 0.5 / (0.5 sqrt(2 pi)) = 0.39894; e^-2 = 0.13534
    assert gaussian(at).tolist() == pytest.approx([0.3989423, 0.3989423 * 0.1353353])
    assert linear(at).tolist() == [0.5, 0.0]
    assert slayer(at).tolist() == pytest.approx([0.5, 0.5 * 0.006737947])
    # less 0.15 / 6 of the height of each flank, at e^(-1/72) of its own
    assert multi_gaussian(at)[0].item() == pytest.approx(0.3989423 * (1.15 - 0.05 * 0.9862071))


def test_the_multi_gaussian_turns_negative():
    at = torch.linspace(0, 4, 4001, dtype=torch.float64)
    negative = at[multi_gaussian(at) < 0]
    assert negative.min().item() == pytest.approx(1.27, abs=0.01)
    assert (multi_gaussian(torch.tensor([1.3, 3.0])) < 0).all()


@settings(deadline=None)
@given(st.floats(-20, 20))
def test_all_are_even_and_finite(x):
    for surrogate in SURROGATES.values():
        one, other = surrogate(torch.tensor([x, -x], dtype=torch.float64)).tolist()
        assert one == pytest.approx(other, abs=1e-15)
        assert abs(one) <= 0.5


@pytest.mark.parametrize("name", SURROGATES)
def test_a_spike_passes_its_surrogate_back(name):
    distance = torch.linspace(-2, 2, 9, requires_grad=True)
    spike(distance, name).sum().backward()
    torch.testing.assert_close(distance.grad, SURROGATES[name](distance.detach()))


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="`surrogate` must be one of"):
        spike(torch.zeros(1), "box")
    with pytest.raises(TypeError, match="`distance` must be a floating-point tensor"):
        spike(torch.zeros(1, dtype=torch.int64))
