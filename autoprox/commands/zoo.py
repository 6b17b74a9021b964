"""`python -m autoprox.zoo`: lists the published proxies, or scores them all on a benchmark table."""

import argparse
import math
import statistics
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from autoprox.base.digest import digest
from autoprox.base.errors import CollectionError, SpecError
from autoprox.base.files import json_writer
from autoprox.base.threads import single_threaded
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.verdict import Verdict, finite_or_none
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_json
from autoprox.commands.console import (
    interval,
    network_bar,
    number,
    say,
    say_columns,
    say_json,
    say_text,
    text_table,
    warn,
)
from autoprox.commands.outfolder import RESULT, OutFolder, add_out_options, result_folder
from autoprox.commands.problem_options import add_problem_options, add_split_option, judge_of, problem_of
from autoprox.commands.record import run_record
from autoprox.commands.values import Text, Whole
from autoprox.compress import ALLOCATION_PROXIES, CompressedSpace
from autoprox.graph import Proxy
from autoprox.networks import named_models
from autoprox.networks.network import Network
from autoprox.scorers import ZOO, Scored, Scorer, measured, score_networks
from autoprox.spaces.task import DEFAULT_NUM_CLASSES, noise_task

_TIMED = 5
# Networks for timing each proxy, spread evenly over the judged ones: the median of fewer would be noisy.

_NAMED = 3
# Number of proxies that are named per reason for not applying.

_OF_A_TABLE = ("spaces", "datasets", "label_kind", "out")


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "--names",
        nargs="+",
        metavar="P",
        help="only these proxies (default: all of the zoo)",
        type=Text([*ZOO, *ALLOCATION_PROXIES]),
    )
    options.add_argument(
        "--for",
        dest="model",
        metavar="M",
        help="list the proxies that apply to a model: my_file.py:model, hf:CONFIG.json or timm:NAME",
        type=Text(files=True),
    )
    options.add_argument(
        "--img-size",
        type=Whole(1, 4096),
        metavar="PX",
        help="side of the noise images for --for (default: the model's)",
    )
    add_problem_options(options, table=None)
    add_split_option(options)
    add_json(options)
    add_out_options(options)


def _zoo(options: argparse.Namespace) -> int:
    if options.bench is not None:
        return _bench(options)
    if options.model is not None:
        return _applying(options, [ZOO[name] for name in dict.fromkeys(options.names or ZOO)])
    useless = [name for name in _OF_A_TABLE if getattr(options, name) is not None]
    if useless:
        raise SpecError(f"--{useless[0].replace('_', '-')} applies to a benchmark table; name one with --bench.")
    chosen = _chosen(options.names or [*ZOO, *ALLOCATION_PROXIES])
    if options.json:
        say_json({"proxies": [_description(each) for each in chosen]})
        return 0
    rows = [[each.name, f"{each.sign:+d}", _form(each), str(each.needs), each.source] for each in chosen]
    say_columns([["name", "sign", "form", "needs", "source"], *rows])
    return 0


def _chosen(names: Iterable[str]) -> list[Scorer]:
    """Proxies of the zoo and of compressed networks."""
    return [ALLOCATION_PROXIES[name] if name in ALLOCATION_PROXIES else ZOO[name] for name in dict.fromkeys(names)]


def _of_table(problem: Problem) -> list[str]:
    """Names of the zoo; for a table of compressed networks also their proxies."""
    spaces = [problem.table.spaces[block.space] for block in problem.blocks]
    genes = {space.gene for space in spaces if isinstance(space, CompressedSpace)}
    fitting = [name for name, each in ALLOCATION_PROXIES.items() if genes and genes <= set(each.genes)]
    return [*ZOO, *fitting]


def _applying(options: argparse.Namespace, scorers: Sequence[Scorer]) -> int:
    """Lists the scorers that can be computed on a model with noise images."""
    (model, *others) = named_models([options.model])
    if others:
        raise SpecError(f"--for '{options.model}' holds several models; name one of them.")
    task = noise_task("noise", DEFAULT_NUM_CLASSES, options.img_size or model.img_size or 224, model.in_chans or 3)
    found = measured(scorers, model.build(task.num_classes), task.images, task.labels % 2, None)  # any model has two
    rows = [
        {"name": each.name, "applies": not one.reason and math.isfinite(one.value), "reason": one.reason}
        for each, one in zip(scorers, found, strict=True)
    ]
    if options.json:
        say_json({"model": options.model, "proxies": rows})
        return 0
    applying = [str(row["name"]) for row in rows if row["applies"]]
    say_text(f"{len(applying)} of {len(rows)} proxies apply to {model.name}: {', '.join(applying)}")
    faults: dict[str, list[str]] = {}
    for row in rows:
        if not row["applies"]:
            faults.setdefault(str(row["reason"]) or "no finite value", []).append(str(row["name"]))
    for reason, names in faults.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        say_text(f"{', '.join(names[:_NAMED])}{more}: {reason}", 2)
    if not applying and options.img_size is None and model.img_size is None:
        say_text(f"The noise images have {task.images.shape[-1]} px; if the model takes another size, give --img-size.")
    return 0


def _description(scorer: Scorer) -> dict[str, Any]:
    needs = scorer.needs
    return {
        "name": scorer.name,
        "sign": scorer.sign,
        "form": _form(scorer),
        "passes": list(needs.passes),
        "labels": needs.labels,
        "images": needs.images,
        "blocks": needs.blocks,
        "small_networks_only": needs.small,
        "statistics": list(needs.statistics),
        "source": scorer.source,
    }


def _form(scorer: Scorer) -> str:
    return "graph" if isinstance(scorer, Proxy) else "function"


