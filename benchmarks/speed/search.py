"""Cost of a candidate of a search, and its parts; prints a Markdown table.

    python benchmarks/speed/search.py > benchmarks/speed/results/search.md
    python benchmarks/speed/search.py --quick      # fewer candidates, in a minute

2,000 candidates of autoformer-micro at 28 px and 10 of pit-ti at 224 px, drawn at random without constraints, scored by
`joint_micro` on batches of 32 images, in one process (`--jobs N` divides the time, up to the number of cores). For
comparison: the same search with an empty scorer, which leaves proposing, building and bookkeeping; and one plain
forward and backward pass of some of the candidates, the lower bound of any scorer that reads gradients. Times are
processor time, so that other load on the machine does not count; the wall time of the search is shown as well. It takes
about five minutes.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import autoprox
from autoprox.base.threads import single_threaded
from autoprox.bench.table import Table
from autoprox.search import ScoredArch, run
from autoprox.spaces.task import Task, noise_task

PROXY = "joint_micro"
CASES = {"autoformer-micro": (2000, 100), "pit-ti": (10, 3)}
"""Candidates of each space, and with --quick."""
SAMPLED = 30
"""Largest number of candidates for measuring the parts."""


def task_of(name: str) -> Task:
    """Stored images in the size of the space, or noise in that size."""
    space = autoprox.space(name)
    task = Table.read().task("mnist5k", name)
    return task if task.img_size == space.default_img_size else noise_task("noise", 10, space.default_img_size)


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def nothing(_model: nn.Module, _images: Tensor, _labels: Tensor) -> float:
    """An empty scorer, which leaves proposing, building and bookkeeping."""
    return 0.0


def plain_pass(name: str, task: Task, candidates: Sequence[ScoredArch]) -> float:
    """Mean seconds of one plain forward and backward pass of some candidates."""
    images, labels = torch.from_numpy(task.images), torch.from_numpy(task.labels)
    times = []
    with single_threaded():
        for each in candidates[:: -(-len(candidates) // SAMPLED)]:
            model = autoprox.space(name).build(each.arch, task.num_classes, task.img_size, task.in_chans)
            times.append(seconds(partial(passed, model, images, labels)))
    return statistics.mean(times)


def passed(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    cross_entropy(model(images), labels).backward()


def main() -> None:
    """One row per space."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="fewer candidates")
    quick = options.parse_args().quick
    print("# What a candidate of a search costs\n")
    print("| space | candidates | s in all (wall) | ms a candidate | without scoring | scoring | plain pass |")
    print("|---|---|---|---|---|---|---|")
    proxy = autoprox.load(PROXY)
    for name, budgets in CASES.items():
        task, budget = task_of(name), budgets[quick]
        searched = partial(run, space=name, task=task, method="random")
        searched(proxy, budget=1)  # one-time work of a process is not counted
        wall, start = time.perf_counter(), time.process_time()
        found = searched(proxy, budget=budget)
        used, wall = time.process_time() - start, time.perf_counter() - wall
        each = 1000 * used / budget
        idle = 1000 * seconds(partial(searched, nothing, budget=budget)) / budget
        plain = 1000 * plain_pass(name, task, found.candidates)
        cells = f"{each:.1f} | {idle:.1f} | {each - idle:.1f} | {plain:.1f}"
        print(f"| {name}, {task.img_size} px | {budget:,} | {used:.0f} ({wall:.0f}) | {cells} |")
    print()
    print(f"ms of one processor core, one process. {platform.platform()}, torch {torch.__version__}.")


if __name__ == "__main__":
    main()
