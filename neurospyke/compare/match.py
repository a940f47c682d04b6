"""Make a model and a brain alike in size before they are compared, and note what was done.

Each step takes two sides and gives two back; what it left out or drew stands in their notes.
"""

from dataclasses import replace

import numpy as np

from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import Seed
from neurospyke.responses import Responses

Sides = tuple[Responses, Responses]


def match_trials(first: Responses, second: Responses, *, seed: Seed) -> Sides:
    """Equally many trials of every stimulus on both sides, the smaller number, drawn at random.

    Args:
        first: responses.
        second: responses to the same stimuli.
        seed: of the draw.

    Returns:
        Both sides with the trials kept in their order.

    Raises:
        ValueError: if the sides have different stimuli.

    >>> many = Responses.from_counts(np.array([[1], [2], [3]]), stimuli=["a", "a", "b"])
    >>> few = Responses.from_counts(np.array([[4], [5]]), stimuli=["a", "b"])
    >>> [side.n_trials for side in match_trials(many, few, seed=0)]
    [2, 2]
    """
    check_responses(first, "first")
    check_responses(second, "second")
    odd = sorted(set(first.stimuli) ^ set(second.stimuli))
    if odd:
        raise ValueError(f"the sides must have the same stimuli; not in both: {odd[:10]}")
    rng = np.random.default_rng(seed)
    numbers = [side.trials["stimulus"].value_counts() for side in (first, second)]
    kept = {label: min(int(number[label]) for number in numbers) for label in first.stimuli}
    return _drawn(first, kept, rng), _drawn(second, kept, rng)


def match_units(first: Responses, second: Responses, *, seed: Seed) -> Sides:
    """Equally many units on both sides, the smaller number, drawn at random.

    Args:
        first: responses.
        second: responses.
        seed: of the draw.

    Returns:
        Both sides with the units kept in their order.

    >>> wide = Responses.from_counts(np.array([[1, 2, 3]]), stimuli=["a"])
    >>> narrow = Responses.from_counts(np.array([[4, 5]]), stimuli=["a"])
    >>> [side.n_units for side in match_units(wide, narrow, seed=0)]
    [2, 2]
    """
    check_responses(first, "first")
    check_responses(second, "second")
    rng = np.random.default_rng(seed)
    n = min(first.n_units, second.n_units)
    return _some_units(first, n, rng), _some_units(second, n, rng)


def match_bins(first: Responses, second: Responses, step: float | None = None) -> Sides:
    """The same time bins on both sides: the window they share, in the coarsest bins both can form.

    Whole neighbouring bins are joined (counts and spikes summed, rates averaged); no bin is cut.

    Args:
        first: responses.
        second: responses.
        step: seconds of a model step, where one side is in steps and the other in seconds.

    Returns:
        Both sides, with edges in seconds where `step` was given.

    Raises:
        ValueError: if the sides have no common edges, units of time differ and `step` is missing,
            or latencies would have to be joined.

    >>> import pandas as pd
    >>> trials, units = pd.DataFrame({"stimulus": ["a"]}), pd.DataFrame({"unit": [0]})
    >>> fine = Responses(np.ones((1, 1, 4)), trials, units, np.arange(5) / 10)
    >>> coarse = Responses(np.ones((1, 1, 2)), trials, units, np.array([0.0, 0.2, 0.6]))
    >>> [side.values[0, 0].tolist() for side in match_bins(fine, coarse)]
    [[2.0], [1.0]]
    """
    check_responses(first, "first")
    check_responses(second, "second")
    sides = [_in_seconds(side, step) for side in (first, second)]
    if sides[0].time_unit != sides[1].time_unit:
        raise ValueError("one side is in steps and one in seconds: pass `step`, seconds of a step")
    slack = 1e-6 * min(float(np.diff(side.edges).min()) for side in sides)
    near = np.abs(np.subtract.outer(sides[0].edges, sides[1].edges)) <= slack
    rows, columns = np.nonzero(near)
    if len(rows) < 2:
        raise ValueError(
            f"the sides must share at least 2 bin edges; {sides[0]!r} and {sides[1]!r} do not: "
            "align the recording anew, with bins of whole model steps"
        )
    return _joined(sides[0], rows), replace(_joined(sides[1], columns), edges=sides[0].edges[rows])


