import hashlib
import io
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from neurospyke.compare.comparison import Comparison
from neurospyke.compare.inference import Inference
from neurospyke.compare.rdm import RDM
from neurospyke.compare.similarity import rsa
from neurospyke.recording import Recording
from neurospyke.recording.report import Finding, ImportReport
from neurospyke.report import page as page_module
from neurospyke.report import pictures, read_provenance, write_report
from neurospyke.report.provenance import digests
from neurospyke.report.tables import ABSENT
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018
from tests.report.parsed import Page

CONDITIONS = ("face", "car", "chair")
HOSTILE = "<script>alert(1)</script>\"' onload=x $\\frac{$"


def result(model="conv1", score=0.312, brain="V4", **kwargs):
    interval = (score - 0.05, score + 0.04)
    return Comparison("rsa", model, brain, score, interval, conditions=CONDITIONS, **kwargs)


def test_one_file_with_every_section(tmp_path):
    table = pd.DataFrame({"unit": [0, 1], "reliability": [0.5, np.nan]})
    ax = Figure().subplots()
    courses = [result(score=0.1 * step, step=step) for step in (1, 2, 3)]
    path = write_report(
        tmp_path / "report.html",
        [*courses, result("pixels", 0.05, ceiling=(0.5, 0.6), p=0.01)],
        title="Which layer?",
        summary="First.\n\nSecond.",
        rdms=[RDM(np.arange(3.0), CONDITIONS, dissimilarity="euclidean", source="V4")],
        tables={"Reliability": table},
        figures={"Raster": ax},
        notes=["One unit left out."],
    )
    page = Page(path)
    assert page.texts["h1"] == ["Which layer?"]
    sections = [
        *("Summary", "Scores", "Layer by time", "Dissimilarities", "Further figures"),
        *("Further tables", "Methods", "Notes", "Provenance"),
    ]
    assert page.texts["h2"] == sections
    assert page.links("nav") == sections
    assert page.texts["p"][1:3] == ["First.", "Second."]
    assert "Highest of 2 scores: rsa of conv1 with V4: 0.30" in page.texts["p"][3]
    assert len(page.images) == 4
    assert page.texts["caption"] == ["Every comparison", "Reliability"]
    assert "Raster" in page.texts["figcaption"]
    assert "One unit left out." in page.texts["li"]
    assert page.rows("Reliability") == [["0", "0.500"], ["1", ABSENT]]


def test_nothing_is_fetched_from_elsewhere(tmp_path):
    rdm = RDM(np.arange(3.0), CONDITIONS, dissimilarity="euclidean")
    path = write_report(tmp_path / "report.html", [result()], rdms=[rdm])
    page = Page(path)
    assert {"link", "iframe", "object", "embed"}.isdisjoint(page.tags)
    references = [value for name, value in page.attributes if name in {"href", "src", "action"}]
    assert references
    assert all(each.startswith(("#", "data:")) for each in references)
    style = "".join(page.texts["style"])
    assert "url(" not in style
    assert "@import" not in style
    for image in page.images:
        references = re.findall(rb"(?:href|src)=\"([^\"]{1,20})", image)
        assert references
        assert all(each.startswith((b"#", b"data:image/png")) for each in references)


def test_only_the_own_script_may_run(tmp_path):
    page = Page(write_report(tmp_path / "report.html", [result()]))
    _, script = page.texts["script"]
    policy = next(value for _, value in page.attributes if value.startswith("default-src 'none'"))
    digest = hashlib.sha256(script.encode()).digest()
    assert f"script-src 'sha256-{b64encode(digest).decode()}';" in policy


def test_hostile_labels_come_out_inert(tmp_path):
    hostile = result(HOSTILE, brain=HOSTILE, settings={HOSTILE: HOSTILE})
    path = write_report(
        tmp_path / "report.html",
        [hostile, result(HOSTILE, 0.2, brain=HOSTILE)],
        title=HOSTILE,
        summary=HOSTILE,
        rdms=[RDM(np.arange(3.0), (HOSTILE, "a", "b"), dissimilarity=HOSTILE, source=HOSTILE)],
        tables={HOSTILE: pd.DataFrame({HOSTILE: [HOSTILE]})},
        figures={HOSTILE: Figure().subplots()},
        notes=[HOSTILE],
        command=HOSTILE,
    )
    assert "<script>alert" not in path.read_text(encoding="utf-8")
    page = Page(path)
    assert page.texts["h1"] == [HOSTILE]
    assert page.rows(HOSTILE) == [[HOSTILE]]
    assert read_provenance(path)["scores"][0]["model"] == HOSTILE
    assert {name for name, _ in page.attributes if name.startswith("on")} == set()
    assert all(b"<script" not in image for image in page.images)


