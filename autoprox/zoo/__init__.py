"""The zoo: published and hand-made proxies, and the way from a name to a proxy.

Whatever can be is a graph of the proxy language; the others are functions behind the same interface,
`autoprox.graph.Scorer`.

- `published`: proxies that are graphs
- `genotypes`: the notation of Auto-Prox's authors
- `function`, `ranking`: what a proxy is that is no graph; proxies that rank over a set
- `structure`: transformer blocks and the tokens between them
- `counts`, `jacobian`, `codes`, `kernel`, `perturbation`, `channels`, `spectra`, `attention`, `az_nas`: the functions
- `scoring`: any scorers on many networks, cached, or on one network in one go
- `ensemble`: several scorers as one, by mean rank
- `loading`: names and paths to proxies
"""

from importlib import import_module

from autoprox.zoo.ensemble import HALL_MEMBERS, Ensemble, joined_ranks
from autoprox.zoo.function import FunctionProxy, Subject, prepared
from autoprox.zoo.loading import BEST, HALL, hall_ensemble, load_proxy
from autoprox.zoo.ranking import RankedProxy
from autoprox.zoo.registry import ZOO, function_proxy, zoo_graphs
from autoprox.zoo.scoring import Scored, score_networks, score_together

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

# Each theme registers its proxies; this is the order in which they are listed.
for _theme in (
    "counts",
    "published",
    "channels",
    "jacobian",
    "codes",
    "kernel",
    "perturbation",
    "spectra",
    "attention",
    "az_nas",
):
    import_module(f"autoprox.zoo.{_theme}")
