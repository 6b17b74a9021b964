"""Quality of the learned aggregator, compared with simple models on the same labels.

    python benchmarks/quality/parzc.py                      # the embedded table, and the ablation
    python benchmarks/quality/parzc.py --published DIR      # and the published labels of AutoFormer and PiT (kd)
    python benchmarks/quality/parzc.py --parts ablation     # only some parts

Everything is measured on the current embedded table; numbers of labels that it does not have are skipped. Other parts
keep their stored results, unless MABN's settings have changed since.

- embedded: 16, 32, 64 and all labelled architectures per space, drawn from fit and select, block by block; Kendall's
  tau with the sealed labels (one counted scoring). Intervals of tau and of MABN's lead are from a paired bootstrap over
  the sealed architectures of the mean over draws; for the lead, over the draws of both. Rankings without labels are
  compared with MABN on all labels. Other losses and the released layers have 3 draws.
- published: 60 % against 40 %, statistics on noise as for every table without images. Draws share architectures, so the
  +- is the standard error over draws, and over paired draws for MABN's lead.
- ablation: 3 draws, two thirds against one third, all inside fit and select; settings were chosen on such draws.
- cost: time and memory of the default fit, in a separate process.

DIR contains gt_autoformer.pth and gt_pit_a.pth as their authors published them. Results: results/parzc.json, and the
same as Markdown in results/parzc.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from parzc_markdown import markdown
from parzc_predictors import ABLATION, MABN, PATH, RIVALS, STATISTICS, VARIANTS, BlockData, one_draw
from published_tables import FILES, LABEL_KIND, published_table

import autoprox
from autoprox.base.digest import derived_seed, digest
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.commands.console import network_bar
from autoprox.graph import collect_leaves
from autoprox.metrics import bootstrap_taus, interval95, kendall_tau_b, resample_counts
from autoprox.networks.network import Network
from autoprox.predict.parzc import DEFAULT_STATISTICS, MABNRegressor
from autoprox.predict.parzc.aggregator_figures import learning_curve_figure
from autoprox.predict.parzc.features import features_of, linear_leaves
from autoprox.scorers import score_networks
from autoprox.spaces import space
from autoprox.statistics import StatisticsCache

RESULTS = Path(__file__).parent / "results"
SIZES = (16, 32, 64, None)
FEW_DRAWS = 3
"""Draws for variants and the ablation."""
ARCH_FEATURES = ("mean_width", "depth", "mean_mlp_ratio", "mean_heads")
SHIPPED = {("autoformer-micro",): "autoformer_micro", ("pit-micro",): "pit_micro"}
JOINT = "joint_micro"
RESAMPLES = 1000
PARTS = ("embedded", "published", "ablation", "cost")
PYTHON = platform.python_version()
LABEL_FREE = {"sum of dim x depth": "sum_dim_depth", "mean width": "mean_width"}
"""Features of an architecture that rank without labels."""
COMPARED: dict[str, dict[str, Any] | None] = {MABN: {}, **dict.fromkeys((PATH, *RIVALS))}


def drawn(data: BlockData, size: int, draw: int) -> np.ndarray:
    """Labelled rows of a draw: the same architectures in all blocks of a space."""
    rng = np.random.default_rng(derived_seed("draw", data.space, size, draw))
    return np.sort(rng.permutation(data.labelled)[:size])


def run(blocks: list[BlockData], sizes: Iterable[int | None], names: dict[str, Any], draws: int, jobs: int) -> Any:
    """Results of all predictors on all draws, in lists by (size, block, predictor)."""
    tasks, keys = [], []
    for size in sizes:
        for data in blocks:
            count = len(data.labelled) if size is None else size
            if count > len(data.labelled) or (size is not None and count == len(data.labelled)):
                continue
            for draw in range(1 if size is None and len(data.judged) else draws):
                rows = drawn(data, count, draw)
                # Without reserved rows, the rows that were not drawn are judged.
                others = data.judged if len(data.judged) else np.setdiff1d(data.labelled, rows)
                for name, options in names.items():
                    tasks.append(delayed(one_draw)(data, name, options, rows, others, draw))
                    keys.append((count, data.name, name))
    results: dict[tuple[int, str, str], list[Any]] = {}
    started = time.perf_counter()
    for index, (key, found) in enumerate(zip(keys, Parallel(jobs, return_as="generator")(tasks), strict=True)):
        results.setdefault(key, []).append(found)
        if sys.stderr.isatty() or index % 50 == 0:
            print(f"\r{index + 1} of {len(tasks)} fits, {time.perf_counter() - started:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    return results


def block_data(table: Table, names: list[str], jobs: int, *, published: bool) -> list[BlockData]:
    """The blocks of a table with all inputs of predictors."""
    expressions = linear_leaves(DEFAULT_STATISTICS)
    cache, splits = StatisticsCache(), None if published else table.splits()
    found = []
    for block in table.blocks(label_kind=LABEL_KIND if published else None):
        task = table.task(block.dataset, block.space)
        networks = [Network(table.spaces[block.space], table.archs[arch_id], task) for arch_id in block.arch_ids]
        leaves = collect_leaves(networks, expressions, cache, jobs=jobs, progress=network_bar)
        shapes = [space(block.space).features(table.archs[arch_id]) for arch_id in block.arch_ids]
        scores = {name: np.array([each[feature] for each in shapes]) for name, feature in LABEL_FREE.items()}
        proxies = [autoprox.load(name) for name in names]
        own = score_networks(proxies, networks, cache, jobs=jobs, progress=network_bar).values
        kind = "transfer" if published else "evolved"
        scores |= {f"{name} ({kind})": row for name, row in zip(names, own, strict=True)}
        sealed = [splits is not None and splits[arch_id] is Split.SEALED for arch_id in block.arch_ids]
        found.append(
            BlockData(
                f"{block.space} / {block.dataset}",
                block.space,
                features_of(leaves, expressions, block.arch_ids).values,
                np.array([[each[key] for key in ARCH_FEATURES] for each in shapes]),
                np.array(block.goodness),
                scores,
                np.flatnonzero(~np.array(sealed)),
                np.flatnonzero(sealed),
            )
        )
    return found


def evolved_for(space_name: str) -> list[str]:
    """The rows of the shipped proxies that were discovered for a space."""
    return [f"{name} (evolved)" for name in (JOINT, *(own for spaces, own in SHIPPED.items() if space_name in spaces))]


def embedded(draws: int, jobs: int) -> dict[str, Any]:
    """Tau with the sealed labels, by number of labels."""
    table = Table.read()
    looks = count_sealed(table.digest)
    blocks = block_data(
        table, [name for name in autoprox.shipped_names() if name in (JOINT, *SHIPPED.values())], jobs, published=False
    )
    results = run(blocks, SIZES, COMPARED, draws, jobs)
    results |= run(blocks, SIZES, VARIANTS, min(draws, FEW_DRAWS), jobs)
    rows, taus = [], {}
    for size in sorted({key[0] for key in results}):
        for name in (MABN, *VARIANTS, PATH, *RIVALS):
            kept = [data for data in blocks if (size, data.name, name) in results]
            found = {data.name: results[size, data.name, name] for data in kept}
            taus[size, name] = by_draw(kept, found)
            rows.append(judged(size, name, taus[size, name], found))
    most = rows[-1]["labels"]
    for name in (*LABEL_FREE, *(f"{name} (evolved)" for name in (JOINT, *SHIPPED.values()))):
        kept = [data for data in blocks if name in LABEL_FREE or name in evolved_for(data.space)]
        if kept:
            found = {data.name: [{"scores": data.scores[name][data.judged]}] for data in kept}
            taus[0, name] = by_draw(kept, found)
            rows.append(judged(0, name, taus[0, name], found))
    for row in rows:
        ours, theirs = taus[row["labels"] or most, MABN], taus[row["labels"], row["predictor"]]
        if ours is not theirs and ours.keys() == theirs.keys():
            row["mabn_minus_it"] = margin(ours, theirs)
    return {"table": table.name, "table_digest": table.digest, "looks_at_sealed": looks, "rows": rows}


def by_draw(blocks: list[BlockData], found: dict[str, list[Any]]) -> dict[str, np.ndarray]:
    """Tau of every draw in every block, on all sealed architectures and then on the same resamples for all.

    Returns:
        `(draws, 1 + RESAMPLES)` by the name of the block.
    """
    taus = {}
    for data in blocks:
        labels = data.labels[data.judged]
        scores = np.stack([each["scores"] for each in found[data.name]])
        counts = resample_counts(len(labels), RESAMPLES, np.random.default_rng(derived_seed("bootstrap", data.space)))
        taus[data.name] = np.hstack([kendall_tau_b(scores, labels)[:, None], bootstrap_taus(scores, labels, counts)])
    return taus


def margin(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, Any]:
    """Difference of the mean taus of two predictors, over their common draws."""
    blocks = []
    for name, own in ours.items():
        draws = len(own) if len(theirs[name]) == 1 else min(len(own), len(theirs[name]))
        blocks.append(own[:draws].mean(axis=0) - theirs[name][:draws].mean(axis=0))
    ahead = np.mean(blocks, axis=0)
    return {"tau": float(ahead[0]), "ci95": interval95(ahead[1:]).tolist()}


def judged(size: int, name: str, taus: dict[str, np.ndarray], found: dict[str, list[Any]]) -> dict[str, Any]:
    """Mean tau over draws, by block and joined."""
    fits = [each for own in found.values() for each in own if "inside" in each]
    means = {block: own.mean(axis=0) for block, own in taus.items()}
    joined = np.mean(list(means.values()), axis=0)
    return {
        "labels": size,
        "predictor": name,
        "draws": max(len(own) for own in taus.values()),
        "tau": float(joined[0]),
        "ci95": interval95(joined[1:]).tolist(),
        "blocks": {block: float(own[0]) for block, own in means.items()},
        "inside90": mean_of(fits, "inside"),
        "fit_core_seconds": mean_of(fits, "seconds"),
    }


def mean_of(found: list[Any], key: str) -> float | None:
    return float(np.mean([each[key] for each in found])) if found and key in found[0] else None


def ablation(draws: int, jobs: int) -> dict[str, Any]:
    """Ablation of parts, on draws inside fit and select."""
    table = Table.read()
    blocks = [replace(data, judged=np.array([], dtype=int)) for data in block_data(table, [], jobs, published=False)]
    names: dict[str, Any] = {
        **ABLATION,
        **{f"MABN, {name}": {"statistics": picks} for name, picks in STATISTICS.items()},
    }
    sizes = sorted({2 * len(data.labelled) // 3 for data in blocks})
    results = run(blocks, sizes, {**names, **dict.fromkeys((PATH, *RIVALS))}, draws, jobs)
    return {"table_digest": table.digest, "rows": averaged(results, [*names, PATH, *RIVALS])}


def averaged(results: dict[tuple[int, str, str], list[Any]], names: list[str]) -> list[dict[str, Any]]:
    """Mean tau over blocks and draws with its standard error, and MABN's lead over the draws of both."""
    taus = {
        name: {key[1]: [each["tau"] for each in own] for key, own in results.items() if key[2] == name}
        for name in names
    }
    means = {name: np.mean(list(own.values()), axis=0) for name, own in taus.items()}
    rows = []
    for name, by_block in taus.items():
        own = [each for key, found in results.items() if key[2] == name for each in found]
        ahead = means[MABN][: len(means[name])] - means[name]
        rows.append(
            {
                "predictor": name,
                "tau": float(means[name].mean()),
                "error": standard_error(means[name]),
                "mabn_minus_it": None if name == MABN else {"tau": float(ahead.mean()), "error": standard_error(ahead)},
                "blocks": {block: float(np.mean(values)) for block, values in by_block.items()},
                "inside90": mean_of(own, "inside"),
                "fit_core_seconds": mean_of(own, "seconds"),
            }
        )
    return rows


