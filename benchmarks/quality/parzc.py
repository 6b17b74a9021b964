"""What the learned aggregator is worth, beside simple models on the same labels.

    python benchmarks/quality/parzc.py                      # the embedded table, and the ablation
    python benchmarks/quality/parzc.py --published DIR      # and the published labels of AutoFormer and PiT (kd)
    python benchmarks/quality/parzc.py --parts ablation     # only some parts

Everything is remade on whatever the embedded table is; numbers of labels that it does not have are left out.

- embedded: 16, 32, 64 and all labelled architectures a space, drawn from fit and select, block by block; Kendall's tau
  with the sealed labels (one counted look at them). Interval: paired bootstrap over the sealed architectures of the
  mean over draws. Other losses and the released layers have 3 draws, of 32 labels and of all.
- published: 60 % against 40 %, statistics on noise as for every table without images. The rows are those of the same
  architectures over and over, so the +- is the standard error over draws.
- ablation: 3 draws, two thirds against one third, all inside fit and select; settings were chosen on such draws.

DIR holds gt_autoformer.pth and gt_pit_a.pth as their authors published them. Results: results/parzc.json, and the same
as Markdown in results/parzc.md.
"""

import argparse
import json
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from parzc_markdown import markdown
from published_tables import FILES, LABEL_KIND, published_table
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autoprox
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.commands.console import network_bar
from autoprox.digest import derived_seed, digest
from autoprox.graph import Network, collect_leaves
from autoprox.metrics import bootstrap_taus, interval95, kendall_tau_b, resample_counts
from autoprox.parzc import DEFAULT_STATISTICS, MABNRegressor
from autoprox.parzc.features import features_of, linear_leaves
from autoprox.parzc.figures import coverage, learning_curve_figure
from autoprox.parzc.scaling import Floats, NodeScaler
from autoprox.spaces import space
from autoprox.statistics import StatisticsCache
from autoprox.zoo import score_networks

RESULTS = Path(__file__).parent / "results"
SIZES = (16, 32, 64, None)
FEW_SIZES, FEW_DRAWS = (32, None), 3
"""What variants and the ablation are measured on."""
ARCH_FEATURES = ("mean_width", "depth", "mean_mlp_ratio", "mean_heads")
SHIPPED = {("autoformer-micro",): "autoformer_micro", ("pit-micro",): "pit_micro"}
JOINT = "joint_micro"
RESAMPLES = 1000

MABN = "MABN"
VARIANTS: dict[str, dict[str, Any]] = {
    "MABN, pairwise": {"loss": "pairwise"},
    "MABN, mse": {"loss": "mse"},
    "MABN, released layers": {"variant": "released", "width": 64, "depth": 4, "kl_weight": 0.0},
}
ABLATION: dict[str, dict[str, Any]] = {
    MABN: {},
    **VARIANTS,
    "MABN, no linear path": {"linear": False},
    "MABN, no linear path, strong prior, slow": {
        "linear": False,
        "kl_weight": 0.1,
        "max_iter": 150,
        "learning_rate": 5e-3,
    },
    "MABN, diffkendall + pairwise": {"loss": ("diffkendall", "pairwise")},
    "MABN, not Bayesian": {"bayesian": False, "kl_weight": 0.0},
    "MABN, Bayesian without prior": {"kl_weight": 0.0},
    "MABN, no token mixing": {"token_mixing": False},
    "MABN, zero padding for the mask": {"masked": False},
    "MABN, a single network": {"n_estimators": 1},
}
STATISTICS: dict[str, tuple[int, ...]] = {
    "snip alone": (0,),
    "gradients alone": (0, 1, 2),
    "counts alone": (3, 4, 5, 6),
}


@dataclass(frozen=True)
class BlockData:
    """One block: statistics, architecture features, labels, and scores that need no labels."""

    name: str
    space: str
    values: Floats
    shapes: Floats
    labels: Floats
    scores: dict[str, Floats]
    labelled: np.ndarray
    """Rows that may be learnt from."""
    judged: np.ndarray
    """Rows that a model is judged on."""


