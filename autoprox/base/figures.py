"""Figures as files: names given by users are plain text, and equal figures give equal bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from autoprox.base.files import atomically

PLAIN_TEXT: dict[Any, Any] = {"text.parse_math": False}
"""Settings for `matplotlib.rc_context` while a figure is drawn: a dollar sign in a name does not start a formula."""

_METADATA: Mapping[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}}


_GAP = 5.0
# Distance in points between a label and its point.
_FAR = 8.0
# Distance in points above which a line connects a label with its point.
_RINGS = 12
_POINTS = 72.0
# Points per inch.


def labelled(
    axes: Axes,
    labels: Sequence[tuple[float, float, str]],
    beside: Sequence[tuple[float, float]] = (),
    *,
    size: float = 8.0,
    far: bool = True,
) -> list[Annotation]:
    """Places labels beside points so that they overlap neither each other nor the labelled points.

    The nearest free place is taken, preferably one that covers no other point. A label far from its point is connected
    with it by a line. Call this function last: it fixes the limits of the axes.

    Args:
        axes: The axes.
        labels: Place and text of each label, in data coordinates.
        beside: Other points, covered only if no other place is free.
        size: Size of the letters.
        far: Allows labels far from their points; otherwise a label without a free place near its point is omitted.

    Example:
        >>> axes = Figure().subplots()
        >>> first, second = labelled(axes, [(0.5, 0.5, "1"), (0.5, 0.5, "2")])
        >>> first.get_position() == second.get_position()
        False
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    point = figure.dpi / _POINTS
    taken = [_spot(axes, x, y, point) for x, y, _ in labels]
    others = [_spot(axes, x, y, point) for x, y in beside]
    written = []
    for x, y, text in labels:
        probe = axes.text(x, y, text, fontsize=size)
        box = probe.get_window_extent()
        probe.remove()
        width, height = box.width / point, box.height / point
        across, up = axes.transData.transform((x, y))
        found = [
            (offset, Bbox.from_bounds(across + offset[0] * point, up + offset[1] * point, box.width, box.height))
            for offset in _offsets(width, height)
        ]
        found = [each for each in found if _contains(axes.bbox, each[1])] or found
        free = [each for each in found if not each[1].count_overlaps(taken)]
        if not free and not far:
            continue
        free = free or found
        offset, place = next((each for each in free if not each[1].count_overlaps(others)), free[0])
        reach = max(offset[0], -offset[0] - width, offset[1], -offset[1] - height)
        if reach > _FAR and not far:
            continue
        taken.append(place)
        line = {"arrowstyle": "-", "linewidth": 0.6, "color": "#7a7a7a", "shrinkA": 0, "shrinkB": 3}
        written.append(
            axes.annotate(
                text,
                (x, y),
                offset,
                textcoords="offset points",
                fontsize=size,
                arrowprops=line if reach > _FAR else None,
            )
        )
    return written


def _spot(axes: Axes, x: float, y: float, point: float) -> Bbox:
    across, up = axes.transData.transform((x, y))
    return Bbox.from_bounds(across - 3 * point, up - 3 * point, 6 * point, 6 * point)


def _offsets(width: float, height: float) -> Iterator[tuple[float, float]]:
    """Yields places of the lower left corner of a label around its point, in points, nearest first."""
    for ring in range(1, _RINGS + 1):
        right, left, middle = _GAP * ring, -_GAP * ring - width, -width / 2
        above, below, level = _GAP * ring, -_GAP * ring - height, -height / 2
        yield from product((right, left), (above, level, below))
        yield from ((middle, above), (middle, below))


def _contains(outer: Bbox, inner: Bbox) -> bool:
    return bool(outer.x0 <= inner.x0 and outer.x1 >= inner.x1 and outer.y0 <= inner.y0 and outer.y1 >= inner.y1)


def write_figure(figure: Figure, path: Path, salt: str = "autoprox") -> None:
    """Writes a figure as PNG or SVG, according to the suffix.

    Args:
        figure: The figure.
        path: A file that ends in .png or .svg.
        salt: Text from which the identifiers in an SVG are derived, besides the figure.

    Raises:
        AutoproxError: If the file cannot be written; an earlier file is unchanged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_figure(Figure(), Path(folder) / "empty.svg")
        ...     (Path(folder) / "empty.svg").read_text()[:5]
        '<?xml'
    """
    atomically(path, figure_writer(figure, path.suffix.removeprefix(".").lower(), salt))


def figure_writer(figure: Figure, form: str, salt: str = "autoprox") -> Callable[[Path], None]:
    """Returns a function that writes a figure to a path, whatever its suffix.

    Args:
        figure: The figure.
        form: `png` or `svg`.
        salt: As for `write_figure`.
    """

    def write(target: Path) -> None:
        with mpl.rc_context({**PLAIN_TEXT, "svg.hashsalt": salt}):
            figure.savefig(target, format=form, dpi=150, metadata=_METADATA[form])

    return write
