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
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from autoprox.bench.quality import blocks_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split, to_document
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.problem import add_problem_options, problem_of
from autoprox.digest import derived_seed, digest
from autoprox.errors import TableError
from autoprox.evolve import DEFAULT_STRATEGY, Discoverer, Plan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.evolve.selection import ensemble_of, ensemble_trial, joined_ranks
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
    Contender("elitism-preserve, zoo first", {"seed_zoo": True}),
    Contender("elitism-preserve, bank never grown", {"growths": 0}),
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
        try:
            search = discoverer.search(contender.plan(seed), Stop(budget), folder / "journal.sqlite")
        except TableError:
            # Few candidates on labels that mean nothing: nothing in the hall ranks select by more than rounding.
            steps.append({"budget": budget})
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
                "ensemble": [[str(each.graph), each.evaluation.sign] for each in ensemble_of(search.hall)],
                "ensemble_select": trial.joint,
            }
        )
    result = {"stamp": stamp, "contender": contender.name, "seed": seed, "steps": steps}
    stored.write_text(json.dumps(result, indent=1) + "\n")
    return result


def proxies_of(step: dict[str, Any]) -> dict[str, Proxy]:
    """The winner of a step, under the empty name, and the members of its ensemble."""
    pairs = {"": (step["graph"], step["sign"])}
    pairs |= {f"member {number}": (text, sign) for number, (text, sign) in enumerate(step["ensemble"])}
    return {name: Proxy(name or "winner", parse(text), sign) for name, (text, sign) in pairs.items()}


def scores_on(judge: Judge, scorers: dict[str, Scorer], jobs: int) -> dict[str, Floats]:
    """Scores of scorers and counts on the networks of a judge; those that cannot be computed are left out."""
    found = score_networks(list(scorers.values()), judge.networks, StatisticsCache(), jobs=jobs)
    rows = dict(zip(scorers, found.values, strict=True))
    return {name: row for name, row in rows.items() if np.isfinite(row).all()} | judge.counts


class Baselines(NamedTuple):
    """The best zoo proxy and the best count by their joint correlation on select, and that of all."""

    zoo: str
    count: str
    joints: dict[str, float]


def chosen_on_select(problem: Problem, jobs: int) -> Baselines:
    """What discovery is measured against."""
    judge = problem.judge(Split.SELECT)
    affordable = {name: each for name, each in ZOO.items() if name not in judge.counts}
    rows = scores_on(judge, affordable, jobs)
    joints = dict(zip(rows, judge.joint(judge.taus(np.stack(list(rows.values())))).tolist(), strict=True))
    ranked = sorted(joints, key=lambda name: -np.nan_to_num(joints[name], nan=-np.inf))
    zoo = next(name for name in ranked if name not in judge.counts)
    return Baselines(zoo, next(name for name in ranked if name in judge.counts), joints)


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


def look_at_sealed(problem: Problem, runs: list[dict[str, Any]], baselines: Baselines, jobs: int) -> dict[str, Any]:
    """The one look at the sealed split: at winners and ensembles of all seeds and budgets, the zoo and the counts."""
    judge = problem.judge(Split.SEALED)
    scorers: dict[str, Scorer] = {baselines.zoo: ZOO[baselines.zoo]}
    parts: dict[str, list[str]] = {}
    for run in runs:
        for step in run["steps"]:
            name = key_of(run["contender"], run["seed"], step["budget"])
            # What is scored together is told apart by its name.
            found = {
                key: each.renamed(key) for part, each in proxies_of(step).items() if (key := f"{name} {part}".strip())
            }
            scorers |= found
            parts[name + TOGETHER] = list(found)[1:]
    final = max(step["budget"] for step in runs[0]["steps"])
    chosen = {form: chosen_by_select(runs, form, final) for form in Form}
    winners = [key_of(chosen[Form.WINNER].contender, run["seed"], final) for run in runs if run["contender"] == RANDOM]
    parts[ALL_SEEDS] = winners
    looks = max(count_sealed(problem.table.digest) for _ in (*judge.counts, *(name for name in scorers)))
    rows = scores_on(judge, scorers, jobs)
    rows |= {name: joined_ranks(np.stack([rows[each] for each in members]), judge) for name, members in parts.items()}
    kept = [name for name in rows if " member " not in name]
    verdicts = dict(zip(kept, judge.verdicts(np.stack([rows[name] for name in kept])), strict=True))
    rivals = [baselines.zoo, *judge.counts]
    comparisons = {}
    for form, choice in chosen.items():
        random = chosen_by_select(runs, form, final, [RANDOM]).row
        others = [chosen[Form.WINNER].row, random] if form is Form.ENSEMBLE else [random]
        comparisons[form.value] = {
            "contender": choice.contender,
            "row": choice.row,
            "margins": {name: margin(judge, rows[choice.row], rows[name]) for name in (*others, *rivals)},
            "mean_margin_to_random": mean_margin(judge, rows, runs, choice.contender, form, final),
            "mean_margin_to_count": mean_margin_to(judge, rows, runs, choice.contender, form, final, baselines.count),
            "ceilings": share_of_ceiling(problem, verdicts[choice.row]),
        }
    comparisons["all seeds"] = {
        "contender": chosen[Form.WINNER].contender,
        "row": ALL_SEEDS,
        "margins": {name: margin(judge, rows[ALL_SEEDS], rows[name]) for name in rivals},
        "ceilings": share_of_ceiling(problem, verdicts[ALL_SEEDS]),
    }
    return {
        "looks": looks,
        "comparisons": comparisons,
        "verdicts": {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()},
    }


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


