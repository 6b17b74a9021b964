"""Report of several runs side by side: their winners, correlations and searches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoprox.bench.splits import Split
from autoprox.evolve import PROXY_ROW, judged_split, verdict_sentence
from autoprox.evolve.runs import Run
from autoprox.report._evidence import REPORT
from autoprox.report._formula_front import FormulaMember, front_section
from autoprox.report._page import render
from autoprox.report._random_baseline import steps_of
from autoprox.report._svg import figure_svg
from autoprox.report.report_figures import Bar, Curve, bars_figure, curve_figure

COMPARISON = "comparison.html"
"""Name of the page in the folder above the runs."""


def comparison_report(runs: Sequence[Run], folder: Path) -> str:
    """The report of several finished runs, a whole HTML page.

    Args:
        runs: The runs.
        folder: The folder of the page; links are relative to it.

    Raises:
        StoreMismatchError: If a run is not finished.
    """
    rows = [_row(run, folder) for run in runs]
    rows.sort(key=lambda row: -(row["judged"]["joint"] or 0.0))
    bars = [
        Bar(row["name"], row["judged"]["joint"], row["judged"]["ci95"][0], row["judged"]["ci95"][1], own=place == 0)
        for place, row in enumerate(rows)
        if row["judged"]["joint"] is not None and None not in row["judged"]["ci95"]
    ]
    curves = [Curve(row["name"], row["steps"], row["evaluated"]) for row in rows if row["steps"]]
    told = "; ".join(f"{bar.name} {bar.value:.2f} [{bar.low:.2f}, {bar.high:.2f}]" for bar in bars)
    return render(
        "comparison.html",
        title=f"{len(rows)} runs compared",
        rows=rows,
        accuracy=_accuracy(rows),
        tables=sorted({row["table"] for row in rows}),
        bars=figure_svg(lambda: bars_figure(bars), "bars", f"Bars of the joint correlation: {told}."),
        curves=figure_svg(
            lambda: curve_figure(curves),
            "curves",
            "Highest fitness on fit over candidates: "
            + "; ".join(f"{each.name} {each.steps[-1][1]:.3f} after {each.end}" for each in curves),
        ),
    )


def _row(run: Run, folder: Path) -> dict[str, Any]:
    results, best = run.proxy.results, run.best_so_far["fitness"].to_numpy()
    splits = results["splits"]
    split = judged_split(splits)
    return {
        "name": run.folder.name,
        "link": _link(run.folder / REPORT, folder),
        "table": run.definition["table"],
        "strategy": run.definition["strategy"],
        "seed": run.definition["seed"],
        "evaluated": len(best),
        "steps": steps_of(best) if len(best) else [],
        "fit": splits[Split.FIT][PROXY_ROW]["joint"],
        "select": splits[Split.SELECT][PROXY_ROW]["joint"],
        "sealed": splits.get(Split.SEALED, {}).get(PROXY_ROW, {}).get("joint"),
        "judged_on": split.value,
        "judged": splits[split][PROXY_ROW],
        "form": results.get("form", "plain"),
        "formula": run.proxy.brief,
        "size": run.proxy.graph.size,
        "verdict": verdict_sentence({"margins": [results["margin"]], **results}),
    }


def _accuracy(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Accuracy of the winners against their size, on select; None if it is undefined for all."""
    members = [
        FormulaMember(row["name"], row["size"], row["select"], row["formula"], row["link"], own=place == 0)
        for place, row in enumerate(rows)
        if row["select"] is not None
    ]
    return front_section(members, Split.SELECT.value) if members else None


def _link(page: Path, folder: Path) -> str | None:
    return page.relative_to(folder).as_posix() if page.is_file() and page.is_relative_to(folder) else None
