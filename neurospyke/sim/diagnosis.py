"""Why does a network not learn? One row a layer, and in words what to change.

A layer learns from its winners, so it needs spikes, not too many of them, winners that differ
between images, a rule, and weights that leave their start. Each rule for an advice is a constant
below, with its reason.
"""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, convergence
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.survey import Tally, survey
from neurospyke.sim.update import Plastic

# Networks that learn well fire in 5 to 15 of 100 neurons; in half of them some still learn.
CROWDED = 0.75
# Spikes in bin 0 do not depend on the order of inputs, which STDP is to find. Layers that learn
# well have hardly any; this share more than their inputs have comes from a threshold that one
# input passes: on digits, a thirtieth of the published one.
AT_ONCE = 0.25
# Blank and hopeless images occur; more of them than this are a threshold's fault.
UNSEEN = 0.1
# Three quarters of the way from the wins that chance gives a map to a win on every image. Features
# that most images have, such as an edge, win on two thirds of them in layers that learn well.
DOMINANCE = 0.75
# With ten wins for each map by chance, 1 of 22,000 maps would be without any.
ENOUGH_WINS = 10
# Weights this near to a bound, in parts of the range, count as at it: they come near it for ever.
AT_BOUND = 0.01
# Variance of a map's weights over the greatest that their mean allows: drawn from a normal
# distribution around 0.8 with a deviation of 0.05 it is 0.016, when all are at a bound it is 1.
ALIKE = 0.1
# Share of weights at one bound beyond which a layer tells no features apart.
SATURATED = 0.95


