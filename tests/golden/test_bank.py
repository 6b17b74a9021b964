"""The bank that comes with the embedded table: complete for what a discovery begins with, and what would be computed.

If it fails because a statistic, a primitive, a space or the table changed on purpose, remake it:
`python benchmarks/remake.py bank`.
"""

import numpy as np
import pytest

from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve.leaves import first_bank
from autoprox.evolve.rivals import affordable_zoo, leaves_of_all
from autoprox.graph import Problem, collect_leaves
from autoprox.statistics import StatisticsCache

LEAVES = [*first_bank(), *leaves_of_all(affordable_zoo())]


@pytest.fixture(scope="module")
def problem() -> Problem:
    table = Table.read()
    return Problem(table, tuple(table.blocks()))


@pytest.fixture(scope="module")
def shipped(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> StatisticsCache:
    assert problem.table.bank is not None
    cache = StatisticsCache(tmp_path_factory.mktemp("bank") / "statistics.sqlite")
    cache.adopt(problem.table.bank)
    return cache


def test_holds_every_leaf_of_every_network_that_a_discovery_sees(problem, shipped):
    networks = [*problem.judge(Split.FIT).networks, *problem.judge(Split.SELECT).networks]
    wanted = {leaf.digest for leaf in LEAVES}
    found = shipped.get_many([network.key for network in networks], wanted)
    assert all(set(values) == wanted for values in found.values())


def test_a_sample_is_what_would_be_computed(problem, shipped, tmp_path):
    """Another processor sums float32 in another order, which shows most where a sum cancels; hence the quantile."""
    networks = problem.judge(Split.SELECT).networks
    sample = [networks[index] for index in (0, len(networks) // 2, len(networks) - 1)]
    stored = collect_leaves(sample, LEAVES, shipped)
    computed = collect_leaves(sample, LEAVES, StatisticsCache(tmp_path / "computed.sqlite"))
    for one, other in zip(stored, computed, strict=True):
        assert one.roles == other.roles
        ours = np.concatenate([one.values[name] for name in other.values])
        theirs = np.concatenate(list(other.values.values()))
        close = np.isclose(ours, theirs, rtol=1e-4, atol=1e-12, equal_nan=True)
        assert close.mean() > 0.98
