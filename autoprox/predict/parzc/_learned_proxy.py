"""A fitted model with its input statistics, as a proxy of live networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.base.errors import StoreMismatchError
from autoprox.graph import Expression, Leaves, leaves_of
from autoprox.inspect.nodes import Site
from autoprox.predict.parzc._model_file import model_digest
from autoprox.predict.parzc.estimator import MABNRegressor
from autoprox.predict.parzc.features import NodeFeatures, features_of, linear_leaves
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements
from autoprox.statistics.requirements import requirements_of

FEATURES = "features"
"""Entry of a file's provenance with the inputs of the model, which a scorer needs."""


@dataclass(frozen=True, eq=False, repr=False)
class LearnedProxy(AbstractScorer):
    """A scorer (`autoprox.scorers.Scorer`) that was learned from labels.

    Args:
        name: Name for reports.
        model: The fitted model.
        statistics: `(S,)`, expressions that give one float per linear node.
        nodes: `(L,)`, names of the nodes, see `NodeFeatures`.
        provenance: Origin of the model.

    Example:
        >>> import autoprox, numpy as np
        >>> from autoprox.bench.table import Table
        >>> from autoprox.predict.parzc import features
        >>> table = Table.read()
        >>> data = features(table, ["params", "fan_in"], blocks=table.blocks(["pit-micro"], ["digits"])).rows(range(12))
        >>> model = MABNRegressor(node_shape=data.node_shape, n_estimators=1, max_iter=20, random_state=0)
        >>> proxy = LearnedProxy.of("sizes", model.fit(data.values, data.targets), data)
        >>> network = autoprox.space("pit-micro").build(table.archs[data.arch_ids[0]], 10, 8, 1)
        >>> score = proxy.score(network, np.zeros((1, 1, 8, 8), np.float32), [0])
        >>> bool(np.isclose(score, model.predict(data.values[:1])[0]))
        True
    """

    name: str
    model: MABNRegressor
    statistics: tuple[str, ...]
    nodes: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sign = 1
    teacher = None

    @classmethod
    def of(
        cls, name: str, model: MABNRegressor, data: NodeFeatures, provenance: Mapping[str, Any] | None = None
    ) -> "LearnedProxy":
        """A scorer from a model and the features of its fit."""
        return cls(name, model, data.statistics, data.nodes, dict(provenance or {}))

    @property
    def source(self) -> str:  # type: ignore[override]
        """Reference of the method, and the table of the fit."""
        table = self.provenance.get("table")
        learned = f"; learned on '{table}'" if table else ""
        return f"Dong 2025, ParZC, https://arxiv.org/abs/2402.02105{learned}."

    @cached_property
    def node_leaves(self) -> tuple[Expression, ...]:
        """Leaves that it needs of a network."""
        return tuple(linear_leaves(self.statistics))

    @property
    def selected_sites(self) -> frozenset[Site]:
        """Linear layers, which are distinguished by role."""
        return frozenset({Site.LINEAR})

    @property
    def needs(self) -> Requirements:  # type: ignore[override]
        """Inputs and passes that its statistics need."""
        return requirements_of(sorted({name for each in self.node_leaves for name in each.statistics}))

    @cached_property
    def identity(self) -> str:
        """Digest of the fitted model and its inputs."""
        return digest(["learned", model_digest(self.model), self._digests, list(self.nodes)])

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model; see `autoprox.scorers.Scorer`.

        Raises:
            CollectionError: If its statistics cannot be collected from the model, or are not finite.
            FitError: If the model has nodes that no architecture of the fit had.
        """
        return float(
            self.score_leaves([leaves_of(model, images, labels, self.node_leaves, loss, told=self.selected_sites)])[0]
        )

    def score_leaves(self, leaves: Sequence[Leaves]) -> Floats:
        """Scores networks from their node values, `(A,)`.

        Raises:
            CollectionError: If a statistic is not finite.
            FitError: If a network has nodes that no architecture of the fit had.
        """
        return self.predict(features_of(leaves, self.node_leaves, [f"number {row}" for row in range(len(leaves))]))

    def predict(self, data: NodeFeatures) -> Floats:
        """Scores features with nodes in any order, `(n,)`; raises as `score_leaves` does."""
        mean = self.model.predict(data.aligned(self.nodes, self.statistics).values)
        assert not isinstance(mean, tuple)
        return mean

    def save(self, path: str | Path) -> None:
        """Writes the scorer to one file, which `autoprox.load`, `LearnedProxy.load` and `MABNRegressor.load` read.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        entry = {"name": self.name, "statistics": self.statistics, "nodes": self.nodes, "digests": self._digests}
        self.model.save(path, {**self.provenance, FEATURES: entry})

    @classmethod
    def load(cls, path: str | Path) -> "LearnedProxy":
        """Reads a saved scorer.

        Raises:
            StoreMismatchError: If the file is not such a model, has another version, or was changed.
            StoreMismatchError: If the model was fitted on other versions of its statistics.
        """
        model = MABNRegressor.load(path)
        provenance = dict(model.provenance_)
        entry = provenance.pop(FEATURES, None)
        if entry is None:
            raise StoreMismatchError(
                f"The model in '{path}' does not record the statistics of its fit, so that it cannot score networks;"
                " use MABNRegressor.load and predict, or save a LearnedProxy."
            )
        loaded = cls(entry["name"], model, tuple(entry["statistics"]), tuple(entry["nodes"]), provenance)
        if loaded._digests != entry["digests"]:
            raise StoreMismatchError(
                f"The model in '{path}' was fitted on other versions of its statistics, with other values; install the"
                " version of autoprox that wrote it, or fit it again."
            )
        return loaded

    @property
    def _digests(self) -> list[str]:
        return [each.digest for each in self.node_leaves]
