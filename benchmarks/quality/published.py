"""Quality of discovery on the published labels (ViT-Bench-101, kd) of AutoFormer and PiT at 224 px.

    python benchmarks/quality/published.py --published DIR            # 5-fold cross-validation, 5,000 candidates a fold
    python benchmarks/quality/published.py --published DIR --quick    # 20 architectures, CIFAR-100, 2 folds, 300

DIR contains gt_autoformer.pth and gt_pit_a.pth as their authors published them. A proxy is discovered inside each fold,
on the other folds' architectures alone (two thirds of them fit, one third select), and scores the unseen fold; so does
the ensemble of the hall of fame. To join the scores of folds, the score of an architecture is the share of the training
architectures that it beats. Rivals: counts, ridge regression on four of them (fitted inside
the folds as well), the zoo's graphs, and the shipped proxies of the embedded micro spaces (transfer). Record 9 of
gt_autoformer.pth, a failed training on Flowers-102, is included.

Statistics are computed on Gaussian noise, as for every table without images: four images of 224 px and a head of 100
classes for all data sets, so that one collection serves them all: 5 s and up to 4 GB per network.

Every network has to be built and run once, with about 280 reductions of its tensors; a fold then takes seconds.
Completed work is stored under --work. Results go to benchmarks/quality/results/published.json and, as Markdown, to
standard output.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from published_tables import FILES, LABEL_KIND, published_table
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autoprox
from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed, digest
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split, to_document
from autoprox.bench.table import DEFAULT_TABLE, Table
from autoprox.commands.console import network_bar
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.evolve.rivals import affordable_zoo, scores_of
from autoprox.graph import LeafTable, Proxy, collect_leaves, parse
from autoprox.metrics import mean_ranks
from autoprox.scorers import joined_alike
from autoprox.statistics import StatisticsCache

RESULTS = Path(__file__).parent / "results"
FOLDS, BUDGET = 5, 5_000
QUICK_FOLDS, QUICK_BUDGET, QUICK_ARCHS, QUICK_DATASETS = 2, 300, 20, ["c100"]
RIDGE_FEATURES = ("params", "depth", "mean_width", "sum_dim_depth")
OUT_OF_FOLD, ENSEMBLE = "discovered, out of fold", "ensemble of the hall, out of fold"
RIDGE = "ridge on four counts, out of fold"


def by_size(table: Table, arch_ids: Sequence[str]) -> list[str]:
    """Architectures from small to large."""
    sizes = table.frame.groupby("arch_id")["params_count"].min().to_dict()
    return sorted(arch_ids, key=lambda arch_id: (sizes[arch_id], arch_id))


def folds_of(table: Table, arch_ids: Sequence[str], count: int) -> list[dict[str, Split]]:
    """For each fold the split of every architecture; neighbours in size are in different folds and splits."""
    ordered = by_size(table, arch_ids)
    rng = np.random.default_rng(derived_seed("folds", count, len(ordered)))
    fold = {}
    for start in range(0, len(ordered), count):
        part = ordered[start : start + count]
        fold |= dict(zip(part, rng.permutation(count)[: len(part)].tolist(), strict=True))
    dealt = []
    for number in range(count):
        training = [each for each in ordered if fold[each] != number]
        parts = {each: Split.SEALED for each in ordered if fold[each] == number}
        for start in range(0, len(training), 3):
            part = training[start : start + 3]
            select = int(rng.integers(3))
            parts |= {each: Split.SELECT if index == select else Split.FIT for index, each in enumerate(part)}
        dealt.append(parts)
    return dealt


def narrowed(table: Table, count: int) -> Table:
    """The table restricted to some architectures, spread evenly over sizes."""
    ordered = by_size(table, sorted(table.archs))
    kept = {ordered[int(index)] for index in np.linspace(0, len(ordered) - 1, min(count, len(ordered)))}
    frame = table.frame[table.frame["arch_id"].isin(kept)].reset_index(drop=True)
    archs = {arch_id: arch for arch_id, arch in table.archs.items() if arch_id in kept}
    return replace(table, frame=frame, archs=archs, manifest={})


def problem_on(table: Table, datasets: list[str] | None, parts: dict[str, Split] | None = None) -> Problem:
    """The kd blocks of a table, with given splits of its architectures if any."""
    if parts is not None:
        table = replace(table, manifest={**table.manifest, "splits": to_document(parts)})
    return Problem(table, tuple(table.blocks(datasets=datasets, label_kind=LABEL_KIND)))


@dataclass(frozen=True)
class Found:
    """Result of a discovery inside a fold: the winner, and the members of the ensemble."""

    winner: Proxy
    ensemble: list[Proxy]

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data."""
        return {"winner": _pair(self.winner), "ensemble": [_pair(each) for each in self.ensemble]}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Found":
        """Restores a result from `to_document`."""
        graph, sign = document["winner"]
        members = [
            Proxy(f"member {number}", parse(text), way) for number, (text, way) in enumerate(document["ensemble"])
        ]
        return cls(Proxy("winner", parse(graph), sign), members)


