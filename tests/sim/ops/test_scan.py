"""What all scans have in common: gradients, resets, chunks, refusals."""

import ast
import itertools
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke import sim
from neurospyke.sim.ops import scan
from neurospyke.sim.ops.scan import NeuronState
from neurospyke.sim.surrogate import SURROGATES
from tests.conformance import Path as Way
from tests.conformance import assert_same, computed, paths
from tests.sim.ops.scans import Inputs, flat, inputs, weighted

KINDS = {"lif": (False, False), "adaptive": (False, True), "recurrent": (True, True)}
run: Any = scan.run  # with arguments from lists
RESETS = [("delayed", False), ("delayed", True), ("immediate", False), ("immediate", True)]


def arguments(kind: str, given: Inputs, adaptation: float = 1.8) -> Any:
    recurrent, adapts = KINDS[kind]
    state = given.state if adapts else given.state._replace(trace=None)
    return (
        (given.current, given.weight if recurrent else None, given.tau_membrane),
        (given.tau_adaptation if adapts else None, state),
        {"threshold": 0.1, "adaptation": adaptation if adapts else 0.0, "return_membrane": True},
    )


def gradients(function, kind, given, **more):
    first, second, settings = arguments(kind, given)
    leaves = [one for one in (*first, second[0], *second[1]) if one is not None]
    for leaf in leaves:
        leaf.requires_grad_()
    found = torch.autograd.grad(weighted(function(*first, *second, **settings, **more)), leaves)
    for leaf in leaves:
        leaf.requires_grad_(False)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize(("reset", "reset_decays"), RESETS)
def test_gradients_are_autograds_of_the_equations(kind, surrogate, reset, reset_decays):
    given = inputs(21, 3, 18)
    more = {"surrogate": surrogate, "reset": reset, "reset_decays": reset_decays}
    expected = gradients(scan.reference, kind, given, **more)
    for way in (paths()[0], paths()[-2], paths()[-1]):
        with computed(way):
            found = gradients(run, kind, given, **more)
        for one, other in zip(found, expected, strict=True):
            assert (one - other).norm() <= 1e-12 * other.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_float32_are_near(kind):
    exact = gradients(run, kind, inputs(40, 4, 50))
    for way in paths():
        with computed(way):
            found = gradients(run, kind, inputs(40, 4, 50, torch.float32))
        for one, other in zip(found, exact, strict=True):
            assert (one.double() - other).norm() <= 2e-4 * other.norm()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["compiled", "torch"])
def test_the_op_keeps_torchs_rules_with_gradients(kind, way):
    first, second, settings = arguments(kind, inputs(3, 2, 4))
    tensors = [None if one is None else one.requires_grad_() for one in (*first, second[0])]
    decays = [
        None if one is None else torch.exp(-1 / one.detach()).requires_grad_()
        for one in tensors[2:]
    ]
    state = [None if one is None else one.requires_grad_() for one in second[1]]
    args = (*tensors[:2], *decays, *state, 0.1, settings["adaptation"], False, False, "linear")
    with computed(paths()[0] if way == "compiled" else Way("torch", 1)):
        torch.library.opcheck(torch.ops.neurospyke.scan.default, (*args, True, True))


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    cut=st.integers(1, 22),
    reset=st.sampled_from(RESETS),
    batch=st.integers(1, 4),
)
def test_a_course_cut_in_two_is_the_whole(kind, cut, reset, batch):
    more = {"reset": reset[0], "reset_decays": reset[1]}
    first, (tau, state), settings = arguments(kind, inputs(23, batch, 9))
    current, *rest = first
    whole = run(current, *rest, tau, state, **settings, **more)
    head = run(current[:cut], *rest, tau, state, **settings, **more)
    tail = run(current[cut:], *rest, tau, head.state, **settings, **more)
    assert_same(torch.cat([head.spikes, tail.spikes]), whole.spikes)
    assert_same(torch.cat([head.membrane, tail.membrane]), whole.membrane)
    assert_same(flat(tail)[2:], flat(whole)[2:])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_pass_from_chunk_to_chunk(kind):
    given = inputs(23, 2, 9)
    given.current.requires_grad_()
    first, (tau, state), settings = arguments(kind, given)
    current, *rest = first
    whole = run(current, *rest, tau, state, **settings)
    (expected,) = torch.autograd.grad(whole.membrane.square().sum(), current)
    loss, state_now = torch.zeros(()), state
    for part in current.split(5):
        out = run(part, *rest, tau, state_now, **settings)
        loss, state_now = loss + out.membrane.square().sum(), out.state
    (found,) = torch.autograd.grad(loss, current)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_samples_do_not_touch_each_other():
    first, (tau, state), settings = arguments("recurrent", inputs(15, 5, 33))
    current, *rest = first
    whole = run(current, *rest, tau, state, **settings)
    for k in range(5):
        alone = NeuronState(*[part[k : k + 1] for part in state])
        one = run(current[:, k : k + 1], *rest, tau, alone, **settings)
        assert_same(one.spikes[:, 0], whole.spikes[:, k])
        assert_same(one.membrane[:, 0], whole.membrane[:, k])


