"""`python -m autoprox.evolve`: discovers a proxy on a benchmark table."""

import argparse
import csv
import json
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.base.files import json_writer
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.sealed import sealed_count
from autoprox.bench.splits import Split
from autoprox.bench.table import small_block_warnings
from autoprox.bench.verdict import Verdict
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_seed
from autoprox.commands.console import candidate_bar, interval, network_bar, note, number, say, text_table, warn
from autoprox.commands.outfolder import FolderKind, OutFolder
from autoprox.commands.problem_options import add_problem_options, problem_of
from autoprox.commands.record import run_record
from autoprox.commands.report import add_random_option, chosen_random_budget, make_report
from autoprox.commands.values import PathTo, Real, Text, Whole
from autoprox.evolve import (
    DEFAULT_BUDGET,
    DEFAULT_STRATEGY,
    PROXY_ROW,
    STRATEGIES,
    ZOO_ROW,
    Discoverer,
    Discovery,
    EvolutionPlan,
    ProxyForm,
    Stop,
    sentence,
)
from autoprox.evolve.evolution_journal import FORMAT, JOURNAL, has_begun
from autoprox.evolve.plan import EQUAL_WEIGHTS
from autoprox.evolve.runs import FRONT, load
from autoprox.evolve.selection import EnsembleTrial
from autoprox.report import EVIDENCE, REPORT
from autoprox.scorers import BEST, HALL
from autoprox.statistics import StatisticKind

FRONT_TABLE = "front.csv"
FORMS = tuple(f"{form.value}.json" for form in ProxyForm)


def _add_options(options: CommandParser) -> None:
    add_problem_options(options)
    stop = options.add_mutually_exclusive_group()
    stop.add_argument(
        "--budget", type=Whole(1), metavar="N", help=f"distinct valid candidates in total (default: {DEFAULT_BUDGET})"
    )
    stop.add_argument(
        "--seconds", type=Real(0, above=True), metavar="S", help="search for S seconds; such a run does not repeat"
    )
    search = options.add_argument_group("how it is searched")
    search.add_argument(
        "--strategy",
        default=DEFAULT_STRATEGY,
        metavar="NAME",
        help=f"one of {', '.join(STRATEGIES)} (default: %(default)s)",
        type=Text(STRATEGIES),
    )
    search.add_argument(
        "--set",
        nargs="+",
        metavar="NAME=VALUE",
        help="settings of the strategy, for example --set population=64 top_k=4",
        type=Text(),
    )
    search.add_argument(
        "--islands",
        type=Whole(1, 256),
        default=1,
        metavar="K",
        help="populations that exchange members, spread over --jobs (default: 1)",
    )
    search.add_argument("--seed-zoo", action="store_true", help="let the graphs of the zoo be the first candidates")
    search.add_argument(
        "--beyond-size",
        type=Real(0),
        default=0.0,
        metavar="W",
        help="add W times the tau among architectures of one size (given parameters, where there are too few) to the"
        " fitness (default: 0)",
    )
    search.add_argument(
        "--growths",
        type=Whole(0, 100),
        default=EvolutionPlan.growths,
        metavar="N",
        help="make new leaves from those of good candidates N times, first after 3,000 candidates and then whenever"
        " there are twice as many; each time their values are computed for all networks (default: %(default)s)",
    )
    search.add_argument(
        "--redraws",
        type=Whole(1, 1000),
        default=EvolutionPlan.redraws,
        metavar="N",
        help="draw a candidate up to N times until it is one that was not evaluated before (default: %(default)s)",
    )
    search.add_argument(
        "--early-exit",
        type=Whole(0, 1000),
        default=EvolutionPlan.early_exit,
        metavar="N",
        help="reject a candidate that scores the first N networks of a block alike, 3 in EMQ (default: 0, none)",
    )
    search.add_argument(
        "--leaf-weights",
        nargs="+",
        metavar="KIND=WEIGHT",
        type=Text(),
        help=f"how often leaves of a kind of statistic are drawn ({', '.join(StatisticKind)}), or the word uniform: all"
        " leaves of a site alike (default: every kind equally often)",
    )
    add_seed(options)
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help="folder of the run (default: runs/<bench>-seed<seed>)",
    )
    options.add_argument(
        "--resume", action="store_true", help="go on with the run in this folder; --budget is the total"
    )
    options.add_argument("--force", action="store_true", help="replace the run in this folder")
    options.add_argument(
        "--keep-sealed",
        action="store_true",
        help="do not score the sealed split: for trials; 'autoprox judge DIR' scores it once, when all is settled",
    )
    report = options.add_argument_group("the report, report.html in the folder of the run")
    add_random_option(report)
    report.add_argument(
        "--no-report", action="store_true", help="write none; autoprox runs DIR --report makes it later"
    )


