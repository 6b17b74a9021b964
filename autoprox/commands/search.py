"""`python -m autoprox.search`: searches a space with a scorer, without training; --verify trains what it found."""

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import autoprox
from autoprox.base.digest import derived_seed, digest
from autoprox.base.errors import SpecError
from autoprox.base.progress import with_progress
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import add_process_options, interval, number, say, say_json, text_table, warn
from autoprox.commands.images import add_images_option
from autoprox.commands.names import SCORER
from autoprox.commands.outfolder import interruptible
from autoprox.commands.record import run_record
from autoprox.commands.searchfolder import SearchFolder
from autoprox.commands.searchtask import described, local_images, opened, searched_task
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import DATASETS
from autoprox.graph import Scorer
from autoprox.predict.parzc import LearnedProxy
from autoprox.scorers import ZOO
from autoprox.search import Constraints, Evolution, Method, Region, SearchResult, run
from autoprox.search.constraints import COUNTED, whole_count
from autoprox.search.engine import DEFAULT_BUDGET, EXHAUSTIVE_LIMIT
from autoprox.search.scoring import Assessor
from autoprox.search.verification import RANDOM_ARCHS, Trained, Verification, verify
from autoprox.spaces import SPACES, load_space
from autoprox.spaces.task import Task
from autoprox.training.recipe import Recipe

DEFAULT_SPACE = "autoformer-micro"


def _add_options(options: CommandParser) -> None:
    scorer = options.add_mutually_exclusive_group(required=True)
    scorer.add_argument(
        "--proxy",
        metavar="P",
        help="a run's folder, best.json or hall.json, or the name of a proxy",
        type=SCORER,
    )
    scorer.add_argument(
        "--parzc",
        metavar="FILE",
        help="a model that autoprox.parzc fit wrote",
        type=Text(files=True),
    )
    scorer.add_argument(
        "--zoo",
        metavar="NAME",
        help="a proxy of the zoo",
        type=Text(ZOO),
    )
    _add_searched(options)
    _add_method(options)
    check = options.add_argument_group("verification by training")
    check.add_argument(
        "--verify",
        metavar="DATASET",
        help="train the pick, random allowed architectures, the largest",
        type=Text(DATASETS),
    )
    check.add_argument(
        "--seeds", type=Whole(1, 1000), default=3, metavar="K", help="trainings of each (default: %(default)s)"
    )
    check.add_argument(
        "--randoms",
        type=Whole(1),
        default=RANDOM_ARCHS,
        metavar="N",
        help="random architectures (default: %(default)s)",
    )
    check.add_argument(
        "--epochs", type=Whole(1), default=Recipe().epochs, metavar="N", help="of a training (default: %(default)s)"
    )
    options.add_argument(
        "--top", type=Whole(1), default=5, metavar="K", help="how many are reported (default: %(default)s)"
    )
    options.add_argument(
        "--seed", type=Whole(0, 2**63 - 1), default=0, metavar="S", help="same seed, same result (default: 0)"
    )
    add_process_options(options)
    options.add_argument(
        "--out",
        type=PathTo(folder=True),
        metavar="DIR",
        help="folder of the search (default: runs/search-SPACE-SCORER-BOUNDS-seedS)",
    )
    options.add_argument(
        "--resume", action="store_true", help="go on with the search in this folder; --budget is the total"
    )
    options.add_argument("--force", action="store_true", help="replace the search in this folder")
    options.add_argument("--json", action="store_true", help="print one JSON object, as in result.json")


