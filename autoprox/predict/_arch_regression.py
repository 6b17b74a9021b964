"""The regression of one space: from architectures to accuracy or latency, by interpretable features."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.predict._arch_features import ArchFeatures
from autoprox.predict._regression import LEAVE_ONE_OUT, MultivariateRegression, RegressionSummary
from autoprox.spaces import Arch, Space


class ArchRegression:
    """A `MultivariateRegression` on the `ArchFeatures` of a space.

    It is a ridge for any number of rows, since the terms of one space are correlated (depth, and depth times ratio).
    With least squares, rankings got worse at the number of labels at which it would replace the ridge.

    Args:
        space: The space.
        penalty: As for `MultivariateRegression`.

    Attributes:
        features: The features of the space, with their interactions.
        model: The regression.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro, task = load_space("pit-micro"), (10, 8, 1)
        >>> rng = np.random.default_rng(0)
        >>> archs = [micro.sample(rng) for _ in range(150)]
        >>> sizes = [np.log(micro.counts(arch, *task).params) for arch in archs]
        >>> regression = ArchRegression(micro).fit(archs[:120], sizes[:120])
        >>> float(np.corrcoef(regression.predict(archs[120:]), sizes[120:])[0, 1]) > 0.95
        True
        >>> parts = regression.explain(archs[0])
        >>> bool(np.isclose(parts.sum(), regression.predict(archs[:1])[0]))
        True
    """

    def __init__(self, space: Space, penalty: float | str = LEAVE_ONE_OUT) -> None:
        self.space = space
        self.features = ArchFeatures(space)
        self.model = MultivariateRegression(self.features.interactions, penalty)

    def fit(self, archs: Sequence[Arch], targets: npt.ArrayLike) -> Self:
        """Fits the coefficients.

        Args:
            archs: `n` architectures of the space.
            targets: `(n,)`, finite.

        Raises:
            SpecError: If the space does not allow an architecture, or has no gene with several choices.
            ValueError: If there are too few architectures, or a target is not finite.
        """
        if not self.features.names:
            raise SpecError(
                f"No gene of the space '{self.space.name}' has several choices, so that nothing can be fitted. Give "
                "another space."
            )
        self.model.fit(self.features.frame(archs), targets)
        return self

    def predict(self, archs: Sequence[Arch]) -> Floats:
        """Predicts the target, `(n,)`.

        Raises:
            SpecError: If the space does not allow an architecture.
        """
        return self.model.predict(self.features.frame(archs)) if len(archs) else np.empty(0)

    def explain(self, arch: Arch) -> pd.Series:
        """Splits a prediction into the mean target and the contribution of each term; see `MultivariateRegression`."""
        return self.model.explain(self.features.frame([arch]).iloc[0])

    def summary(self) -> RegressionSummary:
        """Coefficients with their inference; see `MultivariateRegression`."""
        return self.model.summary()

    def to_document(self) -> dict[str, Any]:
        """The fitted regression as JSON-like data, with name and identity of its space."""
        return {"space": self.space.name, "identity": self.space.identity, **self.model.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], space: Space) -> Self:
        """Restores a fitted regression from the result of `to_document`.

        Args:
            document: The data.
            space: The space of the regression.

        Raises:
            SpecError: If it was fitted in another space, or in an earlier form of this one.
        """
        found = cls(space)
        model = MultivariateRegression.from_document(document)
        if document["space"] != space.name:
            raise SpecError(
                f"The regression was fitted in the space '{document['space']}', not in '{space.name}'; fit another one."
            )
        if document["identity"] != space.identity or list(model.feature_names_in_) != found.features.names:
            raise SpecError(f"The regression was fitted in an earlier form of the space '{space.name}'; fit it again.")
        found.model = model
        return found
