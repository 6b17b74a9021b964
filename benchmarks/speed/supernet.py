"""Cost of a subnet of a supernet, against the same network alone; prints a Markdown table.

    python benchmarks/speed/supernet.py > benchmarks/speed/results/supernet.md

One forward and backward pass of 50 images of 28 px. Seconds are processor time of one core (`time.process_time`, torch
on one thread). The network alone and the subnet run one after the other, in turns first; ratios are formed pair by
pair, and medians are given, with quartiles in brackets.

- new: random architectures, which both build first;
- known: the largest and the smallest architecture, which occur in each step of a sandwich and which both build once.

It takes about two minutes of one core.
"""

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.threads import single_threaded
from autoprox.spaces import Arch, load_space
from autoprox.supernet import Subnets, Supernet

SPACES = ("autoformer-micro", "pit-micro")
CLASSES, SIZE, CHANNELS, BATCH = 10, 28, 1, 50
ARCHS = 100
"""More than a supernet caches, so that each is new in each round."""


def seconds(function: Callable[[], object]) -> float:
    """Processor time of a call in seconds."""
    start = time.process_time()
    function()
    return time.process_time() - start


def passed(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Work of training with a network in a step."""
    nn.functional.cross_entropy(network(images), labels).backward()


def compared(alone: Callable[[], object], shared: Callable[[], object], *, turn: int) -> tuple[float, float]:
    """Seconds of both; the turn decides their order."""
    if turn % 2:
        later = seconds(shared)
        return seconds(alone), later
    return seconds(alone), seconds(shared)


def pairs(name: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds alone and as a subnet, for new and known architectures."""
    space = load_space(name)
    supernet = Supernet(space, num_classes=CLASSES, img_size=SIZE, in_chans=CHANNELS).train()
    rng = np.random.default_rng(0)
    archs = list(dict.fromkeys(space.sample(rng) for _ in range(2 * ARCHS)))[:ARCHS]
    images = torch.randn(BATCH, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(BATCH) % CLASSES

    def alone(arch: Arch) -> None:
        passed(space.build(arch, *supernet.task).train(), images, labels)

    def shared(arch: Arch) -> None:
        passed(supernet.select(arch), images, labels)

    found: dict[str, list[tuple[float, float]]] = {"new": [], "known": []}
    for turn in range(rounds + 1):
        times = [
            compared(lambda a=arch: alone(a), lambda a=arch: shared(a), turn=turn + k) for k, arch in enumerate(archs)
        ]
        found["new"] += times if turn else []  # the first round warms up
    subnets = Subnets(space, supernet.task)
    for arch in (subnets.largest, subnets.smallest):
        network = space.build(arch, *supernet.task).train()
        times = [
            compared(lambda n=network: passed(n, images, labels), lambda a=arch: shared(a), turn=turn)
            for turn in range(10 * rounds + 1)
        ]
        found["known"] += times[1:]
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Measures the cost of a subnet.")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="over all architectures (default: 3)")
    rounds = parser.parse_args().rounds
    with single_threaded():
        print("# What a subnet costs against the network alone\n")
        print("    python benchmarks/speed/supernet.py > benchmarks/speed/results/supernet.md\n")
        print(f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, one thread,")
        print(f"{BATCH} images of {SIZE} px, forward and backward.\n")
        print("| space | architectures | alone, ms | subnet, ms | ratio |")
        print("|---|---|---|---|---|")
        for name in SPACES:
            for row, times in pairs(name, rounds).items():
                own, shared = np.array(times).T
                low, middle, high = np.quantile(shared / own, (0.25, 0.5, 0.75))
                means = f"{1e3 * np.median(own):.1f} | {1e3 * np.median(shared):.1f}"
                print(f"| {name} | {row} | {means} | {middle:.2f} [{low:.2f}, {high:.2f}] |", flush=True)


if __name__ == "__main__":
    main()
