"""Discovery of proxies with DEAP.

- `grammar`, `variation`: the proxy language as typed primitive sets; drawing, mutating and crossing trees
- `leaves`, `bank`: leaves with available values
- `fitness`, `individual`, `hall`, `front`: evaluation of candidates
- `breeding`, `strategies`: proposal of candidates
- `island`, `workshop`, `engine`: the loop
- `evolution_journal`, `runs`: stored runs
- `terms`, `fitting`, `blending`: fitted forms of a discovery
- `plan`, `selection`, `rivals`, `verdicts`, `discovery`: from a table to a proxy
"""

from autoprox.evolve._blending import ProxyForm, Statement, as_judged, fitted
from autoprox.evolve._discovery import Discoverer
from autoprox.evolve._results import Discovery, Finding
from autoprox.evolve._terms import count_terms
from autoprox.evolve.engine import Ending, EvolutionOutcome
from autoprox.evolve.plan import DEFAULT_BUDGET, EvolutionPlan, Stop
from autoprox.evolve.strategies import DEFAULT_STRATEGY, STRATEGIES
from autoprox.evolve.verdicts import (
    FITTED_ROW,
    PROXY_ROW,
    UNTAUGHT_ROW,
    ZOO_ROW,
    Margin,
    judged_split,
    sentence,
    verdict_sentence,
)

__all__ = [
    "DEFAULT_BUDGET",
    "DEFAULT_STRATEGY",
    "FITTED_ROW",
    "PROXY_ROW",
    "STRATEGIES",
    "UNTAUGHT_ROW",
    "ZOO_ROW",
    "Discoverer",
    "Discovery",
    "Ending",
    "EvolutionOutcome",
    "EvolutionPlan",
    "Finding",
    "Margin",
    "ProxyForm",
    "Statement",
    "Stop",
    "as_judged",
    "count_terms",
    "fitted",
    "judged_split",
    "sentence",
    "verdict_sentence",
]