def _pair(proxy: Proxy) -> list[Any]:
    return [str(proxy.graph), proxy.sign]


def discovered(problem: Problem, fold: int, budget: int, jobs: int, work: Path) -> Found:
    """Result of a discovery inside a fold, which is stored and reused."""
    stamp = digest([problem.table.digest, problem.table.manifest["splits"], budget, SEARCH_VERSION])
    stored = work / f"{problem.blocks[0].space}-fold{fold}.json"
    if stored.exists() and (known := json.loads(stored.read_text()))["stamp"] == stamp:
        return Found.from_document(known)
    discoverer = Discoverer(problem, StatisticsCache(), jobs, network_bar, lambda *_: None)
    search = discoverer.search(EvolutionPlan(seed=fold), Stop(budget))
    found = Found(search.proxy, [each for each in search.ensemble.members if isinstance(each, Proxy)])
    stored.write_text(json.dumps({"stamp": stamp, **found.to_document()}) + "\n")
    return found


def shares_beaten(scores: Floats, groups: Sequence[str], training: Sequence[bool]) -> Floats:
    """For every network the share of the training networks of its group that it beats; ties count half."""
    result = np.empty(len(scores))
    for group in dict.fromkeys(groups):
        own = np.array([each == group for each in groups])
        known = scores[own & np.array(training)]
        beaten = (known[None, :] < scores[own, None]).mean(axis=1)
        result[own] = beaten + (known[None, :] == scores[own, None]).mean(axis=1) / 2
    return result


def cross_validated(
    problem: Problem, judge: Judge, folds: list[dict[str, Split]], found: list[Found], jobs: int
) -> dict[str, Floats]:
    """Out-of-fold scores of all networks: by the discovered proxies, and by ridge regression on counts."""
    groups = [network.task.dataset for network in judge.networks]
    features = np.stack([judge.counts[name] for name in RIDGE_FEATURES], axis=1)
    labels = {
        (block.dataset, arch_id): value
        for block in problem.blocks
        for arch_id, value in zip(block.arch_ids, block.goodness.tolist(), strict=True)
    }
    known = np.array([labels.get((each.task.dataset, each.arch.arch_id), np.nan) for each in judge.networks])
    rows = {name: np.empty(len(judge.networks)) for name in (OUT_OF_FOLD, ENSEMBLE, RIDGE)}
    for parts, each in zip(folds, found, strict=True):
        unseen = np.array([parts[network.arch.arch_id] is Split.SEALED for network in judge.networks])
        scores = scores_in_order([each.winner, *each.ensemble], judge, jobs)
        for name, row in ((OUT_OF_FOLD, scores[0]), (ENSEMBLE, joined_alike(mean_ranks, scores[1:], judge.networks))):
            rows[name][unseen] = shares_beaten(row, groups, (~unseen).tolist())[unseen]
        for group in dict.fromkeys(groups):
            own = np.array([each == group for each in groups])
            model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
            training = own & ~unseen & np.isfinite(known)
            model.fit(features[training], known[training])
            rows[RIDGE][own & unseen] = model.predict(features[own & unseen])
    return rows


def scores_in_order(proxies: Sequence[Proxy], judge: Judge, jobs: int) -> Floats:
    """Scores of proxies on the networks of a judge, `(P, A)`."""
    named = {str(number): each for number, each in enumerate(proxies)}
    leaves = list(dict.fromkeys(leaf for each in proxies for leaf in each.graph.node_leaves))
    collected = collect_leaves(judge.networks, leaves, StatisticsCache(), jobs=jobs, progress=network_bar)
    return scores_of(named, LeafTable(collected))


