"""Options that several commands have: a table with its spaces, a metric, a seed."""

import argparse

from autoprox.bench.schema import DEFAULT_METRIC, METRICS
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.values import Text, Whole

TABLE = Text((DEFAULT_TABLE,), files=True)
"""A benchmark table: the path of a parquet file, or a name."""

Options = argparse.ArgumentParser | argparse._ArgumentGroup


def add_spaces_of_table(options: Options) -> None:
    """Adds --space, for spaces of the user."""
    options.add_argument(
        "--space",
        nargs="+",
        default=[],
        metavar="REF",
        help="spaces of yours that the table holds: my_package.spaces:space or my_file.py:space",
        type=Text(files=True),
    )


def add_metric(options: Options, purpose: str) -> None:
    """Adds --metric."""
    options.add_argument(
        "--metric", default=DEFAULT_METRIC, metavar="M", help=f"{purpose} (default: %(default)s)", type=Text(METRICS)
    )


def add_seed(options: Options) -> None:
    """Adds --seed, a whole number that every generator takes."""
    options.add_argument(
        "--seed", type=Whole(0, 2**63 - 1), default=0, metavar="S", help="same seed, same result (default: %(default)s)"
    )
