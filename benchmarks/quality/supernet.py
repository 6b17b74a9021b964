"""Samplers, losses and priors of supernets, compared at equal passes against labels of networks trained alone.

    python benchmarks/quality/supernet.py                      # the full comparison: about 40 core hours
    python benchmarks/quality/supernet.py --reduced            # one data set, one seed, few passes: about an hour
    python benchmarks/quality/supernet.py --reduced --minutes 40
    python benchmarks/quality/supernet.py --reduced --summary  # only results in the journal

Every training has the same budget, counted in passes of subnets, including teachers and pairs. Then each architecture
of the table's splits fit and select (not sealed) is tested with inherited parameters. The results are means over seeds
with 95 % intervals of a paired bootstrap over architectures: Kendall's tau-b and Pearson's r with the labels, tau of
the prior alone, tau of the mean of both ranks and its lead over the better one, mean accuracy, accuracy of the smallest
third, and both compared with `uniform, plain`. Controls: a prior of random numbers, and an inverted one. Curves show
the convergence of uniform sampling.

Each finished training is appended to a journal, and is not repeated. Results: results/supernet.json and the same as
Markdown; the reduced form writes results/supernet-reduced.*.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import autoprox
from autoprox.base.digest import derived_seed
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.datasets import dataset
from autoprox.metrics import interval95, kendall_tau_b, mean_ranks
from autoprox.spaces import Arch, load_space
from autoprox.statistics import StatisticsCache
from autoprox.supernet import ScorerPrior, Subnets, SupernetPlan, SupernetTrainer, accuracy, gradient_conflict

RESULTS = Path(__file__).parent / "results"
SPACES = ("autoformer-micro", "pit-micro")
PLAIN = "uniform, plain"
CURVE = (0.25, 0.5, 1.0)
BANKS = 4
RESAMPLES = 1000
CONFLICTING = 12
"""Number of subnets for pairwise comparison of gradients."""


@dataclass(frozen=True)
class Scale:
    """Size of the comparison."""

    passes: int
    seeds: int
    datasets: tuple[str, ...]
    priors: tuple[str, ...]
    tested: int

    @property
    def text(self) -> str:
        """The size in words."""
        names = ", ".join(self.datasets)
        seeds = f"{self.seeds} seed{'s'[: self.seeds > 1]}"
        return f"{self.passes:,} passes per training, {seeds}, {names}, at most {self.tested:,} test images"


FULL = Scale(
    20_000, 3, ("digits", "mnist5k", "patches"), ("macs", "zen_score", "joint_micro", "random", "wrong"), 10_000
)
REDUCED = Scale(800, 1, ("digits",), ("macs", "random", "wrong"), 500)


@dataclass(frozen=True)
class Combination:
    """A sampler with a loss, and a prior if it needs one."""

    sampler: str
    loss: str
    prior: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in tables."""
        more = [self.prior] if self.prior else []
        return ", ".join([self.sampler, self.loss, *more, *map(str, self.settings.values())])


def combinations(scale: Scale) -> list[Combination]:
    """Combinations of the papers, the most informative first."""
    guided = [Combination("sandwich", "prior-guided", prior) for prior in scale.priors]
    ranked = [Combination("margin", "margin-rank", prior) for prior in scale.priors]
    return [
        Combination("uniform", "plain"),
        guided[0],
        Combination("sandwich", "inplace"),
        guided[-2],
        Combination("margin", "plain"),
        ranked[0],
        Combination("uniform", "online", None, {"coupling": "random"}),
        Combination("complexity", "inplace-mean"),
        Combination("performance", "inplace-mean"),
        guided[-1],
        *guided[1:-2],
        *ranked[1:],
        Combination("balanced", "inplace"),
        Combination("sandwich", "plain"),
        *(Combination("uniform", "online", None, {"coupling": coupling}) for coupling in ("max", "matched", "self")),
        Combination("balanced", "prior-guided", scale.priors[0]),
    ]