def transferred() -> dict[str, Proxy]:
    """The shipped proxies of the embedded table, which have not seen these labels."""
    shipped = {name: autoprox.load(name) for name in autoprox.shipped_names()}
    return {
        f"{name} (transfer)": each
        for name, each in shipped.items()
        if isinstance(each, Proxy) and each.provenance["table"] == DEFAULT_TABLE
    }


def judged(table: Table, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """All measurements for one space."""
    datasets = QUICK_DATASETS if options.quick else None
    folds, budget = (QUICK_FOLDS, QUICK_BUDGET) if options.quick else (FOLDS, BUDGET)
    problem = problem_on(table, datasets)
    arch_ids = sorted({each for block in problem.blocks for each in block.arch_ids})
    parts = folds_of(table, arch_ids, folds)
    found = [
        discovered(problem_on(table, datasets, each), number, budget, options.jobs, work)
        for number, each in enumerate(parts)
    ]
    judge = Judge(problem, *Split)
    rows = cross_validated(problem, judge, parts, found, options.jobs)
    graphs = transferred() | {name: each for name, each in affordable_zoo().items() if isinstance(each, Proxy)}
    rows |= dict(zip(graphs, scores_in_order(list(graphs.values()), judge, options.jobs), strict=True)) | judge.counts
    verdicts = dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))
    margins = {
        own: {
            name: dict(zip(("joint", "ci95"), judge.margin(rows[own], rows[name]), strict=True))
            for name in (RIDGE, *judge.counts)
        }
        for own in (OUT_OF_FOLD, ENSEMBLE)
    }
    return {
        "space": problem.blocks[0].space,
        "architectures": len(arch_ids),
        "folds": folds,
        "budget": budget,
        "proxies": [each.winner.formula for each in found],
        "verdicts": {name: each.to_document(judge.blocks) for name, each in verdicts.items()},
        "margins": margins,
    }


def markdown(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = []
    for one in result["spaces"]:
        blocks = one["verdicts"][OUT_OF_FOLD]["blocks"]
        names = [each["dataset"] for each in blocks]
        lines += [
            f"{one['space']}: {one['architectures']} architectures, {one['folds']} folds,"
            f" {one['budget']:,} candidates a fold.",
            "",
            f"| scorer | joint tau | 95 % | {' | '.join(names)} |",
            "|---" * (3 + len(names)) + "|",
        ]
        ranked = sorted(one["verdicts"].items(), key=lambda each: -(each[1]["joint"] or -1.0))
        for name, verdict in ranked:
            cells = [_number(each["kendall"]) for each in verdict["blocks"]]
            low, high = verdict["ci95"]
            lines.append(
                f"| {name} | {_number(verdict['joint'])} | {_number(low)} to {_number(high)} | {' | '.join(cells)} |"
            )
        lines.append("")
        for own, margins in one["margins"].items():
            for name, margin in margins.items():
                low, high = margin["ci95"]
                lines.append(f"- {own}, minus {name}: {margin['joint']:.3f} ({_number(low)} to {_number(high)})")
        lines.append("")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main() -> None:
    """Runs missing parts and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--published", type=Path, required=True, metavar="DIR", help="folder of the published .pth files"
    )
    parser.add_argument("--spaces", nargs="+", choices=list(FILES), default=list(FILES), help="only these spaces")
    parser.add_argument("--quick", action="store_true", help="a few architectures and candidates, to see that it works")
    parser.add_argument("--jobs", type=int, default=1, help="processes that collect statistics (default: 1)")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/published"), help="folder of completed work")
    options = parser.parse_args()
    work = options.work / ("quick" if options.quick else "full")
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    spaces = []
    for space in options.spaces:
        table = published_table(options.published, space, work)
        spaces.append(judged(narrowed(table, QUICK_ARCHS) if options.quick else table, options, work))
    result = {
        "command": f"python benchmarks/quality/published.py --published DIR{' --quick' if options.quick else ''}",
        "label_kind": LABEL_KIND,
        "seconds": round(time.monotonic() - started, 1),
        "spaces": spaces,
    }
    RESULTS.mkdir(exist_ok=True)
    name = "published-quick.json" if options.quick else "published.json"
    (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n")
    print(markdown(result))


if __name__ == "__main__":
    main()
