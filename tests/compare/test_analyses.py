"""Decoding from IT and encoding of V4, on fewer draws and images than in full."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.notebooks import run_analysis


def test_objects_in_it_over_time(tmp_path: Path, shared_data: Path) -> None:
    out = run_analysis("it_decoding", tmp_path, shared_data).folder
    course = pd.read_csv(out / "course.csv").set_index("time_start")["accuracy"]
    start = course.index.to_numpy()
    before, at_100 = course[start < -0.16], course[np.abs(start - 0.1) < 1e-6].item()
    assert before.mean() == pytest.approx(1 / 7, abs=0.03)
    assert at_100 == pytest.approx(0.85, abs=0.03)  # published: 0.837 to 0.861
    assert course.max() == pytest.approx(0.86, abs=0.03)
    moved = pd.read_csv(out / "positions.csv")["accuracy"]
    assert moved.between(0.7, 0.95).all()
    units = pd.read_csv(out / "units.csv").set_index("n_units")["mean"]
    assert units.is_monotonic_increasing
    assert (out / "temporal_generalization.png").stat().st_size > 10_000


def test_v4_is_predicted_by_gradients_and_by_layers(tmp_path: Path, shared_data: Path) -> None:
    # Of every fourth image; of all 640 r of gradients is 0.46.
    out = run_analysis("v4_encoding", tmp_path, shared_data).folder
    units = pd.read_csv(out / "units.csv")
    r = units.groupby("model")["r"].median()
    layers = ["pixels", "encoder", "pool1", "pool2"]
    assert r["oriented gradients"] > 0.3
    assert abs(r["oriented gradients, shuffled"]) < 0.06
    assert (r[layers] > 0.08).all()
    joined = " + ".join(layers)
    assert r[layers].max() < r[joined] < r["oriented gradients"]
    shares = units.loc[units["model"] == joined].filter(like="share of ")
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-9)
    assert units["ceiling"].median() == pytest.approx(0.87, abs=0.02)
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["method"]) == {"encoding", "alignment (debiased_cka)"}
    assert (scores["score"] < scores["ceiling_high"]).all()
