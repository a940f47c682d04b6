"""The analyses run as notebooks, by public names, and give the known numbers."""

import ast
from pathlib import Path
from typing import Any

import jupytext
import pandas as pd
import pytest
from nbformat import NotebookNode

from tests.notebooks import Run, run_analysis

ANALYSES = Path(__file__).parent.parent / "analyses"
SCRIPTS = sorted(ANALYSES.glob("*.py"))
# From best to worst by Spearman's coefficient with the mean human RDM, with rounded values.
MODELS = {
    "animacy": 0.588,
    "monkeyIT": 0.439,
    "FaceBodyManmadeNatobj": 0.405,
    "EVA": 0.354,
    "HMAX": 0.222,
    "Silhouette": 0.125,
    "RADON": 0.061,
    "V1": 0.039,
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    return run_analysis("it_92_images", tmp_path_factory.mktemp("it"), shared_data)


@pytest.fixture(scope="module")
def retina(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    return run_analysis("retina_latency", tmp_path_factory.mktemp("retina"), shared_data)


@pytest.fixture(scope="module")
def ecg(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    """After two epochs of learning."""
    return run_analysis("srnn_ecg", tmp_path_factory.mktemp("ecg"), shared_data)


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    """Of every fourth image: all objects, and quick."""
    return run_analysis("v4_objects", tmp_path_factory.mktemp("v4"), shared_data)


def as_notebook(script: Path) -> NotebookNode:
    return jupytext.reads(script.read_text(), fmt="py:percent")


def read_table(path: Path, index: str | list[str]) -> Any:
    """Loosely typed, for what `loc` gives cannot be told from its argument."""
    return pd.read_csv(path).set_index(index)


def test_there_are_analyses() -> None:
    assert {"it_92_images", "retina_latency", "srnn_ecg"} <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_a_notebook(script: Path) -> None:
    text = script.read_text()
    kinds = [cell["cell_type"] for cell in as_notebook(script)["cells"]]
    # Markers are counted in the text, because anything parses as one cell of code.
    assert kinds.count("markdown") == text.count("\n# %% [markdown]\n") >= 1
    assert kinds.count("code") == text.count("\n# %%\n") >= 1
    assert kinds[0] == "markdown"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_keeps_to_public_names(script: Path) -> None:
    names = used_names(ast.parse(script.read_text()))
    assert any(name.startswith("neurospyke") for name in names)
    private = {
        name
        for name in names
        for part in name.split(".")
        if part.startswith("_") and not part.endswith("__")
    }
    assert private == set()


def used_names(tree: ast.Module) -> set[str]:
    """Modules and names imported, and attributes read."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names


def test_monkey_and_human_it_agree_as_published(it: Run) -> None:
    monkey = read_table(it.folder / "ranking.csv", "model").loc["monkeyIT"]
    assert monkey["pearson"] == pytest.approx(0.4912, abs=5e-5)
    assert monkey["spearman"] == pytest.approx(0.4389, abs=5e-5)


def test_the_models_rank_as_published(it: Run) -> None:
    found = read_table(it.folder / "ranking.csv", "model")
    assert list(found.index) == list(MODELS)
    assert found["spearman"].to_dict() == pytest.approx(MODELS, abs=5e-4)
    # Without credit for ties the coarse model falls behind one that ranks all pairs.
    assert found["rho_a"]["FaceBodyManmadeNatobj"] < found["rho_a"]["EVA"]


def test_every_side_is_held_against_the_sessions(it: Run) -> None:
    scores = read_table(it.folder / "scores.csv", "model")
    layers = ["encoder", "conv1", "pool1", "conv2", "pool2"]
    assert list(scores.index[:-2]) == [*MODELS, "pixels", *layers]
    assert (scores["n_subjects"] == 8).all()
    assert scores["score"].drop(["pixels", *layers])[: len(MODELS)].idxmax() == "animacy"
    # The lower bound is below the upper, and no layer of this network comes near it.
    low, high = (scores[bound].round(12).unique() for bound in ("ceiling_low", "ceiling_high"))
    assert len(low) == len(high) == 1
    assert scores.loc[layers, "interval_high"].max() < low[0] < high[0] < 1
    # What contrasts say of IT holds up to the last layer; one global maximum a map loses it.
    assert scores["p"]["encoder"] < 0.01
    assert (scores.loc[["conv1", "pool1", "conv2"], "p"] < 0.05).all()


def test_shuffled_labels_find_nothing_in_it(it: Run) -> None:
    scores = read_table(it.folder / "scores.csv", "model")
    controls = scores[scores.index.str.endswith(", shuffled")]
    assert len(controls) == 2
    assert (controls["interval_low"] < 0).all()
    assert (controls["interval_high"] > 0).all()
    assert (controls["p"] > 0.05).all()


def test_counts_and_latencies_tell_the_image(retina: Run) -> None:
    found = read_table(retina.folder / "decoding.csv", ["population", "code"])
    assert list(found.loc["retina", "trials"]) == [1800, 1800]
    assert (found.loc["retina", "accuracy"] > 0.99).all()
    # One spike a unit: when it comes says more than whether it comes.
    network = found.loc["network, pool2", "accuracy"]
    assert network["first-spike latency"] > network["counts"] + 0.05 > 0.2


def test_shuffled_labels_decode_at_chance(retina: Run) -> None:
    found = read_table(retina.folder / "decoding.csv", "population")
    # Four standard deviations of a binomial over the trials decoded, three shuffles each.
    chance = 1 / 60
    deviation = (chance * (1 - chance) / (3 * found["trials"])) ** 0.5
    assert ((found["labels shuffled"] - chance).abs() < 4 * deviation).all()


def test_the_two_codes_share_most_of_their_geometry(retina: Run) -> None:
    scores = read_table(retina.folder / "scores.csv", ["brain", "model"])
    score = scores.loc["retina counts", "latency"]
    assert 0.8 < score["interval_low"] < score["interval_high"] < score["ceiling_low"] < 1
    controls = scores.xs("latency, shuffled", level="model")
    assert (controls["p"] > 0.05).all()
    assert ((controls["interval_low"] < 0) & (controls["interval_high"] > 0)).all()


def test_spike_trains_come_to_tell_what_counts_tell(retina: Run) -> None:
    found = read_table(retina.folder / "van_rossum.csv", "time constant (s)")
    # Half of the trials hold the same geometry as the other half, at every precision of timing.
    assert (found["reliability"] > 0.98).all()
    with_counts = found["with the counts"]
    assert with_counts.is_monotonic_increasing
    assert with_counts[0.001] < 0.91
    assert with_counts[0.3] == pytest.approx(0.991, abs=5e-4)
    assert found["corrected"][0.3] == pytest.approx(1, abs=1e-3)


def test_the_nix_file_and_the_full_set_agree(retina: Run) -> None:
    assert "agrees, in every count and latency: 17933 spikes" in retina.printed


def test_layers_tell_waves_of_the_heart_beat_and_shuffled_labels_do_not(ecg: Run) -> None:
    scores = read_table(ecg.folder / "scores.csv", ["brain", "model"])["score"]
    waves = scores.xs("same wave", level="model")
    # Learning of two epochs has begun to set waves apart, which the input alone does not.
    assert waves["hidden"] > waves["input"] + 0.1
    assert waves["hidden"] > waves["hidden, untrained"] + 0.1
    control = read_table(ecg.folder / "scores.csv", "model").loc["same wave, shuffled"]
    assert len(control) == 4
    assert (control["p"] > 0.05).all()
    over_time = pd.read_csv(ecg.folder / "over_time.csv")
    assert len(over_time) == 3 * 4 * 12
    assert set(over_time.query("p_cluster < 0.05")["area"]) == set(over_time["area"])


def test_energy_of_the_ecg_network_can_be_computed_anew(ecg: Run) -> None:
    energy = read_table(ecg.folder / "energy.csv", ["arithmetic", "network"])
    lstm = energy.loc[("int32", "lstm")]
    # 4 (m n + n n) + 17 n of the hidden layer and a read-out, each of 1301 steps, by hand
    assert lstm["mac"] == 1301 * (4 * (4 * 36 + 36 * 36) + 17 * 36 + 36 * 6)
    own = energy.loc[("int32", "spiking")]
    assert lstm["ratio"] == pytest.approx(3.2 * lstm["mac"] / (0.1 * own["ac"] + 3.2 * own["mac"]))
    assert (ecg.folder / "rasters.png").stat().st_size > 10_000


def test_reports_say_what_they_rest_on(it: Run, retina: Run) -> None:
    for folder, inputs in (
        (it.folder, ["rsa92.npz"]),
        (retina.folder, ["NaturalImages2.npz", "retina_natimg2_3reps.nix"]),
    ):
        page = (folder / "report.html").read_text()
        assert all(name in page for name in inputs)
        assert "not recorded" not in page
    assert f"The report is in {retina.folder / 'report.html'}" in retina.printed


def test_layers_match_v4_beyond_chance_and_stay_below_its_ceiling(v4: Run) -> None:
    scores = pd.read_csv(v4.folder / "scores.csv")
    whole = scores[scores["step"].isna()].set_index("model")
    layers = whole.loc[["encoder", "conv1", "pool1"]]
    assert (layers["interval_low"] > 0).all()
    assert (layers["p"] < 0.05).all()
    # All share one ceiling, which is that of the data.
    low, high = (whole[bound].round(12).unique() for bound in ("ceiling_low", "ceiling_high"))
    assert len(low) == len(high) == 1
    assert scores["score"].max() < low[0] < high[0] < 1
    steps = scores[scores["step"].notna()].groupby("model")["step"].nunique()
    assert steps.to_dict() == {"pool1": 5, "pool2": 5}


def test_shuffled_labels_find_nothing_in_v4(v4: Run) -> None:
    scores = read_table(v4.folder / "scores.csv", "model")
    control = scores[scores.index.str.endswith(", shuffled")].iloc[0]
    assert control["interval_low"] < 0 < control["interval_high"]
    assert control["p"] > 0.05


def test_notebooks_show_what_they_draw(it: Run, retina: Run, ecg: Run, v4: Run) -> None:
    assert [each.n_figures for each in (it, retina, ecg, v4)] == [1, 1, 3, 2]
