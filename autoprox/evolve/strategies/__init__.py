"""Strategies of the search, one per file; each proposes candidates (`ask`) and receives their evaluations (`tell`).

To add one, write it as an `AbstractStrategy` in a separate file and register it here;
tests/conformance/test_strategies.py finds it by its registration.
"""

from autoprox.base.registry import Registry
from autoprox.evolve.strategies._base import AbstractSettings, AbstractStrategy
from autoprox.evolve.strategies._diversity_prompting import DiversityPrompting
from autoprox.evolve.strategies._elitism_preserve import ElitismPreserve
from autoprox.evolve.strategies._nsga2 import Nsga2
from autoprox.evolve.strategies._random_search import RandomStrategy

DEFAULT_STRATEGY = "nsga2"

STRATEGIES: Registry[type[AbstractStrategy]] = Registry("strategy")
STRATEGIES.register("elitism-preserve", ElitismPreserve)
STRATEGIES.register("diversity-prompting", DiversityPrompting)
STRATEGIES.register(DEFAULT_STRATEGY, Nsga2)
STRATEGIES.register("random", RandomStrategy)

__all__ = ["DEFAULT_STRATEGY", "STRATEGIES", "AbstractSettings", "AbstractStrategy"]