def diagnose(
    network: Network, images: Tensor, *, wanted: float = 0.1, batch_size: int = 64
) -> pd.DataFrame:
    """What each layer does with images, and advice where that keeps it from learning.

        firing_share      = spikes / (neurons * images)               before inhibition
        threshold_wanted  = least T such that neurons with max over t of V[t] > T are at most the
                            wanted share, or one; at least 0
        dominating maps   : (wins on images - chance) / (images - chance) > 3/4,
                            chance = all wins / n_maps, images = those with a winner
        alike maps        : var(w) / ((mean(w) - lower)(upper - mean(w))) < 1/10

    Winners are those that would learn: of a layer with STDP its `n_winners` with its `radius`, of
    another the first neuron to spike. With weights from 0 up a potential only grows, so the
    greatest is the last and one read-out finds it; with negative weights every bin is read out,
    `n_bins` times the work. Thresholds are exact but for the rounding of float32 sums, which a
    read-out adds in another order: neurons that share the potential found may fall on either side.
    They are those for the present weights and inputs: mend the first layer that has an advice,
    train, and ask again.

    Args:
        network: the network; it is left unchanged.
        images: (image, channel, height, width) in [0, 1], such as a few hundred training images.
        wanted: share of a layer's neurons that shall fire, above 0 and below 1; networks that learn
            well have 0.05 to 0.15.
        batch_size: images at a time, which bounds memory and does not change the result.

    Returns:
        One row a layer, "encoder" first, missing where it does not apply. Columns: `layer`; `kind`;
        `n_maps`; `firing_share`; `mean_latency` in bins; `first_bin_share` of the spikes;
        `silent_share` of the images, without any spike; `never_fire`, `never_win`, `dominating`
        and `alike`, numbers of maps; `top_map`, the one that wins most, its `top_share` and the
        `chance_share` of images with a winner; `convergence`, as in learning; `at_lower` and
        `at_upper`, shares of weights within 1 % of the range of a bound, or beyond it;
        `threshold_least`, `threshold_greatest`, `threshold_wanted`; `advice`, empty when all is
        well.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `images` do not fit, or an argument is out of range.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67, for winners and convergence; the
        rules are stated here.

    Example:
        One of two pixels fires, and no weight is large enough for the threshold; at 0, one of the
        two neurons would fire.

        >>> from neurospyke.sim import RankOrderEncoder, SpikingConvolution
        >>> pixels = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=4)
        >>> layer = SpikingConvolution(
        ...     torch.full((1, 1, 1, 1), 0.5), threshold=9.0, n_bins=4, rule=STDP(0.1, -0.1))
        >>> table = diagnose(Network("two pixels", pixels, {"conv": layer}),
        ...                  torch.tensor([[[[0.0, 1.0]]]]))
        >>> table.firing_share.tolist()
        [0.5, 0.0]
        >>> table.advice[1]
        'nothing fires: lower the threshold from 9 to below 0.5, the greatest potential'
    """
    tallies, thresholds = survey(network, images, wanted=wanted, batch_size=batch_size)
    rows, below = [], None
    for name, tally in tallies.items():
        row = {"layer": name, **_counts(tally), **_competition(tally), **_weights(tally)}
        row["threshold_wanted"] = thresholds.get(name, float("nan"))
        row["advice"] = "; ".join(_advice(row, tally, below))
        rows.append(row)
        below = tally
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def count_winners(network: Network, images: Tensor, *, batch_size: int = 64) -> pd.DataFrame:
    """How often each map fires and wins: the histogram behind `diagnose`.

    Args:
        network: the network; it is left unchanged.
        images: (image, channel, height, width) in [0, 1].
        batch_size: images at a time, which bounds memory and does not change the result.

    Returns:
        One row a map of each layer with weights: `layer`, `map`, `fired` and `wins`, the numbers of
        images in which it spikes before inhibition and in which it wins, and `n_images` in all.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `images` do not fit, `batch_size` is out of range, or no layer has weights.

    Example:
        >>> from neurospyke.sim import RankOrderEncoder, SpikingConvolution
        >>> pixels = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=4)
        >>> layer = SpikingConvolution(
        ...     torch.tensor([0.25, 0.75]).view(2, 1, 1, 1), threshold=0.125, n_bins=4)
        >>> table = count_winners(Network("two pixels", pixels, {"conv": layer}),
        ...                       torch.tensor([[[[0.0, 1.0]]]]))
        >>> table[["map", "fired", "wins"]].values.tolist()
        [[0, 1, 0], [1, 1, 1]]
    """
    tallies, _ = survey(network, images, batch_size=batch_size)
    tables = [
        pd.DataFrame(
            {
                "layer": name,
                "map": range(tally.n_maps),
                "fired": tally.fired.numpy(),
                "wins": tally.wins.numpy(),
                "n_images": tally.n_images,
            }
        )
        for name, tally in tallies.items()
        if tally.wins is not None
    ]
    if not tables:
        raise ValueError(
            "`network` must have a convolution or linear layer, where maps compete; "
            f"got {tuple(tallies)}"
        )
    return pd.concat(tables, ignore_index=True)


_COLUMNS = {
    "layer": "object",
    "kind": "object",
    "n_maps": "Int64",
    "firing_share": "float64",
    "mean_latency": "float64",
    "first_bin_share": "float64",
    "silent_share": "float64",
    "never_fire": "Int64",
    "never_win": "Int64",
    "dominating": "Int64",
    "top_map": "Int64",
    "top_share": "float64",
    "chance_share": "float64",
    "alike": "Int64",
    "convergence": "float64",
    "at_lower": "float64",
    "at_upper": "float64",
    "threshold_least": "float64",
    "threshold_greatest": "float64",
    "threshold_wanted": "float64",
    "advice": "object",
}


def _counts(tally: Tally) -> dict[str, Any]:
    bins, n_spikes = tally.bins[:SILENT], tally.n_spikes
    latency = float((bins * torch.arange(SILENT)).sum())
    return {
        "kind": type(tally.layer).__name__,
        "n_maps": tally.n_maps,
        "firing_share": n_spikes / int(tally.bins.sum()),
        "mean_latency": latency / n_spikes if n_spikes else float("nan"),
        "first_bin_share": int(bins[0]) / n_spikes if n_spikes else float("nan"),
        "silent_share": tally.n_silent / tally.n_images,
        "never_fire": int((tally.fired == 0).sum()),
    }


