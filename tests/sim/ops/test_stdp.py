import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution, spread
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.stdp import reference, stdp
from neurospyke.sim.ops.winners import winners
from tests.conformance import assert_same, check_op, computed, latencies, paths, quarters

REGISTERED = torch.ops.neurospyke.stdp.default


def case(seed=0, dtype=torch.float32, stride=(1, 1), padding=(0, 0, 0, 0), repeated=False):
    """A layer's weights, its input, its output and its winners."""
    weight = quarters(4, 2, 3, 2, low=0, high=4, seed=seed, dtype=dtype) + 1 / 16
    latency_in = latencies(3, 2, 7, 6, n_bins=5, seed=seed)
    latency_out, potential = spiking_convolution(
        latency_in, weight, 1.0, n_bins=5, stride=stride, padding=padding
    )
    best = winners(latency_out, potential, 3, radius=1)
    if repeated:
        generator = torch.Generator().manual_seed(seed)
        limits = torch.tensor(latency_out.shape[1:])
        best = (torch.rand(3, 6, 3, generator=generator) * limits).long()
        best[1] = -1
        best[2, 1] = -1
    return weight, latency_in, latency_out, best


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        ({}, {}),
        (
            {"stride": (2, 1), "padding": (1, 0, 2, 1), "dtype": torch.float64},
            {"lower": 0.125, "upper": 0.75, "stabilizer": False, "clamp": "all"},
        ),
        ({"repeated": True}, {"clamp": "all"}),
        ({"repeated": True}, {"lower": -1.0, "stabilizer": False}),
        (
            {"repeated": True},
            {
                "lower": torch.tensor([0.0, 0.25, 0.5, -1.0]),
                "upper": torch.tensor([0.5, 1.0, 0.75, 0.5]),
                "window": torch.tensor([0.25, 0.5, 1.0, 2.0, 0.5, 0.125]),
            },
        ),
        (
            {"repeated": True, "dtype": torch.float64},
            {"upper": torch.tensor([0.5, 1.0, 0.75, 0.5]), "clamp": "all"},
        ),
    ],
)
def test_conforms(layer, rule):
    weight, latency_in, latency_out, best = case(**layer)
    rates = torch.tensor([0.5, 0.25, -0.5, 1.0], dtype=weight.dtype)
    geometry = {key: layer[key] for key in ("stride", "padding") if key in layer}
    args = (weight, latency_in, latency_out, best, rates, -0.25)
    check_op(stdp, REGISTERED, reference, *args, **rule, **geometry)
    assert not torch.equal(stdp(*args, **rule, **geometry), weight)


@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_rates_may_differ_between_samples(clamp):
    args = case(repeated=True)
    generator = torch.Generator().manual_seed(1)
    rates = torch.rand(2, 3, 4, generator=generator) - 0.5
    check_op(stdp, REGISTERED, reference, *args, rates[0], rates[1], clamp=clamp)
    check_op(stdp, REGISTERED, reference, *args, rates[0], -0.25, clamp=clamp)
    one_by_one = args[0]
    for sample in range(3):
        parts = [part[sample : sample + 1] for part in args[1:]]
        one_by_one = stdp(one_by_one, *parts, *rates[:, sample], clamp=clamp)
    assert_same(stdp(*args, *rates, clamp=clamp), one_by_one)


@pytest.mark.parametrize(
    ("pre", "post", "change"),
    [
        (3, 3, 1.0),  # lag 0
        (1, 3, 0.25),  # lag 2
        (0, 9, 0.25),  # beyond the window: as lag 2
        (4, 3, -2.0),  # lag -1, depressed twice as much
        (200, 0, -1.5),  # beyond: as lag -2
        (SILENT, 3, -0.125),
    ],
)
def test_a_window_scales_the_rate_by_the_lag(pre, post, change):
    # lags -2 to 2, then silence; rates 1/4 and -1/2 times 1/4 = (1/2)(1 - 1/2) with the stabilizer
    window = torch.tensor([1.5, 2.0, 1.0, 0.5, 0.25, 0.125])
    rate = 0.25 if change > 0 else 0.5
    assert one_weight(pre, post, window=window) == 0.5 + rate * change * 0.25
    assert one_weight(pre, post, window=window, stabilizer=False, lower=-9.0) == 0.5 + rate * change


