"""Verification of a search by training: its options and its output."""

import argparse
from pathlib import Path

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.bench.labels import KD, SCRATCH
from autoprox.commands.command import CommandParser
from autoprox.commands.console import continued_bar, interval, number, say, say_text, text_table
from autoprox.commands.searchtask import local_images
from autoprox.commands.values import Text, Whole
from autoprox.datasets import DATASETS
from autoprox.search import Region, SearchResult
from autoprox.search.verification import JOURNAL, RANDOM_ARCHS, TrainedArch, Verification, verify
from autoprox.training.recipe import Recipe


def add_check_options(options: CommandParser) -> None:
    """Adds --verify, and the options for the number and length of trainings."""
    check = options.add_argument_group("verification by training")
    check.add_argument(
        "--verify",
        metavar="DATASET",
        help="train the pick, random allowed architectures, and the largest one",
        type=Text(DATASETS),
    )
    check.add_argument(
        "--seeds",
        type=Whole(1, 1000),
        default=3,
        metavar="K",
        help="trainings of each architecture (default: %(default)s)",
    )
    check.add_argument(
        "--randoms",
        type=Whole(1, 10_000),
        default=RANDOM_ARCHS,
        metavar="N",
        help="random architectures (default: %(default)s)",
    )
    check.add_argument(
        "--epochs",
        type=Whole(1),
        default=Recipe().epochs,
        metavar="N",
        help="epochs per training (default: %(default)s)",
    )


def verified(options: argparse.Namespace, result: SearchResult, region: Region, folder: Path) -> Verification:
    """Trains the pick of a result and others from its region, by the options; raises as `verify` does."""
    return verify(
        result,
        region,
        options.verify,
        np.random.default_rng(derived_seed("verification", options.seed)),
        images=local_images(options, options.verify, region.space),
        recipe=Recipe(epochs=options.epochs),
        kind=SCRATCH if options.teacher is None else KD,
        seeds=options.seeds,
        randoms=options.randoms,
        jobs=options.jobs,
        journal=folder / JOURNAL,
        progress=continued_bar("training"),
    )


def say_verification(verification: Verification, what: str = "the pick") -> None:
    """Writes accuracies with their intervals, and compares the pick with the others."""
    say(f"trained on {verification.dataset}, {verification.epochs} epochs; test accuracy in %, 95 % t interval")
    say(text_table([_cells(each) for each in verification.rows]))
    for difference in verification.differences:
        say_text(f"{what} {difference.verdict}", 2)
    say_text(_advice(verification, what), 2)


def _cells(trained: TrainedArch) -> dict[str, str]:
    low, high = trained.interval
    return {
        "architecture": trained.role,
        "arch_id": trained.arch.arch_id,
        "params": f"{trained.params:,}",
        "n": str(len(trained.accuracies)),
        "mean": number(trained.mean, 2),
        "95 % interval": "" if len(trained.accuracies) < 2 else interval((max(low, 0.0), min(high, 100.0))),
    }


def _advice(verification: Verification, what: str) -> str:
    """Advice on the choice of an architecture, by the trainings."""
    if verification.pick.arch == verification.largest.arch:
        return f"{what} is the largest allowed architecture"
    largest = next((each for each in verification.differences if "largest" in each.against), None)
    if largest is None or largest.beats is None:
        return "advice: train more often (--seeds) before choosing"
    low, high = largest.interval
    if high < 0:
        return "advice: take the largest allowed architecture, which is significantly better"
    if low > 0:
        return f"advice: take {what}"
    return f"advice: no significant difference from the largest; {what} is smaller"
