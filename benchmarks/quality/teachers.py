"""Correlations of proxies with a teacher on distilled students, compared with size.

    python benchmarks/quality/teachers.py            # all kd blocks of the embedded table
    python benchmarks/quality/teachers.py --quick    # tests everything on few networks

- TVT's teacher-aware term (last stage, all stages), its student's term and their sum; DisWOT's relation and semantic
  similarity and their sum; each the mean over initialisations. The weight of TVT's student's term is chosen on fit and
  select among 0.5, 1 and 2.
- Rivals: counts, and four proxies of the zoo that need no teacher.
- Controls: the teacher before its training, the teacher on the same images in another order, and, if the channels
  match, the teacher of another data set.
- For each: Kendall's tau with the labels of the kind kd, on the architectures of fit and select and on the sealed ones;
  among architectures of one size; and on all of them the partial tau given the number of parameters, with a 95 %
  bootstrap interval over architectures, and its lead over the untrained teacher. Only the weight is fitted, so all
  architectures may be used.
- The premise of both papers: tau between labels from scratch and with a teacher, and the effect of a teacher.

Scores are cached network by network, so that an interrupted run resumes. One counted scoring of sealed. Results:
results/teachers.json, the same as Markdown in results/teachers.md, and results/tvt.md and results/diswot.md, which are
parts of the documentation.
"""

import argparse
import json
import platform
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from teachers_markdown import PAGES, markdown, verdict
from torch import Tensor, nn

import autoprox
from autoprox.base.digest import derived_seed
from autoprox.base.progress import with_progress
from autoprox.bench.block import Block
from autoprox.bench.problem import statistics_of
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.datasets import dataset
from autoprox.metrics import bootstrap_taus, interval95, kendall_tau_b, partial_tau, resample_counts
from autoprox.networks import Fresh, Network, Teacher
from autoprox.scorers import Scorer, score_networks
from autoprox.training import named_teacher

RESULTS = Path(__file__).parent / "results"
PAIRED = ("tvt-teacher", "tvt-stages", "diswot-relation", "diswot-semantic")
COUNTS = ("params", "macs", "depth", "mean_width")
ZOO = ("snip", "synflow", "zen", "autoprox-release")
WEIGHTS = (0.5, 1.0, 2.0)
INIT_SEEDS, RESAMPLES = 5, 500
OTHER = {"digits": "mnist5k", "mnist5k": "digits"}
"""Pairs of data sets with the same number of channels."""


