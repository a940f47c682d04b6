import math
from typing import Any

import numpy as np
import pytest
import torch

from neurospyke.sim.layers import Pool
from neurospyke.sim.models.yin2021 import yin2021
from neurospyke.sim.neurons import AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.stream import StreamNetwork
from tests.conformance import assert_same

NONE = torch.zeros(30, 0, dtype=torch.int64)


def stream(steps=30, samples=5, seed=0):
    return torch.rand(steps, samples, 4, generator=torch.Generator().manual_seed(seed)).round()


def test_parts_of_a_course_give_what_the_whole_gives():
    network = yin2021("ecg", seed=0)
    inputs = stream()
    whole = network(inputs)
    states, parts = network.start(5), []
    for part in inputs.split(7):
        out = network(part, states)
        states = out.states
        parts.append(out.evidence)
    assert_same(torch.cat(parts), whole.evidence)


def test_responses_hold_spikes_counts_and_membranes():
    network = yin2021("ecg", seed=0)
    inputs, labels = stream(), [f"s{k}" for k in range(5)]
    scan = network(inputs).scans["hidden"]
    found = network.responses(inputs, labels, "hidden", batch_size=2)
    assert found.values.dtype == np.uint8
    assert_same(torch.from_numpy(found.values.copy()), scan.spikes.permute(1, 2, 0).byte())
    counts = network.responses(inputs, labels, "hidden", bin_steps=7)
    assert (counts.values == found.values[:, :, :28].reshape(5, 36, 4, 7).sum(3)).all()
    assert (counts.measure, counts.time_unit, counts.source) == ("count", "step", network.name)
    assert counts.edges.tolist() == [0, 7, 14, 21, 28]
    membrane = network.responses(inputs, labels, "hidden", measure="membrane")
    np.testing.assert_allclose(membrane.values, scan.membrane.detach().permute(1, 2, 0))
    means = network.responses(inputs, labels, "hidden", measure="membrane", bin_steps=7)
    wanted = membrane.values[:, :, :28].reshape(5, 36, 4, 7).mean(3)
    np.testing.assert_allclose(means.values, wanted, atol=1e-6)


def test_a_random_start_follows_its_seed():
    layer = AdaptiveLIF(torch.eye(4), torch.full((4,), 50.0), threshold=0.5, initial=(1.0, 0.0))
    network = StreamNetwork("one", {"out": layer}, readout="count")
    silent, labels = torch.zeros(3, 40, 4), torch.zeros(40, dtype=torch.int64)
    zero, one = network.decide(silent), network.decide(silent, seed=1)
    assert zero.tolist() == [0] * 40
    assert_same(network.decide(silent, seed=1), one)
    assert not torch.equal(network.decide(silent, seed=2), one)
    assert one.bincount(minlength=4).min() > 0
    assert network.accuracy(silent, labels) == 1.0
    assert network.accuracy(silent, labels, seed=1) == (one == 0).double().mean()
    # every batch has a draw of its own
    assert network.decide(silent, batch_size=10, seed=1).view(4, 10).unique(dim=0).shape[0] == 4


def test_packed_spikes_are_the_spikes():
    network = yin2021("ecg", seed=0)
    packed = network.packed_spikes(stream(), batch_size=2)
    found = network.responses(stream(), range(5), "hidden")
    assert (np.unpackbits(packed["hidden"], axis=2, count=30) == found.values).all()
    assert packed["hidden"].shape == (5, 36, 4)


def test_bad_input_is_refused_by_name():
    network: Any = yin2021("ecg", seed=0)
    wrong: Any = {"pool": Pool(2)}
    nothing: Any = []

    def named(name):
        return StreamNetwork("a", {name: network.layers["out"]}, readout="count")

    for make, error, message in [
        (lambda: StreamNetwork("a", {}, readout="count"), ValueError, "`layers` must hold at le"),
        (lambda: StreamNetwork("a", wrong, readout="count"), TypeError, "got Pool for 'pool'"),
        (
            lambda: StreamNetwork("a", {"1": network.layers["out"]}, readout="count"),
            ValueError,
            "id",
        ),
        (lambda: StreamNetwork("a", network.layers, readout="x"), ValueError, "`readout` must be"),
        (lambda: network.responses(stream(), range(5), "x"), ValueError, "`layer` must be one of"),
        (lambda: network.responses(stream(), range(5), "out", max_bytes=9), ValueError, "`max_b"),
        (lambda: network.responses(stream(), range(4), "out"), ValueError, "stimuli"),
        (lambda: network.accuracy(stream(), torch.zeros(5).long()), ValueError, "`labels` must"),
        (
            lambda: StreamNetwork("a", nothing, readout="count"),
            TypeError,
            "`layers` must be layers by n",
        ),
        (lambda: named("step"), ValueError, "but not 'step' or as what modules have; got 'step'"),
        (lambda: named("keys"), ValueError, "got 'keys'"),
        (
            lambda: StreamNetwork("a", network.layers, readout="count", skip=True),
            ValueError,
            "`ski",
        ),
        (lambda: network(stream() * math.nan), ValueError, "`inputs` must be finite"),
        (lambda: network(stream() + math.inf), ValueError, "`inputs` must be finite"),
        (lambda: network(stream(), {"hidden": None}), ValueError, "`states` must be of the layers"),
        (lambda: network(stream(), network.start(4)), ValueError, "`state` must be torch.float32"),
        (lambda: network.decide(stream(steps=10)), ValueError, "must have more steps than the 10"),
        (lambda: network.decide(stream(), batch_size=0), ValueError, "`batch_size` must be a whol"),
        (lambda: network.packed_spikes(stream(), batch_size=0), ValueError, "`batch_size`"),
        (lambda: network.responses(stream(), range(5), "out", batch_size=0), ValueError, "`batch_"),
        (lambda: network.responses(stream(), range(5), "out", bin_steps=0), ValueError, "`bin_st"),
        (lambda: network.accuracy(stream(samples=0), NONE), ValueError, "at least one sample"),
        (lambda: network.accuracy(stream().numpy(), NONE), TypeError, "got ndarray"),
    ]:
        with pytest.raises(error, match=message):
            make()


def test_frames_of_a_bidirectional_layer_are_responses():
    tau = torch.full((3,), 5.0)
    sides = [AdaptiveLIF(torch.full((3, 2), 0.1), tau, threshold=0.1) for _ in range(2)]
    layers = {
        "both": Bidirectional(*sides, steps=5),
        "out": LeakyIntegrator(torch.ones(1, 6), tau[:1]),
    }
    network = StreamNetwork("both", layers, readout="membrane")
    inputs = torch.ones(40, 4, 2)
    both = network.responses(inputs, list("abcd"), "both")
    assert both.shape == (4, 6, 8)
    assert both.edges.tolist() == [5.0 * k for k in range(9)]
    wanted = network(inputs).scans["both"].spikes.permute(1, 2, 0).detach().numpy()
    np.testing.assert_array_equal(both.values, wanted)
    assert 0 < both.values.mean() < 1
    out = network.responses(inputs, list("abcd"), "out", measure="membrane", bin_steps=2)
    assert (out.shape, out.edges[-1]) == ((4, 1, 4), 40.0)
    with pytest.raises(ValueError, match="`responses` gives them"):
        network.packed_spikes(inputs)
