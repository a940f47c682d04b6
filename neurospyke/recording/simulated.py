"""A recording of simulated spikes, which then go through the same files as recorded ones."""

import math

import numpy as np

from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport
from neurospyke.responses import Responses


def simulated_recording(
    responses: Responses, *, step: float = 0.001, gap: float = 0.05
) -> Recording:
    """Recording of a network's spikes, as though the stimuli had been shown one after another.

        trial k starts at      k (n_bins step + gap)
        a spike in bin t is at that + (t + 1/2) step

    Aligned to its trials with bins of a step it gives the spikes back.

    Args:
        responses: (trial, unit, time) of the measure "spike", one bin a model step; 0 or 1, or
            several spikes in a bin, which fall on one time.
        step: duration of a model step, seconds, above 0.
        gap: silence after each trial, seconds, at least 0.

    Returns:
        The recording: the units' table; the table "trials" with `start_time`, `stop_time` and the
        columns of the responses' trials; observed throughout. Its report says that times are
        simulated.

    Raises:
        ValueError: another measure or time unit, values that are no counts, or a duration out of
            range.

    >>> import pandas as pd
    >>> model = Responses(
    ...     np.array([[[0, 1], [1, 0]]]),
    ...     pd.DataFrame({"stimulus": ["bar"]}),
    ...     pd.DataFrame({"unit": [0, 1]}),
    ...     np.arange(3.0),
    ...     measure="spike",
    ...     time_unit="step",
    ... )
    >>> simulated_recording(model, step=0.5).spike_times
    array([0.75, 0.25])
    """
    _check(responses, step, gap)
    n_trials, n_units, n_bins = responses.shape
    starts = np.arange(n_trials) * (n_bins * step + gap)
    units, trials, bins = np.nonzero(responses.values.transpose(1, 0, 2))
    times = starts[trials] + (bins + 0.5) * step
    counts = responses.values[trials, units, bins].astype(np.int64)
    table = responses.trials.assign(start_time=starts, stop_time=starts + n_bins * step)
    report = ImportReport().with_finding(
        "inferred", f"times of simulated spikes: steps of {step:g} s, {gap:g} s between trials"
    )
    return Recording(
        np.repeat(times, counts),
        np.searchsorted(np.repeat(units, counts), np.arange(n_units + 1)),
        responses.units,
        {"trials": table},
        np.array([[0.0, n_trials * (n_bins * step + gap)]]),
        source=responses.source,
        notes=responses.notes,
        report=report,
    )


def _check(responses: Responses, step: float, gap: float) -> None:
    if responses.measure != "spike" or responses.time_unit != "step":
        raise ValueError(
            '`responses` must be spikes in model steps, measure="spike"; got '
            f"{responses.measure!r} in {responses.time_unit!r}; ask the network for them"
        )
    whole = np.issubdtype(responses.values.dtype, np.integer)
    if not whole or responses.values.size == 0 or responses.values.min() < 0:
        raise ValueError(
            "`responses` must hold whole numbers from 0 up; got "
            f"{responses.values.dtype} of shape {responses.shape}"
        )
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"`step` must be above 0 seconds; got {step}")
    if not (math.isfinite(gap) and gap >= 0):
        raise ValueError(f"`gap` must be at least 0 seconds; got {gap}")
