"""`python -m autoprox.search`: searches a space with a scorer, without training; --verify trains the result."""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.api import load
from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_seed
from autoprox.commands.console import (
    add_process_options,
    continued_bar,
    note,
    say,
    say_json,
    say_text,
    say_written,
    text_table,
    warn,
)
from autoprox.commands.image_options import add_images_option
from autoprox.commands.names import SCORER
from autoprox.commands.outfolder import OutFolder
from autoprox.commands.record import run_record
from autoprox.commands.searchbounds import (
    LatencyTable,
    add_bound_options,
    bounds_as_options,
    constraints_of,
    costs_of,
    latency_of,
)
from autoprox.commands.searchcheck import add_check_options, say_verification, verified
from autoprox.commands.searchfolder import CANDIDATES, SEARCH_FOLDER, contents_of, require_no_less
from autoprox.commands.searchfront import FrontReport, add_front_options, front_costs
from autoprox.commands.searchtask import described, local_images, opened, searched_task
from autoprox.commands.teacher_options import add_teacher_option, taught
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import DATASETS
from autoprox.search import (
    ANNEALINGS,
    METHODS,
    AbstractMethod,
    Annealing,
    Constraints,
    Evolution,
    ParetoEvolution,
    Region,
    SearchResult,
    run,
)
from autoprox.search.network_export import network_files
from autoprox.search.result import DIGITS
from autoprox.search.search_journal import JOURNAL
from autoprox.search.searching import DEFAULT_BUDGET, EXHAUSTIVE_LIMIT
from autoprox.search.verification import Verification
from autoprox.spaces import load_space, space_names
from autoprox.spaces.costs import MACS, PARAMS, Cost
from autoprox.spaces.task import Task
from autoprox.spaces.units import SECONDS

DEFAULT_SPACE = "autoformer-micro"
LARGEST_POPULATION = 100_000
PILOT_DRAWS = 4
"""Architectures measured in advance, to estimate the time of a search."""


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "--proxy",
        required=True,
        metavar="P",
        help="a run's folder, best.json or hall.json, a model of autoprox.parzc, a folder of supernet train, or the "
        "name of a shipped or zoo proxy",
        type=SCORER,
    )
    add_teacher_option(
        options,
        "teacher for tvt, diswot and proxies discovered with one",
        "--verify then trains with distillation",
    )
    _add_searched(options)
    _add_method(options)
    add_check_options(options)
    add_front_options(options)
    options.add_argument(
        "--export",
        action="store_true",
        help="also write the best architecture as Python for torch alone (network.py); for a space of Hugging Face "
        "models as config.json",
    )
    options.add_argument(
        "--top", type=Whole(1), default=5, metavar="K", help="number of reported architectures (default: %(default)s)"
    )
    add_seed(options)
    add_process_options(options)
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help="folder of the search (default: runs/search-SPACE-SCORER-BOUNDS-seedS)",
    )
    options.add_argument(
        "--resume", action="store_true", help="resume the search in this folder; --budget is the total"
    )
    options.add_argument("--force", action="store_true", help="replace the search in this folder")
    options.add_argument("--json", action="store_true", help="print one JSON object, as in result.json")


def _add_searched(options: argparse.ArgumentParser) -> None:
    searched = options.add_argument_group("space and images")
    searched.add_argument(
        "--space",
        default=DEFAULT_SPACE,
        metavar="S",
        help=f"one of {', '.join(space_names())}; or your own, as my_file.py:space (default: %(default)s)",
        type=Text(space_names(), files=True),
    )
    add_bound_options(searched)
    searched.add_argument(
        "--dataset",
        metavar="D",
        help="data set for statistics (default: the one of --verify; else the one of the embedded table in the image "
        "size of the space; else noise)",
        type=Text(DATASETS),
    )
    add_images_option(searched, "images of --dataset or --verify that do not come with autoprox")
    searched.add_argument(
        "--img-size", type=Whole(1, 4096), metavar="PX", help="side of noise and of images from --images"
    )
    searched.add_argument("--num-classes", type=Whole(2, 100_000), metavar="N", help="classes, for noise (default: 10)")
    searched.add_argument(
        "--init-seeds",
        type=Whole(1, 1000),
        default=1,
        metavar="K",
        help="average scores over K initialisations (default: 1)",
    )


