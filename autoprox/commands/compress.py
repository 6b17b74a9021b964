"""`python -m autoprox.compress`: chooses bits or ranks of a trained network under a budget, and writes that network."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from autoprox.api.allocating import KINDS, SEARCH_BUDGET, Allocated, allocated
from autoprox.base.errors import SpecError, suggestion
from autoprox.base.files import json_writer
from autoprox.base.references import is_reference, made
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import note, say, say_text, text_table
from autoprox.commands.outfolder import RESULT, FolderKind, OutFolder
from autoprox.commands.record import run_record
from autoprox.commands.values import PathTo, Real, Text, Whole
from autoprox.compress import (
    ALLOCATION_PROXIES,
    CompressedSpace,
    export_network,
    lowrank_space,
    quantised_space,
    write_front,
)
from autoprox.datasets import Dataset, open_images
from autoprox.datasets.batches import draw_batch
from autoprox.inspect.batch import logits_of
from autoprox.networks import img_size_of, in_chans_of
from autoprox.search import Constraints
from autoprox.spaces import Arch, Storage
from autoprox.spaces.costs import COSTS, Cost
from autoprox.spaces.task import Task

NETWORK, FIGURE = "network.pt2", "figure.svg"
FOLDER = FolderKind("compress", "compression", RESULT, (NETWORK, FIGURE))
DEFAULT_IMG_SIZE = 224
DEFAULT_IN_CHANS = 3
TESTED = 500
"""Largest number of test images for measuring accuracy."""
_OTHER = "the images have {0.num_classes} classes and the network {1.num_classes}: their labels are not used"
_CHUNK = 50
# Images per forward pass.


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "--model",
        required=True,
        type=Text(files=True),
        metavar="M",
        help="a trained network, or a function without arguments that returns one: my_file.py:model",
    )
    options.add_argument(
        "--images",
        required=True,
        type=PathTo(folder=True),
        metavar="DIR",
        help="images: one folder per class, CIFAR, Flowers-102, Chaoyang; or a plain folder of images without labels",
    )
    options.add_argument("--kind", required=True, choices=KINDS, help="choices for each linear map")
    options.add_argument(
        "--max",
        required=True,
        type=Text([f"{name}=" for name in COSTS]),
        metavar="COST=V",
        help="the budget, such as weight_bytes=1.5MB, bitops=2G or macs=100M",
    )
    options.add_argument(
        "--proxy",
        required=True,
        type=Text(ALLOCATION_PROXIES, files=True),
        metavar="P",
        help=f"one of {', '.join(ALLOCATION_PROXIES)}; or any other proxy, with which choices are searched",
    )
    options.add_argument(
        "--out", required=True, type=PathTo(folder=True, written=True), metavar="DIR", help="folder of the results"
    )
    options.add_argument("--force", action="store_true", help="replace the results in this folder")
    options.add_argument(
        "--checkpoint", type=PathTo(), metavar="FILE", help="safetensors file with the parameters of the network"
    )
    options.add_argument(
        "--img-size",
        type=Whole(1, 4096),
        metavar="PX",
        help=f"side of the images (default: from the network's configuration, else {DEFAULT_IMG_SIZE})",
    )
    options.add_argument(
        "--mean",
        nargs="+",
        type=Real(0),
        metavar="M",
        help="mean of each channel in the network's training, on the scale 0 to 1 (default: of the images)",
    )
    options.add_argument(
        "--std",
        nargs="+",
        type=Real(0, above=True),
        metavar="S",
        help="standard deviation of each channel in the network's training (default: of the images)",
    )
    options.add_argument(
        "--count", type=Whole(2, 4096), default=64, metavar="N", help="images of the batch (default: %(default)s)"
    )
    options.add_argument(
        "--activations", type=Whole(2, 32), default=8, metavar="B", help="bits of activations (default: %(default)s)"
    )
    options.add_argument(
        "--budget",
        type=Whole(1),
        default=SEARCH_BUDGET,
        metavar="N",
        help="candidates of a search (default: %(default)s)",
    )
    options.add_argument(
        "--seed", type=Whole(0, 2**63 - 1), default=0, metavar="S", help="seed of a search (default: 0)"
    )


def _compress(options: argparse.Namespace) -> int:
    started = time.monotonic()
    cost, most = _budget(options.max)
    folder = OutFolder(options.out, FOLDER, force=options.force)
    folder.refuse()
    model = _model(options.model)
    data = _images(options, model)
    batch = draw_batch(data, options.count).task(data.name)
    space = _space(options, model, batch)
    assert space.own_task is not None
    labelled = space.own_task.num_classes == data.num_classes
    if not labelled:
        note("the images have no labels" if data.num_classes == 1 else _OTHER.format(data, space.own_task))
    task = replace(batch, num_classes=space.own_task.num_classes)
    try:
        found = allocated(
            space, task, cost, most, options.proxy, labelled=labelled, budget=options.budget, seed=options.seed
        )
    except SpecError as error:
        raise SpecError(str(error).replace(f"max_{cost.name}", f"--max {cost.name}")) from error
    with folder.opened(options):
        document = {
            "proxy": options.proxy,
            "space": space.name,
            "identity": space.identity,
            "max": {cost.name: most},
            "exact": found.exact,
            "score": found.score,
            "costs": {
                name: each.of(space, found.arch, task.shape)
                for name, each in COSTS.items()
                if not each.measured or each is cost
            },
            "choices": found.choices,
            "accuracy": _accuracies(space, found.arch, data) if labelled else None,
        }
        pick = found.value, found.score
        contents: dict[str, Callable[[Path], object]] = {
            NETWORK: lambda path: export_network(space, found.arch, task.images, path),
            FIGURE: lambda path: write_front(found.front, pick, found.uniform, cost, found.scorer, most, path),
            RESULT: json_writer(document),
        }
        written = folder.finish(contents, run_record(options, started, {"space": space.identity}))
    _say(found, document)
    note(f"written: {', '.join(map(str, written))}")
    return 0


def _budget(text: str) -> tuple[Cost, float]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise SpecError(f"--max {text}: give a cost and its value, such as --max weight_bytes=1.5MB.")
    if name not in COSTS:
        raise SpecError(f"--max {text}: there is no cost '{name}'. {suggestion(name, COSTS)}")
    try:
        bound = Constraints(**{f"max_{name}": value}).bounds[0]
    except SpecError as error:
        raise SpecError(str(error).replace(f"max_{name}", f"--max {name}")) from error
    return bound.cost, bound.value


def _model(reference: str) -> nn.Module:
    if not is_reference(reference):
        raise SpecError(f"--model '{reference}' is not a reference; give my_file.py:model or my_package.module:model.")
    found = made(reference, nn.Module)
    if not isinstance(found, nn.Module):
        raise SpecError(f"--model '{reference}' is a {type(found).__name__}; give a torch.nn.Module, or a function.")
    return found


def _images(options: argparse.Namespace, model: nn.Module) -> Dataset:
    """The images, with the size, channels and normalisation of the network's training."""
    size = options.img_size or img_size_of(model)
    if size is None:
        size = DEFAULT_IMG_SIZE
        note(f"the network states no image size, so {size} px is used; give another with --img-size")
    data = open_images(options.images, size, channels=in_chans_of(model) or DEFAULT_IN_CHANS, unlabelled=True)
    if (options.mean is None) != (options.std is None):
        raise SpecError("--mean and --std belong together; give both.")
    if options.mean is None:
        note(
            f"images are normalised with their own mean ({_listed(data.mean)}) and deviation ({_listed(data.std)}); "
            "if the network was trained with others, give --mean and --std"
        )
        return data
    return replace(data, normalisation=(_channels(options, "mean", data), _channels(options, "std", data)))


