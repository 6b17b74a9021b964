"""Correlations of proxies on compressed networks, and accuracy of allocations by them.

    python benchmarks/quality/compress.py             # both tables, 20 minutes on two cores
    python benchmarks/quality/compress.py --parts ranking end --bench mqbench101 --budget 500

ranking: every proxy on the sealed part of mqbench101 and lrbench101, Spearman and Kendall's tau over all vectors, the
better half and the best fifth by their labels, and vectors of one size (iso). Intervals are from a bootstrap over
vectors, with the same draws for all proxies, so that differences are paired. `discovered` is evolved on fit and chosen
on select of one family, and judged on both; `random search` is the same with random candidates.

end: accuracy of exact allocations by each additive proxy, against uniform bits at the same bytes and uniform ranks at
the same multiply-accumulates; then, for uniform allocations and the proxy with the highest Spearman on fit and select,
after the same short training, three seeds.

Results: results/compress.json, and the same as Markdown in results/compress.md. A repeated part replaces its earlier
results, and keeps the others. Searches are stored under --work: interrupted ones are resumed, finished ones are reused.
"""

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from compress_markdown import markdown
from scipy.stats import rankdata

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed, digest
from autoprox.base.files import write_json
from autoprox.bench import Judge, Problem, Split, Table, statistics_of
from autoprox.bench.labels import TUNED
from autoprox.bench.sealed import count_sealed
from autoprox.compress import ALLOCATION_PROXIES, CompressedSpace, pareto_allocations
from autoprox.datasets import dataset
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.evolve.engine import SEARCH_VERSION
from autoprox.graph import Proxy
from autoprox.metrics import interval95, kendall_tau_b, spearman
from autoprox.scorers import Scorer, score_networks
from autoprox.spaces import Arch, load_space
from autoprox.spaces.costs import COSTS
from autoprox.spaces.trained_spaces import EMBEDDED_SPACES
from autoprox.training import Recipe, Training
from autoprox.training.loop import measure
from autoprox.training.train import train

RESULTS = Path(__file__).parent / "results"
TABLES = {"mqbench101": "mq", "lrbench101": "lr"}
FAMILIES = ("autoformer", "pit")
RIVALS = {
    "mqbench101": ("params_bits", "fisher_bits", "hawq_v2", "output_kl"),
    "lrbench101": ("params", "singular_energy", "hawq_v2", "output_kl"),
}
"""Rivals of a discovered proxy."""
BUDGETS = {"mq": ("weight_bytes", "bits", (3, 4)), "lr": ("macs", "ranks", (0.375, 0.5))}
"""For each kind the cost, the gene, and the uniform choices that define the budget."""
RANDOM = EvolutionPlan(seed=0, strategy="random")
RESAMPLES = 1000
SEEDS = 3


@dataclass(frozen=True)
class Part:
    """Some vectors of a block.

    Args:
        name: Name of the part.
        rows: Mask of its vectors, from labels and strata.
    """

    name: str
    rows: Callable[[Floats, Sequence[str]], Any]


PARTS = (
    Part("all", lambda labels, _: np.ones(len(labels), dtype=bool)),
    Part("top half", lambda labels, _: labels >= np.quantile(labels, 0.5)),
    Part("top fifth", lambda labels, _: labels >= np.quantile(labels, 0.8)),
    Part("iso", lambda _, strata: np.array([each == "iso" for each in strata])),
)


