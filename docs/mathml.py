"""Equations as MathML, which browsers draw by themselves: no script, no font, no network."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def inline(translator: Any, node: nodes.math) -> None:
    """Write an equation of a line.

    Args:
        translator: what writes the page.
        node: the equation.

    Raises:
        SkipNode: always, since nothing inside is left to write.
    """
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display(translator: Any, node: nodes.math_block) -> None:
    """Write an equation of its own.

    Args:
        translator: what writes the page.
        node: the equation.

    Raises:
        SkipNode: always, since nothing inside is left to write.
    """
    translator.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer.

    Args:
        app: Sphinx.

    Returns:
        That pages may be read and written in parallel.
    """
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
