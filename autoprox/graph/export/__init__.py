"""Proxies for other programs and for readers.

- `python`, with `sources` and `runtime`: one Python file that needs torch alone
- `latex`: a formula
- `symbolic`: an expression of SymPy
- `drawing`: SVG and PNG
"""

from autoprox.graph.export._drawing import to_png, to_svg
from autoprox.graph.export._latex import to_latex
from autoprox.graph.export._python import to_python
from autoprox.graph.export._sources import Sources
from autoprox.graph.export._symbolic import to_sympy

__all__ = ["Sources", "to_latex", "to_png", "to_python", "to_svg", "to_sympy"]
