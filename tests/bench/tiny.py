"""A build small enough for a test; `python -m tests.bench.tiny OUT` runs it in a process of its own, to be killed."""

import sys
from pathlib import Path

from autoprox.bench.build import build
from autoprox.bench.plan import Plan
from autoprox.bench.recipe import Recipe
from autoprox.bench.sample import Sampled
from autoprox.bench.schema import Stratum
from autoprox.spaces import space


def tiny_archs(count: int) -> tuple[Sampled, ...]:
    """Networks of one and two layers, every second one declared iso."""
    micro = space("autoformer-micro")
    shapes = [(12 * (1 + index // 4), 1 + index % 2, index % 4) for index in range(count)]
    ratios = (0.5, 1.0, 2.0, 3.0)
    archs = [
        micro.arch(
            {"hidden_dim": width, "depth": depth, "num_heads": [1] * depth, "mlp_ratio": [ratios[choice]] * depth}
        )
        for width, depth, choice in shapes
    ]
    strata = (Stratum.FREE, Stratum.ISO)
    return tuple(Sampled(arch, strata[index % 2]) for index, arch in enumerate(archs))


def tiny_plan(archs: int = 4, seeds: int = 1, iso_seeds: int = 2, epochs: int = 1) -> Plan:
    """A plan of a few seconds."""
    return Plan(
        spaces=("autoformer-micro",),
        archs=archs,
        iso=archs // 2,
        datasets=("digits",),
        seeds=seeds,
        iso_seeds=iso_seeds,
        recipe=Recipe(epochs=epochs),
        sampled=tiny_archs(archs),
    )


if __name__ == "__main__":
    build(tiny_plan(archs=12, iso_seeds=3), Path(sys.argv[1]), jobs=2)
