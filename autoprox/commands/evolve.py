"""`python -m autoprox.evolve`: discovers a proxy on a benchmark table."""

import argparse
import json
import math
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

import autoprox
from autoprox.bench.splits import Split
from autoprox.bench.table import small_block_warnings
from autoprox.commands.console import interval, network_bar, note, number, run_command, say, text_table
from autoprox.commands.problem import add_problem_options, problem_of
from autoprox.errors import SpecError
from autoprox.evolve import PROXY_ROW, Discoverer, Discovery, Margin, Settings, Stop
from autoprox.graph import Problem, Proxy, Verdict
from autoprox.statistics import StatisticsCache

DEFAULT_BUDGET = 20_000
BEST, RUN = "best.json", "run.json"

_EXAMPLES = """examples:
  python -m autoprox.evolve
  python -m autoprox.evolve --budget 2000 --seed 1 --jobs 2 --out runs/short
  python -m autoprox.evolve --bench my_table.parquet --spaces pit-micro --seconds 60
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m autoprox.evolve",
        description="Discovers a zero-cost proxy: evolves it on the fit split of a benchmark table, chooses it on the"
        " select split, and scores it once on the sealed split.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_problem_options(options)
    stop = options.add_mutually_exclusive_group()
    stop.add_argument(
        "--budget", type=int, metavar="N", help=f"distinct valid candidates in total (default: {DEFAULT_BUDGET})"
    )
    stop.add_argument("--seconds", type=float, metavar="S", help="search for S seconds; such a run does not repeat")
    options.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same result (default: 0)")
    options.add_argument("--out", type=Path, metavar="DIR", help="folder of the run (default: runs/<bench>-seed<seed>)")
    options.add_argument("--force", action="store_true", help="replace a finished run in this folder")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    options = parser().parse_args(arguments)
    return run_command(lambda: _evolve(options, sys.argv[1:] if arguments is None else list(arguments)))


def _evolve(options: argparse.Namespace, arguments: list[str]) -> int:
    started = time.monotonic()
    budget = DEFAULT_BUDGET if options.budget is None and options.seconds is None else options.budget
    stop = Stop(budget, options.seconds)
    if options.seed < 0:
        raise SpecError(f"--seed is {options.seed}; it must be 0 or more.")
    if options.out is not None:
        _refuse(options.out, options.force)
    problem = problem_of(options)
    fit = problem.judge(Split.FIT)
    for line in small_block_warnings(fit.blocks, budget or DEFAULT_BUDGET):
        note(f"fit split: {line}")
    folder = _prepared(options.out or Path("runs") / f"{problem.table.name}-seed{options.seed}", options.force)
    bar = tqdm(total=stop.budget, desc="candidates", unit="cand", disable=None, leave=False)

    def show(evaluated: int, best: float) -> None:
        bar.set_postfix_str(f"best {number(best)}", refresh=False)
        bar.update(evaluated - bar.n)

    with bar:
        discoverer = Discoverer(problem, StatisticsCache(), options.jobs, network_bar, show)
        discovery = discoverer.run(options.seed, stop, Settings())
    seconds = time.monotonic() - started
    _write_run(folder, arguments, seconds, discovery)
    _finish(folder, discovery.proxy, options.force)
    _report(problem, discovery, folder, seconds)
    return 0


def _refuse(folder: Path, force: bool) -> None:
    """Looks at the folder of the run and changes nothing.

    Raises:
        SpecError: If the path is a file or holds a finished run.
    """
    if folder.exists() and not folder.is_dir():
        raise SpecError(f"--out '{folder}' is a file; give a folder.")
    if (folder / BEST).exists() and not force:
        raise SpecError(
            f"'{folder}' holds a finished run, which is kept. Give another --out, or --force to replace it."
        )


def _prepared(folder: Path, force: bool) -> Path:
    """The folder of the run, made if need be, and tried for writing before anything is computed.

    Raises:
        SpecError: If the path is a file, cannot be written, or holds a finished run.
    """
    _refuse(folder, force)
    probe = _fresh_file(folder / BEST)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SpecError(f"--out '{folder}' cannot be written ({error.strerror}); give a folder that can.") from error
    return folder


def _fresh_file(path: Path) -> Path:
    """Where a file is written before it takes its name, one of each process."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _finish(folder: Path, proxy: Proxy, force: bool) -> None:
    """Gives best.json its name, last of all: where it is, the run is finished.

    Raises:
        SpecError: If another run finished in this folder meanwhile; what was found is kept beside it.
    """
    fresh = _fresh_file(folder / BEST)
    proxy.save(fresh)
    if force:
        os.replace(fresh, folder / BEST)
        return
    try:
        os.link(fresh, folder / BEST)
    except FileExistsError as error:
        raise SpecError(
            f"Another run finished in '{folder}' meanwhile; the result of this one is kept in '{fresh}'."
            " Give each run an --out of its own."
        ) from error
    fresh.unlink()


