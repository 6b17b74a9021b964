"""Comparison of a search with a scorer with random choice and choice by size.

    python benchmarks/quality/search.py                        # both parts, on the embedded table
    python benchmarks/quality/search.py --parts regret         # minutes, no training
    python benchmarks/quality/search.py --scorers snip params  # other scorers
    python benchmarks/quality/search.py --quick                # tests everything in a minute or two

- regret: points of accuracy lost by taking the first architecture by a scorer instead of the best one, among 10, 50 and
  all labelled architectures of a block (means over 1,000 draws, with 95 % intervals of the mean; sizes that a block
  does not have are skipped), and among the sealed ones, which no shipped proxy was made from. The baseline is `random`:
  the expected loss of a random architecture. One counted scoring of the sealed split.
- verify: `python -m autoprox.search --verify` for each space and data set of the table: the pick, five random allowed
  architectures and the largest, three trainings each with the recipe of the table. Once with a largest size (`cap`:
  the median of what the space draws), and once with the sizes from 97 to 100 % of it (`band`), where size has
  little effect. Finished trainings are stored in --work, so that the same command resumes.

Results: results/search.json, and the same as Markdown in results/search.md. About an hour in all on two cores.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import autoprox
from autoprox.base.digest import derived_seed
from autoprox.base.progress import with_progress
from autoprox.bench.block import Block
from autoprox.bench.problem import statistics_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.networks.network import Network
from autoprox.scorers import score_networks
from autoprox.search import Constraints, Region, run
from autoprox.search.verification import Verification, verify
from autoprox.spaces import space
from autoprox.spaces.task import Task
from autoprox.training.recipe import Recipe

RESULTS = Path(__file__).parent / "results"
SCORERS = ("joint_micro", "autoformer_micro", "pit_micro", "snip", "synflow", "zico", "az_nas", "params", "macs")
VERIFIED = "joint_micro"
SIZES = (10, 50)
DRAWS = 1000
BAND = 0.97


def bar(items: Any, total: int, done: int = 0) -> Any:
    return with_progress(items, total, "network", done=done)


def scored(block: Block, table: Table, names: Sequence[str], jobs: int) -> np.ndarray:
    """Scores of a block's architectures, `(P, A)`."""
    task = table.task(block.dataset, block.space)
    networks = [Network(table.spaces[block.space], table.archs[arch_id], task) for arch_id in block.arch_ids]
    cache = statistics_of(table)
    scorers = [autoprox.load(name) for name in names]
    return score_networks(scorers, networks, cache, jobs=jobs, progress=bar).required()


