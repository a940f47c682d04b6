from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops import native
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.learning_step import learning_step, reference
from neurospyke.sim.ops.stdp import stdp
from neurospyke.sim.ops.winners import winners
from tests.conformance import LAYERS, assert_same, check_op, latencies, layer

REGISTERED = torch.ops.neurospyke.learning_step.default


@pytest.mark.parametrize(
    ("dtype", "online", "rule"),
    [
        (torch.float32, True, {"k": 3, "radius": 1, "stabilizer": False, "clamp": "all"}),
        (torch.float32, False, {"k": 2, "lower": -1.0, "upper": 2.0}),
        (torch.float64, True, {"k": 400, "radius": 0, "stabilizer": False, "lower": -0.25}),
    ],
)
@pytest.mark.parametrize("name", LAYERS)
def test_conforms(name, dtype, online, rule):
    (latency, weight, threshold), options = layer(name, dtype)
    # quarters stay quarters where nothing else is multiplied with them
    args = (weight, latency, threshold, torch.full((len(weight),), 0.5, dtype=dtype), -0.25)
    options |= {"online": online, **rule}
    check_op(learning_step, REGISTERED, reference, *args, **options)
    new, rows = learning_step(*args, **options)
    assert (rows >= 0).any()
    assert not torch.equal(new, weight)


def compose(weight, latency, threshold, rates, layer, competition, rule):
    """The step from its parts."""
    spikes, maps, potential = inhibited_convolution(latency, weight, threshold, **layer)
    rows = winners(spikes, potential, **competition, maps=maps)
    geometry = {key: layer[key] for key in ("stride", "padding")}
    return stdp(weight, latency, spikes, rows, *rates, **rule, **geometry), rows


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    threshold=st.sampled_from([None, -0.5, 0.5, 3.0]),
    maps=st.sampled_from([1, 5, 33]),
    signed=st.booleans(),
    ties=st.booleans(),
    n_bins=st.sampled_from([1, 5, 40]),
    stride=st.sampled_from([1, (2, 1)]),
    competition=st.fixed_dictionaries(
        {"k": st.integers(1, 6), "radius": st.sampled_from([None, 0, 2])}
    ),
    rule=st.fixed_dictionaries(
        {"clamp": st.sampled_from(["winners", "all"]), "stabilizer": st.booleans()}
    ),
)
def test_it_is_its_parts_one_after_another(
    seed, dtype, threshold, maps, signed, ties, n_bins, stride, competition, rule
):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand(maps, 2, 3, 2, generator=generator, dtype=dtype) - signed / 2
    # of few values, many windows and maps have the same potential
    weight = (weight * 2).round() / 2 if ties else weight
    latency = latencies(3, 2, 7, 6, n_bins=n_bins, seed=seed)
    layer = {"n_bins": n_bins, "stride": stride, "padding": (1, 0, 2, 1)}
    rule = {"lower": 0.125, "upper": 0.875, **rule}
    rates = (torch.rand(maps, generator=generator, dtype=dtype), -0.03)
    parts = (rates, layer, competition, rule)
    options = {**layer, **competition, **rule}

    together = learning_step(weight, latency, threshold, *rates, **options)
    assert_same(together, compose(weight, latency, threshold, *parts))

    online = learning_step(weight, latency, threshold, *rates, **options, online=True)
    step, steps, found = weight, weight, []
    for sample in latency.split(1):
        step, rows = compose(step, sample, threshold, *parts)
        steps, same = learning_step(steps, sample, threshold, *rates, **options)
        assert_same(same, rows)
        found.append(rows)
    assert_same(online, (step, torch.cat(found)))
    assert_same(steps, step)


@pytest.mark.parametrize("online", [True, False])
def test_rates_of_each_sample_bounds_of_each_map_and_a_window_reach_the_rule(online):
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(5, 2, 3, 2, generator=generator)
    latency = latencies(4, 2, 7, 6, n_bins=5, seed=0)
    rates = torch.rand(2, 4, 5, generator=generator) - 0.5
    rule = {
        "lower": torch.rand(5, generator=generator) / 4,
        "upper": 1 - torch.rand(5, generator=generator) / 4,
        "window": torch.rand(10, generator=generator),
    }
    options = {"n_bins": 5, "k": 3, "online": online, **rule}
    check_op(
        learning_step, REGISTERED, reference, weight, latency, 0.5, rates[0], rates[1], **options
    )
    for left_out in rule:
        fewer = {name: value for name, value in options.items() if name != left_out}
        other, _ = learning_step(weight, latency, 0.5, *rates, **fewer)
        assert not torch.equal(other, learning_step(weight, latency, 0.5, *rates, **options)[0])


