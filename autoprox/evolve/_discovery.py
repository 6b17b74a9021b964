"""A whole discovery: from a table to a proxy that was chosen on select and scored once on sealed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autoprox.base.arrays import Floats
from autoprox.base.errors import TableError
from autoprox.base.progress import Progress
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.sealed import count_sealed, sealed_count
from autoprox.bench.splits import Split
from autoprox.bench.verdict import finite_or_none
from autoprox.evolve._blending import Grounds, Statement, best_form, stated
from autoprox.evolve._definition import definition_of, provenance_of
from autoprox.evolve._front import Front
from autoprox.evolve._results import Discovery, Finding
from autoprox.evolve.bank import Bank
from autoprox.evolve.engine import Engine, EvolutionOutcome
from autoprox.evolve.evolution_journal import JOURNAL, EvolutionJournal
from autoprox.evolve.leaves import own_counts, own_leaves
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.rivals import affordable_zoo, best_of, graphs_of, leaves_of_all, scores_of
from autoprox.evolve.selection import (
    ensemble_trial,
    highest,
    in_short,
    standings,
    winner,
)
from autoprox.evolve.strategies import STRATEGIES
from autoprox.evolve.verdicts import (
    FITTED_ROW,
    PROXY_ROW,
    UNTAUGHT_ROW,
    ZOO_ROW,
    document_of,
    given_counts,
    golden_scores,
    judged_split,
    margins_of,
    verdicts_of,
)
from autoprox.graph import Expression, LeafTable, Leaves, Proxy, collect_leaves
from autoprox.networks.network import Network
from autoprox.scorers import Series, effects, foreign_series, gene_series
from autoprox.statistics import StatisticsCache


def _unwrapped(networks: Iterable[Leaves], _total: int) -> Iterable[Leaves]:
    return networks


def _unsaid(_evaluated: int, _best: float) -> None:
    return None


@dataclass
class Discoverer:
    """Discovers proxies for a problem.

    Args:
        problem: The problem.
        cache: Cache of leaf values; by default the user's cache, with values stored next to the table.
        jobs: Processes that collect statistics and advance islands; the result does not depend on it.
        network_progress: Wraps the networks during the collection of statistics.
        candidate_progress: Called with the number of valid candidates and the highest fitness on fit.

    Example:
        >>> from autoprox.bench.table import Table
        >>> table = Table.read()
        >>> discoverer = Discoverer(Problem(table, tuple(table.blocks(["pit-micro"], ["digits"]))))
        >>> found = discoverer.search(EvolutionPlan(seed=1), Stop(100))  # discoverer.judge(found) looks at sealed
        >>> found.outcome.evaluated, found.best.joint > 0
        (100, True)
    """

    problem: Problem
    cache: StatisticsCache | None = None
    jobs: int = 1
    network_progress: Progress = _unwrapped
    candidate_progress: Callable[[int, float], None] = _unsaid

    @cached_property
    def _statistics(self) -> StatisticsCache:
        return statistics_of(self.problem.table) if self.cache is None else self.cache

    @cached_property
    def judges(self) -> dict[Split, Judge]:
        """The judge of every split.

        Raises:
            TableError: If a block cannot be judged on one of them.
        """
        return {split: Judge(self.problem, split) for split in Split}

    def run(self, plan: EvolutionPlan, stop: Stop, journal: Path | None = None, *, sealed: bool = True) -> Discovery:
        """Runs one discovery, or resumes one.

        Args:
            plan: Plan of the search. The same plan gives the same result, for any number of jobs and interruptions.
            stop: Stopping rule.
            journal: File of the journal. An existing one of the same plan on the same problem is resumed. A temporary
                one if None.
            sealed: Scores the sealed split if true.

        Raises:
            TableError: If no candidate is valid, or a split is too small to be judged.
            StoreMismatchError: If the journal belongs to another run, or is in use.
            SpecError: If the run already has as many candidates as the budget allows.
        """
        with _kept(journal) as path, self._journal(path, plan, stop) as book:
            if sealed:  # a state folder that cannot be written is reported before the search, not after it
                sealed_count(self.problem.table.digest)
            found = self._searched(plan, stop, book)
            if self.problem.teachers:
                found = replace(found, untaught=self._untaught(plan, found.outcome))
            discovery = self.judge(found, sealed=sealed)
            book.remember("sealed_scorings", discovery.sealed_scorings)
            book.remember("status", "judged")
        return discovery

    def search(self, plan: EvolutionPlan, stop: Stop, journal: Path | None = None) -> Finding:
        """Runs or resumes a search without scoring the sealed split, for unfinished work and comparisons.

        Args:
            plan: Plan of the search.
            stop: Stopping rule.
            journal: File of the journal, as for `run`.

        Raises:
            TableError: As for `run`, like StoreMismatchError and SpecError.
        """
        with _kept(journal) as path, self._journal(path, plan, stop) as book:
            search = self._searched(plan, stop, book)
            book.remember("status", "searched")
        return search

    def _journal(self, path: Path, plan: EvolutionPlan, stop: Stop) -> EvolutionJournal:
        journal = EvolutionJournal(path, self.definition(plan))
        journal.remember("stop", asdict(stop))
        journal.remember("status", "begun")
        return journal

    def _searched(self, plan: EvolutionPlan, stop: Stop, book: EvolutionJournal) -> Finding:
        judges = self.judges
        fit, select = judges[Split.FIT], judges[Split.SELECT]
        zoo = affordable_zoo()
        of_zoo = leaves_of_all(zoo)
        more, beside = (of_zoo, []) if plan.seed_zoo else ([], of_zoo)
        bank = Bank(self.collect, fit, select, [*own_leaves(self.problem), *more], beside)
        seeds = graphs_of(zoo) if plan.seed_zoo else []
        outcome = Engine(plan, fit, bank, book, seeds, self.candidate_progress, jobs=self.jobs).run(stop)
        if not outcome.hall:
            raise TableError(
                f"None of the candidates could be ranked on '{self.problem.table.name}' (rejected: {outcome.rejected});"
                " give a larger budget or a table with more architectures."
            )
        front = Front(book.points()) if STRATEGIES[plan.strategy].measures_beyond else Front()
        hall = standings(outcome.hall, judges, bank, self.collect, plan.beyond_size)
        best = winner(hall, select, bank)
        name = f"{self.problem.table.name}-seed{plan.seed}"
        forms, counts = stated(
            Proxy(name, *in_short(best.member, bank)),
            best.joint,
            [each.member for each in hall if each.steady],
            Grounds(
                fit, select, Judge(self.problem, Split.FIT, Split.SELECT), bank, self.collect, own_counts(self.problem)
            ),
        )
        tried = effects([each.proxy for each in forms], [*foreign_series(), *self._gene_series()])
        forms = tuple(replace(each, effects=tuple(own)) for each, own in zip(forms, tried, strict=True))
        rival = best_of(zoo, select, bank.select)
        return Finding(
            best_form(forms).proxy.renamed(name),
            best,
            forms,
            counts,
            tuple(hall),
            tuple(front.sorted()),
            None if rival is None else zoo[rival],
            outcome,
            bank,
            judges,
            plan,
            stop,
        )

    def _untaught(self, plan: EvolutionPlan, outcome: EvolutionOutcome) -> Finding:
        """The same search without the teachers, of as many candidates; it is repeated when a run is resumed."""
        alone = replace(self, problem=replace(self.problem, teachers={}), candidate_progress=_unsaid)
        return alone.search(plan, Stop(outcome.evaluated))

    def _gene_series(self) -> Iterator[Series]:
        """Series of networks for each space of the problem, with one gene varied at a time, for its first data set."""
        table = self.problem.table
        for block in {each.space: each for each in reversed(self.problem.blocks)}.values():
            space, teacher = table.spaces[block.space], self.problem.teachers.get(block.dataset)
            yield from gene_series(space, table.task(block.dataset, block.space), self.collect, teacher)

    def collect(self, networks: Sequence[Network], leaves: Sequence[Expression]) -> list[Leaves]:
        """Leaf values of networks, from the cache or computed."""
        return collect_leaves(networks, leaves, self._statistics, jobs=self.jobs, progress=self.network_progress)

    def judge(self, found: Finding, *, sealed: bool = True) -> Discovery:
        """Scores the winner of a search and its rivals, also on the sealed split; that scoring is counted.

        Args:
            found: Result of `search`. After its winner was judged on sealed, do not search for another one on this
                table, since each scoring makes the figures of the sealed split less reliable.
            sealed: Scores the sealed split if true.

        Raises:
            AutoproxError: If the scoring cannot be counted.
        """
        judges, bank = found.judges, found.bank
        select, chosen = judges[Split.SELECT], found.chosen
        named = {PROXY_ROW: chosen} | {each.form.value: each for each in found.forms if each is not chosen}
        if found.counts is not None:
            named[FITTED_ROW] = found.counts
        zoo = {} if found.zoo is None else {ZOO_ROW: found.zoo}
        before = {name: each.on_fit for name, each in named.items()} | zoo
        after = {name: each.proxy for name, each in named.items()} | zoo
        sealed_scorings = count_sealed(self.problem.table.digest) if sealed else None
        scores = {Split.FIT: scores_of(before, bank.fit), Split.SELECT: scores_of(before, bank.select)}
        if sealed:
            scores[Split.SEALED] = scores_of(after, self._leaves(judges[Split.SEALED].networks, after))
        again = scores_of({PROXY_ROW: chosen.on_fit}, self._leaves(select.rebuilt(), {PROXY_ROW: chosen.on_fit}))
        init_agreement = float(select.agreement(scores[Split.SELECT][:1], again)[0])
        rows = {split: dict(zip(named | zoo, scores[split], strict=True)) | judges[split].counts for split in scores}
        if found.untaught is not None:
            for split, own in self._untaught_scores(found.untaught, sealed=sealed).items():
                rows[split][UNTAUGHT_ROW] = own
        verdicts = {split: verdicts_of(judges[split], rows[split]) for split in scores}
        last = judged_split(verdicts)
        margins = margins_of(judges[last], rows[last], verdicts[Split.SELECT])
        ensemble = ensemble_trial(found.hall, highest(found.hall), select, bank)
        rival = None if found.zoo is None else found.zoo.name
        results = {
            "splits": {split.value: document_of(verdicts[split], judges[split]) for split in verdicts},
            "zoo": rival,
            "margin": margins[0].to_document(),
            "margins": [each.to_document() for each in margins],
            "form": chosen.form.value,
            "forms": [each.to_document() for each in found.forms],
            "blind_to": chosen.blind_to,
            "effects": list(chosen.effects),
            "init_agreement": finite_or_none(init_agreement),
            "ensemble": ensemble.to_document(),
            "golden": golden_scores(judges[Split.FIT], scores_of({PROXY_ROW: found.proxy}, bank.fit)[0]),
            **({} if found.untaught is None else {"given": given_counts(judges[last], rows[last], margins)}),
        }
        provenance = provenance_of(self.problem, judges, found.plan, found.stop, found.outcome, bank.leaves)
        return Discovery(
            replace(found.proxy, provenance=provenance, results=results),
            tuple(_published(each, provenance) for each in found.forms),
            verdicts,
            rival,
            margins,
            init_agreement,
            found.hall,
            ensemble,
            found.front,
            found.outcome,
            sealed_scorings,
        )

    def _untaught_scores(self, found: Finding, *, sealed: bool) -> dict[Split, Floats]:
        """Scores of the winner of the search without teachers, by split."""
        before, bank = {UNTAUGHT_ROW: found.chosen.on_fit}, found.bank
        scores = {Split.FIT: scores_of(before, bank.fit)[0], Split.SELECT: scores_of(before, bank.select)[0]}
        if sealed:
            after = {UNTAUGHT_ROW: found.chosen.proxy}
            scores[Split.SEALED] = scores_of(after, self._leaves(found.judges[Split.SEALED].networks, after))[0]
        return scores

    def _leaves(self, networks: Sequence[Network], proxies: dict[str, Proxy]) -> LeafTable:
        return LeafTable(self.collect(networks, leaves_of_all(proxies)))

    def definition(self, plan: EvolutionPlan) -> dict[str, Any]:
        """Everything that determines the course of a run, as JSON-compatible data."""
        return definition_of(self.problem, plan)


def _published(statement: Statement, provenance: dict[str, Any]) -> Statement:
    """A form with the provenance of its proxy."""
    return replace(statement, proxy=replace(statement.proxy, provenance=provenance))


@contextmanager
def _kept(journal: Path | None) -> Iterator[Path]:
    """Path of the journal: as given, or in a temporary folder for the duration of the run."""
    if journal is not None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        yield journal
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / JOURNAL
