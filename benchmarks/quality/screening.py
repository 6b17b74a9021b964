"""Effect of screening candidates on each strategy: draws until one is new, and EMQ's early exit.

    python benchmarks/quality/screening.py               # 1 minute on one core
    python benchmarks/quality/screening.py --seeds 2 --budget 200

Ten seeds of each strategy and screening on the fit split of the embedded table, which includes its statistics. `valid`
is the share of proposals that are valid and new candidates. `scored` is the number of candidates scored on all networks
until one reached the target, which is the median over seeds of the final fitness of random search; a candidate that an
early exit rejects counts by its share of networks. Runs that do not reach the target count as the whole budget; the
number of runs that reach it is stated. Intervals are those of Student's t over seeds.

Results: results/screening.json, and the same as Markdown in results/screening.md.
"""

import argparse
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import stats

from autoprox.base.files import write_json
from autoprox.bench import Problem, Split, Table
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.evolve.bank import Bank
from autoprox.evolve.engine import Engine
from autoprox.evolve.evolution_journal import JOURNAL, EvolutionJournal
from autoprox.evolve.fitness import Status
from autoprox.evolve.runs import load

RESULTS = Path(__file__).parent / "results"
STRATEGIES = ("diversity-prompting", "elitism-preserve", "nsga2", "random")
SCREENINGS: dict[str, dict[str, int]] = {
    "as usual": {},
    "first draw": {"redraws": 1},
    "early exit after 3": {"early_exit": 3},
}


def main() -> None:
    """Runs all, and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=300, help="distinct valid candidates of a run")
    options = parser.parse_args()
    table = Table.read()
    discoverer = Discoverer(Problem(table, tuple(table.blocks())))
    bank = Bank(discoverer.collect, discoverer.judges[Split.FIT], discoverer.judges[Split.SELECT])
    runs = {
        (strategy, screening): [
            course(
                discoverer, bank, EvolutionPlan(seed=seed, strategy=strategy, **SCREENINGS[screening]), options.budget
            )
            for seed in range(options.seeds)
        ]
        for strategy, screening in product(STRATEGIES, SCREENINGS)
    }
    target = float(np.median([each["fitness"][-1] for each in runs["random", "as usual"]]))
    rows = [
        {"strategy": strategy, "screening": screening, **summary(courses, target)}
        for (strategy, screening), courses in runs.items()
    ]
    document = {"table": table.digest, "budget": options.budget, "seeds": options.seeds, "target": target, "rows": rows}
    write_json(document, RESULTS / "screening.json")
    (RESULTS / "screening.md").write_text(markdown(document))


def course(discoverer: Discoverer, bank: Bank, plan: EvolutionPlan, budget: int) -> dict[str, Any]:
    """Highest fitness and number of scored candidates after each evaluation, and the share of valid proposals."""
    fit = discoverer.judges[Split.FIT]
    with TemporaryDirectory() as folder:
        with EvolutionJournal(Path(folder) / JOURNAL, discoverer.definition(plan)) as journal:
            outcome = Engine(plan, fit, bank, journal, [], lambda *_: None).run(Stop(budget))
        evaluations = load(Path(folder)).evaluations
    early = plan.early_exit * len(fit.blocks) / len(fit.networks)
    costs = np.where(evaluations["status"] == Status.EARLY.value, early, 1.0)
    best = np.maximum.accumulate(evaluations["fitness"].fillna(-1.0).to_numpy())
    proposed = outcome.evaluated + sum(outcome.rejected.values())
    return {"fitness": best, "scored": costs.cumsum(), "valid": outcome.evaluated / proposed}


def summary(courses: list[dict[str, Any]], target: float) -> dict[str, Any]:
    """Means over seeds with their intervals."""
    reached = [np.flatnonzero(each["fitness"] >= target) for each in courses]
    scored = [
        float(each["scored"][places[0]] if len(places) else each["scored"][-1])
        for each, places in zip(courses, reached, strict=True)
    ]
    return {
        "valid": interval([each["valid"] for each in courses]),
        "scored": interval(scored),
        "reached": sum(len(places) > 0 for places in reached),
        "fitness": interval([float(each["fitness"][-1]) for each in courses]),
    }


def interval(values: list[float]) -> list[float]:
    """Mean and 95 % interval."""
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return [mean, mean - half, mean + half]


def markdown(document: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# Screening of candidates",
        "",
        f"Made by `python benchmarks/quality/screening.py`, which says how. {document['seeds']} seeds, budget "
        f"{document['budget']}, target {document['target']:.3f}.",
        "",
        "| strategy | screening | valid a proposal | scored until the target | reached it | fitness at the end |",
        "|---|---|---|---|---|---|",
    ]
    for row in document["rows"]:
        cells = [
            row["strategy"],
            row["screening"],
            "{:.2f} [{:.2f}, {:.2f}]".format(*row["valid"]),
            "{:.0f} [{:.0f}, {:.0f}]".format(*row["scored"]),
            f"{row['reached']} of {document['seeds']}",
            "{:.3f} [{:.3f}, {:.3f}]".format(*row["fitness"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
