"""What discovery is worth on a benchmark table: strategies, random search, zoo and counts, at equal budget.

    python benchmarks/quality/discovery.py                  # all of it: 10 seeds, 20,000 candidates each
    python benchmarks/quality/discovery.py --quick          # 2 seeds, 1,000 candidates; leaves the sealed split alone

It searches with every contender and seed on the same ladder of budgets, and once more with shuffled labels; chooses on
select; then looks at the sealed split once for every declared contender, all in one go, each of them counted. What is
done is kept under --work and is not done again, the look at the sealed split included; delete the folder to begin anew.
Results go to benchmarks/quality/results/discovery.json and, as Markdown, to standard output.

Time: about 12 s a search of 20,000 candidates on the table of 2 x 40 architectures, so 10 minutes in all on one core;
it grows with the architectures of the table. --jobs searches side by side.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from autoprox.bench.quality import blocks_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split, to_document
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.problem import add_problem_options, problem_of
from autoprox.digest import derived_seed, digest
from autoprox.evolve import DEFAULT_STRATEGY, Discoverer, Plan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.graph import Judge, Problem, Proxy, Scorer, Verdict, parse
from autoprox.graph.segments import Floats
from autoprox.metrics import interval95
from autoprox.statistics import StatisticsCache
from autoprox.zoo import ZOO, score_networks

RESULTS = Path(__file__).parent / "results"
LADDER, SEEDS = (200, 2_000, 20_000), 10
QUICK_LADDER, QUICK_SEEDS = (200, 1_000), 2


@dataclass(frozen=True)
class Contender:
    """A way to search, declared before anything is measured."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    shuffled: bool = False

    def plan(self, seed: int) -> Plan:
        """How it searches with a seed."""
        return Plan(seed=seed, **self.options)


CONTENDERS = (
    Contender("elitism-preserve"),
    Contender("elitism-preserve, 2 islands", {"islands": 2}),
    Contender("elitism-preserve, beyond size 0.5", {"beyond_size": 0.5}),
    Contender("diversity-prompting", {"strategy": "diversity-prompting"}),
    Contender("nsga2", {"strategy": "nsga2"}),
    Contender("random", {"strategy": "random"}),
)
RANDOM = "random"
CHANCE = Contender("shuffled labels", {"strategy": DEFAULT_STRATEGY}, shuffled=True)
"""The whole procedure on labels that mean nothing."""


def shuffled(problem: Problem, seed: int) -> Problem:
    """The problem with labels dealt out anew among the architectures of a space and stratum, alike for all blocks."""
    table = problem.table
    archs = table.frame.drop_duplicates("arch_id").sort_values("arch_id")
    given: dict[str, str] = {}
    for (space, stratum), rows in archs.groupby(["space", "stratum"], sort=True):
        ids = rows["arch_id"].tolist()
        rng = np.random.default_rng(derived_seed("shuffled labels", seed, str(space), str(stratum)))
        given |= dict(zip(ids, (ids[index] for index in rng.permutation(len(ids))), strict=True))
    keys = ["dataset", "label_kind", "metric", "train_seed"]
    values = table.frame.set_index(["arch_id", *keys])["value"].to_dict()
    rows = table.frame[["arch_id", *keys]].itertuples(index=False)
    # An architecture may have fewer trainings than the one whose labels it gets: such rows keep no value and go.
    dealt = [values.get((given[row.arch_id], *row[1:]), np.nan) for row in rows]
    frame = table.frame.assign(value=dealt).dropna(subset=["value"]).reset_index(drop=True)
    mixed = replace(table, frame=frame, manifest={"splits": to_document(table.splits())})
    blocks = mixed.blocks(
        sorted({block.space for block in problem.blocks}),
        sorted({block.dataset for block in problem.blocks}),
        problem.blocks[0].label_kind,
        problem.blocks[0].metric,
    )
    return replace(problem, table=mixed, blocks=tuple(blocks))


