"""Cost of statistics, against one plain forward and backward pass of the same network; prints Markdown tables.

    python benchmarks/speed/collect.py > benchmarks/speed/results/statistics.md

Each pass is collected with all of its statistics, and each tensor is reduced by `l1`. Seconds are processor time of one
core (`time.process_time`, torch on one thread), which equals wall time on an idle machine. In each repetition all rows
of a network run one after the other, ratios are formed within a repetition, and medians are given. At 224 px every row
runs once in a fresh process, after one plain pass on two images as warm-up; its peak memory is the largest resident set
(`resource.getrusage`).

It takes about two minutes of one core; `--small` skips the networks at 224 px and takes a quarter of that.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

import autoprox
from autoprox.base.threads import single_threaded
from autoprox.evolve.grammar import DRAWN_PASSES
from autoprox.evolve.leaves import first_bank
from autoprox.graph import Expression, parse
from autoprox.graph.collect import leaves_of
from autoprox.statistics import STATISTICS, StatisticKind

PLAIN = "plain forward and backward"
EVERYTHING = "everything in one go"
BANK = "first bank of evolution"
DATA_BANK = "first bank, of it what needs the data pass alone"
DATA_PASSES = {"static", "data"}
PASSES = list(dict.fromkeys(each.pass_.name for each in STATISTICS.values()))
SMALL = ("autoformer-micro", "pit-micro")
LARGE = ("autoformer-ti", "pit-ti")
LARGE_ROWS = [PLAIN, "data", "synflow", "hessian", "samples", "batches", EVERYTHING]
REPETITIONS = 7
CLASSES = 10


def network(name: str, batch: int) -> tuple[nn.Module, Tensor, Tensor]:
    """The median of nine architectures by parameters, and a batch in the image size of its space."""
    owner, rng = autoprox.space(name), np.random.default_rng(0)
    arch = sorted((owner.sample(rng) for _ in range(9)), key=owner.backbone_params)[4]
    size, channels = owner.default_img_size, 3 if name in LARGE else 1
    model = owner.build(arch, num_classes=CLASSES, img_size=size, in_chans=channels, seed=0).eval()
    images = torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))
    return model, images, torch.arange(batch) % CLASSES


def plain(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Work of a training step, without the step."""
    model.zero_grad()
    nn.functional.cross_entropy(model(images), labels).backward()


def reduced(names: Sequence[str]) -> list[Expression]:
    """One reduction of each tensor; counts as they are."""
    return [parse(f"l1({name})" if STATISTICS[name].kind is StatisticKind.TENSOR else name) for name in names]


def of_pass(name: str) -> list[str]:
    """The statistics of a pass."""
    return [each.name for each in STATISTICS.values() if each.pass_.name == name]


def expressions(row: str) -> Sequence[Expression]:
    """Expressions of a row of a table."""
    if row == BANK:
        return first_bank()
    if row == DATA_BANK:
        return [
            each for each in first_bank() if {STATISTICS[name].pass_.name for name in each.statistics} <= DATA_PASSES
        ]
    return reduced(list(STATISTICS) if row == EVERYTHING else of_pass(row))


def task(row: str, model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Passes of a row of a table."""
    if row == PLAIN:
        return lambda: plain(model, images, labels)
    wanted = expressions(row)
    return lambda: leaves_of(model, images, labels, wanted)


def seconds(function: Callable[[], object]) -> float:
    """Processor time of a call in seconds."""
    start = time.process_time()
    function()
    return time.process_time() - start


def small(name: str) -> list[list[str]]:
    """Rows for a small network: milliseconds and ratio to a plain pass."""
    model, images, labels = network(name, 32)
    rows = [PLAIN, *PASSES, EVERYTHING, DATA_BANK, BANK]
    tasks = {row: task(row, model, images, labels) for row in rows}
    for each in tasks.values():
        each()
    times = [{row: seconds(each) for row, each in tasks.items()} for _ in range(REPETITIONS)]
    return [
        [
            row,
            f"{1e3 * statistics.median(run[row] for run in times):.1f}",
            f"{statistics.median(run[row] / run[PLAIN] for run in times):.2f}",
        ]
        for row in rows
    ]


def measured_alone(name: str, batch: int, row: str) -> None:
    """Runs one row at 224 px in this process and prints its cost as JSON."""
    model, images, labels = network(name, batch)
    plain(model, images[:2], labels[:2])
    model.zero_grad()
    took = seconds(task(row, model, images, labels))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": took, "peak_mb": peak / (2**20 if sys.platform == "darwin" else 2**10)}))


def large(name: str, batch: int, rows: Sequence[str]) -> list[list[str]]:
    """Rows for a network at 224 px: seconds, ratio to a plain pass, peak memory."""
    found = {}
    for row in rows:
        command = [sys.executable, __file__, "--alone", name, str(batch), row]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[row] = json.loads(done.stdout)
    base = found[PLAIN]["seconds"]
    return [
        [row, f"{each['seconds']:.2f}", f"{each['seconds'] / base:.2f}", f"{each['peak_mb']:.0f}"]
        for row, each in found.items()
    ]


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table under a title."""
    print(f"\n{title}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description="Measures the cost of statistics.")
    parser.add_argument("--small", action="store_true", help="skip the networks at 224 px")
    parser.add_argument("--alone", nargs=3, metavar=("SPACE", "BATCH", "ROW"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    with single_threaded():
        if options.alone:
            name, batch, row = options.alone
            measured_alone(name, int(batch), row)
            return
        print("# What statistics cost\n")
        print("    python benchmarks/speed/collect.py > benchmarks/speed/results/statistics.md\n")
        print(f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, one thread.")
        print(f"Evolution draws from the passes {', '.join(sorted(DRAWN_PASSES))}.")
        for name in SMALL:
            size = autoprox.space(name).default_img_size
            show(f"{name}, {size} px, 32 images", ["pass", "ms", "times a plain pass"], small(name))
        if options.small:
            return
        for name in LARGE:
            for batch, rows in ((2, LARGE_ROWS), (32, LARGE_ROWS[:2])):
                header = ["pass", "s", "times a plain pass", "peak memory, MB"]
                show(f"{name}, 224 px, {batch} images", header, large(name, batch, rows))


if __name__ == "__main__":
    main()
