"""`python -m autoprox.supernet`: trains a weight-sharing network, and uses its subnets."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autoprox.api import load
from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.common_options import add_seed
from autoprox.commands.console import note, say, say_written
from autoprox.commands.names import SCORER
from autoprox.commands.outfolder import FolderKind, OutFolder
from autoprox.commands.record import run_record
from autoprox.commands.supernet_use import add_conflict, add_evaluate, add_extract
from autoprox.commands.training_data import add_training_data, add_training_folder, training_data
from autoprox.commands.values import Real, Text, Whole
from autoprox.datasets import Dataset
from autoprox.datasets.batches import draw_batch
from autoprox.spaces import Space, load_space, space_names
from autoprox.statistics import StatisticsCache
from autoprox.supernet import (
    PARAMETERS,
    SUPERNET,
    SUPERNET_JOURNAL,
    ScorerPrior,
    SupernetPlan,
    SupernetTrainer,
    supernet_files,
)
from autoprox.supernet.samplers import SAMPLERS
from autoprox.supernet.supernet_losses import COUPLINGS, LOSSES, SCHEDULES, Online

SUPERNET_FOLDER = FolderKind(
    "supernet",
    "supernet",
    SUPERNET,
    (PARAMETERS,),
    {SUPERNET_JOURNAL.file: SUPERNET_JOURNAL.format},
    recorded=SUPERNET_JOURNAL.recorded,
    part="train",
    counted="passes",
)
SUPERNET_SPACES = tuple(name for name in space_names() if not name.startswith("mq-"))
"""Spaces with networks that share parameters; networks of bits do not."""
RANKING = tuple(name for name, loss in LOSSES.items() if loss.guided)


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    options = commands.add_parser(
        "train",
        help="train a supernet of a space",
        description="Trains one network with parameters that all architectures of a space share. A sampler proposes "
        "the subnets of a step, and their loss is back-propagated. The budget counts passes of subnets, including "
        "teachers and pairs. Every tenth training image is held out, for searches. A training that was "
        "killed resumes exactly with --resume.",
        examples=(
            "supernet train --space pit-micro --dataset digits --passes 4000 --out runs/supernet",
            "supernet train --space autoformer-micro --dataset digits --sampler sandwich --loss prior-guided "
            "--prior macs --passes 8000 --out runs/guided",
            "supernet train --space lr-pit-digits --dataset digits --sampler lowrank --loss distilled "
            "--learning-rate 2e-4 --out runs/ranks",
            "supernet train --out runs/supernet --resume",
        ),
    )
    options.add_argument(
        "--space",
        default="autoformer-micro",
        metavar="S",
        help=f"one of {', '.join(SUPERNET_SPACES)}; or your own, as my_file.py:space (default: %(default)s)",
        type=Text(SUPERNET_SPACES, files=True),
    )
    add_training_data(options)
    options.add_argument(
        "--sampler", default="uniform", choices=list(SAMPLERS), help="sampler of subnets (default: %(default)s)"
    )
    options.add_argument("--loss", default="plain", choices=list(LOSSES), help="loss (default: %(default)s)")
    options.add_argument(
        "--prior", metavar="P", type=SCORER, help=f"proxy that ranks subnets in {' and '.join(RANKING)}"
    )
    options.add_argument(
        "--schedule", choices=list(SCHEDULES), help="growth of the weight of the ranking loss (default: ramp)"
    )
    options.add_argument(
        "--coupling", choices=list(COUPLINGS), help="teacher of each student with --loss online (default: random)"
    )
    options.add_argument(
        "--learning-rate",
        type=Real(0, above=True),
        default=SupernetPlan.learning_rate,
        metavar="R",
        help="largest learning rate; for a trained network about a tenth of the default (default: %(default)s)",
    )
    options.add_argument("--passes", type=Whole(1), default=4000, metavar="N", help="the budget (default: %(default)s)")
    add_seed(options)
    add_training_folder(options, "supernet", "supernet-SPACE-DATASET-SAMPLER-LOSS-seedS")
    options.set_defaults(run=_train)
    add_evaluate(commands)
    add_extract(commands)
    add_conflict(commands)


def _train(options: argparse.Namespace) -> int:
    started = time.monotonic()
    plan = SupernetPlan(
        options.passes,
        options.sampler,
        options.loss,
        options.seed,
        loss_settings=_loss_settings(options),
        learning_rate=options.learning_rate,
    )
    space = load_space(options.space)
    name = f"supernet-{space.name}-{options.dataset}-{plan.sampler}-{plan.loss}-seed{plan.seed}"
    folder = OutFolder(options.out or Path("runs") / name, SUPERNET_FOLDER, force=options.force, resume=options.resume)
    folder.refuse()
    if folder.has_all_of(options.words):
        note(f"'{folder.path}' holds a finished supernet of {folder.recorded()} passes; nothing to resume")
        return 0
    data, local = training_data(options, space)
    cache = StatisticsCache()
    prior = _prior(options, space, data, cache)
    trainer = SupernetTrainer(space, data, plan, prior)
    facts = {
        "space": f"{space.name} {space.identity}",
        "dataset": f"{data.name} {data.digest}",
        "prior": "" if options.prior is None else f"{options.prior} {load(options.prior).identity}",
        **{key: str(value) for key, value in asdict(plan).items()},
    }
    with folder.opened(options), folder.interruptible():
        SUPERNET_JOURNAL.train(trainer, folder.path, facts)
        cache.close()  # before the record: a finished supernet never opens the cache again to clear its log
        told = {"plan": asdict(plan), "prior": options.prior, "passes": trainer.done}
        contents, document = supernet_files(trainer.supernet, data, None if local is None else local.path, told)
        digests = {"parameters": document["digest"], "images": data.digest, "result": digest(document)}
        written = folder.finish(contents, run_record(options, started, digests))
    say(f"{space.name}, {data.name}: {trainer.done:,} passes, {_count(trainer):,} shared parameters")
    say_written(written)
    return 0


def _count(trainer: SupernetTrainer) -> int:
    return sum(value.numel() for value in trainer.supernet.parameters())


def _loss_settings(options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    if options.schedule is not None:
        if options.loss not in RANKING:
            raise SpecError(f"--schedule applies to --loss {' and '.join(RANKING)}; leave it out with {options.loss}.")
        found["schedule"] = options.schedule
    if options.coupling is not None:
        if options.loss != Online.name:
            raise SpecError(f"--coupling applies to --loss {Online.name}; leave it out with {options.loss}.")
        found["coupling"] = options.coupling
    return found


def _prior(options: argparse.Namespace, space: Space, data: Dataset, cache: StatisticsCache) -> ScorerPrior | None:
    if options.prior is None:
        if options.loss in RANKING:
            raise SpecError(f"--loss {options.loss} ranks subnets by a prior: give --prior, such as --prior macs.")
        return None
    if options.loss not in RANKING:
        raise SpecError(f"--prior applies to --loss {' and '.join(RANKING)}; leave it out with {options.loss}.")
    return ScorerPrior(load(options.prior), space, draw_batch(data).task(data.name), cache)


COMMAND = Command(
    "supernet",
    "Trains one network with parameters that all architectures of a space share, tests its subnets with inherited "
    "parameters, extracts them, and measures conflicts between their gradients.",
    (
        "supernet train --space pit-micro --dataset digits --passes 4000 --out runs/supernet",
        "supernet evaluate runs/supernet --archs 100 --out inherited.parquet",
        "search --proxy runs/supernet --space pit-micro --max params=30k",
        "supernet conflict runs/supernet",
    ),
    _add_options,
    run_part,
)
