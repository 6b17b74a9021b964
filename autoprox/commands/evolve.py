"""`python -m autoprox.evolve`: discovers a proxy on a benchmark table."""

import argparse
import csv
import json
import shlex
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.base.files import json_writer
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.sealed import sealed_count
from autoprox.bench.splits import Split
from autoprox.bench.table import small_block_warnings
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_seed
from autoprox.commands.console import candidate_bar, network_bar, note, say, say_field, warn
from autoprox.commands.discovery_text import say_discovery
from autoprox.commands.outfolder import FolderKind, OutFolder
from autoprox.commands.problem_options import add_problem_options, problem_of
from autoprox.commands.record import run_record
from autoprox.commands.report import add_random_option, chosen_random_budget, make_report
from autoprox.commands.teacher_options import add_teacher_option, with_teachers
from autoprox.commands.values import PathTo, Real, Text, Whole
from autoprox.evolve import (
    DEFAULT_BUDGET,
    DEFAULT_STRATEGY,
    STRATEGIES,
    Discoverer,
    Discovery,
    EvolutionPlan,
    ProxyForm,
    Stop,
)
from autoprox.evolve.evolution_journal import FORMAT, JOURNAL, has_begun
from autoprox.evolve.plan import EQUAL_WEIGHTS
from autoprox.evolve.runs import FRONT, load
from autoprox.report import EVIDENCE, REPORT
from autoprox.scorers import BEST, HALL
from autoprox.statistics import StatisticKind

FRONT_TABLE = "front.csv"
FORMS = tuple(f"{form.value}.json" for form in ProxyForm)


_STATISTICS, _SEARCH, _JUDGING = "1/3 statistics", "2/3 search", "3/3 judging"
# Steps of a run, for bars.


def _add_options(options: CommandParser) -> None:
    add_problem_options(options)
    stop = options.add_mutually_exclusive_group()
    stop.add_argument(
        "--budget", type=Whole(1), metavar="N", help=f"distinct valid candidates in total (default: {DEFAULT_BUDGET})"
    )
    stop.add_argument(
        "--seconds", type=Real(0, above=True), metavar="S", help="search for S seconds; the result is not reproducible"
    )
    search = options.add_argument_group("search method")
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
        help="populations that exchange members, distributed over --jobs (default: 1)",
    )
    search.add_argument("--seed-zoo", action="store_true", help="start from the graphs of the zoo")
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
        help="make new leaves from leaves of good candidates N times, after 3,000 candidates and then at each doubling;"
        " the values of new leaves are computed for all networks (default: %(default)s)",
    )
    search.add_argument(
        "--redraws",
        type=Whole(1, 1000),
        default=EvolutionPlan.redraws,
        metavar="N",
        help="redraw an already evaluated candidate up to N times (default: %(default)s)",
    )
    search.add_argument(
        "--early-exit",
        type=Whole(0, 1000),
        default=EvolutionPlan.early_exit,
        metavar="N",
        help="reject a candidate with equal scores on the first N networks of a block; EMQ uses 3 (default: 0, never)",
    )
    search.add_argument(
        "--leaf-weights",
        nargs="+",
        metavar="KIND=WEIGHT",
        type=Text(),
        help=f"relative frequency of leaves of each kind of statistic ({', '.join(StatisticKind)}), or uniform: all"
        " leaves of a site alike (default: every kind equally often)",
    )
    add_teacher_option(
        search,
        "teacher that candidates may compare networks with",
        "The same search without it runs as well, to measure what the teacher adds",
    )
    add_seed(options)
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help="folder of the run (default: runs/<bench>-seed<seed>)",
    )
    options.add_argument("--resume", action="store_true", help="resume the run in this folder; --budget is the total")
    options.add_argument("--force", action="store_true", help="replace the run in this folder")
    options.add_argument(
        "--keep-sealed",
        action="store_true",
        help="do not score the sealed split, for trials; 'autoprox judge DIR' scores it once all choices are made",
    )
    options.add_argument("--verbose", action="store_true", help="print every block, split and form")
    report = options.add_argument_group("the report, report.html in the folder of the run")
    add_random_option(report)
    report.add_argument(
        "--no-report", action="store_true", help="write no report; 'autoprox runs DIR --report' writes it later"
    )


