"""Settings of the documentation site; `make docs` builds it."""

import sys
from pathlib import Path

from neurospyke import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "neurospyke"
author = "The neurospyke developers"
copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "gallery_pages",
    "plain_docstrings",
    "mathml",
    "names",
]
smartquotes = False
highlight_language = "none"
# Text in backticks is a name: a link where the name has a page, code anywhere.
default_role = "py:obj"
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Source"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Notebooks are executed once, by `docs/gallery.py` or the tests of the analyses.
nb_execution_mode = "off"
nb_merge_streams = True

html_theme = "furo"
html_title = f"neurospyke {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
