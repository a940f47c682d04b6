"""The whole path on data the package brings itself: learn, record, compare, report.

The recording is virtual: two simulated areas of known code see patches of two photographs. An
analysis that works finds the early area in the early layers of a network, the last layer far nearer
to the later area than to the early one, and nothing where the labels are shuffled.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.compare import (
    Comparison,
    Inference,
    comparison_table,
    correlation_rdm,
    rsa,
    shuffle_labels,
    unit_reliability,
)
from neurospyke.datasets import read_natural_patches
from neurospyke.recording import Recording, read_recording, write_nwb
from neurospyke.report import write_report
from neurospyke.responses import Responses
from neurospyke.sim import Network, kheradpisheh2018, learn_by_stdp, pixel_responses
from neurospyke.storage import whole_file
from neurospyke.virtual import virtual_recording

Track = Callable[[Iterable[Any], str], Iterable[Any]]

N_STIMULI = 100
N_TRAINING = 300
PATCH_SIZE = 40
N_UNITS = 96
# The published rate of 0.004 needs thousands of images; this many are seen 600 times in all.
RATE = 0.06
AREAS = ("early", "later")
WINDOW = (0.0, 0.24)
BIN_WIDTH = 0.04
TITLE = "Demonstration: a network that learned by STDP and a virtual recording"
SUMMARY = """\
This recording is simulated; no animal was recorded. Two virtual areas see {n} patches of two \
photographs. Units of the early area compute Gabor energy at one place; units of the later area \
multiply such energies and pool the product over a quarter of the image; all fire Poisson spikes. \
What the analysis should find is therefore known.

A network (kheradpisheh2018) learned from other patches by STDP, without labels. Each of its \
layers is compared with each area: the correlation distances of spike latencies are \
rank-correlated with those of spike counts.

Expected: the early area scores highest with a layer before the last; the last layer, pool2, \
scores far higher with the later area than with the early one; and nothing is left when the \
stimulus labels are shuffled. Found: {found}. Intervals of neighbouring layers overlap: one such \
recording tells areas apart, it does not rank layers one by one."""

CONTROL = "the stimulus labels of the area's best model were permuted before comparing"
LEARNING = """\
The network is that of [@kheradpisheh2018], its weights drawn from the seed {seed}. Its \
convolutions learned one after the other by STDP, at a rate of {rate:g}, in two passes over {n} \
other patches; no labels were used. A layer's pattern is the latency of every unit's first spike, \
silence counting as the end of the last bin."""


def run_demo(
    folder: str | Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    command: str | None = None,
    track: Track | None = None,
) -> Path:
    """Run everything once and write the recording, the scores and the report.

    Args:
        folder: where `virtual.nwb`, `scores.csv` and `report.html` go; made if absent.
        seed: seed of images, recording, network and statistics.
        device: where the network learns and responds, as torch calls it.
        command: how this was called, for the report.
        track: called with (items, label) around long loops, to show progress.

    Returns:
        Path of the report.

    Raises:
        ValueError: if `seed` is not a whole number of 0 or more.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    track = track or (lambda items, _label: items)
    patches, table = read_natural_patches(N_STIMULI + N_TRAINING, size=PATCH_SIZE, seed=seed)
    images, stimuli = patches[:N_STIMULI], table[:N_STIMULI]
    recording = _record(images.squeeze(1).numpy(), stimuli, folder / "virtual.nwb", seed)
    network = learn_by_stdp(
        _eager_network(seed).to(device), track(patches[N_STIMULI:].split(10), "learning"), epochs=2
    )
    layers = {
        name: network.responses(images, stimuli, name, measure="latency")
        for name in network.layer_names
    }
    found, shuffled, courses = compare_areas(
        {"pixels": pixel_responses(images, stimuli), **layers}, recording, seed, track
    )
    scores = [*(each for area in found for each in area.comparisons), *shuffled]
    brain = recording.align("presentations", WINDOW)
    with whole_file(folder / "scores.csv") as temporary:
        comparison_table([*scores, *courses]).to_csv(temporary, index=False)
    shown = [layers["pool1"], layers["pool2"], *(_area(brain, area) for area in AREAS)]
    return write_report(
        folder / "report.html",
        [*found, *shuffled, *courses],
        title=TITLE,
        summary=SUMMARY.format(n=N_STIMULI, found=describe_best(scores)),
        data={"The recording": recording, "The recording, aligned to trials": brain},
        networks=[network],
        controls={"shuffled": CONTROL},
        methods=[LEARNING.format(rate=RATE, n=N_TRAINING, seed=seed)],
        rdms=[correlation_rdm(responses) for responses in shown],
        tables={"Reliability of the units": _reliability(brain, seed)},
        inputs={"virtual.nwb": folder / "virtual.nwb"},
        seed=seed,
        command=command,
    )