def _evolve(options: argparse.Namespace) -> int:
    started = time.monotonic()
    plan = _plan(options)
    unlimited = options.budget is None and options.seconds is None
    stop = Stop(DEFAULT_BUDGET) if unlimited else Stop(options.budget, options.seconds)
    if options.out is not None:
        OutFolder(options.out, RUN_FOLDER, force=options.force, resume=options.resume).refuse()
    problem = problem_of(options)
    out = options.out or _default_folder(problem.table.name, options.seed)
    folder = OutFolder(out, RUN_FOLDER, force=options.force, resume=options.resume)
    cache = statistics_of(problem.table)
    discoverer = Discoverer(problem, cache, options.jobs, network_bar)
    if folder.has_all_of(options.words) or _has_all(folder, stop.budget, discoverer.definition(plan), options):
        finished = f"'{out}' holds a finished run of {folder.recorded()} candidates"
        if options.no_report or all((out / name).is_file() for name in (REPORT, EVIDENCE)):
            note(f"{finished}; nothing is left to do")
            return 0
        note(f"{finished}; its report is missing, and made")
        with folder.owned():
            _report(out, problem, options)
        return 0
    for line in small_block_warnings(discoverer.judges[Split.FIT].blocks, stop.budget or DEFAULT_BUDGET):
        warn(f"fit split: {line}")
    # What could not be written later is refused before anything is replaced.
    cache.get_many([], [])
    if not options.keep_sealed:
        sealed_count(problem.table.digest)
    with folder.opened(options, leave=(REPORT, EVIDENCE) if options.no_report else ()):
        if options.resume and not folder.recorded():
            note(f"there is nothing to resume in '{out}'; a new run starts")
        with folder.interruptible():
            discovery = _searched(discoverer, plan, stop, options, folder)
        written = folder.finish(_contents(discovery), _record(options, started, problem, discovery))
        _say(problem, discovery, written, time.monotonic() - started)
        if not options.no_report:
            _report(out, problem, options)
    return 0


def _report(out: Path, problem: Problem, options: argparse.Namespace) -> None:
    """Makes the report of a finished run."""
    try:
        page = make_report(out, problem, jobs=options.jobs, random_budget=chosen_random_budget(options))
    except KeyboardInterrupt as interruption:
        command = shlex.join(["python", "-m", "autoprox.runs", str(out), "--report"])
        raise KeyboardInterrupt(f"The run is finished; for its report: {command}") from interruption
    say(f"report: {page}")


def _default_folder(table: str, seed: int) -> Path:
    return Path("runs") / f"{table}-seed{seed}"


def _recorded(folder: Path) -> int:
    """How many candidates the journal in a folder holds."""
    return int(load(folder).epochs["evaluated"].max()) if has_begun(folder / JOURNAL) else 0


RUN_FOLDER = FolderKind(
    "evolve", "run", BEST, (HALL, *FORMS, FRONT, FRONT_TABLE, REPORT, EVIDENCE), {JOURNAL: FORMAT}, recorded=_recorded
)


def _has_all(folder: OutFolder, budget: int | None, definition: dict[str, Any], options: argparse.Namespace) -> bool:
    """Whether the run that is resumed is finished and has all the candidates that are asked for.

    Raises:
        SpecError: If it is finished and has more than that.
    """
    if not options.resume or budget is None or not folder.finished or not folder.recorded():
        return False
    if load(folder.path).definition != json.loads(json.dumps(definition)):
        return False  # the journal will say what differs
    if (done := folder.recorded()) > budget:
        raise SpecError(
            f"'{folder.path}' holds a finished run of {done} candidates; --budget {budget} is the total. Give a larger "
            "one to extend it, or --force to replace it."
        )
    return done == budget and (options.keep_sealed or load(folder.path).sealed_scorings is not None)