def test_labels_from_right_to_left_turn_no_number(tmp_path):
    hebrew = "\u05e7\u05d5\u05e3"
    turned = result("\u202eevil", 0.2)
    path = write_report(tmp_path / "report.html", [result(brain=hebrew), turned])
    text = path.read_text(encoding="utf-8")
    assert "\u202e" not in text
    page = Page(path)
    assert f"rsa of conv1 with \u2068{hebrew}\u2069: 0.31" in page.texts["p"][1]
    assert "\\u202eevil" in page.texts["p"][1]
    cells = [row[:2] for row in page.rows("Every comparison")]
    assert cells == [["conv1", hebrew], ["\\u202eevil", "V4"]]
    assert read_provenance(path)["scores"][1]["model"] == "\u202eevil"


def test_scores_are_rounded_and_what_all_share_is_said_once(tmp_path):
    settings = {"comparator": "spearman"}
    comparisons = [
        result(settings=settings | {"alpha": 0.5}, ceiling=(0.5, 0.61), p=0.000999, seed=3),
        result("conv2", -0.02, settings=settings | {"alpha": 1.0}, seed=3),
    ]
    page = Page(write_report(tmp_path / "report.html", comparisons))
    header = ["model", "score", "interval", "ceiling", "p", "alpha"]
    assert page.headings("Every comparison") == header
    assert page.rows("Every comparison") == [
        ["conv1", "0.312", "0.262 to 0.352", "0.500 to 0.610", "0.001", "0.50"],
        ["conv2", "-0.020", "-0.070 to 0.020", ABSENT, ABSENT, "1.00"],
    ]
    shared = next(text for text in page.texts["p"] if text.startswith("The same for all"))
    assert shared.endswith("method rsa, brain V4, conditions 3, seed 3, comparator spearman.")
    assert "No noise ceiling is known for conv2." in page.texts["li"]


def test_a_setting_does_not_hide_a_column_of_its_name(tmp_path):
    ceilings = [result(settings={"ceiling": how}, ceiling=(0.5, 0.6)) for how in ("one", "two")]
    page = Page(write_report(tmp_path / "report.html", ceilings))
    assert page.headings("Every comparison")[3:] == ["ceiling", "ceiling (setting)"]
    assert page.rows("Every comparison")[0][3:5] == ["0.500 to 0.600", "one"]


def test_the_same_conditions_in_another_order_are_the_same(tmp_path):
    def notes(conditions):
        other = Comparison("rsa", "conv2", "V4", 0.1, (0, 0.2), conditions=conditions)
        page = Page(write_report(tmp_path / "report.html", [result(), other], notes=["a note"]))
        assert "A note." in page.texts["li"]
        return " ".join(page.texts["li"])

    assert "same conditions" not in notes(CONDITIONS[::-1])
    assert "same conditions" in notes((*CONDITIONS, "tree"))


def test_provenance_names_versions_inputs_seed_and_command(tmp_path):
    content = tmp_path / "v4.npz"
    content.write_bytes(b"counts")
    page = Page(
        write_report(
            tmp_path / "report.html",
            [result(seed=7)],
            inputs=[content],
            command="neurospyke compare v4.npz",
        )
    )
    facts = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert facts["Command"] == "neurospyke compare v4.npz"
    assert facts["Seed"] == "7"
    assert f"numpy {np.__version__}" in facts["Packages"]
    assert f"torch {version('torch')}" in facts["Packages"]
    age = datetime.now(UTC) - datetime.fromisoformat(facts["Date"])
    assert 0 <= age.total_seconds() < 60
    digest = hashlib.sha256(b"counts").hexdigest()
    assert page.rows("Inputs") == [[str(content), "6", digest]]
    assert facts["Hardware"].endswith("CPUs")


def test_the_seed_of_the_analysis_stands_for_those_of_its_comparisons(tmp_path):
    def seed(**given):
        page = Page(write_report(tmp_path / "report.html", [result(seed=7), result()], **given))
        return dict(zip(page.texts["dt"], page.texts["dd"], strict=True))["Seed"]

    assert (seed(), seed(seed=3)) == ("7", "3")


