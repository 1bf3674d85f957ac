"""Formulas as MathML, which browsers show by themselves: no other host is asked for anything."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def _mathml(node, as_block):
    """Return a formula as MathML, in which parentheses grow by themselves."""
    return tex2mathml(re.sub(r"\\[bB]ig+[lr]?(?![a-zA-Z])", "", node.astext()), as_block=as_block)


def _inline(self, node):
    self.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def _block(self, node):
    self.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
