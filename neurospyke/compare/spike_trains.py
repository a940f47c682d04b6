"""Distances between spike trains, so that the timing of spikes can shape geometry.

Trains come from `Responses`, from models and recordings alike: a spike stands in the middle of its
time bin, so bins as fine as the timing that matters lose nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neurospyke.compare.distances import make_rdm
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses

Metric = Callable[[Sequence[np.ndarray]], np.ndarray]


def van_rossum(trains: Sequence[np.ndarray], tau: float) -> np.ndarray:
    """Van Rossum distance between all spike trains: D² = k(u, u) + k(v, v) - 2 k(u, v).

    k(u, v) = Σ_a Σ_b exp(-|u_a - v_b| / τ) is the overlap of the trains, each spike with a decaying
    exponential; one spike more costs 1. Small τ compares times, large τ numbers of spikes. One pass
    over all spikes in order of time carries along what is left of the earlier spikes of each train.

    Args:
        trains: ascending spike times, any unit; Neo's and others with a unit count in seconds.
        tau: τ, in that unit, above 0.

    Returns:
        (train, train) distances.

    Raises:
        ValueError: if τ is not above 0 or a train is not ascending.

    Source: van Rossum 2001, Neural Computation 13:751; Houghton and Kreuz 2012, Network 23:48.

    >>> (van_rossum([np.array([0.0]), np.array([0.0, np.log(2)])], tau=1.0) ** 2).round(12)
    array([[0., 1.],
           [1., 0.]])
    """
    from neurospyke.compare.spike_kernels import exponential_overlaps

    tau = float(plain_times(tau))
    _check_positive("tau", tau)
    trains = _check_trains(trains)
    if not trains:
        return np.zeros((0, 0))
    counts = np.array([len(train) for train in trains])
    times = np.concatenate(trains)
    order = np.argsort(times, kind="stable")
    owners = np.repeat(np.arange(len(trains)), counts)[order]
    overlaps = exponential_overlaps(times[order], owners, len(trains), tau)
    overlaps += overlaps.T + np.diag(counts)
    own = np.diagonal(overlaps)
    return np.sqrt(np.maximum(own[:, None] + own - 2 * overlaps, 0.0))


def victor_purpura(trains: Sequence[np.ndarray], q: float) -> np.ndarray:
    """Victor-Purpura distance between all spike trains: the least cost of turning one into another.

    Inserting or deleting a spike costs 1, moving it by Δt costs q |Δt|. q = 0 compares numbers of
    spikes; spikes more than 2 / q apart are never moved onto each other.

    Args:
        trains: ascending spike times, any unit; Neo's and others with a unit count in seconds.
        q: cost of a shift by that unit, 0 or more.

    Returns:
        (train, train) distances.

    Raises:
        ValueError: if q is negative or a train is not ascending.

    Source: Victor and Purpura 1996, Journal of Neurophysiology 76:1310.

    >>> victor_purpura([np.array([0.0]), np.array([0.5]), np.array([9.0])], q=1.0)
    array([[0. , 0.5, 2. ],
           [0.5, 0. , 2. ],
           [2. , 2. , 0. ]])
    """
    from neurospyke.compare.spike_kernels import edit_costs

    q = float(plain_times(q, "1/s"))
    if not q >= 0:
        raise ValueError(f"`q` must be 0 or more; got {q}")
    trains = _check_trains(trains)
    if not trains:
        return np.zeros((0, 0))
    offsets = np.cumsum([0, *(len(train) for train in trains)])
    return edit_costs(np.concatenate(trains), offsets, q)


def van_rossum_rdm(responses: Responses, tau: float, *, single_trials: str = "refuse") -> RDM:
    """Dissimilarity of conditions by the squared van Rossum distance of their trials, a unit.

    D_ij is the mean of D² between the trials of i and those of j, less half the mean of D² between
    different trials of i and half that of j; D² is summed over units and divided by their number.
    It is the squared distance of the mean filtered responses without the bias of noise, and may be
    negative.

    Args:
        responses: (trial, unit, time) counts, spikes or first-spike latencies; bins much shorter
            than τ.
        tau: τ, in the time unit of the responses (seconds, or steps).
        single_trials: "refuse" them, since their noise is unknown, or take them as "noiseless",
            as the responses of a model without noise are.

    Returns:
        RDM in squared spikes a unit.

    Raises:
        ValueError: if the responses hold rates, or a condition has a single trial.

    Source: van Rossum 2001, Neural Computation 13:751; Székely and Rizzo 2013, Journal of
    Statistical Planning and Inference 143:1249, for the form without bias.

    One spike against none costs 1:

    >>> responses = Responses.from_counts(np.array([[1], [0]]), stimuli=["a", "b"])
    >>> van_rossum_rdm(responses, tau=0.02, single_trials="noiseless").values
    array([1.])
    """
    _check_positive("tau", tau)
    return spike_train_rdm(
        responses,
        lambda trains: van_rossum(trains, tau) ** 2,
        f"van Rossum (tau = {tau:g})",
        single_trials=single_trials,
    )


def victor_purpura_rdm(responses: Responses, q: float, *, single_trials: str = "refuse") -> RDM:
    """Dissimilarity of conditions by the Victor-Purpura distance of their trials, a unit.

    Means over trials as in `van_rossum_rdm`, of D instead of D².

    Args:
        responses: (trial, unit, time) counts, spikes or first-spike latencies; bins much shorter
            than 1 / q.
        q: cost of a shift, by the time unit of the responses (seconds, or steps).
        single_trials: as for `van_rossum_rdm`.

    Returns:
        RDM in spikes a unit.

    Raises:
        ValueError: if the responses hold rates, or a condition has a single trial.

    Source: Victor and Purpura 1996, Journal of Neurophysiology 76:1310.

    >>> responses = Responses.from_counts(np.array([[2], [0]]), stimuli=["a", "b"])
    >>> victor_purpura_rdm(responses, q=10.0, single_trials="noiseless").values
    array([2.])
    """
    return spike_train_rdm(
        responses,
        lambda trains: victor_purpura(trains, q),
        f"Victor-Purpura (q = {q:g})",
        single_trials=single_trials,
    )


def spike_train_rdm(
    responses: Responses, metric: Metric, name: str, *, single_trials: str = "refuse"
) -> RDM:
    """Dissimilarity of conditions by any distance between spike trains, as in `van_rossum_rdm`.

    Args:
        responses: (trial, unit, time) counts, spikes or first-spike latencies.
        metric: from spike trains to their (train, train) distances.
        name: what the RDM is called.
        single_trials: "refuse" or "noiseless".

    Returns:
        RDM, a unit.

    Raises:
        ValueError: if the responses hold rates, or a condition has a single trial.

    Source: Székely and Rizzo 2013, Journal of Statistical Planning and Inference 143:1249.
    """
    check_responses(responses)
    if single_trials not in ("refuse", "noiseless"):
        raise ValueError(f"`single_trials` must be 'refuse' or 'noiseless'; got {single_trials!r}")
    codes, labels = pd.factorize(responses.trials["stimulus"])
    n_trials = np.bincount(codes).astype(np.float64)
    single = labels[n_trials == 1]
    if single_trials == "refuse" and len(single):
        raise ValueError(
            f"`responses` must have several trials of a condition; {len(single)} have one: "
            f"{list(single[:10])}; leave them out, or take them as single_trials='noiseless'"
        )
    total = np.zeros((responses.n_trials, responses.n_trials))
    for unit in range(responses.n_units):
        total += metric(spike_trains(responses, unit))
    membership = np.equal.outer(np.arange(len(labels)), codes).astype(np.float64)
    sums = membership @ total @ membership.T
    couples = np.maximum(n_trials * (n_trials - 1), 1)
    within = np.diagonal(sums) / couples
    between = sums / np.outer(n_trials, n_trials)
    distances = (between - (within[:, None] + within) / 2) / responses.n_units
    return make_rdm(responses, distances[np.triu_indices(len(labels), 1)], name)


def spike_trains(responses: Responses, unit: int) -> list[np.ndarray]:
    """Spike times of one unit on every trial.

    Args:
        responses: (trial, unit, time) counts, spikes or first-spike latencies.
        unit: position of the unit.

    Returns:
        (trial,) ascending times in the time unit of the responses: the middle of the bin, once for
        each spike in it; a latency itself, unless it is the end of the window, which is silence.

    Raises:
        ValueError: if the responses are neither, or counts are not whole.

    >>> responses = Responses.from_counts(np.array([[2], [0]]), stimuli=["a", "b"])
    >>> spike_trains(responses, 0)
    [array([0.5, 0.5]), array([], dtype=float64)]
    """
    values = responses.values[:, unit]
    if responses.measure == "latency":
        return [row[row < responses.edges[-1]] for row in values.astype(np.float64)]
    if responses.measure not in ("count", "spike"):
        raise ValueError(
            "`responses` must be counts, spikes or latencies to have spike times; these are "
            f"{responses.measure!r}"
        )
    if (values < 0).any() or (values != np.rint(values)).any():
        raise ValueError("`responses` must hold whole numbers of spikes, 0 or more")
    middles = (responses.edges[:-1] + responses.edges[1:]) / 2
    return [np.repeat(middles, row) for row in values.astype(np.int64)]


def _check_positive(name: str, number: float) -> None:
    if not (number > 0 and np.isfinite(number)):
        raise ValueError(f"`{name}` must be above 0; got {number}")


def plain_times(times: ArrayLike, unit: str = "s") -> np.ndarray:
    """Times as plain numbers; a unit of their own, as Neo's have, is not just dropped.

    Args:
        times: numbers, or a quantity.
        unit: what a quantity is taken in.

    Returns:
        Float64 numbers.

    >>> import quantities
    >>> plain_times([100, 200] * quantities.ms).tolist()
    [0.1, 0.2]
    """
    rescale: Any = getattr(times, "rescale", None)
    return np.asarray(times if rescale is None else rescale(unit).magnitude, dtype=np.float64)


def _check_trains(trains: Sequence[np.ndarray]) -> list[np.ndarray]:
    arrays = [plain_times(train) for train in trains]
    for position, train in enumerate(arrays):
        if train.ndim != 1 or not np.isfinite(train).all() or (np.diff(train) < 0).any():
            raise ValueError(f"`trains` must be finite ascending times; train {position} is not")
    return arrays
