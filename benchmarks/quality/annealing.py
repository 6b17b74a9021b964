"""Comparison of search methods on spaces with a known best architecture, by regret after a number of scorings.

    python benchmarks/quality/annealing.py                 # pit-micro, fully enumerated
    python benchmarks/quality/annealing.py --tables DIR    # and fully trained third-party spaces
    python benchmarks/quality/annealing.py --quick         # tries everything

The labels of proposed architectures are looked up. Regret is the difference in points between the best architecture of
the space and the best of the first n scored: mean over 20 seeds, with the 95 % t interval of the mean. Every method has
the same number of scorings. `exhaustive` takes the architectures in order.

- pit-micro: all 7,200 architectures by a regression of accuracy that is fitted to all labels of the embedded table
  (digits). It is linear and not limited to 100 %.
- conv macro: 6,561 convolutional networks with their trained accuracy on CIFAR-10 (TangleNAS), in DIR.
- S0: 64 ResNets with their trained accuracy (DisWOT), in DIR.

Results: results/annealing.json, and the same as Markdown in results/annealing.md.
"""

import argparse
import gzip
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import stats
from torch import nn

from autoprox.base.progress import with_progress
from autoprox.bench.table import Table
from autoprox.networks import define_space
from autoprox.predict import ArchRegression, RegressionProxy
from autoprox.scorers import ArchPart
from autoprox.search import Annealing, Constraints, Evolution, Exhaustive, FoxnasAnnealing, RandomSearch, Region
from autoprox.search.methods import AbstractMethod, History, Measured
from autoprox.spaces import Arch, Gene, Space, TaskShape
from autoprox.spaces.task import Task, noise_task

RESULTS = Path(__file__).parent / "results"
Build: TypeAlias = Callable[[Mapping[str, Any], TaskShape], nn.Module]
SCORINGS = (25, 50, 100, 200, 500)
METHODS: dict[str, AbstractMethod] = {
    "evolution": Evolution(),
    "annealing": Annealing(),
    "annealing, foxnas": FoxnasAnnealing(),
    "random": RandomSearch(),
    "exhaustive": Exhaustive(),
}
"""All methods with default settings."""


@dataclass(frozen=True)
class Labels:
    """Scores architectures by their labels, for a fully trained space.

    Args:
        labels: Labels by architecture.
    """

    labels: Mapping[Arch, float]

    def score_arch(self, space: Space, arch: Arch) -> float:
        """The label of an architecture."""
        del space
        return self.labels[arch]


class World:
    """A space with a label per architecture, and the best label."""

    def __init__(self, space: Space, task: Task, scorer: ArchPart, scorings: tuple[int, ...]) -> None:
        self.region, self.scorings = Region(space, task, Constraints()), scorings
        self.worth = {arch: scorer.score_arch(space, arch) for arch in self.region}
        self.best = max(self.worth.values())

    def regrets(self, method: AbstractMethod, seed: int) -> list[float]:
        """Regret after each number of scorings, from one run."""
        history = History(lambda values: values[0])
        for batch in method.proposals(self.region, history, np.random.default_rng(seed)):
            for arch in batch:
                history.add(arch, Measured((self.worth[arch],), ""))
            if len(history) >= self.scorings[-1]:
                break
        return [self.best - float(np.max(history.scores[:count])) for count in self.scorings]


def convolutions(genes: Mapping[str, Any], task: TaskShape) -> nn.Module:
    """The stages of TangleNAS' macro space: one convolution each."""
    widths = [task.in_chans, *(genes[f"channels_{place}"] for place in range(4))]
    layers = [
        nn.Conv2d(before, after, genes[f"kernel_{place}"], padding="same")
        for place, (before, after) in enumerate(pairwise(widths))
    ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], task.num_classes))


def stages(genes: Mapping[str, Any], task: TaskShape) -> nn.Module:
    """The stages of S0: as many convolutions as a stage has blocks."""
    layers, width = [], task.in_chans
    for place in range(3):
        layers += [nn.Conv2d(width, width := 16 << place, 3, padding=1) for _ in range(genes[f"blocks_{place}"])]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, task.num_classes))


def pit_micro() -> World:
    """All of pit-micro, by a regression that was fitted to every label of the embedded table."""
    table = Table.read()
    (block,) = table.blocks(["pit-micro"], ["digits"])
    space = table.spaces["pit-micro"]
    regression = ArchRegression(space).fit([table.archs[arch_id] for arch_id in block.arch_ids], block.goodness)
    return World(space, table.task("digits", "pit-micro"), RegressionProxy.of("accuracy", [regression]), SCORINGS)


