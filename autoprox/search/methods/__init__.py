"""Search methods, which propose candidates; one file per method."""

from autoprox.base.registry import Registry
from autoprox.search._arch_scores import Measured
from autoprox.search.methods._annealing import Annealing
from autoprox.search.methods._base import AbstractMethod, History
from autoprox.search.methods._evolution import Evolution, ParetoEvolution
from autoprox.search.methods._exhaustive import Exhaustive
from autoprox.search.methods._foxnas import FoxnasAnnealing
from autoprox.search.methods._random import RandomSearch

METHODS: Registry[type[AbstractMethod]] = Registry("method")
"""All methods by name; each has defaults for all its settings."""

for _method in (Evolution, RandomSearch, Exhaustive, Annealing):
    METHODS.register(_method.name, _method)

ANNEALINGS: Registry[type[AbstractMethod]] = Registry("annealing")
"""Variants of annealing, by name."""

ANNEALINGS.register("metropolis", Annealing)
ANNEALINGS.register(FoxnasAnnealing.name, FoxnasAnnealing)

__all__ = [
    "ANNEALINGS",
    "METHODS",
    "AbstractMethod",
    "Annealing",
    "Evolution",
    "Exhaustive",
    "FoxnasAnnealing",
    "History",
    "Measured",
    "ParetoEvolution",
    "RandomSearch",
]
