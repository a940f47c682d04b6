import torch

from neurospyke.sim.ops import scan
from tests.conformance import Path, assert_same, computed
from tests.sim.ops.scans import flat, inputs


def test_without_kernels_the_course_is_the_same_and_gradients_need_no_traces():
    given = inputs(19, 3, 11)
    leaf = given.current.requires_grad_()
    expected = flat(scan.run(*given, threshold=0.1, adaptation=1.8, return_membrane=True))
    (wanted,) = torch.autograd.grad(expected[1].square().sum(), leaf)
    with computed(Path("torch", 1)):
        found = flat(scan.run(*given, threshold=0.1, adaptation=1.8, return_membrane=True))
        (gradient,) = torch.autograd.grad(found[1].square().sum(), leaf)
    assert_same([one.detach() for one in found], [one.detach() for one in expected])
    torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-14)