def flat(values: Floats, rows: np.ndarray) -> Floats:
    """Node statistics as columns, on MABN's own scale; a missing node is the column's mean, with an indicator."""
    mask = ~np.isnan(values).all(axis=2)
    scaler = NodeScaler().fit(values[rows], mask[rows])
    scaled = np.where(mask[:, :, None], scaler.transform(values, mask), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a node that no labelled architecture has
        means = np.nan_to_num(np.nanmean(scaled[rows], axis=0))
    filled = np.where(np.isnan(scaled), means, scaled).reshape(len(values), -1)
    return np.hstack([filled, mask.astype(np.float64)])


def ridge() -> RegressorMixin:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 5, 25)))


def gaussian_process() -> RegressorMixin:
    kernel = ConstantKernel(1.0) * RBF(30.0, (1.0, 1e4)) + WhiteKernel(0.1)
    return make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True, random_state=0))


def boosting() -> RegressorMixin:
    return HistGradientBoostingRegressor(min_samples_leaf=3, random_state=0)


def rival(name: str, data: BlockData, rows: np.ndarray, others: np.ndarray) -> Floats:
    """Predictions of a rival for the other rows."""
    models: dict[str, tuple[Floats, Callable[[], RegressorMixin]]] = {
        "ridge on four architecture features": (data.shapes, ridge),
        "ridge on node statistics": (flat(data.values, rows), ridge),
        "boosting on node statistics": (data.values.reshape(len(data.values), -1), boosting),
        "Gaussian process on node statistics": (flat(data.values, rows), gaussian_process),
    }
    columns, model = models[name]
    known = ~np.isnan(columns[rows]).all(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model().fit(columns[rows][:, known], data.labels[rows])
    return np.asarray(fitted.predict(columns[others][:, known]))


RIVALS = (
    "ridge on four architecture features",
    "ridge on node statistics",
    "boosting on node statistics",
    "Gaussian process on node statistics",
)


def mabn(options: dict[str, Any], data: BlockData, rows: np.ndarray, others: np.ndarray, seed: int) -> dict[str, Any]:
    """Predictions of a MABN for the other rows, with the share inside its 90 % interval and the cost of the fit."""
    picks = options.get("statistics", range(data.values.shape[2]))
    settings = {key: value for key, value in options.items() if key != "statistics"}
    values = data.values[:, :, list(picks)]
    model = MABNRegressor(node_shape=values.shape[1:], random_state=seed, **settings)
    start = time.process_time()
    model.fit(values[rows], data.labels[rows])
    seconds = time.process_time() - start
    mean, std = model.predict(values[others], return_std=True)
    return {"scores": mean, "inside": coverage(data.labels[others], mean, std), "seconds": seconds}


def one_draw(data: BlockData, name: str, options: dict[str, Any] | None, rows: Any, others: Any, draw: int) -> Any:
    """What one predictor says after one draw of labels; runs in a worker process."""
    found = {"scores": rival(name, data, rows, others)} if options is None else mabn(options, data, rows, others, draw)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    tau = float(kendall_tau_b(found["scores"][None], data.labels[others])[0])
    return found | {"tau": tau, "memory_mb": memory}


def drawn(data: BlockData, size: int, draw: int) -> np.ndarray:
    """Labelled rows of a draw: those of one space are the same architectures in all of its blocks."""
    rng = np.random.default_rng(derived_seed("draw", data.space, size, draw))
    return np.sort(rng.permutation(data.labelled)[:size])


def run(blocks: list[BlockData], sizes: Iterable[int | None], names: dict[str, Any], draws: int, jobs: int) -> Any:
    """All predictors on all draws: under (size, block, predictor) the list of what they say."""
    tasks, keys = [], []
    for size in sizes:
        for data in blocks:
            count = len(data.labelled) if size is None else size
            if count > len(data.labelled) or (size is not None and count == len(data.labelled)):
                continue
            for draw in range(1 if size is None and len(data.judged) else draws):
                rows = drawn(data, count, draw)
                # Where no rows are set apart, those that were not drawn are judged.
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
    """The blocks of a table with everything that predictors need."""
    expressions = linear_leaves(DEFAULT_STATISTICS)
    cache, splits = StatisticsCache(), None if published else table.splits()
    found = []
    for block in table.blocks(label_kind=LABEL_KIND if published else None):
        task = table.task(block.dataset, block.space)
        networks = [Network(table.archs[arch_id], task) for arch_id in block.arch_ids]
        leaves = collect_leaves(networks, expressions, cache, jobs=jobs, progress=network_bar)
        shapes = [space(block.space).features(table.archs[arch_id]) for arch_id in block.arch_ids]
        scores = {"sum of dim x depth": np.array([each["sum_dim_depth"] for each in shapes])}
        if not published:
            proxies = [autoprox.load(name) for name in names]
            own = score_networks(proxies, networks, cache, jobs=jobs, progress=network_bar).values
            scores |= {f"{name} (evolved)": row for name, row in zip(names, own, strict=True)}
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
    """The shipped proxies that were discovered for a space."""
    return [JOINT, *(name for spaces, name in SHIPPED.items() if space_name in spaces)]


def embedded(draws: int, jobs: int) -> dict[str, Any]:
    """Tau with the sealed labels, by number of labels."""
    table = Table.read()
    looks = count_sealed(table.digest)
    blocks = block_data(
        table, [name for name in autoprox.shipped_names() if name in (JOINT, *SHIPPED.values())], jobs, published=False
    )
    results = run(blocks, SIZES, {MABN: {}, **dict.fromkeys(RIVALS)}, draws, jobs)
    results |= run(blocks, FEW_SIZES, VARIANTS, min(draws, FEW_DRAWS), jobs)
    rows = []
    for size in sorted({key[0] for key in results}):
        for name in (MABN, *VARIANTS, *RIVALS):
            if not any((size, data.name, name) in results for data in blocks):
                continue
            own = {data.name: results[size, data.name, name] for data in blocks if (size, data.name, name) in results}
            rows.append(judged(size, name, [data for data in blocks if data.name in own], own))
    for name in ("sum of dim x depth", *(f"{name} (evolved)" for name in (JOINT, *SHIPPED.values()))):
        kept = [
            data
            for data in blocks
            if name in data.scores and name.partition(" ")[0] in ("sum", *evolved_for(data.space))
        ]
        if kept:
            own = {data.name: [{"scores": data.scores[name][data.judged]}] for data in kept}
            rows.append(judged(0, name, kept, own))
    return {"table": table.name, "table_digest": table.digest, "looks_at_sealed": looks, "rows": rows}


def judged(size: int, name: str, blocks: list[BlockData], found: dict[str, list[Any]]) -> dict[str, Any]:
    """Mean tau over draws, by block and joined, with a paired bootstrap over the sealed architectures."""
    taus, sampled = {}, []
    for data in blocks:
        labels = data.labels[data.judged]
        scores = np.stack([each["scores"] for each in found[data.name]])
        counts = resample_counts(len(labels), RESAMPLES, np.random.default_rng(derived_seed("bootstrap", data.space)))
        taus[data.name] = float(np.mean(kendall_tau_b(scores, labels)))
        sampled.append(bootstrap_taus(scores, labels, counts).mean(axis=0))
    fits = [each for own in found.values() for each in own if "inside" in each]
    return {
        "labels": size,
        "predictor": name,
        "draws": max(len(own) for own in found.values()),
        "tau": float(np.mean(list(taus.values()))),
        "ci95": interval95(np.mean(sampled, axis=0)).tolist(),
        "blocks": taus,
        "inside90": mean_of(fits, "inside"),
        "fit_core_seconds": mean_of(fits, "seconds"),
        "peak_memory_mb": max((each["memory_mb"] for each in fits), default=None),
    }


def mean_of(found: list[Any], key: str) -> float | None:
    return float(np.mean([each[key] for each in found])) if found and key in found[0] else None


def ablation(draws: int, jobs: int) -> dict[str, Any]:
    """Parts left out, on draws inside fit and select."""
    table = Table.read()
    blocks = [replace(data, judged=np.array([], dtype=int)) for data in block_data(table, [], jobs, published=False)]
    names: dict[str, Any] = {
        **ABLATION,
        **{f"MABN, {name}": {"statistics": picks} for name, picks in STATISTICS.items()},
    }
    sizes = sorted({2 * len(data.labelled) // 3 for data in blocks})
    results = run(blocks, sizes, {**names, **dict.fromkeys(RIVALS)}, draws, jobs)
    return {"table_digest": table.digest, "rows": averaged(results, [*names, *RIVALS])}


def averaged(results: dict[tuple[int, str, str], list[Any]], names: list[str]) -> list[dict[str, Any]]:
    """Mean tau over blocks and draws, and the standard error of that over draws."""
    rows = []
    for name in names:
        by_block = {key[1]: [each["tau"] for each in own] for key, own in results.items() if key[2] == name}
        own = [each for key, found in results.items() if key[2] == name for each in found]
        draws = np.mean(list(by_block.values()), axis=0)
        rows.append(
            {
                "predictor": name,
                "tau": float(draws.mean()),
                "error": float(draws.std(ddof=1) / np.sqrt(len(draws))) if len(draws) > 1 else None,
                "blocks": {block: float(np.mean(taus)) for block, taus in by_block.items()},
                "inside90": mean_of(own, "inside"),
                "fit_core_seconds": mean_of(own, "seconds"),
                "peak_memory_mb": float(max(each["memory_mb"] for each in own)),
            }
        )
    return rows


def published(source: Path, draws: int, jobs: int) -> dict[str, Any]:
    """60 % against 40 % of the published labels, AutoFormer and PiT apart."""
    outcome = {}
    for space_name in FILES:
        with TemporaryDirectory() as work:
            table = published_table(source, space_name, Path(work))
        blocks = block_data(table, [], jobs, published=True)
        sizes = sorted({round(0.6 * len(data.labelled)) for data in blocks})
        results = run(blocks, sizes, {MABN: {}, **dict.fromkeys(RIVALS)}, draws, jobs)
        for data in blocks:
            count = round(0.6 * len(data.labelled))
            for draw in range(draws):
                others = np.setdiff1d(data.labelled, drawn(data, count, draw))
                for name, scores in data.scores.items():
                    tau = float(kendall_tau_b(scores[None, others], data.labels[others])[0])
                    results.setdefault((count, data.name, name), []).append({"tau": tau, "memory_mb": 0.0})
        rows = averaged(results, [MABN, *RIVALS, "sum of dim x depth"])
        outcome[space_name] = {"architectures": len(table.archs), "table_digest": table.digest, "rows": rows}
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, metavar="DIR", help="folder of the published labels")
    parser.add_argument("--parts", nargs="+", choices=["embedded", "ablation"], default=["embedded", "ablation"])
    parser.add_argument("--draws", type=int, default=10, help="draws of labels (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, metavar="DIR", help="where results go (default: beside this file)"
    )
    options = parser.parse_args()
    args = ["DIR" if argument == str(options.published) else argument for argument in sys.argv[1:]]
    results: dict[str, Any] = {
        "command": " ".join(["python benchmarks/quality/parzc.py", *args]),
        "settings": digest({name: repr(value) for name, value in MABNRegressor().get_params().items()}),
        "python": platform.python_version(),
    }
    few = min(options.draws, FEW_DRAWS)
    parts: dict[str, tuple[int, Callable[[], Any]]] = {
        "embedded": (options.draws, lambda: embedded(options.draws, options.jobs)),
        "published": (options.draws, lambda: published(options.published, options.draws, options.jobs)),
        "ablation": (few, lambda: ablation(few, options.jobs)),
    }
    wanted = {*options.parts, *(["published"] if options.published else [])}
    chosen = {name: part for name, part in parts.items() if name in wanted}
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (draws, part) in chosen.items():
        start = time.perf_counter()
        found = part()
        note = f"{draws} draws, {time.perf_counter() - start:.0f} s on {options.jobs} processes."
        for each in found.values() if name == "published" else (found,):
            each["note"] = note
        results[name] = found
        (options.out / "parzc.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.out / "parzc.md").write_text(markdown(results) + "\n")
        if name == "embedded":
            write_curve(found, options.out)
    print(markdown(results))


def write_curve(found: dict[str, Any], folder: Path) -> None:
    """The learning curve, where there is more than one number of labels."""
    sizes = sorted({row["labels"] for row in found["rows"] if row["labels"]})
    shown = (MABN, *RIVALS)
    taus = {name: [list(row["blocks"].values()) for row in found["rows"] if row["predictor"] == name] for name in shown}
    if len(sizes) > 1:
        learning_curve_figure(sizes, taus).savefig(folder / "parzc-learning-curve.png", dpi=120)


if __name__ == "__main__":
    main()
