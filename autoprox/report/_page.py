"""Pages: rendered templates, with all external text escaped."""

import base64
import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autoprox.base.errors import AutoproxError
from autoprox.base.files import atomically, require_writable
from autoprox.base.foreign import reading

UNDEFINED = "\N{EN DASH}"
"""Placeholder of an undefined number."""


def script_source(text: str) -> str:
    """Source expression of a content security policy that allows a script of exactly this text.

    Example:
        >>> script_source("")
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def render(template: str, **content: Any) -> str:
    """Renders a template of this package.

    Args:
        template: Its name, for example `discovery.html`.
        content: Values of its variables; text is escaped, `Markup` is not.
    """
    environment = _environment()
    script = environment.get_template("sort.js").render()
    return environment.get_template(template).render(
        script=Markup(script),  # noqa: S704 - a file of this package
        script_source=script_source(script),
        **content,
    )


def write_page(path: Path, text: str) -> None:
    """Writes a page atomically; missing folders are made.

    Raises:
        AutoproxError: If the file cannot be written.
    """
    require_writable(path.parent)
    atomically(path, lambda target: target.write_text(text, encoding="utf-8"))


def is_own_page(path: Path) -> bool:
    """True if a file is a page of autoprox, by its head.

    Raises:
        AutoproxError: If it is not a regular file, or cannot be read.
    """
    with reading(path, lambda reason: AutoproxError(f"'{path}' cannot be read: {reason}.")), path.open("rb") as file:
        return b'<meta name="generator" content="autoprox">' in file.read(4096)


def figure_of(value: float | None, digits: int = 3) -> Markup:
    """A number for readers, with all its digits for machines; a dash if it is undefined.

    Example:
        >>> str(figure_of(0.123456)), str(figure_of(-0.5, 1)), str(figure_of(None))
        ('<data value="0.123456">0.123</data>', '<data value="-0.5">−0.5</data>', '–')
    """
    if value is None or math.isnan(value):
        return escape(UNDEFINED)
    shown = f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return Markup('<data value="{}">{}</data>').format(repr(float(value)), shown)


def interval_of(bounds: Sequence[float | None], digits: int = 2) -> Markup:
    """An interval for readers.

    Example:
        >>> str(interval_of([0.1, None]))
        '[<data value="0.1">0.10</data>, –]'
    """
    low, high = (figure_of(bound, digits) for bound in bounds)
    return Markup("[{}, {}]").format(low, high)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autoprox.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tau": figure_of, "interval": interval_of}
    return environment
