"""Configuration of the documentation: `sphinx-build -W docs build/docs`. Build and pages need no network."""

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference import ADDED, write_reference
from sphinx.application import Sphinx

project = "autoprox"
author = "The autoprox authors"
project_copyright = "The autoprox authors, Apache-2.0"
version = release = installed_version("autoprox")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "autoprox"
html_show_sourcelink = False
smartquotes = False  # options have two dashes

# Headings can be linked to from other pages.
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

# Docstrings write `code` with one backtick.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
# An attribute in the docstring of its class is not listed again.
napoleon_use_ivar = True
napoleon_attr_annotations = False
maximum_signature_line_length = 100
python_use_unqualified_type_names = True


def skip(_app: Sphinx, _what: str, name: str, _value: object, _skipped: bool, _options: object) -> bool | None:
    """Skips third-party members; None leaves the decision to autodoc."""
    return True if ADDED.fullmatch(name) else None


BAR = re.compile(r"`+[^`]*`+|^\s*>>>(?:.|\n)*?(?:\n\s*\n|\Z)|\|", re.MULTILINE)
"""Code, an example, or a bar outside of both."""


def as_text(_app: Sphinx, what: str, _name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Treats docstrings as plain text.

    A bar, as in |x|, does not name a substitution, and text before a colon is not the type of an attribute.
    """
    text = BAR.sub(lambda found: "\\|" if found[0] == "|" else found[0], "\n".join(lines))
    # Napoleon looks for a type in the first line: it gets an empty comment.
    before = ["..", ""] if what in {"attribute", "data", "property"} else []
    lines[:] = before + text.split("\n")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", as_text, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip)
    write_reference(Path(__file__).parent / "reference")
