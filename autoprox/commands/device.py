"""`python -m autoprox.device`: measures networks of a space on this machine, and fits a model of their latency."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.base.figures import figure_writer
from autoprox.base.files import json_writer
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.console import continued_bar, note, say, say_json, say_text, say_written, text_table, warn
from autoprox.commands.image_options import add_images_option
from autoprox.commands.outfolder import RESULT, FolderKind, OutFolder
from autoprox.commands.record import run_record
from autoprox.commands.searchtask import described, searched_task
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import DATASETS
from autoprox.networks.latency import CLOCKS, NOISY, Conditions, machine
from autoprox.predict import (
    AGREEMENT,
    LATENCY_FILE,
    LEAST_ARCHS,
    PROFILE_FORMAT,
    PROFILE_JOURNAL,
    ROUNDS,
    Profile,
    agreement_figure,
    profile,
    recorded_timings,
)
from autoprox.search import Constraints, Region
from autoprox.spaces import Arch, Space, load_space, space_names
from autoprox.spaces.task import Task
from autoprox.spaces.units import SECONDS

FIGURE = "predictions.svg"
PROFILE_FOLDER = FolderKind(
    "device",
    "profile",
    RESULT,
    (LATENCY_FILE, FIGURE),
    {PROFILE_JOURNAL: PROFILE_FORMAT},
    recorded=lambda folder: recorded_timings(folder / PROFILE_JOURNAL),
    part="profile",
    counted="measurements",
)


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    options = commands.add_parser(
        "profile",
        help="measure a space on this machine, and fit a latency model",
        description="Measures random networks of a space on this machine, fits models of their latency (layer by "
        "layer, and by regression on features), keeps the one that predicts best, and prints its error on held-out "
        "networks. Search with the model by search --latency-model FOLDER.",
        examples=(
            "device profile --space autoformer-micro --archs 200 --out runs/device",
            "device profile --space my_file.py:space --threads 2 --batch 8 --out runs/mine",
            "device profile --out runs/device --resume",
        ),
    )
    options.add_argument(
        "--space",
        default="autoformer-micro",
        metavar="S",
        help=f"one of {', '.join(space_names())}; or your own, as my_file.py:space (default: %(default)s)",
        type=Text(space_names(), files=True),
    )
    options.add_argument(
        "--archs",
        type=Whole(LEAST_ARCHS, 100_000),
        default=200,
        metavar="N",
        help="networks to measure; a fifth of them is held out (default: %(default)s)",
    )
    options.add_argument(
        "--rounds",
        type=Whole(2, 1000),
        default=ROUNDS,
        metavar="N",
        help="measurements of each network, the smallest is used (default: %(default)s)",
    )
    options.add_argument(
        "--threads", type=Whole(1, 256), default=1, metavar="N", help="threads of torch (default: %(default)s)"
    )
    options.add_argument(
        "--batch", type=Whole(1, 4096), default=1, metavar="N", help="images per forward pass (default: %(default)s)"
    )
    options.add_argument(
        "--clock",
        choices=list(CLOCKS),
        default=Conditions().clock,
        help="wall or processor time; on a busy machine processor time is closer to that of an idle machine, and "
        "it covers one thread (default: %(default)s)",
    )
    options.add_argument(
        "--dataset",
        metavar="D",
        help="data set that sets the number of classes and the image size (default: as for search)",
        type=Text(DATASETS),
    )
    add_images_option(options, "images of --dataset that do not come with autoprox")
    options.add_argument("--img-size", type=Whole(1, 4096), metavar="PX", help="side of images without a data set")
    options.add_argument("--num-classes", type=Whole(2, 100_000), metavar="N", help="classes without a data set")
    options.add_argument(
        "--seed", type=Whole(0, 2**63 - 1), default=0, metavar="S", help="seed of the random networks (default: 0)"
    )
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help="folder of the profile (default: runs/device-SPACE)",
    )
    options.add_argument("--resume", action="store_true", help="resume the profile in this folder")
    options.add_argument("--force", action="store_true", help="replace the profile in this folder")
    options.add_argument("--json", action="store_true", help="print one JSON object, as in result.json")
    options.set_defaults(run=_profile, verify=None)


def _profile(options: argparse.Namespace) -> int:
    started = time.monotonic()
    space = load_space(options.space)
    task = searched_task(options, space)
    out = options.out or Path("runs") / f"device-{space.name}"
    folder = OutFolder(out, PROFILE_FOLDER, force=options.force, resume=options.resume)
    folder.refuse()
    if folder.has_all_of(options.words):
        note(f"'{out}' holds a finished profile; nothing to resume")
        return 0
    archs = _drawn(space, task, options.archs, np.random.default_rng(options.seed))
    with folder.opened(options):
        with folder.interruptible():
            found = profile(
                space,
                task.shape,
                archs,
                conditions=Conditions(options.threads, options.batch, options.clock),
                rounds=options.rounds,
                journal=folder.path / PROFILE_JOURNAL,
                progress=continued_bar("measurement"),
            )
        document = _document(found, space)
        figure = agreement_figure(1e3 * found.measured, 1e3 * found.predicted, "latency, ms")
        contents: dict[str, Callable[[Path], object]] = {
            RESULT: json_writer(document),
            LATENCY_FILE: found.model.save,
            FIGURE: figure_writer(figure, "svg"),
        }
        record = run_record(options, started, {"model": found.model.identity, "result": digest(document)})
        written = folder.finish(contents, record)
    if options.json:
        say_json(document)
    else:
        _report(found, space, task)
        say_written(written)
    if found.repeats.noisy:
        warn(
            f"this machine is too noisy: the two halves of the rounds agree with a tau of {found.repeats.tau:.2f} (at "
            f"least {AGREEMENT} is required), and half of {found.repeats.n} networks differ by more than "
            f"{100 * found.repeats.difference:.0f} % (at most {100 * NOISY:.0f} % is allowed). Two profiles "
            "may differ. Profile the machine when it is idle, or use more --rounds"
        )
    return 0


def _drawn(space: Space, task: Task, wanted: int, rng: np.random.Generator) -> list[Arch]:
    """Distinct architectures in random order.

    Raises:
        SpecError: If the space has fewer.
    """
    region = Region(space, task, Constraints())
    if region.size is not None and region.size < 2 * wanted:
        listed = list(region)
        if len(listed) < LEAST_ARCHS:
            raise SpecError(
                f"The space '{space.name}' has {len(listed)} architectures, too few to hold any out. Measure all of "
                "them instead: search --max latency=...."
            )
        return [listed[place] for place in rng.permutation(len(listed))[:wanted]]
    found: dict[Arch, None] = {}
    while len(found) < wanted:
        found[space.sample(rng)] = None
    return list(found)


def _document(found: Profile, space: Space) -> dict[str, Any]:
    model = found.model
    return {
        "space": space.name,
        "task": model.task._asdict(),
        **model.conditions._asdict(),
        "kind": model.kind,
        "chosen_by": found.chosen_by,
        "layers": found.layers,
        "disturbed": found.disturbed,
        "noisy": found.repeats.noisy,
        **model.about,
    }


def _report(found: Profile, space: Space, task: Task) -> None:
    model, about = found.model, found.model.about
    say_text(f"{space.name}, {described(task)}; {model.conditions.text}, {', '.join(machine())}")
    say_text(
        f"{about['architectures']} networks measured in {about['rounds']} rounds, {about['fitted_to']} fitted, "
        f"{found.layers} layers timed; a round is {100 * found.disturbed:.0f} % slower than the fastest measurements"
    )
    rows = [
        {
            "model": kind,
            "error on left-out folds": f"{100 * error:.1f} %",
            "": "chosen" if kind == model.kind else "",
        }
        for kind, error in found.chosen_by.items()
    ]
    say(text_table(rows))
    low, high = SECONDS.text(float(found.measured.min())), SECONDS.text(float(found.measured.max()))
    say_text(f"held out: {found.error} networks of {low} to {high}")
    say_text(
        f"first half of the rounds against the second: tau {found.repeats.tau:.3f}, median difference "
        f"{100 * found.repeats.difference:.1f} % on {found.repeats.n}"
    )


COMMAND = Command(
    "device",
    "Measures networks of a space on this machine, and fits a model of their latency, which a search can bound.",
    (
        "device profile --space pit-micro --out runs/device",
        "search --proxy pit_micro --space pit-micro --max latency=3ms --latency-model runs/device",
    ),
    _add_options,
    run_part,
)
