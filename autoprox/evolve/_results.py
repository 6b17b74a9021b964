"""Results of a search, and of a whole discovery."""

from dataclasses import dataclass
from textwrap import shorten

from autoprox.base.html import bars, code, panel
from autoprox.bench.judging import Judge
from autoprox.bench.splits import Split
from autoprox.bench.verdict import Verdict
from autoprox.evolve._blending import Statement, best_form
from autoprox.evolve._front import FrontPoint
from autoprox.evolve.bank import Bank
from autoprox.evolve.engine import EvolutionOutcome
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.selection import EnsembleTrial, Standing, ensemble_of
from autoprox.evolve.verdicts import PROXY_ROW, Margin, judged_split, sentence
from autoprox.graph import Proxy
from autoprox.scorers import Ensemble

_LINE = 120
# Characters of a `repr`.


@dataclass(frozen=True)
class Finding:
    """Result of a search before the sealed split was scored.

    Args:
        proxy: The winner, without provenance and results: the best of the forms on select.
        best: The member of the hall in the plain form.
        forms: The discovery in all its forms, the plain one first.
        counts: Fitted counts, a rival without discovery: ridge regression on counts.
        hall: The hall of fame, fittest on fit first, with the fitness of its members on select.
        front: For a strategy with several objectives, the front of all evaluated candidates, highest joint first.
        zoo: The zoo proxy with the highest joint correlation on select, among proxies with available statistics.
        outcome: The run itself.
        bank: Leaf values of fit and select.
        judges: The judge of every split.
        plan: Plan of the search.
        stop: Stopping rule of the search.
        untaught: With teachers, result of the same search without them; else None.
    """

    proxy: Proxy
    best: Standing
    forms: tuple[Statement, ...]
    counts: Statement | None
    hall: tuple[Standing, ...]
    front: tuple[FrontPoint, ...]
    zoo: Proxy | None
    outcome: EvolutionOutcome
    bank: Bank
    judges: dict[Split, Judge]
    plan: EvolutionPlan
    stop: Stop
    untaught: "Finding | None" = None

    def __repr__(self) -> str:
        return shorten(f"Finding({self.proxy.name}: {self.proxy.brief})", _LINE, placeholder=" ...")

    @property
    def chosen(self) -> Statement:
        """The form that is the winner."""
        return best_form(self.forms)

    @property
    def ensemble(self) -> Ensemble:
        """The fittest members of the hall of fame as one scorer."""
        named = enumerate(ensemble_of(self.hall), 1)
        members = [Proxy(f"{self.proxy.name} {number}", each.graph, each.evaluation.sign) for number, each in named]
        return Ensemble(members, f"{self.proxy.name} hall")


@dataclass(frozen=True)
class Discovery:
    """Result of a discovery.

    Args:
        proxy: The winner, with provenance and results.
        forms: The discovery in all its forms, the plain one first.
        verdicts: For each scored split, the verdicts of the proxy, of its other forms, of the best zoo proxy, of fitted
            counts and of the counts. Fitted weights are from fit alone for fit and select, and from both for sealed.
            Sealed is absent unless requested.
        zoo: Name of the zoo proxy with the highest joint correlation on select; None if none ranks all its blocks.
        margins: Margins of the proxy's joint correlation over each rival on the sealed split (on select if sealed was
            not scored); the strongest rival on select comes first.
        init_agreement: Joint tau of the proxy with itself between two initialisations, on the select split.
        hall: The hall of fame, fittest on fit first, with the fitness of its members on select.
        ensemble: Comparison on select of the whole hall with its best member.
        front: For a strategy with several objectives, the front of all evaluated candidates, highest joint first.
        outcome: The run itself.
        sealed_scorings: Number of scorings of this table's sealed split by this user, including this one; None if this
            discovery did not score it.
    """

    proxy: Proxy
    forms: tuple[Statement, ...]
    verdicts: dict[Split, dict[str, Verdict]]
    zoo: str | None
    margins: tuple[Margin, ...]
    init_agreement: float
    hall: tuple[Standing, ...]
    ensemble: EnsembleTrial
    front: tuple[FrontPoint, ...]
    outcome: EvolutionOutcome
    sealed_scorings: int | None

    def __repr__(self) -> str:
        own = self.verdicts[self.judged_on][PROXY_ROW]
        worth = f"tau {own.joint:.3f} [{own.ci95[0]:.2f}, {own.ci95[1]:.2f}] on {self.judged_on}"
        return shorten(f"Discovery({self.proxy.name}: {worth}; {self.proxy.brief})", _LINE, placeholder=" ...")

    def _repr_html_(self) -> str:
        rows = self.verdicts[self.judged_on]
        own = rows[PROXY_ROW]
        margins = [each.to_document() for each in self.margins]
        facts = {
            f"joint tau on {self.judged_on}": f"{own.joint:.3f}, 95 % interval [{own.ci95[0]:.2f}, {own.ci95[1]:.2f}]",
            "against its rivals": sentence(margins, self.zoo),
            "candidates": f"{self.outcome.evaluated:,}",
            "needs": ", ".join(self.proxy.statistics),
        }
        picture = bars({name: (each.joint, *each.ci95) for name, each in rows.items()})
        return panel(f"Discovery {self.proxy.name}", facts, code(self.proxy.brief), picture)

    @property
    def judged_on(self) -> Split:
        """The deciding split: sealed, or select if sealed was not scored."""
        return judged_split(self.verdicts)
