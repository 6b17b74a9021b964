"""Laws of statistics on a network of a space."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.inspect import Site, find_nodes
from autoprox.statistics import STATISTICS, UNPAIRED, Collection, collect
from autoprox.testing._base import AbstractLaws, state_of

SMALL = 10**6
"""Limit of the parameters of networks for collecting every statistic alone; on larger networks, every pass is."""

SHARES = {"quantisation_error", "weight_energy", "output_energy"}
"""Counts of compressed networks that are shares; all other counts are whole numbers."""


class StatisticLaws(AbstractLaws):
    """Laws of every registered statistic of one network, on a network of the space.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(StatisticLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        >>> TestPit().test_attention_is_a_distribution_over_keys()
    """

    statistics: ClassVar[Iterable[str]] = UNPAIRED

    def test_every_statistic_is_taken_or_undefined(self) -> None:
        """A statistic has one finite value per node of its site, and no value if the network lacks the site."""
        found = self._collected()
        assert {*found.tensors, *found.counts} == set(self.statistics)
        for name, tensors in found.tensors.items():
            statistic = STATISTICS[name]
            assert len(tensors) == len(found.nodes[statistic.site]), name
            for node, tensor in zip(found.nodes[statistic.site], tensors, strict=True):
                assert tensor.dtype == (statistic.pass_.dtype or torch.float32), f"{name} at {node.name}"
                assert not tensor.requires_grad, f"{name} at {node.name}"
                assert tensor.numel() > 0, f"{name} at {node.name}"
                assert torch.isfinite(tensor).all(), f"{name} at {node.name}"
            assert not tensors or any(tensor.any() for tensor in tensors), f"{name} is 0 everywhere"
        for name, counts in found.counts.items():
            assert counts.dtype == np.float64, name
            assert counts.shape == (len(found.nodes[STATISTICS[name].site]),), name
            assert (counts > 0).all() or (name == "quantisation_error" and (counts >= 0).all()), name
            assert name in SHARES or (counts == np.round(counts)).all(), name

    def test_its_pass_alone_gives_the_same_to_the_bit_and_leaves_the_model(self) -> None:
        """The statistics of one pass do not depend on other passes, and measuring does not change the model."""
        passes = dict.fromkeys(STATISTICS[name].pass_ for name in self.statistics)
        self._alone([name for name in self.statistics if STATISTICS[name].pass_ == pass_] for pass_ in passes)

    def test_asked_for_alone_it_is_the_same_to_the_bit(self) -> None:
        """A statistic does not depend on the other requested statistics; checked only on small networks."""
        if self.space.counts(self.smallest(), *self.task).params <= SMALL:
            self._alone([name] for name in self.statistics)

    def test_one_shape_class_is_one_shape_node_by_node(self) -> None:
        """Tensors of one shape class have the same shape at every node."""
        found = self._collected()
        classes: dict[tuple[Site, str], list[list[torch.Size]]] = {}
        for name, tensors in found.tensors.items():
            key = STATISTICS[name].site, STATISTICS[name].shape
            classes.setdefault(key, []).append([tensor.shape for tensor in tensors])
        assert all(shapes == same[0] for same in classes.values() for shapes in same)

    def test_counts_add_up_to_those_of_the_space(self) -> None:
        """Parameters at nodes and elsewhere add up to the total, and multiply-accumulates at nodes do not exceed it."""
        model, found, counts = self._model(), self._collected(), self.space.counts(self.smallest(), *self.task)
        nodes = [node for node in find_nodes(model, lambda _: self.images()) if node.site is Site.LINEAR]
        inside = {id(each) for node in nodes for each in node.module.parameters(recurse=False)}
        outside = sum(each.numel() for each in model.parameters() if id(each) not in inside)
        assert found.counts["params"].sum() + outside == counts.params
        assert found.counts["macs"].sum() <= counts.macs

    def test_attention_is_a_distribution_over_keys(self) -> None:
        """The attention probabilities of every query add up to 1."""
        found = self._collected()
        heads, keys = found.counts["attention_heads"], found.counts["attention_tokens"]
        for tensor, of_heads, of_keys in zip(found.tensors["attention"], heads, keys, strict=True):
            assert tensor.shape[:2] == (len(self.images()), of_heads)
            assert tensor.shape[-1] == of_keys
            torch.testing.assert_close(tensor.sum(-1), torch.ones(tensor.shape[:-1]))

    def _model(self) -> nn.Module:
        return self.built(self.smallest())

    def _collected(self) -> Collection:
        return collect(self._model(), self.images(), self.labels(), self.statistics)

    def _alone(self, groups: Iterable[Sequence[str]]) -> None:
        model, everything = self._model(), self._collected()
        before = state_of(model)
        for names in groups:
            alone = collect(model, self.images(), self.labels(), names)
            assert state_of(model) == before, names
            assert {*alone.tensors, *alone.counts} == set(names)
            assert alone.nodes == everything.nodes
            for name in alone.tensors:
                assert _same(alone.tensors[name], everything.tensors[name]), name
            for name in alone.counts:
                assert (alone.counts[name] == everything.counts[name]).all(), name


def _same(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
