"""The regression of one space: from architectures to accuracy or latency, by features that people read."""

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

    It is a ridge however many rows there are: terms of one space depend on one another (depth, and depth times ratio),
    and where least squares takes over, more labels rank worse.

    Args:
        space: The space.
        penalty: As for `MultivariateRegression`.

    Attributes:
        features: The features of the space, with the products that the regression has.
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
            SpecError: If the space does not allow an architecture, or nothing varies in it.
            ValueError: If there are too few, or a target is not finite.
        """
        if not self.features.names:
            raise SpecError(f"Nothing varies in the space '{self.space.name}', so that nothing can be fitted.")
        self.model.fit(self.features.frame(archs), targets)
        return self

    def predict(self, archs: Sequence[Arch]) -> Floats:
        """Predicts the target, `(n,)`.

        Raises:
            SpecError: If the space does not allow an architecture.
        """
        return self.model.predict(self.features.frame(archs)) if len(archs) else np.empty(0)

    def explain(self, arch: Arch) -> pd.Series:
        """Splits a prediction into the mean of the targets and what each term adds; see `MultivariateRegression`."""
        return self.model.explain(self.features.frame([arch]).iloc[0])

    def summary(self) -> RegressionSummary:
        """Coefficients with their inference; see `MultivariateRegression`."""
        return self.model.summary()

    def to_document(self) -> dict[str, Any]:
        """The fitted regression as JSON-like data, with what tells its space from others."""
        return {"space": self.space.name, "identity": self.space.identity, **self.model.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any], space: Space) -> Self:
        """A fitted regression out of what `to_document` gave.

        Args:
            document: The data.
            space: The space that it is about.

        Raises:
            SpecError: If it was fitted in another space, or in an earlier form of this one.
        """
        found = cls(space)
        model = MultivariateRegression.from_document(document)
        if document["space"] != space.name:
            raise SpecError(
                f"The regression was fitted in the space '{document['space']}', and this is '{space.name}'; fit one."
            )
        if document["identity"] != space.identity or list(model.feature_names_in_) != found.features.names:
            raise SpecError(f"The regression was fitted in an earlier form of the space '{space.name}'; fit it again.")
        found.model = model
        return found
