"""Samplers: the choice of subnets for each training step of a supernet."""

from autoprox.base.registry import Registry
from autoprox.supernet.samplers._balanced import Balanced
from autoprox.supernet.samplers._complexity import ComplexityAware
from autoprox.supernet.samplers._lowrank_aware import LowRankAware
from autoprox.supernet.samplers._margin import Distance, GroupDistance, MarginPairs, prior_gap
from autoprox.supernet.samplers._performance import Performance, Preference, wide_and_shallow
from autoprox.supernet.samplers._sampler import AbstractSampler
from autoprox.supernet.samplers._sandwich import Sandwich
from autoprox.supernet.samplers._uniform import Uniform

SAMPLERS: Registry[type[AbstractSampler]] = Registry("sampler")
"""All samplers by name; a new one takes one file and one line here."""

for _sampler in (Uniform, Sandwich, Balanced, ComplexityAware, Performance, MarginPairs, LowRankAware):
    SAMPLERS.register(_sampler.name, _sampler)

__all__ = [
    "SAMPLERS",
    "AbstractSampler",
    "Balanced",
    "ComplexityAware",
    "Distance",
    "GroupDistance",
    "LowRankAware",
    "MarginPairs",
    "Performance",
    "Preference",
    "Sandwich",
    "Uniform",
    "prior_gap",
    "wide_and_shallow",
]