def _eager_network(seed: int) -> Network:
    network = kheradpisheh2018(seed=seed)
    for layer in (network.layers["conv1"], network.layers["conv2"]):
        rates = {"rate_positive": RATE, "rate_negative": -0.75 * RATE}
        layer.rule = replace(layer.rule, schedule=None, **rates)  # pyright: ignore
    return network


def _record(images: np.ndarray, stimuli: pd.DataFrame, path: Path, seed: int) -> Recording:
    """The recording after a journey through a file, as any recording arrives."""
    recording = virtual_recording(images, list(stimuli["stimulus"]), n_units=N_UNITS, seed=seed)
    write_nwb(path, recording)
    return read_recording(path)


def compare_areas(
    models: dict[str, Responses], recording: Recording, seed: int, track: Track
) -> tuple[list[Inference], list[Comparison], list[Comparison]]:
    """Every model layer against every area: over the whole window, and in each time bin.

    Args:
        models: responses by name, layers of a network and baselines.
        recording: with the areas "early" and "later" and the trials "presentations".
        seed: seed of the statistics.
        track: called with (items, label) around the long loop.

    Returns:
        An inference an area over the whole window; the scores of shuffled labels; and scores in
        time bins.
    """
    whole = recording.align("presentations", WINDOW)
    binned = recording.align("presentations", WINDOW, BIN_WIDTH)
    bins = list(pairwise(binned.edges))
    followed = {name: models[name] for name in ("pixels", "pool1", "pool2")}
    found, shuffled, courses = [], [], []
    for area in AREAS:
        brain, parts = _area(whole, area), _area(binned, area)
        inference = rsa(models, brain, seed=seed)
        best = max(inference.comparisons, key=lambda each: each.score).model
        control = shuffle_labels(models[best], seed)
        found.append(inference)
        shuffled.append(rsa(control, brain, model_name="shuffled", seed=seed))
        for start, stop in track(bins, f"comparing with {area}"):
            part = parts.where(time=(start, stop))
            bin_scores = rsa(followed, part, n_bootstrap=200, n_permutations=200, seed=seed)
            courses += bin_scores.comparisons
    return found, shuffled, courses


def _area(responses: Responses, area: str) -> Responses:
    return responses.where(units=f"area == '{area}'")


def describe_best(scores: list[Comparison]) -> str:
    """Which layer each area scores highest with, in words.

    Args:
        scores: comparisons over the whole window.

    Returns:
        One clause an area, and the scores of shuffled labels.
    """
    clauses = []
    for area in AREAS:
        own = [score for score in scores if score.brain == area and score.model != "shuffled"]
        best = max(own, key=lambda score: score.score)
        last = next(score for score in own if score.model == "pool2")
        control = next(s for s in scores if s.brain == area and s.model == "shuffled")
        clauses.append(
            f"the {area} area scores highest with {best.model} ({best.score:.2f} "
            f"[{best.interval[0]:.2f}, {best.interval[1]:.2f}]; with pool2 {last.score:.2f}, with "
            f"shuffled labels {control.score:z.2f}, p {control.p:.2f})"
        )
    return "; ".join(clauses)


def _reliability(brain: Responses, seed: int) -> pd.DataFrame:
    areas = unit_reliability(brain, seed=seed).groupby("area")["reliability"]
    quantiles = {
        "5 %": areas.quantile(0.05),
        "median": areas.median(),
        "95 %": areas.quantile(0.95),
    }
    return pd.DataFrame(quantiles).reset_index()
