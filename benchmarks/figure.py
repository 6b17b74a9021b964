"""Draws the sealed results of the shipped proxies, counts and zoo on the embedded table: docs/images/results.svg.

    python benchmarks/figure.py

It reads the results stored in the proxies and the noise ceilings of the table's manifest; it measures and scores
nothing. The output is deterministic to the byte. Time: seconds.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import autoprox
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve import PROXY_ROW, ZOO_ROW
from autoprox.metrics import joint

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "results.svg"
# Middle tones, legible on white and on black; markers repeat the information of colours.
TEXT, CEILING = "#7d7d7d", "#c0504d"
COLOURS = {"proxy": "#3f83c9", "zoo": "#2f9a83", "count": "#8a8a8a"}
MARKERS = {"proxy": "o", "zoo": "D", "count": "s"}
MEANINGS = {"proxy": "shipped proxy", "zoo": "best of the zoo, chosen on select", "count": "count"}
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "autoprox",
    "svg.fonttype": "none",  # text remains text: small, searchable and accessible
    "font.family": "sans-serif",
    "font.size": 10.0,
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}
WIDTH, ROW, GAP = 4.4, 0.21, 0.35
"""Inches: the width, the height of a row, and the additional height of a panel."""


@dataclass(frozen=True)
class Row:
    """A line of the figure: a scorer with its correlation."""

    name: str
    kind: str
    joint: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """Rows that were judged on the same blocks.

    Attributes:
        title: The spaces, and the number of architectures.
        rows: Rows, the best first.
        ceiling: Expected tau of a perfect score.
    """

    title: str
    rows: tuple[Row, ...]
    ceiling: float


def panels(table: Table) -> list[Panel]:
    """One panel per set of blocks on which shipped proxies of a table were judged; the largest set first.

    Raises:
        ValueError: If a proxy was discovered on another state of the table, or has other blocks than the manifest.
    """
    verdicts: dict[tuple[str, ...], dict[Row, None]] = {}
    blocks: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for name in autoprox.shipped_names():
        proxy = autoprox.load(name)
        if proxy.provenance["table"] != table.name:
            continue
        if proxy.provenance["table_digest"] != table.digest:
            raise ValueError(f"'{name}' was discovered on another state of {table.name}: remake proxies first")
        sealed, zoo = proxy.results["splits"][Split.SEALED.value], proxy.results["zoo"]
        judged = sealed[PROXY_ROW]["blocks"]
        key = tuple(f"{each['space']}/{each['dataset']}" for each in judged)
        blocks[key] = judged
        names = {PROXY_ROW: name, ZOO_ROW: zoo}
        for row, verdict in sealed.items():
            kind = "proxy" if row == PROXY_ROW else "zoo" if row == ZOO_ROW else "count"
            shown = Row(names.get(row, row), kind, verdict["joint"], *verdict["ci95"])
            verdicts.setdefault(key, {})[shown] = None
    return [
        Panel(_title(blocks[key]), tuple(sorted(rows, key=lambda row: -row.joint)), joint_ceiling(table, blocks[key]))
        for key, rows in sorted(verdicts.items(), key=lambda item: (-len(item[0]), item[0]))
    ]


def _title(judged: list[dict[str, Any]]) -> str:
    sizes = {each["space"]: each["n"] for each in judged}
    return f"{' and '.join(sizes)} ({sum(sizes.values())} sealed architectures)"


def joint_ceiling(table: Table, judged: list[dict[str, Any]]) -> float:
    """The noise ceilings of blocks, joined like their correlations.

    Raises:
        ValueError: If the manifest does not have the ceiling of a block.
    """
    keys = ("space", "dataset", "label_kind", "metric")
    known = {tuple(block[key] for key in keys): block["all"]["ceiling"] for block in table.manifest["blocks"]}
    wanted = [tuple(each[key] for key in keys) for each in judged]
    missing = [block for block in wanted if known.get(block) is None]
    if missing:
        raise ValueError(f"the manifest of {table.name} has no ceiling of {'/'.join(missing[0])}")
    return float(joint([known[block] for block in wanted], [block[0] for block in wanted]))


def draw(shown: list[Panel]) -> Figure:
    """Draws the panels one below the other, with one row and its interval per scorer."""
    rows = [len(panel.rows) for panel in shown]
    height = sum(rows) * ROW + len(rows) * GAP + 0.8
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for ax, panel in zip(axes, shown, strict=True):
        _draw_panel(ax, panel)
    figure.supxlabel("joint Kendall tau on the sealed split, with 95 % interval", fontsize=9)
    handles = [axes[0].plot([], [], **_marker(kind), label=text)[0] for kind, text in MEANINGS.items()]
    handles.append(axes[0].axvline(np.nan, color=CEILING, linestyle="--", label="noise ceiling"))
    figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=8.5, columnspacing=1.0)
    return figure


def _marker(kind: str) -> dict[str, Any]:
    return {"color": COLOURS[kind], "marker": MARKERS[kind], "linestyle": "none", "markersize": 5}


def _draw_panel(ax: Axes, panel: Panel) -> None:
    for height, row in enumerate(panel.rows):
        ax.plot([row.low, row.high], [height, height], color=COLOURS[row.kind], linewidth=1.6)
        ax.plot(row.joint, height, **_marker(row.kind))
        ax.annotate(
            f"{row.joint:.2f}", (1.0, height), xycoords=("axes fraction", "data"), va="center", ha="right", fontsize=9
        )
    ax.axvline(panel.ceiling, color=CEILING, linestyle="--", linewidth=1)
    ax.axvline(0, color=TEXT, linewidth=0.6)
    ax.set_title(panel.title, fontsize=10, loc="right")
    ax.set_yticks(range(len(panel.rows)), [row.name for row in panel.rows])
    ax.set_ylim(len(panel.rows) - 0.4, -0.6)
    ax.set_xlim(-0.42, 1.14)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    for label, row in zip(ax.get_yticklabels(), panel.rows, strict=True):
        label.set_color(COLOURS[row.kind] if row.kind != "count" else TEXT)


def write(path: Path) -> None:
    """Draws the figure into a file.

    Raises:
        ValueError: As `panels`.
    """
    shown = panels(Table.read())
    with mpl.rc_context(STYLE):
        draw(shown).savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Writes docs/images/results.svg."""
    try:
        write(OUTPUT)
    except ValueError as error:
        sys.exit(f"figure: {error}")
    print(OUTPUT.relative_to(OUTPUT.parents[2]))


if __name__ == "__main__":
    main()
