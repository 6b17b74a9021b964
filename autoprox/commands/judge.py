"""`autoprox judge`: scores the winner of a finished run on the sealed split, once all choices are made."""

import argparse
from pathlib import Path

from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.base.records import RUN
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_spaces_of_table
from autoprox.commands.console import chosen_backend, note
from autoprox.commands.evolve import COMMAND as EVOLVE
from autoprox.commands.record import PROGRAM_WORDS, lasting, refuse_code
from autoprox.commands.values import PathTo, Whole
from autoprox.evolve.runs import Run, load


def _add_options(options: CommandParser) -> None:
    options.add_argument("run", type=PathTo(folder=True), metavar="RUN", help="folder of a finished run")
    add_spaces_of_table(options)
    options.add_argument(
        "--jobs", type=Whole(1, 4096), metavar="N", help="processes; results do not depend on it (default: as the run)"
    )


def _judge(options: argparse.Namespace) -> int:
    run = load(options.run)
    finished, evaluated = run.status == "finished", str(int(run.epochs["evaluated"].max())) if len(run.epochs) else "0"
    if not finished and _budget(run) != evaluated:  # with all its candidates, it was killed during judging
        raise SpecError(f"The run in '{options.run}' is not finished; complete it with evolve --resume, then judge it.")
    if finished and run.sealed_scorings is not None:
        note(f"the run in '{options.run}' already scored the sealed split; see autoprox runs {options.run}")
        return 0
    if "command" not in run.provenance:
        raise StoreMismatchError(
            f"There is no '{Path(options.run) / RUN}', so the options of the run are unknown. Judge its proxy with "
            f"evaluate --proxy {options.run} --split sealed."
        )
    kept = lasting(run.provenance["command"])
    if options.space:
        kept.pop("--space", None)
    again = "give {option} again" if "--space" in kept else f"give {{option}} to evolve --out {options.run} --resume"
    refuse_code(kept, options.run, again)
    if options.space:
        kept["--space"] = ["--space", *options.space]
    for name in ("--keep-sealed", "--budget", "--seconds", "--out"):
        kept.pop(name, None)
    if options.jobs is not None:
        kept["--jobs"] = ["--jobs", str(options.jobs)]
    words = [word for group in kept.values() for word in group]
    words += ["--budget", evaluated, "--out", str(options.run), "--resume"]
    began = EVOLVE.parser().parse_args(words)
    began.words = [*run.provenance["command"][:PROGRAM_WORDS], *words]
    with chosen_backend(began):
        return EVOLVE.run(began)


def _budget(run: Run) -> str | None:
    """The --budget of the last command that worked on a run, as written."""
    given = lasting(run.provenance.get("command", ())).get("--budget", [None])[-1]
    return given if given is None else given.removeprefix("--budget=")


COMMAND = Command(
    "judge",
    "Scores the winner of a finished run on the sealed split, which the search never saw, and updates the results of "
    "the run. Each scoring is counted: run it once, when budget, seed and options are settled.",
    ("judge runs/short",),
    _add_options,
    _judge,
)