class World:
    """A space with a data set: architectures with labels, and images."""

    def __init__(self, space: str, data: str) -> None:
        table = Table.read()
        (block,) = table.blocks([space], [data])
        open_ids = [arch_id for arch_id, split in table.splits().items() if split in (Split.FIT, Split.SELECT)]
        block = block.restricted(open_ids)
        self.space, self.data = load_space(space), dataset(data)
        self.archs = [table.archs[arch_id] for arch_id in block.arch_ids]
        self.labels = block.goodness
        self._task = table.task(data, space)
        self._cache = StatisticsCache()
        shape = self._task.shape
        self.macs = np.array([self.space.counts(arch, *shape).macs for arch in self.archs], dtype=float)

    def prior(self, name: str) -> Callable[[Arch], float]:
        """A prior by name; `random` and `wrong` are controls."""
        if name == "random":
            return lambda arch: float(np.random.default_rng(derived_seed("random prior", arch.arch_id)).random())
        if name in ("macs", "wrong"):  # in closed form, equal to the proxy of this name
            sign = -1 if name == "wrong" else 1
            return lambda arch: sign * float(self.space.counts(arch, *self._task.shape).macs)
        return ScorerPrior(autoprox.load(name), self.space, self._task, self._cache)

    def tested(self, trainer: SupernetTrainer, most: int) -> list[float]:
        """Accuracy of each architecture on test images, evenly spread, with inherited parameters."""
        count = min(most, len(self.data.test_labels))
        places = np.arange(count) * len(self.data.test_labels) // count
        images = torch.from_numpy(self.data.normalised(self.data.test_images[places]))
        labels = torch.tensor(self.data.test_labels[places])
        with single_threaded(), isolated():
            return [accuracy(trainer.supernet.extract(arch), images, labels) for arch in self.archs]

    def conflicts(self, trainer: SupernetTrainer) -> list[dict[str, float]]:
        """Cosines of gradients by gap of cost."""
        pool = Subnets(self.space, trainer.supernet.task).pool
        archs = [pool[place] for place in np.linspace(0, len(pool) - 1, CONFLICTING).astype(int)]
        images = torch.from_numpy(self.data.normalised(self.data.train_images[:100]))
        with single_threaded(), isolated():
            found = gradient_conflict(trainer.supernet, images, torch.tensor(self.data.train_labels[:100]), archs, 3)
        return [vars(each) for each in found]


def trained(world: World, combination: Combination, scale: Scale, seed: int) -> dict[str, Any]:
    """Trains a supernet, and tests all architectures at several points of the training."""
    prior = world.prior(combination.prior) if combination.prior else None
    plan = SupernetPlan(
        scale.passes, combination.sampler, combination.loss, seed, loss_settings=dict(combination.settings)
    )
    trainer = SupernetTrainer(world.space, world.data, plan, prior)
    start, seconds = time.process_time(), 0.0
    curve = {}
    marks = [share * trainer.last for share in (CURVE if combination.name == PLAIN else CURVE[-1:])]
    before = world.conflicts(trainer) if combination.name == PLAIN else None
    for done in trainer.steps():
        if marks and done >= marks[0]:
            marks.pop(0)
            seconds += time.process_time() - start
            curve[str(done)] = world.tested(trainer, scale.tested)
            start = time.process_time()
    found = {"accuracies": curve, "seconds": round(seconds, 1)}
    if before is not None:
        found["conflicts"] = {"untrained": before, "trained": world.conflicts(trainer)}
    return found


def jobs(scale: Scale, spaces: Sequence[str]) -> Iterator[tuple[str, str, Combination, int]]:
    """All trainings, the most informative first."""
    for seed in range(scale.seeds):
        for combination in combinations(scale):
            for data in scale.datasets:
                for space in spaces:
                    yield space, data, combination, seed


def key_of(scale: Scale, space: str, data: str, combination: Combination, seed: int) -> str:
    """Key of a training in the journal."""
    return f"{space}/{data}: {combination.name}; {scale.passes} passes, seed {seed}"


