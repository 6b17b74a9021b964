"""Quality of a readable regression on the genes by the number of labels, and of its predictions of latency.

    python benchmarks/quality/regression.py                # learning curves on the embedded table
    python benchmarks/quality/regression.py --tables DIR   # and latency in third-party tables

- labels: 10 to 96 labelled architectures per block, drawn from fit and select as in parzc.py; Kendall's tau with the
  sealed labels, mean over blocks and 20 draws, with the 95 % t interval of the mean over draws. MABN's row is from
  results/parzc.json, on the same draws, if it has that number. One counted scoring of sealed.
- latency: tau and mean relative error on held-out rows (fits to 160 and 1,600 rows, 5 draws), by the linear and the
  logarithmic regression on all products of two features. HAT (Xeon) and HW-GPT-S (CPU, A100, H100), in DIR; gradient
  boosting on 1,600 rows of the same features shows the limit by noise.
- limits: limits of the tables of processors. Residuals of the logarithmic regression in five folds: their deviation,
  their correlation between consecutive rows and between nearest neighbours in the features; tau after subtraction of
  the median of the ten rows before and after; the deviation among rows that differ only in the order of their layers,
  which does not change the work; and the tau of a perfect model under so much noise.

Results: results/regression.json, and the same as Markdown in results/regression.md. Two minutes.
"""

import argparse
import gzip
import json
import platform
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial import cKDTree
from sklearn.ensemble import HistGradientBoostingRegressor

from autoprox.base.digest import derived_seed
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.metrics import kendall_tau_b
from autoprox.predict import ArchFeatures, MultivariateRegression

RESULTS = Path(__file__).parent / "results"
SIZES = (10, 16, 24, 32, 48, 64, 96)
DRAWS, LATENCY_DRAWS = 20, 5
ROWS = (160, 1600)
NEAR = 10
"""Rows before and after that were measured in the same state of the machine."""


def tau(scores: Any, target: Any) -> float:
    return float(kendall_tau_b(np.asarray(scores, dtype=np.float64)[None], np.asarray(target, dtype=np.float64))[0])


def labels() -> dict[str, Any]:
    """Learning curves of the regression and of a ridge without products; tau of counts, which need no labels."""
    table = Table.read()
    splits = table.splits()
    looks = count_sealed(table.digest)
    found: dict[tuple[int, str], list[list[float]]] = {}
    counts: dict[str, list[float]] = {}
    for block in table.blocks():
        space = table.spaces[block.space]
        features, goodness = ArchFeatures(space), np.asarray(block.goodness)
        frame = features.frame([table.archs[arch_id] for arch_id in block.arch_ids])
        sealed = np.array([splits[arch_id] is Split.SEALED for arch_id in block.arch_ids])
        labelled, judged = np.flatnonzero(~sealed), np.flatnonzero(sealed)
        for name in ("mean_width", "depth"):
            values = [space.features(table.archs[block.arch_ids[place]])[name] for place in judged]
            counts.setdefault(name, []).append(tau(values, goodness[judged]))
        for size in (each for each in SIZES if each <= len(labelled)):
            for name, pairs in (("regression", features.interactions), ("regression without products", [])):
                taus = []
                for draw in range(DRAWS):
                    rng = np.random.default_rng(derived_seed("draw", block.space, size, draw))
                    rows = np.sort(rng.permutation(labelled)[:size])
                    model = MultivariateRegression(pairs, "leave-one-out").fit(frame.iloc[rows], goodness[rows])
                    taus.append(tau(model.predict(frame.iloc[judged]), goodness[judged]))
                found.setdefault((size, name), []).append(taus)
    rows_of = []
    for (size, name), taus in found.items():
        mean = np.mean(taus, axis=0)
        half = stats.t.ppf(0.975, DRAWS - 1) * stats.sem(mean) if size < max(SIZES) else None
        rows_of.append({"labels": size, "predictor": name, "tau": float(mean.mean()), "half_width": half})
    return {
        "looks_at_sealed": looks,
        "rows": rows_of,
        "counts": {name: float(np.mean(v)) for name, v in counts.items()},
    }


