"""A build that is small enough for a test; `python -m tests.bench.tiny OUT ARCHS ISO_SEEDS JOBS` can be killed."""

import sys
from pathlib import Path

from autoprox.bench.schema import Stratum
from autoprox.commands.reporting import run_command
from autoprox.spaces import space
from autoprox.training.build import build
from autoprox.training.build_plan import BuildPlan
from autoprox.training.recipe import Recipe
from autoprox.training.sample import Sampled


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


def tiny_plan(archs: int = 4, seeds: int = 1, iso_seeds: int = 2, epochs: int = 1) -> BuildPlan:
    """A plan of a few seconds."""
    return BuildPlan(
        spaces=("autoformer-micro",),
        archs=archs,
        iso=archs // 2,
        datasets=("digits",),
        seeds=seeds,
        iso_seeds=iso_seeds,
        recipe=Recipe(epochs=epochs),
        sampled=tiny_archs(archs),
    )


def main(arguments: list[str]) -> int:
    """Builds the table as the command does: errors and interruptions are one line."""
    out, archs, iso_seeds, jobs = Path(arguments[0]), *map(int, arguments[1:])

    def body() -> int:
        build(tiny_plan(archs=archs, iso_seeds=iso_seeds), out, jobs=jobs)
        return 0

    return run_command("bench", arguments, body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