class Summary:
    """Results of the trainings of one combination in one world.

    Args:
        world: Architectures and labels.
        rows: `(S, A)`, accuracies of each seed.
        plain: The same for uniform sampling with cross entropy, with the same seeds.
        prior: `(A,)`, values of the prior; None without one.
    """

    def __init__(self, world: World, rows: np.ndarray, plain: np.ndarray, prior: np.ndarray | None) -> None:
        self.world, self.rows, self.plain, self.prior = world, rows, plain, prior
        self.small = world.macs <= np.quantile(world.macs, 1 / 3)

    def values(self, chosen: np.ndarray) -> dict[str, float]:
        """All measures on a sample of architectures, given by indices with repetition."""
        labels, rows, plain = self.world.labels[chosen], self.rows[:, chosen], self.plain[:, chosen]
        small = self.small[chosen]
        tau = kendall_tau_b(rows, labels)
        found = {
            "tau": tau.mean(),
            "pearson": np.mean([np.corrcoef(row, labels)[0, 1] for row in rows]),
            "tau over plain": tau.mean() - kendall_tau_b(plain, labels).mean(),
            "accuracy": rows.mean(),
            "accuracy over plain": rows.mean() - plain.mean(),
            "smallest third": rows[:, small].mean(),
            "smallest third over plain": rows[:, small].mean() - plain[:, small].mean(),
        }
        if self.prior is not None:
            prior = self.prior[chosen]
            alone = kendall_tau_b(prior[None], labels)[0]
            joint = kendall_tau_b(np.array([mean_ranks([row, prior]) for row in rows]), labels)
            found |= {
                "tau of prior": alone,
                "tau joint": joint.mean(),
                "joint over better": (joint - np.maximum(tau, alone)).mean(),
            }
        return {name: float(value) for name, value in found.items()}

    def document(self) -> dict[str, Any]:
        """Each measure with its interval."""
        rng = np.random.default_rng(0)
        count = len(self.world.archs)
        drawn = [self.values(rng.integers(count, size=count)) for _ in range(RESAMPLES)]
        found = {
            name: [value, *map(float, interval95(np.array([row[name] for row in drawn])))]
            for name, value in self.values(np.arange(count)).items()
        }
        order = np.array_split(np.argsort(self.world.macs, kind="stable"), BANKS)
        return {"seeds": len(self.rows), **found, "banks": [float(self.rows[:, part].mean()) for part in order]}


