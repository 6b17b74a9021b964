"""Pure functions that judge scores: rank correlations, their joint value, their uncertainty, and what chance gives.

    correlation.py   Kendall tau-b of many candidates at once, Spearman, partial tau
    discordance.py   discordant pairs of long score vectors, by sorting
    top.py           the first places of a ranking
    joint.py         one value out of the correlations with several blocks
    ranks.py         several rankings as one
    bootstrap.py     intervals, paired over architectures
    chance.py        what the best of many random candidates would reach
    diffkendall.py   a Kendall tau that can be differentiated; it needs torch, so it is imported from there

SciPy is the judge of all of them in the tests. A value that is not defined is NaN, never a number that stands for it.
"""

from autoprox.metrics._bootstrap import bootstrap_taus, interval95, resample_counts
from autoprox.metrics._chance import chance_of_best
from autoprox.metrics._correlation import dense_ranks, kendall_tau_a, kendall_tau_b, partial_tau, spearman
from autoprox.metrics._ranks import mean_ranks
from autoprox.metrics._top import ndcg, top_regret
from autoprox.metrics.joint import Aggregate, joint

__all__ = [
    "Aggregate",
    "bootstrap_taus",
    "chance_of_best",
    "dense_ranks",
    "interval95",
    "joint",
    "kendall_tau_a",
    "kendall_tau_b",
    "mean_ranks",
    "ndcg",
    "partial_tau",
    "resample_counts",
    "spearman",
    "top_regret",
]
