"""Uses of a trained supernet: a table of inherited accuracies, a subnet as a network, a diagnosis."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autoprox.base.errors import SpecError
from autoprox.base.files import write_json
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.bench.schema import DEFAULT_METRIC, Stratum
from autoprox.bench.table import Table
from autoprox.bench.table_files import TableFiles, read_frame, read_manifest
from autoprox.commands.arch_option import add_arch, given_arch
from autoprox.commands.command import CommandParser
from autoprox.commands.common_options import add_json, add_seed
from autoprox.commands.console import say, say_json, text_table
from autoprox.commands.outfile import require_free
from autoprox.commands.record import record_beside, run_record
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import Dataset, LocalImages
from autoprox.networks import save_checkpoint
from autoprox.spaces import Space, load_space
from autoprox.supernet import Conflict, Inherited, gradient_conflict, inherited_labels, recalibrate
from autoprox.training import BuildPlan, Recipe, Sampled, build_table

CALIBRATED = 1000
"""Largest number of training images for recalibrating the batch normalisation of an extracted network."""
PAIRED = 200
"""Number of images on which gradients are compared."""


@dataclass(frozen=True)
class EvaluationPlan(BuildPlan):
    """A table of inherited labels.

    Attributes:
        words: Command line that makes the table.
    """

    words: tuple[str, ...] = ()

    def command(self, out: str) -> str:
        """The command that makes this table."""
        del out
        return " ".join(self.words)


def _add_folder(options: argparse.ArgumentParser) -> None:
    options.add_argument("folder", type=PathTo(folder=True), metavar="DIR", help="a folder of supernet train")
    options.add_argument(
        "--space",
        metavar="S",
        help="your space, as my_file.py:space, if the supernet is for one",
        type=Text(files=True),
    )


def add_evaluate(commands: Any) -> None:
    """Adds `supernet evaluate`."""
    options: CommandParser = commands.add_parser(
        "evaluate",
        help="write inherited accuracies as a table",
        description="Tests architectures with inherited parameters on the test images, with recalibrated batch "
        "normalisation, and writes a table of label kind supernet. The same command resumes after an interruption.",
        examples=(
            "supernet evaluate runs/supernet --archs 100 --out inherited.parquet",
            "supernet evaluate runs/supernet --archs vitbench101 --out inherited.parquet",
        ),
    )
    _add_folder(options)
    options.add_argument(
        "--archs",
        default="100",
        metavar="N|TABLE",
        type=Text(files=True),
        help="number of random architectures, or a table of architectures to test (default: %(default)s)",
    )
    add_seed(options)
    options.add_argument("--out", type=PathTo(written=True), required=True, metavar="PATH", help="the parquet file")
    options.set_defaults(run=_evaluate)


def add_extract(commands: Any) -> None:
    """Adds `supernet extract`."""
    options: CommandParser = commands.add_parser(
        "extract",
        help="write one subnet as a separate network",
        description="Writes the parameters that an architecture inherits as safetensors, which "
        "autoprox.networks.Trained and load_checkpoint read, with its genes beside them.",
        examples=(
            'supernet extract runs/supernet --arch \'{"base_dim": 8, "mlp_ratio": 2, "depth": [1, 1, 1], "num_heads": '
            "[2, 2, 2]}' --out pick.safetensors",
        ),
    )
    _add_folder(options)
    add_arch(options, "architecture", required=True)
    options.add_argument("--out", type=PathTo(written=True), required=True, metavar="PATH", help="the safetensors file")
    options.add_argument("--force", action="store_true", help="replace existing files")
    options.set_defaults(run=_extract)


def add_conflict(commands: Any) -> None:
    """Adds `supernet conflict`."""
    options: CommandParser = commands.add_parser(
        "conflict",
        help="measure the agreement of subnets' gradients",
        description="Mean cosine of the gradients of random pairs of subnets on the parameters that both use, by "
        "the difference of their costs.",
        examples=("supernet conflict runs/supernet --archs 30 --bins 5",),
    )
    _add_folder(options)
    options.add_argument(
        "--archs", type=Whole(2, 1000), default=20, metavar="N", help="random subnets, paired (default: %(default)s)"
    )
    options.add_argument(
        "--bins", type=Whole(1, 50), default=4, metavar="K", help="groups of pairs (default: %(default)s)"
    )
    add_seed(options)
    add_json(options)
    options.set_defaults(run=_conflict)


def _opened(options: argparse.Namespace) -> tuple[Inherited, Space, Dataset]:
    weights = Inherited(options.folder)
    space = weights.space(None if options.space is None else load_space(options.space))
    return weights, space, weights.images()


def _evaluate(options: argparse.Namespace) -> int:
    started = time.monotonic()
    weights, space, data = _opened(options)
    path = weights.document["images"]
    local = () if path is None else (LocalImages(data.name, Path(path), data.img_size),)
    batches = -(-len(data.train_labels) // int(weights.document["plan"]["batch_size"]))
    sampled = _sampled(options, space)
    plan = EvaluationPlan(
        spaces=(space,),
        archs=len(sampled),
        iso=0,
        datasets=(data.name,),
        seeds=1,
        iso_seeds=1,
        label_kinds=(inherited_labels(options.folder),),
        recipe=Recipe(epochs=max(1, round(int(weights.document["passes"]) / batches))),
        images=local,
        sampled=sampled,
        words=tuple(options.words),
    )
    files = TableFiles(options.out)
    build_table(plan, files.table)
    write_json(
        run_record(options, started, {"table": read_manifest(files.manifest)["digest"], "parameters": weights.digest}),
        record_beside(files.table),
    )
    frame = read_frame(files.table)
    values = frame.loc[frame["metric"] == DEFAULT_METRIC, "value"]
    noun = "architecture" if len(values) == 1 else "architectures"
    say(f"{len(values)} {noun}: {values.min():.1f} to {values.max():.1f} %, median {values.median():.1f} %")
    say(f"Table: {files.table}")
    return 0


def _sampled(options: argparse.Namespace, space: Space) -> tuple[Sampled, ...]:
    """The architectures to test."""
    if options.archs.isdecimal():
        wanted, rng = int(options.archs), np.random.default_rng(options.seed)
        if wanted < 1:
            raise SpecError(f"--archs is {options.archs}; it must be at least 1.")
        found = dict.fromkeys(space.sample(rng) for _ in range(20 * wanted))
        return tuple(Sampled(arch, Stratum.FREE) for arch in list(found)[:wanted])
    table = Table.read(options.archs, spaces=[space])
    strata = dict(zip(table.frame["arch_id"], table.frame["stratum"], strict=True))
    known = [arch for arch in table.archs.values() if arch.space == space.name]
    if not known:
        raise SpecError(f"The table '{options.archs}' has no architecture of the space '{space.name}'.")
    return tuple(Sampled(arch, Stratum(strata[arch.arch_id])) for arch in known)


def _extract(options: argparse.Namespace) -> int:
    started = time.monotonic()
    weights, space, data = _opened(options)
    arch = given_arch(space, options.arch)
    genes = options.out.with_suffix(".json")
    require_free([options.out, genes], force=options.force)
    images = torch.from_numpy(data.normalised(data.train_images[:CALIBRATED]))
    with single_threaded(), isolated():
        network = recalibrate(weights.supernet(space).extract(arch), images)
    save_checkpoint(network, options.out)
    write_json({"space": space.name, "arch": arch.genes, "task": weights.task._asdict()}, genes)
    write_json(run_record(options, started, {"parameters": weights.digest}), record_beside(options.out))
    say(f"written: {options.out}, {genes}")
    return 0


def _conflict(options: argparse.Namespace) -> int:
    weights, space, data = _opened(options)
    rng = np.random.default_rng(options.seed)
    archs = [space.sample(rng) for _ in range(options.archs)]
    images = torch.from_numpy(data.normalised(data.train_images[:PAIRED]))
    with single_threaded(), isolated():
        found = gradient_conflict(
            weights.supernet(space), images, torch.tensor(data.train_labels[:PAIRED]), archs, options.bins
        )
    if options.json:
        say_json({"conflict": [asdict(each) for each in found]})
    else:
        say(text_table(_rows(found)))
    return 0


def _rows(found: Sequence[Conflict]) -> list[dict[str, str]]:
    return [
        {
            "gap in cost": f"{2**each.gap:.1f} times",
            "cosine of gradients": f"{each.cosine:.3f}",
            "standard error": f"{each.error:.3f}",
            "pairs": str(each.pairs),
        }
        for each in found
    ]