def test_a_folder_of_inputs_has_one_digest_that_follows_its_files(tmp_path):
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a")
    (folder / "below" / "b.png").write_bytes(b"bb")

    def row():
        page = Page(write_report(tmp_path / "report.html", [result()], inputs=[folder]))
        return page.rows("Inputs")[0]

    first = row()
    assert first[:2] == [f"{folder} (2 files)", "3"]
    assert row() == first
    (folder / "below" / "b.png").write_bytes(b"bc")
    assert row()[2] != first[2]


def test_several_files_are_one_input_in_any_order_and_place(tmp_path):
    def of(folder, names):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in ("a.png", "b.png"):
            (tmp_path / folder / name).write_text(name)
        return digests({"images": [tmp_path / folder / name for name in names]})

    (row,) = of("here", ["a.png", "b.png"])
    assert (row["input"], row["bytes"]) == ("images (2 files)", 10)
    assert of("here", ["b.png", "a.png", "b.png"]) == [row]
    assert of("there", ["a.png", "b.png"]) == [row]
    assert of("here", ["a.png"])[0]["SHA-256"] != row["SHA-256"]
    with pytest.raises(ValueError, match=r"`inputs` must be existing.*c.png"):
        of("here", ["a.png", "c.png"])


def test_a_failure_leaves_the_old_report(tmp_path, monkeypatch):
    path = write_report(tmp_path / "report.html", [result()])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="at least one"):
        write_report(path, [])
    with pytest.raises(ValueError, match=r"`inputs` must be existing.*absent"):
        write_report(path, [result()], inputs=[tmp_path / "absent"])
    with pytest.raises(UnicodeEncodeError):
        write_report(path, [result()], title="half a character \ud800")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_what_is_no_comparison_is_refused(tmp_path):
    one: Any = result()
    for given, found in (([one, "V4"], "Comparison or Inference; got str"), (one, "list")):
        with pytest.raises(TypeError, match=rf"`comparisons` must .*{found}"):
            write_report(tmp_path / "report.html", given)
    assert list(tmp_path.iterdir()) == []


def test_the_same_comparisons_draw_the_same_pictures(tmp_path):
    pages = [Page(write_report(tmp_path / f"{name}.html", [result()])) for name in "ab"]
    assert pages[0].images == pages[1].images
    assert pages[0].images[0].startswith(b"<?xml")
    assert plt.get_fignums() == []


def test_a_heavy_picture_becomes_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_MAX_SVG_BYTES", 10)
    page = Page(write_report(tmp_path / "report.html", [result()]))
    assert page.images[0].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("places", "bars", "courses"),
    [
        ([{"step": 1}, {"step": 3}, {"step": 2}], [{"step": 3}], 3),
        ([{"step": None}, {"step": 1}, {"step": 2}], [{"step": None}], 2),
        ([{"time": (0, 1)}, {"time": (1, 2)}], [], 2),
        ([{"time": (0, 1)}, {"time": (1, 2)}, {"time": (0, 2)}], [{"time": (0, 2)}], 2),
        ([{"time": (0, 1)}, {"time": (0, 2)}], [{"time": (0, 1)}, {"time": (0, 2)}], 0),
        ([{}], [{}], 0),
        ([{}, {"step": 1}], [{}, {"step": 1}], 0),
        (
            [{"settings": {"code": "time"}}, {"step": 1}, {"step": 2}],
            [{"settings": {"code": "time"}}],
            2,
        ),
    ],
)
def test_courses_are_told_from_what_stands_alone(tmp_path, monkeypatch, places, bars, courses):
    drawn = {"bars": [], "course": []}
    for name, plot in (("bars", "plot_scores"), ("course", "plot_time_course")):
        monkeypatch.setattr(
            pictures, plot, lambda chosen, ax, name=name: drawn[name].extend(chosen)
        )
    comparisons = [
        result(**(place | {"settings": {"n_bootstrap_used": n} | place.get("settings", {})}))
        for n, place in enumerate(places)
    ]
    write_report(tmp_path / "report.html", comparisons)
    wanted = [(place.get("step"), place.get("time")) for place in bars]
    assert [(each.step, each.time) for each in drawn["bars"]] == wanted
    assert len(drawn["course"]) == courses


def inferred(brain="V4"):
    names = tuple("abcdefgh")
    generator = np.random.default_rng(0)
    first, second, third = (
        RDM(generator.gamma(2.0, size=28), names, dissimilarity="any") for _ in range(3)
    )
    return rsa(
        {"conv1": first, "conv2": second},
        third,
        n_bootstrap=20,
        n_permutations=10,
        brain_name=brain,
        seed=5,
    )


