"""`python -m autoprox.runs`: lists the runs in a folder and summarises them."""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoprox.base.digest import bytes_digest
from autoprox.base.errors import AutoproxError, SpecError, StoreMismatchError
from autoprox.base.records import RUN
from autoprox.bench.splits import Split
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import chosen_backend, number, say, say_json, text_table, warn
from autoprox.commands.evolve import COMMAND as EVOLVE
from autoprox.commands.problem_options import problem_of
from autoprox.commands.record import PROGRAM_WORDS, lasting, refuse_code, run_record
from autoprox.commands.report import add_random_option, chosen_random_budget, make_report, remember, write_report
from autoprox.commands.teacher_options import with_teachers
from autoprox.commands.values import PathTo
from autoprox.evolve import PROXY_ROW
from autoprox.evolve.fitness import Status
from autoprox.evolve.runs import Run, find, load
from autoprox.report import COMPARISON, comparison_report, is_own_page, read_evidence, write_page
from autoprox.scorers import BEST

_HALL_LINES = 5
_COLUMNS = ("run", "status", "table", "strategy", "islands", "seed", "evaluated", "fit", "select", "sealed")
_SETTINGS = ("strategy", "islands")
# Columns that the text shows only if runs differ in them.


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "folder",
        nargs="?",
        type=PathTo(folder=True),
        default=Path("runs"),
        metavar="DIR",
        help="a folder (default: %(default)s)",
    )
    options.add_argument("--json", action="store_true", help="print JSON")
    report = options.add_argument_group("the report, report.html in the folder of a finished run")
    report.add_argument(
        "--report",
        action="store_true",
        help="write the report again, from stored results where possible; for a folder of several runs, a page "
        "that compares the finished runs (comparison.html)",
    )
    add_random_option(report)


def _show(options: argparse.Namespace) -> int:
    if options.report:
        several = find(options.folder) not in ([], [options.folder])
        say(f"report: {_comparison(options) if several else _report(options)}")
        return 0
    if options.random_budget is not None:
        raise SpecError("--random-budget is part of the report; give --report as well.")
    folders = find(options.folder)
    if not folders:
        raise StoreMismatchError(
            f"There is no run at or below '{options.folder}'; give the --out of evolve, or a folder above it."
        )
    if folders == [options.folder]:
        summary = _summary(load(options.folder))
        if options.json:
            say_json(summary)
        else:
            _print(summary)
        return 0
    rows = [_row_of(each) for each in folders]
    if options.json:
        say_json(rows)
    else:
        alike = {name for name in _SETTINGS if len({row[name] for row in rows}) == 1}
        say(text_table([{name: _text(row[name]) for name in row if name not in alike} for row in rows]))
    return 0


def _report(options: argparse.Namespace) -> Path:
    """Writes the report of a run; the sealed split is not scored again."""
    started = time.monotonic()
    run, random_budget = load(options.folder), chosen_random_budget(options)
    evidence = read_evidence(run) if options.random_budget is None else None
    page = write_report(run, evidence) if evidence is not None else _gathered(run, random_budget)
    digests = {"proxy": run.proxy.to_document()["digest"], "report": bytes_digest(page.read_bytes())}
    remember(run.folder, report=run_record(options, started, digests))
    return page


def _comparison(options: argparse.Namespace) -> Path:
    """Writes a page that compares the finished runs below a folder.

    Raises:
        StoreMismatchError: If there is no finished run.
        SpecError: If --random-budget is given, which applies to the report of one run.
    """
    if options.random_budget is not None:
        raise SpecError("--random-budget applies to the report of one run; give the folder of that run.")
    finished = [run for run in map(load, find(options.folder)) if run.status == "finished"]
    if not finished:
        raise StoreMismatchError(f"There is no finished run below '{options.folder}' to compare.")
    page = Path(options.folder) / COMPARISON
    if page.exists() and not is_own_page(page):
        raise SpecError(f"'{page}' was not written by autoprox and is kept. Move it away, then repeat.")
    write_page(page, comparison_report(finished, Path(options.folder)))
    return page