def tabulated(name: str, genes: list[Gene], build: Build, labels: dict[tuple[int, ...], float]) -> World:
    """A space with a label for every architecture, by the values of its genes in order."""
    space = define_space(name, genes, build, img_sizes=[32])
    names = [gene.name for gene in genes]
    known = {space.arch(dict(zip(names, values, strict=True))): label for values, label in labels.items()}
    scorings = tuple(each for each in SCORINGS if each <= len(labels))
    return World(space, noise_task("noise", 10, 32), Labels(known), scorings)


def worlds(tables: Path | None) -> dict[str, World]:
    found = {"pit-micro": pit_micro()}
    if tables is None:
        return found
    text = gzip.decompress((tables / "conv_macro_6561.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    labels = {(*row["channels"], *row["kernels"]): row["test_acc"] for row in rows}
    names = [f"{part}_{place}" for part in ("channels", "kernel") for place in range(4)]
    genes = [Gene(name, sorted(set(values))) for name, values in zip(names, zip(*labels, strict=True), strict=True)]
    found["conv macro"] = tabulated("conv-macro", genes, convolutions, labels)
    for kind in ("scratch", "kd"):
        lines = (tables / f"diswot_s0_{kind}.txt").read_text().split()
        labels = {tuple(map(int, key)): float(value) for key, value in zip(lines[::2], lines[1::2], strict=True)}
        blocks = [Gene(f"blocks_{place}", sorted({key[place] for key in labels})) for place in range(3)]
        found[f"S0, {kind}"] = tabulated(f"s0-{kind}", blocks, stages, labels)
    return found


def rows_of(name: str, world: World, seeds: int) -> list[dict[str, Any]]:
    rows = []
    for method, settings in METHODS.items():
        draws = 1 if method == "exhaustive" else seeds
        regrets = np.array([world.regrets(settings, seed) for seed in with_progress(range(draws), draws, "course")])
        for count, column in zip(world.scorings, regrets.T, strict=True):
            half = stats.t.ppf(0.975, draws - 1) * stats.sem(column) if draws > 1 else None
            found = {"regret": float(column.mean()), "half_width": None if half is None else float(half)}
            share = float(np.mean(column < 1e-9))
            rows.append({"space": name, "method": method, "scorings": count, **found, "found_best": share})
    return rows


def markdown(results: dict[str, Any]) -> str:
    lines = ["# Methods of search where the best is known", "", f"Command: `{results['command']}`.", ""]
    lines += [
        f"Regret in points, mean over {results['seeds']} seeds ± half the 95 % interval of the mean; in brackets",
        "how often the best was found.",
        "",
    ]
    for name in dict.fromkeys(row["space"] for row in results["rows"]):
        mine = [row for row in results["rows"] if row["space"] == name]
        counts = list(dict.fromkeys(row["scorings"] for row in mine))
        size, best = results["spaces"][name]
        lines += [f"## {name}: {size:,} architectures, the best {best:.2f}", ""]
        lines += ["| method | " + " | ".join(map(str, counts)) + " |", "|---" * (len(counts) + 1) + "|"]
        for method in METHODS:
            cells = []
            for row in (row for row in mine if row["method"] == method):
                half = "" if row["half_width"] is None else f" ± {row['half_width']:.2f}"
                cells.append(f"{row['regret']:.2f}{half} ({row['found_best']:.0%})")
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=Path, metavar="DIR", help="folder with third-party tables")
    options.add_argument("--seeds", type=int, default=20, metavar="N")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results")
    options.add_argument("--quick", action="store_true", help="two seeds, writes nothing: to test the script")
    given = options.parse_args()
    seeds = 2 if given.quick else given.seeds
    found = worlds(given.tables)
    results: dict[str, Any] = {
        "command": "python benchmarks/quality/annealing.py" + (" --tables DIR" if given.tables else ""),
        "machine": platform.platform(),
        "seeds": seeds,
        "spaces": {name: [world.region.size, world.best] for name, world in found.items()},
        "rows": [row for name, world in found.items() for row in rows_of(name, world, seeds)],
    }
    if not given.quick:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "annealing.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
        (given.out / "annealing.md").write_text(markdown(results) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main()
