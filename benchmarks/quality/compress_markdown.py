"""The results of compress.py as Markdown."""

from collections.abc import Iterator
from typing import Any

import numpy as np

COLUMNS = [f"{kind} {part}" for kind in ("spearman", "tau") for part in ("all", "top half", "top fifth", "iso")]

_LONGEST = 160
# Shown characters of a formula; weighted sums of hundreds of terms are in the JSON.


def markdown(results: dict[str, Any]) -> str:
    """All measurements."""
    lines = ["# Compressed networks: what proxies of bits and ranks are worth", ""]
    lines += ["Made by `python benchmarks/quality/compress.py`, which says how."]
    for table, found in results.items():
        if table == "machine":
            continue
        if "ranking" in found:
            lines += ["", f"## {table}, sealed vectors", "", *_ranking(found["ranking"])]
        if "end" in found:
            lines += ["", f"## {table}, allocations", "", *_allocations(found["end"])]
    return "\n".join(lines) + "\n"


def _ranking(found: dict[str, Any]) -> Iterator[str]:
    """Means over the four networks, the highest Spearman first."""
    sealed = found["sealed"]
    yield f"| proxy | {' | '.join(COLUMNS)} | 95 % interval |"
    yield f"|---|{'---|' * (len(COLUMNS) + 1)}"
    for name in sorted(sealed, key=lambda each: -sealed[each]["means"]["spearman all"]):
        row = sealed[name]
        cells = [f"{row['means'][column]:.2f}" for column in COLUMNS]
        yield f"| {name} | {' | '.join(cells)} | {_interval(row['spearman ci95'])} |"
    spaces = list(next(iter(sealed.values()))["blocks"])
    yield ""
    yield "Spearman over all sealed vectors of each network:"
    yield ""
    yield f"| proxy | {' | '.join(spaces)} |"
    yield f"|---|{'---|' * len(spaces)}"
    for name in sorted(sealed, key=lambda each: -sealed[each]["means"]["spearman all"]):
        cells = [f"{sealed[name]['blocks'][space]['spearman all']:.2f}" for space in spaces]
        yield f"| {name} | {' | '.join(cells)} |"
    for name, formula in found["formulas"].items():
        further = [f"{rival} {_further(each)}" for rival, each in sealed[name]["further than"].items()]
        yield ""
        shown = formula if len(formula) <= _LONGEST else f"{formula[:_LONGEST]} ..."
        yield f"{name}: `{shown}`; further than {', '.join(further)}."


def _allocations(found: dict[str, Any]) -> Iterator[str]:
    """Accuracy in percent, one row per network and budget; the best proxies by their mean."""
    rows = [
        (space, choice, own["trained"], budget)
        for space, own in found["spaces"].items()
        for choice, budget in own["budgets"].items()
    ]
    names = list(rows[0][3]["accuracy"])
    means = {name: float(np.mean([budget["accuracy"][name] for *_, budget in rows])) for name in names}
    shown = ["uniform", *sorted((each for each in names if each != "uniform"), key=lambda each: -means[each])]
    yield f"Top-1 accuracy in percent at the {found['cost']} of one choice for all maps, without further training."
    yield ""
    yield f"| network | uniform choice | trained | {' | '.join(shown)} |"
    yield f"|---|---|---|{'---|' * len(shown)}"
    for space, choice, trained, budget in rows:
        cells = [f"{budget['accuracy'][each]:.1f}" for each in shown]
        yield f"| {space} | {choice} | {trained:.1f} | {' | '.join(cells)} |"
    yield f"| mean | | | {' | '.join(f'{means[each]:.1f}' for each in shown)} |"
    best = found["best before sealed"]
    yield ""
    yield f"Behind the same short training, three seeds; {best} has the highest Spearman on fit and select."
    yield ""
    yield f"| network | uniform choice | uniform | {best} | difference |"
    yield "|---|---|---|---|---|"
    for space, choice, _, budget in rows:
        first, second = (np.array(budget["tuned"][each]) for each in ("uniform", best))
        yield f"| {space} | {choice} | {first.mean():.1f} | {second.mean():.1f} | {(second - first).mean():+.1f} |"


def _interval(bounds: list[float]) -> str:
    return f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"


def _further(found: list[float]) -> str:
    return f"{found[0]:+.2f} [{found[1]:.2f}, {found[2]:.2f}]"
