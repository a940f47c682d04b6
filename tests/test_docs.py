"""What the documentation shows runs: all its Python, its commands and its configurations."""

import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import neurospyke.compare
import neurospyke.datasets
import neurospyke.recording
import neurospyke.sim
from neurospyke.__main__ import main
from tests.conftest import ROOT
from tests.prepared import prepare

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "api")
BLOCK = re.compile(r"^(`{3,})([^\n]*)\n(.*?)^\1\n", re.MULTILINE | re.DOTALL)
# Python and commands are run, a configuration that names itself is written; text is only read.
RUN = {"python", "sh", "toml"}
READ = {"text", "pycon"}


def blocks(page: Path) -> list[tuple[str, str, int]]:
    """Language, text and first line of every fenced block."""
    text = page.read_text()
    return [
        (match[2], match[3], text.count("\n", 0, match.start(3))) for match in BLOCK.finditer(text)
    ]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_code_of_a_page_runs(
    page: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for language, text, line in blocks(page):
        if language == "python":
            # lines are numbered as in the page, so that a failure names the right one
            exec(compile("\n" * line + text, str(page), "exec"), names)
        elif language == "sh":
            run_commands(text, page)
        elif language == "toml":
            write_configuration(text)


def run_commands(text: str, page: Path) -> None:
    for command in text.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words:
            assert words[0] == "neurospyke", f"{page} runs {words[0]}: mark the block as text"
            assert main(words[1:]) == 0, f"{page}: {command}"


def write_configuration(text: str) -> None:
    named = re.match(r"# (\S+\.toml)\n", text)
    if named:
        Path(named[1]).write_text(text)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_a_block_says_whether_it_is_run(page: Path) -> None:
    languages = {language for language, _, _ in blocks(page)}
    assert {each for each in languages if not each.startswith("{")} <= RUN | READ


@pytest.mark.parametrize(
    "module",
    [
        neurospyke.compare,
        neurospyke.datasets,
        neurospyke.recording,
        neurospyke.sim,
    ],
    ids=lambda module: module.__name__,
)
def test_every_public_name_is_on_a_page(module) -> None:
    text = "".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    parts = text.split(f".. currentmodule:: {module.__name__}\n")[1:]
    shown = set()
    for part in parts:
        own = part.split(".. currentmodule::")[0]
        shown |= set(re.findall(r"^\.\. auto(?:function|class|data):: (\w+)$", own, re.MULTILINE))
    assert shown == set(module.__all__)


class Loaded(HTMLParser):
    """Addresses that a page loads by itself, unlike links, which a reader follows."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        names = ("href",) if tag == "link" else ("src", "srcset", "poster", "data")
        self.addresses += [given[name] or "" for name in names if tag != "a" and name in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, every warning and broken reference a failure."""
    out = tmp_path_factory.mktemp("site")
    words = ["--fail-on-warning", "--keep-going", "-q", str(DOCS), str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_site_asks_no_network_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text())
        assert [each for each in loaded.addresses if re.match(r"(\w+:)?//", each)] == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(\w+:)?//", sheet.read_text()), sheet


def test_equations_need_no_script(site: Path) -> None:
    page = (site / "concepts" / "inference.html").read_text()
    assert page.count("<math") > 10
    assert "$$" not in page
    assert "\\frac" not in re.sub(r"<annotation.*?</annotation>", "", page, flags=re.DOTALL)


def test_names_in_the_text_lead_to_their_reference(site: Path) -> None:
    page = (site / "howto" / "comparisons.html").read_text()
    for name in ("rsa", "encoding", "van_rossum_rdm"):
        assert f'#neurospyke.compare.{name}"' in page


def test_pages_are_found_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text()
    for page in PAGES:
        target = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert target == "index.html" or f'href="{target}' in first, target