class Reordered(nn.Module):
    """A teacher with the images of a batch in another order."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """Maps images to the logits of other images of the batch."""
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        found: Tensor = self.inner(images[order])
        return found


def teachers_of(name: str) -> dict[str, Teacher]:
    data = dataset(name)
    trained = named_teacher("resnet", data)
    found = {
        "": trained,
        "untrained": named_teacher("resnet-untrained", data),
        "other order": Teacher.of(Reordered(trained.model), "other order"),
    }
    if name in OTHER:
        found["other data set"] = named_teacher("resnet", dataset(OTHER[name]))
    return found


def scores_of(block: Block, table: Table, arch_ids: list[str], seeds: int) -> dict[str, np.ndarray]:
    """Scores of architectures, `(A,)` by name, and the spread of each over initialisations by `name, spread`."""
    space, task = table.spaces[block.space], table.task(block.dataset, block.space)
    archs = [table.archs[arch_id] for arch_id in arch_ids]
    scorers: list[Scorer] = [autoprox.load("tvt-student")]
    for control, teacher in teachers_of(block.dataset).items():
        names = {name: f"{name}, {control}" if control else name for name in PAIRED}
        scorers += [autoprox.load(name).taught_by(teacher).renamed(full) for name, full in names.items()]
    cache = statistics_of(table)
    drawn = [Network(space, arch, task, Fresh(seed)) for arch in archs for seed in range(seeds)]
    progress = partial(with_progress, unit="network")
    values = score_networks(scorers, drawn, cache, progress=progress).values.reshape(len(scorers), len(archs), seeds)
    shown = [each.name for each in scorers]
    found = dict(zip(shown, values.mean(axis=2), strict=True))
    spread = {
        name: float(np.mean(each.std(axis=1) / each.mean(axis=1).std()))
        for name, each in zip(shown, values, strict=True)
    }
    others = [autoprox.load(name) for name in (*COUNTS, *ZOO)]
    networks = [Network(space, arch, task) for arch in archs]
    rows = score_networks(others, networks, cache).required()
    found |= dict(zip((*COUNTS, *ZOO), rows, strict=True))
    return found | {f"spread of {name}": np.array(value) for name, value in spread.items()}


def z(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def tau(scores: np.ndarray, target: np.ndarray) -> float | None:
    value = float(kendall_tau_b(scores[None], target)[0])
    return value if np.isfinite(value) else None


def judged(block: Block, scratch: Block, table: Table, seeds: int, most: int | None) -> dict[str, Any]:
    splits = table.splits()
    kept = [place for place, _ in enumerate(block.arch_ids)][:most]
    arch_ids = [block.arch_ids[place] for place in kept]
    goodness = np.asarray(block.goodness)[kept]
    own = dict(zip(scratch.arch_ids, scratch.goodness.tolist(), strict=True))
    plain = np.array([own[arch_id] for arch_id in arch_ids])
    sealed = np.array([splits[arch_id] is Split.SEALED for arch_id in arch_ids])
    one_size = np.array([block.strata[place] for place in kept]) == "iso"
    found = scores_of(block, table, arch_ids, seeds)
    spread = {
        name.removeprefix("spread of "): float(found.pop(name)) for name in list(found) if name.startswith("spread")
    }
    sums = {f"tvt, weight {w}": z(found["tvt-teacher"]) + w * z(found["tvt-student"]) for w in WEIGHTS}
    chosen = max(sums, key=lambda name: tau(sums[name][~sealed], goodness[~sealed]) or -1)
    found["tvt"] = sums[chosen]
    for control in ("", ", untrained", ", other order", ", other data set"):
        names = [f"{name}{control}" for name in ("diswot-relation", "diswot-semantic")]
        if names[0] in found:
            found[f"diswot{control}"] = z(found[names[0]]) + z(found[names[1]])
    size = found["params"]
    counts = resample_counts(len(goodness), RESAMPLES, np.random.default_rng(derived_seed("teachers", block.name)))
    matrix = np.array(list(found.values()))
    drawn = [bootstrap_taus(matrix, goodness, counts), bootstrap_taus(matrix, size, counts)]
    between = bootstrap_taus(size[None], goodness, counts)
    rows: dict[str, dict[str, Any]] = {}
    partials = {}
    for name, scores, own, sizes in zip(found, matrix, *drawn, strict=True):
        partial = float(partial_tau(tau(scores, goodness), tau(scores, size), tau(size, goodness)))
        partials[name] = partial, partial_tau(own, sizes, between[0])
        rows[name] = {
            "fit and select": tau(scores[~sealed], goodness[~sealed]),
            "sealed": tau(scores[sealed], goodness[sealed]),
            "one size": tau(scores[one_size], goodness[one_size]) if one_size.sum() > 2 else None,
            "partial": partial if np.isfinite(partial) else None,
            "partial95": _interval(partials[name][1]),
            "spread": spread.get(name),
        }
    for name in (*PAIRED, "diswot"):
        (ours, draws), (theirs, others) = partials[name], partials[f"{name}, untrained"]
        rows[name] |= {"gain": ours - theirs, "gain95": _interval(draws - others)}
    return {
        "architectures": len(goodness),
        "weight": float(chosen.rpartition(" ")[2]),
        "tau_scratch_kd": tau(plain, goodness),
        "kd_minus_scratch": float((goodness - plain).mean()),
        "rows": rows,
    }


def _interval(draws: np.ndarray) -> list[float] | None:
    known = draws[np.isfinite(draws)]
    return interval95(known).tolist() if len(known) else None


def write(results: dict[str, Any], out: Path) -> None:
    """Writes the results, all of them as Markdown, and the part of each page of the documentation."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "teachers.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    (out / "teachers.md").write_text(markdown(results))
    for page in PAGES:
        (out / f"{page}.md").write_text(verdict(results, page))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the results")
    options.add_argument("--init-seeds", type=int, default=INIT_SEEDS, metavar="K", help="initialisations (default: 5)")
    options.add_argument("--quick", action="store_true", help="20 networks per block, writes nothing")
    options.add_argument("--summary", action="store_true", help="score nothing, write stored results as Markdown")
    given = options.parse_args()
    if given.summary:
        write(json.loads((given.out / "teachers.json").read_text()), given.out)
        return
    seeds, most = (1, 20) if given.quick else (given.init_seeds, None)
    table = Table.read()
    scratch = {(block.space, block.dataset): block for block in table.blocks(label_kind="scratch")}
    results: dict[str, Any] = {
        "command": "python benchmarks/quality/teachers.py" + ("" if seeds == INIT_SEEDS else f" --init-seeds {seeds}"),
        "machine": platform.platform(),
        "init_seeds": seeds,
        "looks_at_sealed": None if given.quick else count_sealed(table.digest),
        "blocks": {
            f"{block.space}/{block.dataset}": judged(block, scratch[block.space, block.dataset], table, seeds, most)
            for block in table.blocks(label_kind="kd")
        },
    }
    if not given.quick:
        write(results, given.out)
    print(markdown(results))


if __name__ == "__main__":
    main()