def search_all(problem: Problem, contender: Contender, seed: int, ladder: Sequence[int], work: Path) -> dict[str, Any]:
    """Searches up a ladder of budgets, one run that is extended; what the winner of each is worth on fit and select."""
    stamp = digest([problem.table.digest, [block.name for block in problem.blocks], SEARCH_VERSION, list(ladder)])
    folder = work / f"{contender.name.replace(' ', '-').replace(',', '')}-seed{seed}"
    stored = folder / "ladder.json"
    if stored.exists() and (found := json.loads(stored.read_text()))["stamp"] == stamp:
        return dict(found)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("journal.sqlite*"):
        left.unlink()
    question = shuffled(problem, seed) if contender.shuffled else problem
    discoverer = Discoverer(question, StatisticsCache(), 1, lambda networks, _: networks, lambda *_: None)
    steps, seconds = [], 0.0
    for budget in ladder:
        search = discoverer.search(contender.plan(seed), Stop(budget), folder / "journal.sqlite")
        seconds += search.outcome.seconds
        steps.append(
            {
                "budget": budget,
                "seconds": round(seconds, 2),
                "graph": str(search.proxy.graph),
                "sign": search.proxy.sign,
                "size": search.proxy.graph.size,
                "fit": search.best.member.evaluation.joint,
                "select": search.best.joint,
            }
        )
    result = {"stamp": stamp, "contender": contender.name, "seed": seed, "steps": steps}
    stored.write_text(json.dumps(result, indent=1) + "\n")
    return result


def proxy_of(step: dict[str, Any], name: str) -> Proxy:
    """The winner of a step."""
    return Proxy(name, parse(step["graph"]), step["sign"])


def scores_on(judge: Judge, scorers: dict[str, Scorer], jobs: int) -> dict[str, Floats]:
    """Scores of scorers and counts on the networks of a judge; those that cannot be computed are left out."""
    found = score_networks(list(scorers.values()), judge.networks, StatisticsCache(), jobs=jobs)
    rows = dict(zip(scorers, found.values, strict=True))
    return {name: row for name, row in rows.items() if np.isfinite(row).all()} | judge.counts


def chosen_on_select(problem: Problem, jobs: int) -> tuple[str, str, dict[str, float]]:
    """The best zoo proxy and the best count by their joint correlation on select, and that of all."""
    judge = problem.judge(Split.SELECT)
    affordable = {name: each for name, each in ZOO.items() if name not in judge.counts}
    rows = scores_on(judge, affordable, jobs)
    joints = dict(zip(rows, judge.joint(judge.taus(np.stack(list(rows.values())))).tolist(), strict=True))
    ranked = sorted(joints, key=lambda name: -np.nan_to_num(joints[name], nan=-np.inf))
    best_zoo = next(name for name in ranked if name not in judge.counts)
    best_count = next(name for name in ranked if name in judge.counts)
    return best_zoo, best_count, joints


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
    return blocks_of(frame[wanted])


def _share(tau: float, ceiling: float | None) -> float | None:
    return None if not ceiling or not np.isfinite(tau) else tau / ceiling


def look_at_sealed(problem: Problem, runs: list[dict[str, Any]], best_zoo: str, jobs: int) -> dict[str, Any]:
    """The one look at the sealed split: every contender's winner of every seed and budget, the zoo's, the counts."""
    scorers: dict[str, Scorer] = {best_zoo: ZOO[best_zoo]}
    for run in runs:
        for step in run["steps"]:
            name = f"{run['contender']}/{run['seed']}/{step['budget']}"
            scorers[name] = proxy_of(step, name)
    looks = max(count_sealed(problem.table.digest) for _ in scorers)
    judge = problem.judge(Split.SEALED)
    rows = scores_on(judge, scorers, jobs)
    verdicts = dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))
    final = max(step["budget"] for step in runs[0]["steps"])
    winners = {each.name: _best_by_select(runs, each.name, final) for each in CONTENDERS}
    strategy = max(
        (each.name for each in CONTENDERS if each.name != RANDOM), key=lambda name: _mean_select(runs, name, final)
    )
    others = {name: _select_of(runs, name, final) for name in winners if name != strategy}
    zoo_and_counts = chosen_on_select(problem, jobs)
    others |= {name: zoo_and_counts[2][name] for name in (best_zoo, zoo_and_counts[1])}
    rivals = {name: winners.get(name, name) for name in others}
    rival = max(others, key=lambda name: others[name])
    document = {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()}
    return {
        "looks": looks,
        "chosen_strategy": strategy,
        "winner": winners[strategy],
        "winner_verdict": document[winners[strategy]],
        "ceilings": share_of_ceiling(problem, verdicts[winners[strategy]]),
        "rival": rival,
        "margins": {name: _margin(judge, rows[winners[strategy]], rows[rivals[name]]) for name in others},
        "mean_margin_to_random": _mean_margin(judge, rows, runs, strategy, final),
        "verdicts": document,
    }


