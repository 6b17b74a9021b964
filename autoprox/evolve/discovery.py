"""A whole discovery: from a table to a proxy that was chosen on select and scored once on sealed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from autoprox.bench.sealed import count_sealed, sealed_count
from autoprox.bench.splits import Split
from autoprox.digest import digest
from autoprox.errors import TableError
from autoprox.evolve.bank import Bank
from autoprox.evolve.engine import SEARCH_VERSION, Engine, Outcome
from autoprox.evolve.front import Front, FrontPoint
from autoprox.evolve.grammar import drawn_statistics
from autoprox.evolve.journal import JOURNAL, Journal
from autoprox.evolve.leaves import DEEPER_COST, first_bank
from autoprox.evolve.plan import Plan, Stop
from autoprox.evolve.selection import EnsembleTrial, Standing, ensemble_trial, standings, winner
from autoprox.evolve.strategies import STRATEGIES
from autoprox.graph import (
    PRIMITIVES,
    Evaluator,
    Expression,
    Judge,
    LeafTable,
    Leaves,
    Level,
    Network,
    Problem,
    Proxy,
    Verdict,
    collect_leaves,
    finite_or_none,
    simplify,
)
from autoprox.graph.segments import Floats
from autoprox.statistics import StatisticsCache
from autoprox.zoo import zoo_graphs

PROXY_ROW, ZOO_ROW = "proxy", "zoo"
"""Names, in `Discovery.verdicts`, of the discovered proxy and of the best zoo proxy; all others are counts."""

_GOLDEN_NETWORKS = 2


NetworkProgress = Callable[[Iterable[Leaves], int], Iterable[Leaves]]


@dataclass(frozen=True)
class Margin:
    """What the proxy is worth beyond its best rival, on the sealed split and on the same resampled architectures.

    Args:
        rival: The baseline (a count, or the best zoo proxy) with the highest joint correlation on the select split.
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
        verdicts: For each split, the verdicts of the proxy, of the best zoo proxy, and of the counts.
        zoo: Name of the zoo proxy with the highest joint correlation on select; None if none ranks all its blocks.
        margin: How much further than its rival the proxy's joint correlation is on the sealed split.
        init_agreement: Joint tau of the proxy with itself between two initialisations, on the select split.
        hall: The hall of fame, fittest on fit first, with what its members are worth on select.
        ensemble: Whether the hall together ranks select better than its best member.
        front: For a strategy of several objectives, the front of all that was evaluated, highest joint first.
        outcome: The run itself.
        sealed_scorings: How often the sealed split of this table has been scored by this user, this time included.
    """

    proxy: Proxy
    verdicts: dict[Split, dict[str, Verdict]]
    zoo: str | None
    margin: Margin
    init_agreement: float
    hall: tuple[Standing, ...]
    ensemble: EnsembleTrial
    front: tuple[FrontPoint, ...]
    outcome: Outcome
    sealed_scorings: int


@dataclass
class Discoverer:
    """Discovers proxies for a problem.

    Args:
        problem: What to discover for.
        cache: Where leaf values live.
        jobs: Processes that collect statistics and advance islands; the result does not depend on it.
        network_progress: Wraps the networks that statistics are collected of.
        candidate_progress: Called with the number of valid candidates and the highest fitness on fit.
    """

    problem: Problem
    cache: StatisticsCache
    jobs: int
    network_progress: NetworkProgress
    candidate_progress: Callable[[int, float], None]

    def run(self, plan: Plan, stop: Stop, journal: Path | None = None) -> Discovery:
        """Runs one discovery, or takes one up that was begun.

        Args:
            plan: How to search. Same plan, same result, whatever the number of jobs, however often interrupted.
            stop: When to end.
            journal: File of the journal. If there is one already, of the same plan on the same problem, it is gone on
                with. A temporary one if None.

        Raises:
            TableError: If no candidate is valid, or a split is too small to be judged.
            StoreMismatchError: If the journal belongs to another run, or is in use.
            SpecError: If the run has as many candidates already as the budget allows.
        """
        if journal is None:
            with TemporaryDirectory() as folder:
                return self.run(plan, stop, Path(folder) / JOURNAL)
        # A state folder that cannot be written has to be known before the search, not after it.
        sealed_count(self.problem.table.digest)
        judges = {split: self.problem.judge(split) for split in Split}
        zoo = _affordable_zoo()
        of_zoo = list(dict.fromkeys(leaf for each in zoo.values() for leaf in each.graph.node_leaves))
        with Journal(journal, self._definition(plan)) as book:
            book.remember("stop", asdict(stop))
            book.remember("status", "begun")
            more, beside = (of_zoo, []) if plan.seed_zoo else ([], of_zoo)
            bank = Bank(self.collect, judges[Split.FIT], judges[Split.SELECT], more, beside)
            seeds = {name: each for name, each in zoo.items() if plan.seed_zoo}
            engine = Engine(
                plan, judges[Split.FIT], bank, book, _graphs(seeds), self.candidate_progress, jobs=self.jobs
            )
            outcome = engine.run(stop)
            if not outcome.hall:
                raise TableError(
                    f"None of the candidates could be ranked on '{self.problem.table.name}' (rejected:"
                    f" {outcome.rejected}); give a larger budget or a table with more architectures."
                )
            front = Front(book.points()) if STRATEGIES[plan.strategy].measures_beyond else Front()
            discovery = self._judged(plan, stop, outcome, bank, judges, zoo, front)
            book.remember("result", {"digest": discovery.proxy.to_document()["digest"]})
            book.remember("sealed_scorings", discovery.sealed_scorings)
            book.remember("status", "finished")
        return discovery

    def collect(self, networks: Sequence[Network], leaves: Sequence[Expression]) -> list[Leaves]:
        """Leaf values of networks, from the cache or computed."""
        return collect_leaves(networks, leaves, self.cache, jobs=self.jobs, progress=self.network_progress)

    def _judged(
        self,
        plan: Plan,
        stop: Stop,
        outcome: Outcome,
        bank: Bank,
        judges: dict[Split, Judge],
        zoo: dict[str, Proxy],
        front: Front,
    ) -> Discovery:
        select = judges[Split.SELECT]
        hall = standings(outcome.hall, judges, bank, plan.beyond_size)
        best = winner(hall)
        found = _published(f"{self.problem.table.name}-seed{plan.seed}", best, bank)
        rival = _best_of(zoo, select, bank)
        contenders = {PROXY_ROW: found} | ({ZOO_ROW: zoo[rival]} if rival is not None else {})
        sealed_scorings = count_sealed(self.problem.table.digest)
        scores = {
            Split.FIT: _scores(contenders, bank.fit),
            Split.SELECT: _scores(contenders, bank.select),
            Split.SEALED: _scores(contenders, self._leaves(judges[Split.SEALED].networks, contenders)),
        }
        again = _scores({PROXY_ROW: found}, self._leaves(select.rebuilt(), {PROXY_ROW: found}))
        init_agreement = float(select.agreement(scores[Split.SELECT][:1], again)[0])
        rows = {split: dict(zip(contenders, scores[split], strict=True)) | judges[split].counts for split in Split}
        verdicts = {split: _verdicts(judges[split], rows[split]) for split in Split}
        margin = _margin(judges[Split.SEALED], rows[Split.SEALED], verdicts[Split.SELECT])
        ensemble = ensemble_trial(hall, best, select, bank)
        results = {
            "splits": {split.value: _document(verdicts[split], judges[split]) for split in verdicts},
            "zoo": rival,
            "margin": margin.to_document(),
            "init_agreement": finite_or_none(init_agreement),
            "ensemble": ensemble.to_document(),
            "golden": _golden(judges[Split.FIT], rows[Split.FIT][PROXY_ROW]),
        }
        provenance = self._provenance(plan, stop, outcome, bank.leaves)
        proxy = replace(found, provenance=provenance, results=results)
        return Discovery(
            proxy,
            verdicts,
            rival,
            margin,
            init_agreement,
            tuple(hall),
            ensemble,
            tuple(front.sorted()),
            outcome,
            sealed_scorings,
        )

    def _leaves(self, networks: Sequence[Network], proxies: dict[str, Proxy]) -> LeafTable:
        leaves = list(dict.fromkeys(leaf for each in proxies.values() for leaf in each.graph.node_leaves))
        return LeafTable(self.collect(networks, leaves))

    def _definition(self, plan: Plan) -> dict[str, Any]:
        """All that the course of a run depends on."""
        problem = self.problem
        labels = [[block.name, list(block.arch_ids), block.goodness.tolist()] for block in problem.blocks]
        primitives = [
            [level.value, each.name, each.version, each.weight]
            for level in Level
            for each in PRIMITIVES[level].values()
        ]
        return {
            **self._question(),
            "blocks": [f"{block.space}/{block.dataset}" for block in problem.blocks],
            "label_kind": problem.blocks[0].label_kind,
            "metric": problem.blocks[0].metric,
            "labels": digest(labels),
            **plan.to_document(),
            "bank": digest([each.digest for each in first_bank()]),
            "primitives": digest(primitives),
            "search_version": SEARCH_VERSION,
        }

    def _question(self) -> dict[str, Any]:
        """What is asked, as provenance states it."""
        problem = self.problem
        return {
            "table": problem.table.name,
            "table_digest": problem.table.digest,
            "batches": {
                f"{block.space}/{block.dataset}": problem.table.task(block.dataset, block.space).digest
                for block in problem.blocks
            },
            "aggregate": problem.aggregate.value,
            "weights": None if problem.weights is None else list(problem.weights),
            "init_seeds": problem.init_seeds,
        }

    def _provenance(self, plan: Plan, stop: Stop, outcome: Outcome, bank: Sequence[Expression]) -> dict[str, Any]:
        return {
            **self._question(),
            **plan.to_document(),
            "stop": asdict(stop),
            "ending": outcome.ending.value,
            "evaluated": outcome.evaluated,
            "rejected": outcome.rejected,
            "bank": {"leaves": len(bank), "digest": digest([each.digest for each in bank])},
        }


def _published(name: str, best: Standing, bank: Bank) -> Proxy:
    """The winner as a proxy, its graph as small as can be without new leaves."""
    graph, sign = best.member.graph, best.member.evaluation.sign
    small = simplify(graph)
    if all(leaf.digest in bank.fit for leaf in small.graph.node_leaves):
        return Proxy(name, small.graph, small.sign * sign)
    return Proxy(name, graph, sign)


def _affordable_zoo() -> dict[str, Proxy]:
    """Zoo proxies that are graphs over statistics that a discovery collects anyway, and no dearer than its own leaves.

    Others would cost a discovery more time than its statistics do; `python -m autoprox.zoo --bench` scores them all.
    """
    drawn = {each.name for each in drawn_statistics()}
    return {
        each.name: each
        for each in zoo_graphs()
        if drawn.issuperset(each.statistics) and all(leaf.cost <= DEEPER_COST for leaf in each.graph.node_leaves)
    }


def _graphs(proxies: dict[str, Proxy]) -> list[Expression]:
    return [each.graph for each in proxies.values()]


def _scores(proxies: dict[str, Proxy], leaves: LeafTable) -> Floats:
    signs = np.array([each.sign for each in proxies.values()], dtype=np.float64)[:, None]
    return np.asarray(signs * Evaluator(leaves).scores(_graphs(proxies)))


def _best_of(zoo: dict[str, Proxy], select: Judge, bank: Bank) -> str | None:
    """The zoo proxy with the highest joint correlation on select, the first among equals."""
    joints = select.joint(select.taus(_scores(zoo, bank.select)))
    ranked = [(joint, name) for joint, name in zip(joints, zoo, strict=True) if np.isfinite(joint)]
    return max(ranked, key=lambda each: each[0])[1] if ranked else None


def _margin(sealed: Judge, rows: dict[str, Floats], select: dict[str, Verdict]) -> Margin:
    # A count that is constant in a block has no joint correlation and is nobody's rival.
    rivals = [name for name in rows if name != PROXY_ROW]
    rival = max(rivals, key=lambda name: np.nan_to_num(select[name].joint, nan=-np.inf))
    joint, ci95 = sealed.margin(rows[PROXY_ROW], rows[rival])
    return Margin(rival, joint, ci95)


def _verdicts(judge: Judge, rows: dict[str, Floats]) -> dict[str, Verdict]:
    """Verdicts of the proxy and of its rivals, on the same resamples."""
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
