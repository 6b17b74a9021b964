"""`python -m autoprox.metapool`: searches the pooling behind mixers while a network trains."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from autoprox.base.digest import digest
from autoprox.base.files import json_writer
from autoprox.commands.arch_option import add_arch, given_arch
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.common_options import add_seed
from autoprox.commands.console import note, say, say_columns, say_field, say_text, say_written
from autoprox.commands.outfolder import FolderKind, OutFolder
from autoprox.commands.record import run_record
from autoprox.commands.training_data import add_training_data, add_training_folder, training_data
from autoprox.commands.values import Real, Text, Whole
from autoprox.metapool import (
    METAPOOL,
    METAPOOL_JOURNAL,
    MODES,
    ChosenPooling,
    MetaPoolPlan,
    MetaPoolTrainer,
)
from autoprox.spaces import Space, load_space

METAPOOL_FOLDER = FolderKind(
    "metapool",
    "search for pooling",
    METAPOOL,
    (),
    {METAPOOL_JOURNAL.file: METAPOOL_JOURNAL.format},
    recorded=METAPOOL_JOURNAL.recorded,
    part="train",
    counted="steps",
)
_REASONS = {
    "lead": "its lead reached the threshold",
    "end": "the best one at the end",
}


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    options = commands.add_parser(
        "train",
        help="choose the pooling of each stage while the network trains",
        description="Trains one network whose stages mix several poolings (PMPL). Half of the training images move the "
        "mixtures, the other half all other weights. A stage is decided when its best operation leads by the "
        "threshold. The result is an architecture of the space. A search that was killed resumes exactly with "
        "--resume.",
        examples=(
            "metapool train --dataset digits --out runs/pooling",
            "metapool train --dataset patches --epochs 40 --mode released --out runs/collapse",
            "metapool train --out runs/pooling --resume",
        ),
    )
    options.add_argument(
        "--space",
        default="mixer-micro",
        metavar="S",
        help="a space of the mixer family, by name or as my_file.py:space (default: %(default)s)",
        type=Text(("mixer-micro",), files=True),
    )
    add_arch(options, "architecture whose pooling is searched (default: random, by --seed)")
    add_training_data(options)
    options.add_argument(
        "--epochs",
        type=Whole(1, 100_000),
        default=MetaPoolPlan.epochs,
        metavar="N",
        help="passes over the images (default: %(default)s)",
    )
    options.add_argument(
        "--threshold",
        type=Real(0, above=True),
        default=MetaPoolPlan.threshold,
        metavar="T",
        help="lead in probability that decides a stage, at most 1 (default: %(default)s)",
    )
    options.add_argument(
        "--mode",
        choices=list(MODES),
        default=MetaPoolPlan.mode,
        help="operation of a decided stage: the best one, or the second of the list, as by the fault of the released "
        "code (default: %(default)s)",
    )
    options.add_argument(
        "--arch-learning-rate",
        type=Real(0, above=True),
        default=MetaPoolPlan.arch_learning_rate,
        metavar="R",
        help="learning rate of the mixtures (default: %(default)s)",
    )
    add_seed(options)
    add_training_folder(options, "search", "metapool-SPACE-DATASET-MODE-seedS")
    options.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    started = time.monotonic()
    plan = MetaPoolPlan(
        epochs=options.epochs,
        arch_learning_rate=options.arch_learning_rate,
        threshold=options.threshold,
        mode=options.mode,
        seed=options.seed,
    )
    space = load_space(options.space)
    name = f"metapool-{space.name}-{options.dataset}-{plan.mode}-seed{plan.seed}"
    folder = OutFolder(options.out or Path("runs") / name, METAPOOL_FOLDER, force=options.force, resume=options.resume)
    folder.refuse()
    if folder.has_all_of(options.words):
        note(f"'{folder.path}' holds a finished search of {folder.recorded()} steps; nothing to resume")
        return 0
    data, _ = training_data(options, space)
    drawn = options.arch is None
    arch = space.sample(np.random.default_rng(options.seed)) if drawn else given_arch(space, options.arch)
    trainer = MetaPoolTrainer(space, arch, data, plan)
    facts = {
        "space": f"{space.name} {space.identity}",
        "arch": arch.json,
        "dataset": f"{data.name} {data.digest}",
        **{key: str(value) for key, value in asdict(plan).items()},
    }
    with folder.opened(options), folder.interruptible():
        METAPOOL_JOURNAL.train(trainer, folder.path, facts)
        chosen = trainer.chosen()
        document = chosen.document(space, data, plan)
        digests = {"images": data.digest, "result": digest(document)}
        written = folder.finish({METAPOOL: json_writer(document)}, run_record(options, started, digests))
    _report(space, chosen, f"{data.name}: {trainer.done:,} steps")
    say_written(written)
    say_text(
        f"Next: autoprox search --space {options.space} --proxy snip --dataset {options.dataset} searches all genes."
    )
    return 0


def _report(space: Space, chosen: ChosenPooling, trained: str) -> None:
    """Prints the operation of each stage, its reason, and the genes."""
    say(f"{space.name}, {trained}")
    rows = [["stage", "pooling", "epoch", "reason"]]
    for number, stage in enumerate(chosen.stages, start=1):
        last = stage.decisions[-1]
        rows.append([str(number), stage.op, str(last.epoch), _REASONS[last.reason]])
    say_columns(rows)
    say_field("genes", json.dumps(chosen.arch.genes, sort_keys=True))


COMMAND = Command(
    "metapool",
    "Searches the pooling behind the mixers of a network while it trains (PMPL).",
    (
        "metapool train --dataset digits --out runs/pooling",
        "metapool train --dataset digits --epochs 40 --threshold 0.3 --seed 1 --out runs/slower",
    ),
    _add_options,
    run_part,
)