def chosen_by_select(runs: list[dict[str, Any]], form: Form, budget: int, among: Sequence[str] | None = None) -> Choice:
    """The contender with the highest mean on select, and of its seeds the one with the highest."""
    names = [each.name for each in CONTENDERS if each.name != RANDOM] if among is None else list(among)
    values = {name: {seed: step[form.select] for seed, step in steps_of(runs, name, budget)} for name in names}
    name = max(names, key=lambda name: np.mean(list(values[name].values())))
    seed = max(values[name], key=lambda seed: values[name][seed])
    return Choice(name, row_of(name, seed, budget, form))


def margin(judge: Judge, scores: Floats, rival: Floats) -> dict[str, Any]:
    """How much further the one is than the other."""
    joint, ci95 = judge.margin(scores, rival)
    return {"joint": joint, "ci95": list(ci95)}


def mean_margin(
    judge: Judge, rows: dict[str, Floats], runs: list[dict[str, Any]], name: str, form: Form, budget: int
) -> dict[str, Any]:
    """Mean over the seeds of the contender's joint correlation minus random search's, on the same resamples."""
    seeds = sorted({run["seed"] for run in runs})
    both = [np.stack([rows[row_of(each, seed, budget, form)] for seed in seeds]) for each in (name, RANDOM)]
    return difference_of_means(judge, *both)


def mean_margin_to(
    judge: Judge, rows: dict[str, Floats], runs: list[dict[str, Any]], name: str, form: Form, budget: int, rival: str
) -> dict[str, Any]:
    """Mean over the seeds of the contender's joint correlation minus that of one score."""
    seeds = sorted({run["seed"] for run in runs})
    own = np.stack([rows[row_of(name, seed, budget, form)] for seed in seeds])
    return {"rival": rival, **difference_of_means(judge, own, rows[rival][None])}


def difference_of_means(judge: Judge, ours: Floats, theirs: Floats) -> dict[str, Any]:
    """Mean joint correlation of some scores minus that of others, with a paired bootstrap over architectures."""
    means = [judge.joint(judge.taus(each)).mean() for each in (ours, theirs)]
    sampled = [judge.sampled_joints(each).mean(axis=0) for each in (ours, theirs)]
    return {"joint": float(means[0] - means[1]), "ci95": interval95(sampled[0] - sampled[1]).tolist()}


def steps_of(runs: list[dict[str, Any]], name: str, budget: int) -> list[tuple[int, dict[str, Any]]]:
    """The seeds of a contender with their step of a budget."""
    return [
        (run["seed"], step)
        for run in runs
        if run["contender"] == name
        for step in run["steps"]
        if step["budget"] == budget and "graph" in step
    ]


def summary(runs: list[dict[str, Any]], sealed: dict[str, Any] | None) -> list[dict[str, Any]]:
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
            row["seconds"] = float(np.median([step["seconds"] for _, step in steps]))
            rows.append(row)
    return rows


def markdown(result: dict[str, Any]) -> str:
    """The result as a reader wants it."""
    best_zoo, best_count, select = result["best_zoo"], result["best_count"], result["baselines_on_select"]
    lines = [
        f"# Discovery on {result['table']}, measured",
        "",
        f"Command: `{result['command']}`. {result['architectures']} architectures, {len(result['blocks'])} blocks, "
        f"{result['seeds']} seeds; joint tau, mean ± standard deviation over the seeds. Of a search: the winner, and "
        "the ensemble of the eight members of the hall that are fittest on fit.",
        "",
        "| contender | candidates | fit | select | sealed | ensemble: select | sealed | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    columns = ("fit", "select", "sealed", "ensemble_select", "ensemble_sealed")
    for row in result["summary"]:
        cells = [_spread(row[column]) for column in columns]
        lines.append(f"| {row['contender']} | {row['budget']:,} | {' | '.join(cells)} | {row['seconds']:.1f} |")
    lines += [
        "",
        f"On select: zoo {best_zoo} {select[best_zoo]:.3f}, count {best_count} {select[best_count]:.3f}.",
    ]
    sealed = result["sealed"]
    if sealed is None:
        return "\n".join([*lines, "The sealed split was not looked at (--quick)."])
    for form, found in sealed["comparisons"].items():
        lines += ["", f"## On sealed: {form}, chosen on select", ""]
        lines += ["| scorer | joint | 95 % | iso | it minus this | 95 % |", "|---|---|---|---|---|---|"]
        for name in (found["row"], *found["margins"]):
            own, apart = sealed["verdicts"][name], found["margins"].get(name)
            difference = "| |" if apart is None else f"{apart['joint']:.3f} | {_interval(apart['ci95'])} |"
            iso = _number(float(np.mean([each["kendall_iso"] for each in own["blocks"]])))
            lines.append(f"| {name} | {own['joint']:.3f} | {_interval(own['ci95'])} | {iso} | {difference}")
        for text, key in (("random search", "mean_margin_to_random"), (best_count, "mean_margin_to_count")):
            if mean := found.get(key):
                lines += ["", f"Mean over seeds minus {text}: {mean['joint']:.3f}, 95 % {_interval(mean['ci95'])}."]
        lines += ["", "| block | tau | share of ceiling | iso tau | share of its ceiling |", "|---|---|---|---|---|"]
        for name, row in found["ceilings"].items():
            cells = [_number(row[key]) for key in ("tau", "share", "iso", "iso_share")]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"This user has scored the sealed split of this table {sealed['looks']} times."])


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
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(markdown(result) + "\n")
    print(markdown(result))


if __name__ == "__main__":
    main()