def _margin(judge: Judge, scores: Floats, rival: Floats) -> dict[str, Any]:
    joint, ci95 = judge.margin(scores, rival)
    return {"joint": joint, "ci95": list(ci95)}


def _mean_margin(
    judge: Judge, rows: dict[str, Floats], runs: list[dict[str, Any]], strategy: str, budget: int
) -> dict[str, Any]:
    """Mean over the seeds of the strategy's joint correlation minus random search's, on the same resamples."""
    seeds = sorted({run["seed"] for run in runs})
    both = [np.stack([rows[f"{name}/{seed}/{budget}"] for seed in seeds]) for name in (strategy, RANDOM)]
    means = [judge.joint(judge.taus(each)).mean() for each in both]
    sampled = [judge.sampled_joints(each).mean(axis=0) for each in both]
    return {"joint": float(means[0] - means[1]), "ci95": interval95(sampled[0] - sampled[1]).tolist()}


def _steps(runs: list[dict[str, Any]], name: str, budget: int) -> list[tuple[int, dict[str, Any]]]:
    return [
        (run["seed"], step)
        for run in runs
        if run["contender"] == name
        for step in run["steps"]
        if step["budget"] == budget
    ]


def _best_by_select(runs: list[dict[str, Any]], name: str, budget: int) -> str:
    seed, _ = max(_steps(runs, name, budget), key=lambda each: each[1]["select"])
    return f"{name}/{seed}/{budget}"


def _select_of(runs: list[dict[str, Any]], name: str, budget: int) -> float:
    return float(max(step["select"] for _, step in _steps(runs, name, budget)))


def _mean_select(runs: list[dict[str, Any]], name: str, budget: int) -> float:
    return float(np.mean([step["select"] for _, step in _steps(runs, name, budget)]))


