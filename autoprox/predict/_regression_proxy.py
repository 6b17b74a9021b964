"""Regressions as a scorer of architectures, without networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autoprox.base.digest import digest
from autoprox.base.errors import CollectionError, SpecError, StoreMismatchError
from autoprox.base.files import write_json
from autoprox.base.foreign import read_json, reading
from autoprox.predict._arch_regression import ArchRegression
from autoprox.predict._regression import RegressionSummary
from autoprox.scorers.base import ArchScorer
from autoprox.spaces import Arch, Space

FORMAT = "autoprox.regression"
FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class RegressionProxy(ArchScorer):
    """Regressions of accuracy, one per space, as a scorer (`autoprox.scorers.Scorer`).

    Fitting needs labels; scoring needs only the genes of an architecture. No network is built, and live models cannot
    be scored, since they have no genes.

    Args:
        name: Name for reports.
        documents: Result of `ArchRegression.to_document` for each space, by the space's name.
        provenance: Origin of the regressions.

    Example:
        >>> import numpy as np
        >>> from autoprox.bench.table import Table
        >>> table = Table.read()
        >>> (block,) = table.blocks(["pit-micro"], ["digits"])
        >>> archs = [table.archs[arch_id] for arch_id in block.arch_ids]
        >>> regression = ArchRegression(table.spaces["pit-micro"]).fit(archs, block.goodness)
        >>> proxy = RegressionProxy.of("accuracy", [regression])
        >>> score = proxy.score_arch(table.spaces["pit-micro"], archs[0])
        >>> bool(np.isclose(score, regression.predict(archs[:1])[0]))
        True
    """

    name: str
    documents: Mapping[str, Mapping[str, Any]]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sign = 1

    @classmethod
    def of(
        cls, name: str, regressions: Sequence[ArchRegression], provenance: Mapping[str, Any] | None = None
    ) -> "RegressionProxy":
        """A scorer from fitted regressions of different spaces."""
        return cls(name, {each.space.name: each.to_document() for each in regressions}, dict(provenance or {}))

    @property
    def source(self) -> str:  # type: ignore[override]
        """Reference of the method, and the table of the fit."""
        table = self.provenance.get("table")
        fitted = f"; fitted on '{table}'" if table else ""
        return f"After Chiang 2021, FOX-NAS, https://arxiv.org/abs/2108.08189{fitted}."

    @property
    def description(self) -> str:
        """Definition of the score."""
        return f"{self.source} Linear in features of the architecture, in the spaces {', '.join(self.documents)}."

    @cached_property
    def identity(self) -> str:
        """Digest of the coefficients and their spaces."""
        return digest(["regression", self.documents])

    def summary(self, space: str) -> RegressionSummary:
        """The inference of the regression of a space.

        Raises:
            SpecError: If it has no regression for the space.
        """
        return RegressionSummary.from_document(self._document(space)["summary"])

    def regression(self, space: Space) -> ArchRegression:
        """The regression of a space.

        Raises:
            SpecError: If it has no regression for the space, or was fitted in an earlier form of it.
        """
        if space.name not in self._known:
            self._known[space.name] = ArchRegression.from_document(self._document(space.name), space)
        return self._known[space.name]

    def score_arch(self, space: Space, arch: Arch) -> float:
        """Predicts the label of an architecture.

        Raises:
            CollectionError: If it has no regression for the space, or was fitted in an earlier form of it.
        """
        try:
            return float(self.regression(space).predict([arch])[0])
        except SpecError as error:
            raise CollectionError(f"'{self.name}': {error}") from error

    def save(self, path: str | Path) -> None:
        """Writes the scorer to one JSON file, which `autoprox.load` reads.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        content = {"name": self.name, "spaces": dict(self.documents), "provenance": dict(self.provenance)}
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "digest": digest(content)}
        write_json(head | content, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "RegressionProxy":
        """Reads a saved scorer.

        Raises:
            StoreMismatchError: If the file is not such a regression, has another version, or was changed.
        """
        refused = f"The file '{path}' does not hold a regression; give one that `autoprox regression fit` wrote"
        with reading(path, lambda reason: StoreMismatchError(f"{refused} ({reason}).")):
            document = read_json(Path(path))
            if document["format"] != FORMAT or document["format_version"] != FORMAT_VERSION:
                raise StoreMismatchError(f"{refused}: its format is {document['format']!r}.")
            content = {name: document[name] for name in ("name", "spaces", "provenance")}
            if document["digest"] != digest(content):
                raise StoreMismatchError(
                    f"The file '{path}' was changed: its digest does not match its content. Restore it, or fit again."
                )
            found = cls(content["name"], content["spaces"], content["provenance"])
            for space in found.documents:
                found.summary(space)
            return found

    @cached_property
    def _known(self) -> dict[str, ArchRegression]:
        return {}

    def _document(self, space: str) -> Mapping[str, Any]:
        if space not in self.documents:
            raise SpecError(f"it was fitted in {', '.join(self.documents)}, not in the space '{space}'")
        return self.documents[space]
