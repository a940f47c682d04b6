"""The wheel: small, for any Python and torch, and possible without a compiler."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERNELS = "neurospyke/sim/ops/_kernels.so"


def build(folder: Path, **environment: str) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run(
        [*command, str(folder), "-Cbuild-dir=" + str(folder / "build"), str(ROOT)],
        check=True,
        env={**os.environ, **environment},
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.parametrize("compiler", ["found", "missing"])
def test_the_wheel(compiler: str, tmp_path: Path) -> None:
    missing = {"CXX": str(tmp_path / "no-such-compiler")} if compiler == "missing" else {}
    wheel = build(tmp_path, **missing)
    assert wheel.stat().st_size < 2e6
    assert "-py3-none-" in wheel.name
    assert wheel.name.endswith("-any.whl") == (compiler == "missing")
    files = zipfile.ZipFile(wheel).namelist()
    assert (KERNELS in files) == (compiler == "found")
    assert "neurospyke/data/registry.toml" in files
    assert {f"neurospyke/report/page.{kind}" for kind in ("html", "css", "js")} <= set(files)
    assert "neurospyke/study/example.toml" in files
    assert not [name for name in files if name.endswith((".cpp", ".hpp"))]
