"""Comparisons of discovery.py: baselines, the choice on select, and the single scoring of the sealed split."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.quality import blocks_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.verdict import Verdict
from autoprox.evolve import FITTED_ROW, ProxyForm, count_terms, fitted
from autoprox.graph import LeafTable, Proxy, collect_leaves, parse
from autoprox.metrics import interval95
from autoprox.scorers import ZOO, Ensemble, Scorer, score_networks
from autoprox.spaces import SPACES
from autoprox.statistics import StatisticsCache

DEFAULT, RANDOM = "default", "random"
"""Names of contenders: the default run, and the baseline of all others."""

Run: TypeAlias = dict[str, Any]
"""Result of one contender with one seed."""

WINNER, ENSEMBLE = "winner", "ensemble"
"""Results of a search in addition to its forms."""


def rows_of(runs: list[Run]) -> dict[str, list[str]]:
    """Names of the rows of the winner, each form and the ensemble, one per seed; only if every seed has them."""
    names: dict[str, list[str]] = {WINNER: [], ENSEMBLE: []}
    for run in runs:
        key = f"{run['contender']}/{run['seed']}"
        names[WINNER].append(f"{key}/{run['found']['form']}")
        names[ENSEMBLE].append(f"{key}/{ENSEMBLE}")
        for form in run["found"]["forms"]:
            names.setdefault(form["form"], []).append(f"{key}/{form['form']}")
    return {form: keys for form, keys in names.items() if len(keys) == len(runs)}


def scorers_of(run: Run) -> list[Scorer]:
    """The forms of a discovery and its ensemble, by the names of their rows."""
    key = f"{run['contender']}/{run['seed']}"
    found = run["found"]
    forms = [Proxy(f"{key}/{each['form']}", parse(each["graph"]), each["sign"]) for each in found["forms"]]
    members = [
        Proxy(f"{key} member {number}", parse(text), sign) for number, (text, sign) in enumerate(found["ensemble"])
    ]
    return [*forms, Ensemble(members, f"{key}/{ENSEMBLE}")]


class Baselines(NamedTuple):
    """The best zoo proxy and the best count by joint correlation on select, and the correlations of all."""

    zoo: str
    count: str
    joints: dict[str, float]


def chosen_on_select(problem: Problem, jobs: int) -> Baselines:
    """Baselines of discovery."""
    judge = Judge(problem, Split.SELECT)
    affordable = [each for name, each in ZOO.items() if name not in judge.counts]
    rows = scores_on(judge, affordable, statistics_of(problem.table), jobs)
    joints = dict(zip(rows, judge.joint(judge.taus(np.stack(list(rows.values())))).tolist(), strict=True))
    ranked = sorted(joints, key=lambda name: -np.nan_to_num(joints[name], nan=-np.inf))
    zoo = next(name for name in ranked if name not in judge.counts)
    return Baselines(zoo, next(name for name in ranked if name in judge.counts), joints)


def scores_on(judge: Judge, scorers: Sequence[Scorer], cache: StatisticsCache, jobs: int) -> dict[str, Floats]:
    """Scores of scorers and counts on the networks of a judge; scorers that cannot be computed are skipped."""
    found = score_networks(scorers, judge.networks, cache, jobs=jobs)
    rows = dict(zip((each.name for each in scorers), found.values, strict=True))
    return {name: row for name, row in rows.items() if np.isfinite(row).all()} | judge.counts


def look_at_sealed(problem: Problem, runs: list[Run], baselines: Baselines, jobs: int) -> dict[str, Any]:
    """The single scoring of the sealed split: forms and ensembles of all seeds, the zoo, counts and fitted counts."""
    judge, both = Judge(problem, Split.SEALED), Judge(problem, Split.FIT, Split.SELECT)
    cache = statistics_of(problem.table)
    leaves = [leaf for each in count_terms() for leaf in each.node_leaves]
    held = LeafTable(collect_leaves(both.networks, list(dict.fromkeys(leaves)), cache, jobs=jobs))
    counts = fitted(ProxyForm.BLEND, count_terms(), both, held)
    assert counts is not None
    scorers: list[Scorer] = [ZOO[baselines.zoo], Proxy(FITTED_ROW, counts)]
    scorers += [each for run in runs for each in scorers_of(run)]
    looks = max(count_sealed(problem.table.digest) for _ in scorers)
    rows = scores_on(judge, scorers, cache, jobs)
    verdicts = dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))
    default, random = (rows_of([run for run in runs if run["contender"] == name]) for name in (DEFAULT, RANDOM))
    rivals = [FITTED_ROW, baselines.zoo, *judge.counts]
    return {
        "looks": looks,
        "margins": {
            key: {name: list(judge.margin(rows[key], rows[name])) for name in rivals} for key in default[WINNER]
        },
        "means": {
            form: {
                name: difference_of_means(judge, _stacked(rows, keys), theirs)
                for name, theirs in (
                    *((name, rows[name][None]) for name in rivals),
                    (RANDOM, _stacked(rows, random.get(form, random[WINNER]))),
                )
            }
            for form, keys in default.items()
        },
        "ceilings": share_of_ceiling(problem, [verdicts[key] for key in default[WINNER]]),
        "verdicts": {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()},
    }


def _stacked(rows: dict[str, Floats], keys: Sequence[str]) -> Floats:
    return np.stack([rows[key] for key in keys])


def difference_of_means(judge: Judge, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Difference of the mean joint correlations of two sets of scores, with a paired bootstrap over architectures."""
    means = [judge.joint(judge.taus(each)).mean() for each in (ours, theirs)]
    sampled = [judge.sampled_joints(each).mean(axis=0) for each in (ours, theirs)]
    return {"joint": float(means[0] - means[1]), "ci95": interval95(sampled[0] - sampled[1]).tolist()}


def share_of_ceiling(problem: Problem, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Mean tau of every block as a share of the noise ceiling, for all architectures and the iso stratum."""
    ceilings = {tuple(each[key] for key in ("space", "dataset")): each for each in _ceilings(problem)}
    shares = {}
    for index, block in enumerate(problem.blocks):
        known = ceilings[block.space, block.dataset]
        tau, iso = (
            float(np.mean([getattr(each.blocks[index], name) for each in verdicts])) for name in ("kendall", "iso")
        )
        shares[f"{block.space}/{block.dataset}"] = {
            "tau": tau,
            "ceiling": known["all"]["ceiling"],
            "share": _share(tau, known["all"]["ceiling"]),
            "iso": iso,
            "iso_ceiling": known.get("iso", {}).get("ceiling"),
            "iso_share": _share(iso, known.get("iso", {}).get("ceiling")),
        }
    return shares


def _ceilings(problem: Problem) -> list[dict[str, Any]]:
    first = problem.blocks[0]
    frame = problem.table.frame
    wanted = (frame["label_kind"] == first.label_kind) & (frame["metric"] == first.metric)
    return blocks_of(frame[wanted], SPACES)


def _share(tau: float, ceiling: float | None) -> float | None:
    return None if not ceiling or not np.isfinite(tau) else tau / ceiling