def _competition(tally: Tally) -> dict[str, Any]:
    if tally.wins is None:
        return {}
    wins, n_won = tally.wins, tally.n_won
    row: dict[str, Any] = {"never_win": int((wins == 0).sum()), "dominating": 0}
    if n_won == 0:
        return row
    chance = int(wins.sum()) / tally.n_maps
    return {
        **row,
        "dominating": int((wins - chance > DOMINANCE * (n_won - chance)).sum()),
        "top_map": int(wins.argmax()),
        "top_share": int(wins.max()) / n_won,
        "chance_share": chance / n_won,
    }


def _weights(tally: Tally) -> dict[str, Any]:
    layer = tally.layer
    if not isinstance(layer, Plastic):
        return {}
    row: dict[str, Any] = {}
    if layer.threshold is not None:
        row["threshold_least"] = layer.threshold.min().item()
        row["threshold_greatest"] = layer.threshold.max().item()
    rule = layer.rule
    if not isinstance(rule, STDP | RewardSTDP):
        return row
    weight = layer.weight.detach().flatten(1).double().cpu()
    lower, upper = (_column(bound) for bound in (rule.lower, rule.upper))
    part = (weight - lower) / (upper - lower)
    mean = part.clamp(0, 1).mean(1)
    spread = part.clamp(0, 1).var(1, unbiased=False)
    # where all weights have come to the same bound, they have learned all the same
    moved = mean * (1 - mean) < AT_BOUND
    return {
        **row,
        "alike": int(((spread < ALIKE * mean * (1 - mean)) & ~moved).sum()),
        "convergence": convergence(layer.weight, rule.lower, rule.upper),
        "at_lower": (part <= AT_BOUND).double().mean().item(),
        "at_upper": (part >= 1 - AT_BOUND).double().mean().item(),
    }


def _column(bound: float | tuple[float, ...]) -> Tensor:
    return torch.as_tensor(bound, dtype=torch.float64).view(-1, 1)


def _advice(row: dict[str, Any], tally: Tally, below: Tally | None) -> list[str]:
    """Sentences, the most basic first; what follows from an earlier one is not said."""
    if below is None:
        return _advice_on_encoder(row, tally)
    if not isinstance(tally.layer, Plastic):
        return []
    missing = [] if tally.layer.rule is not None else ["no rule: no learning changes this layer"]
    if below.n_spikes == 0:
        return [*missing, "no input: mend the layers below first"]
    unseen = _advice_on_silence(row, tally, below)
    if unseen:  # winners and weights follow from spikes
        return [*unseen, *missing]
    return [
        *_advice_on_crowding(row, tally, below),
        *_advice_on_winners(row, tally),
        *_advice_on_weights(row),
        *missing,
    ]


def _advice_on_encoder(row: dict[str, Any], tally: Tally) -> list[str]:
    mend = "lower the encoder's threshold, or look whether the images have contrast"
    if tally.n_spikes == 0:
        return [f"no image makes a spike: {mend}"]
    if row["silent_share"] > UNSEEN:
        return [f"{row['silent_share']:.0%} of images make no spike: {mend}"]
    if row["first_bin_share"] == 1 and getattr(tally.layer, "n_bins", 1) > 1:
        return ["every spike is in bin 0: there is no order of spikes to learn from"]
    return []


def _advice_on_silence(row: dict[str, Any], tally: Tally, below: Tally) -> list[str]:
    if tally.n_spikes == 0:
        return [f"nothing fires: {_lower(row, tally)}"]
    unseen = row["silent_share"] - below.n_silent / below.n_images
    if unseen > UNSEEN:
        return [f"{unseen:.0%} of images make no spike here: {_lower(row, tally)}"]
    return []