def test_an_inference_comes_with_its_tests_and_with_all_that_was_drawn(tmp_path):
    inference = inferred()
    page = Page(write_report(tmp_path / "report.html", inference))
    tests, pairs = "against 0 and the ceiling", "model against model"
    tests, pairs = f"V4: {tests}, over stimuli", f"V4: {pairs}, over stimuli"
    assert page.texts["caption"] == ["Every comparison", tests, pairs]
    row = inference.pair_frame().iloc[0]
    (shown,) = page.rows(pairs)
    assert shown[:3] == ["conv1", "conv2", f"{row['difference']:.3f}"]
    assert shown[4] == f"{row['p']:.3f}"
    facts = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert facts["Samples and draws"] == "report.samples.npz"
    again = Inference.load(tmp_path / "report.samples.npz")
    np.testing.assert_array_equal(again.stimulus_counts, inference.stimulus_counts)
    np.testing.assert_array_equal(again.samples, inference.samples)


def test_inferences_stand_among_comparisons_each_with_its_own_file(tmp_path):
    path = write_report(tmp_path / "r.html", [inferred(), result("pixels"), inferred("IT")])
    assert "Highest of 5 scores" in Page(path).texts["p"][1]
    assert Inference.load(tmp_path / "r.samples.npz").comparisons[0].brain == "V4"
    assert Inference.load(tmp_path / "r.samples-2.npz").comparisons[0].brain == "IT"
    assert len(list(tmp_path.iterdir())) == 3


def test_the_same_inputs_give_the_same_bytes_but_for_the_date(tmp_path, monkeypatch):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2031, 5, 6, 7, 8, 9, tzinfo=tz)

    rdm = RDM(np.arange(3.0), CONDITIONS, dissimilarity="euclidean", source="V4")
    content: Any = {
        "rdms": [rdm],
        "inputs": {"here": __file__},
        "configuration": ("a = 1", tmp_path),
    }
    pages = []
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        path = write_report(folder / "report.html", [inferred(), result()], **content)
        pages.append(path.read_text(encoding="utf-8"))
        monkeypatch.setattr(page_module, "datetime", Later)
    assert pages[0] != pages[1]
    dated = r'<time datetime="[^"]*">[^<]*</time>|20\d\d-\d\d-\d\dT[\d:]+\+00:00'
    assert re.sub(dated, "", pages[0]) == re.sub(dated, "", pages[1])
    assert len(re.findall(dated, pages[1])) == 2