def _evolve(options: argparse.Namespace) -> int:
    started = time.monotonic()
    plan = _plan(options)
    unlimited = options.budget is None and options.seconds is None
    stop = Stop(DEFAULT_BUDGET) if unlimited else Stop(options.budget, options.seconds)
    if options.out is not None:
        OutFolder(options.out, RUN_FOLDER, force=options.force, resume=options.resume).refuse()
    problem = with_teachers(problem_of(options), options)
    out = options.out or _default_folder(problem.table.name, options.seed)
    folder = OutFolder(out, RUN_FOLDER, force=options.force, resume=options.resume)
    cache = statistics_of(problem.table)
    discoverer = Discoverer(problem, cache, options.jobs, partial(network_bar, name=_STATISTICS))
    if folder.has_all_of(options.words) or _has_all(folder, stop.budget, discoverer.definition(plan), options):
        finished = f"'{out}' holds a finished run of {folder.recorded()} candidates"
        if options.no_report or all((out / name).is_file() for name in (REPORT, EVIDENCE)):
            note(f"{finished}; nothing to resume")
            return 0
        note(f"{finished}; its report is missing and is written now")
        with folder.owned():
            _report(out, problem, options)
        return 0
    for line in small_block_warnings(discoverer.judges[Split.FIT].blocks, stop.budget or DEFAULT_BUDGET):
        warn(f"fit split: {line}")
    # Files that cannot be written are refused before anything is replaced.
    cache.get_many([], [])
    if not options.keep_sealed:
        sealed_count(problem.table.digest)
    with folder.opened(options, leave=(REPORT, EVIDENCE) if options.no_report else ()):
        if options.resume and not folder.recorded():
            note(f"there is nothing to resume in '{out}'; a new run starts")
        with folder.interruptible():
            discovery = _searched(discoverer, plan, stop, options, folder)
        cache.close()  # before the record: a finished run never opens the cache again to clear its log
        written = folder.finish(_contents(discovery), _record(options, started, problem, discovery))
        say_discovery(problem, discovery, written, verbose=options.verbose)
        if not options.no_report:
            _report(out, problem, options)
        say_field("time", f"{time.monotonic() - started:.0f} s for the whole command")
    return 0


def _report(out: Path, problem: Problem, options: argparse.Namespace) -> None:
    """Writes the report of a finished run."""
    try:
        page = make_report(out, problem, jobs=options.jobs, random_budget=chosen_random_budget(options))
    except KeyboardInterrupt as interruption:
        command = shlex.join(["python", "-m", "autoprox.runs", str(out), "--report"])
        raise KeyboardInterrupt(f"The run is finished. Write its report with: {command}") from interruption
    say(f"report: {page}")


def _default_folder(table: str, seed: int) -> Path:
    return Path("runs") / f"{table}-seed{seed}"


def _recorded(folder: Path) -> int:
    """Number of candidates in the journal of a folder."""
    return int(load(folder).epochs["evaluated"].max()) if has_begun(folder / JOURNAL) else 0


RUN_FOLDER = FolderKind(
    "evolve", "run", BEST, (HALL, *FORMS, FRONT, FRONT_TABLE, REPORT, EVIDENCE), {JOURNAL: FORMAT}, recorded=_recorded
)


def _has_all(folder: OutFolder, budget: int | None, definition: dict[str, Any], options: argparse.Namespace) -> bool:
    """True if the resumed run is finished and has all the requested candidates.

    Raises:
        SpecError: If it is finished and has more candidates.
    """
    if not options.resume or budget is None or not folder.finished or not folder.recorded():
        return False
    if load(folder.path).definition != json.loads(json.dumps(definition)):
        return False  # the journal reports the difference
    if (done := folder.recorded()) > budget:
        raise SpecError(
            f"'{folder.path}' holds a finished run of {done} candidates, more than the total of --budget {budget}. "
            "Give a larger one to extend it, or --force to replace it."
        )
    return done == budget and (options.keep_sealed or load(folder.path).sealed_scorings is not None)


def _contents(discovery: Discovery) -> dict[str, Callable[[Path], object]]:
    """The files of a run, each with its writer."""
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
    with candidate_bar(stop.budget, folder.recorded() if options.resume else 0, name=_SEARCH) as show:

        def reached(evaluated: int, best: float) -> None:
            ended = stop.budget is not None and evaluated >= stop.budget
            discoverer.network_progress = partial(network_bar, name=_JUDGING if ended else _SEARCH)
            show(evaluated, best)

        discoverer.candidate_progress = reached
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
    """Weights of kinds of leaves; kinds that are not named keep their default.

    Raises:
        SpecError: If a word is not a kind with a number.
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
                f"'{each}' is not a leaf weight; give uniform, or KIND=WEIGHT with a weight above 0 and one of the"
                f" kinds {', '.join(StatisticKind)}."
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
        "evolve --label-kind kd --teacher resnet --out runs/taught",
        "evolve --log-json --out runs/cluster",
    ),
    _add_options,
    _evolve,
    default_out=lambda options: str(_default_folder(Path(options.bench).stem, options.seed)),
)
