"""The main job, end to end: what was planted is found, and nothing where labels are shuffled."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neurospyke.cli import main
from neurospyke.recording import read_recording

EARLY_LAYERS = ("encoder", "conv1", "pool1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    assert main(["demo", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def scores(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / "scores.csv")
    return table[(table["time_start"] == 0) & (table["time_stop"] == 0.24)]


def of(scores: pd.DataFrame, area: str) -> pd.DataFrame:
    return scores[scores["brain"] == area].set_index("model")


def row(scores: pd.DataFrame, area: str, model: str) -> dict[Any, Any]:
    return of(scores, area).select_dtypes("number").T[model].to_dict()


def scores_of(scores: pd.DataFrame, area: str) -> dict[str, float]:
    models = of(scores, area).index.drop("shuffled")
    return {str(name): row(scores, area, str(name))["score"] for name in models}


def test_the_last_layer_tells_the_areas_apart(scores: pd.DataFrame) -> None:
    early, later = (scores_of(scores, area) for area in ("early", "later"))
    assert max(early, key=early.__getitem__) in EARLY_LAYERS
    assert later["pool2"] > early["pool2"] + 0.1
    assert max(early.values()) > early["pool2"] + 0.1


@pytest.mark.parametrize(("area", "layer"), [("early", "pool1"), ("later", "pool2")])
def test_the_planted_match_is_beyond_chance_and_below_the_ceiling(
    scores: pd.DataFrame, area: str, layer: str
) -> None:
    found = row(scores, area, layer)
    assert found["p"] < 0.01
    assert found["interval_low"] > 0
    assert found["score"] < found["ceiling_low"] < found["ceiling_high"] < 1


@pytest.mark.parametrize("area", ["early", "later"])
def test_shuffled_labels_find_nothing(scores: pd.DataFrame, area: str) -> None:
    control = row(scores, area, "shuffled")
    assert control["interval_low"] < 0 < control["interval_high"]
    assert control["p"] > 0.05


def test_the_match_begins_when_the_area_answers(folder: Path) -> None:
    table = pd.read_csv(folder / "scores.csv")
    bins = table[table["time_stop"] - table["time_start"] < 0.05]
    for area, layer, onset in (("early", "pool1", 0.04), ("later", "pool2", 0.08)):
        own = bins[(bins["brain"] == area) & (bins["model"] == layer)].set_index("time_start")
        before = own.loc[[start for start in own.index if start < onset - 1e-6]]
        assert (before["interval_low"] < 0.02).all()
        assert own["score"].idxmax() == pytest.approx(onset)


def test_the_report_says_that_nothing_was_recorded(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert "This recording is simulated; no animal was recorded" in page
    assert "neurospyke demo --out" in page
    for outside in ("http://", "https://", "<link"):
        assert outside not in page.replace("http://www.w3.org", "")


def test_the_report_tells_how_the_network_learned_and_what_was_imported(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert "Kheradpisheh et al., 2018" in page
    assert "at a rate of 0.06, in two passes over 300 other patches" in page
    assert "What the import of The recording read" in page
    assert "“shuffled” is a control" in page
    assert (folder / "report.samples-2.npz").is_file()


def test_the_recording_went_through_a_file(folder: Path) -> None:
    recording = read_recording(folder / "virtual.nwb")
    assert recording.n_units == 192
    assert len(recording.trials["presentations"]) == 800