def _channels(options: argparse.Namespace, name: str, data: Dataset) -> tuple[float, ...]:
    values: list[float] = getattr(options, name)
    if len(values) not in (1, data.in_chans):
        raise SpecError(f"--{name} has {len(values)} values for {data.in_chans} channels; give 1 or {data.in_chans}.")
    return tuple(values) if len(values) == data.in_chans else tuple(values * data.in_chans)


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _space(options: argparse.Namespace, model: nn.Module, task: Task) -> CompressedSpace:
    if options.kind == "ranks":
        return lowrank_space(model, task.images, checkpoint=options.checkpoint)
    return quantised_space(model, task.images, activations=options.activations, checkpoint=options.checkpoint)


def _accuracies(space: CompressedSpace, arch: Arch, data: Dataset) -> dict[str, float]:
    """Accuracy in percent on test images, before and after compression."""
    count = min(TESTED, len(data.test_images))
    places = np.arange(count) * len(data.test_images) // count
    labels = torch.from_numpy(data.test_labels[places])
    networks = {"trained": space.source, "compressed": space.build(arch)}
    right = dict.fromkeys(networks, 0)
    for start in range(0, count, _CHUNK):
        batch = torch.from_numpy(data.normalised(data.test_images[places[start : start + _CHUNK]]))
        for name, network in networks.items():
            with torch.no_grad():
                logits = logits_of(network(batch))
            right[name] += int((logits.argmax(-1) == labels[start : start + _CHUNK]).sum())
    return {name: 100 * each / count for name, each in right.items()}


def _say(found: Allocated, document: dict[str, Any]) -> None:
    space, cost = found.space, found.cost
    full = _full_cost(space, cost)
    rows = found.frame()[[space.gene, "maps"]].to_dict("records")
    title = {"ranks": "share of full rank"}.get(space.gene, space.gene)
    say(text_table([{title: f"{row[space.gene]:g}", "maps": row["maps"]} for row in rows]))
    value = document["costs"][cost.name]
    how = "the highest within the bound" if document["exact"] else "the highest that the search found"
    of = "" if full is None else f" of {cost.unit.text(full)}"
    say(f"{cost.noun}: {cost.unit.text(value)}{of}")
    say_text(f"score of {found.scorer}: {document['score']:.4g}, {how}; higher is better")
    if document["accuracy"] is not None:
        before, after = document["accuracy"].values()
        say(f"accuracy on test images: {after:.1f} %, before compression {before:.1f} %")


def _full_cost(space: CompressedSpace, cost: Cost) -> float | None:
    """Cost of the trained network; None if it has to be measured."""
    counts = space.given.counts
    full = {"params": counts.params, "macs": counts.macs, **Storage.of_single_precision(counts)._asdict()}
    return full.get(cost.name)


COMMAND = Command(
    "compress",
    "Chooses bits or ranks of the linear maps of a trained network under a budget, and writes that network as a file "
    "that loads with torch alone.",
    (
        "compress --model my_file.py:model --images data/flowers --kind bits --max weight_bytes=1.5MB "
        "--proxy gradient_score --out runs/bits",
        "compress --model my_file.py:model --images data/flowers --kind ranks --max macs=100M --proxy output_energy "
        "--out runs/ranks",
    ),
    _add_options,
    _compress,
)
