"""`python -m autoprox.evaluate`: judges proxies on a benchmark table."""

import argparse
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from autoprox.api import load
from autoprox.api.judgement import Judgement, judged
from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.base.files import json_writer
from autoprox.bench.problem import Problem
from autoprox.bench.verdict import BlockVerdict, Verdict, finite_or_none
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_json
from autoprox.commands.console import (
    interval,
    network_bar,
    number,
    say,
    say_json,
    say_text,
    text_table,
    warn,
)
from autoprox.commands.names import SCORER
from autoprox.commands.outfolder import RESULT, add_out_options, result_folder
from autoprox.commands.problem_options import add_problem_options, add_split_option, note_sealed, problem_of
from autoprox.commands.record import run_record
from autoprox.commands.teacher_options import add_teacher_option, check_teacher, with_teachers
from autoprox.scorers import Scorer

_LONGEST = 32
# Characters of a name in a table.


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "--proxy",
        nargs="+",
        required=True,
        metavar="P",
        help="folders of runs, their best.json or hall.json, models of autoprox.parzc, names of shipped or zoo proxies",
        type=SCORER,
    )
    add_problem_options(options)
    add_split_option(options)
    add_teacher_option(
        options,
        "teacher for tvt, diswot and proxies discovered with one",
        "A discovered proxy takes its own teacher only",
    )
    add_json(options)
    options.add_argument("--verbose", action="store_true", help="print every block")
    add_out_options(options)


def _evaluate(options: argparse.Namespace) -> int:
    started = time.monotonic()
    folder = result_folder(options, "evaluate")
    proxies = named_proxies(options.proxy)
    check_teacher(proxies.values(), options)
    problem = with_teachers(problem_of(options), options)
    with nullcontext() if folder is None else folder.opened(options):
        found = judged_with(options, problem, proxies)
        say_judgement(options, problem, found)
        if folder is not None:
            document = _document(options, problem, found)
            digests = {"table": problem.table.digest, "result": digest(document)}
            folder.finish({RESULT: json_writer(document)}, run_record(options, started, digests))
    return 0


def judged_with(options: argparse.Namespace, problem: Problem, proxies: Mapping[str, Scorer]) -> Judgement:
    """Judges proxies by the options; reports scorings of the sealed split, and warns of doubtful results.

    Raises:
        AutoproxError: If a proxy cannot be judged on this table.
    """
    found = judged(problem, proxies, options.split, jobs=options.jobs, progress=network_bar)
    if found.sealed_scorings is not None:
        note_sealed(found.sealed_scorings)
    _warn_undefined(found, proxies)
    _warn_other_table(problem, proxies)
    return found


def say_judgement(options: argparse.Namespace, problem: Problem, found: Judgement) -> None:
    """Writes a judgement to standard output, as JSON with --json."""
    if options.json:
        say_json(_document(options, problem, found))
        return
    _print(problem, found, options.split, verbose=options.verbose)


def _document(options: argparse.Namespace, problem: Problem, found: Judgement) -> dict[str, Any]:
    own = {name: found.proxies[name].to_document(found.judge.blocks) for name in found.proxies}
    for name, document in own.items():
        document["init_agreement"] = finite_or_none(found.agreements[name])
    counted = {name: verdict.to_document(found.judge.blocks) for name, verdict in found.baselines.items()}
    return {"bench": problem.table.name, "split": options.split, "proxies": own, "baselines": counted}


def named_proxies(names: Sequence[str]) -> dict[str, Scorer]:
    """Proxies, renamed to the names on the command line.

    Raises:
        SpecError: If a name is given twice.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SpecError(f"--proxy names '{twice[0]}' more than once; give each proxy once.")
    return {name: load(name).renamed(name) for name in names}


def _warn_undefined(found: Judgement, proxies: Mapping[str, Scorer]) -> None:
    for name in proxies:
        missing = int((~np.isfinite(found.scores[name])).sum())
        if missing:
            warn(
                f"'{name}' has no finite value on {missing} of {len(found.judge.networks)} networks;"
                " its correlation on the blocks of these networks is undefined"
            )


def _warn_other_table(problem: Problem, proxies: Mapping[str, Scorer]) -> None:
    """Warns of proxies from another version of a table: only an extended table is certain to keep its splits."""
    for name, proxy in proxies.items():
        found = proxy.provenance
        if found.get("table") == problem.table.name and found["table_digest"] != problem.table.digest:
            warn(
                f"'{name}' was discovered on another version of '{problem.table.name}':"
                " architectures that are sealed here may have been in its fit split"
            )


def _short(name: str) -> str:
    """A name for a table: the end of a long path."""
    return name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"


def _print(problem: Problem, found: Judgement, split: str, *, verbose: bool) -> None:
    first, shown = problem.blocks[0], {**found.proxies, **found.baselines}
    say(f"{problem.table.name}, split {split}, labels {first.label_kind}, {first.metric}; Kendall's tau")
    say(text_table([_joint_row(name, verdict, found) for name, verdict in shown.items()]))
    if not verbose:
        say_text(
            "iso: among architectures of one size; size: partial tau given parameters; init: tau of a proxy with itself"
            " between two initialisations. --verbose prints every block."
        )
        return
    for place, block in enumerate(found.judge.blocks):
        say(f"\n{block.space} {block.dataset}, {len(block.arch_ids)} architectures")
        say(text_table([_block_row(name, verdict.blocks[place]) for name, verdict in shown.items()]))


def _joint_row(name: str, verdict: Verdict, found: Judgement) -> dict[str, str]:
    blocks, joint = verdict.blocks, found.judge.joint
    agreement = found.agreements.get(name) if name in found.proxies and verdict is found.proxies[name] else None
    return {
        "scorer": _short(name),
        "joint": number(verdict.joint),
        "95 % interval": interval(verdict.ci95),
        "iso": number(float(joint(np.array([each.iso for each in blocks])))),
        "size": number(float(joint(np.array([each.partial for each in blocks])))),
        "init": "" if agreement is None else number(agreement),
    }


def _block_row(name: str, own: BlockVerdict) -> dict[str, str]:
    return {
        "scorer": _short(name),
        "kendall": number(own.kendall),
        "95 % interval": interval(own.ci95),
        "spearman": number(own.spearman),
        "iso": number(own.iso),
        "size": number(own.partial),
    }


COMMAND = Command(
    "evaluate",
    "Judges proxies on a benchmark table, and compares them with plain counts.",
    (
        "evaluate --proxy snip grad_norm",
        "evaluate --proxy runs/vitbench101-seed0/best.json params --split select --json",
        "evaluate --proxy runs/taught diswot --label-kind kd --teacher resnet",
        "evaluate --proxy runs/short --bench my_table.parquet --init-seeds 3 --out runs/verdict",
    ),
    _add_options,
    _evaluate,
)
