"""Figure of a table: size against label, one panel per block."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from autoprox.base.errors import SpecError, TableError, suggestion
from autoprox.base.figures import PLAIN_TEXT, write_figure
from autoprox.bench.schema import ISO_BUDGET_FACTORS, METRICS, Stratum
from autoprox.bench.table import Table

COLOURS = {
    Stratum.FREE: "#3b6ea5",
    Stratum.ISO: "#d9822b",
    Stratum.ISO_SMALL: "#b5446e",
    Stratum.ISO_LARGE: "#5b8c5a",
}
LABELS = {
    Stratum.FREE: "free: anywhere in the space",
    Stratum.ISO: "iso: one size, many shapes",
    Stratum.ISO_SMALL: "iso-small: half that size",
    Stratum.ISO_LARGE: "iso-large: twice that size",
}
PANEL = (3.7, 3.1)
"""Width and height of a panel in inches."""
FORMATS = ("png", "svg")

Described = Mapping[str, Any]
"""A block as `autoprox.bench.quality.blocks_of` describes it."""


def plot(table: Table, blocks: Sequence[Described], path: Path, metric: str) -> None:
    """Draws a table into a file.

    Args:
        table: The table.
        blocks: Description of its blocks by `blocks_of`.
        path: A file that ends in .png or .svg.
        metric: Metric of the blocks to draw.

    Raises:
        SpecError: If `path` has another suffix.
        TableError: If the table does not have the metric.
        AutoproxError: If the file cannot be written.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise SpecError(f"`path` takes a file that ends in .png or .svg, not '{path}'.")
    write_figure(draw(table, blocks, metric), path, salt=table.digest)


@mpl.rc_context(PLAIN_TEXT)
def draw(table: Table, blocks: Sequence[Described], metric: str) -> Figure:
    """Draws backbone size against label: one row of panels per space and label kind, one panel per data set.

    A point is an architecture, its height the mean over seeds, its bar the range of single seeds.

    Args:
        table: The table.
        blocks: Description of its blocks by `blocks_of`.
        metric: Metric of the blocks to draw.

    Raises:
        TableError: If the table does not have the metric.
    """
    if metric not in table.metrics:
        raise TableError(f"The table {table.path} has no metric '{metric}'. {suggestion(metric, table.metrics)}")
    described = {
        (block["space"], block["dataset"], block["label_kind"]): block for block in blocks if block["metric"] == metric
    }
    rows: dict[tuple[str, str], list[str]] = {}
    for space_name, dataset_name, kind in sorted(described):
        rows.setdefault((space_name, kind), []).append(dataset_name)
    columns = max(len(names) for names in rows.values())
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * len(rows) + 0.9), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    frame = table.frame[table.frame["metric"] == metric]
    for row, ((space_name, kind), names) in enumerate(rows.items()):
        for axis in axes[row, len(names) :]:
            axis.set_axis_off()
        for axis, dataset_name in zip(axes[row], names, strict=False):
            mine = (frame["space"] == space_name) & (frame["dataset"] == dataset_name) & (frame["label_kind"] == kind)
            _panel(axis, frame[mine], _sizes(table, space_name))
            statement = _stated(described[space_name, dataset_name, kind])
            title = f"{space_name}, {dataset_name}, {kind}"
            pad = 7 + 10 * len(statement)
            axis.set_title(title, fontsize=9.5, fontweight="bold", loc="left", pad=pad)
            below = {"va": "bottom", "fontsize": 7.5, "linespacing": 1.3}
            axis.text(0.0, 1.025, "\n".join(statement), transform=axis.transAxes, **below)
            axis.set_xlabel("backbone parameters", fontsize=8.5)
            axis.set_ylabel(f"{metric} ({METRICS[metric].unit})", fontsize=8.5)
    present = [stratum for stratum in Stratum if stratum.value in set(frame["stratum"])]
    handles = [axes[0, 0].scatter([], [], s=22, color=COLOURS[each], label=LABELS[each]) for each in present]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    seeds = "points: mean over the seeds, bars: range of single seeds" if _has_seeds(frame) else "one seed each"
    figure.suptitle(f"{table.name}: {len(table.archs)} architectures ({seeds})", fontsize=11)
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, sizes: dict[str, int]) -> None:
    for stratum in Stratum:
        grouped = rows[rows["stratum"] == stratum.value].groupby("arch_id")["value"]
        means, lowest, highest = grouped.mean(), grouped.min(), grouped.max()
        x = np.array([sizes[arch_id] for arch_id in means.index])
        axis.vlines(x, lowest, highest, color=COLOURS[stratum], alpha=0.35, linewidth=0.9)
        axis.scatter(x, means, s=14, color=COLOURS[stratum], alpha=0.85, linewidths=0)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(_count)
    axis.xaxis.set_minor_locator(LogLocator(subs=()))
    axis.tick_params(labelsize=8)
    axis.grid(color="#e6e6e6", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _count(value: float, _: object) -> str:
    """Short form of a number of parameters."""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k"


def _sizes(table: Table, space_name: str) -> dict[str, int]:
    owner = table.spaces[space_name]
    return {arch_id: owner.size(arch) for arch_id, arch in table.archs.items() if arch.space == space_name}


def _has_seeds(frame: pd.DataFrame) -> bool:
    return bool((frame["train_seed"] > 0).any())


def _stated(block: Described) -> list[str]:
    """Ceiling, and tau of the number of parameters, one line for the block and one per iso stratum."""
    lines = []
    for part in ("all", *ISO_BUDGET_FACTORS):
        if part in block:
            found = block[part]
            ceiling, params = _two(found["ceiling"]), _two(found["count_taus"]["params_count"])
            lines.append(f"{part} {found['n']}: ceiling of tau {ceiling}, tau of parameters {params}")
    return lines


def _two(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
