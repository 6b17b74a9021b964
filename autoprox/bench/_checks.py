"""Rules for the rows of a table, and derived or default values for missing columns.

Every rule yields its faults: one sentence each, which names the column and the row.
"""

from collections.abc import Generator, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
import pandas as pd

from autoprox.base.errors import SpecError, suggestion
from autoprox.base.foreign import excerpt
from autoprox.bench._cells import LARGEST, each_cell, real, whole
from autoprox.bench._checked_rows import CheckedRows, Faults
from autoprox.bench._faults import Fault, FaultKind
from autoprox.bench._plausible import (
    PERCENT,
    complements,
    doubts_of,
    fractions_among_percents,
    without_repetitions,
)
from autoprox.bench.labels import LABEL_KINDS, SCRATCH
from autoprox.bench.schema import (
    BLOCK_COLUMNS,
    COLUMNS,
    COUNT_COLUMNS,
    DEFAULT_METRIC,
    KEY_COLUMNS,
    METRICS,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    SCHEMA_VERSION,
    TEXT_COLUMNS,
    Metric,
    Stratum,
)
from autoprox.datasets import DATASETS
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import DEFAULT_NUM_CLASSES, NOISE_CHANNELS

MIN_ARCHS = 12
"""Minimum number of architectures; fewer cannot tell a proxy from chance."""

PANDAS_INDEX = "__index_level_"
"""Prefix of the columns in which pandas stores the index of filtered or sorted rows."""


