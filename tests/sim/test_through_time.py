import itertools
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.nn.functional import cross_entropy

from neurospyke.sim.models.yin2021 import yin2021
from neurospyke.sim.neurons import AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.readout import readout_loss
from neurospyke.sim.stream import StreamNetwork, detached
from neurospyke.sim.stream_file import read_stream_network
from neurospyke.sim.threads import on_threads
from neurospyke.sim.through_time import learn_through_time, shuffled
from tests.conformance import assert_same


@pytest.fixture(autouse=True)
def one_thread():
    """Steps as small as these cost less than waking a second thread."""
    with on_threads(1):
        yield


def task(samples=40, steps=40, seed=0):
    """Two classes of streams: the busy channel tells which."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(samples) % 2
    rates = torch.where(labels[:, None] == torch.arange(2), 0.5, 0.05)
    inputs = (torch.rand(steps, samples, 2, generator=generator) < rates).float()
    return inputs, labels


def network(readout="mean", seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden = AdaptiveLIF(
        torch.randn(8, 2, generator=generator),
        torch.full((8,), 10.0),
        torch.full((8,), 30.0),
        recurrent=0.1 * torch.randn(8, 8, generator=generator),
        threshold=0.1,
        initial=(0.1, 0.1),
    )
    weight = 0.2 * torch.randn(2, 8, generator=generator)
    if readout == "count":
        out = AdaptiveLIF(weight, torch.full((2,), 10.0), torch.full((2,), 30.0), threshold=0.1)
    else:
        out = LeakyIntegrator(weight, torch.full((2,), 5.0))
    return StreamNetwork("small", {"hidden": hidden, "out": out}, readout=readout, skip=3)


def learned(**more: Any) -> Any:
    inputs, labels = task()
    settings = {"epochs": 3, "rate": 0.02, "validation": task(seed=1), "seed": 4, **more}
    given = settings.pop("network", None) or network()
    return learn_through_time(given, shuffled(inputs, labels, batch_size=16, seed=2), **settings)


@pytest.mark.parametrize("readout", ["mean", "softmax_sum", "count"])
@pytest.mark.parametrize("steps", [None, 10])
def test_it_learns(readout, steps):
    before = network(readout)
    after = learned(network=before, epochs=8, rate=0.05, steps=steps, clip=5.0)
    inputs, labels = task(seed=5)
    assert after.accuracy(inputs, labels) >= 0.9
    assert_same(list(before.parameters()), list(network(readout).parameters()))


def test_one_chunk_as_long_as_the_course_is_the_whole():
    whole, chunk = learned(), learned(steps=40)
    assert_same(list(whole.parameters()), list(chunk.parameters()))
    other = learned(steps=9)
    assert not torch.equal(next(iter(whole.parameters())), next(iter(other.parameters())))


def test_frames_of_a_bidirectional_layer_have_an_answer_each():
    def two_ways():
        sides = [AdaptiveLIF(torch.ones(3, 2), torch.full((3,), 5.0)) for _ in range(2)]
        layers = {
            "both": Bidirectional(*sides, steps=5),
            "out": LeakyIntegrator(torch.eye(2, 6), torch.ones(2)),
        }
        return StreamNetwork("both", layers, readout="membrane", skip=1)

    inputs, labels = task()
    labels = labels.repeat(8, 1)  # forty steps, eight frames
    batches, more = [(inputs, labels)], {"validation": (inputs, labels), "epochs": 1}
    one: Any = two_ways()
    readout_loss(one(inputs).evidence, labels[1:]).backward()
    after = learn_through_time(
        one, lambda epoch: batches, optimizer="sgd", rate=0.1, random_start=False, **more
    )
    for new, old in zip(after.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(new, old - 0.1 * old.grad)
    with pytest.raises(ValueError, match=r"`labels` must have shape \(8, 40\)"):
        one.accuracy(inputs, torch.zeros(40, 40, dtype=torch.int64))
    with pytest.raises(ValueError, match="`steps` must be None for a bidirectional"):
        learn_through_time(one, lambda epoch: batches, steps=10, **more)
    with pytest.raises(ValueError, match="`states` must be those before the first step"):
        one(inputs, one(inputs).states)


def test_a_step_is_the_gradient_of_the_loss():
    inputs, labels = task()
    one: Any = network()
    out = one(inputs)
    readout_loss(out.evidence / 37, labels).backward()
    after = learn_through_time(
        one,
        lambda epoch: [(inputs, labels)],
        validation=task(seed=1),
        epochs=1,
        optimizer="sgd",
        rate=0.1,
        random_start=False,
    )
    for new, old in zip(after.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(new, old - 0.1 * old.grad)


@pytest.mark.parametrize("readout", ["membrane", "mean", "softmax_sum", "count"])
@pytest.mark.parametrize("length", [9, 2])
def test_chunks_answer_with_all_that_was_gathered(readout, length):
    """Chunk by chunk, written out; a step width of nothing keeps the weights."""
    inputs, labels = task()
    if readout == "membrane":
        turns = torch.arange(40)[:, None] // 4 % 2
        labels = (labels + turns) % 2
    one: Any = network(readout)
    states, sums, losses, norms = one.start(40), torch.zeros(40, 2), [], []
    for start in range(0, 40, length):
        out: Any = one(inputs[start : start + length], states)
        states = detached(out.states)
        first, last = max(start, 3), min(start + length, 40)
        if last <= 3:
            continue  # the first three steps do not count
        scan = out.scans["out"]
        steps = scan.spikes if readout == "count" else scan.membrane
        steps = steps.softmax(2) if readout == "softmax_sum" else steps
        steps = steps[first - start :]
        if readout == "membrane":
            pairs = zip(steps, labels[first:last], strict=True)
            loss = torch.stack([cross_entropy(u, y) for u, y in pairs]).sum()
        else:
            total = sums + steps.sum(0)
            loss = cross_entropy(total / (last - 3) if readout == "mean" else total, labels)
            sums = total.detach()
        found = torch.autograd.grad(loss, list(one.parameters()), materialize_grads=True)
        norms.append(torch.cat([each.flatten() for each in found]).norm().item())
        losses.append(loss.item())
    seen = []
    learn_through_time(
        one,
        lambda epoch: [(inputs, labels)],
        validation=(inputs, labels),
        epochs=1,
        optimizer="sgd",
        rate=1e-30,
        steps=length,
        random_start=False,
        observe=seen.append,
    )
    assert seen[0].loss == pytest.approx(sum(losses), rel=1e-5)
    assert seen[0].norm == pytest.approx(max(norms), rel=1e-4)


def test_every_batch_starts_from_another_draw(monkeypatch):
    seeds: list[int | None] = []
    start = StreamNetwork.start

    def spied(self, n_samples, generator=None):
        seeds.append(None if generator is None else generator.initial_seed())
        return start(self, n_samples, generator)

    monkeypatch.setattr(StreamNetwork, "start", spied)
    drawn = learned()
    found = [seed for seed in seeds if seed is not None]
    assert len(set(found)) == len(found) == 9
    for more in ({"seed": 5}, {"random_start": False}):
        other = learned(**more)
        assert not torch.equal(next(other.parameters()), next(drawn.parameters()))
    seeds.clear()
    learned(random_start=False)
    assert set(seeds) == {None}


def test_epochs_are_shuffled_each_in_its_own_order():
    labels = torch.arange(40)
    inputs = labels.view(1, 40, 1).float()
    epochs = shuffled(inputs, labels, batch_size=16, seed=2)
    orders = [torch.cat([part for _, part in epochs(epoch)]) for epoch in (0, 1, 0)]
    assert_same(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[1])
    assert_same(orders[1].sort().values, labels)
    for part, own in epochs(1):
        assert_same(part.flatten().long(), own)
    other = shuffled(inputs, labels, batch_size=16, seed=3)
    assert not torch.equal(torch.cat([part for _, part in other(0)]), orders[0])


def test_the_epoch_is_chosen_on_validation():
    seen = []
    after = learned(epochs=6, observe=seen.append)
    best = max(step.accuracy for step in seen if step.accuracy is not None)
    assert after.accuracy(*task(seed=1)) == best
    assert [step.accuracy is None for step in seen[:3]] == [True, True, False]


def test_patience_ends_learning():
    seen = []
    learned(epochs=30, rate=1e-9, patience=2, observe=seen.append)
    assert max(step.epoch for step in seen) == 2


def test_schedule_factors_and_clip_shape_the_step():
    still = learned(schedule=lambda epoch: 0.0)
    assert_same(list(still.parameters()), list(network().parameters()))
    held = learned(factors={"log_tau_membrane": 0.0})
    before: Any = network()
    old, new = before.layers["hidden"], held.layers["hidden"]
    assert_same(new.log_tau_membrane, old.log_tau_membrane)
    both = learned(factors={"log_tau_membrane": 0.0, "hidden.log_tau_membrane": 2.0})
    assert_same(both.layers["hidden"].log_tau_membrane, old.log_tau_membrane)
    assert not torch.equal(new.weight, old.weight)
    short = learned(optimizer="sgd", rate=1.0, clip=1e-3, epochs=1)
    moved = [
        (a - b).square().sum()
        for a, b in zip(short.parameters(), network().parameters(), strict=True)
    ]
    assert 0 < torch.stack(moved).sum().sqrt() <= 3.1e-3


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    path = tmp_path / "run.safetensors"
    whole = learned()

    class Stop(Exception):
        pass

    for at in (1, 2, 3):

        def observe(step, at=at):
            if (step.epoch, step.batch) == (at // 2, at % 3):
                raise Stop

        try:
            learned(checkpoint=path, save_every=1, observe=observe)
        except Stop:
            continue
    again = learned(checkpoint=path, save_every=1)
    assert_same(list(again.parameters()), list(whole.parameters()))
    with pytest.raises(ValueError, match="`checkpoint` must be of the same"):
        learned(checkpoint=path, rate=0.5)


def test_a_run_that_has_ended_is_kept_to_its_last_batch(tmp_path):
    path = tmp_path / "run.safetensors"
    whole = learned(checkpoint=path, save_every=1000)
    progress: Any = read_stream_network(path)[1]
    assert (progress["step"]["epoch"], progress["step"]["batch"]) == (2, 2)
    again = learned(checkpoint=path, observe=lambda step: pytest.fail("it has learned more"))
    assert_same(list(again.parameters()), list(whole.parameters()))


def die(*_args, **_more):
    os.kill(os.getpid(), signal.SIGKILL)


def half_written(tensors, path, metadata):
    Path(path).write_bytes(b"half of a file")
    die()


def killed(path, moment, at):
    """Learn, and die at a moment: after a batch, or in, before or after the writing of a file."""
    calls = itertools.count(1)
    real = {"save_file": safetensors.torch.save_file, "replace": os.replace}

    def when_due(then, otherwise):
        def call(*args, **more):
            return then(*args, **more) if next(calls) == at else otherwise(*args, **more)

        return call

    def replaced(*args):
        real["replace"](*args)
        die()

    observe = None
    if moment == "learned":
        observe = when_due(die, lambda step: None)
    elif moment == "writing":
        safetensors.torch.save_file = when_due(half_written, real["save_file"])
    else:
        then = {"written": die, "replaced": replaced}[moment]
        os.replace = when_due(then, real["replace"])
    learned(checkpoint=path, save_every=2, observe=observe)


def test_killed_at_any_point_it_loses_at_most_an_interval(tmp_path):
    path, whole = tmp_path / "run.safetensors", learned()
    # nine batches, a checkpoint after every second one that a process has learned
    for moment, at, learned_by_then, saved in [
        ("learned", 1, 1, 0),
        ("writing", 1, 2, 0),
        ("written", 1, 2, 0),
        ("replaced", 1, 2, 2),
        ("learned", 1, 3, 2),
        ("learned", 3, 5, 4),
        ("writing", 2, 8, 6),
    ]:
        child = multiprocessing.get_context("fork").Process(target=killed, args=(path, moment, at))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, (moment, at)
        kept = 0
        if path.exists():
            progress: Any = read_stream_network(path)[1]
            step = progress["step"]
            kept = 3 * step["epoch"] + step["batch"] + 1
        assert kept == saved, (moment, at)
        assert learned_by_then - kept <= 2
    again = learned(checkpoint=path, save_every=2)
    assert_same(list(again.parameters()), list(whole.parameters()))


def test_what_is_not_finite_is_not_learned():
    inputs, labels = task()
    inputs[3, 2] = 3e38  # beyond what a current of float32 can be
    with pytest.raises(FloatingPointError, match="must be finite; lower `rate`"):
        learn_through_time(network(), lambda epoch: [(inputs, labels)], validation=task(), epochs=1)


def test_bad_input_is_refused_by_name():
    for change, error, message in [
        ({"network": yin2021("ecg", 0).layers}, TypeError, "`network` must be a StreamNetwork"),
        ({"epochs": 0}, ValueError, "`epochs`"),
        ({"rate": -1.0}, ValueError, "`rate` must be above 0"),
        ({"clip": 0.0}, ValueError, "`clip` must be above 0"),
        ({"steps": 0}, ValueError, "`steps`"),
        ({"optimizer": "newton"}, ValueError, "`optimizer` must be one of"),
        ({"factors": {"beta": 2.0}}, ValueError, "`factors` must name ends"),
        ({"rate": float("inf")}, ValueError, "`rate` must be above 0 and finite"),
        ({"factors": {"weight": -1.0}}, ValueError, "`factors` must be finite, from 0 up"),
        ({"factors": {"weight": 1.0}, "optimizer": torch.optim.SGD}, ValueError, "`factors` must"),
        ({"schedule": lambda epoch: float("nan")}, ValueError, "`schedule` .* nan for epoch 0"),
        ({"checkpoint": "/nowhere/run.safetensors"}, ValueError, "`checkpoint` must be in an exis"),
        ({"validation": task()[0]}, TypeError, "`validation` must be inputs and labels"),
        ({"validation": task(samples=0)}, ValueError, "`validation` .* at least one sample"),
        ({"validation": task(steps=3)}, ValueError, "`validation` .* more steps than the 3 first"),
    ]:
        with pytest.raises(error, match=message):
            learned(**change, observe=lambda step: pytest.fail("it has learned"))
    inputs, labels = task()
    with pytest.raises(ValueError, match="`validation` must fit the network: `inputs` must have"):
        learned(validation=(inputs[..., :1], labels))
    with pytest.raises(
        TypeError, match=r"`batches` must be a function .* see `shuffled`; got list"
    ):
        learn_through_time(network(), [(inputs, labels)], validation=task(), epochs=1)  # type: ignore[arg-type]
    for few in (inputs[:3], inputs[:, :0]):
        some = labels[: few.shape[1]]
        with pytest.raises(ValueError, match="`inputs` must"):
            learn_through_time(
                network(), lambda epoch, one=(few, some): [one], validation=task(), epochs=1
            )
    with pytest.raises(ValueError, match="`labels` must be from 0 to 1"):
        learn_through_time(
            network(), lambda epoch: [(inputs, labels + 1)], validation=task(), epochs=1
        )
    with pytest.raises(ValueError, match="`batches` must give at least one"):
        learn_through_time(network(), lambda epoch: [], validation=task(), epochs=1)
