"""Simulated spikes as a recording: by hand, there and back through alignment and NWB, refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.recording import read_recording, simulated_recording, write_nwb
from neurospyke.responses import Responses
from neurospyke.sim import rezghi2022


def spiking(values: np.ndarray) -> Responses:
    n_trials, n_units, n_bins = values.shape
    trials = pd.DataFrame({"stimulus": [f"image {trial}" for trial in range(n_trials)]})
    units = pd.DataFrame({"unit": range(n_units)})
    edges = np.arange(n_bins + 1.0)
    return Responses(values, trials, units, edges, measure="spike", time_unit="step")


def test_times_by_hand() -> None:
    values = np.zeros((2, 2, 3), dtype=np.uint8)
    values[0, 0, 2] = values[1, 0, 0] = values[1, 1, 1] = 1
    found = simulated_recording(spiking(values), step=0.5, gap=0.25)
    # trials start at 0 and 1.75
    assert found.spike_times.tolist() == [1.25, 2.0, 2.5]
    assert found.offsets.tolist() == [0, 2, 3]
    assert found.trials["trials"]["stop_time"].tolist() == [1.5, 3.25]
    assert found.observed.tolist() == [[0.0, 3.5]]
    assert "simulated" in str(found.report)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    step=st.sampled_from([0.001, 0.01, 1 / 3]),
    gap=st.sampled_from([0.0, 0.05]),
)
def test_alignment_gives_the_spikes_back(seed: int, step: float, gap: float) -> None:
    values = np.random.default_rng(seed).poisson(0.3, (4, 3, 6)).astype(np.uint8)
    model = spiking(values)
    found = simulated_recording(model, step=step, gap=gap)
    back = found.align("trials", window=(0.0, 6 * step), bin_width=step)
    np.testing.assert_array_equal(back.values, values)
    assert back.stimuli == model.stimuli


def test_a_network_goes_through_nwb(tmp_path: Path) -> None:
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = rezghi2022(seed=0).responses(images, ["a", "b", "c"], "pool2")
    write_nwb(tmp_path / "model.nwb", simulated_recording(model))
    read = read_recording(tmp_path / "model.nwb")
    back = read.align("trials", window=(0.0, 0.015), bin_width=0.001)
    np.testing.assert_array_equal(back.values, model.values)
    assert back.units["layer"].tolist() == model.units["layer"].tolist()
    assert model.values.sum() > 100


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        ({"measure": "count"}, {}, '`responses` must be spikes in model steps, measure="spike"'),
        ({"time_unit": "s"}, {}, "`responses` must be spikes in model steps"),
        ({"values": np.full((1, 1, 1), 0.5)}, {}, "`responses` must hold whole numbers"),
        ({}, {"step": 0.0}, "`step` must be above 0 seconds; got 0.0"),
        ({}, {"step": float("nan")}, "`step` must be above 0"),
        ({}, {"gap": -1.0}, "`gap` must be at least 0 seconds"),
    ],
)
def test_what_does_not_fit_is_refused(
    change: dict[str, object], given: dict[str, float], message: str
) -> None:
    model = replace(spiking(np.ones((1, 1, 1), dtype=np.uint8)), **change)
    with pytest.raises(ValueError, match=message):
        simulated_recording(model, **given)
