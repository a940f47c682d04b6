"""The fences hold: planted faults in a copy of the package are caught."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "neurospyke", tmp_path / "neurospyke", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # Without `site`, an editable installation cannot put the checkout before the copy.
    program = (
        f"import sys; sys.path[:0] = ['.', {sysconfig.get_paths()['purelib']!r}];"
        "import neurospyke; assert neurospyke.__file__.startswith(sys.argv[1]);"
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", program, str(folder.resolve())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_copy_is_clean_before_anything_is_planted(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("utils.py", "", "The house stands on its layers"),
        ("sim/helpers.py", "", "Inside sim"),
        ("compare/base.py", "", "Inside compare"),
        ("storage.py", "import neurospyke.report", "The house stands on its layers"),
        ("compare/rdm.py", "import neurospyke.sim.network", "The house stands on its layers"),
        ("sim/latency.py", "import neurospyke.sim.network", "Inside sim"),
        ("responses.py", "import neo", "File formats stay behind"),
        ("compare/rdm.py", "import matplotlib.pyplot", "Only figures and the report draw"),
        ("figures/look.py", "import neurospyke.sim.layers", "Figures take arrays and tables"),
        ("responses.py", "import torch", "Only the simulation and its images know torch"),
    ],
)
def test_a_planted_fault_is_caught(copy: Path, file: str, line: str, broken: str) -> None:
    with (copy / "neurospyke" / file).open("a") as module:
        module.write(f"\n{line}\n")
    result = lint_imports(copy)
    assert result.returncode == 1
    assert f"{broken}" in result.stdout
    assert "BROKEN" in result.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        "import sys, neurospyke;"
        "heavy = {'torch', 'neo', 'elephant', 'pandas', 'matplotlib'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_sim_needs_no_reader_of_recordings() -> None:
    program = (
        "import sys;"
        "sys.modules.update(dict.fromkeys(['neo', 'quantities', 'elephant', 'pynwb', 'seaborn']));"
        "import neurospyke.sim"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
