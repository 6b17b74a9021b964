"""A whole discovery: from a table to a proxy that was chosen on select and scored once on sealed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from autoprox.bench.sealed import count_sealed, sealed_count
from autoprox.bench.splits import Split
from autoprox.digest import derived_seed, digest
from autoprox.errors import TableError
from autoprox.evolve.bank import first_bank, grown
from autoprox.evolve.elitism import Settings
from autoprox.evolve.engine import Engine, Outcome, Stop
from autoprox.evolve.fitness import Fitness
from autoprox.evolve.grammar import proxy_grammar
from autoprox.evolve.individual import Individual
from autoprox.graph import (
    Evaluator,
    Expression,
    Judge,
    LeafTable,
    Leaves,
    Network,
    Problem,
    Proxy,
    Verdict,
    collect_leaves,
    finite_or_none,
)
from autoprox.graph.segments import Floats
from autoprox.statistics import StatisticsCache

PROXY_ROW = "proxy"
"""Name of the discovered proxy among the baselines in `Discovery.verdicts`."""

JITTER = 1e-12
"""Relative change of leaf values under which a ranking has to stand."""

STEADY = 0.999
"""Least joint tau between the ranking before and after the change."""

_GOLDEN_NETWORKS = 2


@dataclass(frozen=True)
class Margin:
    """What the proxy is worth beyond counting, on the sealed split and on the same resampled architectures.

    Args:
        rival: The count with the highest joint correlation on the select split.
        joint: Joint correlation of the proxy minus that of the rival.
        ci95: Its 95 % interval.
    """

    rival: str
    joint: float
    ci95: tuple[float, float]

    def to_document(self) -> dict[str, Any]:
        """The margin as JSON-like data; what is undefined is None."""
        return {
            "rival": self.rival,
            "joint": finite_or_none(self.joint),
            "ci95": [finite_or_none(each) for each in self.ci95],
        }


@dataclass(frozen=True)
class Discovery:
    """What came out.

    Args:
        proxy: The winner, with provenance and results.
        verdicts: For each split, the verdicts of the proxy and of the counts.
        margin: How much further than its rival the proxy's joint correlation is on the sealed split.
        init_agreement: Joint tau of the proxy with itself between two initialisations, on the select split.
        outcome: The run itself.
        sealed_scorings: How often the sealed split of this table has been scored by this user, this time included.
    """

    proxy: Proxy
    verdicts: dict[Split, dict[str, Verdict]]
    margin: Margin
    init_agreement: float
    outcome: Outcome
    sealed_scorings: int


NetworkProgress = Callable[[Iterable[Leaves], int], Iterable[Leaves]]


@dataclass
class Discoverer:
    """Discovers proxies for a problem.

    Args:
        problem: What to discover for.
        cache: Where leaf values live.
        jobs: Processes that collect statistics; the result does not depend on it.
        network_progress: Wraps the networks that statistics are collected of.
        candidate_progress: Called with the number of valid candidates and the best joint correlation on fit.
    """

    problem: Problem
    cache: StatisticsCache
    jobs: int
    network_progress: NetworkProgress
    candidate_progress: Callable[[int, float], None]

    def run(self, seed: int, stop: Stop, settings: Settings) -> Discovery:
        """Runs one discovery.

        Args:
            seed: Same seed, same result, whatever the number of jobs.
            stop: When to end.
            settings: Settings of the search.

        Raises:
            TableError: If no candidate is valid, or a split is too small to be judged.
        """
        problem = self.problem
        # A state folder that cannot be written has to be known before the search, not after it.
        sealed_count(problem.table.digest)
        judges = {split: problem.judge(split) for split in (Split.FIT, Split.SELECT, Split.SEALED)}
        bank = _Bank(self, judges[Split.FIT], judges[Split.SELECT])
        rng = np.random.default_rng(seed)
        engine = Engine(
            Fitness(judges[Split.FIT], bank.fit),
            proxy_grammar(bank.finite(bank.leaves)),
            rng,
            settings,
            lambda parents, number: bank.grow(parents, number, rng),
            self.candidate_progress,
        )
        outcome = engine.run(stop)
        if not outcome.hall:
            raise TableError(
                f"None of the candidates could be ranked on '{problem.table.name}' (rejected: {outcome.rejected});"
                " give a larger budget or a table with more architectures."
            )
        winner = _chosen(outcome.hall, judges, bank)
        graph, sign = winner.graph, winner.evaluation.sign
        sealed_scorings = count_sealed(problem.table.digest)
        scores = {split: self._scores(judge.networks, graph, sign) for split, judge in judges.items()}
        again = self._scores(judges[Split.SELECT].rebuilt(), graph, sign)
        init_agreement = float(judges[Split.SELECT].agreement(scores[Split.SELECT][None], again[None])[0])
        verdicts = {split: _verdicts(judge, scores[split]) for split, judge in judges.items()}
        margin = _margin(judges[Split.SEALED], scores[Split.SEALED], verdicts[Split.SELECT])
        proxy = Proxy(
            name=f"{self.problem.table.name}-seed{seed}",
            graph=graph,
            sign=sign,
            provenance=self._provenance(seed, stop, settings, outcome, bank.leaves),
            results={
                "splits": {split.value: _document(verdicts[split], judges[split]) for split in verdicts},
                "margin": margin.to_document(),
                "init_agreement": finite_or_none(init_agreement),
                "golden": _golden(judges[Split.FIT], scores[Split.FIT]),
            },
        )
        return Discovery(proxy, verdicts, margin, init_agreement, outcome, sealed_scorings)

    def collect(self, networks: Sequence[Network], leaves: Sequence[Expression]) -> list[Leaves]:
        """Leaf values of networks, from the cache or computed."""
        return collect_leaves(networks, leaves, self.cache, jobs=self.jobs, progress=self.network_progress)

    def _scores(self, networks: Sequence[Network], graph: Expression, sign: int) -> Floats:
        leaves = LeafTable(self.collect(networks, graph.node_leaves))
        return np.asarray(sign * Evaluator(leaves).scores([graph])[0])

    def _provenance(
        self, seed: int, stop: Stop, settings: Settings, outcome: Outcome, bank: Sequence[Expression]
    ) -> dict[str, Any]:
        problem = self.problem
        return {
            "table": problem.table.name,
            "table_digest": problem.table.digest,
            "batches": {
                f"{block.space}/{block.dataset}": problem.table.task(block.dataset, block.space).digest
                for block in problem.blocks
            },
            "aggregate": problem.aggregate.value,
            "init_seeds": problem.init_seeds,
            "seed": seed,
            "stop": asdict(stop),
            "ending": outcome.ending.value,
            "settings": asdict(settings),
            "evaluated": outcome.evaluated,
            "rejected": outcome.rejected,
            "bank": {"leaves": len(bank), "digest": digest([each.digest for each in bank])},
        }


class _Bank:
    """Leaf values of the networks of fit and select; both tables grow together.

    Args:
        discoverer: What collects values.
        fit: Judge of the fit split.
        select: Judge of the select split.
    """

    def __init__(self, discoverer: Discoverer, fit: Judge, select: Judge) -> None:
        self._discoverer = discoverer
        self._networks = [*fit.networks, *select.networks]
        self._cut = len(fit.networks)
        self.leaves = list(first_bank())
        values = discoverer.collect(self._networks, self.leaves)
        self.fit, self.select = LeafTable(values[: self._cut]), LeafTable(values[self._cut :])

    def finite(self, leaves: Sequence[Expression]) -> list[Expression]:
        """Those leaves that are finite on every network of fit."""
        return [each for each in leaves if np.isfinite(self.fit.leaf(each.digest)).all()]

    def grow(self, parents: Sequence[Expression], number: int, rng: np.random.Generator) -> list[Expression]:
        """Makes new leaves and collects their values; returns those that can be used."""
        new = grown(self.leaves, parents, number, rng)
        values = self._discoverer.collect(self._networks, new)
        self.fit.extend(values[: self._cut])
        self.select.extend(values[self._cut :])
        self.leaves.extend(new)
        return self.finite(new)


def _chosen(hall: Sequence[Individual], judges: dict[Split, Judge], bank: _Bank) -> Individual:
    """The member of the hall with the highest joint correlation on select; among equals the better one on fit.

    Members whose ranking of fit or select moves when the leaves change in the twelfth digit are passed over: they rank
    by rounding.

    Raises:
        TableError: If no member is left.
    """
    graphs = [each.graph for each in hall]
    signs = np.array([each.evaluation.sign for each in hall], dtype=np.float64)[:, None]
    rng = np.random.default_rng(derived_seed("jitter"))
    steady = np.ones(len(hall), dtype=bool)
    for split, leaves in ((Split.FIT, bank.fit), (Split.SELECT, bank.select)):
        exact, moved = (Evaluator(table).scores(graphs) for table in (leaves, leaves.jittered(JITTER, rng)))
        steady &= judges[split].agreement(exact, moved) > STEADY
    joints = judges[Split.SELECT].joint(judges[Split.SELECT].taus(signs * Evaluator(bank.select).scores(graphs)))
    fit = [index for index in range(len(hall)) if steady[index] and np.isfinite(joints[index])]
    if not fit:
        raise TableError(
            "No member of the hall of fame has a defined ranking of the select split that is more than rounding;"
            " give a larger budget or a table with more architectures."
        )
    return hall[max(fit, key=lambda index: (joints[index], hall[index].joint, -hall[index].graph.size))]


def _margin(sealed: Judge, scores: Floats, select: dict[str, Verdict]) -> Margin:
    # A count that is constant in a block has no joint correlation and is nobody's rival.
    rival = max(sealed.counts, key=lambda name: np.nan_to_num(select[name].joint, nan=-np.inf))
    joint, ci95 = sealed.margin(scores, sealed.counts[rival])
    return Margin(rival, joint, ci95)


def _verdicts(judge: Judge, scores: Floats) -> dict[str, Verdict]:
    """Verdicts of the proxy and of all counts, on the same resamples."""
    rows = {PROXY_ROW: scores, **judge.counts}
    return dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))


def _document(verdicts: dict[str, Verdict], judge: Judge) -> dict[str, Any]:
    return {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()}


def _golden(judge: Judge, scores: Floats) -> list[dict[str, Any]]:
    """A few scores to check an exported proxy by: the first networks of each space and data set."""
    seen: dict[tuple[str, str], int] = {}
    golden = []
    for network, score in zip(judge.networks, scores, strict=True):
        place = (network.arch.space, network.task.dataset)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] <= _GOLDEN_NETWORKS:
            golden.append(
                {
                    "space": network.arch.space,
                    "arch_json": network.arch.json,
                    "dataset": network.task.dataset,
                    "batch": network.task.digest,
                    "init_seed": network.init_seed,
                    "score": float(score),
                }
            )
    return golden
