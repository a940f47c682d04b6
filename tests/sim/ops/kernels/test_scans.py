import pytest
import torch

from neurospyke.sim.ops import scan as ops
from neurospyke.sim.ops.kernels.scan import scan
from neurospyke.sim.ops.kernels.scan_gradient import scan_gradient
from neurospyke.sim.surrogate import SURROGATES
from tests.sim.ops.kernels.layers import DEVICE
from tests.sim.ops.scans import inputs, weighted

KINDS = {"lif": (False, False), "adaptive": (False, True), "recurrent": (True, True)}


@pytest.mark.parametrize(
    ("kind", "surrogate", "immediate", "decays"),
    [
        ("lif", "gaussian", False, True),
        ("lif", "slayer", False, False),
        ("adaptive", "multi_gaussian", False, False),
        ("adaptive", "linear", True, True),
        ("recurrent", "multi_gaussian", False, False),
        ("recurrent", "linear", True, False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms_forwards_and_backwards(  # noqa: PLR0915
    kind, surrogate, immediate, decays, dtype
):
    assert surrogate in SURROGATES
    recurrent, adapts = KINDS[kind]
    given = inputs(10, 3, 20, dtype)
    weight = given.weight if recurrent else None
    tau = given.tau_adaptation if adapts else None
    state = given.state if adapts else given.state._replace(trace=None)
    leaves = [x for x in (given.current, weight, given.tau_membrane, tau, *state) if x is not None]
    for leaf in leaves:
        leaf.requires_grad_()
    adaptation = 1.8 if adapts else 0.0
    settings = {"adaptation": adaptation, "surrogate": surrogate, "reset_decays": decays}
    reset = "immediate" if immediate else "delayed"
    expected = ops.reference(
        given.current, weight, given.tau_membrane, tau, state,
        threshold=0.1, reset=reset, return_membrane=True, **settings,
    )  # fmt: skip
    wanted = torch.autograd.grad(weighted(expected), leaves)
    with torch.no_grad():
        decay = [None if x is None else torch.exp(-1 / x) for x in (given.tau_membrane, tau)]
        tail = (*decay, *state)
        numbers = (0.1, adaptation, immediate, decays, surrogate)
        move = [
            None if x is None else x.detach().to(DEVICE) for x in (given.current, weight, *tail)
        ]
        out = scan(*move, *numbers, True, True)
    assert torch.equal(out[0].cpu(), expected.spikes.detach())
    torch.testing.assert_close(out[1].cpu(), expected.membrane.detach(), rtol=1e-5, atol=1e-6)
    generator = torch.Generator().manual_seed(3)
    shapes = [out[0], out[1], out[3], out[0][-1]] + ([out[4]] if adapts else [])
    weights = [torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x) for x in shapes]
    of_spikes = weights[0].clone()
    of_spikes[-1] += weights[3]
    of = (of_spikes, weights[1], weights[2], weights[4] if adapts else None)
    found = scan_gradient(*of, *out[:3], *move[1:], *numbers)
    found = [x for x in found if x.numel()]
    # the current's is first, then weight, decays, state
    rates = [x.detach() for x in (given.tau_membrane, tau) if x is not None]
    at = 2 if recurrent else 1
    for k, rate in enumerate(rates):
        found[at + k] = found[at + k].cpu() * torch.exp(-1 / rate) / rate**2
    limit = 1e-4 if dtype == torch.float32 else 1e-7
    for one, other in zip(found, wanted, strict=True):
        assert (one.cpu() - other).norm() <= limit * other.norm()


def test_no_samples():
    given = inputs(4, 2, 3, torch.float32)
    move = [x.to(DEVICE) for x in (given.current[:, :0], given.weight, *given[2:4])]
    state = [x[:0].to(DEVICE) for x in given.state]
    out = scan(*move, *state, 0.1, 1.8, False, False, "linear", True, True)
    assert out[0].shape == (4, 0, 3)