def test_online_a_sample_sees_what_the_one_before_has_taught():
    # w + w (1 - w) / 2 from 1/2 is 5/8, then 95/128
    latency = torch.tensor([0, 0], dtype=torch.uint8).view(2, 1, 1, 1)
    args = (torch.full((1, 1, 1, 1), 0.5), latency, 0.4, 0.5, -0.5)
    new, rows = learning_step(*args, n_bins=2, k=1, online=True)
    assert (new.item(), rows.flatten(0, 1).tolist()) == (95 / 128, [[0, 0, 0]] * 2)
    # the first sample is depressed below the threshold, so that the second makes nobody learn
    late = torch.tensor([[0, 1], [0, 1]], dtype=torch.uint8).view(2, 2, 1, 1)
    weight = torch.tensor([0.5, 0.5]).view(1, 2, 1, 1)
    args = (weight, late, 0.45, -0.5, -0.5)
    new, rows = learning_step(*args, n_bins=1, k=1, online=True)
    assert rows[:, 0].tolist() == [[0, 0, 0], [-1, -1, -1]]
    assert new.flatten().tolist() == [0.375, 0.375]
    new, rows = learning_step(*args, n_bins=1, k=1)
    assert rows[:, 0].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_windows_of_large_weights_are_shared_out_among_threads():
    weight = torch.rand(168, 64, 5, 5, generator=torch.Generator().manual_seed(0))
    latency = latencies(2, 64, 9, 9, n_bins=15, seed=0)
    rates, layer = (0.25, -0.25), {"n_bins": 15, "stride": 1, "padding": 1}
    competition, rule = {"k": 5, "radius": 1}, {"lower": 0.0, "upper": 1.0}
    options: dict[str, Any] = {**layer, **competition, **rule, "online": True}
    expected, rows = weight, []
    for sample in latency.split(1):
        expected, found = compose(expected, sample, 30.0, rates, layer, competition, rule)
        rows.append(found)
    threads = torch.get_num_threads()
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            step = learning_step(weight, latency, 30.0, *rates, **options)
            assert_same(step, (expected, torch.cat(rows)))
    finally:
        torch.set_num_threads(threads)


def looked_at(latency, weight, threshold, k, radius=None):
    """Windows of one sample that the compiled step looked at, and its winners."""
    counters = torch.zeros(len(native.WORK), dtype=torch.int64)
    each, rate = torch.ones(len(weight)), torch.full((len(weight),), 0.25)
    rule = (rate, -rate, 0 * each, each, None)
    geometry = ((1, 1), (0, 0, 0, 0))
    options = (15, k, radius, True, "winners", *geometry, True)
    _, rows = native.learning_step(
        weight, latency, threshold * each, *rule, *options, work=counters
    )
    return dict(zip(native.WORK, counters.tolist(), strict=True)), rows[0].tolist()


@pytest.mark.skipif(not native.available(), reason="the kernels are off")
def test_only_windows_that_can_hold_a_winner_are_looked_at():
    # the middle column spikes in bin 0, others the later the further they are from it
    distance = (torch.arange(15) - 7).abs()
    latency = (2 * distance).to(torch.uint8).expand(1, 1, 15, 15)
    work, rows = looked_at(latency, torch.ones(4, 1, 3, 3), 2.5, k=1)
    # three spikes in bin 0 are enough; all windows that have them tie, and the first place wins
    assert rows == [[0, 0, 5]]
    assert work["windows"] == 13 * 3
    # windows with a spike more can only be beaten by each other
    more = latency.clone()
    more[0, 0, 8, 8] = 0
    work, rows = looked_at(more, torch.ones(4, 1, 3, 3), 2.5, k=1)
    assert rows == [[0, 6, 6]]
    assert work["windows"] == 3 * 2
    # four spikes of each are sorted, no later ones, and added to all four maps
    assert work["events"] == 4 * work["windows"]
    assert work["additions"] == 4 * work["events"]
    # all maps have the same weights, so that the first is best everywhere and wins once: to ask for
    # more winners than there are is to have every window looked at
    work, rows = looked_at(more, torch.ones(4, 1, 3, 3), 2.5, k=2)
    assert rows == [[0, 6, 6], [-1, -1, -1]]
    assert work["windows"] == 13 * 13
    # but for those that are in the square of a winner by then
    work, rows = looked_at(more, torch.ones(4, 1, 3, 3), 2.5, k=2, radius=20)
    assert rows == [[0, 6, 6], [-1, -1, -1]]
    assert work["windows"] == 3 * 2