def _contents(discovery: Discovery) -> dict[str, Callable[[Path], object]]:
    """The files of a run, each with what writes it."""
    points = [each.to_document() for each in discovery.front]
    front = {FRONT: json_writer(points), FRONT_TABLE: lambda path: _write_csv(path, points)} if points else {}
    hall = json_writer([each.to_document() for each in discovery.hall])
    forms = {f"{each.form.value}.json": each.proxy.save for each in discovery.forms}
    return {BEST: discovery.proxy.save, HALL: hall, **forms, **front}


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _searched(
    discoverer: Discoverer, plan: EvolutionPlan, stop: Stop, options: argparse.Namespace, folder: OutFolder
) -> Discovery:
    with candidate_bar(stop.budget, folder.recorded() if options.resume else 0) as show:
        discoverer.candidate_progress = show
        return discoverer.run(plan, stop, folder.path / JOURNAL, sealed=not options.keep_sealed)


def _plan(options: argparse.Namespace) -> EvolutionPlan:
    kind = STRATEGIES[options.strategy].settings_type
    return EvolutionPlan(
        options.seed,
        options.strategy,
        kind.read(options.set or []),
        options.islands,
        options.seed_zoo,
        options.beyond_size,
        options.growths,
        _leaf_weights(options.leaf_weights),
        options.redraws,
        options.early_exit,
    )


def _leaf_weights(given: Sequence[str] | None) -> dict[StatisticKind, float] | None:
    """The weights of kinds, of which those that are not named keep theirs.

    Raises:
        SpecError: If a word is no kind with a number.
    """
    if given == ["uniform"]:
        return None
    weights: dict[StatisticKind, float] = dict(EQUAL_WEIGHTS)
    for each in given or ():
        kind, _, weight = each.partition("=")
        try:
            weights[StatisticKind(kind)] = float(weight)
        except ValueError as error:
            raise SpecError(
                f"'{each}' is no weight of a kind of leaves; give uniform, or KIND=WEIGHT with a number above 0 and a"
                f" kind of {', '.join(StatisticKind)}."
            ) from error
    return weights


def _record(options: argparse.Namespace, started: float, problem: Problem, discovery: Discovery) -> dict[str, Any]:
    outcome = discovery.outcome
    return run_record(
        options,
        started,
        {"table": problem.table.digest, "proxy": discovery.proxy.to_document()["digest"]},
        search_seconds=round(outcome.seconds, 3),
        candidates_per_second=round(outcome.searched / outcome.seconds, 1),
        sealed_scorings=discovery.sealed_scorings,
    )


def _say(problem: Problem, discovery: Discovery, written: Sequence[Path], seconds: float) -> None:
    outcome = discovery.outcome
    say(f"proxy    {discovery.proxy.brief}")
    for each in discovery.forms[:2]:
        if each.proxy.graph != discovery.proxy.graph:
            say(f"{each.form.value:<9}{each.proxy.brief}")
    say(f"needs    {', '.join(discovery.proxy.statistics)}")
    rejected = ", ".join(f"{count} {reason}" for reason, count in outcome.rejected.items()) or "none"
    rate = outcome.searched / outcome.seconds
    say(f"search   {outcome.evaluated} distinct valid candidates, {rate:.0f} a second; rejected: {rejected}")
    say(f"time     {seconds:.1f} s in all, statistics included")
    say()
    say(text_table([row for split in discovery.verdicts for row in _rows(problem, split, discovery.verdicts[split])]))
    say()
    say(text_table(_beside(discovery)))
    say()
    margins = [each.to_document() for each in discovery.margins]
    say(f"on {discovery.judged_on}, with 95 % intervals: {sentence(margins, discovery.zoo)}")
    if discovery.zoo is not None:
        say(f"zoo: the best of it on select is {discovery.zoo}")
    for line in _effects(discovery.proxy.results["effects"]):
        say(f"one at a time: {line}")
    if blind := discovery.proxy.results["blind_to"]:
        warn(f"the proxy is blind to {' and '.join(blind)}: networks that differ in nothing else get exactly one score")
    say(f"ensemble: {_together(discovery.ensemble)}")
    parts = Counter(problem.table.splits()[each] for each in {i for block in problem.blocks for i in block.arch_ids})
    agreement = number(discovery.init_agreement)
    say(f"initialisation: tau of the proxy with itself between two draws, on select: {agreement}")
    say(f"architectures: {', '.join(f'{split.value} {parts[split]}' for split in Split)}")
    say(_sealed_sentence(discovery.sealed_scorings, written[0].parent))
    say(f"written: {', '.join(map(str, written))}")
    if (discovery.sealed_scorings or 0) > 1:
        warn("the sealed split was scored before: the more often, the less reliable are its figures")


