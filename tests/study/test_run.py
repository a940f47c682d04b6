"""A study from its configuration to its report, done again, and interrupted."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from neurospyke.compare import Inference, alignment, rsa, shuffle_labels
from neurospyke.images import read_images
from neurospyke.recording import Recording, write_nwb
from neurospyke.report import read_provenance
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018
from neurospyke.study import (
    differences,
    parse_study,
    read_again,
    read_responses,
    read_study,
    run_study,
)
from neurospyke.study import run as run_module
from tests.report.parsed import Page

STIMULI = [f"image{number:02}" for number in range(20)]
STUDY = """
seed = 4
[report]
title = "A small study"
question = "Which layer?"
notes = ["made up"]
[stimuli]
images = "images"
[responses]
file = "counts.csv"
[brain]
name = "V9"
[network]
model = "kheradpisheh2018"
layers = ["encoder", "pool1"]
[network.training]
batch_size = 10
rates = 2.0
[models]
baselines = ["pixels"]
files = { other = "other.csv" }
[[comparison]]
method = "rsa"
dissimilarity = "euclidean"
n_bootstrap = 20
n_permutations = 19
n_splits = 3
[[comparison]]
method = "rsa"
dissimilarity = "euclidean"
models = ["pool1", "pixels"]
steps = [5, 15]
n_bootstrap = 20
n_permutations = 0
[[comparison]]
method = "alignment"
measure = "linear_cka"
n_splits = 2
control = false
[[comparison]]
method = "encoding"
models = ["other"]
folds = 5
n_bootstrap = 20
[[comparison]]
method = "decoding"
label = "kind"
models = ["other"]
n_permutations = 9
"""


LEAN = """
[responses]
file = "counts.csv"
[models]
files = { other = "other.csv" }
[[comparison]]
method = "rsa"
n_bootstrap = 10
n_permutations = 9
"""


def write_inputs(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    (folder / "images").mkdir()
    for name in STIMULI:
        values = generator.integers(0, 255, (5, 5), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
        Image.fromarray(values).save(folder / "images" / f"{name}.png")
    means = generator.gamma(2.0, 4.0, (len(STIMULI), 4))
    rows = {"stimulus": STIMULI * 3, "kind": (["a"] * 10 + ["b"] * 10) * 3}
    counts = generator.poisson(np.tile(means, (3, 1)))
    columns = {f"n{unit}": counts[:, unit] for unit in range(4)}
    pd.DataFrame(rows | columns).to_csv(folder / "counts.csv", index=False)
    other = means + generator.normal(size=means.shape)
    rows = {"stimulus": STIMULI, "kind": ["a"] * 10 + ["b"] * 10}
    columns = {f"unit{unit}": other[:, unit] for unit in range(4)}
    pd.DataFrame(rows | columns).to_csv(folder / "other.csv", index=False)
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_inputs(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_inputs(tmp_path_factory.mktemp("done"))
    return run_study(read_study(folder / "study.toml"), folder / "results", command="as a test")


@pytest.fixture
def lean(folder: Path) -> Path:
    return run_study(parse_study(LEAN, folder), folder / "results")


def scores(report: Path) -> pd.DataFrame:
    return pd.read_csv(report.parent / "scores.csv")


def test_every_model_is_held_against_the_brain(done):
    table = scores(done)
    assert set(table["brain"]) == {"V9"}
    whole = table.query("method == 'rsa' and step != step")
    models = ["pixels", "encoder", "pool1", "other"]
    assert list(whole["model"]) == [*models, "other, shuffled"]
    assert whole.set_index("model")["score"].idxmax() == "other"
    steps = table.query("step == step")
    assert list(zip(steps["model"], steps["step"], strict=True)) == [("pool1", 5), ("pool1", 15)]
    aligned = table.query("method == 'alignment (linear_cka)'")
    assert list(aligned["model"]) == models
    encoded = table.query("method == 'encoding'")
    assert list(encoded["model"]) == ["other", "other, shuffled"]


def test_scores_are_those_of_the_same_calls_by_hand(done):
    table, folder = scores(done).query("method == 'rsa'").set_index("model"), done.parent.parent
    inference = Inference.load(done.parent / "report.samples.npz")
    assert inference.models == ("pixels", "encoder", "pool1", "other")
    counts, other = (pd.read_csv(folder / name) for name in ("counts.csv", "other.csv"))
    brain = Responses.from_counts(
        counts[["n0", "n1", "n2", "n3"]].to_numpy(), stimuli=counts["stimulus"].tolist()
    )
    model = Responses.from_counts(
        other[[f"unit{unit}" for unit in range(4)]].to_numpy(), stimuli=other["stimulus"].tolist()
    )
    choices: Any = {"dissimilarity": "euclidean", "n_bootstrap": 20, "n_permutations": 19}
    result = rsa(model, brain, n_splits=3, seed=4, **choices)
    row: Any = table.loc["other"]
    assert row["score"] == pytest.approx(result.score, abs=1e-12)
    assert row["p"] == result.p
    assert result.ceiling is not None
    assert row["ceiling_low"] == pytest.approx(result.ceiling[0], abs=1e-12)


def test_the_report_says_what_was_done(done):
    page = Page(done)
    assert page.texts["h1"] == ["A small study"]
    assert page.texts["h2"][:3] == ["Summary", "Data", "Network"]
    methods = " ".join(page.texts["p"])
    for said in (
        "Stimuli are 20 images (luminance, 20 x 20 pixels)",
        "Its layers learned one after the other by STDP, without labels, in one pass over the 20 "
        "stimuli in random order, in batches of 10, at 2 times the published learning rates",
        "other was read from other.csv",
        "at 2 steps from 5 to 15",
        "The label “kind” was decoded from single trials of each side",
        "the stimulus labels of other were permuted, with the seed 4, before comparing",
        "from 20 bootstrap samples",
        "k of n = 19 permutations",
    ):
        assert said in methods
    layers = {row[0]: row[2] for row in page.rows("Layers of kheradpisheh2018")}
    assert "rate_positive=0.008, rate_negative=-0.006" in layers["conv1"]
    assert "RateSchedule" in layers["conv1"]
    decoded = {row[0]: row[1:] for row in page.rows("Decoding of kind")}
    assert list(decoded) == ["V9", "other"]
    assert "Made up." in page.texts["li"]
    assert [row[0] for row in page.rows("Inputs")] == [
        *("counts.csv", "other.csv", "images (20 files)"),
    ]
    assert page.texts["pre"] == [STUDY]


def test_a_report_done_again_from_its_provenance_gives_the_same_numbers(tmp_path, done):
    # Both can move together.
    moved = shutil.copytree(done.parent.parent, tmp_path / "elsewhere")
    report = moved / "results" / "report.html"
    before = read_again(report)
    assert before.changed == []
    again = run_study(before.study, moved / "again")
    assert differences(before.scores, read_provenance(again)["scores"]) == []
    assert scores(again).equals(scores(report))


def test_another_seed_is_remembered(folder):
    report = run_study(parse_study(LEAN, folder), folder / "results", seed=9)
    assert read_provenance(report)["seed"] == 9
    assert read_again(report).study.seed == 9


def test_a_seed_of_zero_goes_before_that_of_the_study_as_well(folder):
    report = run_study(parse_study(f"seed = 4\n{LEAN}", folder), folder / "results", seed=0)
    assert read_provenance(report)["seed"] == 0
    facts = Page(report).texts
    assert dict(zip(facts["dt"], facts["dd"], strict=True))["Seed"] == "0"


def test_matrices_are_of_the_areas_of_the_best_and_of_the_best_that_is_no_baseline(folder):
    generator = np.random.default_rng(3)
    seen = np.stack(
        [np.asarray(Image.open(folder / "images" / f"{each}.png"))[::4, ::4] for each in STIMULI]
    ).reshape(len(STIMULI), -1)
    sides = {
        "counts": generator.poisson(np.tile(seen / 5, (3, 1))),
        "near": seen + 60 * generator.normal(size=seen.shape),
        "far": generator.normal(size=seen.shape),
    }
    for name, values in sides.items():
        columns = {f"unit{unit}": values[:, unit] for unit in range(values.shape[1])}
        rows = {"stimulus": STIMULI * (len(values) // len(STIMULI))}
        pd.DataFrame(rows | columns).to_csv(folder / f"{name}.csv", index=False)
    text = "[stimuli]\nimages = 'images'\n[brain]\nname = 'V9'\n" + LEAN.replace(
        'files = { other = "other.csv" }',
        'baselines = ["pixels"]\nfiles = { far = "far.csv", near = "near.csv" }',
    )
    text += "[[comparison]]\nmethod = 'rsa'\ndissimilarity = 'euclidean'\nn_bootstrap = 10\n"
    report = run_study(parse_study(text, folder), folder / "results")
    captions = [each for each in Page(report).texts["figcaption"] if "dissimilarity" in each]
    assert [each.partition(":")[0] for each in captions] == ["V9", "pixels", "near"]
    assert all("correlation dissimilarity" in each for each in captions)
    shuffled = [each for each in scores(report)["model"] if "shuffled" in each]
    assert set(shuffled) == {"near, shuffled"}


def test_a_step_counts_who_has_spiked_by_then_and_no_later(folder):
    text = STUDY.partition("[network.training]")[0] + STUDY.partition("rates = 2.0\n")[2]
    text = text.partition("[[comparison]]")[0] + (
        "[[comparison]]\nmethod = 'rsa'\ndissimilarity = 'euclidean'\nmodels = ['encoder']\n"
        "steps = [2, 6]\nn_bootstrap = 10\nn_permutations = 0\n"
    )
    table = scores(run_study(parse_study(text, folder), folder / "results")).set_index("step")
    images, stimuli = read_images(folder / "images")
    spikes = kheradpisheh2018(seed=4).responses(images, stimuli, "encoder", measure="spike")
    brain = read_responses(folder / "counts.csv")
    for step in (2, 6):
        fired = spikes.where(time=(0, step)).sum_over_time()
        by_hand = rsa(
            fired, brain, dissimilarity="euclidean", n_bootstrap=10, n_permutations=0, seed=4
        )
        assert table.loc[step, "score"] == pytest.approx(by_hand.score, abs=1e-12)
    assert table["score"].nunique() == 2


def test_the_control_of_an_alignment_has_its_labels_shuffled(folder):
    text = LEAN.partition("[[comparison]]")[0] + "[[comparison]]\nmethod = 'alignment'\n"
    table = scores(run_study(parse_study(text, folder), folder / "results")).set_index("model")
    model, brain = (read_responses(folder / f"{name}.csv") for name in ("other", "counts"))
    shuffled = alignment({"mixed": shuffle_labels(model, 0)}, brain, seed=0)["mixed"]
    control: Any = table.loc["other, shuffled", "score"]
    assert control == pytest.approx(shuffled.score, abs=1e-12)


def test_what_changed_since_is_named(folder, lean):
    counts = pd.read_csv(folder / "counts.csv")
    counts.assign(n0=counts["n0"] + counts.index % 20).to_csv(folder / "counts.csv", index=False)
    before = read_again(lean)
    assert before.changed == ["counts.csv has changed"]
    after = read_provenance(run_study(before.study, folder / "again"))["scores"]
    found = differences(before.scores, after)
    assert any(re.match(r"rsa of other with .*: score was .*, is ", each) for each in found)


def test_images_that_a_table_lists_are_part_of_the_provenance(folder):
    shown = folder / "shown.csv"
    rows = "".join(f"{name},images/{name}.png\n" for name in STIMULI)
    shown.write_text(f"stimulus,path\n{rows}")
    (folder / "below").mkdir()
    text = LEAN.replace('"counts.csv"', '"../counts.csv"').replace('"other.csv"', '"../other.csv"')
    text = f"[stimuli]\nimages = '../shown.csv'\n{text}"
    study = parse_study(text.replace("files", "baselines = ['pixels']\nfiles"), folder / "below")
    report = run_study(study, folder / "results")
    names = [row["input"] for row in read_provenance(report)["inputs"]]
    listed = "images of ../shown.csv (20 files)"
    assert names == ["../counts.csv", "../other.csv", "../shown.csv", listed]
    assert read_again(report).changed == []
    Image.new("L", (20, 20), 9).save(folder / "images" / f"{STIMULI[3]}.png")
    assert read_again(report).changed == [f"{listed} has changed"]


def test_what_has_no_configuration_cannot_be_done_again(folder, lean):
    from neurospyke.compare import Comparison
    from neurospyke.report import write_report

    one = Comparison("rsa", "a", "V4", 0.1, (0, 0.2), conditions=("a", "b", "c"))
    path = write_report(folder / "other.html", [one])
    with pytest.raises(ValueError, match="must have a configuration to be done again"):
        read_again(path)
    assert read_again(lean, folder).changed == []
    with pytest.raises(ValueError, match=r"`models.files.other` must be an existing"):
        read_again(lean, folder / "results")


def test_comparisons_that_come_and_go_are_named():
    one = {"method": "rsa", "model": "a", "brain": "V4", "score": 0.5, "p": None}
    assert differences([one, one], [one, one]) == []
    assert differences([one], [one, one | {"step": 3}]) == ["rsa of a with V4 at step 3 is new"]
    assert differences([one, one], [one]) == ["rsa of a with V4 #2 is gone"]
    assert differences([one], [one | {"p": 0.5}]) == ["rsa of a with V4: p was None, is 0.5"]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_or_what_was_there(folder, lean, monkeypatch, failure):
    before = {path.name: path.read_bytes() for path in lean.parent.iterdir()}
    study = parse_study(LEAN, folder)

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(run_module, "comparison_table", fail)
    for name in ("results", "new"):
        with pytest.raises(type(failure)):
            run_study(study, folder / name)
    assert {path.name: path.read_bytes() for path in lean.parent.iterdir()} == before
    assert not (folder / "new").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_report_comes_after_what_it_names(folder, monkeypatch):
    came = []
    replace = Path.replace

    def noted(self, target):
        if Path(target).parent == folder / "results":
            came.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    run_study(parse_study(LEAN, folder), folder / "results")
    assert sorted(came) == ["report.html", "report.samples.npz", "scores.csv"]
    assert came[-1] == "report.html"


def test_a_recording_is_aligned_and_compared_in_every_bin(tmp_path):
    generator = np.random.default_rng(0)
    starts = np.arange(24) * 1.0 + 0.5
    trials = pd.DataFrame(
        {"start_time": starts, "stimulus": [f"s{number}" for number in range(8)] * 3}
    )
    trains = [np.sort(generator.uniform(0, 25, 900)) for _ in range(6)]
    units = pd.DataFrame({"unit": range(6), "area": ["V4"] * 3 + ["IT"] * 3})
    recording = Recording.from_trains(
        trains, units=units, trials={"shown": trials}, observed=(0.0, 25.0)
    )
    write_nwb(tmp_path / "session.nwb", recording)
    columns = {f"unit{unit}": generator.normal(size=8) for unit in range(5)}
    table = pd.DataFrame({"stimulus": [f"s{number}" for number in range(8)]} | columns)
    table.to_csv(tmp_path / "model.csv", index=False)
    text = """
    [recording]
    file = "session.nwb"
    [align]
    trials = "shown"
    window = [0.0, 0.4]
    bin_width = 0.2
    [brain]
    areas = ["IT"]
    [models]
    files = { model = "model.csv" }
    [[comparison]]
    method = "rsa"
    control = false
    n_bootstrap = 10
    n_permutations = 0
    [[comparison]]
    method = "rsa"
    time_bins = true
    n_bootstrap = 10
    n_permutations = 0
    """
    report = run_study(parse_study(text, tmp_path), tmp_path / "out")
    table = scores(report)
    times = list(zip(table["time_start"], table["time_stop"].round(9), strict=True))
    assert times == [(0.0, 0.4), (0.0, 0.2), (0.2, 0.4)]
    assert set(table["brain"]) == {"IT"}
    assert (table["n_brain_units"] == 3).all()
    page = Page(report)
    assert any("What the import of Recording read" in text for text in page.texts["caption"])
    with pytest.raises(ValueError, match=r"`brain.areas` must be among \['V4', 'IT'\]; got"):
        run_study(parse_study(text.replace('"IT"', '"MT"'), tmp_path), tmp_path / "out")
    flat = parse_study(text.replace("bin_width = 0.2", ""), tmp_path)
    with pytest.raises(ValueError, match=r"`comparison 2.time_bins` needs bins"):
        run_study(flat, tmp_path / "out")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('layers = ["encoder", "pool1"]', 'layers = ["poll1"]', "`network.layers` must be among"),
        ('models = ["pool1", "pixels"]', "models = ['p']", "`comparison 2.models` must be among"),
        ("other = ", "pool1 = ", r"`models.files` must have names of their own; \['pool1'\]"),
        ('name = "V9"', 'areas = ["V9"]', "`brain.areas` needs areas in the column 'area'"),
        ("[stimuli]", "[stimuli]\npool = 99", "`stimuli.pool` must be at most the side"),
    ],
)
def test_what_only_data_can_tell_is_refused_by_name(folder, old, new, message):
    assert old in STUDY
    with pytest.raises(ValueError, match=message):
        run_study(parse_study(STUDY.replace(old, new), folder), folder / "results")
    assert not (folder / "results").exists()


def test_the_example_is_a_study_once_its_files_are_there(folder):
    text = (Path(run_module.__file__).parent / "example.toml").read_text()
    (folder / "stimuli").mkdir()
    (folder / "session.nwb").touch()
    assert parse_study(text, folder).title.startswith("Objects in V4")
    # Every line that is commented out is a key that is known.
    switched = re.sub(r"(?m)^# (\[\[comparison\]\]|[a-z_]+ = )", r"\1", text)
    switched = re.sub(r"(?m)^(dataset|checkpoint|fields|files|images = \"others).*", "", switched)
    (folder / "shown.csv").write_text("start_time,stimulus\n0,a\n")
    switched = switched.replace('file = "counts.csv"', "").replace("# [responses]", "")
    switched = re.sub(r"(?m)^units = \[.*|^window = .*in which counts.*", "", switched)
    switched = switched.replace("# [brain]", "[brain]").replace("\nsteps", "\n# steps")
    assert len(parse_study(switched, folder).comparisons) == 6


def test_part_of_the_stimuli_takes_the_same_part_of_the_brain(folder):
    text = STUDY.partition("[[comparison]]")[0]
    text = text.replace("[stimuli]", "[stimuli]\nevery = 2\nfirst = 6")
    text = text.replace('files = { other = "other.csv" }', "")
    text += "[[comparison]]\nmethod = 'rsa'\ndissimilarity = 'euclidean'\nn_bootstrap = 10\n"
    report = run_study(parse_study(text, folder), folder / "results")
    assert (scores(report)["n_conditions"] == 6).all()
    said = "Of all images, one in 2 was taken. Only the first 6 were used."
    assert any(said in each for each in Page(report).texts["p"])
