"""The result of discovery.py as Markdown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoprox.evolve.engine import SEARCH_VERSION

COLUMNS = ("winner", "plain", "short", "blend", "ensemble")


def markdown(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    best_zoo, best_count, select = result["best_zoo"], result["best_count"], result["baselines_on_select"]
    lines = [
        f"# Discovery on {result['table']}, measured",
        "",
        f"Command: `{result['command']}`. {result['architectures']} architectures, {len(result['blocks'])} blocks, "
        f"{result['budget']:,} candidates a search; joint tau, mean ± standard deviation over seeds. On select, fitted "
        f"forms are fitted to fit alone. Search version {result['search_version']}; the present one is {SEARCH_VERSION}"
        " (docs/changelog.md says what changed).",
        "",
        f"| contender | seeds | fit | select | {' | '.join(f'sealed: {each}' for each in COLUMNS)} | seconds |",
        "|---" * (5 + len(COLUMNS)) + "|",
    ]
    for row in result["summary"]:
        missing = f" ({row['undefined']} found nothing that ranks select)" if row["undefined"] else ""
        cells = [_spread(row["fit"]), _spread(row["select"]), *(_spread(row["sealed"].get(each)) for each in COLUMNS)]
        seconds = f"{np.median(row['processor_seconds']):.0f}" if row["processor_seconds"] else ""
        lines.append(f"| {row['contender']}{missing} | {row['seeds']} | {' | '.join(cells)} | {seconds} |")
    lines += ["", f"On select: zoo {best_zoo} {select[best_zoo]:.3f}, count {best_count} {select[best_count]:.3f}."]
    sealed = result["sealed"]
    if sealed is None:
        return "\n".join([*lines, "The sealed split was not looked at (--quick)."])
    lines += ["", "## The default run on sealed, minus rivals: mean over seeds", ""]
    rivals = list(next(iter(sealed["means"].values())))
    lines += [f"| form | {' | '.join(rivals)} |", "|---" * (1 + len(rivals)) + "|"]
    for form, found in sealed["means"].items():
        cells = [f"{found[name]['joint']:.3f} [{_interval(found[name]['ci95'])}]" for name in rivals]
        lines.append(f"| {form} | {' | '.join(cells)} |")
    lines += ["", "## Seed by seed: the winner minus its rivals", ""]
    rivals = list(next(iter(sealed["margins"].values())))
    lines += [f"| seed and form | joint | {' | '.join(rivals)} |", "|---" * (2 + len(rivals)) + "|"]
    for key, found in sealed["margins"].items():
        cells = [f"{found[name][0]:.3f} [{_interval(found[name][1])}]" for name in rivals]
        lines.append(f"| {key} | {sealed['verdicts'][key]['joint']:.3f} | {' | '.join(cells)} |")
    sure = {name: sum(found[name][1][0] > 0 for found in sealed["margins"].values()) for name in rivals}
    lines += ["", f"Surely ahead, of {len(sealed['margins'])} seeds: {', '.join(f'{k} {v}' for k, v in sure.items())}."]
    lines += [
        "",
        "## Rivals on sealed",
        "",
        "| rival | tau-b | 95 % | tau-a | nDCG@10 | top-1 regret |",
        "|---" * 6 + "|",
    ]
    for name in rivals:
        own = sealed["verdicts"][name]
        means = [np.mean([b[k] for b in own["blocks"]]) for k in ("tau_a", "ndcg_10", "top1_regret")]
        cells = [f"{own['joint']:.3f}", _interval(own["ci95"]), *(f"{each:.3f}" for each in means)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| block | mean tau | share of ceiling | iso tau | share of its ceiling |", "|---|---|---|---|---|"]
    for name, row in sealed["ceilings"].items():
        lines.append(f"| {name} | {' | '.join(_number(row[k]) for k in ('tau', 'share', 'iso', 'iso_share'))} |")
    return "\n".join([*lines, "", f"This user has scored the sealed split of this table {sealed['looks']} times."])


def _spread(values: list[float] | None) -> str:
    return "" if not values else f"{np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f}"


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.2f}, {bounds[1]:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"
