"""Discovery of proxies with DEAP.

- `grammar`: the proxy language as typed primitive sets
- `variation`: drawing and mutating trees with a generator that is passed in
- `bank`: leaves whose values are at hand
- `fitness`, `individual`: what a candidate is worth
- `elitism`: Algorithm 1 of Auto-Prox in batches
- `engine`: the loop
- `discovery`: from a table to a proxy
"""

from autoprox.evolve.discovery import PROXY_ROW, Discoverer, Discovery, Margin
from autoprox.evolve.elitism import Settings
from autoprox.evolve.engine import Ending, Outcome, Stop

__all__ = ["PROXY_ROW", "Discoverer", "Discovery", "Ending", "Margin", "Outcome", "Settings", "Stop"]