def test_data_come_with_their_import_report_and_networks_with_their_parameters(tmp_path):
    report = ImportReport((Finding("dropped", "2 spikes at NaN of unit 7", 2),))
    recording = Recording.from_trains(
        [np.array([0.1, 0.2]), np.array([0.5])], observed=(0.0, 2.0), source="session.nwb"
    )
    recording = replace(recording, report=report, notes=("left eye",))
    responses = Responses.from_counts(np.array([[1], [2], [4]]), stimuli=["a", "b", "b"])
    page = Page(
        write_report(
            tmp_path / "report.html",
            [result()],
            data={"session": recording, "V4": responses},
            networks=[kheradpisheh2018(seed=0)],
        )
    )
    assert page.texts["h2"][1:3] == ["Data", "Network"]
    caption = "What the import of session read, left out, inferred or found suspicious"
    assert page.rows(caption) == [["dropped", "2 spikes at NaN of unit 7", "2"]]
    assert "Left eye." in page.texts["p"]
    facts = list(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert ("Spikes", "3; median rate 0.75 spikes/s") in facts
    assert ("Trials", "3, of 2 stimuli, each 1 to 2 times") in facts
    layers = {row[0]: row[1:] for row in page.rows("Layers of kheradpisheh2018")}
    assert list(layers) == ["encoder", "conv1", "pool1", "conv2", "pool2"]
    assert "rate_positive=0.004" in layers["conv1"][1]


def test_what_is_neither_recording_nor_responses_is_no_data(tmp_path):
    data: Any = {"V4": np.zeros(3)}
    with pytest.raises(TypeError, match=r"`data` must hold .*'V4' is ndarray"):
        write_report(tmp_path / "report.html", [result()], data=data)


def test_ceilings_and_controls_are_told_and_controls_are_no_finding(tmp_path):
    shuffled = result("shuffled", 0.5, p=0.5)
    page = Page(
        write_report(
            tmp_path / "report.html",
            [result(ceiling=(0.5, 0.61)), shuffled],
            controls={"shuffled": "the labels of conv1 were permuted"},
        )
    )
    assert page.texts["li"][-1:]
    assert "Noise ceiling of V4 (rsa): 0.500 to 0.610." in page.texts["li"]
    assert "Control shuffled with V4 (rsa): 0.50 [0.45, 0.54], p 0.5." in page.texts["li"]
    assert any("rsa of conv1 with V4: 0.31" in text for text in page.texts["p"])
    assert not any("rsa of shuffled" in text for text in page.texts["p"])
    said = "“shuffled” is a control: the labels of conv1 were permuted."
    assert any(said in text for text in page.texts["p"])


def test_tables_can_be_taken_away_with_all_digits(tmp_path):
    page = Page(
        write_report(
            tmp_path / "report.html",
            [result(score=1 / 3)],
            tables={"More": pd.DataFrame({"x": [1]})},
        )
    )
    saved = page.downloads
    assert list(saved) == ["comparisons.csv", "table-1.csv"]
    scores = pd.read_csv(io.BytesIO(saved["comparisons.csv"]))
    assert scores["score"].item() == 1 / 3
    assert saved["table-1.csv"] == b"x\n1\n"


def test_pictures_say_what_they_show(tmp_path):
    courses = [result(score=0.1 * step, step=step) for step in (1, 3, 2)]
    page = Page(
        write_report(
            tmp_path / "report.html",
            [*courses, result("pixels", 0.05, ceiling=(0.5, 0.6))],
            rdms=[RDM(np.arange(3.0), CONDITIONS, dissimilarity="euclidean", source="V4")],
        )
    )
    bars, course, rdm = page.alternatives
    assert bars.startswith("From highest to lowest: conv1 · step 3 0.30 (0.25 to 0.34); pixels")
    assert bars.endswith("Noise ceiling: V4 0.50 to 0.60.")
    assert course == "Courses with V4: conv1 is highest with 3 steps, at 0.30."
    assert "most alike are face and car (0), least alike car and chair (2)" in rdm


def test_provenance_can_be_read_back(tmp_path):
    study = tmp_path / "studies"
    study.mkdir()
    text = 'title = "<b>"\n'
    path = write_report(
        tmp_path / "report.html",
        [result(), result("conv2", p=0.5)],
        seed=3,
        command="neurospyke report",
        inputs={"this": __file__},
        configuration=(text, study),
    )
    found = read_provenance(path)
    assert found["configuration"] == text
    assert (found["folder"], found["seed"], found["command"]) == ("studies", 3, "neurospyke report")
    assert [row["score"] for row in found["scores"]] == [0.312, 0.312]
    assert [row["p"] for row in found["scores"]] == [None, 0.5]
    assert found["inputs"][0]["input"] == "this"
    assert Page(path).texts["pre"] == [text]


@pytest.mark.parametrize("content", ["", "<p>", '<script id="provenance">{}</script>', "\x00"])
def test_what_is_no_report_has_no_provenance(tmp_path, content):
    path = tmp_path / "page.html"
    path.write_text(content)
    with pytest.raises(ValueError, match="provenance"):
        read_provenance(path)
    with pytest.raises(ValueError, match="`path` must be a report"):
        read_provenance(tmp_path / "absent.html")


@pytest.mark.parametrize("n_colours", [200, 300])
def test_images_inside_figures_keep_their_colours_in_fewer_bytes(n_colours):
    values = np.random.default_rng(0).integers(0, n_colours, (60, 60))
    levels = np.arange(n_colours)
    table = np.stack([levels % 256, levels // 2, 255 - levels // 2, 0 * levels + 255], axis=1)
    figure = Figure(figsize=(2, 2))
    ax = figure.subplots()
    ax.imshow(table[values].astype(np.uint8), interpolation="nearest")
    ax.set_axis_off()
    full = pictures._save(figure, "svg").decode()
    lean = pictures._lean(full)
    assert len(lean) < 0.7 * len(full)

    def pixels(svg):
        found = re.search("data:image/png;base64,([A-Za-z0-9+/=\\s]+)", svg)
        assert found
        image = Image.open(io.BytesIO(b64decode(found[1]))).convert("RGBA")
        return np.asarray(image).astype(int)

    apart = np.abs(pixels(lean) - pixels(full))
    assert apart.max() <= (0 if n_colours <= 256 else 2)
    photograph = np.random.default_rng(0).integers(0, 256, (60, 60, 4), dtype=np.uint8)
    assert pictures._palette(photograph) is None
