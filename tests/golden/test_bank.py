"""The bank that comes with the embedded table: complete for what a discovery begins with, and what would be computed.

If it fails because a statistic, a primitive, a space or the table changed on purpose, remake it:
`python benchmarks/remake.py bank`.
"""

import numpy as np
import pytest

from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve._steadiness import Disturbed
from autoprox.evolve.leaves import first_bank
from autoprox.evolve.rivals import affordable_zoo, leaves_of_all
from autoprox.graph import Expression, Leaves, collect_leaves
from autoprox.statistics import StatisticsCache

LEAVES = [*first_bank(), *leaves_of_all(affordable_zoo())]


@pytest.fixture(scope="module")
def problem() -> Problem:
    table = Table.read()
    return Problem(table, tuple(table.blocks()))


@pytest.fixture(scope="module")
def shipped(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> StatisticsCache:
    assert problem.table.bank is not None
    return StatisticsCache(tmp_path_factory.mktemp("bank") / "statistics.sqlite", beside=problem.table.bank)


def test_holds_every_leaf_of_every_network_that_a_discovery_sees(problem, shipped):
    networks = [*Judge(problem, Split.FIT).networks, *Judge(problem, Split.SELECT).networks]
    wanted = {leaf.digest for leaf in LEAVES}
    found = shipped.get_many([network.key for network in networks], wanted)
    assert all(set(values) == wanted for values in found.values())


def test_a_sample_is_what_would_be_computed(problem, shipped, tmp_path):
    """Leaf by leaf, measured by its largest value in a network.

    Another processor sums float32 in another order, and a sum that cancels is then another number (8 of 334 leaves,
    measured between two processors). Those leaves are known by what a disturbance of images and weights does to them.
    """
    networks = Judge(problem, Split.SELECT).networks
    sample = [networks[index] for index in (0, len(networks) // 2, len(networks) - 1)]
    own = StatisticsCache(tmp_path / "computed.sqlite")
    stored, computed = collect_leaves(sample, LEAVES, shipped), collect_leaves(sample, LEAVES, own)
    disturbed = collect_leaves([Disturbed.of(each) for each in sample], LEAVES, own)
    moved = {
        leaf: max(apart(one, other, leaf) for one, other in zip(computed, disturbed, strict=True)) for leaf in LEAVES
    }
    steady = [leaf for leaf, change in moved.items() if change < 1e-4]
    assert len(steady) > 0.93 * len(LEAVES)
    for one, other in zip(stored, computed, strict=True):
        assert one.roles == other.roles
        assert {str(leaf): apart(one, other, leaf) for leaf in steady if apart(one, other, leaf) > 1e-3} == {}


def apart(one: Leaves, other: Leaves, leaf: Expression) -> float:
    """Largest difference as a share of the largest value; what is undefined in both does not count."""
    ours, theirs = one.values[leaf.digest], other.values[leaf.digest]
    assert (np.isfinite(ours) == np.isfinite(theirs)).all()
    known = np.isfinite(ours)
    difference = np.abs(ours - theirs)[known].max(initial=0.0)
    return float(difference / np.abs(theirs)[known].max(initial=np.finfo(float).tiny))