def latency_tables(tables: Path) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    hat = pd.read_csv(tables / "hat_cpu_2000.csv")
    found = {"HAT, Xeon": (hat.iloc[:, :10], (hat["latency_mean_encoder"] + hat["latency_mean_decoder"]).to_numpy())}
    text = gzip.decompress((tables / "hwgpt_s_10000.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    columns = {name: [float(row[name]) for row in rows] for name in ("embed", "layers", "bias")}
    columns |= {f"mean_{name}": [float(np.mean(row[name])) for row in rows] for name in ("heads", "mlp")}
    frame = pd.DataFrame(columns)
    for key, name in (("cpu_lat", "CPU"), ("a100_lat", "A100"), ("h100_lat", "H100")):
        found[f"HW-GPT-S, {name}"] = (frame, np.array([row[key] for row in rows]))
    return found


def latency(tables: Path) -> list[dict[str, Any]]:
    rows = []
    for name, (frame, seconds) in latency_tables(tables).items():
        pairs = list(combinations_with_replacement(list(frame), 2))
        for size in ROWS:
            found: dict[str, list[tuple[float, float]]] = {}
            for draw in range(LATENCY_DRAWS):
                order = np.random.default_rng(derived_seed("latency", name, size, draw)).permutation(len(frame))
                kept, left = order[:size], order[-400:]
                predictions = {
                    "regression": MultivariateRegression(pairs)
                    .fit(frame.iloc[kept], seconds[kept])
                    .predict(frame.iloc[left]),
                    "log regression": np.exp(
                        MultivariateRegression(pairs)
                        .fit(frame.iloc[kept], np.log(seconds[kept]))
                        .predict(frame.iloc[left])
                    ),
                }
                if size == max(ROWS):
                    boosted = HistGradientBoostingRegressor(random_state=0).fit(frame.iloc[kept], seconds[kept])
                    predictions["gradient boosting"] = boosted.predict(frame.iloc[left])
                for kind, predicted in predictions.items():
                    error = float(np.mean(np.abs(predicted - seconds[left]) / seconds[left]))
                    found.setdefault(kind, []).append((tau(predicted, seconds[left]), error))
            for kind, values in found.items():
                mean_tau, mean_error = np.mean(values, axis=0).tolist()
                rows.append({"table": name, "rows": size, "model": kind, "tau": mean_tau, "mape": mean_error})
    return rows


def limits(tables: Path) -> list[dict[str, Any]]:
    rows = []
    for name, (frame, seconds) in latency_tables(tables).items():
        if name not in EQUAL_WORK:
            continue
        pairs, order = list(combinations_with_replacement(list(frame), 2)), np.random.default_rng(0)
        shuffled, predicted = order.permutation(len(frame)), np.empty(len(frame))
        for left in np.array_split(shuffled, 5):
            kept = np.setdiff1d(shuffled, left)
            model = MultivariateRegression(pairs).fit(frame.iloc[kept], np.log(seconds[kept]))
            predicted[left] = model.predict(frame.iloc[left])
        residuals = np.log(seconds) - predicted
        varying = frame.loc[:, frame.nunique() > 1]
        standard = ((varying - varying.mean()) / varying.std()).to_numpy() + order.normal(0, 1e-6, varying.shape)
        nearest = cKDTree(standard).query(standard, k=2)[1][:, 1]
        beside = [np.r_[residuals[max(0, row - NEAR) : row], residuals[row + 1 :][:NEAR]] for row in range(len(frame))]
        equal = EQUAL_WORK[name](tables)
        groups = pd.Series(np.log(seconds)).groupby(equal) if equal is not None else None
        noise = residuals.std()
        if groups is not None:
            sizes = groups.size()
            squares = groups.var(ddof=0)[sizes > 1] @ sizes[sizes > 1]
            noise = float(np.sqrt(squares / (sizes[sizes > 1] - 1).sum()))
        rows.append(
            {
                "table": name,
                "tau": tau(predicted, seconds),
                "residual_std": float(residuals.std()),
                "consecutive": float(np.corrcoef(residuals[1:], residuals[:-1])[0, 1]),
                "neighbours": float(np.corrcoef(residuals, residuals[nearest])[0, 1]),
                "tau_without_drift": tau(predicted + [float(np.median(each)) for each in beside], seconds),
                "equal_work_groups": None if groups is None else int((groups.size() > 1).sum()),
                "equal_work_std": None if groups is None else noise,
                "tau_of_the_truth": tau(predicted, predicted + order.normal(0, noise, len(frame))),
            }
        )
    return rows


def _order_of_layers(tables: Path) -> list[str]:
    """Key of rows of HW-GPT that differ only in the order of their layers."""
    text = gzip.decompress((tables / "hwgpt_s_10000.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    return [str([row["embed"], row["bias"], sorted(row["heads"]), sorted(row["mlp"])]) for row in rows]


EQUAL_WORK: dict[str, Callable[[Path], list[str] | None]] = {
    "HAT, Xeon": lambda _tables: None,
    "HW-GPT-S, CPU": _order_of_layers,
}
"""Tables with noise that limits tau, and the keys of rows with the same work; None if no two rows have it."""


def mabn() -> dict[int, float]:
    """Tau of MABN by number of labels, as stored."""
    stored = json.loads((RESULTS / "parzc.json").read_text())["embedded"]["rows"]
    return {row["labels"]: row["tau"] for row in stored if row["predictor"] == "MABN"}


def markdown(results: dict[str, Any], stored: dict[int, float]) -> str:
    lines = ["# The readable regression", "", f"Command: `{results['command']}`.", "", "## Labels", ""]
    lines += ["Kendall's tau with the sealed labels, mean over blocks; ± half the 95 % interval over draws.", ""]
    rows = results["labels"]["rows"]
    sizes = sorted({row["labels"] for row in rows})
    lines += ["| predictor | " + " | ".join(map(str, sizes)) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name in dict.fromkeys(row["predictor"] for row in rows):
        cells = {row["labels"]: row for row in rows if row["predictor"] == name}
        lines.append(f"| {name} | " + " | ".join(_cell(cells[size]) for size in sizes) + " |")
    lines.append(
        "| MABN, stored | " + " | ".join(f"{stored[size]:.3f}" if size in stored else "" for size in sizes) + " |"
    )
    lines += ["", *(f"- {name}, no labels: {value:.3f}" for name, value in results["labels"]["counts"].items()), ""]
    if "latency" in results:
        lines += ["## Latency in tables of others", "", "| table | rows | model | tau | mean relative error |"]
        lines += ["|---|---|---|---|---|"]
        for row in results["latency"]:
            lines.append(
                f"| {row['table']} | {row['rows']} | {row['model']} | {row['tau']:.3f} | {100 * row['mape']:.1f} % |"
            )
        lines += ["", "## What limits them", ""]
        lines += [
            f"- {row['table']}: "
            + ", ".join(
                f"{key.replace('_', ' ')} {value:.3g}" for key, value in row.items() if key != "table" and value
            )
            for row in results["limits"]
        ]
        lines.append("")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    return f"{row['tau']:.3f}" + ("" if row["half_width"] is None else f" ± {row['half_width']:.3f}")


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=Path, metavar="DIR", help="folder with third-party tables")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results")
    given = options.parse_args(arguments)
    results: dict[str, Any] = {
        "command": "python benchmarks/quality/regression.py" + (" --tables DIR" if given.tables else ""),
        "machine": platform.platform(),
        "labels": labels(),
    }
    if given.tables:
        results["latency"] = latency(given.tables)
        results["limits"] = limits(given.tables)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "regression.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    text = markdown(results, mabn())
    (given.out / "regression.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
