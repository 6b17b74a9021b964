"""Options that select a table, its blocks and their weights."""

import argparse
import math
from collections.abc import Sequence

from autoprox.api.judgement import SPLITS
from autoprox.base.errors import SpecError, suggestion
from autoprox.bench.block import Block
from autoprox.bench.judging import Judge
from autoprox.bench.labels import LABEL_KINDS
from autoprox.bench.problem import Problem
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import DEFAULT_TABLE, Table
from autoprox.commands.common_options import TABLE, add_metric, add_spaces_of_table
from autoprox.commands.console import add_process_options, note, warn
from autoprox.commands.image_options import add_images_option, image_folders, require_used
from autoprox.commands.values import Text, Whole
from autoprox.datasets import DATASETS
from autoprox.metrics import Aggregate
from autoprox.spaces import load_space, space_names


def add_problem_options(parser: argparse.ArgumentParser, table: str | None = DEFAULT_TABLE) -> None:
    """Adds the options that define a problem: --bench, --images, --spaces, ..., --weights, --init-seeds, and --jobs.

    Args:
        parser: The parser to extend.
        table: Default table; None for a command that also works without one.
    """
    group = parser.add_argument_group("table and blocks")
    group.add_argument(
        "--bench",
        default=table,
        metavar="PATH|NAME",
        help="benchmark table: a parquet file, or the name of an embedded table (default: %(default)s)",
        type=TABLE,
    )
    add_spaces_of_table(group)
    add_images_option(group, "compute statistics on images from here, not on stored images or noise")
    group.add_argument(
        "--spaces",
        nargs="+",
        metavar="S",
        help="only these spaces (default: all of the table)",
        type=Text(space_names()),
    )
    group.add_argument(
        "--datasets",
        nargs="+",
        metavar="D",
        help="only these data sets (default: all of the table)",
        type=Text(DATASETS),
    )
    group.add_argument(
        "--label-kind",
        metavar="K",
        help="scratch, kd or supernet (default: scratch where the table has it)",
        type=Text(LABEL_KINDS),
    )
    add_metric(group, "top1_pct or nll")
    group.add_argument(
        "--aggregate",
        choices=[each.value for each in Aggregate],
        help="aggregate of the correlations of blocks (default: mean, over the blocks of a space, then over spaces)",
    )
    group.add_argument(
        "--weights",
        nargs="+",
        metavar="W",
        help="weights for the weighted aggregate: SPACE=W, shared out evenly over the blocks of the space, or"
        " SPACE/DATASET=W for one block; give each block exactly one of the two",
        type=Text(),
    )
    group.add_argument(
        "--init-seeds",
        type=Whole(1, 1000),
        default=1,
        metavar="K",
        help="average scores over K initialisations (default: 1)",
    )
    add_process_options(parser, "processes that collect statistics")


def add_split_option(parser: argparse.ArgumentParser) -> None:
    """Adds --split. The default is select, since sealed is scored only on request."""
    parser.add_argument(
        "--split", choices=list(SPLITS), default=Split.SELECT.value, help="architectures to use (default: %(default)s)"
    )


def splits_of(name: str) -> tuple[Split, ...]:
    """Splits of a value of --split."""
    return SPLITS[name]


def judge_of(problem: Problem, split: str) -> Judge:
    """The judge of the splits of --split. A scoring of the sealed split is counted and reported.

    Raises:
        TableError: If a block has too few architectures or a constant label there.
    """
    splits = splits_of(split)
    judge = Judge(problem, *splits)
    if Split.SEALED in splits:
        note_sealed(count_sealed(problem.table.digest))
    return judge


def note_sealed(times: int) -> None:
    """Reports the number of scorings of a table's sealed split."""
    note(f"the sealed split of this table has now been scored {times} time{'s' if times > 1 else ''} by this user")


def problem_of(options: argparse.Namespace) -> Problem:
    """The problem of the options. Values that the table derives or lacks are reported.

    Raises:
        TableError: If the table or a block of it is unavailable.
        ImageError: If --images names images that are unavailable.
        SpecError: If weights do not fit the blocks.
    """
    spaces = [load_space(reference) for reference in options.space]
    table = Table.read(options.bench, image_folders(options.images), spaces)
    require_used(options.images, table.images, table.datasets)
    if table.notes:
        note(" ".join(table.notes))
    for doubt in table.doubts:
        warn(doubt)
    blocks = table.blocks(options.spaces, options.datasets, options.label_kind, options.metric)
    aggregate, weights = _joining(options, blocks)
    used = blocks[0].label_kind
    if options.label_kind is None and len(table.label_kinds) > 1:
        others = ", ".join(kind for kind in table.label_kinds if kind != used)
        note(f"label kind '{used}' is used; the table also has {others}")
    return Problem(table, tuple(blocks), aggregate, options.init_seeds, weights)


def _joining(options: argparse.Namespace, blocks: Sequence[Block]) -> tuple[Aggregate, tuple[float, ...] | None]:
    """Aggregate and weights of blocks; weights alone imply the weighted aggregate."""
    if options.weights is None and options.aggregate != Aggregate.WEIGHTED:
        return Aggregate(options.aggregate or Aggregate.MEAN), None
    if options.weights is None:
        raise SpecError("--aggregate weighted needs --weights, for example --weights SPACE=1 SPACE/DATASET=2.")
    if options.aggregate not in (None, Aggregate.WEIGHTED):
        raise SpecError(f"--weights were given, but --aggregate {options.aggregate} uses none; leave one of them out.")
    return Aggregate.WEIGHTED, block_weights(options.weights, blocks)


def block_weights(given: Sequence[str], blocks: Sequence[Block]) -> tuple[float, ...]:
    """The weight of each block from texts of the form SPACE=W or SPACE/DATASET=W.

    Args:
        given: The texts; the weight of a space is shared out evenly over its blocks.
        blocks: The blocks, in the order of the result.

    Raises:
        SpecError: If a text is malformed, names no block, or a block has no weight or two; if a weight is negative or
            not finite, or all are zero.

    Example:
        >>> import numpy as np
        >>> two = [Block("pit", name, "kd", "top1_pct", (), np.empty(0), ()) for name in ("digits", "mnist5k")]
        >>> block_weights(["pit=3"], two), block_weights(["pit/digits=1", "pit/mnist5k=0"], two)
        ((1.5, 1.5), (1.0, 0.0))
    """
    weights: dict[int, float] = {}
    known = {name for block in blocks for name in (block.space, f"{block.space}/{block.dataset}")}
    for text in given:
        name, mark, number = text.partition("=")
        named = [index for index, block in enumerate(blocks) if name in (block.space, f"{block.space}/{block.dataset}")]
        if not mark or not named:
            raise SpecError(
                f"--weights '{text}' is not of the form SPACE=W or SPACE/DATASET=W. {suggestion(name, known)}"
            )
        try:
            weight = float(number)
        except ValueError as error:
            raise SpecError(f"--weights '{text}': '{number}' is not a number.") from error
        if not 0 <= weight < math.inf:
            raise SpecError(f"--weights '{text}': a weight must be finite and at least 0.")
        for index in named:
            if index in weights:
                raise SpecError(f"--weights give {blocks[index].name} two weights; name the block or its space, once.")
            weights[index] = weight / len(named)
    missing = [block.name for index, block in enumerate(blocks) if index not in weights]
    if missing:
        raise SpecError(f"--weights give no weight to {', '.join(missing)}; give 0 to blocks that are not to count.")
    if not any(weights.values()):
        raise SpecError("--weights are all 0; give at least one above 0.")
    return tuple(weights[index] for index in range(len(blocks)))
