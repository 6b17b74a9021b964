"""Laws of every registered statistic of one network, on a network of every space, registered or as users write them.

A new statistic and a new space are taken up by their registration; nothing has to be added here.
"""

import pytest
import torch

from autoprox.inspect import Site, find_nodes
from autoprox.statistics import STATISTICS, UNPAIRED, Stage, StatisticKind, collect
from autoprox.testing import StatisticLaws
from tests.conformance.spaces import ATTENDING, USERS, on


class TestStatistics(StatisticLaws):
    """And what is true of the spaces that come with autoprox whose every block attends."""

    space_given = on(ATTENDING.values())

    def test_every_site_has_nodes_and_no_node_is_constant(self):
        found = self._collected()
        assert set(found.nodes) == set(Site)
        assert all(found.nodes.values())
        for name, tensors in found.tensors.items():
            assert all(tensor.any() for tensor in tensors), name

    def test_multiply_accumulates_are_those_of_layers_and_of_attention(self):
        found, counts = self._collected(), self.space.counts(self.smallest(), *self.task)
        widths = [layer.width for layer in self.space.layers(self.smallest())]
        keys = found.counts["attention_tokens"]
        products = sum(2 * n * n * width for n, width in zip(keys, widths, strict=True))
        assert found.counts["macs"].sum() + products == counts.macs


class TestStatisticsOfUsers(StatisticLaws):
    space_given = on(USERS.values())


@pytest.mark.parametrize("space", USERS.values(), ids=list(USERS))
def test_a_site_that_is_lacking_has_neither_nodes_nor_values(space):
    class Laws(StatisticLaws):
        pass

    laws = Laws()
    laws.space = space
    model = laws.built(laws.smallest())
    sites = {node.site for node in find_nodes(model, lambda _: laws.images())}
    lacking = set(Site) - sites
    assert Site.ATTENTION in lacking
    found = collect(model, laws.images(), laws.labels(), UNPAIRED)
    for name in UNPAIRED:
        statistic = STATISTICS[name]
        held = found.tensors[name] if name in found.tensors else found.counts[name]
        assert (len(held) == 0) == (statistic.site in lacking), name


@pytest.mark.parametrize("name", STATISTICS)
def test_its_declaration_is_complete(name):
    statistic = STATISTICS[name]
    assert statistic.name == name
    assert name.isidentifier()
    assert statistic.version >= 1
    assert statistic.source
    assert (statistic.tap is None) == (statistic.kind is StatisticKind.COUNT) == (statistic.count is not None)
    assert bool(statistic.shape) == (statistic.kind is StatisticKind.TENSOR)
    assert (statistic.stage is Stage.STATIC) == (statistic.pass_.least_images == 0)
    assert statistic.stage is Stage.BACKWARD or not name.endswith("_grad")
    assert statistic.pass_.name.isidentifier()
    assert statistic.pass_.source
    assert statistic.pass_.dtype in (None, torch.float64)
