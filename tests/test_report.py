import base64
import hashlib
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from neurospyke import report as report_module
from neurospyke.compare.comparison import Comparison
from neurospyke.compare.inference import Inference
from neurospyke.compare.rdm import RDM
from neurospyke.compare.similarity import rsa
from neurospyke.report import write_report

CONDITIONS = ("face", "car", "chair")
HOSTILE = "<script>alert(1)</script>\"' onload=x $\\frac{$"
ABSENT = "\N{EN DASH}"
VOID = {"meta", "img", "br", "hr"}


def result(model="conv1", score=0.312, brain="V4", **kwargs):
    interval = (score - 0.05, score + 0.04)
    return Comparison("rsa", model, brain, score, interval, conditions=CONDITIONS, **kwargs)


class Page(HTMLParser):
    """Tags, headings, table cells and images of a page; a tag left open is an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data

    @property
    def images(self) -> list[bytes]:
        sources = [value for name, value in self.attributes if name == "src"]
        assert all(re.match(r"data:image/(svg\+xml|png);base64,", each) for each in sources)
        return [base64.b64decode(each.split(",", 1)[1]) for each in sources]


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
    assert page.texts["h2"] == [
        "Scores",
        "Layer by time",
        "Dissimilarities",
        "Raster",
        "All comparisons",
        "Reliability",
        "Notes",
        "Provenance",
    ]
    assert page.texts["p"][1:3] == ["First.", "Second."]
    assert "Highest of 2 scores: rsa of conv1 with V4: 0.30" in page.texts["p"][3]
    assert len(page.images) == 4
    assert "One unit left out." in page.texts["li"]
    assert page.texts["td"][-4:] == ["0", "0.500", "1", ABSENT]


def test_nothing_is_fetched_from_elsewhere(tmp_path):
    rdm = RDM(np.arange(3.0), CONDITIONS, dissimilarity="euclidean")
    path = write_report(tmp_path / "report.html", [result()], rdms=[rdm])
    page = Page(path)
    assert {"script", "link", "iframe", "object", "embed"}.isdisjoint(page.tags)
    links = [name for name, _ in page.attributes if name in {"href", "action", "srcset"}]
    assert links == []
    style = "".join(page.texts["style"])
    assert "url(" not in style
    assert "@import" not in style
    for image in page.images:
        references = re.findall(rb"(?:href|src)=\"([^\"]{1,20})", image)
        assert references
        assert all(each.startswith((b"#", b"data:image/png")) for each in references)


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
    assert "<script" not in path.read_text(encoding="utf-8")
    page = Page(path)
    assert page.texts["h1"] == [HOSTILE]
    assert HOSTILE in page.texts["td"]
    assert {name for name, _ in page.attributes if name.startswith("on")} == set()
    assert all(b"<script" not in image for image in page.images)


def test_scores_are_rounded_and_what_all_share_is_said_once(tmp_path):
    settings = {"comparator": "spearman"}
    comparisons = [
        result(settings=settings | {"alpha": 0.5}, ceiling=(0.5, 0.61), p=0.000999, seed=3),
        result("conv2", -0.02, settings=settings | {"alpha": 1.0}, seed=3),
    ]
    page = Page(write_report(tmp_path / "report.html", comparisons))
    assert page.texts["th"] == ["model", "score", "interval", "ceiling", "p", "alpha"]
    assert page.texts["td"] == [
        *("conv1", "0.312", "0.262 to 0.352", "0.500 to 0.610", "0.001", "0.50"),
        *("conv2", "-0.020", "-0.070 to 0.020", ABSENT, ABSENT, "1.00"),
    ]
    shared = next(text for text in page.texts["p"] if text.startswith("The same for all"))
    assert shared.endswith("method rsa, brain V4, conditions 3, seed 3, comparator spearman.")
    assert "No noise ceiling is known for conv2." in page.texts["li"]


def test_a_setting_does_not_hide_a_column_of_its_name(tmp_path):
    ceilings = [result(settings={"ceiling": how}, ceiling=(0.5, 0.6)) for how in ("one", "two")]
    page = Page(write_report(tmp_path / "report.html", ceilings))
    assert page.texts["th"][3:] == ["ceiling", "ceiling (setting)"]
    assert page.texts["td"][3:5] == ["0.500 to 0.600", "one"]


def test_the_same_conditions_in_another_order_are_the_same(tmp_path):
    def notes(conditions):
        other = Comparison("rsa", "conv2", "V4", 0.1, (0, 0.2), conditions=conditions)
        page = Page(write_report(tmp_path / "report.html", [result(), other], notes=["a note"]))
        assert page.texts["li"][-1] == "A note."
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
    assert page.texts["td"][-3:] == [str(content), "6", digest]


def test_a_folder_of_inputs_has_one_digest_that_follows_its_files(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"a")
    (folder / "b.png").write_bytes(b"bb")

    def row():
        page = Page(write_report(tmp_path / "report.html", [result()], inputs=[folder]))
        return page.texts["td"][-3:]

    first = row()
    assert first[:2] == [f"{folder} (2 files)", "3"]
    assert row() == first
    (folder / "b.png").write_bytes(b"bc")
    assert row()[2] != first[2]


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
    monkeypatch.setattr(report_module, "_MAX_SVG_BYTES", 10)
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
            report_module, plot, lambda chosen, ax, name=name: drawn[name].extend(chosen)
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
    assert page.texts["h2"][1:4] == [
        "All comparisons",
        f"V4: {tests}, over stimuli",
        f"V4: {pairs}, over stimuli",
    ]
    row = inference.pair_frame().iloc[0]
    assert page.texts["td"][-6:-3] == ["conv1", "conv2", f"{row['difference']:.3f}"]
    assert page.texts["td"][-2] == f"{row['p']:.3f}"
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
