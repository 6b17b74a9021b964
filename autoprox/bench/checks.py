"""What a table has to fulfil, and what is derived or defaulted where a user's table is shorter.

Every fault is one sentence that names the file, the column and the row. Rows are counted from 0, as pandas does.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.bench.datasets import DATASETS
from autoprox.bench.schema import (
    COLUMNS,
    COUNT_COLUMNS,
    DEFAULT_METRIC,
    KEY_COLUMNS,
    METRICS,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    SCHEMA_VERSION,
    TEXT_COLUMNS,
    LabelKind,
    Metric,
    Stratum,
)
from autoprox.bench.task import DEFAULT_NUM_CLASSES, NOISE_CHANNELS
from autoprox.errors import SpecError, TableError, suggestion
from autoprox.spaces import SPACES, Arch

MIN_ARCHS = 12
"""Fewer architectures than this can support no proxy: an error."""

PANDAS_INDEX = "__index_level_"
"""pandas stores an index of filtered or sorted rows as columns of such names."""

Mask = npt.NDArray[np.bool_]


class Checker:
    """Checks and completes the rows of one table.

    Args:
        frame: The rows as they were read.
        path: Where they came from, for messages.
        num_classes: Number of classes of the data sets whose images stand beside the table.

    Attributes:
        notes: What was derived or defaulted, a sentence each.
        archs: The architectures by their identity.
        num_classes: Number of classes of every data set of the table.
    """

    def __init__(self, frame: pd.DataFrame, path: Path, num_classes: Mapping[str, int]) -> None:
        self.frame = frame.reset_index(drop=True)
        self.path = path
        self.notes: list[str] = []
        self.archs: dict[str, Arch] = {}
        self.num_classes: dict[str, int] = dict(num_classes)

    def complete(self) -> pd.DataFrame:
        """Returns the rows with all columns, in their one order.

        Raises:
            TableError: If the table is not acceptable.
        """
        self._columns()
        self._texts()
        self._values()
        self._architectures()
        self._classes()
        self._seeds()
        self._counts()
        known = (*COLUMNS, *OPTIONAL_COLUMNS)
        extra = [name for name in self.frame.columns if name not in known and not str(name).startswith(PANDAS_INDEX)]
        if extra:
            self.notes.append(f"Columns that are not used: {', '.join(map(str, extra))}.")
        return self.frame[list(COLUMNS)].sort_values(list(KEY_COLUMNS), ignore_index=True, kind="stable")

    def _columns(self) -> None:
        for name in REQUIRED_COLUMNS:
            if name not in self.frame.columns:
                given = [str(column) for column in self.frame.columns]
                raise TableError(
                    f"The table {self.path} has no column '{name}'. It needs: {', '.join(REQUIRED_COLUMNS)}; "
                    f"it has: {', '.join(given) or '(none)'}. Add or rename the column."
                )
        if self.frame.empty:
            raise TableError(f"The table {self.path} has no rows. It needs at least {MIN_ARCHS} architectures.")
        defaults: dict[str, Any] = {
            "label_kind": LabelKind.SCRATCH.value,
            "metric": DEFAULT_METRIC,
            "stratum": Stratum.FREE.value,
            "source": "unstated",
            "schema_version": SCHEMA_VERSION,
        }
        for name, value in defaults.items():
            if name not in self.frame.columns:
                self.frame[name] = value
                self._note(name, f"taken as {value}")
        if "epochs" not in self.frame.columns:
            self.frame["epochs"] = pd.array([pd.NA] * len(self.frame), dtype="Int64")
            self._note("epochs", "unknown")

    def _texts(self) -> None:
        for name in TEXT_COLUMNS:
            if name in self.frame.columns:
                is_text = self.frame[name].map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
                self._require(is_text, name, lambda value: f"is {value!r}, not a text")
                # Categories would sort in an order of their own.
                self.frame[name] = self.frame[name].astype(str)
        allowed: dict[str, Iterable[str]] = {
            "space": SPACES,
            "label_kind": [kind.value for kind in LabelKind],
            "metric": METRICS,
            "stratum": [stratum.value for stratum in Stratum],
        }
        for name, values in allowed.items():
            self._one_of(name, list(values))

    def _one_of(self, name: str, known: list[str]) -> None:
        self._require(
            self.frame[name].isin(known).to_numpy(dtype=bool),
            name,
            lambda value: f"is '{value}', which is unknown. {suggestion(str(value), known)}",
        )

    def _values(self) -> None:
        column = self.frame["value"]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            is_number = column.map(lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
            self._require(is_number.to_numpy(dtype=bool), "value", lambda value: f"is {value!r}, not a number")
        values = column.astype(float)
        self.frame["value"] = values
        self._require(
            np.isfinite(values.to_numpy()),
            "value",
            lambda value: f"is {value}, not a finite number. Leave out the rows of missing labels",
        )
        for metric in METRICS.values():
            self._within(metric)

    def _within(self, metric: Metric) -> None:
        values, others = self.frame["value"], self.frame["metric"] != metric.name
        self._require(
            (others | values.between(metric.lowest, metric.highest)).to_numpy(dtype=bool),
            "value",
            lambda value: f"is {value}, but {metric.name} lies between {metric.lowest:g} and {metric.highest:g}",
        )

    def _architectures(self) -> None:
        parsed: dict[tuple[str, str], Arch] = {}
        pairs = list(zip(self.frame["space"], self.frame["arch_json"], strict=True))
        for row, (space_name, text) in enumerate(pairs):
            if (space_name, text) not in parsed:
                try:
                    parsed[space_name, text] = SPACES[space_name].parse(text)
                except SpecError as error:
                    raise TableError(f"The table {self.path}, column 'arch_json', row {row}: {error}") from error
        archs = [parsed[pair] for pair in pairs]
        ids = {arch: arch.arch_id for arch in set(archs)}
        derived = [ids[arch] for arch in archs]
        if "arch_id" not in self.frame.columns:
            self._note("arch_id", "derived from arch_json")
            self.frame["arch_id"] = derived
        self._require(
            (self.frame["arch_id"] == derived).to_numpy(dtype=bool),
            "arch_id",
            lambda value: (
                f"is '{value}', which is not the identity of the architecture in this row. Leave the column out to "
                "have it derived"
            ),
        )
        self.frame["arch_json"] = [arch.json for arch in archs]
        self.archs = dict(sorted({ids[arch]: arch for arch in archs}.items()))
        if len(self.archs) < MIN_ARCHS:
            raise TableError(
                f"The table {self.path} has {len(self.archs)} architecture{'s' if len(self.archs) > 1 else ''} (column "
                f"'arch_json'); at least {MIN_ARCHS} are needed to tell a proxy from chance. Add architectures."
            )

    def _classes(self) -> None:
        if "num_classes" in self.frame.columns:
            self._whole("num_classes", lowest=2)
        for name in sorted(set(self.frame["dataset"])):
            given = self._given_classes(name)
            known = self.num_classes.get(name, DATASETS[name].num_classes if name in DATASETS else None)
            if known is not None and given is not None and given != known:
                row = int(np.flatnonzero(self.frame["dataset"] == name)[0])
                raise TableError(
                    f"The table {self.path}, column 'num_classes', row {row}: is {given}, but the data set '{name}' "
                    f"that autoprox knows has {known} classes. Correct it, or rename the data set."
                )
            if known is None and given is None:
                self.notes.append(f"The data set '{name}' has no column num_classes: taken as {DEFAULT_NUM_CLASSES}.")
            self.num_classes[name] = known or given or DEFAULT_NUM_CLASSES

    def _given_classes(self, dataset_name: str) -> int | None:
        if "num_classes" not in self.frame.columns:
            return None
        column = self.frame["num_classes"]
        first = int(column[self.frame["dataset"] == dataset_name].iloc[0])
        self._require(
            ((column == first) | (self.frame["dataset"] != dataset_name)).to_numpy(dtype=bool),
            "num_classes",
            lambda value: f"is {value}, but another row of the data set '{dataset_name}' says {first}",
        )
        return first

    def _seeds(self) -> None:
        key = [name for name in KEY_COLUMNS if name != "train_seed"]
        if "train_seed" not in self.frame.columns:
            self.frame["train_seed"] = self.frame.groupby(key, sort=False).cumcount()
            self._note("train_seed", "counted from 0 for each architecture")
        self._whole("train_seed", lowest=0)
        repeated = self.frame.duplicated(list(KEY_COLUMNS)).to_numpy(dtype=bool)
        self._require(
            ~repeated,
            "train_seed",
            lambda value: (
                f"is {value}, but an earlier row has the same architecture, data set, label kind, metric and seed. "
                "Number repetitions, or leave the column out to have them numbered"
            ),
        )

    def _counts(self) -> None:
        wanted = [name for name in ("params_count", "macs_count") if name not in self.frame.columns]
        if wanted:
            derived = self._derived_counts()
            for name in wanted:
                self.frame[name] = [counts[name] for counts in derived]
            self.notes.append(f"Columns that were missing: {', '.join(wanted)}, derived from arch_json.")
        for name in COUNT_COLUMNS:
            if name == "epochs":
                self._epochs()
            else:
                self._whole(name, lowest=0)
        self._require(
            (self.frame["schema_version"] <= SCHEMA_VERSION).to_numpy(dtype=bool),
            "schema_version",
            lambda value: (
                f"is {value}, but this autoprox reads tables up to version {SCHEMA_VERSION}. Install a later autoprox"
            ),
        )

    def _derived_counts(self) -> list[dict[str, int]]:
        found: dict[tuple[str, str], dict[str, int]] = {}
        pairs = list(zip(self.frame["arch_id"], self.frame["dataset"], strict=True))
        for row, (arch_id, dataset_name) in enumerate(pairs):
            if (arch_id, dataset_name) in found:
                continue
            arch = self.archs[arch_id]
            classes = self.num_classes[dataset_name]
            try:
                counts = SPACES[arch.space].counts(arch, classes, *_image_shape(dataset_name))
            except SpecError as error:
                raise TableError(f"The table {self.path}, column 'dataset', row {row}: {error}") from error
            found[arch_id, dataset_name] = {"params_count": counts.params, "macs_count": counts.macs}
        return [found[pair] for pair in pairs]

    def _epochs(self) -> None:
        column = self.frame["epochs"]
        present = column.notna().to_numpy(dtype=bool)
        numbers = pd.to_numeric(column, errors="coerce").astype("Float64").fillna(-1.0).to_numpy(dtype=float)
        self._require(
            ~present | ((numbers >= 0) & (numbers == np.floor(numbers))),
            "epochs",
            lambda value: f"is {value!r}, not a whole number",
        )
        self.frame["epochs"] = pd.array(
            [int(n) if p else pd.NA for n, p in zip(numbers, present, strict=True)], dtype="Int64"
        )

    def _whole(self, name: str, lowest: int) -> None:
        """Requires whole numbers without gaps, and brings them to int64."""
        numbers = (
            pd.to_numeric(self.frame[name], errors="coerce").astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        )
        self._require(
            np.isfinite(numbers) & (numbers >= lowest) & (numbers == np.floor(numbers)),
            name,
            lambda value: f"is {value!r}, not a whole number from {lowest}",
        )
        self.frame[name] = numbers.astype(np.int64)

    def _require(self, good: Mask, column: str, complaint: Callable[[Any], str]) -> None:
        """Raises for the first row that is not good, and says how many there are."""
        bad = np.flatnonzero(~good)
        if len(bad):
            row = int(bad[0])
            value = self.frame[column].iloc[row]
            value = value.item() if isinstance(value, np.generic) else value
            more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
            text = complaint(value).rstrip(".")
            raise TableError(f"The table {self.path}, column '{column}', row {row}{more}: {text}.")

    def _note(self, column: str, what: str) -> None:
        self.notes.append(f"The column {column} is missing: {what}.")


def _image_shape(dataset_name: str) -> tuple[int | None, int]:
    """Image size (None for the space's default) and channels of a data set, or of the noise in place of its images."""
    if dataset_name in DATASETS:
        return DATASETS[dataset_name].img_size, DATASETS[dataset_name].in_chans
    return None, NOISE_CHANNELS