def match_rates(first: Responses, second: Responses, *, seed: Seed) -> Sides:
    """The same mean count a unit, trial and second on both sides, by leaving spikes out at random.

    Each spike of the side with the higher rate is kept with the same probability, rate over rate,
    so that Poisson counts stay Poisson counts. Regular ones become more variable: a deterministic
    model does not stay deterministic.

    Args:
        first: counts.
        second: counts, in the same unit of time.
        seed: of the draw.

    Returns:
        Both sides; the one with the lower rate as it was.

    Raises:
        ValueError: if a side is not counts, units of time differ, or a side is silent.

    Source: thinning of a point process, Cox and Isham 1980, Point Processes, section 4.3.

    >>> often = Responses.from_counts(np.full((1000, 1), 8), stimuli=["a"] * 1000)
    >>> seldom = Responses.from_counts(np.full((10, 1), 2), stimuli=["a"] * 10)
    >>> round(float(match_rates(often, seldom, seed=0)[0].values.mean()))
    2
    """
    check_responses(first, "first")
    check_responses(second, "second")
    rates = [_rate(side) for side in (first, second)]
    if first.time_unit != second.time_unit:
        raise ValueError("the sides must be in the same unit of time; match bins before rates")
    rng = np.random.default_rng(seed)
    shares = [min(rates) / rate for rate in rates]
    return _thinned(first, shares[0], rng), _thinned(second, shares[1], rng)


def _drawn(side: Responses, kept: dict[str, int], rng: np.random.Generator) -> Responses:
    labels = side.trials["stimulus"].to_numpy()
    rows = np.sort(
        np.concatenate(
            [rng.permutation(np.flatnonzero(labels == label))[:n] for label, n in kept.items()]
        )
    )
    if len(rows) == side.n_trials:
        return side
    return _noted(side.where(trials=rows), f"matched trials: {len(rows)} of {side.n_trials} drawn")


def _some_units(side: Responses, n: int, rng: np.random.Generator) -> Responses:
    if side.n_units == n:
        return side
    rows = np.sort(rng.permutation(side.n_units)[:n])
    return _noted(side.where(units=rows), f"matched units: {n} of {side.n_units} drawn")


def _thinned(side: Responses, share: float, rng: np.random.Generator) -> Responses:
    if share == 1:
        return side
    values = rng.binomial(side.values, share).astype(side.values.dtype)
    note = f"matched rates: each spike kept with probability {share:.4g}"
    return _noted(replace(side, values=values), note)


def _in_seconds(side: Responses, step: float | None) -> Responses:
    if step is None or side.time_unit == "s":
        return side
    if not step > 0:
        raise ValueError(f"`step` must be above 0 seconds; got {step}")
    note = f"matched bins: a model step is {step:g} s"
    return _noted(replace(side, edges=side.edges * step, time_unit="s"), note)


def _joined(side: Responses, kept: np.ndarray) -> Responses:
    if len(kept) == len(side.edges):
        return side
    inside = side.values[:, :, kept[0] : kept[-1]]
    starts = kept[:-1] - kept[0]
    if side.measure in ("count", "spike", "other") or len(starts) == inside.shape[2]:
        values = np.add.reduceat(inside, starts, axis=2, dtype=_wide(inside))
    elif side.measure == "rate":
        widths = np.diff(side.edges)[kept[0] : kept[-1]]
        sums = np.add.reduceat(inside * widths, starts, axis=2)
        values = sums / np.add.reduceat(widths, starts)
    else:
        raise ValueError("bins of latencies cannot be joined; join counts, or align anew")
    note = f"matched bins: {side.n_times} joined to {len(starts)}"
    measure = "count" if side.measure == "spike" else side.measure
    return _noted(replace(side, values=values, edges=side.edges[kept], measure=measure), note)


def _wide(values: np.ndarray) -> np.dtype | None:
    """Sums of small integers need room."""
    wide = {"b": np.uint32, "u": np.uint32, "i": np.int64}.get(values.dtype.kind)
    return None if wide is None else np.dtype(wide)


def _rate(side: Responses) -> float:
    if side.measure not in ("count", "spike") or side.values.dtype.kind not in "bui":
        raise ValueError(
            f"rates are matched by leaving spikes out: counts are needed; got {side!r}"
        )
    rate = float(side.values.sum(dtype=np.float64))
    rate /= side.n_trials * side.n_units * float(side.edges[-1] - side.edges[0])
    if rate == 0:
        raise ValueError(f"a silent side has no rate to match; got {side!r}")
    return rate


def _noted(side: Responses, note: str) -> Responses:
    return replace(side, notes=(*side.notes, note))
