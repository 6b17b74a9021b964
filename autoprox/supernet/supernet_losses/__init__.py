"""Losses of a training step of a supernet."""

from autoprox.base.registry import Registry
from autoprox.supernet.supernet_losses._from_source import FromSource
from autoprox.supernet.supernet_losses._inplace import Inplace
from autoprox.supernet.supernet_losses._inplace_mean import InplaceMean
from autoprox.supernet.supernet_losses._loss import AbstractLoss, Prior, SupernetStep
from autoprox.supernet.supernet_losses._margin_rank import MarginRank
from autoprox.supernet.supernet_losses._online import COUPLINGS, Online
from autoprox.supernet.supernet_losses._plain import CrossEntropy
from autoprox.supernet.supernet_losses._prior_guided import PriorGuided
from autoprox.supernet.supernet_losses._schedules import SCHEDULES

LOSSES: Registry[type[AbstractLoss]] = Registry("loss of a supernet")
"""All losses by name; a new one takes one file and one line here."""

for _loss in (CrossEntropy, Inplace, InplaceMean, PriorGuided, MarginRank, Online, FromSource):
    LOSSES.register(_loss.name, _loss)

__all__ = [
    "COUPLINGS",
    "LOSSES",
    "SCHEDULES",
    "AbstractLoss",
    "CrossEntropy",
    "FromSource",
    "Inplace",
    "InplaceMean",
    "MarginRank",
    "Online",
    "Prior",
    "PriorGuided",
    "SupernetStep",
]
