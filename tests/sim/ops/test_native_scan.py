import pytest
import torch

from neurospyke.sim.ops import scan
from tests.conformance import assert_same, computed, paths
from tests.sim.ops.scans import flat, inputs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("units", [1, 15, 16, 65])
def test_instruction_sets_and_threads_agree_bit_for_bit(dtype, units):
    given = inputs(25, 7, units, dtype)
    expected = None
    for way in paths():
        with computed(way):
            found = flat(scan.run(*given, threshold=0.1, adaptation=1.8, return_membrane=True))
        expected = expected or found
        assert_same(found, expected)


def test_threads_do_not_change_gradients():
    found = []
    for way in paths()[:2]:
        with computed(way):
            given = inputs(25, 7, 65, torch.float32)
            leaves = [each.requires_grad_() for each in given[:4]]
            out = scan.run(*given, threshold=0.1, adaptation=1.8)
            found.append(torch.autograd.grad(out.spikes.square().sum(), leaves))
    assert_same(found[0], found[1])


def test_strides_of_the_arguments_do_not_matter():
    given = inputs(6, 4, 5)
    turned = given._replace(
        current=given.current.permute(2, 1, 0).contiguous().permute(2, 1, 0),
        weight=given.weight.T.contiguous().T,
    )
    assert_same(flat(scan.run(*turned, threshold=0.1)), flat(scan.run(*given, threshold=0.1)))
