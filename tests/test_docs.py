"""What the documentation shows runs: all its Python, its commands and its configurations."""

import re
import shlex
import shutil
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
