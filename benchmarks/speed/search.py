"""What a candidate of a search costs, and which part of it; prints a Markdown table.

    python benchmarks/speed/search.py > benchmarks/speed/results/search.md
    python benchmarks/speed/search.py --quick      # fewer candidates, in a minute

Candidates: 2,000 of autoformer-micro at 28 px and 10 of pit-ti at 224 px, batches of 32 images, scored by `joint_micro`
in one process (`--jobs N` divides the time, up to the number of cores). All is the search as a user runs it, without a
journal on disk. The parts are measured on some of its candidates by themselves: building the network, one plain forward
and backward pass, and scoring, which holds such a pass; what is left is proposing and bookkeeping. Times are of the
processor, so that other work on the machine does not count; the wall time stands beside them. It takes about five
minutes.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import autoprox
from autoprox.bench.table import Table
from autoprox.bench.task import Task, noise_task
from autoprox.models.threads import single_threaded
from autoprox.search import Candidate, run

PROXY = "joint_micro"
CASES = {"autoformer-micro": (2000, 100), "pit-ti": (10, 3)}
"""Candidates of each space, and with --quick."""
SAMPLED = 30
"""Candidates, at most, that the parts are measured on."""


def task_of(name: str) -> Task:
    """Stored images in the space's own size, or noise of it."""
    space = autoprox.space(name)
    task = Table.read().task("mnist5k", name)
    return task if task.img_size == space.default_img_size else noise_task("noise", 10, space.default_img_size)


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def passed(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """One plain forward and backward pass."""
    cross_entropy(model(images), labels).backward()


def parts(name: str, task: Task, candidates: tuple[Candidate, ...]) -> tuple[float, float, float]:
    """Mean seconds of building, of a plain pass, and of scoring."""
    space, proxy = autoprox.space(name), autoprox.load(PROXY)
    chosen = candidates[:: -(-len(candidates) // SAMPLED)]
    images, labels = torch.from_numpy(task.images), torch.from_numpy(task.labels)
    rows = []
    with single_threaded():
        for each in chosen:
            build = partial(space.build, each.arch, task.num_classes, task.img_size, task.in_chans)
            model = build()
            plain = partial(passed, model, images, labels)
            rows.append(
                [seconds(build), seconds(plain), seconds(partial(proxy.score, model, task.images, task.labels))]
            )
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    return means[0], means[1], means[2]


def main() -> None:
    """One row a space."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="fewer candidates")
    quick = options.parse_args().quick
    print("| space | candidates | s in all (wall) | ms a candidate | building | plain pass | scoring | the rest |")
    print("|---|---|---|---|---|---|---|---|")
    for name, budgets in CASES.items():
        task, budget = task_of(name), budgets[quick]
        proxy = autoprox.load(PROXY)
        run(proxy, name, None, np.random.default_rng(1), task=task, budget=1)  # what is done once does not count
        wall, start = time.perf_counter(), time.process_time()
        found = run(proxy, name, None, np.random.default_rng(0), task=task, budget=budget)
        used, wall = time.process_time() - start, time.perf_counter() - wall
        each = 1000 * used / budget
        building, plain, scoring = (1000 * value for value in parts(name, task, found.candidates))
        cells = [f"{each:.1f}", f"{building:.1f}", f"{plain:.1f}", f"{scoring:.1f}", f"{each - building - scoring:.1f}"]
        print(f"| {name}, {task.img_size} px | {budget:,} | {used:.0f} ({wall:.0f}) | " + " | ".join(cells) + " |")
    print()
    print(f"ms of one processor core, one process. {platform.platform()}, torch {torch.__version__}.")


if __name__ == "__main__":
    main()