def _add_method(options: argparse.ArgumentParser) -> None:
    plain = Evolution()
    how = options.add_argument_group("search method")
    how.add_argument(
        "--method",
        choices=list(METHODS),
        default=Evolution.name,
        help="regularised evolution, annealing, independent draws, or all allowed architectures (default: %(default)s)",
    )
    how.add_argument(
        "--annealing",
        choices=list(ANNEALINGS),
        help="with --method annealing: cooling chains, or the released code of FOX-NAS (default: metropolis)",
    )
    how.add_argument(
        "--budget",
        type=Whole(1),
        metavar="N",
        help=f"distinct candidates in total (default: {DEFAULT_BUDGET}); for exhaustive, the largest allowed number "
        f"(default: {EXHAUSTIVE_LIMIT})",
    )
    how.add_argument(
        "--population",
        type=Whole(1, LARGEST_POPULATION),
        default=plain.population,
        metavar="N",
        help="the latest N candidates may be parents (default: %(default)s)",
    )
    how.add_argument(
        "--tournament",
        type=Whole(1, LARGEST_POPULATION),
        default=plain.tournament,
        metavar="N",
        help="the best of N random candidates becomes the parent (default: %(default)s)",
    )
    how.add_argument(
        "--children",
        type=Whole(1, LARGEST_POPULATION),
        default=plain.children,
        metavar="N",
        help="candidates scored at once; 1 is the published method (default: %(default)s)",
    )


def _search(options: argparse.Namespace) -> int:
    started = time.monotonic()
    _check_numbers(options)
    scorer, space = load(options.proxy), load_space(options.space)
    costs = costs_of(options, space)
    traded = front_costs(options, costs)
    method = _method(options, traded)
    constraints = constraints_of(options, costs)
    out = options.out or _default_folder(space.name, scorer.name, constraints, options.seed)
    folder = OutFolder(out, SEARCH_FOLDER, force=options.force, resume=options.resume)
    task = searched_task(options, space)
    scorer = taught(scorer, options, task, space)
    with bounds_as_options(options):
        region = Region(space, task, constraints)
    folder.refuse()
    if folder.has_all_of(options.words):
        note(f"'{out}' holds a finished search of {folder.recorded()} candidates; nothing to resume")
        return 0
    require_no_less(folder, options)
    if options.verify:
        # A verification that cannot be trained is refused before anything is computed.
        data = opened(local_images(options, options.verify, space), options.verify)
        space.check_task(data.num_classes, data.img_size, data.in_chans)
    _say_what_measuring_costs(region, traded, DEFAULT_BUDGET if options.budget is None else options.budget)
    with folder.opened(options):
        with folder.interruptible(), bounds_as_options(options):
            result = run(
                scorer,
                space,
                region.constraints,
                np.random.default_rng(options.seed),
                task=task,
                method=method,
                budget=options.budget,
                costs=traded,
                init_seeds=options.init_seeds,
                jobs=options.jobs,
                journal=folder.path / JOURNAL,
                progress=continued_bar("candidate"),
            )
            front = FrontReport.of(options, result, region, traded, folder.path) if traded else None
            verification = verified(options, result, region, folder.path) if options.verify and not front else None
        document = _document(options, result, task, verification)
        if front is not None:
            document["front"] = front.to_document()
        identity = {"scorer": scorer.identity, "images": task.digest, "result": digest(document)}
        latencies = LatencyTable.of(latency_of(options), result, options.top, space, task)
        record = run_record(options, started, identity, latency=latencies.to_document())
        contents = contents_of(document, result, options.top) | ({} if front is None else front.contents())
        if options.export:
            files = network_files(space, result.pick.arch, task.shape)
            contents |= {name: partial(_write_text, text) for name, text in files.items()}
        written = folder.finish(contents, record)
    if options.json:
        say_json(document)
    else:
        _report(result, task, options.top, latencies, verification)
        if front is not None:
            say()
            front.say()
        say_written(written)
    _note_unscored(result)
    latencies.warn()
    return 0


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _default_folder(space: str, scorer: str, constraints: Constraints, seed: int) -> Path:
    bounds = [f"{bound.name.replace('_', '-')}-{bound.value}" for bound in constraints.bounds]
    return Path("runs") / "-".join(["search", space, Path(scorer).stem, *bounds, f"seed{seed}"])


def _check_numbers(options: argparse.Namespace) -> None:
    if options.seed < 0:
        raise SpecError(f"--seed is {options.seed}; it must be at least 0.")


def _method(options: argparse.Namespace, traded: tuple[Cost, ...]) -> AbstractMethod:
    if options.annealing is not None and options.method != Annealing.name:
        raise SpecError(f"--annealing {options.annealing} is about --method annealing; give that as well.")
    if options.method == Evolution.name:
        settings = options.population, options.tournament, options.children
        return ParetoEvolution(traded, *settings) if traded else Evolution(*settings)
    if options.annealing is not None:
        return ANNEALINGS[options.annealing]()
    return METHODS[options.method]()