def test_winners_of_a_silent_sample_are_none_and_teach_nothing():
    weight = torch.rand(3, 2, 2, 2, generator=torch.Generator().manual_seed(0)) + 1
    latency = torch.full((2, 2, 4, 4), SILENT, dtype=torch.uint8)
    for clamp in ("winners", "all"):
        new, rows = learning_step(
            weight, latency, 0.5, 0.5, -0.5, n_bins=5, k=2, clamp=clamp, online=True
        )
        assert_same(new, weight)
        assert (rows == -1).all()


def test_weights_keep_their_layout_and_their_values():
    weight = torch.rand(5, 3, 3, 2, generator=torch.Generator().manual_seed(0))
    latency = latencies(2, 3, 6, 6, n_bins=5, seed=0)
    args = (latency, 1.0, 0.5, -0.5)
    expected = learning_step(weight, *args, n_bins=5, k=3, online=True)
    for arranged in (
        weight.contiguous(memory_format=torch.channels_last),
        weight.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
        torch.stack([weight, weight], -1)[..., 0],
    ):
        before = arranged.clone()
        new, rows = learning_step(arranged, *args, n_bins=5, k=3, online=True)
        assert_same((new, rows), expected)
        assert_same(arranged, before)
    assert new.data_ptr() != arranged.data_ptr()


def test_inputs_of_no_sample_teach_nothing():
    latency, weight = torch.zeros(0, 1, 3, 3, dtype=torch.uint8), torch.ones(2, 1, 2, 2)
    for online in (False, True):
        new, rows = learning_step(weight, latency, 1.0, 0.5, -0.5, n_bins=3, k=4, online=online)
        assert_same(new, weight)
        assert rows.shape == (0, 4, 3)


def test_bad_input_is_refused_by_name():
    latency = torch.zeros(1, 2, 4, 4, dtype=torch.uint8)
    weight = torch.zeros(3, 2, 2, 2)
    for change, error, message in [
        ({"weight": weight.int()}, TypeError, "`weight` must be a float32 or float64"),
        ({"weight": weight[:0]}, ValueError, "`weight` must have at least one map"),
        ({"latency": latency.int()}, TypeError, "`latency` must have dtype"),
        ({"latency": latency[:, :1]}, ValueError, "`weight` must have as many channels"),
        ({"threshold": torch.zeros(2)}, ValueError, r"`threshold` .* shape \(3,\)"),
        ({"rate_positive": torch.ones(2)}, ValueError, "`rate_positive` must be a number"),
        ({"rate_negative": "low"}, TypeError, "`rate_negative` must be a number"),
        ({"n_bins": 255}, ValueError, "`n_bins` must be 1 to 254"),
        ({"k": 0}, ValueError, "`k` must be an int from 1 up"),
        ({"radius": -1}, ValueError, "`radius` must be an int from 0 up"),
        ({"radius": 2**63}, ValueError, "`radius` must be an int from 0 up"),
        ({"lower": 1.0}, ValueError, "`lower` must be below `upper`; got 1.0 and 1.0"),
        ({"clamp": "some"}, ValueError, '`clamp` must be "winners" or "all"; got \'some\''),
        ({"stride": 0}, ValueError, "`stride` must be"),
        ({"padding": -1}, ValueError, "`padding` must be"),
    ]:
        arguments = {
            "weight": weight,
            "latency": latency,
            "threshold": 1.0,
            "rate_positive": 0.5,
            "rate_negative": -0.5,
            "n_bins": 5,
            "k": 1,
        }
        with pytest.raises(error, match=message):
            learning_step(**{**arguments, **change})
