"""Cost of training: images per second for the smallest, median and largest network, relative to the core's peak.

    python benchmarks/speed/train.py > benchmarks/speed/results/train.md

One training of the table's recipe for each; floating-point operations are counted as three forward passes (forward,
and twice as much backward) of two operations per multiply-accumulate; tests are excluded from both. The reference is a
matrix product of 512 x 512 in float32 on the same thread, timed in turn. Seconds are processor time of one core
(`time.process_time`). About a minute.
"""

import statistics
import time

import torch

import autoprox
from autoprox.base.threads import single_threaded
from autoprox.bench.table import Table
from autoprox.datasets import dataset
from autoprox.training.loop import fit
from autoprox.training.recipe import Recipe

SIDE, REPETITIONS = 512, 40
PASSES = 3


def matmul_rate() -> float:
    """Floating-point operations per second of a large matrix product."""
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    seconds = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        left @ right
        seconds.append(time.process_time() - start)
    return 2 * SIDE**3 / statistics.median(seconds)


def main() -> None:
    """One row per space, data set and size."""
    table, recipe = Table.read(), Recipe()
    print("# What training costs\n\n    python benchmarks/speed/train.py > benchmarks/speed/results/train.md\n")
    print(f"torch {torch.__version__}, one thread; recipe of {recipe.epochs} epochs.\n")
    print("| space | data set | network | backbone parameters | seconds | images a second | share of matmul rate |")
    print("|---|---|---|---|---|---|---|")
    with single_threaded():
        for space_name in table.spaces:
            space = autoprox.space(space_name)
            archs = [arch for arch in table.archs.values() if arch.space == space_name]
            archs.sort(key=space.backbone_params)
            for data_name in table.datasets:
                data = dataset(data_name)
                for size, arch in zip(
                    ("smallest", "median", "largest"), (archs[0], archs[len(archs) // 2], archs[-1]), strict=True
                ):
                    network = space.build(arch, data.num_classes, data.img_size, data.in_chans, seed=0)
                    rate = matmul_rate()
                    start = time.process_time()
                    fit(network, data, recipe, 0)
                    seconds = time.process_time() - start
                    images = recipe.epochs * len(data.train_images)
                    macs = space.counts(arch, data.num_classes, data.img_size, data.in_chans).macs
                    share = 2 * PASSES * macs * images / seconds / rate
                    cells = (f"{space.backbone_params(arch):,}", f"{seconds:.2f}", f"{images / seconds:,.0f}")
                    print(f"| {space_name} | {data_name} | {size} | {' | '.join(cells)} | {share:.2f} |", flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