def summary(runs: list[dict[str, Any]], sealed: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row a contender and budget: mean and spread over the seeds of fit, select and sealed, and the time."""
    rows = []
    for name in dict.fromkeys(run["contender"] for run in runs):
        for budget in dict.fromkeys(step["budget"] for run in runs for step in run["steps"]):
            steps = _steps(runs, name, budget)
            row: dict[str, Any] = {"contender": name, "budget": budget, "seeds": len(steps)}
            for split in ("fit", "select"):
                row[split] = [step[split] for _, step in steps]
            keys = [f"{name}/{seed}/{budget}" for seed, _ in steps]
            known = sealed is not None and all(key in sealed["verdicts"] for key in keys)
            row["sealed"] = [sealed["verdicts"][key]["joint"] for key in keys] if sealed and known else None
            row["seconds"] = float(np.median([step["seconds"] for _, step in steps]))
            rows.append(row)
    return rows


def markdown(result: dict[str, Any]) -> str:
    """The result as a reader wants it."""
    lines = [
        f"Table {result['table']} ({result['architectures']} architectures, {len(result['blocks'])} blocks), "
        f"{result['seeds']} seeds; mean ± standard deviation over the seeds.",
        "",
        "| contender | candidates | fit | select | sealed | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["summary"]:
        cells = [_spread(row[split]) for split in ("fit", "select", "sealed")]
        lines.append(f"| {row['contender']} | {row['budget']:,} | {' | '.join(cells)} | {row['seconds']:.1f} |")
    best_zoo, best_count = result["best_zoo"], result["best_count"]
    select = result["baselines_on_select"]
    lines += [
        "",
        f"On select: zoo {best_zoo} {select[best_zoo]:.3f}, count {best_count} {select[best_count]:.3f}.",
    ]
    sealed = result["sealed"]
    if sealed is None:
        return "\n".join([*lines, "The sealed split was not looked at (--quick)."])
    lines += [
        "",
        f"Chosen on select: {sealed['chosen_strategy']}; its winner is {sealed['winner']}. Sealed joint correlation:",
        "",
        "| scorer | sealed | 95 % | winner minus it | 95 % |",
        "|---|---|---|---|---|",
    ]
    for name in (sealed["winner"], *sealed["margins"]):
        margin = sealed["margins"].get(name)
        key = name if name in sealed["verdicts"] else _named(result, name)
        own = sealed["verdicts"][key]
        difference = "| |" if margin is None else f"{margin['joint']:.3f} | {_interval(margin['ci95'])} |"
        mark = " (best other on select)" if name == sealed["rival"] else ""
        lines.append(f"| {key}{mark} | {own['joint']:.3f} | {_interval(own['ci95'])} | {difference}")
    mean = sealed["mean_margin_to_random"]
    lines += ["", f"Mean over seeds minus random search: {mean['joint']:.3f}, 95 % {_interval(mean['ci95'])}.", ""]
    lines += ["| block | tau | share of ceiling | iso tau | share of its ceiling |", "|---|---|---|---|---|"]
    for name, row in sealed["ceilings"].items():
        cells = [_number(row[key]) for key in ("tau", "share", "iso", "iso_share")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(
        [*lines, "", f"The sealed split of this table has been scored {sealed['looks']} times by this user."]
    )


def _named(result: dict[str, Any], contender: str) -> str:
    return _best_by_select(result["runs"], contender, result["ladder"][-1])


def _spread(values: list[float] | None) -> str:
    return "" if values is None else f"{np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f}"


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"


def main() -> None:
    """Runs what is missing and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_problem_options(parser)
    parser.set_defaults(bench=DEFAULT_TABLE, jobs=1)
    parser.add_argument("--quick", action="store_true", help="2 seeds and 1,000 candidates, nothing sealed")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/benchmarks/discovery"), help="where what is done is kept"
    )
    options = parser.parse_args()
    problem = problem_of(options)
    ladder, seeds = (QUICK_LADDER, QUICK_SEEDS) if options.quick else (LADDER, SEEDS)
    work = options.work / f"{problem.table.digest[:12]}-{'quick' if options.quick else 'full'}"
    started = time.monotonic()
    best_zoo, best_count, joints = chosen_on_select(problem, options.jobs)
    # One search first, so that the others find the statistics in the cache.
    tasks = [(each, seed) for each in (*CONTENDERS, CHANCE) for seed in range(seeds)]
    search_all(problem, *tasks[0], ladder, work)
    runs: list[dict[str, Any]] = list(
        Parallel(n_jobs=options.jobs)(delayed(search_all)(problem, *task, ladder, work) for task in tasks)
    )
    declared = [run for run in runs if run["contender"] != CHANCE.name]
    stored = work / "sealed.json"
    stamp = digest([[step["graph"] for step in run["steps"]] for run in declared])
    sealed = None
    if not options.quick:
        sealed = json.loads(stored.read_text()) if stored.exists() else None
        if sealed is None or sealed["stamp"] != stamp:
            sealed = look_at_sealed(problem, declared, best_zoo, options.jobs) | {"stamp": stamp}
            stored.write_text(json.dumps(sealed, indent=1) + "\n")
    result = {
        "command": f"python benchmarks/quality/discovery.py{' --quick' if options.quick else ''}",
        "table": problem.table.name,
        "table_digest": problem.table.digest,
        "architectures": len(problem.table.archs),
        "blocks": [block.name for block in problem.blocks],
        "seeds": seeds,
        "ladder": list(ladder),
        "seconds": round(time.monotonic() - started, 1),
        "best_zoo": best_zoo,
        "best_count": best_count,
        "baselines_on_select": joints,
        "summary": summary(runs, sealed),
        "sealed": sealed,
        "runs": runs,
    }
    RESULTS.mkdir(exist_ok=True)
    name = "discovery-quick.json" if options.quick else "discovery.json"
    (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n")
    print(markdown(result))


if __name__ == "__main__":
    main()
