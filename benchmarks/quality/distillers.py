"""Effect of each distiller on students with the short trainings of the embedded table.

    python benchmarks/quality/distillers.py --datasets digits --archs 8

The same architectures are trained from scratch and by each distiller, with the recipe of the table; accuracy in
points above training from scratch, mean over architectures, with the 95 % t interval of the mean.

Results: results/distillers.json.
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from autoprox.base.progress import with_progress
from autoprox.bench.labels import LABEL_KINDS
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.spaces import load_space
from autoprox.training import DISTILLERS, Recipe, Training
from autoprox.training.train import train

RESULTS = Path(__file__).parent / "results"
KINDS = ("scratch", "kd", *(f"kd-{name}" for name in DISTILLERS))


def row(space: str, dataset: str, archs: int, recipe: Recipe) -> dict[str, Any]:
    owner, rng = load_space(space), np.random.default_rng(0)
    drawn = [owner.sample(rng) for _ in range(archs)]
    pairs = [(kind, arch) for kind in KINDS for arch in drawn]
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, arch in with_progress(pairs, len(pairs), "training"):
        result = train(Training(owner, arch, dataset, LABEL_KINDS[kind], 0), recipe)
        found[kind].append(result.values[DEFAULT_METRIC])
    plain = np.array(found["scratch"])
    gains = {}
    for kind in KINDS[1:]:
        gain = np.array(found[kind]) - plain
        half = float(stats.t.ppf(0.975, archs - 1) * stats.sem(gain))
        gains[kind] = {"points": float(gain.mean()), "half_width": half}
    return {"space": space, "dataset": dataset, "scratch": float(plain.mean()), "gains": gains}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--spaces", nargs="+", default=["pit-micro", "autoformer-micro"], metavar="S")
    options.add_argument("--datasets", nargs="+", default=["digits", "mnist5k", "patches"], metavar="D")
    options.add_argument("--archs", type=int, default=20, metavar="N")
    options.add_argument("--epochs", type=int, default=Recipe().epochs, metavar="N")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results")
    given = options.parse_args()
    recipe = Recipe(epochs=given.epochs)
    rows = [row(space, data, given.archs, recipe) for space in given.spaces for data in given.datasets]
    results = {"machine": platform.platform(), "archs": given.archs, "epochs": given.epochs, "rows": rows}
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "distillers.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    for each in rows:
        cells = [f"{kind} {gain['points']:+.1f} ± {gain['half_width']:.1f}" for kind, gain in each["gains"].items()]
        print(f"{each['space']}/{each['dataset']}: scratch {each['scratch']:.1f} %; " + ", ".join(cells))


if __name__ == "__main__":
    main()
