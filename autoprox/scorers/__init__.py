"""Scorers: what gives a network a score without training it, and the way from a name to a scorer.

- `function`, `ranking`: proxies that are not graphs; proxies that rank over a set
- `zoo/`: published and hand-made proxies
- `scoring`: any scorers on many networks, cached, or on one network in one go
- `ensemble`: several scorers as one, by mean rank
- `loading`: names and paths to proxies
"""

from autoprox.scorers.ensemble import HALL_MEMBERS, Ensemble, joined_ranks
from autoprox.scorers.function import FunctionProxy, Subject, prepared
from autoprox.scorers.loading import BEST, HALL, hall_ensemble, load_proxy
from autoprox.scorers.ranking import RankedProxy
from autoprox.scorers.scoring import Scored, score_networks, score_together
from autoprox.scorers.zoo.registry import ZOO, function_proxy, zoo_graphs

__all__ = [
    "BEST",
    "HALL",
    "HALL_MEMBERS",
    "ZOO",
    "Ensemble",
    "FunctionProxy",
    "RankedProxy",
    "Scored",
    "Subject",
    "function_proxy",
    "hall_ensemble",
    "joined_ranks",
    "load_proxy",
    "prepared",
    "score_networks",
    "score_together",
    "zoo_graphs",
]