class Checker(CheckedRows):
    """Checks and completes the rows of one table.

    Args:
        frame: The rows as read; messages number them by the index.
        path: The file they came from, for messages.
        num_classes: Number of classes of each data set with images stored next to the table.
        spaces: The spaces that the table may hold, by name.
        given: Names of the columns of the file, for messages; those of the frame if None.

    Attributes:
        notes: Remarks on the rows, one sentence each: missing columns first.
        doubts: Valid but suspicious values, one sentence each.
        archs: The architectures by identity.
        num_classes: Number of classes of every data set of the table.
        assumed: Data sets with an assumed number of classes.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        path: Path,
        num_classes: Mapping[str, int],
        spaces: Mapping[str, Space],
        given: Iterable[Any] | None = None,
    ) -> None:
        super().__init__(frame, path)
        self._given = ", ".join(map(str, frame.columns if given is None else given)) or "(none)"
        self._spaces = spaces
        self.doubts: list[str] = []
        self._seeds_given = True
        self.archs: dict[str, Arch] = {}
        self.num_classes: dict[str, int] = dict(num_classes)
        self.assumed: list[str] = []

    def faults(self) -> Faults:
        """Applies all rules in order, and completes the rows."""
        for rule in (
            self._columns,
            self._texts,
            self._values,
            self._architectures,
            self._classes,
            self._scales,
            self._seeds,
            self._counts,
            self._epochs,
        ):
            yield from rule()
        known = (*COLUMNS, *OPTIONAL_COLUMNS)
        extra = [name for name in self.frame.columns if name not in known and not str(name).startswith(PANDAS_INDEX)]
        self.doubts += [
            f"The columns 'value' and '{name}' have the same sum in every row: one is an error rate. Give the accuracy."
            for name in complements(self.frame, extra)
        ]
        if self.filled:
            self.notes.insert(0, f"Missing columns, filled in: {', '.join(self.filled)}.")
        if extra:
            self.notes.append(f"Unused columns: {', '.join(map(str, extra))}.")

    def complete(self) -> pd.DataFrame:
        """The rows with all columns in the order of the schema; valid only if no rule found a fault.

        Rows that repeat a label of their architecture instead of adding a training are dropped.
        """
        frame = without_repetitions(self.frame[list(COLUMNS)], seeds_given=self._seeds_given)
        if repeated := len(self.frame) - len(frame):
            self.doubts.append(
                f"{repeated} of {len(self.frame)} rows repeat the value of another row of the same architecture: they"
                " are dropped, not counted as further trainings."
            )
            if not self._seeds_given:
                frame = frame.assign(train_seed=self._counted(frame))
        complete = frame.sort_values(list(KEY_COLUMNS), ignore_index=True, kind="stable")
        self.doubts += doubts_of(complete, self.num_classes)
        return complete

    def _columns(self) -> Faults:
        missing = [name for name in REQUIRED_COLUMNS if name not in self.frame.columns]
        for name in missing:
            yield self.whole_fault(
                f"has no column '{name}'. Required: {', '.join(REQUIRED_COLUMNS)}; present: {self._given}. Add or "
                "rename the column.",
                FaultKind.MISSING_COLUMN,
            )
        if self.frame.empty:
            yield self.whole_fault(f"has no rows. It needs at least {MIN_ARCHS} architectures.")
        self.sound = {str(name): np.ones(len(self.frame), dtype=bool) for name in self.frame.columns}
        for name in missing:
            self.frame[name] = pd.Series([None] * len(self.frame), dtype=object)
            self.sound[name] = np.zeros(len(self.frame), dtype=bool)
        defaults: dict[str, Any] = {
            "label_kind": SCRATCH.name,
            "metric": DEFAULT_METRIC,
            "stratum": Stratum.FREE.value,
            "source": "unstated",
            "schema_version": SCHEMA_VERSION,
        }
        for name, value in defaults.items():
            if name not in self.frame.columns:
                self.derive(name, value, f"taken as {value}")
        if "epochs" not in self.frame.columns:
            self.derive("epochs", pd.array([pd.NA] * len(self.frame), dtype="Int64"), "unknown")

    def _texts(self) -> Faults:
        for name in TEXT_COLUMNS:
            if name in self.frame.columns:
                column = self.frame[name]
                is_text = np.array(each_cell(column, lambda value: isinstance(value, str)), dtype=bool)
                yield from self.require(is_text, name, lambda value: f"is {value!r}, not a text.")
                breaks = "\t\n\r" if name == "arch_json" else ""
                writable = each_cell(column, partial(_is_writable, breaks=breaks))
                yield from self.require(
                    np.array(writable, dtype=bool),
                    name,
                    lambda value: f"is {excerpt(ascii(value))}, which holds characters that cannot be printed.",
                )
                # Categories would sort in their own order, and bytes need not be Unicode.
                texts = each_cell(column, lambda value: value if isinstance(value, str) else repr(value))
                self.frame[name] = pd.Series(texts, self.frame.index, dtype=str)
        allowed: dict[str, Iterable[str]] = {
            "space": self._spaces,
            "label_kind": LABEL_KINDS,
            "metric": METRICS,
            "stratum": [stratum.value for stratum in Stratum],
        }
        for name, values in allowed.items():
            yield from self._one_of(name, list(values))

    def _one_of(self, name: str, known: list[str]) -> Faults:
        yield from self.require(
            self.frame[name].isin(known).to_numpy(dtype=bool),
            name,
            lambda value: f"is '{value}', which is unknown. {suggestion(str(value), known)}",
        )

    def _values(self) -> Faults:
        numbers = pd.Series(each_cell(self.frame["value"], real), dtype=float)
        missing = self.frame["value"].isna()
        yield from self.require(
            (numbers.notna() | missing).to_numpy(dtype=bool), "value", lambda value: f"is {value!r}, not a number."
        )
        values = numbers.astype(float)
        self.frame["value"] = values
        yield from self.require(
            np.isfinite(values.to_numpy()),
            "value",
            lambda value: f"is {value}, not a finite number. Drop the rows of missing labels.",
        )
        for metric in METRICS.values():
            yield from self._within(metric)

    def _within(self, metric: Metric) -> Faults:
        values, others = self.frame["value"], self.frame["metric"] != metric.name
        yield from self.require(
            (others | values.between(metric.lowest, metric.highest)).to_numpy(dtype=bool),
            "value",
            lambda value: f"is {value}, but {metric.name} is between {metric.lowest:g} and {metric.highest:g}.",
            given=("metric",),
        )

    def _architectures(self) -> Faults:
        pairs = list(zip(self.frame["space"], self.frame["arch_json"], strict=True))
        readable = self.sound["space"] & self.sound["arch_json"]
        parsed: dict[tuple[str, str], Arch] = {}
        reasons: dict[tuple[str, str], str] = {}
        for space_name, text in dict.fromkeys(pair for pair, good in zip(pairs, readable, strict=True) if good):
            try:
                parsed[space_name, text] = self._spaces[space_name].parse(text)
            except SpecError as error:
                reasons[space_name, text] = str(error)
        broken = np.array([pair in reasons for pair in pairs], dtype=bool) & readable
        if broken.any():
            yield self.cells("arch_json", broken, [reasons[pairs[index]] for index in np.flatnonzero(broken)])
        ids = {pair: arch.arch_id for pair, arch in parsed.items()}
        derived = [ids.get(pair, "") for pair in pairs]
        if "arch_id" not in self.frame.columns:
            self.derive("arch_id", derived, "derived from arch_json")
        yield from self.require(
            (self.frame["arch_id"] == derived).to_numpy(dtype=bool),
            "arch_id",
            lambda value: (
                f"is '{value}', which is not the identity of the architecture in this row. Drop the column to have it "
                "derived."
            ),
            given=("space", "arch_json"),
        )
        # From here on, genes identify an architecture, even where its arch_id is wrong.
        self.frame["arch_id"] = derived
        self.sound["arch_id"] = self.sound["space"] & self.sound["arch_json"]
        self.frame["arch_json"] = [parsed[pair].json if pair in parsed else pair[1] for pair in pairs]
        self.archs = dict(sorted({arch.arch_id: arch for arch in parsed.values()}.items()))
        yield from self._enough(len(self.archs) + len(set(pairs) - set(parsed)))
        yield from self._one_stratum()

    def _enough(self, count: int) -> Faults:
        """Requires enough architectures, counting those with a fault."""
        if 0 < count < MIN_ARCHS:
            yield self.whole_fault(
                f"has {count} architecture{'s' if count > 1 else ''} (column 'arch_json'); at least {MIN_ARCHS} are "
                "needed to tell a proxy from chance. Add architectures."
            )

    def _one_stratum(self) -> Faults:
        sound = self.all_sound(("stratum", "arch_id"))
        strata = self.frame["stratum"].where(sound).groupby(self.frame["arch_id"], sort=False)
        yield from self.require(
            (self.frame["stratum"] == strata.transform("first")).to_numpy(dtype=bool),
            "stratum",
            lambda value: f"is '{value}', but another row of the same architecture has another stratum.",
            given=("arch_id",),
        )

    def _classes(self) -> Faults:
        if "num_classes" in self.frame.columns:
            yield from self.whole_numbers("num_classes", lowest=2)
        for name in sorted(set(self.frame["dataset"][self.sound["dataset"]])):
            known = self.num_classes.get(name, DATASETS[name].num_classes if name in DATASETS else None)
            given = None
            if "num_classes" in self.frame.columns:
                rows = (self.frame["dataset"] == name).to_numpy(dtype=bool) & self.all_sound(("num_classes", "dataset"))
                given = int(self.frame["num_classes"][rows].iloc[0]) if rows.any() else None
                yield from self._classes_agree(name, given, known)
            if known is None and given is None:
                self.assumed.append(name)
                self.notes.append(
                    f"The number of classes of {name} is unknown (no column num_classes): assuming "
                    f"{DEFAULT_NUM_CLASSES}."
                )
            self.num_classes[name] = known or given or DEFAULT_NUM_CLASSES

    def _classes_agree(self, dataset_name: str, given: int | None, known: int | None) -> Faults:
        column, others = self.frame["num_classes"], self.frame["dataset"] != dataset_name
        yield from self.require(
            (others | (column == given)).to_numpy(dtype=bool),
            "num_classes",
            lambda value: f"is {value}, but another row of the data set '{dataset_name}' has {given}.",
            given=("dataset",),
        )
        yield from self.require(
            (others | (column == (known or given))).to_numpy(dtype=bool),
            "num_classes",
            lambda value: (
                f"is {value}, but the known data set '{dataset_name}' has {known} classes. Correct the number, or "
                "rename the data set."
            ),
            given=("dataset",),
        )

    def _scales(self) -> Faults:
        """Requires one scale per block, since fractions among percents would rank below everything else."""
        sound = self.all_sound(("space", "dataset", "label_kind", "metric", "value"))
        mixed = np.zeros(len(self.frame), dtype=bool)
        accuracies = self.frame[sound & (self.frame["metric"] == PERCENT).to_numpy(dtype=bool)]
        for _, rows in accuracies.groupby(list(BLOCK_COLUMNS), sort=False):
            chance = 100 / self.num_classes[rows["dataset"].iloc[0]]
            mixed[rows.index] = fractions_among_percents(rows["value"].to_numpy(), chance)
        yield from self.require(
            ~mixed,
            "value",
            lambda value: (
                f"is {value:g}, a fraction, but other rows of the same block are in percent. Give {100 * value:g}, if "
                "this is meant."
            ),
        )

    def _seeds(self) -> Faults:
        self._seeds_given = "train_seed" in self.frame.columns
        if not self._seeds_given:
            self.derive("train_seed", self._counted(self.frame), "counted from 0 for each architecture")
        yield from self.whole_numbers("train_seed", lowest=0)
        sound = self.all_sound(KEY_COLUMNS)
        repeated = np.zeros(len(self.frame), dtype=bool)
        repeated[sound] = self.frame[sound].duplicated(list(KEY_COLUMNS)).to_numpy(dtype=bool)
        yield from self.require(
            ~repeated,
            "train_seed",
            lambda value: (
                f"is {value}, but an earlier row has the same architecture, data set, label kind, metric and seed. "
                "Number the repetitions, or drop the column to have them numbered."
            ),
        )

    def _counted(self, frame: pd.DataFrame) -> "pd.Series[int]":
        key = [name for name in KEY_COLUMNS if name != "train_seed"]
        return frame.groupby(key, sort=False, dropna=False).cumcount()

    def _counts(self) -> Faults:
        wanted = [name for name in ("params_count", "macs_count") if name not in self.frame.columns]
        if wanted:
            derived = yield from self._derived_counts()
            for name in wanted:
                self.frame[name] = [counts.get(name, 0) for counts in derived]
                self.sound[name] = self.all_sound(("arch_id", "dataset"))
            self.filled.extend(f"{name} (derived from arch_json)" for name in wanted)
        for name in COUNT_COLUMNS:
            if name not in ("epochs", "train_seed"):
                yield from self.whole_numbers(name, lowest=0)
        yield from self.require(
            (self.frame["schema_version"] <= SCHEMA_VERSION).to_numpy(dtype=bool),
            "schema_version",
            lambda value: (
                f"is {value}, but this version of autoprox reads tables up to schema version {SCHEMA_VERSION}. Install "
                "a later one."
            ),
        )

    def _derived_counts(self) -> Generator[Fault, None, list[dict[str, int]]]:
        found: dict[tuple[str, str], dict[str, int]] = {}
        reasons: dict[tuple[str, str], str] = {}
        pairs = list(zip(self.frame["arch_id"], self.frame["dataset"], strict=True))
        sound = self.all_sound(("arch_id", "dataset"))
        for arch_id, dataset_name in dict.fromkeys(pair for pair, good in zip(pairs, sound, strict=True) if good):
            arch = self.archs[arch_id]
            classes = self.num_classes[dataset_name]
            try:
                counts = self._spaces[arch.space].counts(arch, classes, *_image_shape(dataset_name))
            except SpecError as error:
                reasons[arch_id, dataset_name] = str(error)
            else:
                found[arch_id, dataset_name] = {"params_count": counts.params, "macs_count": counts.macs}
        broken = np.array([pair in reasons for pair in pairs], dtype=bool) & sound
        if broken.any():
            yield self.cells("dataset", broken, [reasons[pairs[index]] for index in np.flatnonzero(broken)])
        return [found.get(pair, {}) for pair in pairs]

    def _epochs(self) -> Faults:
        column = self.frame["epochs"]
        present = column.notna().to_numpy(dtype=bool)
        numbers = each_cell(column, whole)
        good = np.array([number is not None and 0 <= number <= LARGEST for number in numbers], dtype=bool)
        yield from self.require(~present | good, "epochs", lambda value: f"is {value!r}, not a whole number.")
        self.frame["epochs"] = pd.array(
            [number if sound else pd.NA for number, sound in zip(numbers, good, strict=True)], dtype="Int64"
        )


def _image_shape(dataset_name: str) -> tuple[int | None, int]:
    """Image size (None for the space's default) and channels of a data set, or of noise where it has no images."""
    if dataset_name in DATASETS:
        return DATASETS[dataset_name].img_size, DATASETS[dataset_name].in_chans
    return None, NOISE_CHANNELS


def _is_writable(cell: object, breaks: str) -> bool:
    """True if a text has no control characters except those in `breaks`; spaces of all widths are allowed."""
    text = cell if isinstance(cell, str) else ""
    return text.isprintable() or all(each.isprintable() or category(each) == "Zs" or each in breaks for each in text)