def _gathered(run: Run, random_budget: int) -> Path:
    """The report with evidence that is gathered again, on the table of the run."""
    if "command" not in run.provenance:
        raise StoreMismatchError(
            f"There is no '{run.folder / RUN}', so the table of the run is unknown; its report cannot be written."
        )
    refuse_code(
        lasting(run.provenance["command"]), run.folder, f"give {{option}} to evolve --out {run.folder} --resume"
    )
    began = EVOLVE.parser().parse_args(run.provenance["command"][PROGRAM_WORDS:])
    with chosen_backend(began):
        problem = with_teachers(problem_of(began), began)
        return make_report(run.folder, problem, jobs=began.jobs, random_budget=random_budget)


def _row_of(folder: Path) -> dict[str, Any]:
    """One row per run, even for a faulty one, so that the others are still shown."""
    try:
        return _row(load(folder))
    except AutoproxError as error:
        warn(str(error))
        return {**dict.fromkeys(_COLUMNS), "run": _printable(folder), "status": "damaged"}


def _row(run: Run) -> dict[str, Any]:
    """Row of a valid run."""
    epochs = run.epochs
    row = {
        "run": _printable(run.folder),
        "status": run.status,
        **{name: run.definition.get(name) for name in ("table", "strategy", "islands", "seed")},
        "evaluated": int(epochs["evaluated"].max()) if len(epochs) else 0,
        "fit": _finite(epochs["best"].max()) if len(epochs) else None,  # of the best so far, until there is a winner
    }
    try:
        splits = run.proxy.results["splits"] if run.status == "finished" else {}
        joints = {
            name: splits[name][PROXY_ROW]["joint"] if name in splits else None for name in (Split.SELECT, Split.SEALED)
        }
        if splits:
            row["fit"] = splits[Split.FIT][PROXY_ROW]["joint"]
    except (LookupError, TypeError) as error:
        raise StoreMismatchError(f"'{run.folder / BEST}' does not hold the results of a run ({error!r}).") from error
    return row | {split.value: joint for split, joint in joints.items()}


def _printable(folder: Path) -> str:
    """The name of a folder in Unicode, which its bytes need not be."""
    return str(folder).encode("utf-8", "backslashreplace").decode()


def _summary(run: Run) -> dict[str, Any]:
    evaluations = run.evaluations
    valid = evaluations[evaluations["status"] == Status.VALID.value]
    origins = valid.groupby("origin").agg(candidates=("fitness", "size"), best=("fitness", "max"))
    finished = run.status == "finished"
    return {
        **_row(run),
        "seconds": float(run.epochs["seconds"].max()) if len(run.epochs) else 0.0,
        "outcomes": {str(name): int(count) for name, count in evaluations["status"].value_counts().items()},
        "origins": {str(name): row for name, row in origins.to_dict("index").items()},
        "settings": run.definition["settings"],
        "stop": run.stop,
        "formula": run.proxy.brief if finished else None,
        "sealed_scorings": run.sealed_scorings,
        "hall": _hall(run.hall) if finished else [],
    }


def _hall(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = ["fit_joint", "select_joint", "size", "formula"]
    records = frame[columns].head(_HALL_LINES).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in records]


def _print(summary: dict[str, Any]) -> None:
    counted = f"{summary['evaluated']} candidates, {summary['seconds']:.1f} s of search"
    say(f"{summary['run']}: {summary['status']}, {counted}")
    say(f"strategy {summary['strategy']} on {summary['table']}, seed {summary['seed']}, islands {summary['islands']}")
    say(f"outcomes: {', '.join(f'{count} {name}' for name, count in summary['outcomes'].items())}")
    for name, row in summary["origins"].items():
        say(f"  {name}: {row['candidates']} valid, best fitness {row['best']:.3f}")
    joints = {name: _text(summary[name]) for name in ("fit", "select", "sealed")}
    say(f"tau of the winner: fit {joints['fit']}, select {joints['select']}, sealed {joints['sealed']}")
    if summary["formula"] is None:
        say("not finished; repeat the command with --resume")
        return
    say(f"proxy {summary['formula']}")
    say(text_table([{name: _text(value) for name, value in row.items()} for row in summary["hall"]]))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else str(value)


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


COMMAND = Command(
    "runs",
    "Lists the runs at or below a folder; summarises the one that the folder itself is.",
    (
        "runs",
        "runs runs/vitbench101-seed0",
        "runs runs/vitbench101-seed0 --report",
        "runs runs/vitbench101-seed0 --report --random-budget 20000",
    ),
    _add_options,
    _show,
)
