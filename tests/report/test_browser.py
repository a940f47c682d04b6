"""The report in a browser: what it does, what it asks of the network, and who can use it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import Comparison, Inference, rsa
from neurospyke.compare.rdm import RDM
from neurospyke.report import write_report
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018
from tests.report.browser import Session, axe_source

HOSTILE = (
    "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>\"' onload=x ${a}"
    "\u202e left to right \u2066 javascript:window.harmed=1 " + "long" * 120
)
PHONE = {"width": 375, "height": 700}


def inference(brain: str = "V4", model: str = "conv1") -> Inference:
    names = tuple(f"object {number}" for number in range(8))
    generator = np.random.default_rng(0)
    sides = [RDM(generator.gamma(2.0, size=28), names, dissimilarity="any") for _ in range(4)]
    models = {model: sides[0], f"{model}, later": sides[1], "pixels": sides[2]}
    return rsa(models, sides[3], n_bootstrap=20, n_permutations=10, brain_name=brain, seed=5)


def result(model: str, score: float, **given: Any) -> Comparison:
    bounds = (score - 0.1, score + 0.1)
    return Comparison("rsa", model, "V4", score, bounds, conditions=("a", "b", "c"), **given)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usual")
    courses = [
        result("pool1", score, step=step) for step, score in ((2, 0.1), (10, 0.3), (4, -0.2))
    ]
    responses = Responses.from_counts(np.array([[1], [2], [4]]), stimuli=["a", "b", "b"])
    return write_report(
        folder / "report.html",
        [inference(), *courses],
        title="Which layer?",
        summary="A question.\n\nAn answer.",
        data={"V4": responses},
        networks=[kheradpisheh2018()],
        controls={"pixels": "nothing was learned"},
        rdms=[RDM(np.arange(3.0), ("a", "b", "c"), dissimilarity="euclidean", source="V4")],
        tables={"Sizes": pd.DataFrame({"name": ["b", "a", "c"], "size": [10.5, np.nan, 9.0]})},
        methods=["Learned as in [@kheradpisheh2018]."],
        inputs={"this test": __file__},
        configuration=("seed = 0\n", folder),
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    units = pd.DataFrame({"unit": [0], "area": [HOSTILE]})
    responses = Responses.from_counts(np.array([[1], [2]]), stimuli=[HOSTILE, "b"], units=units)
    return write_report(
        folder / "report.html",
        [inference(HOSTILE, HOSTILE), result(HOSTILE, 0.2, settings={HOSTILE: HOSTILE})],
        title=HOSTILE,
        summary=HOSTILE,
        data={HOSTILE: responses},
        controls={HOSTILE: HOSTILE},
        rdms=[RDM(np.arange(3.0), (HOSTILE, "b", "c"), dissimilarity=HOSTILE, source=HOSTILE)],
        tables={HOSTILE: pd.DataFrame({HOSTILE: [HOSTILE, "b"]})},
        methods=[HOSTILE],
        notes=[HOSTILE],
        inputs={HOSTILE: __file__},
        command=HOSTILE,
        configuration=(HOSTILE, folder),
    )


@pytest.fixture
def session(browser: Any) -> Iterator[Session]:
    with Session(browser) as opened:
        yield opened


def test_opening_asks_the_network_for_nothing_and_logs_nothing(session, usual):
    session.open(usual)
    assert session.messages == []
    assert session.requests == [usual.as_uri()]
    assert session.page.title() == "Which layer?"


def test_tables_sort_by_click_and_by_keyboard_with_what_is_absent_last(session, usual):
    page = session.open(usual)
    table = page.locator("table", has_text="Sizes")

    def names() -> list[str]:
        return table.locator("tbody th").all_inner_texts()

    size = table.get_by_role("button", name="size")
    heading = table.locator("thead th", has_text="size")
    size.click()
    assert names() == ["c", "b", "a"]
    assert heading.get_attribute("aria-sort") == "ascending"
    size.focus()
    page.keyboard.press("Enter")
    assert names() == ["b", "c", "a"]
    assert heading.get_attribute("aria-sort") == "descending"
    table.get_by_role("button", name="name").press("Space")
    assert names() == ["a", "b", "c"]
    assert heading.get_attribute("aria-sort") is None


def test_numbers_sort_as_numbers(session, usual):
    page = session.open(usual)
    table = page.locator("table", has_text="Every comparison")
    table.get_by_role("button", name="score").click()
    column = table.locator("thead th").all_inner_texts().index("score")
    shown = [float(row.split("\t")[column]) for row in table.locator("tbody tr").all_inner_texts()]
    assert shown == sorted(shown)
    assert shown[0] < 0


def test_figures_enlarge_and_close_by_escape(session, usual):
    page = session.open(usual)
    first = page.locator("figure .enlarge").first
    words = first.locator("img").get_attribute("alt")
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert dialog.locator("img").get_attribute("alt") == words
    width = "image => image.naturalWidth"
    assert dialog.locator("img").evaluate(width) == first.locator("img").evaluate(width) > 0
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert first.evaluate("button => button === document.activeElement")
    first.click()
    page.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()


def test_every_figure_and_table_can_be_saved(session, usual):
    page = session.open(usual)
    with page.expect_download() as csv:
        page.get_by_role("link", name=re.compile("Save as CSV.*Sizes")).click()
    assert Path(csv.value.path()).read_text() == "name,size\nb,10.5\na,\nc,9.0\n"
    with page.expect_download() as svg:
        page.locator("figure .save").first.click()
    assert svg.value.suggested_filename == "scores-rsa.svg"
    assert Path(svg.value.path()).read_text().startswith("<?xml")
    assert page.locator("figure").count() == page.locator("figure .save").count() == 3


def test_the_first_tab_skips_to_the_summary(session, usual):
    page = session.open(usual)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the summary"
    assert page.locator(":focus").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.locator(":focus").get_attribute("id") == "summary"


def test_links_of_the_contents_and_of_citations_lead_somewhere(session, usual):
    page = session.open(usual)
    targets = page.locator("a[href^='#']").evaluate_all("all => all.map(each => each.hash)")
    assert len(targets) > 15
    assert all(page.locator(target).count() == 1 for target in targets)


@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_a_phone_scrolls_down_only(session, which, request):
    page = session.open(request.getfixturevalue(which), viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.locator(".enlarge").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_dark_is_dark_and_keeps_figures_on_white(session, usual):
    colour = "element => getComputedStyle(element).backgroundColor"
    page = session.open(usual)
    assert page.locator("body").evaluate(colour) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    shade = [int(each) for each in re.findall(r"\d+", page.locator("body").evaluate(colour))]
    assert max(shade) < 40
    assert page.locator(".frame").first.evaluate(colour) == "rgb(255, 255, 255)"


def test_print_shows_all_on_white_without_what_needs_a_hand(session, usual, tmp_path):
    page = session.open(usual)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert not page.locator("nav").is_visible()
    assert not page.locator(".save").first.is_visible()
    overflow = "all => all.map(each => getComputedStyle(each).overflow)"
    assert set(page.locator(".scroll").evaluate_all(overflow)) == {"visible"}
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_hostile_labels_do_nothing(session, hostile):
    page = session.open(hostile)
    for button in page.locator("thead button").all():
        button.click()
    page.locator(".enlarge").first.click()
    page.keyboard.press("Escape")
    assert page.evaluate("window.harmed") is None
    assert session.messages == []
    assert session.requests == [hostile.as_uri()]
    assert page.locator("h1").inner_text().startswith("<script>window.harmed = 1</script><img")
    assert page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_nothing_serious_stands_in_the_way_of_anyone(session, which, scheme, request):
    page = session.open(request.getfixturevalue(which), color_scheme=scheme)
    page.evaluate(axe_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert len(found["passes"]) > 20