def main() -> None:
    """Makes the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--parts", nargs="+", choices=["ranking", "end"], default=["ranking", "end"])
    parser.add_argument("--budget", type=int, default=2000, help="candidates of a discovery; 0 skips discoveries")
    parser.add_argument("--work", type=Path, default=Path("runs/compress"), help="folder of the journals of searches")
    options = parser.parse_args()
    target = RESULTS / "compress.json"
    for name in options.bench:
        found = known(target).get(name, {})
        if "ranking" in options.parts:
            found["ranking"] = ranking(name, options.budget, options.work)
        if "end" in options.parts:
            found["end"] = end_to_end(name, found.get("ranking", {}))
        results = known(target) | {name: found}
        results["machine"] = {"python": platform.python_version(), "processor": platform.machine()}
        write_json(results, target)
        (RESULTS / "compress.md").write_text(markdown(results))


def known(target: Path) -> dict[str, Any]:
    """Earlier measurements."""
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    return found


# --- ranking ----------------------------------------------------------------------------------------------------------


def ranking(name: str, budget: int, work: Path) -> dict[str, Any]:
    """Correlations of all proxies with the labels of a table: on fit and select, and once on sealed."""
    table = Table.read(name)
    problem = Problem(table, tuple(table.blocks(label_kind="compressed")))
    cache = statistics_of(table)
    gene = BUDGETS[TABLES[name]][1]
    scorers: list[Scorer] = [each for each in ALLOCATION_PROXIES.values() if gene in each.genes]
    found = discovered(problem, budget, work) if budget else {}
    scorers += [each.renamed(called) for called, each in found.items()]
    document: dict[str, Any] = {
        "table": table.digest,
        "budget": budget,
        "formulas": {called: each.formula for called, each in found.items()},
    }
    count_sealed(table.digest)
    for title, splits in (("before", (Split.FIT, Split.SELECT)), ("sealed", (Split.SEALED,))):
        judge = Judge(problem, *splits)
        given = [each for each in scorers if title == "sealed" or each.name in ALLOCATION_PROXIES]
        values = score_networks(given, judge.networks, cache).values
        rows = dict(zip((each.name for each in given), values, strict=True)) | judge.counts
        document[title] = correlations(judge, rows, RIVALS[name] if title == "sealed" else ())
    return document


def discovered(problem: Problem, budget: int, work: Path) -> dict[str, Proxy]:
    """The winners of searches on all blocks and on the blocks of each family, and of random search on all."""
    searches = {"discovered on both": (None, EvolutionPlan(seed=0)), "random search": (None, RANDOM)}
    searches |= {f"discovered on {family}": (family, EvolutionPlan(seed=0)) for family in FAMILIES}
    found = {}
    for title, (family, plan) in searches.items():
        blocks = tuple(each for each in problem.blocks if family is None or family in each.space)
        stamp = digest([problem.table.digest, [each.name for each in blocks], asdict(plan), SEARCH_VERSION, budget])
        stored = work / f"{problem.table.name}-{stamp}.json"
        if not stored.exists():
            work.mkdir(parents=True, exist_ok=True)
            search = Discoverer(replace(problem, blocks=blocks), jobs=1)
            search.search(plan, Stop(budget), stored.with_suffix(".sqlite")).chosen.proxy.save(stored)
        found[title] = Proxy.read(stored)
    return found


def correlations(judge: Judge, rows: dict[str, Floats], rivals: Sequence[str]) -> dict[str, Any]:
    """For each proxy its correlations by block, their means, and its lead over rivals."""
    names = list(rows)
    parts = judge.by_block(np.stack(list(rows.values())))
    blocks = list(zip(judge.blocks, parts, strict=True))
    document: dict[str, Any] = {each: {"blocks": {}, "means": {}} for each in names}
    for part in PARTS:
        for kind, measured in (("spearman", spearman), ("tau", kendall_tau_b)):
            values = []
            for block, scores in blocks:
                chosen = part.rows(block.goodness, block.strata)
                values.append(np.nan_to_num(measured(scores[:, chosen], block.goodness[chosen])))
                for name, value in zip(names, values[-1].tolist(), strict=True):
                    document[name]["blocks"].setdefault(block.space, {})[f"{kind} {part.name}"] = round(value, 4)
            for name, value in zip(names, np.mean(values, axis=0).tolist(), strict=True):
                document[name]["means"][f"{kind} {part.name}"] = round(value, 4)
    sampled = resampled([(block.goodness, scores) for block, scores in blocks])
    for row, name in enumerate(names):
        document[name]["spearman ci95"] = pair(sampled[:, row])
        document[name]["further than"] = {
            rival: [
                round(document[name]["means"]["spearman all"] - document[rival]["means"]["spearman all"], 4),
                *pair(sampled[:, row] - sampled[:, names.index(rival)]),
            ]
            for rival in rivals
            if rival != name and rival in names
        }
    return document


def resampled(blocks: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Mean Spearman over blocks of each proxy in each draw of the bootstrap, `(resamples, P)`."""
    rng = np.random.default_rng(derived_seed("compress benchmark"))
    found = np.zeros((RESAMPLES, len(blocks[0][1])))
    for draw in range(RESAMPLES):
        for labels, scores in blocks:
            chosen = rng.integers(len(labels), size=len(labels))
            ranks = rankdata(scores[:, chosen], axis=1)
            other = rankdata(labels[chosen])
            ranks, other = ranks - ranks.mean(axis=1, keepdims=True), other - other.mean()
            norm = np.sqrt((ranks**2).sum(axis=1) * (other**2).sum())
            found[draw] += np.divide(ranks @ other, norm, out=np.zeros(len(ranks)), where=norm > 0) / len(blocks)
    return found


def pair(values: Floats) -> list[float]:
    """A 95 % interval, rounded."""
    low, high = interval95(values)
    return [round(float(low), 4), round(float(high), 4)]


# --- end to end -------------------------------------------------------------------------------------------------------


def end_to_end(name: str, ranked: dict[str, Any]) -> dict[str, Any]:
    """Accuracy of allocations compared with uniform choices at the same cost."""
    kind = TABLES[name]
    cost_name, gene, uniform = BUDGETS[kind]
    before = {each: held["means"]["spearman all"] for each, held in ranked.get("before", {}).items()}
    fitting = {each: proxy for each, proxy in ALLOCATION_PROXIES.items() if gene in proxy.genes}
    best = max(fitting, key=lambda each: before.get(each, -1.0))
    document: dict[str, Any] = {"cost": cost_name, "best before sealed": best, "spaces": {}}
    for space_name in (each for each in EMBEDDED_SPACES if each.startswith(kind)):
        space = load_space(space_name)
        assert isinstance(space, CompressedSpace)
        data = dataset(space_name.rpartition("-")[2])
        task = Table.read(name).task(data.name, space)
        own: dict[str, Any] = {"trained": measure(space.source, data)["top1_pct"], "budgets": {}}
        for choice in uniform:
            alike = space.arch({gene: [choice] * len(space.groups)})
            most = int(COSTS[cost_name].of(space, alike, task.shape))
            archs: dict[str, Arch] = {"uniform": alike}
            for each, proxy in fitting.items():
                values = proxy.table(space, task.images, task.labels)
                archs[each] = pareto_allocations(space, values, COSTS[cost_name], most)[-1].arch
            accuracies = {each: measure(space.build(arch), data)["top1_pct"] for each, arch in archs.items()}
            tuned = {
                each: [
                    train(Training(space, archs[each], data.name, TUNED, seed), Recipe()).values["top1_pct"]
                    for seed in range(SEEDS)
                ]
                for each in ("uniform", best)
            }
            own["budgets"][str(choice)] = {"allowed": most, "accuracy": accuracies, "tuned": tuned}
        document["spaces"][space_name] = own
    return document


if __name__ == "__main__":
    main()
