"""The V4 study, on every 20th image: what it says, and the same numbers again."""

from pathlib import Path

import pandas as pd
import pytest

from neurospyke.report import read_provenance
from neurospyke.study import differences, parse_study, read_again, read_study, run_study
from tests.report.parsed import Page

STUDY = Path(__file__).parent.parent.parent / "analyses" / "v4_objects.toml"
SMALLER = {
    "pool = 3": "pool = 3\nevery = 20",
    "n_bootstrap = 500": "n_bootstrap = 50",
    "n_permutations = 500": "n_permutations = 49",
    "n_bootstrap = 100": "n_bootstrap = 10",
    "n_permutations = 100": "n_permutations = 0",
    "[3, 6, 9, 12, 15]": "[6, 15]",
    "n_permutations = 19": "n_permutations = 3\nfolds = 3",
}


@pytest.fixture(scope="module")
def report(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROSPYKE_DATA", str(shared_data))
        text = STUDY.read_text()
        for old, new in SMALLER.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        folder = tmp_path_factory.mktemp("v4")
        return run_study(parse_study(text, STUDY.parent), folder / "results")


def test_the_study_itself_is_understood(shared_data, monkeypatch):
    monkeypatch.setenv("NEUROSPYKE_DATA", str(shared_data))
    study = read_study(STUDY)
    assert len(study.comparisons) == 3
    assert list(study.inputs) == ["v4_cowley2023: session_210325.npz"]


def test_the_report_states_layers_ceiling_and_controls(report):
    page = Page(report)
    scores = pd.read_csv(report.parent / "scores.csv")
    whole = scores[scores["step"].isna()]
    layers = ["encoder", "conv1", "pool1", "conv2", "pool2"]
    assert list(whole["model"][:-1]) == ["pixels", *layers]
    assert whole["model"].iloc[-1].endswith(", shuffled")
    assert whole["ceiling_low"].notna().all()
    said = page.texts["li"]
    assert any(text.startswith("Noise ceiling of V4 (rsa, 0 to 0.1 s): ") for text in said)
    assert any(text.startswith("Control ") and ", shuffled with V4" in text for text in said)
    layers = {row[0]: row[2] for row in page.rows("Layers of kheradpisheh2018")}
    assert "rate_positive=0.064" in layers["conv1"]
    assert "schedule=None" in layers["conv1"]
    decoded = {row[0]: float(row[1]) for row in page.rows("Decoding of object")}
    assert list(decoded) == ["V4", "pixels", "pool1", "pool2"]
    assert report.stat().st_size < 3_000_000


def test_the_methods_are_what_ran(report):
    methods = " ".join(Page(report).texts["p"])
    for said in (
        "Stimuli are 32 images (luminance, 37 x 37 pixels, squares of 3 pixels averaged into one). "
        "Of all images, one in 20 was taken.",
        "The data set is v4_cowley2023",
        "in 2 passes over the 32 stimuli in random order, in batches of 16, at 16 times the "
        "published learning rates, which stay as they begin",
        "correlation distances, 1 - r of mean patterns",
        ", 1 where a pattern is constant or silent",
        "from 50 bootstrap samples of the stimuli",
        "k of n = 49 permutations",
        "over 20 random halves of the trials",
        "The model “pixels” is a baseline",
        "The label “object” was decoded from single trials of each side",
        "trials of one stimulus never on both sides",
        "All that is random was drawn from the seed 0.",
    ):
        assert said in methods
    rsa = next(each for each in Page(report).texts["p"] if each.startswith("Representational"))
    assert "subjects" not in rsa
    assert "encoding" not in methods


def test_its_own_provenance_gives_the_same_numbers(report, shared_data, monkeypatch):
    monkeypatch.setenv("NEUROSPYKE_DATA", str(shared_data))
    before = read_again(report)
    assert before.changed == []
    again = run_study(before.study, report.parent.parent / "again")
    assert differences(before.scores, read_provenance(again)["scores"]) == []
