"""What discovery.py compares: baselines, the choice on select, and the one look at the sealed split."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.quality import blocks_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.verdict import Verdict
from autoprox.graph import Proxy, parse
from autoprox.metrics import interval95
from autoprox.scorers import ZOO, Ensemble, Scorer, score_networks
from autoprox.spaces import SPACES
from autoprox.statistics import StatisticsCache

RANDOM = "random"
"""The contender that all others are measured against."""

Run: TypeAlias = dict[str, Any]
"""What one contender found with one seed, a step a budget."""


class Form(StrEnum):
    """What a search gives."""

    WINNER = "winner"
    ENSEMBLE = "ensemble"

    @property
    def select(self) -> str:
        """The field of a step that holds what it is worth on select."""
        return "select" if self is Form.WINNER else "ensemble_select"


TOGETHER = ", ensemble"
ALL_SEEDS = "the winners of all seeds together"


class Choice(NamedTuple):
    """A row that was chosen on select, and the contender it is of."""

    contender: str
    row: str


def key_of(contender: str, seed: int, budget: int) -> str:
    """The name of a row."""
    return f"{contender}/{seed}/{budget}"


def row_of(contender: str, seed: int, budget: int, form: Form) -> str:
    """The name of the row of a form."""
    return key_of(contender, seed, budget) + (TOGETHER if form is Form.ENSEMBLE else "")


def chosen_by_select(runs: list[Run], form: Form, budget: int, names: Sequence[str]) -> Choice:
    """Of some contenders the one with the highest mean on select, and of its seeds the one with the highest."""
    values = {name: {seed: step[form.select] for seed, step in steps_of(runs, name, budget)} for name in names}
    name = max(names, key=lambda name: np.mean(list(values[name].values())))
    seed = max(values[name], key=lambda seed: values[name][seed])
    return Choice(name, row_of(name, seed, budget, form))


def steps_of(runs: list[Run], name: str, budget: int) -> list[tuple[int, dict[str, Any]]]:
    """The seeds of a contender with their step of a budget."""
    return [
        (run["seed"], step)
        for run in runs
        if run["contender"] == name
        for step in run["steps"]
        if step["budget"] == budget
    ]


class Baselines(NamedTuple):
    """The best zoo proxy and the best count by their joint correlation on select, and that of all."""

    zoo: str
    count: str
    joints: dict[str, float]


def chosen_on_select(problem: Problem, jobs: int) -> Baselines:
    """What discovery is measured against."""
    judge = Judge(problem, Split.SELECT)
    affordable = [each for name, each in ZOO.items() if name not in judge.counts]
    rows = scores_on(judge, affordable, statistics_of(problem.table), jobs)
    joints = dict(zip(rows, judge.joint(judge.taus(np.stack(list(rows.values())))).tolist(), strict=True))
    ranked = sorted(joints, key=lambda name: -np.nan_to_num(joints[name], nan=-np.inf))
    zoo = next(name for name in ranked if name not in judge.counts)
    return Baselines(zoo, next(name for name in ranked if name in judge.counts), joints)


def scores_on(judge: Judge, scorers: Sequence[Scorer], cache: StatisticsCache, jobs: int) -> dict[str, Floats]:
    """Scores of scorers and counts on the networks of a judge; those that cannot be computed are left out."""
    found = score_networks(scorers, judge.networks, cache, jobs=jobs)
    rows = dict(zip((each.name for each in scorers), found.values, strict=True))
    return {name: row for name, row in rows.items() if np.isfinite(row).all()} | judge.counts


def look_at_sealed(problem: Problem, runs: list[Run], baselines: Baselines, jobs: int) -> dict[str, Any]:
    """The one look at the sealed split: at winners and ensembles of all seeds and budgets, the zoo and the counts."""
    judge = Judge(problem, Split.SEALED)
    scorers: list[Scorer] = [ZOO[baselines.zoo]]
    for run in runs:
        for step in run["steps"]:
            scorers += scorers_of(step, key_of(run["contender"], run["seed"], step["budget"]))
    final = max(step["budget"] for step in runs[0]["steps"])
    contenders = [name for name in dict.fromkeys(run["contender"] for run in runs) if name != RANDOM]
    chosen = {form: chosen_by_select(runs, form, final, contenders) for form in Form}
    best = chosen[Form.WINNER].contender
    winners = [key_of(best, seed, final) for seed, _ in steps_of(runs, best, final)]
    scorers.append(Ensemble([each for each in scorers if each.name in winners], ALL_SEEDS))
    looks = max(count_sealed(problem.table.digest) for _ in scorers)
    rows = scores_on(judge, scorers, statistics_of(problem.table), jobs)
    verdicts = dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))
    rivals = [baselines.zoo, *judge.counts]
    comparisons: dict[str, dict[str, Any]] = {}
    for form, choice in chosen.items():
        random = chosen_by_select(runs, form, final, [RANDOM])
        others = [chosen[Form.WINNER].row, random.row] if form is Form.ENSEMBLE else [random.row]
        means = {name: stacked(rows, runs, name, form, final) for name in (choice.contender, RANDOM)}
        count = {"rival": baselines.count}
        comparisons[form.value] = compared(problem, judge, rows, verdicts, choice, [*others, *rivals]) | {
            "mean_margin_to_random": difference_of_means(judge, *means.values()),
            "mean_margin_to_count": count
            | difference_of_means(judge, means[choice.contender], rows[baselines.count][None]),
        }
    comparisons["all seeds"] = compared(problem, judge, rows, verdicts, Choice(best, ALL_SEEDS), rivals)
    return {
        "looks": looks,
        "comparisons": comparisons,
        "verdicts": {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()},
    }


def scorers_of(step: dict[str, Any], name: str) -> list[Scorer]:
    """The winner of a step and its ensemble, under the names of their rows."""
    members = [
        Proxy(f"{name} member {number}", parse(text), sign) for number, (text, sign) in enumerate(step["ensemble"])
    ]
    return [Proxy(name, parse(step["graph"]), step["sign"]), Ensemble(members, name + TOGETHER)]


def compared(
    problem: Problem,
    judge: Judge,
    rows: dict[str, Floats],
    verdicts: dict[str, Verdict],
    choice: Choice,
    others: Sequence[str],
) -> dict[str, Any]:
    """How much further what was chosen is than others, and how much of what could be reached it reaches."""
    margins = {}
    for name in others:
        pair = rows[choice.row], rows[name]
        (joint, ci95), (iso, iso_ci95) = judge.margin(*pair), judge.iso_margin(*pair)
        margins[name] = {"joint": joint, "ci95": ci95, "iso": iso, "iso_ci95": iso_ci95}
    return {**choice._asdict(), "margins": margins, "ceilings": share_of_ceiling(problem, verdicts[choice.row])}


def stacked(rows: dict[str, Floats], runs: list[Run], name: str, form: Form, budget: int) -> Floats:
    """The rows of all seeds of a contender."""
    return np.stack([rows[row_of(name, seed, budget, form)] for seed, _ in steps_of(runs, name, budget)])


def difference_of_means(judge: Judge, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Mean joint correlation of some scores minus that of others, with a paired bootstrap over architectures."""
    means = [judge.joint(judge.taus(each)).mean() for each in (ours, theirs)]
    sampled = [judge.sampled_joints(each).mean(axis=0) for each in (ours, theirs)]
    return {"joint": float(means[0] - means[1]), "ci95": interval95(sampled[0] - sampled[1]).tolist()}


def share_of_ceiling(problem: Problem, verdict: Verdict) -> dict[str, Any]:
    """Tau of every block as a share of what a perfect score could reach, in all and in the iso stratum."""
    ceilings = {tuple(each[key] for key in ("space", "dataset")): each for each in _ceilings(problem)}
    shares = {}
    for block, own in zip(problem.blocks, verdict.blocks, strict=True):
        known = ceilings[block.space, block.dataset]
        shares[f"{block.space}/{block.dataset}"] = {
            "tau": own.kendall,
            "ceiling": known["all"]["ceiling"],
            "share": _share(own.kendall, known["all"]["ceiling"]),
            "iso": own.iso,
            "iso_ceiling": known.get("iso", {}).get("ceiling"),
            "iso_share": _share(own.iso, known.get("iso", {}).get("ceiling")),
        }
    return shares


def _ceilings(problem: Problem) -> list[dict[str, Any]]:
    first = problem.blocks[0]
    frame = problem.table.frame
    wanted = (frame["label_kind"] == first.label_kind) & (frame["metric"] == first.metric)
    return blocks_of(frame[wanted], SPACES)


def _share(tau: float, ceiling: float | None) -> float | None:
    return None if not ceiling or not np.isfinite(tau) else tau / ceiling