@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_conforms_with_the_latency_of_the_one_map_that_spiked(clamp):
    weight, latency_in, _, _ = case()
    latency_out, maps, potential = inhibited_convolution(latency_in, weight, 1.0, n_bins=5)
    best = winners(latency_out, potential, 3, maps=maps)
    args = (weight, latency_in, latency_out, best, 0.5, -0.25)
    check_op(stdp, REGISTERED, reference, *args, clamp=clamp)
    every = spread(latency_out, maps, 4)
    assert_same(stdp(*args, clamp=clamp), stdp(*args[:2], every, *args[3:], clamp=clamp))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            *[st.sampled_from([-(2**62), -4, -2, -1, 0, 1, 2, 3, 4, 5, 7, 2**31, 2**62])] * 3
        ),
        min_size=6,
        max_size=6,
    ),
    one=st.booleans(),
    clamp=st.sampled_from(["winners", "all"]),
)
def test_rows_that_are_no_place_in_the_layer_are_passed_over(rows, one, clamp):
    weight, latency_in, latency_out, _ = case()
    latency_out = latency_out[:, :1] if one else latency_out
    best = torch.tensor(rows).view(3, 2, 3)
    fits = ((best >= 0) & (best < torch.tensor((4, *latency_out.shape[2:])))).all(2, keepdim=True)
    rule = (0.5, -0.25)
    expected = reference(weight, latency_in, latency_out, best.where(fits, -1), *rule, clamp=clamp)
    for path in paths()[-2:]:
        with computed(path):
            found = stdp(weight, latency_in, latency_out, best, *rule, clamp=clamp)
            assert_same(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("clamp", ["winners", "all"])
def test_threads_and_layout_change_no_bit(dtype, clamp):
    """Enough weights to be shared out between threads."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(50, 20, 5, 5, generator=generator, dtype=dtype) * 1.4 - 0.2
    latency_in = latencies(9, 20, 12, 12, n_bins=15, seed=1)
    latency_out = latencies(9, 50, 8, 8, n_bins=15, seed=2)
    best = (torch.rand(9, 7, 3, generator=generator) * torch.tensor([50, 8, 8])).long()
    args = (latency_in, latency_out, best, torch.rand(50, generator=generator), -0.1)
    expected = reference(weight, *args, clamp=clamp)
    for path in paths():
        with computed(path):
            for arranged in (
                weight,
                weight.contiguous(memory_format=torch.channels_last),
                weight.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
                torch.stack([weight, -weight], 2).flatten(1, 2)[:, ::2],
            ):
                assert_same(stdp(arranged, *args, clamp=clamp), expected)


def test_inputs_of_no_sample_and_no_winners_teach_nothing():
    weight, latency_in, latency_out, best = case()
    for path in paths():
        with computed(path):
            empty = (latency_in[:0], latency_out[:0], best[:0])
            assert_same(stdp(weight, *empty, 0.5, -0.5), weight)
            nobody = (latency_in, latency_out, best[:, :0])
            assert_same(stdp(weight, *nobody, 0.5, -0.5), weight)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 9999),
    clamp=st.sampled_from(["winners", "all"]),
    stabilizer=st.booleans(),
    repeated=st.booleans(),
)
def test_order_of_updates_follows_the_reference(seed, clamp, stabilizer, repeated):
    args = (*case(seed, repeated=repeated), torch.full((4,), 0.5), -0.375)
    rule = {"clamp": clamp, "stabilizer": stabilizer, "lower": 0.25, "upper": 0.8}
    assert_same(stdp(*args, **rule), reference(*args, **rule))


def one_weight(pre, post, weight=0.5, **rule):
    """New weight of one synapse whose neuron wins."""
    return stdp(
        torch.tensor(weight).view(1, 1, 1, 1),
        torch.tensor(pre, dtype=torch.uint8).view(1, 1, 1, 1),
        torch.tensor(post, dtype=torch.uint8).view(1, 1, 1, 1),
        torch.zeros(1, 1, 3, dtype=torch.int64),
        0.25,
        -0.5,
        **rule,
    ).item()


def test_a_synapse_is_potentiated_up_to_the_time_of_the_spike():
    changes = [one_weight(pre, 4, stabilizer=False) - 0.5 for pre in (0, 3, 4, 5, 255)]
    assert changes == [0.25, 0.25, 0.25, -0.5, -0.5]


def test_the_stabilizer_scales_by_the_distance_to_both_bounds():
    assert one_weight(0, 1) == 0.5 + 0.25 * 0.25
    assert one_weight(0, 1, lower=0.25, upper=1.0) == 0.5 + 0.25 * 0.25 * 0.5
    assert one_weight(2, 1, weight=0.0) == 0.0
    assert one_weight(0, 1, weight=1.0) == 1.0


def test_weights_are_clamped_to_the_bounds():
    assert one_weight(0, 1, weight=0.875, stabilizer=False) == 1.0
    assert one_weight(2, 1, weight=0.25, stabilizer=False) == 0.0


def test_the_scope_of_the_clamp():
    weight = torch.tensor([2.0, 2.0]).view(2, 1, 1, 1)
    latency_in = torch.zeros(1, 1, 1, 1, dtype=torch.uint8)
    latency_out = torch.zeros(1, 2, 1, 1, dtype=torch.uint8)
    args = (weight, latency_in, latency_out, torch.tensor([[[1, 0, 0]]]), 0.25, -0.25)
    assert stdp(*args).flatten().tolist() == [2.0, 1.0]
    assert stdp(*args, clamp="all").flatten().tolist() == [1.0, 1.0]
    no_winner = (*args[:3], torch.full((1, 1, 3), -1), *args[4:])
    assert stdp(*no_winner, clamp="all").flatten().tolist() == [2.0, 2.0]


def test_samples_are_applied_one_after_another():
    """Twice dw = a w (1 - w) from 1/2 at a = 1: 3/4, then 15/16."""
    zeros = torch.zeros(2, 1, 1, 1, dtype=torch.uint8)
    best = torch.zeros(2, 1, 3, dtype=torch.int64)
    new = stdp(torch.full((1, 1, 1, 1), 0.5), zeros, zeros, best, 1.0, -1.0)
    assert new.item() == 15 / 16


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999))
def test_laws(seed):
    weight, latency_in, latency_out, best = case(seed, torch.float64)
    rule = (0.5, -0.25)
    whole = stdp(weight, latency_in, latency_out, best, *rule)

    step = weight
    for x, y, rows in zip(latency_in[:, None], latency_out[:, None], best[:, None], strict=True):
        step = stdp(step, x, y, rows, *rule)
    assert_same(step, whole)

    order = torch.tensor([2, 0, 3, 1])
    renamed = torch.where(best[..., :1] < 0, best[..., :1], order.argsort()[best[..., :1]])
    permuted = stdp(
        weight[order],
        latency_in,
        latency_out[:, order],
        torch.cat([renamed, best[..., 1:]], -1),
        *rule,
    )
    assert_same(permuted, whole[order])

    losers = sorted(set(range(4)) - set(best[..., 0].flatten().tolist()))
    assert_same(whole[losers], weight[losers])
    unmoved = stdp(weight, latency_in, latency_out, best, 0.0, 0.0, upper=9.0)
    assert_same(unmoved, weight)

    silence = torch.full((3, 1, 7, 6), SILENT, dtype=torch.uint8)
    wider = torch.cat([weight, weight[:, :1]], 1)
    more = stdp(wider, torch.cat([latency_in, silence], 1), latency_out, best, *rule)
    assert_same(more[:, :2], whole)


def test_bad_input_is_refused_by_name():
    weight, latency_in, latency_out, best = case()
    for change, error, message in [
        ({"weight": weight.int()}, TypeError, "`weight` must be a float32 or float64"),
        ({"latency_in": latency_in.int()}, TypeError, "`latency_in` must have dtype"),
        ({"latency_out": latency_out[0]}, ValueError, r"`latency_out` must have axes \(batch"),
        ({"latency_out": latency_out[1:]}, ValueError, "`latency_out` must have shape"),
        ({"stride": 2}, ValueError, "`latency_out` must have shape .* stride"),
        ({"winners": best.int()}, TypeError, "`winners` must be an int64 tensor; got torch.int32"),
        ({"winners": best[0]}, ValueError, r"`winners` must have shape \(3, k, 3\)"),
        ({"rate_positive": torch.ones(3)}, ValueError, "`rate_positive` must be a number"),
        ({"rate_negative": "low"}, TypeError, "`rate_negative` must be a number"),
        ({"lower": 1.0}, ValueError, "`lower` must be below `upper`; got 1.0 and 1.0"),
        ({"clamp": "some"}, ValueError, '`clamp` must be "winners" or "all"; got \'some\''),
        ({"padding": (1, 2)}, ValueError, "`padding` must be"),
    ]:
        arguments = {
            "weight": weight,
            "latency_in": latency_in,
            "latency_out": latency_out,
            "winners": best,
            "rate_positive": 0.5,
            "rate_negative": -0.5,
        }
        with pytest.raises(error, match=message):
            stdp(**{**arguments, **change})


@pytest.mark.parametrize("number", range(4))
def test_spyketorch_stdp(shared_oracles, number):
    with np.load(shared_oracles / "spyketorch_stdp.npz") as stored:
        oracle = {
            key.removeprefix(f"c{number}_"): torch.from_numpy(stored[key])
            for key in stored.files
            if key.startswith(f"c{number}_")
        }
    rule = json.loads((shared_oracles / "spyketorch_stdp.json").read_text())["cases"][number]
    latency_in, weight = from_spikes(oracle["wave"])[None], oracle["w_before"]
    fired = spiking_convolution(latency_in, weight, rule["threshold"], n_bins=len(oracle["wave"]))
    latency_out, potential = pointwise_inhibition(*fired)
    assert_same(latency_out[0], from_spikes(oracle["spk"]))
    best = winners(latency_out, potential, rule["kwta"], radius=rule["radius"] or None)
    assert_same(best[0], oracle["winners"])
    positive, negative = torch.tensor(rule["lr"]).view(-1, 2).expand(6, 2).unbind(1)
    new = stdp(
        weight,
        latency_in,
        latency_out,
        best,
        positive.contiguous(),
        negative.contiguous(),
        lower=rule["lower"],
        upper=rule["upper"],
        stabilizer=rule["stabilizer"],
        clamp="all",
    )
    assert_same(new, oracle["w_after"])


def test_spyketorch_stdp_of_the_last_bin(shared_oracles):
    with np.load(shared_oracles / "spyketorch_stdp.npz") as oracle:
        wave, weight, last, expected, after = (
            torch.from_numpy(oracle[f"inf_{key}"])
            for key in ("wave", "w_before", "pot", "winners", "w_after")
        )
    latency_in = from_spikes(wave)[None]
    latency_out, potential = spiking_convolution(latency_in, weight, None, n_bins=len(wave))
    torch.testing.assert_close(potential[0], last[-1], rtol=1e-6, atol=0)
    best = winners(latency_out, potential, 1)
    assert_same(best[0], expected)
    new = stdp(
        weight,
        latency_in,
        latency_out,
        best,
        0.004,
        -0.003,
        lower=0.2,
        upper=0.8,
        stabilizer=False,
        clamp="all",
    )
    assert_same(new, after)
