"""Pages of the gallery: analyses that `gallery.py` ran, the others as they are written."""

import shutil
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from gallery import ROOT, SCRIPTS, SMALL, is_current

EXECUTED = ROOT / "out" / "gallery"
PAGES = Path(__file__).parent / "gallery"


def write_pages(app: Any) -> None:
    """One notebook an analysis, beside the pages.

    Args:
        app: Sphinx.
    """
    del app
    PAGES.mkdir(exist_ok=True)
    for name, script in SCRIPTS.items():
        executed = EXECUTED / f"{name}.ipynb"
        ran = is_current(executed, script)
        notebook = nbformat.read(executed, 4) if ran else _written(script)
        notebook["metadata"]["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        title = notebook["cells"][0]
        heading, _, rest = title["source"].partition("\n")
        title["source"] = f"{heading}\n\n{_origin(name, ran)}\n{rest}"
        text = nbformat.writes(notebook)
        page = PAGES / f"{name}.ipynb"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def _written(script: Path) -> Any:
    notebook = jupytext.reads(script.read_text(), fmt="py:percent")
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)
    return notebook


def _origin(name: str, ran: bool) -> str:
    if not ran:
        return f"*`analyses/{name}.py`; not run for this page, which shows no results.*\n"
    size = ", on a small size" if name in SMALL else ""
    report = ""
    if (EXECUTED / "files" / name / "report.html").exists():
        report = f'; <a href="../reports/{name}.html">its report</a>'
    return f"*`analyses/{name}.py`, run for this page{size}*{report}.\n"


def copy_reports(app: Any, failure: Exception | None) -> None:
    """The reports that the analyses wrote, beside the site.

    Args:
        app: Sphinx.
        failure: what ended the build, if anything.
    """
    for report in EXECUTED.glob("files/*/report.html"):
        if failure is None and report.parent.name in SCRIPTS:
            target = Path(app.outdir) / "reports" / f"{report.parent.name}.html"
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(report, target)


def setup(app: Any) -> dict[str, bool]:
    """Write pages before Sphinx looks for them.

    Args:
        app: Sphinx.

    Returns:
        That pages may be read and written in parallel.
    """
    app.connect("builder-inited", write_pages)
    app.connect("build-finished", copy_reports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
