"""Quality of discovery on a benchmark table: the default run, other settings, random search, fitted counts.

    python benchmarks/quality/discovery.py                  # all of it: 10 seeds, 20,000 candidates each
    python benchmarks/quality/discovery.py --quick          # 2 seeds, 1,000 candidates; does not score the sealed split

It searches with every contender and seed, and once more with shuffled labels; chooses on select; then scores the sealed
split once for every declared contender, all together, and counts each scoring. A search gives its winner, the other
forms of the discovery, and the ensemble of the fittest members of its hall of fame. All are judged. Completed work is
stored under --work and reused, including the scorings of the sealed split; delete the folder to start over. Results go
to benchmarks/quality/results/discovery.json and discovery.md.

Time: about 25 s of processor time per search of 20,000 candidates on the table of 2 x 160 architectures; a quarter of
an hour in all on one core. --jobs searches side by side.
"""

import argparse
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from discovery_markdown import markdown
from discovery_sealed import DEFAULT, RANDOM, Run, chosen_on_select, look_at_sealed, rows_of
from joblib import Parallel, delayed

from autoprox.base.digest import derived_seed, digest
from autoprox.base.errors import TableError
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split, to_document
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.problem_options import add_problem_options, problem_of
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.evolve.selection import ensemble_trial, highest
from autoprox.graph import Proxy

RESULTS = Path(__file__).parent / "results"
BUDGET, SEEDS = 20_000, 10
QUICK_BUDGET, QUICK_SEEDS = 1_000, 2
FEWER = 5
"""Seeds of contenders for comparison."""


@dataclass(frozen=True)
class Contender:
    """A configuration of the search, declared before any measurement."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    seeds: int = FEWER
    shuffled: bool = False

    def plan(self, seed: int) -> EvolutionPlan:
        """Its plan for a seed."""
        return EvolutionPlan(seed=seed, **self.options)


CONTENDERS = (
    Contender(DEFAULT, seeds=SEEDS),
    Contender(RANDOM, {"strategy": "random"}, seeds=SEEDS),
    Contender("elitism-preserve", {"strategy": "elitism-preserve"}),
    Contender("leaves of a site alike", {"leaf_weights": None}),
)
CHANCE = Contender("shuffled labels", shuffled=True)
"""The whole procedure on meaningless labels."""


def shuffled(problem: Problem, seed: int) -> Problem:
    """The problem with labels permuted within each space and stratum, in the same way for all blocks."""
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
    # An architecture may have fewer trainings than the source of its labels: such rows get no value and are dropped.
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


def search(problem: Problem, contender: Contender, seed: int, budget: int, work: Path) -> dict[str, Any]:
    """Searches once; the winner, and its correlation on select."""
    stamp = digest([problem.table.digest, [block.name for block in problem.blocks], SEARCH_VERSION, budget])
    folder = work / f"{contender.name.replace(' ', '-')}-seed{seed}"
    stored = folder / "found.json"
    if stored.exists() and (known := json.loads(stored.read_text()))["stamp"] == stamp:
        return dict(known)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("journal.sqlite*"):
        left.unlink()
    question = shuffled(problem, seed) if contender.shuffled else problem
    discoverer = Discoverer(question, statistics_of(question.table), 1, lambda networks, _: networks, lambda *_: None)
    result: dict[str, Any] = {"stamp": stamp, "contender": contender.name, "seed": seed, "found": None}
    started = time.process_time()
    try:
        found = discoverer.search(contender.plan(seed), Stop(budget), folder / "journal.sqlite")
    except TableError:
        if not contender.shuffled:
            raise
        # With meaningless labels, it is possible that no member of the hall ranks select by more than rounding.
    else:
        trial = ensemble_trial(found.hall, highest(found.hall), found.judges[Split.SELECT], found.bank)
        members = [[str(each.graph), each.sign] for each in found.ensemble.members if isinstance(each, Proxy)]
        result["found"] = {
            "processor_seconds": round(time.process_time() - started, 1),
            "fit": found.best.member.evaluation.joint,
            "form": found.chosen.form.value,
            "forms": [each.to_document() for each in found.forms],
            "select": found.chosen.joint,
            "ensemble": members,
            "ensemble_select": trial.joint,
        }
    stored.write_text(json.dumps(result, indent=1) + "\n")
    return result


def summary(runs: list[Run], sealed: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row per contender: fit, select and sealed of all seeds, form by form, and the time."""
    rows = []
    for name in dict.fromkeys(run["contender"] for run in runs):
        own = [run for run in runs if run["contender"] == name]
        known = [run for run in own if run["found"] is not None]
        row: dict[str, Any] = {"contender": name, "seeds": len(own), "undefined": len(own) - len(known)}
        for key in ("fit", "select", "ensemble_select", "processor_seconds"):
            row[key] = [run["found"][key] for run in known]
        row["forms"] = [run["found"]["form"] for run in known]
        row["sealed"] = {
            form: [sealed["verdicts"][key]["joint"] for key in keys]
            for form, keys in rows_of(known).items()
            if sealed is not None and all(key in sealed["verdicts"] for key in keys)
        }
        rows.append(row)
    return rows


def main() -> None:
    """Runs missing searches and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_problem_options(parser)
    parser.set_defaults(bench=DEFAULT_TABLE, jobs=1)
    parser.add_argument("--quick", action="store_true", help="2 seeds and 1,000 candidates, without the sealed split")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/discovery"), help="folder of completed work")
    options = parser.parse_args()
    problem = problem_of(options)
    budget, most = (QUICK_BUDGET, QUICK_SEEDS) if options.quick else (BUDGET, SEEDS)
    work = options.work / f"{problem.table.digest[:12]}-{'quick' if options.quick else 'full'}"
    started = time.monotonic()
    baselines = chosen_on_select(problem, options.jobs)
    tasks = [(each, seed) for each in (*CONTENDERS, CHANCE) for seed in range(min(each.seeds, most))]
    # One search first, so that the others find the statistics in the cache.
    search(problem, *tasks[0], budget, work)
    runs: list[dict[str, Any]] = list(
        Parallel(n_jobs=options.jobs)(delayed(search)(problem, *task, budget, work) for task in tasks)
    )
    declared = [run for run in runs if run["contender"] != CHANCE.name]
    stored = work / "sealed.json"
    stamp = digest([run["found"] for run in declared])
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
        "budget": budget,
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