def _write_run(folder: Path, arguments: list[str], seconds: float, discovery: Discovery) -> None:
    """Writes what may differ between two runs of one seed: command, times, versions, machine."""
    run: dict[str, Any] = {
        "command": ["python", "-m", "autoprox.evolve", *arguments],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "search_seconds": round(discovery.outcome.seconds, 3),
        "candidates_per_second": round(discovery.outcome.evaluated / discovery.outcome.seconds, 1),
        "proxy_digest": discovery.proxy.to_document()["digest"],
        "sealed_scorings": discovery.sealed_scorings,
        "versions": {
            "autoprox": autoprox.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "machine": platform.platform(),
    }
    _fresh_file(folder / RUN).write_text(json.dumps(run, indent=2) + "\n")
    os.replace(_fresh_file(folder / RUN), folder / RUN)


def _report(problem: Problem, discovery: Discovery, folder: Path, seconds: float) -> None:
    outcome = discovery.outcome
    say(f"proxy    {discovery.proxy.formula}")
    say(f"needs    {', '.join(discovery.proxy.statistics)}")
    rejected = ", ".join(f"{count} {reason}" for reason, count in outcome.rejected.items()) or "none"
    rate = outcome.evaluated / outcome.seconds
    say(f"search   {outcome.evaluated} distinct valid candidates, {rate:.0f} a second; rejected: {rejected}")
    say(f"time     {seconds:.1f} s in all, statistics included")
    say()
    say(text_table([row for split in discovery.verdicts for row in _rows(problem, split, discovery.verdicts[split])]))
    say()
    rival = discovery.margin.rival
    say(f"beyond counting: sealed joint minus that of {rival}, the best count on select: {_beyond(discovery.margin)}")
    parts = Counter(problem.table.splits()[each] for each in {i for block in problem.blocks for i in block.arch_ids})
    agreement = number(discovery.init_agreement)
    say(f"initialisation: tau of the proxy with itself between two draws, on select: {agreement}")
    say(f"architectures: {', '.join(f'{split.value} {parts[split]}' for split in Split)}")
    say(f"sealed: scored {discovery.sealed_scorings} time(s) on this table by this user, this run included")
    say(f"written: {folder / BEST}, {folder / RUN}")
    if discovery.sealed_scorings > 1:
        note("the sealed split was looked at before: the more often, the less its figures can be trusted")


def _beyond(margin: Margin) -> str:
    if math.isnan(margin.joint):
        return "undefined: one of the two does not rank all sealed blocks; they are too small"
    low, high = margin.ci95
    verdict = "surely more" if low > 0 else "surely less" if high < 0 else "neither surely more nor surely less"
    return f"{number(margin.joint)}, 95 % interval {interval(margin.ci95)}: {verdict}"


def _rows(problem: Problem, split: Split, verdicts: dict[str, Verdict]) -> list[dict[str, str]]:
    """One row for the joint correlation and one a block; columns for the proxy and the counts."""
    proxy = verdicts[PROXY_ROW]
    counts = {name: verdict for name, verdict in verdicts.items() if name != PROXY_ROW}
    rows = [
        {
            "split": split.value,
            "block": "joint",
            PROXY_ROW: number(proxy.joint),
            "95 % interval": interval(proxy.ci95),
            "iso": "",
            "given params": "",
            **{name: number(verdict.joint) for name, verdict in counts.items()},
        }
    ]
    for index, block in enumerate(problem.blocks):
        own = proxy.blocks[index]
        rows.append(
            {
                "split": split.value,
                "block": f"{block.space} {block.dataset}",
                PROXY_ROW: number(own.kendall),
                "95 % interval": interval(own.ci95),
                "iso": number(own.iso),
                "given params": number(own.partial),
                **{name: number(verdict.blocks[index].kendall) for name, verdict in counts.items()},
            }
        )
    return rows