def _add_searched(options: argparse.ArgumentParser) -> None:
    searched = options.add_argument_group("what is searched")
    searched.add_argument(
        "--space",
        default=DEFAULT_SPACE,
        metavar="S",
        help=f"one of {', '.join(SPACES)}; or one of yours, as my_file.py:space (default: %(default)s)",
        type=Text(SPACES, files=True),
    )
    for name in Constraints.NAMES:
        end, counted = name.split("_")
        most = "most" if end == "max" else "fewest"
        word = COUNTED[counted] + (" of one image" if counted == "macs" else "")
        searched.add_argument(
            f"--{end}-{counted}",
            metavar="N",
            help=f"{most} {word} allowed, such as 50000 or 50k",
            type=Text(),
        )
    searched.add_argument(
        "--dataset",
        metavar="D",
        help="whose images statistics are computed on (default: that of --verify; else that of the embedded table in "
        "the space's own size; else noise)",
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
    how = options.add_argument_group("how it is searched")
    how.add_argument(
        "--method",
        choices=[each.value for each in Method],
        default=Method.EVOLUTION.value,
        help="regularised evolution, independent draws, or all that is allowed (default: %(default)s)",
    )
    how.add_argument(
        "--budget",
        type=Whole(1),
        metavar="N",
        help=f"distinct candidates in total (default: {DEFAULT_BUDGET}); for exhaustive, the most it may take "
        f"(default: {EXHAUSTIVE_LIMIT})",
    )
    how.add_argument(
        "--population",
        type=Whole(1),
        default=plain.population,
        metavar="N",
        help="the latest N candidates may be parents (default: %(default)s)",
    )
    how.add_argument(
        "--tournament",
        type=Whole(1),
        default=plain.tournament,
        metavar="N",
        help="the best of N of them becomes the parent (default: %(default)s)",
    )
    how.add_argument(
        "--children",
        type=Whole(1),
        default=plain.children,
        metavar="N",
        help="candidates that are scored at once; 1 is the published method (default: %(default)s)",
    )


def _search(options: argparse.Namespace) -> int:
    started = time.monotonic()
    _check_numbers(options)
    settings = Evolution(options.population, options.tournament, options.children)
    scorer, space = _scorer(options), load_space(options.space)
    constraints = _constraints(options)
    out = options.out or _default_folder(space.name, scorer.name, constraints, options.seed)
    folder = SearchFolder(out, force=options.force, resume=options.resume)
    task = searched_task(options, space)
    region = Region(space, task, constraints)
    folder.refuse()
    folder.require_no_less(options.budget)
    if options.verify:
        # What could not be trained later is refused before anything is computed.
        data = opened(local_images(options, options.verify, space), options.verify)
        space.check_task(data.num_classes, data.img_size, data.in_chans)
    folder.prepare()
    with interruptible(out, options.words, folder.recorded):
        result = run(
            scorer,
            space,
            region.constraints,
            np.random.default_rng(options.seed),
            task=task,
            method=options.method,
            budget=options.budget,
            settings=settings,
            init_seeds=options.init_seeds,
            jobs=options.jobs,
            journal=folder.journal,
            anew=not options.resume,
            progress=_bar("candidate"),
        )
        verification = _verified(options, result, region, folder) if options.verify else None
    document = _document(options, result, task, verification)
    identity = {"scorer": digest(Assessor.of(scorer).identity), "images": task.digest, "result": digest(document)}
    record = run_record(options, started, identity)
    written = folder.finish(document, record, result, options.top)
    if options.json:
        say_json(document)
    else:
        _report(result, task, options.top, verification)
        say(f"written: {', '.join(map(str, written))}")
    _note_unscored(result)
    return 0


def _default_folder(space: str, scorer: str, constraints: Constraints, seed: int) -> Path:
    bounds = [f"{bound.option.removeprefix('--')}-{bound.value}" for bound in constraints.bounds]
    return Path("runs") / "-".join(["search", space, Path(scorer).stem, *bounds, f"seed{seed}"])


def _check_numbers(options: argparse.Namespace) -> None:
    if options.seed < 0:
        raise SpecError(f"--seed is {options.seed}; it must be at least 0.")


def _scorer(options: argparse.Namespace) -> Scorer:
    if options.parzc is not None:
        return LearnedProxy.load(options.parzc)
    return ZOO[options.zoo] if options.zoo is not None else autoprox.load(options.proxy)


def _constraints(options: argparse.Namespace) -> Constraints:
    bounds: dict[str, int] = {}
    for name in Constraints.NAMES:
        text = getattr(options, name)
        if text is not None:
            try:
                bounds[name] = whole_count(text)
            except SpecError as error:
                raise SpecError(f"--{name.replace('_', '-')}: {error}") from error
    return Constraints(**bounds)


def _bar(unit: str) -> Callable[[Iterable[Any], int, int], Iterable[Any]]:
    return lambda items, total, done: with_progress(items, total, unit, done=done)


def _verified(options: argparse.Namespace, result: SearchResult, region: Region, folder: SearchFolder) -> Verification:
    return verify(
        result,
        region,
        options.verify,
        np.random.default_rng(derived_seed("verification", options.seed)),
        images=local_images(options, options.verify, region.space),
        recipe=Recipe(epochs=options.epochs),
        seeds=options.seeds,
        randoms=options.randoms,
        jobs=options.jobs,
        journal=folder.verification,
        progress=_bar("training"),
    )


def _document(
    options: argparse.Namespace, result: SearchResult, task: Task, verification: Verification | None
) -> dict[str, Any]:
    """What result.json holds: the same for the same seed, however it came about."""
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


def _report(result: SearchResult, task: Task, top: int, verification: Verification | None) -> None:
    share = f"{result.allowed:,} of {result.total:,} architectures are allowed"
    say(f"{result.space}, {described(task)}: {share}; {len(result.candidates):,} scored by '{result.scorer}'")
    picks = result.top(top)
    rows = [
        {
            "rank": str(rank),
            "arch_id": each.arch.arch_id,
            "score": f"{each.score:.8g}",
            "params": f"{each.params:,}",
            "macs": f"{each.macs:,}",
        }
        for rank, each in enumerate(picks, start=1)
    ]
    say(text_table(rows))
    for rank, each in enumerate(picks, start=1):
        say(f"{rank}: {each.arch.json}")
    if verification is not None:
        say()
        say(f"trained on {verification.dataset}, {verification.epochs} epochs; test accuracy in %, 95 % t interval")
        say(text_table([_cells(each) for each in verification.rows]))
        for difference in verification.differences:
            say(f"the pick {difference.verdict}")
        if verification.pick.arch == verification.largest.arch:
            say("the pick is the largest allowed architecture")


def _cells(trained: Trained) -> dict[str, str]:
    return {
        "architecture": trained.role,
        "arch_id": trained.arch.arch_id,
        "params": f"{trained.params:,}",
        "n": str(len(trained.accuracies)),
        "mean": number(trained.mean, 2),
        "95 % interval": interval(trained.interval),
    }


def _note_unscored(result: SearchResult) -> None:
    missing = len(result.candidates) - len(result.scored)
    if missing:
        why = f", such as: {result.reason}" if result.reason else ""
        warn(f"'{result.scorer}' has no finite value on {missing} of {len(result.candidates)} candidates{why}")


COMMAND = Command(
    "search",
    "Searches a space for the architectures that a scorer puts first, without training any; with --verify, trains the "
    "pick beside random architectures and the largest one.",
    (
        "search --proxy autoformer_micro --max-params 50k",
        "search --zoo snip --space pit-micro --max-params 30k --method exhaustive --out runs/pit",
        "search --proxy runs/short --space pit-ti --max-macs 500M --budget 200 --seed 1",
        "search --parzc runs/parzc.pt --max-params 50k --verify digits --seeds 3",
        "search --proxy autoformer_micro --max-params 50k --budget 5000 --resume",
    ),
    _add_options,
    _search,
)
