"""Which method of search finds the best architecture with the fewest scorings, where the best is known.

    python benchmarks/quality/annealing.py                 # pit-micro, fully enumerated
    python benchmarks/quality/annealing.py --tables DIR    # and spaces that others trained whole
    python benchmarks/quality/annealing.py --quick         # tries everything

Each method proposes; what it proposes is looked up. Regret is what the best of the first n scored lacks to the best of
the space, in points: mean over 20 seeds, with the 95 % t interval of the mean. Every method has the same number of
scorings. `exhaustive` takes the architectures in their order.

- pit-micro: all 7,200 architectures by a regression of accuracy that is fitted to all labels of the embedded table
  (digits).
- conv macro: 6,561 convolutional networks with their trained accuracy on CIFAR-10 (TangleNAS), in DIR.
- S0: 64 ResNets with their trained accuracy (DisWOT), in DIR.

Results: results/annealing.json, and the same as Markdown in results/annealing.md.
"""

import argparse
import gzip
import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from autoprox.base.progress import with_progress
from autoprox.bench.table import Table
from autoprox.networks import define_space
from autoprox.predict import ArchRegression
from autoprox.search import Annealing, Constraints, Evolution, Exhaustive, FoxnasAnnealing, RandomSearch, Region
from autoprox.search.methods import AbstractMethod, History, Measured
from autoprox.spaces import Arch, Counts, Gene, load_space
from autoprox.spaces.task import noise_task

RESULTS = Path(__file__).parent / "results"
SCORINGS = (50, 100, 200, 500)
METHODS: dict[str, AbstractMethod] = {
    "evolution": Evolution(),
    "annealing": Annealing(),
    "annealing, foxnas": FoxnasAnnealing(),
    "random": RandomSearch(),
    "exhaustive": Exhaustive(),
}
"""All with the settings that they have by default."""


class World:
    """A region, and what each architecture in it is worth."""

    def __init__(self, region: Region, worth: Callable[[Arch], float], scorings: tuple[int, ...]) -> None:
        self.region, self._worth, self._known = region, worth, {}
        self.scorings = scorings
        self.best = max(map(self.worth, region))

    def worth(self, arch: Arch) -> float:
        """What an architecture is worth, in points."""
        if arch not in self._known:
            self._known[arch] = self._worth(arch)
        return self._known[arch]

    def regrets(self, method: AbstractMethod, seed: int) -> list[float]:
        """Regret after each number of scorings, from one course."""
        history = History(lambda values: values[0])
        for batch in method.proposals(self.region, history, np.random.default_rng(seed)):
            for arch in batch:
                history.add(arch, Measured((self.worth(arch),), ""))
            if len(history) >= self.scorings[-1]:
                break
        return [self.best - float(np.max(history.scores[:count])) for count in self.scorings]


def unbuilt(genes: Mapping[str, Any], task: Any) -> Any:
    raise NotImplementedError("only its labels are looked up")


def looked_up(name: str, genes: list[Gene], labels: dict[str, float], key: Callable[[Any], str], most: int) -> World:
    """A space whose every architecture has a label."""
    space = define_space(name, genes, unbuilt, img_sizes=[32], costs=lambda _genes, _task: Counts(1, 1, 1))
    region = Region(space, noise_task("noise", 10, 32), Constraints())
    return World(region, lambda arch: labels[key(arch.genes)], tuple(each for each in SCORINGS if each <= most))


def worlds(tables: Path | None) -> dict[str, World]:
    table = Table.read()
    (block,) = table.blocks(["pit-micro"], ["digits"])
    pit = load_space("pit-micro")
    regression = ArchRegression(pit).fit([table.archs[arch_id] for arch_id in block.arch_ids], block.goodness)
    task = table.task("digits", "pit-micro")
    everything = Region(pit, task, Constraints())
    archs = list(everything)
    worth = dict(zip(archs, regression.predict(archs).tolist(), strict=True))
    found = {"pit-micro": World(everything, worth.__getitem__, SCORINGS)}
    if tables is None:
        return found
    text = gzip.decompress((tables / "conv_macro_6561.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    genes = [
        *(Gene(f"channels_{place}", sorted({row["channels"][place] for row in rows})) for place in range(4)),
        *(Gene(f"kernel_{place}", sorted({row["kernels"][place] for row in rows})) for place in range(4)),
    ]
    labels = {json.dumps([*row["channels"], *row["kernels"]]): row["test_acc"] for row in rows}
    found["conv macro"] = looked_up(
        "conv-macro", genes, labels, lambda each: json.dumps([each[gene.name] for gene in genes]), len(rows)
    )
    for kind in ("scratch", "kd"):
        lines = (tables / f"diswot_s0_{kind}.txt").read_text().split()
        labels = dict(zip(lines[::2], map(float, lines[1::2]), strict=True))
        blocks = [Gene(f"blocks_{place}", sorted({int(key[place]) for key in labels})) for place in range(3)]
        found[f"S0, {kind}"] = looked_up(
            f"s0-{kind}", blocks, labels, lambda each: "".join(str(each[f"blocks_{place}"]) for place in range(3)), 50
        )
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
    options.add_argument("--tables", type=Path, metavar="DIR", help="folder with tables of others")
    options.add_argument("--seeds", type=int, default=20, metavar="N")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="where results are written")
    options.add_argument("--quick", action="store_true", help="two seeds, nothing is written: to try the script")
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
