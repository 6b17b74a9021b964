"""What discovery is worth on a benchmark table: strategies, random search, zoo and counts, at equal budget.

    python benchmarks/quality/discovery.py                  # all of it: 10 seeds, 20,000 candidates each
    python benchmarks/quality/discovery.py --quick          # 2 seeds, 1,000 candidates; leaves the sealed split alone

It searches with every contender and seed on the same ladder of budgets, and once more with shuffled labels; chooses on
select; then looks at the sealed split once for every declared contender, all in one go, each of them counted. A search
gives two things: its winner, and the ensemble of the fittest members of its hall of fame (`autoprox.ensemble`). Both
are judged. What is done is kept under --work and is not done again, the look at the sealed split included; delete the
folder to begin anew. Results go to benchmarks/quality/results/discovery.json and discovery.md.

Time: about 30 s a search of 20,000 candidates on the table of 2 x 160 architectures, most of it for leaves that grew:
40 minutes in all on one core. --jobs searches side by side.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from discovery_markdown import markdown
from discovery_sealed import RANDOM, Form, Run, chosen_on_select, look_at_sealed, row_of, steps_of
from joblib import Parallel, delayed

from autoprox.base.digest import derived_seed, digest
from autoprox.base.errors import TableError
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split, to_document
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.problem_options import add_problem_options, problem_of
from autoprox.evolve import DEFAULT_STRATEGY, Discoverer, EvolutionPlan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.evolve.selection import ensemble_trial
from autoprox.graph import Proxy

RESULTS = Path(__file__).parent / "results"
LADDER, SEEDS = (200, 2_000, 20_000), 10
QUICK_LADDER, QUICK_SEEDS = (200, 1_000), 2


@dataclass(frozen=True)
class Contender:
    """A way to search, declared before anything is measured."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    shuffled: bool = False

    def plan(self, seed: int) -> EvolutionPlan:
        """How it searches with a seed."""
        return EvolutionPlan(seed=seed, **self.options)


CONTENDERS = (
    Contender("elitism-preserve"),
    Contender("elitism-preserve, 2 islands", {"islands": 2}),
    Contender("elitism-preserve, beyond size 0.5", {"beyond_size": 0.5}),
    Contender("elitism-preserve, zoo first", {"seed_zoo": True}),
    Contender("elitism-preserve, bank never grown", {"growths": 0}),
    Contender("diversity-prompting", {"strategy": "diversity-prompting"}),
    Contender("nsga2", {"strategy": "nsga2"}),
    Contender(RANDOM, {"strategy": "random"}),
)
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
    discoverer = Discoverer(question, statistics_of(question.table), 1, lambda networks, _: networks, lambda *_: None)
    steps, seconds = [], 0.0
    for budget in ladder:
        try:
            search = discoverer.search(contender.plan(seed), Stop(budget), folder / "journal.sqlite")
        except TableError:
            if not contender.shuffled:
                raise
            # Labels that mean nothing: it may be that nothing in the hall ranks select by more than rounding.
            continue
        seconds += search.outcome.seconds
        trial = ensemble_trial(search.hall, search.best, search.judges[Split.SELECT], search.bank)
        steps.append(
            {
                "budget": budget,
                "seconds": round(seconds, 2),
                "graph": str(search.proxy.graph),
                "sign": search.proxy.sign,
                "size": search.proxy.graph.size,
                "fit": search.best.member.evaluation.joint,
                "select": search.best.joint,
                "ensemble": [
                    [str(each.graph), each.sign] for each in search.ensemble.members if isinstance(each, Proxy)
                ],
                "ensemble_select": trial.joint,
            }
        )
    result = {"stamp": stamp, "contender": contender.name, "seed": seed, "steps": steps}
    stored.write_text(json.dumps(result, indent=1) + "\n")
    return result


def summary(runs: list[Run], sealed: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row a contender and budget: fit, select and sealed of all seeds, and the time."""
    rows = []
    for name in dict.fromkeys(run["contender"] for run in runs):
        for budget in dict.fromkeys(step["budget"] for run in runs for step in run["steps"]):
            steps = steps_of(runs, name, budget)
            row: dict[str, Any] = {"contender": name, "budget": budget, "seeds": len(steps)}
            for split in ("fit", "select", "ensemble_select"):
                row[split] = [step[split] for _, step in steps]
            for form, column in ((Form.WINNER, "sealed"), (Form.ENSEMBLE, "ensemble_sealed")):
                keys = [row_of(name, seed, budget, form) for seed, _ in steps]
                known = sealed is not None and all(key in sealed["verdicts"] for key in keys)
                row[column] = [sealed["verdicts"][key]["joint"] for key in keys] if sealed and known else None
            row["seconds"] = float(np.median([step["seconds"] for _, step in steps])) if steps else None
            rows.append(row)
    return rows


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
    baselines = chosen_on_select(problem, options.jobs)
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
            sealed = look_at_sealed(problem, declared, baselines, options.jobs) | {"stamp": stamp}
            stored.write_text(json.dumps(sealed, indent=1) + "\n")
    result = {
        "command": f"python benchmarks/quality/discovery.py{' --quick' if options.quick else ''}",
        "search_version": SEARCH_VERSION,
        "table": problem.table.name,
        "table_digest": problem.table.digest,
        "architectures": len(problem.table.archs),
        "blocks": [block.name for block in problem.blocks],
        "seeds": seeds,
        "ladder": list(ladder),
        "seconds": round(time.monotonic() - started, 1),
        "best_zoo": baselines.zoo,
        "best_count": baselines.count,
        "baselines_on_select": baselines.joints,
        "summary": summary(runs, sealed),
        "sealed": sealed,
        "runs": runs,
    }
    RESULTS.mkdir(exist_ok=True)
    name = "discovery-quick" if options.quick else "discovery"
    (RESULTS / f"{name}.json").write_text(json.dumps(result) + "\n")
    (RESULTS / f"{name}.md").write_text(markdown(result) + "\n")
    print(markdown(result))


if __name__ == "__main__":
    main()
