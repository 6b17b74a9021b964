"""Reads the files of a table and compares them with each other."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoprox.base.errors import ImageError, StoreMismatchError, TableError
from autoprox.bench._checks import Checker
from autoprox.bench._faults import Fault
from autoprox.bench.digests import frame_digest
from autoprox.bench.owners import changes, known_spaces, missing
from autoprox.bench.splits import from_document
from autoprox.bench.table_files import TableFiles, read_frame, read_manifest
from autoprox.datasets import read_contents
from autoprox.datasets.batches import Batch, read_batches
from autoprox.spaces import Arch, Space


class Reading:
    """One reading of a table, which yields faults as it finds them.

    Args:
        files: The files.
        images: The user's image folders by data set; only the number of classes is read from them here.
        spaces: The user's spaces.

    Attributes:
        frame: The complete rows; empty until they are checked without fault.
        manifest: Content of the manifest; empty if the table has none, or an unreadable one.
        batches: Stored batches by data set; empty likewise.
        notes: Derived or default values, one sentence each.
        doubts: Valid but suspicious values, one sentence each.
        archs: The architectures by identity.
        num_classes: Number of classes of every data set.
        spaces: The spaces that the table may hold, by name.
    """

    def __init__(
        self, files: TableFiles, images: Mapping[str, Path] | None = None, spaces: Iterable[Space] = ()
    ) -> None:
        self.spaces = known_spaces(spaces)
        self._files = files
        self._images = images or {}
        self._described = False
        self.frame = pd.DataFrame()
        self.manifest: dict[str, Any] = {}
        self.batches: dict[str, Batch] = {}
        self.notes: list[str] = []
        self.doubts: list[str] = []
        self.archs: dict[str, Arch] = {}
        self.num_classes: dict[str, int] = {}

    def faults(self) -> Iterator[Fault]:
        """Reads and checks everything.

        Raises:
            TableError: If the rows cannot be read at all.
            ImageError: If the user's images cannot be used.
        """
        files = self._files
        yield from self._read_batches()
        rows = read_frame(files.table)
        stored = {name: batch.num_classes for name, batch in self.batches.items()}
        faults = list(self._read_manifest())
        clean = not faults
        yield from faults
        if next(missing(self.spaces, self.manifest), None):
            return  # every row of a missing space would be a fault
        classes = stored | self._classes_of_images(rows, stored)
        checker = Checker(rows, files.table, classes, self.spaces)
        for fault in checker.faults():
            clean = False
            yield fault
        if clean:
            self.frame = checker.complete()
        self.notes, self.doubts = checker.notes, checker.doubts
        self.archs, self.num_classes = checker.archs, checker.num_classes
        if self._described:
            yield from self._compare_with_manifest(clean=clean)

    def _read_manifest(self) -> Iterator[Fault]:
        if self._files.manifest.exists():
            try:
                self.manifest = read_manifest(self._files.manifest)
            except TableError as error:
                yield self._fault(str(error), TableError)
            else:
                self._described = True
                for text in changes(self.spaces, self.manifest):
                    yield self._fault(f"The table {self._files.table}: {text}")
                for text in missing(self.spaces, self.manifest):
                    yield self._fault(f"The table {self._files.table} {text}", TableError)

    def _classes_of_images(self, rows: pd.DataFrame, stored: Mapping[str, int]) -> dict[str, int]:
        """Number of classes of each data set with a folder of the user's images."""
        present = list(rows["dataset"]) if self._images and "dataset" in rows.columns else []
        found = {name: read_contents(path).num_classes for name, path in self._images.items() if name in present}
        for name, count in found.items():
            if stored.get(name, count) != count:
                raise ImageError(
                    f"The folder {self._images[name]} has images of {count} classes, but the data set '{name}' of "
                    f"{self._files.table} has {stored[name]}. Give the folder with the images of the labels."
                )
        return found

    def _read_batches(self) -> Iterator[Fault]:
        try:
            self.batches = read_batches(self._files.batches)
        except TableError as error:
            yield self._fault(str(error), TableError)
        for name, batch in list(self.batches.items()):
            if not _is_sound(batch):
                del self.batches[name]
                yield self._fault(
                    f"The batch of the data set '{name}' in {self._files.batches} is damaged: its arrays do not fit "
                    "together. Restore the file, or build the table again.",
                    TableError,
                )

    def _compare_with_manifest(self, *, clean: bool) -> Iterator[Fault]:
        """Compares the batches, and the rows if they have no fault; otherwise their digest differs in any case."""
        files = self._files
        if clean and self.manifest.get("digest") != frame_digest(self.frame):
            yield self._fault(
                f"The table {files.table} differs from the one that its manifest {files.manifest.name} describes. "
                "Restore it; if the change is intended, rename the table."
            )
        stored = {name: batch.digest for name, batch in self.batches.items()}
        described = self.manifest.get("batches")
        if described != stored:
            known = described if isinstance(described, dict) else {}
            names = sorted(name for name in stored.keys() | known.keys() if stored.get(name) != known.get(name))
            yield self._fault(
                f"The batches {files.batches} differ from the description in the manifest {files.manifest.name} "
                f"({', '.join(names) or 'it describes none'}). Restore them, or build the table again."
            )
        if clean and "splits" in self.manifest:
            try:
                from_document(self.manifest["splits"], self.archs)
            except StoreMismatchError as error:
                yield self._fault(str(error))

    def _fault(self, text: str, error: type[TableError] | type[StoreMismatchError] = StoreMismatchError) -> Fault:
        return Fault(self._files.table, (text,), error=error)


def _is_sound(batch: Batch) -> bool:
    """True if a network accepts the arrays of a batch."""
    images, labels = batch.images, batch.labels
    return bool(
        images.dtype == np.uint8
        and images.ndim == 4
        and images.shape[2] == images.shape[3]
        and labels.shape == images.shape[:1]
        and np.issubdtype(labels.dtype, np.integer)
        and len(labels) > 0
        and 0 <= labels.min() <= labels.max() < batch.num_classes
        and batch.mean.shape == batch.std.shape == images.shape[1:2]
    )
