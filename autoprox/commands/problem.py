"""The options by which a command is told a table and which blocks of it count."""

import argparse

from joblib import cpu_count

from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import DEFAULT_TABLE, Table
from autoprox.commands.console import note
from autoprox.errors import SpecError
from autoprox.graph import Judge, Problem
from autoprox.metrics import Aggregate

_SPLITS = {**{split.value: (split,) for split in Split}, "all": tuple(Split)}


def add_problem_options(parser: argparse.ArgumentParser, table: str | None = DEFAULT_TABLE) -> None:
    """Adds --bench, --spaces, --datasets, --label-kind, --metric, --aggregate, --init-seeds, --jobs.

    Args:
        parser: What they are added to.
        table: The table where none is given; None for a command that then does something else.
    """
    group = parser.add_argument_group("what is judged")
    group.add_argument(
        "--bench",
        default=table,
        metavar="PATH|NAME",
        help="benchmark table: a parquet file, or the name of an embedded table (default: %(default)s)",
    )
    group.add_argument("--spaces", nargs="+", metavar="S", help="only these spaces (default: all of the table)")
    group.add_argument("--datasets", nargs="+", metavar="D", help="only these data sets (default: all of the table)")
    group.add_argument(
        "--label-kind", metavar="K", help="scratch, kd or supernet (default: scratch where the table has it)"
    )
    group.add_argument("--metric", default=DEFAULT_METRIC, metavar="M", help="top1_pct or nll (default: %(default)s)")
    group.add_argument(
        "--aggregate",
        default=Aggregate.MEAN.value,
        choices=[Aggregate.MEAN.value, Aggregate.MIN.value],
        help="how correlations with blocks are joined (default: %(default)s, over the blocks of a space, then spaces)",
    )
    group.add_argument(
        "--init-seeds", type=int, default=1, metavar="K", help="average scores over K initialisations (default: 1)"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=cpu_count(),
        metavar="N",
        help="processes that collect statistics; results do not depend on it (default: one a core, here %(default)s)",
    )


def add_split_option(parser: argparse.ArgumentParser) -> None:
    """Adds --split, of which select is the default: sealed is looked at on purpose only."""
    parser.add_argument(
        "--split", choices=list(_SPLITS), default=Split.SELECT.value, help="architectures to use (default: %(default)s)"
    )


def splits_of(name: str) -> tuple[Split, ...]:
    """The splits that a value of --split names."""
    return _SPLITS[name]


def judge_of(problem: Problem, split: str) -> Judge:
    """The judge of what --split names; a look at the sealed split is counted, and the count said.

    Raises:
        TableError: If a block has too few architectures or a constant label there.
    """
    splits = splits_of(split)
    judge = problem.judge(*splits)
    if Split.SEALED in splits:
        times = count_sealed(problem.table.digest)
        note(f"the sealed split of this table has now been scored {times} time(s) by this user")
    return judge


def problem_of(options: argparse.Namespace) -> Problem:
    """The problem that the options describe; what was derived or defaulted in the table is said.

    Raises:
        TableError: If the table or a block of it is not to be had.
        SpecError: If a number is out of range.
    """
    require_positive(options, "jobs", "init_seeds")
    table = Table.read(options.bench)
    if table.notes:
        note(" ".join(table.notes))
    blocks = table.blocks(options.spaces, options.datasets, options.label_kind, options.metric)
    used = blocks[0].label_kind
    if options.label_kind is None and len(table.label_kinds) > 1:
        others = ", ".join(kind for kind in table.label_kinds if kind != used)
        note(f"label kind '{used}' is used; the table also has {others}")
    return Problem(table, tuple(blocks), Aggregate(options.aggregate), options.init_seeds)


def require_positive(options: argparse.Namespace, *names: str) -> None:
    """Refuses whole-number options below 1.

    Raises:
        SpecError: If one is.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and value < 1:
            raise SpecError(f"--{name.replace('_', '-')} is {value}; it must be at least 1.")