def _advice_on_crowding(row: dict[str, Any], tally: Tally, below: Tally) -> list[str]:
    if tally.potentials is None:
        return []  # a layer read out in the last bin has no threshold that could be wrong
    before = int(below.bins[0]) / below.n_spikes
    if row["first_bin_share"] - before > AT_ONCE:
        share, where = row["first_bin_share"], "spikes fall in bin 0, whatever the inputs' order"
    elif row["firing_share"] > CROWDED:
        share, where = row["firing_share"], "neurons fire, so that spikes tell little"
    else:
        return []
    return [f"{share:.0%} of {where}: {_raise(row)}"]


def _lower(row: dict[str, Any], tally: Tally) -> str:
    if tally.potentials is None:
        return "no potential is above 0 in the last bin: look at the weights' signs"
    greatest, wanted = tally.potentials.greatest, row["threshold_wanted"]
    if greatest == 0:
        return "no potential is ever above 0: look at the weights' signs"
    now = _thresholds(row)
    if wanted == 0:
        return f"lower the threshold from {now} to below {greatest:.3g}, the greatest potential"
    return f"lower the threshold from {now} to about {wanted:.3g}"


def _raise(row: dict[str, Any]) -> str:
    if row["threshold_wanted"] > row["threshold_greatest"]:
        return f"raise the threshold from {_thresholds(row)} to about {row['threshold_wanted']:.3g}"
    return "give fewer or later inputs, such as by the threshold of the layer below"


def _thresholds(row: dict[str, Any]) -> str:
    least, greatest = row["threshold_least"], row["threshold_greatest"]
    return f"{least:.3g}" if least == greatest else f"{least:.3g} to {greatest:.3g}"


def _advice_on_winners(row: dict[str, Any], tally: Tally) -> list[str]:
    if tally.wins is None or tally.n_won == 0:
        return []
    advice, mend = [], f"{_evening(tally.layer)}, or start from weights that are more alike"
    if _untrained(row):
        mend = f"if training does not change that, {mend}"
    if row["dominating"]:
        more = f" and {row['dominating'] - 1} more do so too" if row["dominating"] > 1 else ""
        advice.append(
            f"map {row['top_map']} wins on {row['top_share']:.0%} of images, by chance it would on "
            f"{row['chance_share']:.0%}{more}: {mend}"
        )
    enough = int(tally.wins.sum()) >= ENOUGH_WINS * tally.n_maps
    if enough and row["never_win"] > tally.n_maps / 2:
        advice.append(f"{row['never_win']} of {tally.n_maps} maps never win: {mend}")
    return advice


def _evening(layer: Any) -> str:
    """What makes maps win more evenly, with the rule that the layer has."""
    if isinstance(layer.rule, RewardSTDP):
        return "raise the dropout of its rule"
    if isinstance(layer.rule, STDP) and layer.rule.homeostasis is not None:
        return "raise the rate of its homeostasis"
    return "give its rule homeostasis"


def _untrained(row: dict[str, Any]) -> bool:
    return row.get("alike", 0) > row["n_maps"] / 2


def _advice_on_weights(row: dict[str, Any]) -> list[str]:
    if "alike" not in row:
        return []
    if row["at_lower"] > SATURATED:
        return [
            f"{row['at_lower']:.0%} of weights are at their lower bound: lower the rate of "
            "depression, or raise the threshold so that winners wait for more inputs"
        ]
    if row["at_upper"] > SATURATED:
        return [
            f"{row['at_upper']:.0%} of weights are at their upper bound: raise the rate of "
            "depression, or lower the threshold so that winners do not wait for all inputs"
        ]
    if _untrained(row):
        return [
            f"weights of {row['alike']} of {row['n_maps']} maps are still alike, as at their "
            "start: train for more images, or raise the rates"
        ]
    return []
