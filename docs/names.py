"""Public names in the text of pages lead to their reference."""

import importlib
import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

_PACKAGES = ("compare", "datasets", "figures", "recording", "sim")
_ALONE = {
    "Responses": "responses",
    "read_images": "images",
    "to_xarray": "exchange",
    "write_report": "report",
}
_NAME = re.compile(r"(\w+)(\(.*\))?")


def public_names() -> dict[str, str]:
    """Where each public name is documented.

    Returns:
        Full name by name.
    """
    names = {name: f"neurospyke.{module}.{name}" for name, module in _ALONE.items()}
    for package in _PACKAGES:
        module = importlib.import_module(f"neurospyke.{package}")
        names |= {name: f"{module.__name__}.{name}" for name in module.__all__}
    return names


class LinkNames(SphinxTransform):
    """Names written as code, also with arguments, become references."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Change the page in place.

        Args:
            **kwargs: none.
        """
        del kwargs
        names = self.app.neurospyke_names  # pyright: ignore[reportAttributeAccessIssue]
        for literal in list(self.document.findall(nodes.literal)):
            found = _NAME.fullmatch(literal.astext())
            inside = isinstance(literal.parent, nodes.reference | addnodes.pending_xref)
            if found and found[1] in names and not inside:
                place = {"refdomain": "py", "reftype": "obj", "reftarget": names[found[1]]}
                link = addnodes.pending_xref("", literal.deepcopy(), refexplicit=True, **place)
                link["refdoc"] = self.env.current_document.docname
                literal.replace_self(link)


def setup(app: Any) -> dict[str, bool]:
    """Find the names once.

    Args:
        app: Sphinx.

    Returns:
        That pages may be read and written in parallel.
    """
    app.neurospyke_names = public_names()
    app.add_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
