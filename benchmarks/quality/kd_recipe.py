"""Gain of distillation: labels of the kind kd against training without a teacher, at equal steps.

    python benchmarks/quality/kd_recipe.py                # all trainings: about 25 minutes of one core
    python benchmarks/quality/kd_recipe.py --minutes 10   # starts no further training after 10 minutes
    python benchmarks/quality/kd_recipe.py --summary      # only results in the journal

Every arm trains the same architectures with the same initialisation and order of images; arms differ in the weights of
distillation only, and the control has none. Gains are in points of accuracy above the control, paired by architecture,
with Student's 95 % interval of the mean.

Each finished training is appended to results/kd_recipe.journal.jsonl and is not repeated. Results:
results/kd_recipe.json, and the same as Markdown in results/kd_recipe.md.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from autoprox.base.progress import with_progress
from autoprox.bench.labels import LabelKind
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.datasets import dataset
from autoprox.spaces import load_space
from autoprox.training import Distilled, LabelMaker, Recipe, Training, by_logits, by_relation
from autoprox.training.recipe import Distillation
from autoprox.training.train import train

RESULTS = Path(__file__).parent / "results"
SPACES = ("autoformer-micro", "pit-micro")
ARMS: dict[str, tuple[LabelMaker, Distillation]] = {
    "none": (Distilled(), Distillation(guidance_weight=0.0)),
    "maps 2.5": (Distilled(), Distillation(guidance_weight=2.5)),
    "maps 0.25": (Distilled(), Distillation(guidance_weight=0.25)),
    "logits": (by_logits, Distillation()),
    "relation": (by_relation, Distillation()),
}
"""Arms: the maker of the label and its settings. `maps` is locality guidance with its weight."""
CONTROL = "none"
PLAN = (
    ("autoformer-micro", "digits", 10, 8),
    ("autoformer-micro", "digits", 20, 4),
    ("autoformer-micro", "digits", 40, 4),
    ("autoformer-micro", "patches", 10, 6),
    ("pit-micro", "digits", 10, 6),
    ("pit-micro", "patches", 10, 6),
    ("pit-micro", "digits", 20, 4),
)
"""Spaces, data sets, passes over the training images, and number of architectures, in the order of work."""


def trainings() -> Iterator[dict[str, Any]]:
    """All trainings in their order; an interrupted series has whole architectures, except for the last one."""
    for space, data, epochs, archs in PLAN:
        for place in range(archs):
            for arm in ARMS:
                yield {"epochs": epochs, "dataset": data, "space": space, "arch": place, "arm": arm}


def accuracy(space: str, data: str, epochs: int, arch: int, arm: str) -> float:
    """Accuracy in percent of the architecture with the number `arch`; two training seeds take turns."""
    owner = load_space(space)
    drawn = owner.sample(np.random.default_rng([arch, SPACES.index(space)]))
    maker, distillation = ARMS[arm]
    # Seeds depend on the name of the kind, which all arms share.
    kind = LabelKind("kd", arm, trained=True, maker=maker)
    result = train(Training(owner, drawn, data, kind, arch % 2), Recipe(epochs=epochs, distillation=distillation))
    if result.failure:
        raise SystemExit(f"A training failed: {result.failure}")
    return result.values[DEFAULT_METRIC]


def summary(found: dict[str, float]) -> list[dict[str, Any]]:
    """Gain of each arm for each block and length; the accuracy itself for the control."""
    rows = []
    for space, data, epochs, most in PLAN:
        known = [{arm: found.get(_key(epochs, data, space, place, arm)) for arm in ARMS} for place in range(most)]
        whole = [each for each in known if None not in each.values()]
        steps = epochs * -(-len(dataset(data).train_labels) // Recipe.batch_size)
        for arm in ARMS if len(whole) > 1 else ():
            gains = [each[arm] - (0 if arm == CONTROL else each[CONTROL]) for each in whole]
            half = stats.t.ppf(0.975, len(gains) - 1) * stats.sem(gains)
            row = {"block": f"{space}/{data}", "epochs": epochs, "steps": steps, "arm": arm, "archs": len(gains)}
            rows.append({**row, "points": float(np.mean(gains)), "half_width": float(half)})
    return rows


def _key(epochs: int, dataset: str, space: str, arch: int, arm: str) -> str:
    return json.dumps([space, dataset, epochs, arch, arm])


def markdown(results: dict[str, Any]) -> str:
    lines = ["# Gain of distillation over training without a teacher, points of accuracy", ""]
    lines += [f"Command: `{results['command']}`. For the control, `{CONTROL}`, the accuracy itself.", ""]
    lines += ["| block | epochs | steps | architectures | " + " | ".join(ARMS) + " |", "|---" * (4 + len(ARMS)) + "|"]
    for place in dict.fromkeys((row["block"], row["epochs"]) for row in results["rows"]):
        rows = [row for row in results["rows"] if (row["block"], row["epochs"]) == place]
        head = [*map(str, place), str(rows[0]["steps"]), str(rows[0]["archs"])]
        lines.append(f"| {' | '.join([*head, *map(_cell, rows)])} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any]) -> str:
    if row["arm"] == CONTROL:
        return f"{row['points']:.1f}"
    text = f"{row['points']:+.1f} ± {row['half_width']:.1f}"
    return f"**{text}**" if abs(row["points"]) > row["half_width"] else text


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, metavar="M", help="start no further training after M minutes")
    options.add_argument("--summary", action="store_true", help="train nothing")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    journal = given.out / "kd_recipe.journal.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    found: dict[str, float] = {}
    for line in lines:
        entry = json.loads(line)
        found[_key(**entry["training"])] = entry[DEFAULT_METRIC]
    end = time.monotonic() + 60 * given.minutes if given.minutes is not None else np.inf
    missing = [] if given.summary else [each for each in trainings() if _key(**each) not in found]
    with journal.open("a") as stream:
        for each in with_progress(missing, len(missing), "training"):
            if time.monotonic() > end:
                break
            value = accuracy(each["space"], each["dataset"], each["epochs"], each["arch"], each["arm"])
            found[_key(**each)] = value
            stream.write(json.dumps({"training": each, DEFAULT_METRIC: value}) + "\n")
            stream.flush()
    results = {"command": "python benchmarks/quality/kd_recipe.py", "machine": platform.platform()}
    results = {**results, "rows": summary(found)}
    (given.out / "kd_recipe.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    (given.out / "kd_recipe.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