def summarised(scale: Scale, journal: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All results in the journal."""
    worlds: dict[str, Any] = {}
    for data in scale.datasets:
        for space in SPACES:
            world, found, details = World(space, data), {}, {}
            for combination in combinations(scale):
                seeds = [
                    seed
                    for seed in range(scale.seeds)
                    if key_of(scale, space, data, combination, seed) in journal
                    and key_of(scale, space, data, Combination("uniform", "plain"), seed) in journal
                ]
                if not seeds:
                    continue

                def last(each: Combination, seed: int, place: tuple[str, str] = (space, data)) -> list[float]:
                    entry = journal[key_of(scale, *place, each, seed)]
                    return list(entry["accuracies"].values())[-1]

                rows = np.array([last(combination, seed) for seed in seeds])
                plain = np.array([last(Combination("uniform", "plain"), seed) for seed in seeds])
                name = combination.prior or scale.priors[0]
                prior = np.array([world.prior(name)(arch) for arch in world.archs])
                found[combination.name] = Summary(world, rows, plain, prior).document()
                if combination.name == PLAIN:
                    entries = [journal[key_of(scale, space, data, combination, seed)] for seed in seeds]
                    details = {"curve": curve_of(world, entries), "conflicts": entries[0]["conflicts"]}
            if found:
                worlds[f"{space}, {data}"] = {"architectures": len(world.archs), "combinations": found, **details}
    return worlds


def curve_of(world: World, entries: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Passes of uniform sampling: tau and mean accuracy, means over seeds."""
    return {
        done: [
            float(np.mean([kendall_tau_b([entry["accuracies"][done]], world.labels)[0] for entry in entries])),
            float(np.mean([entry["accuracies"][done] for entry in entries])),
        ]
        for done in entries[0]["accuracies"]
    }


COLUMNS = (
    ("tau", 2), ("pearson", 2), ("tau of prior", 2), ("tau joint", 2), ("joint over better", 3), ("accuracy", 1),
    ("accuracy over plain", 1), ("smallest third", 1),
)  # fmt: skip


def markdown(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = ["# Supernets at equal passes", "", f"Command: `{results['command']}`; {results['scale']}.", ""]
    lines += [
        "Brackets hold 95 % intervals of a paired bootstrap over architectures. `tau of prior` and `tau joint` of rows",
        "without a prior of their own are those of the first prior. `over plain`: beside uniform sampling with cross",
        "entropy at the same passes.",
        "",
    ]
    for name, world in results["worlds"].items():
        lines += [f"## {name}: {world['architectures']} architectures", ""]
        lines += ["| sampler, loss, prior or coupling | " + " | ".join(column for column, _ in COLUMNS) + " |"]
        lines += ["|---" * (len(COLUMNS) + 1) + "|"]
        for combination, row in world["combinations"].items():
            cells = [_cell(row.get(column), digits) for column, digits in COLUMNS]
            lines.append(f"| {combination} | " + " | ".join(cells) + " |")
        lines += ["", f"Mean accuracy by quarters of cost, cheapest first, in {name}:", ""]
        for combination, row in world["combinations"].items():
            lines.append(f"- {combination}: {', '.join(f'{each:.1f}' for each in row['banks'])}")
        curve = "; ".join(f"{done}: tau {tau:.2f}, {mean:.1f} %" for done, (tau, mean) in world["curve"].items())
        lines += ["", f"Uniform sampling by passes: {curve}.", ""]
        for state, rows in world["conflicts"].items():
            cosines = ", ".join(f"{r['gap']:.1f}: {r['cosine']:.2f} ± {r['error']:.2f}" for r in rows)
            lines.append(f"Cosine of gradients by gap of cost (doublings), {state}: {cosines}.")
        lines.append("")
    return "\n".join(lines)


def _cell(value: list[float] | None, digits: int) -> str:
    if value is None:
        return ""
    middle, low, high = (f"{each:.{digits}f}" for each in value)
    return f"{middle} [{low}, {high}]"


def main() -> None:
    """Runs the trainings that are missing in the journal, and writes the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--reduced", action="store_true", help="a comparison of about an hour")
    options.add_argument("--minutes", type=float, metavar="M", help="start no further training after M minutes")
    options.add_argument("--spaces", nargs="+", default=SPACES, choices=SPACES, help="train only in these")
    options.add_argument("--summary", action="store_true", help="train nothing")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of journal and results")
    given = options.parse_args()
    scale, stem = (REDUCED, "supernet-reduced") if given.reduced else (FULL, "supernet")
    path = given.out / f"{stem}.journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    journal = {entry.pop("key"): entry for entry in map(json.loads, lines)}
    start = time.monotonic()
    for space, data, combination, seed in () if given.summary else jobs(scale, given.spaces):
        key = key_of(scale, space, data, combination, seed)
        if key in journal:
            continue
        if given.minutes is not None and time.monotonic() - start > 60 * given.minutes:
            break
        journal[key] = trained(World(space, data), combination, scale, seed)
        with path.open("a") as file:
            file.write(json.dumps({"key": key, **journal[key]}) + "\n")
        print(f"{(time.monotonic() - start) / 60:5.1f} min  {key}  ({journal[key]['seconds']} s)", flush=True)
    results = {
        "command": "python benchmarks/quality/supernet.py" + " --reduced" * given.reduced,
        "scale": scale.text,
        "machine": platform.platform(),
        "torch": str(torch.__version__),
        "trainings": len(journal),
        "worlds": summarised(scale, journal),
    }
    (given.out / f"{stem}.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    (given.out / f"{stem}.md").write_text(markdown(results) + "\n")
    print(markdown(results))


if __name__ == "__main__":
    main()