def standard_error(draws: np.ndarray) -> float | None:
    return float(draws.std(ddof=1) / np.sqrt(len(draws))) if len(draws) > 1 else None


def published(source: Path, draws: int, jobs: int) -> dict[str, Any]:
    """60 % against 40 % of the published labels, separately for AutoFormer and PiT."""
    outcome = {}
    for space_name in FILES:
        with TemporaryDirectory() as work:
            table = published_table(source, space_name, Path(work))
        blocks = block_data(table, [JOINT, *SHIPPED.values()], jobs, published=True)
        sizes = sorted({round(0.6 * len(data.labelled)) for data in blocks})
        results = run(blocks, sizes, COMPARED, draws, jobs)
        results |= run(blocks, sizes, VARIANTS, min(draws, FEW_DRAWS), jobs)
        for data in blocks:
            count = round(0.6 * len(data.labelled))
            for draw in range(draws):
                others = np.setdiff1d(data.labelled, drawn(data, count, draw))
                for name, scores in data.scores.items():
                    tau = float(kendall_tau_b(scores[None, others], data.labels[others])[0])
                    results.setdefault((count, data.name, name), []).append({"tau": tau})
        rows = averaged(results, [MABN, *VARIANTS, PATH, *RIVALS, *blocks[0].scores])
        outcome[space_name] = {"architectures": len(table.archs), "table_digest": table.digest, "rows": rows}
    return outcome


