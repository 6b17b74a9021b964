"""Options shared by several commands: spaces of a table, metric, seed, splits of a fit, figures, JSON."""

import argparse

from autoprox.bench.schema import DEFAULT_METRIC, METRICS
from autoprox.bench.splits import Split
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands.values import PathTo, Text, Whole

TABLE = Text((DEFAULT_TABLE,), files=True)
"""A benchmark table: the path of a parquet file, or a name."""

Options = argparse.ArgumentParser | argparse._ArgumentGroup


def add_spaces_of_table(options: Options) -> None:
    """Adds --space, for spaces defined by the user."""
    options.add_argument(
        "--space",
        nargs="+",
        default=[],
        metavar="REF",
        help="your spaces in the table: my_package.spaces:space or my_file.py:space",
        type=Text(files=True),
    )


def add_metric(options: Options, purpose: str) -> None:
    """Adds --metric."""
    options.add_argument(
        "--metric", default=DEFAULT_METRIC, metavar="M", help=f"{purpose} (default: %(default)s)", type=Text(METRICS)
    )


def add_seed(options: Options) -> None:
    """Adds --seed, a whole number that every generator accepts."""
    options.add_argument(
        "--seed", type=Whole(0, 2**63 - 1), default=0, metavar="S", help="same seed, same result (default: %(default)s)"
    )


def add_fit(options: Options, what: str, default: str) -> None:
    """Adds --splits and --out, for a model that is fitted to labels."""
    options.add_argument(
        "--splits",
        nargs="+",
        choices=[Split.FIT.value, Split.SELECT.value],
        default=[Split.FIT.value],
        help=f"architectures to learn from (default: fit; give fit select for a {what} that is judged on sealed)",
    )
    options.add_argument(
        "--out",
        type=PathTo(written=True),
        metavar="FILE",
        help=f"where to write the {what} (default: {default})",
    )


def add_figures(options: Options) -> None:
    """Adds --figures and --force, for a command that also draws figures."""
    options.add_argument(
        "--figures", type=PathTo(folder=True, written=True), metavar="DIR", help="write figures into this folder"
    )
    options.add_argument("--force", action="store_true", help="replace files that exist")


def add_json(options: Options) -> None:
    """Adds --json."""
    options.add_argument("--json", action="store_true", help="print one JSON object")