def _sealed_sentence(scorings: int | None, folder: Path) -> str:
    if scorings is None:
        return f"sealed: not scored; once all is settled: {shlex.join(['autoprox', 'judge', str(folder)])}"
    return f"sealed: scored {scorings} time{'s' if scorings > 1 else ''} on this table by this user, this run included"


def _together(trial: EnsembleTrial) -> str:
    return (
        f"the mean rank of the {trial.members} fittest reaches {number(trial.joint)} on select, where the best member"
        f" was chosen and has {number(trial.best)}; 95 % interval of the difference {interval(trial.ci95)}"
    )


def _effects(effects: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each place what the score does when one thing is varied."""
    told: dict[str, list[str]] = {}
    for each in effects:
        fixed = f" at {each['fixed']}" if each["fixed"] else ""
        told.setdefault(each["where"], []).append(f"{each['varied']}{fixed} {each['effect']}")
    return [f"{where}: {', '.join(texts)}" for where, texts in told.items()]


def _beside(discovery: Discovery) -> list[dict[str, str]]:
    """One row for each form and rival on the split that decides: tau-b, tau-a, nDCG of the first ten, and regret."""
    judged = discovery.verdicts[discovery.judged_on]
    rivals = [each.rival for each in discovery.margins]
    forms = [each.form.value for each in discovery.forms if each.form.value in judged]
    shown = {PROXY_ROW: f"proxy ({discovery.proxy.results['form']})"} | {name: name for name in (*forms, *rivals)}
    if ZOO_ROW in shown:
        shown[ZOO_ROW] = f"{discovery.zoo} (zoo)"
    return [
        {
            discovery.judged_on.value: title,
            "tau-b": number(judged[name].joint),
            "95 % interval": interval(judged[name].ci95),
            **{
                column: number(float(np.mean([getattr(each, field) for each in judged[name].blocks])))
                for column, field in (("tau-a", "tau_a"), ("nDCG@10", "ndcg"), ("top-1 regret", "regret"))
            },
        }
        for name, title in shown.items()
    ]


def _rows(problem: Problem, split: Split, verdicts: dict[str, Verdict]) -> list[dict[str, str]]:
    """One row for the joint correlation and one a block; columns for the proxy and its rivals."""
    proxy = verdicts[PROXY_ROW]
    counts = {name: verdict for name, verdict in verdicts.items() if name not in {PROXY_ROW, *ProxyForm}}
    rows = [
        {
            "split": split.value,
            "block": "joint",
            PROXY_ROW: number(proxy.joint),
            "95 % interval": interval(proxy.ci95),
            "iso": "",
            "given params": "",
            **{name: number(verdict.joint) for name, verdict in counts.items()},
        }
    ]
    for index, block in enumerate(problem.blocks):
        own = proxy.blocks[index]
        rows.append(
            {
                "split": split.value,
                "block": f"{block.space} {block.dataset}",
                PROXY_ROW: number(own.kendall),
                "95 % interval": interval(own.ci95),
                "iso": number(own.iso),
                "given params": number(own.partial),
                **{name: number(verdict.blocks[index].kendall) for name, verdict in counts.items()},
            }
        )
    return rows


COMMAND = Command(
    "evolve",
    "Discovers a zero-cost proxy: evolves it on the fit split of a benchmark table, chooses it on the select split, "
    "and scores it once on the sealed split.",
    (
        "evolve",
        "evolve --budget 2000 --out runs/short",
        "evolve --budget 40000 --out runs/short --resume",
        "evolve --strategy nsga2 --islands 2 --beyond-size 0.5 --out runs/nsga2",
        "evolve --weights pit-micro=1 autoformer-micro/digits=2 autoformer-micro/mnist5k=0",
        "evolve --bench my_table.parquet --spaces pit-micro --seconds 60",
        "evolve --log-json --out runs/cluster",
    ),
    _add_options,
    _evolve,
    default_out=lambda options: str(_default_folder(Path(options.bench).stem, options.seed)),
)
