"""Results of the trainings of mixers.py: means over seeds, paired differences, correlations of proxies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from mixer_networks import MIXERS, POOLED
from scipy import stats

import autoprox
from autoprox.base.digest import derived_seed
from autoprox.datasets import dataset
from autoprox.datasets.batches import draw_batch
from autoprox.metrics import interval95, kendall_tau_b
from autoprox.networks import Network
from autoprox.scorers import score_networks
from autoprox.spaces import Arch, Space
from autoprox.spaces.mixer import ENHANCERS
from autoprox.statistics import StatisticsCache

Journal = Mapping[str, dict[str, Any]]
BY_NAME = {variant.name: variant for variant in (*MIXERS, *POOLED)}
COMPARED = (
    ("MCA", "attention"),
    ("MCA without gate", "attention"),
    ("MCA, kernel 3 alone, without gate", "attention"),
    ("no mixer", "attention"),
    ("MCA without gate", "MCA"),
    ("MCA, kernel 3 alone", "MCA"),
    ("MCA, kernel 3 alone, without gate", "MCA without gate"),
    ("MCA without expansion", "MCA"),
    *((variant.name, variant.name.partition(" + ")[0]) for variant in POOLED),
)
"""Variants, and what each is compared with."""
SCORERS = (
    "params", "macs", "depth", "grad_norm", "snip", "synflow", "zico", "nwot", "zen", "meco", "rankme",
    "effective_rank", "w_pca", "autoprox-release", "joint_micro", "joint_best", "pit_micro", "beyond_size",
)  # fmt: skip
RESAMPLES = 500
LEAST = 20


def key_of(group: str, name: str, seed: int) -> str:
    """Key of a training in the journal."""
    return f"{group}: {name}; seed {seed}"


def paired(differences: Iterable[Sequence[float]]) -> list[float] | None:
    """Mean over data sets of paired differences, with the ends of its 95 % interval.

    Args:
        differences: One value per seed, for each data set.

    Returns:
        The mean and both ends, without the ends if no data set has two seeds; None without any difference.
    """
    groups = [np.asarray(each, dtype=float) for each in differences if len(each)]
    if not groups:
        return None
    mean = float(np.mean([each.mean() for each in groups]))
    free = sum(len(each) - 1 for each in groups)
    if not free:
        return [mean]
    variance = sum(float(((each - each.mean()) ** 2).sum()) for each in groups) / free
    error = np.sqrt(variance * sum(1 / len(each) for each in groups)) / len(groups)
    half = float(stats.t.ppf(0.975, free) * error)
    return [mean, mean - half, mean + half]


class Summary:
    """Results in a journal.

    Args:
        journal: Trainings by key.
        datasets: Names of the data sets.
        sizes: Names of the numbers of training images.
        seeds: Largest number of seeds.
    """

    def __init__(self, journal: Journal, datasets: Sequence[str], sizes: Sequence[str], seeds: int) -> None:
        self._journal, self._datasets, self._sizes, self._seeds = journal, datasets, sizes, seeds

    def mixers(self) -> dict[str, Any]:
        """Accuracy of each variant by data set and number of images, and the differences between variants."""
        found: dict[str, Any] = {"variants": {}, "differences": []}
        for name in BY_NAME:
            cells = {}
            for group in self._groups():
                rows = [row for row in self._rows(group, name) if row is not None]
                if rows:
                    cells[group] = {
                        "seeds": len(rows),
                        "top1": float(np.mean([row["top1_pct"] for row in rows])),
                        "params": rows[0]["params"],
                        "macs": rows[0]["macs"],
                        "fields": np.mean([row["trained"] for row in rows], axis=0).round(2).tolist(),
                    }
            if cells:
                found["variants"][name] = cells
        for (name, other), size in [(pair, size) for pair in COMPARED for size in self._sizes]:
            per_data = {data: self._differences(f"{data}/{size}", name, other) for data in self._datasets}
            if any(per_data.values()):
                found["differences"].append(
                    {
                        "variant": name,
                        "over": other,
                        "images": size,
                        "pairs": sum(map(len, per_data.values())),
                        "mean": paired(per_data.values()),
                        **{data: paired([each]) for data, each in per_data.items()},
                    }
                )
        return found

    def helped(self) -> list[dict[str, Any]]:
        """By how much more a variant leads with 200 images than with all, for convolution against attention."""
        found = []
        for name, other in COMPARED[:4]:
            rows = []
            for data in self._datasets:
                few, many = (
                    [self._difference(f"{data}/{size}", name, other, seed) for seed in range(self._seeds)]
                    for size in ("200", "all")
                )
                pairs = zip(few, many, strict=True)
                rows.append([one - two for one, two in pairs if one is not None and two is not None])
            if any(rows):
                found.append({"variant": name, "over": other, "mean": paired(rows)})
        return found

    def pooling(self, random_sets: Sequence[tuple[str, ...]]) -> dict[str, Any]:
        """Searched pooling against its rivals, for each data set and on average."""
        found: dict[str, Any] = {"datasets": {}, "differences": {}}
        gains: dict[str, list[list[float]]] = {}
        for data in self._datasets:
            rows = [row for seed in range(self._seeds) if (row := self._pooled(data, seed, random_sets)) is not None]
            if not rows:
                continue
            names = list(rows[0]["top1"])
            found["datasets"][data] = {
                "seeds": len(rows),
                "top1": {name: float(np.mean([row["top1"][name] for row in rows])) for name in names},
                "better_random_sets": [row["better"] for row in rows],
                "chosen": [row["chosen"] for row in rows],
                "released": [row["released"] for row in rows],
                "fields": {
                    name: np.mean([row["fields"][name] for row in rows], axis=0).round(2).tolist()
                    for name in rows[0]["fields"]
                },
            }
            for name in names[1:]:
                gains.setdefault(name, []).append([row["top1"]["PMPL"] - row["top1"][name] for row in rows])
        found["differences"] = {name: paired(each) for name, each in gains.items()}
        return found

    def _pooled(self, data: str, seed: int, random_sets: Sequence[tuple[str, ...]]) -> dict[str, Any] | None:
        searches = [self._journal.get(key_of(f"{data}/search", mode, seed)) for mode in ("argmax", "released")]
        if None in searches:
            return None
        chosen, released = (tuple(each["enhancers"]) for each in searches if each is not None)
        uniform = [(name,) * 3 for name in ENHANCERS]
        runs = {
            ops: self._journal.get(key_of(f"{data}/pooling", ", ".join(ops), seed))
            for ops in (chosen, released, *uniform, *random_sets)
        }
        known = {ops: run for ops, run in runs.items() if run is not None}
        if len(known) < len(runs):
            return None
        top1 = {ops: run["top1_pct"] for ops, run in known.items()}
        return {
            "top1": {
                "PMPL": top1[chosen],
                "no pooling": top1["skip", "skip", "skip"],
                "avg3 in all stages": top1["avg3", "avg3", "avg3"],
                "one operation, mean of six": float(np.mean([top1[ops] for ops in uniform])),
                "ten random sets, mean": float(np.mean([top1[ops] for ops in random_sets])),
                "PMPL, released fault": top1[released],
            },
            "better": sum(top1[ops] > top1[chosen] for ops in random_sets),
            "chosen": list(chosen),
            "released": list(released),
            "fields": {
                f"{name}, {when}": known[ops][when]
                for when in ("fresh", "trained")
                for name, ops in (("no pooling", ("skip",) * 3), ("PMPL", chosen))
            },
        }

    def _groups(self) -> list[str]:
        return [f"{data}/{size}" for size in self._sizes for data in self._datasets]

    def _rows(self, group: str, name: str) -> list[dict[str, Any] | None]:
        return [self._journal.get(key_of(group, name, seed)) for seed in range(self._seeds)]

    def _difference(self, group: str, name: str, other: str, seed: int) -> float | None:
        one, two = (self._journal.get(key_of(group, each, seed)) for each in (name, other))
        return None if one is None or two is None else one["top1_pct"] - two["top1_pct"]

    def _differences(self, group: str, name: str, other: str) -> list[float]:
        found = (self._difference(group, name, other, seed) for seed in range(self._seeds))
        return [each for each in found if each is not None]


def kinds(journal: Journal, space: Space, data: str, archs: Mapping[str, Sequence[Arch]]) -> dict[str, Any] | None:
    """Tau-b of scores and accuracies within each kind of mixers, on all, and over pairs of two kinds.

    Returns:
        None while there are fewer than `LEAST` labels of each kind.
    """
    labels: dict[Arch, float] = {}
    for alike in zip(*archs.values(), strict=True):
        entries = [journal.get(key_of(f"{data}/label", arch.json, 0)) for arch in alike]
        known = [entry["top1_pct"] for entry in entries if entry is not None]
        if len(known) == len(alike):
            labels |= dict(zip(alike, known, strict=True))
    if len(labels) < LEAST * len(archs):
        return None
    task = draw_batch(dataset(data)).task(data)
    order = list(labels)
    networks = [Network(space, arch, task) for arch in order]
    scores = score_networks([autoprox.load(name) for name in SCORERS], networks, StatisticsCache()).values
    kind_of = np.array([next(kind for kind, each in archs.items() if arch in each) for arch in order])
    accuracies = np.array(list(labels.values()))
    rng = np.random.default_rng(derived_seed("mixers", "bootstrap", data))
    drawn = [rng.integers(len(order), size=len(order)) for _ in range(RESAMPLES)]
    found = {}
    for name, row in zip(SCORERS, scores, strict=True):
        values = taus(row, accuracies, kind_of)
        spread = {key: [] for key in values}  # type: dict[str, list[float]]
        for places in drawn:
            for key, value in taus(row[places], accuracies[places], kind_of[places]).items():
                spread[key].append(value)
        found[name] = {
            "defined": int(np.isfinite(row).sum()),
            **{
                key: [value, *map(float, interval95(np.array(spread[key])))] if np.isfinite(value) else None
                for key, value in values.items()
            },
        }
    mean = {kind: float(accuracies[kind_of == kind].mean()) for kind in archs}
    return {"architectures": len(order), "mean accuracy": mean, "scorers": found}


def taus(scores: np.ndarray, labels: np.ndarray, kind_of: np.ndarray) -> dict[str, float]:
    """Tau-b within kinds and on all, and over pairs of attention alone and MCA alone; NaN if undefined."""
    known = np.isfinite(scores)
    found = {kind: _tau(scores, labels, known & (kind_of == kind)) for kind in ("attention", "mca", "mixed")}
    found["all"] = _tau(scores, labels, known)
    one, two = known & (kind_of == "attention"), known & (kind_of == "mca")
    signs = [np.sign(each[one][:, None] - each[two][None]) for each in (scores, labels)]
    both = float((np.abs(signs[0]).sum() * np.abs(signs[1]).sum()) ** 0.5)
    found["pairs of two kinds"] = float((signs[0] * signs[1]).sum()) / both if both else float("nan")
    return found


def _tau(scores: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> float:
    if chosen.sum() < 3:
        return float("nan")
    return float(kendall_tau_b(scores[chosen][None], labels[chosen])[0])
