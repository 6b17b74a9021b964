"""The result of discovery.py as a reader wants it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoprox.evolve.engine import SEARCH_VERSION


def markdown(result: dict[str, Any]) -> str:
    """The result as a reader wants it."""
    best_zoo, best_count, select = result["best_zoo"], result["best_count"], result["baselines_on_select"]
    lines = [
        f"# Discovery on {result['table']}, measured",
        "",
        f"Command: `{result['command']}`. {result['architectures']} architectures, {len(result['blocks'])} blocks, "
        f"{result['seeds']} seeds; joint tau, mean ± standard deviation over the seeds. Of a search: the winner, and "
        "the ensemble of the eight members of the hall that are fittest on fit. Search version "
        f"{result['search_version']}; the present one is {SEARCH_VERSION} (docs/changelog.md says what changed).",
        "",
        "| contender | candidates | fit | select | sealed | ensemble: select | sealed | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    columns = ("fit", "select", "sealed", "ensemble_select", "ensemble_sealed")
    for row in result["summary"]:
        cells = [_spread(row[column]) for column in columns]
        missing = result["seeds"] - row["seeds"]
        found = f" ({missing} of {result['seeds']} seeds found nothing that ranks select)" if missing else ""
        lines.append(
            f"| {row['contender']}{found} | {row['budget']:,} | {' | '.join(cells)} | {_number(row['seconds'])} |"
        )
    lines += [
        "",
        f"On select: zoo {best_zoo} {select[best_zoo]:.3f}, count {best_count} {select[best_count]:.3f}.",
    ]
    sealed = result["sealed"]
    if sealed is None:
        return "\n".join([*lines, "The sealed split was not looked at (--quick)."])
    for form, found in sealed["comparisons"].items():
        lines += ["", f"## On sealed: {form}, chosen on select", ""]
        lines += ["| scorer | joint | 95 % | it minus this | 95 % | iso | it minus this | 95 % |", "|---" * 8 + "|"]
        for name in (found["row"], *found["margins"]):
            own, apart = sealed["verdicts"][name], found["margins"].get(name)
            iso = _number(float(np.mean([each["kendall_iso"] for each in own["blocks"]])))
            cells = [name, f"{own['joint']:.3f}", _interval(own["ci95"]), *_apart(apart, "joint", "ci95")]
            lines.append(f"| {' | '.join([*cells, iso, *_apart(apart, 'iso', 'iso_ci95')])} |")
        for text, key in (("random search", "mean_margin_to_random"), (best_count, "mean_margin_to_count")):
            if mean := found.get(key):
                lines += ["", f"Mean over seeds minus {text}: {mean['joint']:.3f}, 95 % {_interval(mean['ci95'])}."]
        lines += ["", "| block | tau | share of ceiling | iso tau | share of its ceiling |", "|---|---|---|---|---|"]
        for name, row in found["ceilings"].items():
            cells = [_number(row[key]) for key in ("tau", "share", "iso", "iso_share")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"This user has scored the sealed split of this table {sealed['looks']} times."])


def _apart(margin: dict[str, Any] | None, value: str, interval: str) -> list[str]:
    """How far the chosen one is ahead of a row; nothing in its own row."""
    return ["", ""] if margin is None else [f"{margin[value]:.3f}", _interval(margin[interval])]


def _spread(values: list[float] | None) -> str:
    return "" if not values else f"{np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f}"


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"
