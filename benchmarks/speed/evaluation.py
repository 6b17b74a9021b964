"""Speed of evaluating candidates, and its growth with size; prints Markdown.

    python benchmarks/speed/evaluation.py > benchmarks/speed/results/evaluation.md

It takes about two minutes when the statistics of the embedded table are cached, one more when they are not. All times
are processor time of one thread, so that other load on the machine has little effect; ratios are of times measured in
the same process. Tables of 100 to 10,000 architectures are synthetic: node layouts and leaf values are those
of networks of the embedded table, drawn with replacement, each value multiplied by exp of a normal number.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import deap
import networkx as nx
import numpy as np
import scipy
from deap_loop import DeapLoop

from autoprox.base.errors import KindError, UndefinedScoreError
from autoprox.base.threads import single_threaded
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve.bank import Bank
from autoprox.evolve.breeding import MAX_HEIGHT
from autoprox.evolve.engine import Engine
from autoprox.evolve.evolution_journal import EvolutionJournal
from autoprox.evolve.fitness import Fitness, Status
from autoprox.evolve.grammar import Grammar, proxy_grammar
from autoprox.evolve.leaves import first_bank
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.variation import generate
from autoprox.graph import (
    Evaluator,
    Expression,
    LeafTable,
    Leaves,
    Proxy,
    collect_leaves,
    merge,
    rank_fingerprints,
    simplify,
)
from autoprox.metrics import kendall_tau_b
from autoprox.statistics import StatisticsCache

BATCH = 64
SEARCHED = 8_000
COMPARED, REPETITIONS, BUILT, NETWORKS_BUILT = 64, 20, 4, 8
TREES = (100, 1_000, 10_000)
LARGE, DATA_SETS, LARGE_GRAPHS = 10_000, 3, 256
LIMIT_GB = 8


@dataclass
class Data:
    """The fit split of the embedded table with the values of the first bank."""

    judge: Judge
    bank: list[Expression]
    leaves: list[Leaves]
    grammar: Grammar


def load() -> Data:
    table = Table.read()
    judge = Judge(Problem(table, tuple(table.blocks())), Split.FIT)
    bank = list(first_bank())
    leaves = collect_leaves(judge.networks, bank, StatisticsCache(), jobs=2)
    finite = [each for each in bank if all(np.isfinite(one.values[each.digest]).all() for one in leaves)]
    return Data(judge, finite, leaves, proxy_grammar(finite))


def graphs(
    data: Data, number: int, seed: int, wanted: Callable[[Expression], bool] = lambda _: True
) -> list[Expression]:
    """Distinct valid candidates, drawn like the first ones of a search."""
    rng, fitness = np.random.default_rng(seed), Fitness(data.judge, LeafTable(data.leaves))
    found: dict[str, Expression] = {}
    while len(found) < number:
        height = int(rng.integers(1, MAX_HEIGHT + 1))
        try:
            graph = data.grammar.expression(generate(data.grammar, data.grammar.pset.ret, height, rng))
        except KindError:
            continue
        if wanted(graph) and fitness.evaluate([graph])[0].evaluation.status is Status.VALID:
            found[graph.digest] = graph
    return list(found.values())


def synthetic(data: Data, architectures: int, expressions: Sequence[Expression], seed: int) -> list[Leaves]:
    """Leaf values of a number of architectures."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(data.leaves), size=architectures)

    def noisy(values: np.ndarray) -> np.ndarray:
        return values * np.exp(0.3 * rng.standard_normal(values.shape))

    return [
        Leaves(
            data.leaves[index].roles,
            {each.digest: noisy(data.leaves[index].values[each.digest]) for each in expressions},
        )
        for index in drawn
    ]


def leaves_of(candidates: Sequence[Expression]) -> list[Expression]:
    return list(dict.fromkeys(leaf for each in candidates for leaf in each.node_leaves))


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def by_batches(table: LeafTable, candidates: Sequence[Expression], labels: Sequence[np.ndarray]) -> tuple[float, float]:
    """Seconds per candidate for scores and for rank correlations, in batches as in a search."""
    evaluator = Evaluator(table)
    scoring = ranking = 0.0
    for start in range(0, len(candidates), BATCH):
        batch = candidates[start : start + BATCH]
        before = time.process_time()
        scores = evaluator.scores(batch)
        between = time.process_time()
        for label in labels:
            kendall_tau_b(scores[:, -len(label) :], label)
        scoring += between - before
        ranking += time.process_time() - between
    return scoring / len(candidates), ranking / len(candidates)