@contextmanager
def unwritten_memory_is_nan():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [0, -1])
def test_no_samples_and_a_single_step(kind, way):
    with computed(paths()[way]), unwritten_memory_is_nan():
        for time, batch in ((4, 0), (1, 2)):
            given = inputs(time, batch, 3)
            first, second, settings = arguments(kind, given)
            assert run(*first, *second, **settings).spikes.shape == (time, batch, 3)
            found = gradients(run, kind, given)
            expected = gradients(scan.reference, kind, given)
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_what_is_kept_for_the_way_back_is_less_than_two_and_a_half_courses():
    given = inputs(64, 4, 32, torch.float32)
    saved = []

    def keep(tensor):
        saved.append(tensor.nbytes)
        return tensor

    leaf = given.current.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run(leaf, given.weight, given.tau_membrane, given.tau_adaptation, None, threshold=0.1)
    assert sum(saved) < 2.5 * leaf.nbytes


def test_nothing_is_kept_where_no_gradient_is_asked_for(monkeypatch):
    given, kept = inputs(5, 2, 4), []
    op = scan._scan

    def spied(*args):
        out = op(*args)
        kept.append([out[1].numel(), out[2].numel()])  # membranes and traces
        return out

    monkeypatch.setattr(scan, "_scan", spied)
    given.weight.requires_grad_()
    with torch.no_grad():
        run(*given, threshold=0.1)
    run(*given, threshold=0.1)
    assert kept == [[0, 0], [5 * 2 * 4, 2 * 4]]


@pytest.mark.parametrize("tau", [float("nan"), float("inf"), 0.0, -3.0])
@pytest.mark.parametrize("which", ["tau_membrane", "tau_adaptation"])
def test_time_constants_that_are_none_are_refused(tau, which):
    given = inputs(3, 2, 4)
    wrong = getattr(given, which).clone()
    wrong[2] = tau
    given = given._replace(**{which: wrong})
    with pytest.raises(ValueError, match=rf"`{which}` must be finite and above 0.* 1 of 4 units"):
        run(*given, threshold=0.1)


@pytest.mark.parametrize("way", [0, -1])
def test_a_very_long_time_constant_has_a_finite_gradient(way):
    given = inputs(9, 2, 4, torch.float32)
    tau = torch.full((4,), 1e12).requires_grad_()
    with computed(paths()[way]):
        out = run(given.current, given.weight, tau, given.tau_adaptation, None, threshold=0.1)
        (found,) = torch.autograd.grad(out.spikes.sum(), tau)
    assert found.isfinite().all()


def test_bad_input_is_refused_by_name():
    good = inputs(3, 2, 4)
    state: Any = good.state
    for change, error, message in [
        ({"current": good.current.int()}, TypeError, "`current` must be a float32 or float64"),
        ({"current": good.current[0]}, ValueError, r"`current` must have axes \(time"),
        ({"current": good.current[:0]}, ValueError, "`current` .* at least one step"),
        ({"weight": good.weight[:3]}, ValueError, r"`weight` must have axes \(to, from\)"),
        ({"weight": good.weight.float()}, TypeError, "`weight` must be a torch.float64"),
        ({"tau_membrane": good.tau_membrane[:2]}, ValueError, "`tau_membrane` .* one time con"),
        ({"tau_membrane": 20.0}, TypeError, "`tau_membrane` must be a torch.float64 tensor"),
        ({"state": tuple(state)}, TypeError, "`state` must be a NeuronState"),
        ({"state": state._replace(trace=None)}, ValueError, "`state` must have a trace"),
        ({"state": state._replace(spikes=state.spikes[:1])}, ValueError, "as its spikes"),
        ({"state": state._replace(trace=state[2].float())}, ValueError, "as its trace"),
        ({"threshold": float("nan")}, ValueError, "`threshold` must be finite"),
        ({"adaptation": "1.8"}, TypeError, "`adaptation` must be a number"),
        ({"reset": "none"}, ValueError, '`reset` must be "delayed" or "immediate"'),
        ({"surrogate": "box"}, ValueError, "`surrogate` must be one of"),
    ]:
        arguments = {**good._asdict(), "threshold": 0.1, **change}
        with pytest.raises(error, match=message):
            run(**arguments)


def indexed_by_a_loop(source: str) -> list[str]:
    """What loops over whole numbers read at their number, on the first axis."""
    found = []
    for loop in ast.walk(ast.parse(source)):
        if not isinstance(loop, ast.For):
            continue
        counted = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) else loop.target
        if not re.search(r"\b(range|enumerate)\(", ast.unparse(loop.iter)):
            continue
        numbers = {each.id for each in ast.walk(counted) if isinstance(each, ast.Name)}
        for each in ast.walk(loop):
            if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Load):
                place = each.slice.elts[0] if isinstance(each.slice, ast.Tuple) else each.slice
                names = {name.id for name in ast.walk(place) if isinstance(name, ast.Name)}
                if isinstance(place, ast.Name | ast.BinOp) and names & numbers:
                    found.append(ast.unparse(each))
    return found


def test_no_loop_indexes_a_course_that_carries_gradients():
    """Backward of x[t] fills a whole course with zeros at every step: time squared."""
    for fault in ("for step in range(9):\n y = x[step, 0]", "for k, _ in enumerate(x):\n x[k - 1]"):
        assert indexed_by_a_loop(fault)
    for path in Path(str(sim.__file__)).parent.rglob("*.py"):
        # what runs inside an op of our own is not followed by autograd
        if path.name not in {"torch_scan.py", "stdp.py"}:
            assert not indexed_by_a_loop(path.read_text()), f"{path.name}: unbind(0) instead"


def test_paths_cover_all_instruction_sets():
    ways = itertools.product(["torch"], [1])
    assert {Way(*one) for one in ways} <= set(paths())
