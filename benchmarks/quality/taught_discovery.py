"""Discovery with a teacher against the same search without, on distilled students.

    python benchmarks/quality/taught_discovery.py                  # ten seeds, all kd blocks of the embedded table
    python benchmarks/quality/taught_discovery.py --seeds 3
    python benchmarks/quality/taught_discovery.py --quick          # tests everything in little time

For each seed: the search with the trained teacher, with the untrained one as a control, and without a teacher. For the
winner of each, on select: joint tau, and joint partial tau given the number of parameters and given mean width; and the
margin over the search without a teacher. Across seeds: mean and 95 % interval of the differences. After the last seed,
all winners are scored on the sealed split at once, which is counted as one scoring.

Seeds in the stored results are not searched again. Results: results/taught_discovery.json, and the same as Markdown in
results/taught_discovery.md.
"""

import argparse
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from autoprox.bench import Judge, Problem, Split, Table, statistics_of
from autoprox.bench.sealed import count_sealed
from autoprox.evolve import Discoverer, EvolutionPlan, Finding, Stop
from autoprox.evolve.rivals import scores_of
from autoprox.graph import Proxy, parse
from autoprox.scorers import score_networks
from autoprox.training import teachers_of

RESULTS = Path(__file__).parent / "results"
WITHOUT = "without"
TEACHERS = {"trained": "resnet", "untrained": "resnet-untrained"}
COUNTS = ("params", "mean_width")


def judged(found: Finding) -> dict[str, Any]:
    """Figures of the winner of a search on select, and its scores there."""
    select = found.judges[Split.SELECT]
    scores = scores_of({"": found.chosen.on_fit}, found.bank.select)
    given = {f"given {count}": select.partial(scores[0], select.counts[count])[0] for count in COUNTS}
    return {
        "tau": float(select.joint(select.taus(scores))[0]),
        **given,
        "form": found.chosen.form.value,
        "compares": found.chosen.on_fit.needs.teacher,
        "plain": found.best.joint,
        "plain compares": found.best.member.graph.needs_teacher,
        "graph": str(found.proxy.graph),
        "sign": found.proxy.sign,
        "scores": scores[0],
    }


def problems_of(problem: Problem) -> dict[str, Problem]:
    """The problem without a teacher and with each."""
    found = {WITHOUT: problem}
    for name, teacher in TEACHERS.items():
        found[name] = replace(problem, teachers=teachers_of(teacher, problem.table, problem.blocks))
    return found


def searched(problems: dict[str, Problem], seed: int, budget: int) -> dict[str, Any]:
    """All searches of one seed."""
    rows, scores = {}, {}
    for name, each in problems.items():
        found = Discoverer(each).search(EvolutionPlan(seed), Stop(budget))
        rows[name] = judged(found)
        scores[name] = rows[name].pop("scores")
        select = found.judges[Split.SELECT]
    for name in TEACHERS:
        value, interval = select.margin(scores[name], scores[WITHOUT])
        rows[name] |= {"margin": value, "ci95": list(interval)}
    return rows


def sealed(problems: dict[str, Problem], seeds: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Mean difference of each teacher from the search without, on sealed, with its 95 % interval; one scoring."""
    found: dict[str, Any] = {"scorings": count_sealed(problems[WITHOUT].table.digest)}
    taus: dict[str, np.ndarray] = {}
    for name, problem in problems.items():
        judge, cache = Judge(problem, Split.SEALED), statistics_of(problem.table)
        winners = [Proxy(str(seed), parse(rows[name]["graph"]), rows[name]["sign"]) for seed, rows in seeds.items()]
        scores = score_networks(winners, judge.networks, cache).required()
        taus[name] = judge.joint(judge.taus(scores))
        found[name] = taus[name].tolist()
    for name in TEACHERS:
        found[f"{name}, difference"] = interval(taus[name] - taus[WITHOUT])
    return found


def interval(differences: np.ndarray) -> list[float]:
    """Mean, and half of its 95 % interval by Student's t."""
    count = len(differences)
    half = stats.t.ppf(0.975, count - 1) * stats.sem(differences) if count > 1 else np.nan
    return [float(differences.mean()), float(half)]


def across(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean difference from the search without a teacher across seeds, with its 95 % interval by Student's t."""
    found: dict[str, Any] = {}
    for name in TEACHERS:
        for figure in ("tau", "plain", *(f"given {count}" for count in COUNTS)):
            found[f"{name}, {figure}"] = interval(
                np.array([rows[name][figure] - rows[WITHOUT][figure] for rows in seeds])
            )
    return found


def markdown(document: dict[str, Any]) -> str:
    lines = [f"# Discovery with a teacher, {document['budget']:,} candidates, {len(document['seeds'])} seeds", ""]
    names = ("tau", "plain", *(f"given {count}" for count in COUNTS))
    lines += [f"| seed | search | {' | '.join(names)} | winner compares | margin |", f"|---|---|{'---|' * 6}"]
    for seed, rows in document["seeds"].items():
        for name, row in rows.items():
            margin = f"{row['margin']:+.3f} [{row['ci95'][0]:+.3f}, {row['ci95'][1]:+.3f}]" if "margin" in row else ""
            figures = " | ".join(f"{row[each]:.3f}" for each in names)
            lines.append(f"| {seed} | {name} | {figures} | {'yes' if row['compares'] else 'no'} | {margin} |")
    lines += ["", "| difference from the search without | mean | 95 % |", "|---|---|---|"]
    for name, (mean, half) in document["across"].items():
        lines.append(f"| {name} | {mean:+.3f} | ± {half:.3f} |")
    for name in TEACHERS if "sealed" in document else ():
        mean, half = document["sealed"][f"{name}, difference"]
        lines.append(f"| {name}, tau on sealed | {mean:+.3f} | ± {half:.3f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=2_000, help="candidates of a search (default: %(default)s)")
    parser.add_argument("--spaces", nargs="+", help="only these spaces")
    parser.add_argument("--datasets", nargs="+", help="only these data sets")
    parser.add_argument("--quick", action="store_true", help="one small search")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.budget, options.spaces, options.datasets = 1, 100, ["pit-micro"], ["digits"]
    torch.set_num_threads(1)
    table = Table.read()
    problem = Problem(table, tuple(table.blocks(options.spaces, options.datasets, "kd")))
    problems, stored = problems_of(problem), options.out / "taught_discovery.json"
    asked = {"budget": options.budget, "blocks": [block.name for block in problem.blocks]}
    held = json.loads(stored.read_text()) if stored.exists() else {}
    same = all(held.get(name) == value for name, value in asked.items())
    seeds = {int(seed): rows for seed, rows in held["seeds"].items() if "graph" in rows[WITHOUT]} if same else {}
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        if seed not in seeds:
            seeds[seed] = searched(problems, seed, options.budget)
        document = {**asked, "seeds": seeds, "across": across(list(seeds.values())), "machine": platform.machine()}
        if seed == options.seeds - 1:
            document["sealed"] = sealed(problems, seeds)
        stored.write_text(json.dumps(document, indent=1) + "\n")
        (options.out / "taught_discovery.md").write_text(markdown(document))
        print(markdown(document), flush=True)


if __name__ == "__main__":
    main()