@dataclass(frozen=True)
class _ZooRow:
    """Correlations of a proxy on a table, and its cost.

    Args:
        scorer: The proxy.
        verdict: Its correlations.
        iso: Joint correlation among architectures of one size.
        partial: Joint partial correlation given the number of parameters.
        seconds: Processor time to score one architecture on one thread; NaN where it cannot be scored.
    """

    scorer: Scorer
    verdict: Verdict
    iso: float
    partial: float
    seconds: float


def _bench(options: argparse.Namespace) -> int:
    started = time.monotonic()
    folder = result_folder(options, "zoo")
    if options.names:
        _chosen(options.names)  # an unknown name is refused before a table is read
    problem = problem_of(options)
    scorers = _chosen(options.names or _of_table(problem))
    with nullcontext() if folder is None else folder.opened(options):
        return _judged(options, problem, scorers, folder, started)


def _judged(
    options: argparse.Namespace, problem: Problem, scorers: Sequence[Scorer], folder: OutFolder | None, started: float
) -> int:
    judge = judge_of(problem, options.split)
    cache = statistics_of(problem.table)
    found = score_networks(scorers, judge.networks, cache, jobs=options.jobs, progress=network_bar)
    rows = _rows(judge, scorers, found)
    _note_undefined(scorers, found)
    documents = [_document(row, judge, found) for row in rows]
    if folder is not None:
        result = {"bench": problem.table.name, "split": options.split, "proxies": documents}
        identity = {"table": problem.table.digest, "result": digest(result)}
        times = {row.scorer.name: finite_or_none(row.seconds) for row in rows}
        record = run_record(options, started, identity, cpu_seconds_per_architecture=times)
        folder.finish({RESULT: json_writer(result)}, record)
    if options.json:
        timed = [
            {**each, "cpu_seconds_per_architecture": finite_or_none(row.seconds)}
            for each, row in zip(documents, rows, strict=True)
        ]
        timed_networks = len(_timed(judge.networks))
        shared = {"bench": problem.table.name, "split": options.split, "timed_networks": timed_networks}
        say_json({**shared, "proxies": timed})
        return 0
    first = problem.blocks[0]
    say(f"{problem.table.name}, split {options.split}, labels {first.label_kind}, {first.metric}; Kendall's tau")
    say(text_table([_cells(row, judge) for row in rows]))
    return 0


def _rows(judge: Judge, scorers: Sequence[Scorer], found: Scored) -> list[_ZooRow]:
    """One row per proxy, the best first, undefined ones last."""
    verdicts = judge.verdicts(found.values)
    iso = judge.joint(np.array([[block.iso for block in each.blocks] for each in verdicts]))
    partial = judge.joint(np.array([[block.partial for block in each.blocks] for each in verdicts]))
    timed = _timed(judge.networks)
    with single_threaded():
        models = [network.build() for network in timed]
        seconds = [_seconds(each, timed, models) for each in scorers]
    rows = [_ZooRow(*each) for each in zip(scorers, verdicts, iso.tolist(), partial.tolist(), seconds, strict=True)]
    return sorted(rows, key=lambda row: np.inf if np.isnan(row.verdict.joint) else -row.verdict.joint)


def _timed(networks: Sequence[Network]) -> list[Network]:
    """A few networks, spread evenly over all."""
    places = np.linspace(0, len(networks) - 1, min(_TIMED, len(networks)))
    return [networks[int(place)] for place in places]


def _seconds(scorer: Scorer, networks: Sequence[Network], models: Sequence[nn.Module]) -> float:
    """Median processor time of scoring one live network by this proxy alone, without building the network."""
    times = []
    try:
        for index in (0, *range(len(networks))):  # the first one twice: one-time work of a process is not counted
            task = networks[index].task
            start = time.process_time()
            scorer.score_many([models[index]], task.images, task.labels)
            times.append(time.process_time() - start)
    except CollectionError:
        return math.nan
    return statistics.median(times[1:])


def _document(row: _ZooRow, judge: Judge, found: Scored) -> dict[str, Any]:
    return {
        "name": row.scorer.name,
        "sign": row.scorer.sign,
        **row.verdict.to_document(judge.blocks),
        "joint_iso": finite_or_none(row.iso),
        "joint_given_params": finite_or_none(row.partial),
        "refused": found.refusals.get(row.scorer.name),
    }


def _cells(row: _ZooRow, judge: Judge) -> dict[str, str]:
    blocks = zip(judge.blocks, row.verdict.blocks, strict=True)
    return {
        "proxy": row.scorer.name,
        "joint": number(row.verdict.joint),
        "95 % interval": interval(row.verdict.ci95),
        **{f"{block.space} {block.dataset}": number(own.kendall) for block, own in blocks},
        "iso": number(row.iso),
        "given params": number(row.partial),
        "cpu ms": number(1000 * row.seconds, 1),
    }


def _note_undefined(scorers: Sequence[Scorer], found: Scored) -> None:
    for scorer, values in zip(scorers, found.values, strict=True):
        missing = int((~np.isfinite(values)).sum())
        if scorer.name in found.refusals:
            warn(found.refusals[scorer.name])
        elif missing:
            warn(f"'{scorer.name}' has no finite value on {missing} of {len(values)} networks")


COMMAND = Command(
    "zoo",
    "Lists the proxies of the zoo; with --bench, scores them on a benchmark table.",
    (
        "zoo",
        "zoo --for my_file.py:model --img-size 32",
        "zoo --bench vitbench101",
        "zoo --bench vitbench101 --out runs/zoo",
        "zoo --bench vitbench101 --names snip synflow params --split fit --json",
    ),
    _add_options,
    _zoo,
)
