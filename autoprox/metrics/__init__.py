"""Pure functions that evaluate scores: rank correlations, their joint value, their uncertainty, the level of chance.

    _correlation.py  Kendall tau-b of many candidates at once, Spearman, partial tau
    _discordance.py  discordant pairs of long score vectors, by sorting
    _top.py          quality of the first places of a ranking
    joint.py         the correlations with several blocks combined into one value
    _ranks.py        several rankings combined into one
    _bootstrap.py    intervals, paired over architectures
    _chance.py       the correlation that the best of many random candidates reaches
    diffkendall.py   a differentiable Kendall tau; it needs torch, so import it from its module

The tests compare all of them with SciPy. An undefined value is NaN, never another number.
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