class FilledBank(Bank):
    """A bank that does not grow, since the search is measured and not the collection of statistics."""

    def grow(self, *_: object) -> list[Expression]:
        """Returns no new leaves."""
        return []


def search(data: Data) -> None:
    at_hand = dict(zip(data.judge.networks, data.leaves, strict=True))
    bank = FilledBank(lambda networks, _: [at_hand[each] for each in networks], data.judge, data.judge)
    with tempfile.TemporaryDirectory() as folder, EvolutionJournal(Path(folder) / "journal.sqlite", {}) as journal:
        engine = Engine(EvolutionPlan(), data.judge, bank, journal, [], lambda *_: None)
        taken = seconds(lambda: engine.run(Stop(SEARCHED)))
    blocks = ", ".join(str(len(each.arch_ids)) for each in data.judge.blocks)
    print("## The search on the embedded table\n")
    print(f"Blocks of {blocks} architectures, {len(data.bank)} leaves available; the time holds drawing and mutating,")
    print("evaluation, and the journal:")
    print(f"**{SEARCHED / taken:,.0f} distinct valid candidates a second and core** ({SEARCHED:,} in {taken:.2f} s).\n")


def against_others(data: Data) -> None:
    candidates = graphs(data, COMPARED, 1, lambda graph: "only_" not in str(graph))
    bank = leaves_of(candidates)
    loop = DeapLoop(bank, [[one.values[leaf.digest] for leaf in bank] for one in data.leaves])
    columns = data.judge.by_block(np.arange(len(data.leaves))[None].astype(float))
    columns = [each[0].astype(int) for each in columns]
    labels = [block.goodness for block in data.judge.blocks]
    trees = [loop.tree(each) for each in candidates]
    found: list[list[float]] = []
    table = LeafTable(data.leaves)
    # A new judge of candidates each time, without cached evaluations.
    fresh = [Fitness(data.judge, table) for _ in range(REPETITIONS)]
    ours = seconds(lambda: [each.evaluate(candidates) for each in fresh]) / (COMPARED * REPETITIONS)
    deap_way = seconds(lambda: found.extend(loop.taus(tree, columns, labels) for tree in trees)) / COMPARED
    own = data.judge.taus(Evaluator(LeafTable(data.leaves)).scores(candidates))
    agree = np.isclose(own, found, atol=1e-9).mean()

    networks = data.judge.networks[:: max(1, len(data.judge.networks) // NETWORKS_BUILT)][:NETWORKS_BUILT]

    def build_and_run() -> None:
        for graph in candidates[:BUILT]:
            for network in networks:
                try:
                    Proxy("candidate", graph).score(network.build(), network.task.images, network.task.labels)
                except UndefinedScoreError:
                    continue

    a_network = seconds(build_and_run) / (BUILT * len(networks))
    building = a_network * len(data.leaves)
    print("## Against other ways to evaluate the same candidates\n")
    print(f"{COMPARED} random candidates without role selectors, the {len(data.leaves)} networks of the fit split.\n")
    print("| way | ms a candidate | times slower |")
    print("|---|---|---|")
    print(f"| autoprox, {COMPARED} candidates together | {1e3 * ours:.3f} | 1 |")
    print(
        f"| DEAP's `gp.compile`, a Python loop over architectures, SciPy's `kendalltau`, the same leaf values "
        f"| {1e3 * deap_way:.1f} | {deap_way / ours:,.0f} |"
    )
    print(
        f"| building each network and running the candidate on it, as the published engines do | {1e3 * building:,.0f} "
        f"| {building / ours:,.0f} |\n"
    )
    print(f"The taus of DEAP's way equal ours in {agree:.1%} of the comparisons (to 1e-9; the rest are ties up to the")
    print(
        f"rounding of sums). The last way was run on {BUILT} candidates x {len(networks)} networks and scaled to all.\n"
    )


def growth(data: Data) -> None:
    rng = np.random.default_rng(2)
    candidates = graphs(data, 192, 3)
    print("## Growth\n")
    print("Microseconds a candidate: scores, and rank correlation with blocks of all architectures.\n")
    print("| architectures | blocks | scores | correlations | candidates a second |")
    print("|---|---|---|---|---|")
    for number, blocks in [*((number, 1) for number in TREES), (1_000, 3), (1_000, 12)]:
        chosen = candidates if number < TREES[-1] else candidates[:BATCH]
        table = LeafTable(synthetic(data, number, leaves_of(chosen), 4))
        labels = [rng.normal(size=number).round(2) for _ in range(blocks)]
        scoring, ranking = by_batches(table, chosen, labels)
        rate = 1 / (scoring + ranking)
        print(f"| {number:,} | {blocks} | {1e6 * scoring:,.0f} | {1e6 * ranking:,.0f} | {rate:,.0f} |", flush=True)
    print("\n| size of the graph | scores, 1,000 architectures |")
    print("|---|---|")
    for low, high in ((3, 4), (5, 8), (9, 16), (17, 32)):
        chosen = graphs(data, 48, low, lambda graph, low=low, high=high: low <= above_leaves(graph) <= high)
        table = LeafTable(synthetic(data, 1_000, leaves_of(chosen), 5))
        scoring, _ = by_batches(table, chosen, [])
        print(f"| {low} to {high} | {1e6 * scoring:,.0f} |", flush=True)
    print()


def above_leaves(graph: Expression) -> int:
    """Number of leaves and of NODE and SCALAR operations."""
    return 1 if not graph.arguments or graph in graph.node_leaves else 1 + sum(map(above_leaves, graph.arguments))


def overheads(data: Data) -> None:
    """Alternatives to evaluating a population node by node."""
    candidates = graphs(data, 256, 6)
    table = LeafTable(data.leaves)
    scores = Evaluator(table).scores(candidates)
    ways = {
        "scores, memoised graph by graph": lambda: Evaluator(table).scores(candidates),
        "merging into one networkx graph and its topological order alone": lambda: list(
            nx.topological_sort(merge(candidates))
        ),
        "`simplify`": lambda: [simplify(each) for each in candidates],
        "`rank_fingerprints`": lambda: rank_fingerprints(data.judge.by_block(scores)),
        "rank correlations": lambda: data.judge.taus(scores),
    }
    print("## What a candidate costs beside its drawing\n")
    print(f"{len(candidates)} random candidates on the fit split of the embedded table, microseconds a candidate")
    print("(least of 5).\n")
    print("| what | time |")
    print("|---|---|")
    for name, function in ways.items():
        function()
        taken = min(seconds(function) for _ in range(5))
        print(f"| {name} | {1e6 * taken / len(candidates):.0f} |", flush=True)
    print()


def large() -> None:
    """Runs in a separate process, so that its peak memory covers only the table and evaluations on it."""
    data = load()
    candidates = graphs(data, LARGE_GRAPHS, 7)
    table = LeafTable(synthetic(data, LARGE * DATA_SETS, data.bank, 8))
    rng = np.random.default_rng(9)
    labels = [rng.normal(size=LARGE).round(2) for _ in range(DATA_SETS)]
    scoring, ranking = by_batches(table, candidates, labels)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print("## A table of 10,000 architectures x 3 data sets\n")
    print(
        f"The whole bank of {len(data.bank)} leaves for {LARGE * DATA_SETS:,} networks: {1e3 * scoring:.1f} ms for the"
    )
    print(
        f"scores and {1e3 * ranking:.1f} ms for the {DATA_SETS} correlations of a candidate; peak memory {peak:.1f} GiB"
    )
    print(f"(limit: {LIMIT_GB}).\n")


def import_time() -> None:
    def run(program: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare, ours = ([run(program) for _ in range(9)] for program in ("pass", "import autoprox"))
    check = "import sys, autoprox; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
    print("## Import\n")
    print(f"`import autoprox`: {min(ours) - min(bare):.2f} s beyond an empty program (least of 9), without torch.\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--large", action="store_true", help="only the large table (the whole run starts this itself)")
    if options.parse_args().large:
        with single_threaded():
            large()
        return
    started = time.perf_counter()
    print("# Evaluating candidates\n")
    print("`python benchmarks/speed/evaluation.py`, processor time of one thread.")
    versions = f"NumPy {np.__version__}, SciPy {scipy.__version__}, DEAP {deap.__version__}"
    print(f"Python {platform.python_version()}, {versions}.\n")
    data = load()
    with single_threaded():
        search(data)
        against_others(data)
        overheads(data)
        growth(data)
    sys.stdout.flush()
    subprocess.run([sys.executable, __file__, "--large"], check=True)
    import_time()
    processor = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"The whole benchmark took {time.perf_counter() - started:.0f} s, {processor:.0f} s of processor time.")


if __name__ == "__main__":
    main()