def cost() -> dict[str, Any]:
    """Time and memory of the default fit with statistics from the bank, in a separate process."""
    command = ["python", "-m", "autoprox.parzc", "fit", "--jobs", "1"]
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command[1:], "--out", f"{folder}/model.pt"])
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"parzc: '{' '.join(command)}' failed with status {os.waitstatus_to_exitcode(status)}.")
    return {
        "fit": " ".join(command),
        "table_digest": Table.read().digest,
        "seconds": time.perf_counter() - start,
        "core_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory_mb": usage.ru_maxrss / 2**10,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, metavar="DIR", help="folder of the published labels")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="default: all; published needs --published")
    parser.add_argument("--draws", type=int, default=10, help="draws of labels (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results (default: next to this file)"
    )
    options = parser.parse_args()
    args = ["DIR" if argument == str(options.published) else argument for argument in sys.argv[1:]]
    settings = digest({name: repr(value) for name, value in MABNRegressor().get_params().items()})
    stored = options.out / "parzc.json"
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.exists() else {}
    if results.get("settings") != settings:
        results = {"settings": settings}
    few = min(options.draws, FEW_DRAWS)
    parts: dict[str, tuple[int, Callable[[], Any]]] = {
        "embedded": (options.draws, lambda: embedded(options.draws, options.jobs)),
        "published": (options.draws, lambda: published(options.published, options.draws, options.jobs)),
        "ablation": (few, lambda: ablation(few, options.jobs)),
        "cost": (1, cost),
    }
    chosen = options.parts or [name for name in PARTS if name != "published" or options.published]
    if "published" in chosen and options.published is None:
        parser.error("--parts published needs --published DIR.")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        draws, part = parts[name]
        start = time.perf_counter()
        found = part()
        counted = "one draw" if draws == 1 else f"{draws} draws"
        note = f"{counted}, {time.perf_counter() - start:.0f} s on {options.jobs} processes, Python {PYTHON}."
        for each in found.values() if name == "published" else (found,):
            each |= {"note": note, "command": " ".join(["python benchmarks/quality/parzc.py", *args])}
        results[name] = found
        stored.write_text(json.dumps(results, indent=1) + "\n")
        (options.out / "parzc.md").write_text(markdown(results) + "\n")
        if name == "embedded":
            write_curve(found, options.out)
    print(markdown(results))


def write_curve(found: dict[str, Any], folder: Path) -> None:
    """The learning curve, if there is more than one number of labels."""
    sizes = sorted({row["labels"] for row in found["rows"] if row["labels"]})
    shown = (MABN, *RIVALS)
    taus = {name: [list(row["blocks"].values()) for row in found["rows"] if row["predictor"] == name] for name in shown}
    if len(sizes) > 1:
        learning_curve_figure(sizes, taus).savefig(folder / "parzc-learning-curve.png", dpi=120)


if __name__ == "__main__":
    main()
