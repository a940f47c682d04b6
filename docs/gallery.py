"""Runs the analyses as notebooks, once; the site makes its gallery of them.

    python docs/gallery.py out/gallery [NAME ...]

One that has run since its script last changed is not run again; one whose data are not found is
left out and named. Those that would take long run on small sizes.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parent.parent
SCRIPTS = {script.stem: script for script in sorted((ROOT / "analyses").glob("*.py"))}
# what follows the name of a script at the shell
SMALL = MappingProxyType(
    {"it_decoding": "1", "srnn_ecg": "2", "v4_encoding": "4", "v4_objects": "4"}
)
# Only what a cell asks for is shown, not every figure that is open.
_AS_A_SCRIPT = """\
import sys
from IPython.core.pylabtools import select_figure_formats
select_figure_formats(get_ipython(), {{"retina"}})
__file__ = {path!r}
sys.argv = {words!r}
"""


def execute(script: Path, folder: Path, variables: Mapping[str, str]) -> Path:
    """Run a script as a notebook and keep it with all that it shows.

    Args:
        script: in percent format.
        folder: where the notebook goes; what the script writes goes to `files` in it.
        variables: of the environment, added to those of this process.

    Returns:
        The notebook.

    Raises:
        CellExecutionError: if a cell fails.
    """
    notebook = jupytext.reads(script.read_text(), fmt="py:percent")
    # A run goes on from nothing: what an older script left may be of another course.
    shutil.rmtree(folder / "files" / script.stem, ignore_errors=True)
    (folder / "files").mkdir(parents=True, exist_ok=True)
    made_here = {"ANALYSES_OUT": str((folder / "files").resolve()), "MPLBACKEND": "agg"}
    environment = os.environ | made_here | variables
    words = [f"analyses/{script.name}", *SMALL.get(script.stem, "").split()]
    before = _AS_A_SCRIPT.format(path=str(script), words=words)
    notebook["cells"].insert(0, nbformat.v4.new_code_cell(before))
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(script.parent)}},
    )
    client.execute(env=environment)
    del notebook["cells"][0]
    notebook["metadata"]["script_sha256"] = digest(script)
    made = folder / f"{script.stem}.ipynb"
    nbformat.write(notebook, made)
    return made


def digest(script: Path) -> str:
    """SHA-256 of a script.

    Args:
        script: the file.

    Returns:
        Hexadecimal digits.
    """
    return hashlib.sha256(script.read_bytes()).hexdigest()


def is_current(notebook: Path, script: Path) -> bool:
    """Whether a notebook was run from a script as it is now.

    Args:
        notebook: what `execute` wrote, or nothing.
        script: in percent format.

    Returns:
        Whether it was.
    """
    if not notebook.exists():
        return False
    return nbformat.read(notebook, 4)["metadata"].get("script_sha256") == digest(script)


def main(folder: str, *names: str) -> None:
    """Run all analyses, or those named.

    Args:
        folder: where the notebooks go.
        names: of scripts, without ending.
    """
    for name in names or SCRIPTS:
        if is_current(Path(folder) / f"{name}.ipynb", SCRIPTS[name]):
            print(f"{name}: has run already")
            continue
        print(f"{name}: running", flush=True)
        try:
            execute(SCRIPTS[name], Path(folder), {"OMP_NUM_THREADS": "2"})
        except CellExecutionError as error:
            if "set NEUROSPYKE_DATA to" not in str(error):
                raise
            print(f"{name}: left out, its data are not found")


if __name__ == "__main__":
    main(*sys.argv[1:])