def _say_what_measuring_costs(region: Region, traded: tuple[Cost, ...], budget: int) -> None:
    """Reports in advance the time of measuring candidates, for a bound or a front."""
    measured = tuple(dict.fromkeys((*region.measured, *(cost for cost in traded if cost.measured))))
    if not measured:
        return
    rng = np.random.default_rng()
    # New draws at each call: repeated ones are cached, and would take no time.
    started = time.monotonic()
    pilot = region.pilot(PILOT_DRAWS, rng)
    if not region.measured:
        for arch in [region.draw(rng) for _ in range(PILOT_DRAWS)]:
            for cost in measured:
                region.cost(cost, arch)
    each = (time.monotonic() - started) / pilot.tried
    named = " and ".join(cost.noun for cost in measured)
    kept = pilot.kept if region.measured else pilot.tried
    drawn = budget * pilot.tried / max(kept, 1)
    at_least = "" if kept else "more than "
    share = f"; {kept} of {pilot.tried} draws are allowed" if region.measured else ""
    note(
        f"{named} is measured for each architecture that is {'drawn' if region.measured else 'scored'}, about "
        f"{SECONDS.text(each)} each{share}, so {budget:,} candidates need {at_least}about "
        f"{SECONDS.text(drawn * each)} in addition to scoring"
    )


def _document(
    options: argparse.Namespace, result: SearchResult, task: Task, verification: Verification | None
) -> dict[str, Any]:
    """Contents of result.json: identical for the same seed, resumed or not."""
    return {
        **result.to_document(options.top),
        "seed": options.seed,
        "init_seeds": options.init_seeds,
        "images": {
            "dataset": task.dataset,
            "source": task.source.value,
            "img_size": task.img_size,
            "in_chans": task.in_chans,
            "num_classes": task.num_classes,
        },
        "verification": verification.to_document() if verification else None,
    }


def _report(
    result: SearchResult, task: Task, top: int, latencies: LatencyTable, verification: Verification | None
) -> None:
    say_text(
        f"{result.space}, {described(task)}: {_allowed(result)}; {len(result.candidates):,} scored by '{result.scorer}'"
    )
    costs = (PARAMS, MACS, *result.constraints.costs)
    picks, units = result.top(top), {cost.name: cost.unit for cost in costs}
    # Measured latency has a separate column if predicted latency is shown.
    measured = "measured" if any(cost.name == "latency" and not cost.measured for cost in costs) else "latency"
    rows = [
        {
            "rank": str(pick.rank),
            "arch_id": pick.best.arch.arch_id,
            "score": f"{pick.best.score:.{DIGITS}g}",
            **{name: unit.text(pick.best.costs[name]) for name, unit in units.items()},
            measured: latencies.cell(pick.best.arch),
            "ties": str(len(pick.others)) if pick.others else "",
        }
        for pick in picks
    ]
    say(text_table(rows))
    for pick in picks:
        say_text(f"{pick.rank}: {json.dumps(pick.best.arch.genes, sort_keys=True)}", 3)
    if any(pick.others for pick in picks):
        say_text(
            "ties: number of other candidates with the same score; the smallest network of them is shown, and "
            f"{CANDIDATES} has all of them"
        )
    say_text(latencies.legend)
    if verification is not None:
        say()
        say_verification(verification)


def _allowed(result: SearchResult) -> str:
    total = "an unknown number of" if result.total is None else f"{result.total:,}"
    if result.allowed is not None:
        return f"{result.allowed:,} of {total} architectures are allowed"
    assert result.acceptance is not None
    tried, kept = result.acceptance
    return f"{kept:,} of {tried:,} draws from {total} architectures are allowed"


def _note_unscored(result: SearchResult) -> None:
    missing = len(result.candidates) - len(result.scored)
    if missing:
        why = f", such as: {result.reason}" if result.reason else ""
        warn(f"'{result.scorer}' has no finite value on {missing} of {len(result.candidates)} candidates{why}")


COMMAND = Command(
    "search",
    "Searches a space for the architectures with the highest scores, without training any. With --verify, trains the "
    "pick, random architectures and the largest one to compare them.",
    (
        "search --proxy autoformer_micro --max-params 50k",
        "search --proxy snip --space pit-micro --max-params 30k --method exhaustive --out runs/pit",
        "search --proxy runs/short --space pit-ti --max-macs 500M --budget 200 --seed 1",
        "search --proxy pit_micro --space pit-micro --max latency=3ms --max params=50k --budget 100",
        "search --proxy pit_micro --space pit-micro --pareto params latency --latency-model runs/device",
        "search --proxy runs/parzc.pt --max-params 50k --verify digits --seeds 3",
        "search --proxy diswot --teacher resnet --space pit-micro --dataset mnist5k --max-params 30k --verify mnist5k",
        "search --proxy autoformer_micro --max-params 50k --budget 5000 --resume",
    ),
    _add_options,
    _search,
)
