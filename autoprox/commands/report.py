"""The report of a run: gathered when the run is finished, or written again from stored results."""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from autoprox.base.arrays import Floats
from autoprox.base.files import write_json
from autoprox.base.records import RUN
from autoprox.bench.problem import Problem, statistics_of
from autoprox.commands.console import candidate_bar, network_bar
from autoprox.commands.outfolder import claim
from autoprox.commands.record import read_record
from autoprox.commands.values import Whole
from autoprox.evolve import Discoverer
from autoprox.evolve.runs import Run, load
from autoprox.networks.network import Network
from autoprox.report import EVIDENCE, RANDOM_BUDGET, REPORT, discovery_report, gather, random_search, write_page
from autoprox.scorers import Scorer, score_networks

_STEP = "report"
# Names of bars.


def add_random_option(parser: argparse._ActionsContainer) -> None:
    """Adds --random-budget."""
    parser.add_argument(
        "--random-budget",
        type=Whole(0),
        metavar="N",
        help="candidates of random search for comparison in the report, at most as many as in the run; 0 for none "
        f"(default: {RANDOM_BUDGET})",
    )


def chosen_random_budget(options: argparse.Namespace) -> int:
    """The value of --random-budget."""
    return RANDOM_BUDGET if options.random_budget is None else int(options.random_budget)


def make_report(folder: Path, problem: Problem, *, jobs: int, random_budget: int) -> Path:
    """Gathers the evidence for the report of a finished run, stores it in the run's folder, and writes the report.

    Args:
        folder: The folder of the run.
        problem: Its problem.
        jobs: Processes that collect statistics that are not cached.
        random_budget: Candidates of random search.

    Returns:
        Path of the page.

    Raises:
        StoreMismatchError: If the run is not finished, or was made on another table.
        AutoproxError: If a file cannot be written.
    """
    claim(folder, (REPORT, EVIDENCE))
    run, cache = load(folder), statistics_of(problem.table)

    def scored(scorers: Sequence[Scorer], networks: Sequence[Network]) -> Floats:
        return score_networks(scorers, networks, cache, jobs=jobs, progress=partial(network_bar, name=_STEP)).values

    with candidate_bar(random_budget, unit="random candidate", name=_STEP) as show:
        random = random_search(
            run, Discoverer(problem, cache, jobs, partial(network_bar, name=_STEP), show), random_budget
        )
    evidence = gather(run, problem, scored, random)
    cache.close()  # before the report: a finished one never opens the cache again to clear its log
    write_json(evidence, folder / EVIDENCE)
    remember(folder, random_seconds=None if random is None else round(random.seconds, 2))
    return write_report(load(folder), evidence)


def write_report(run: Run, evidence: Mapping[str, Any]) -> Path:
    """Writes the report of a finished run from gathered evidence; returns the path of the page.

    Raises:
        AutoproxError: If the file cannot be written.
    """
    page = run.folder / REPORT
    claim(run.folder, (REPORT,))
    write_page(page, discovery_report(run, evidence))
    return page


def remember(folder: Path, **values: Any) -> None:
    """Adds to the record of a run.

    Args:
        folder: Folder of the run.
        values: JSON-compatible entries.

    Raises:
        AutoproxError: If the file cannot be written.
    """
    write_json((read_record(folder / RUN) or {}) | values, folder / RUN)
