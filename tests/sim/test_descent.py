"""What learning by gradients keeps, on one weight."""

import pytest
import torch

from neurospyke.sim.descent import Descent, numbered


def one_weight(value=1.0):
    weight = torch.tensor([value], requires_grad=True)
    return weight, Descent(torch.optim.SGD([weight], lr=0.5), {"weight": weight})


def set_to(weight, value):
    with torch.no_grad():
        weight.fill_(value)


def test_rates_are_factors_on_the_first_ones():
    _, descent = one_weight()
    for factor in (0.5, 0.5, 2.0):
        descent.set_rates(factor)
        assert descent.optimizer.param_groups[0]["lr"] == 0.5 * factor


def test_the_first_of_equal_epochs_is_given_back():
    weight, descent = one_weight()
    for epoch, (value, accuracy) in enumerate([(2.0, 0.5), (3.0, 0.75), (4.0, 0.75), (5.0, 0.5)]):
        set_to(weight, value)
        descent.judge(accuracy, epoch)
    assert descent.best == (1, 0.75)
    descent.restore_best()
    assert weight.item() == 3.0


def test_without_a_judged_epoch_the_last_weights_stay():
    weight, descent = one_weight()
    set_to(weight, 7.0)
    descent.restore_best()
    assert weight.item() == 7.0
    assert not descent.has_stalled(9, patience=1)


def test_patience_counts_epochs_after_the_best():
    _, descent = one_weight()
    descent.judge(0.5, 2)
    assert [descent.has_stalled(epoch, 3) for epoch in (5, 6)] == [False, True]
    assert not descent.has_stalled(100, None)


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.Adamax, torch.optim.Rprop])
def test_it_goes_on_from_what_was_kept(make):
    """Moments as tensors, counts as tensors or numbers, and the best weights."""

    def step(weight, descent):
        descent.optimizer.zero_grad()
        (weight - 3.0).square().sum().backward()
        descent.optimizer.step()

    def start():
        weight = torch.tensor([1.0], requires_grad=True)
        return weight, Descent(make([weight], lr=0.1), {"weight": weight})

    weight, descent = start()
    for epoch in range(3):
        step(weight, descent)
        descent.judge(0.5, epoch)
    progress, tensors = descent.kept()
    tensors = {name: value.clone() for name, value in tensors.items()}  # as from a file
    later, again = start()
    set_to(later, weight.item())
    again.go_on({**progress, "best": list(progress["best"])}, tensors)
    for each in ((weight, descent), (later, again)):
        step(*each)
    assert torch.equal(weight, later)
    assert again.best == descent.best
    descent.restore_best()
    again.restore_best()
    assert torch.equal(weight, later)


def test_batches_are_numbered_and_the_last_is_known():
    assert list(numbered(iter([7]), 0)) == [(0, 7, True)]
    assert [ends for _, _, ends in numbered(range(3), 0)] == [False, False, True]
    with pytest.raises(ValueError, match="got none in pass 3"):
        list(numbered([], 2))
