"""Latency models of one machine, fitted to its measurements: choice, evaluation and storage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.base.files import write_json
from autoprox.base.foreign import read_json, reading
from autoprox.metrics import kendall_tau_b
from autoprox.networks.latency import Conditions
from autoprox.predict._arch_regression import ArchRegression
from autoprox.predict._layer_times import added_up, layers_of
from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import Cost
from autoprox.spaces.task import TaskShape
from autoprox.spaces.units import SECONDS, Unit

FORMAT, FORMAT_VERSION = "autoprox.latency", 2
LATENCY_FILE = "latency.json"
"""Name of a model's file in the folder of a profile."""
LOOKUP, LINEAR, LOGARITHMIC = "lookup", "regression", "log regression"
KINDS = (LOOKUP, LINEAR, LOGARITHMIC)
"""Kinds of models: a sum over layers, a linear function of features, and the exponential of a linear function."""
FOLDS = 5
"""Number of folds of the cross-validation that chooses the kind."""


@dataclass(frozen=True)
class PredictionError:
    """Error of latency predictions against measurements.

    Args:
        n: Number of architectures.
        tau: Kendall's tau-b.
        rmse: Root mean squared error in seconds.
        mape: Mean absolute relative error.

    Example:
        >>> print(PredictionError.of([1.0, 2.0, 4.0], [1.1, 2.0, 3.0]))
        tau 1.000, RMSE 580 ms, MAPE 11.7 % on 3
    """

    n: int
    tau: float
    rmse: float
    mape: float

    @classmethod
    def of(cls, measured: npt.ArrayLike, predicted: npt.ArrayLike) -> "PredictionError":
        """Compares predictions with measurements, both `(n,)` in seconds."""
        true, found = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
        tau = float(kendall_tau_b(found[None], true)[0])
        rmse = float(np.sqrt(np.mean((found - true) ** 2)))
        return cls(len(true), tau, rmse, float(np.mean(np.abs(found - true) / true)))

    def __str__(self) -> str:
        return f"tau {self.tau:.3f}, RMSE {SECONDS.text(self.rmse)}, MAPE {100 * self.mape:.1f} % on {self.n}"