def regret_of(scores: np.ndarray, goodness: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Regret of the first by score, per draw: `scores` and `goodness` `(A,)`, `draws` `(D, n)`."""
    chosen = np.where(np.isfinite(scores), scores, -np.inf)[draws].argmax(axis=1)
    drawn = goodness[draws]
    return drawn.max(axis=1) - drawn[np.arange(len(draws)), chosen]


def regrets(table: Table, names: Sequence[str], jobs: int) -> list[dict[str, Any]]:
    """One row per block, number of architectures and scorer."""
    sealed = {arch_id for arch_id, split in table.splits().items() if split is Split.SEALED}
    count_sealed(table.digest)
    rows = []
    for block in table.blocks():
        scores, goodness = scored(block, table, names, jobs), np.asarray(block.goodness)
        count, rng = len(block), np.random.default_rng(derived_seed("regret", block.name))
        draws = {
            str(size): np.array([rng.choice(count, size, replace=False) for _ in range(DRAWS)])
            for size in SIZES
            if size < count
        }
        draws[f"all {count}"] = np.arange(count)[None]
        kept = np.flatnonzero([arch_id in sealed for arch_id in block.arch_ids])
        draws[f"sealed {len(kept)}"] = kept[None]
        for among, drawn in draws.items():
            chance = (goodness[drawn].max(axis=1) - goodness[drawn].mean(axis=1)).mean()
            rows.append(row_of(block, among, "random", np.array([chance])))
            for name, own in zip(names, scores, strict=True):
                rows.append(row_of(block, among, name, regret_of(own, goodness, drawn)))
    return rows


def row_of(block: Block, among: str, name: str, found: np.ndarray) -> dict[str, Any]:
    half = 1.96 * found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else None
    return {"block": block.name, "among": among, "scorer": name, "regret": float(found.mean()), "half_width": half}


def bounds_of(name: str, task: Task) -> dict[str, Constraints]:
    """The two regimes: up to the median size that the space draws, and just below it."""
    rng, owner = np.random.default_rng(derived_seed("median size", name)), space(name)
    sizes = [owner.counts(owner.sample(rng), task.num_classes, task.img_size, task.in_chans).params for _ in range(501)]
    median = int(np.median(sizes))
    return {
        "cap": Constraints(max_params=median),
        "band": Constraints(min_params=round(BAND * median), max_params=median),
    }


def verified(table: Table, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One entry per space, data set and regime."""
    pairs = [(name, dataset) for name in table.spaces for dataset in table.datasets]
    entries = []
    for name, dataset in pairs[:1] if options.quick else pairs:
        task = table.task(dataset, name)
        for regime, bounds in bounds_of(name, task).items():
            print(f"{name}, {dataset}, {regime}", file=sys.stderr)
            rng = np.random.default_rng(0)
            scorer = autoprox.load(options.verify_with)
            budget = 20 if options.quick else 1000
            result = run(scorer, name, bounds, rng, task=task, budget=budget, jobs=options.jobs, progress=bar)
            found = trained(result, Region(space(name), task, bounds), dataset, options)
            entries.append({"space": name, "regime": regime, **result.to_document(1), "verification": found})
    return entries


def trained(result: Any, region: Region, dataset: str, options: argparse.Namespace) -> dict[str, Any]:
    """The verification as a document."""
    options.work.mkdir(parents=True, exist_ok=True)
    found: Verification = verify(
        result,
        region,
        dataset,
        np.random.default_rng(1),
        recipe=Recipe(epochs=1) if options.quick else Recipe(),
        seeds=2 if options.quick else 3,
        randoms=2 if options.quick else 5,
        jobs=options.jobs,
        journal=options.work / f"search-{'quick' if options.quick else 'full'}.sqlite",
        progress=bar,
    )
    return {**found.to_document(), "verdicts": [each.verdict for each in found.differences]}


def markdown(results: dict[str, Any]) -> str:
    """Both parts as tables."""
    lines = ["# Search: what the picks are worth", "", f"Command: `{results['command']}`.", ""]
    if "regret" in results:
        lines += regret_lines(results["regret"])
    for entry in results.get("verify", []):
        check = entry["verification"]
        named = " and ".join(f"{key} {value:,}" for key, value in entry["constraints"].items())
        lines += [
            f"## {entry['space']}, {check['dataset']}, {entry['regime']}: {named} ({entry['scorer']})",
            "",
            f"{entry['evaluated']:,} candidates of {entry['allowed_architectures']:,}; {check['epochs']} epochs.",
            "",
            "| architecture | parameters | top-1, % | 95 % t interval |",
            "|---|---|---|---|",
        ]
        for each in check["trained"]:
            mean = "failed" if each["mean"] is None else f"{each['mean']:.2f}"
            low, high = each["ci95"]
            bounds = "" if low is None else f"{low:.2f} to {high:.2f}"
            lines.append(f"| {each['role']} | {each['params']:,} | {mean} | {bounds} |")
        lines += ["", *(f"- the pick {verdict}" for verdict in check["verdicts"]), ""]
    return "\n".join(lines)


def regret_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Regret by block and number of architectures, one column per scorer; +- is half the width of the interval."""
    names = list(dict.fromkeys(row["scorer"] for row in rows))
    lines = ["## Regret, points of accuracy", "", "| block | among | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for block, among in dict.fromkeys((row["block"], row["among"]) for row in rows):
        mine = {row["scorer"]: row for row in rows if (row["block"], row["among"]) == (block, among)}
        cells = []
        for name in names:
            half = mine[name]["half_width"]
            cells.append(f"{mine[name]['regret']:.2f}" + (f" ± {half:.2f}" if half is not None else ""))
        lines.append(f"| {block} | {among} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--parts", nargs="+", choices=["regret", "verify"], default=["regret", "verify"])
    options.add_argument("--bench", default="vitbench101", metavar="PATH|NAME", help="the table")
    options.add_argument("--scorers", nargs="+", default=list(SCORERS), metavar="P", help="scorers of the regret")
    options.add_argument("--verify-with", default=VERIFIED, metavar="P", help="the scorer that searches")
    options.add_argument("--jobs", type=int, default=2, metavar="N")
    options.add_argument("--work", type=Path, default=Path("runs/quality-search"), metavar="DIR")
    options.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (--quick: --work)")
    options.add_argument("--quick", action="store_true", help="one space, short trainings: to test the script")
    given = options.parse_args()
    table = Table.read(given.bench)
    results: dict[str, Any] = {
        "command": "python benchmarks/quality/search.py" + (" --quick" if given.quick else ""),
        "table": {"name": table.name, "digest": table.digest},
        "machine": platform.platform(),
        "torch": torch.__version__,
    }
    if "regret" in given.parts:
        results["regret"] = regrets(table, given.scorers, given.jobs)
    if "verify" in given.parts:
        results["verify"] = verified(table, given)
    out = given.out or (given.work if given.quick else RESULTS)
    out.mkdir(parents=True, exist_ok=True)
    (out / "search.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    (out / "search.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
