"""Figures as files: names of users are plain text, and one figure gives the same bytes every time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from autoprox.base.files import atomically

PLAIN_TEXT: dict[Any, Any] = {"text.parse_math": False}
"""For `matplotlib.rc_context` while a figure is drawn: a dollar sign in a name begins no formula."""

_METADATA: Mapping[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}}


def write_figure(figure: Figure, path: Path, salt: str = "autoprox") -> None:
    """Writes a figure as PNG or SVG, as the suffix says.

    Args:
        figure: The figure.
        path: A file that ends in .png or .svg.
        salt: What the identifiers in an SVG depend on besides the figure.

    Raises:
        AutoproxError: If it cannot be written; what stood there before stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_figure(Figure(), Path(folder) / "empty.svg")
        ...     (Path(folder) / "empty.svg").read_text()[:5]
        '<?xml'
    """
    atomically(path, figure_writer(figure, path.suffix.removeprefix(".").lower(), salt))


def figure_writer(figure: Figure, form: str, salt: str = "autoprox") -> Callable[[Path], None]:
    """Returns a function that writes a figure to the path that it is given, whatever its suffix.

    Args:
        figure: The figure.
        form: `png` or `svg`.
        salt: As for `write_figure`.
    """

    def write(target: Path) -> None:
        with mpl.rc_context({**PLAIN_TEXT, "svg.hashsalt": salt}):
            figure.savefig(target, format=form, dpi=150, metadata=_METADATA[form])

    return write