@dataclass(frozen=True, eq=False)
class LatencyModel:
    """Predicts the latency of the networks of one space for one task on one machine.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        conditions: Conditions of the measurements.
        kind: One of `KINDS`.
        regression: Regression of seconds or of their logarithm. A lookup uses it for architectures with a layer that
            was not measured.
        logarithmic: True if the regression is fitted to the logarithm.
        times: Seconds of each layer, by its key.
        line: Offset in seconds, and factor of the sum over layers.
        about: Origin, such as machine and error, as JSON-like data.
    """

    space: Space
    task: TaskShape
    conditions: Conditions
    kind: str
    regression: ArchRegression
    logarithmic: bool
    times: Mapping[str, float]
    line: tuple[float, float]
    about: Mapping[str, Any]

    def predict(self, archs: Sequence[Arch]) -> Floats:
        """Predicts seconds of a forward pass, `(n,)`.

        Raises:
            SpecError: If the space does not allow an architecture.
        """
        sums = (
            None
            if self.kind != LOOKUP
            else layer_sums(self.space, archs, self.task, self.conditions.batch_size, self.times)
        )
        return self.predict_from(archs, sums)

    def predict_from(self, archs: Sequence[Arch], sums: Floats | None) -> Floats:
        """Predicts from known sums over layers, `(n,)`; NaN where a layer was not measured."""
        found = self.regression.predict(archs)
        if self.logarithmic:
            found = np.exp(found)
        if sums is not None:
            offset, factor = self.line
            found = np.where(np.isnan(sums), found, offset + factor * sums)
        return np.maximum(found, np.finfo(np.float64).tiny)

    @cached_property
    def identity(self) -> str:
        """Digest of all values that determine predictions."""
        return digest(self._content())

    def save(self, path: Path) -> None:
        """Writes the model to one JSON file.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "digest": self.identity}
        write_json({**head, **self._content(), "about": dict(self.about)}, path)

    @classmethod
    def load(cls, path: Path, space: Space) -> "LatencyModel":
        """Reads a saved model from its file or folder.

        Args:
            path: The file, or the folder of a profile.
            space: The space of the model.

        Raises:
            StoreMismatchError: If the file is not such a model, has another version, or was changed.
            SpecError: If the model was fitted in another space, or in an earlier form of this one.
        """
        file = path / LATENCY_FILE if path.is_dir() else path
        refused = f"The file '{file}' does not hold a latency model; give one that `autoprox device profile` wrote"
        with reading(file, lambda reason: StoreMismatchError(f"{refused} ({reason}).")):
            document = read_json(file)
            if document["format"] != FORMAT:
                raise StoreMismatchError(f"{refused}: its format is {document['format']!r}.")
            if document["format_version"] != FORMAT_VERSION:
                raise StoreMismatchError(
                    f"The latency model '{file}' has format version {document['format_version']!r}, not "
                    f"{FORMAT_VERSION}. Resume the profile in its folder to fit the model to the same measurements."
                )
            found = cls(
                space,
                TaskShape(*document["task"]),
                Conditions(*document["conditions"]),
                KINDS[KINDS.index(document["kind"])],
                ArchRegression.from_document(document["regression"], space),
                bool(document["logarithmic"]),
                {str(key): float(value) for key, value in document["times"].items()},
                (float(document["line"][0]), float(document["line"][1])),
                document["about"],
            )
            if document["digest"] != found.identity:
                raise StoreMismatchError(
                    f"The file '{file}' was changed: its digest does not match its content. Restore it, or resume the "
                    "profile."
                )
            return found

    def _content(self) -> dict[str, Any]:
        return {
            "task": list(self.task),
            "conditions": list(self.conditions),
            "kind": self.kind,
            "regression": self.regression.to_document(),
            "logarithmic": self.logarithmic,
            "times": dict(self.times),
            "line": list(self.line),
        }


@dataclass(frozen=True)
class PredictedLatency(Cost):
    """Prediction of a `LatencyModel` as a cost, so that a search can bound latency without measurements.

    Args:
        model: The model.
    """

    model: LatencyModel
    name: str = field(default="latency", init=False)
    noun: str = field(default="predicted latency", init=False)
    unit: Unit = field(default=SECONDS, init=False)
    version: int = field(default=1, init=False)
    additive: bool = field(default=False, init=False)

    def of(self, space: Space, arch: Arch, task: TaskShape) -> float:
        """Predicted seconds of a forward pass.

        Raises:
            SpecError: If the space does not allow the architecture, or the model has another space or task.
        """
        own = self.model
        if (space.name, space.identity) != (own.space.name, own.space.identity):
            raise SpecError(
                f"The latency model is for the space '{own.space.name}', not for '{space.name}'. Profile the device in "
                "this space."
            )
        if task != own.task:
            raise SpecError(
                f"The latency model is for {_described(own.task)}, not for {_described(task)}. Profile the device for "
                "these images."
            )
        return float(own.predict([arch])[0])

    @property
    def identity(self) -> list[Any]:
        """Name, version, and the identity of the model."""
        return [self.name, self.version, self.model.identity]


def fitted(
    space: Space,
    task: TaskShape,
    conditions: Conditions,
    archs: Sequence[Arch],
    seconds: Floats,
    times: Mapping[str, float],
    about: Mapping[str, Any],
) -> tuple[LatencyModel, dict[str, float]]:
    """Fits each kind, and chooses the one with the least relative error in cross-validation.

    Args:
        space: The space.
        task: Task of the measured networks.
        conditions: Conditions of the measurements.
        archs: `n` architectures.
        seconds: `(n,)`, their latencies.
        times: Seconds of layers by key.
        about: Origin of the measurements.

    Returns:
        The model, and the mean absolute relative error of each kind in cross-validation.
    """
    sums = layer_sums(space, archs, task, conditions.batch_size, times)

    def model(kind: str, rows: npt.NDArray[np.int64], *, logarithmic: bool) -> LatencyModel:
        own, target = [archs[row] for row in rows], seconds[rows]
        regression = ArchRegression(space).fit(own, np.log(target) if logarithmic else target)
        line = _line(sums[rows], target)
        return LatencyModel(space, task, conditions, kind, regression, logarithmic, times, line, about)

    order = np.random.default_rng(0).permutation(len(archs))

    def error(kind: str, *, logarithmic: bool) -> float:
        misses: list[float] = []
        for left_out in np.array_split(order, FOLDS):
            found = model(kind, np.setdiff1d(order, left_out), logarithmic=logarithmic)
            predicted = found.predict_from([archs[row] for row in left_out], sums[left_out] if kind == LOOKUP else None)
            misses.extend(np.abs(predicted - seconds[left_out]) / seconds[left_out])
        return float(np.mean(misses))

    errors = {LINEAR: error(LINEAR, logarithmic=False), LOGARITHMIC: error(LOGARITHMIC, logarithmic=True)}
    logarithmic = errors[LOGARITHMIC] < errors[LINEAR]
    if np.isfinite(sums).sum() > len(archs) // 2:
        errors = {LOOKUP: error(LOOKUP, logarithmic=logarithmic), **errors}
    return model(min(errors, key=errors.__getitem__), np.arange(len(archs)), logarithmic=logarithmic), errors


def layer_sums(
    space: Space, archs: Sequence[Arch], task: TaskShape, batch_size: int, times: Mapping[str, float]
) -> Floats:
    """Sums over the layers of each architecture, `(n,)` in seconds; NaN where a layer was not measured."""
    found = (added_up(layers_of(space, arch, task, batch_size), times) for arch in archs)
    return np.array([np.nan if each is None else each for each in found], dtype=np.float64)


def _line(sums: Floats, seconds: Floats) -> tuple[float, float]:
    """Offset and factor from sums over layers to seconds, by least squares of relative errors."""
    known = np.isfinite(sums)
    if known.sum() < 2:
        return 0.0, 1.0
    design = np.column_stack([np.ones(known.sum()), sums[known]]) / seconds[known, None]
    offset, factor = np.linalg.lstsq(design, np.ones(known.sum()), rcond=None)[0]
    return float(offset), float(factor)


def _described(task: TaskShape) -> str:
    return f"{task.num_classes} classes and images of {task.img_size} px with {task.in_chans} channels"
