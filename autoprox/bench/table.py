"""A benchmark table: its blocks, its splits, and the tasks of its networks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pandas as pd

from autoprox.base.errors import SpecError, TableError, suggestion
from autoprox.base.html import panel, scatter
from autoprox.bench._checks import MIN_ARCHS
from autoprox.bench._faults import Fault, raise_first
from autoprox.bench._reading import Reading
from autoprox.bench.block import Block
from autoprox.bench.digests import frame_digest
from autoprox.bench.labels import SCRATCH
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.bench.splits import Split, deal, from_document
from autoprox.bench.table_files import TableFiles
from autoprox.datasets import DATASETS, Dataset, LocalImages, dataset
from autoprox.datasets.batches import Batch, draw_batch
from autoprox.metrics import chance_of_best
from autoprox.spaces import Arch, Space, load_space
from autoprox.spaces.task import NOISE_CLASSES, Task, noise_task

DEFAULT_TABLE = "vitbench101"
FEW_ARCHS = 60
"""With fewer architectures a warning gives the tau that chance would reach."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Architectures with known accuracy.

    Attributes:
        name: Name for reports: the file name without suffix.
        path: The parquet file.
        frame: The rows with all columns, in the order of the schema.
        manifest: Content of the manifest; empty for a table without one.
        notes: Derived or default values, one sentence each.
        doubts: Valid but suspicious labels, one sentence each.
        spaces: The spaces by name, sorted.
        archs: The architectures by identity.
        num_classes: Number of classes of every data set.
        batches: Stored batches by data set.
        images: The user's image folders by data set.
    """

    name: str
    path: Path
    frame: pd.DataFrame
    manifest: dict[str, Any]
    notes: list[str]
    doubts: list[str]
    spaces: dict[str, Space]
    archs: dict[str, Arch]
    num_classes: dict[str, int]
    batches: dict[str, Batch]
    images: dict[str, Path]

    @classmethod
    def read(
        cls,
        source: str | Path = DEFAULT_TABLE,
        images: Mapping[str, Path] | None = None,
        spaces: Iterable[Space] = (),
    ) -> "Table":
        """Reads a table and checks it.

        Args:
            source: Path of a parquet file, or the name of an embedded table with or without suffix. An existing path
                takes precedence over a name.
            images: Folders with images for statistics, by data set, in the formats of
                `autoprox.datasets.open_images`. Folders of data sets that the table does not have are ignored.
            spaces: Your custom spaces in the table; built-in spaces are known.

        Raises:
            TableError: If there is no such table, or it breaks a rule; the message names file, column and row.
            StoreMismatchError: If the table, one of its spaces or its batches differ from the manifest.
            ImageError: If a folder holds no images in a known format, or images of another number of classes.
        """
        files = TableFiles(_find(source))
        reading = Reading(files, images, spaces)
        raise_first(reading.faults())
        table = cls(
            name=files.table.stem,
            path=files.table,
            frame=reading.frame,
            manifest=reading.manifest,
            notes=reading.notes,
            doubts=reading.doubts,
            spaces={name: reading.spaces[name] for name in sorted(set(reading.frame["space"]))},
            archs=reading.archs,
            num_classes=reading.num_classes,
            batches=reading.batches,
            images={name: path for name, path in (images or {}).items() if name in set(reading.frame["dataset"])},
        )
        table.notes.extend(f"Images of {name} are read from {path}." for name, path in table.images.items())
        if table.without_images:
            table.notes.append(
                f"No images of {', '.join(table.without_images)} are available: statistics are computed on Gaussian "
                "noise of the image size of each space."
            )
        return table

    @property
    def without_images(self) -> list[str]:
        """Data sets without images; statistics are computed on noise for them."""
        return [name for name in self.datasets if not self._has_images(name)]

    def __repr__(self) -> str:
        size = f"{len(self.archs)} architectures, {len(self.frame)} labels"
        return f"Table({self.name}: {size}, spaces {', '.join(self.spaces)}, data sets {', '.join(self.datasets)})"

    def _repr_html_(self) -> str:
        facts = {
            "architectures": str(len(self.archs)),
            "labels": f"{len(self.frame)}, {', '.join(self.label_kinds)}",
            "spaces": ", ".join(self.spaces),
            "data sets": ", ".join(self.datasets),
        }
        chosen = self.frame["metric"].iloc[0]
        counts = {each: float(self._params(arch)) for each, arch in self.archs.items()}
        rows = self.frame[self.frame["metric"] == chosen]
        points = [(counts[each], float(value)) for each, value in rows.groupby("arch_id")["value"].mean().items()]
        return panel(f"Table {self.name}", facts, scatter(points, [], "parameters", f"mean {chosen}"))

    def _params(self, arch: Arch) -> int:
        task = self.task(self.datasets[0], arch.space)
        return self.spaces[arch.space].params(arch, *task.shape)

    @cached_property
    def digest(self) -> str:
        """Digest of the rows and the numbers of classes."""
        return frame_digest(self.frame)

    @property
    def bank(self) -> Path | None:
        """File with precomputed statistics of its networks; None without such a file."""
        path = TableFiles(self.path).bank
        return path if path.exists() else None

    @property
    def datasets(self) -> list[str]:
        """Data set names, sorted."""
        return sorted(set(self.frame["dataset"]))

    @property
    def label_kinds(self) -> list[str]:
        """The label kinds, sorted."""
        return sorted(set(self.frame["label_kind"]))

    @property
    def metrics(self) -> list[str]:
        """The metrics, sorted."""
        return sorted(set(self.frame["metric"]))

    def blocks(
        self,
        spaces: Sequence[str] | None = None,
        datasets: Sequence[str] | None = None,
        label_kind: str | None = None,
        metric: str = DEFAULT_METRIC,
    ) -> list[Block]:
        """Selects blocks, sorted by space and data set. Seeds are averaged; label kinds are never pooled.

        Args:
            spaces: Names of spaces; all if None.
            datasets: Names of data sets; all if None.
            label_kind: The label kind; if None, the table's only one, or `scratch` if it has several.
            metric: The metric.

        Raises:
            TableError: If a name is not in the table (the message suggests the nearest), or the selection is empty.
            TableError: If a block has fewer than 12 architectures, or only one value.
        """
        kind = self._label_kind(label_kind)
        self._known("metric", [metric], self.metrics)
        wanted_spaces = self._known("space", spaces, list(self.spaces))
        wanted_datasets = self._known("dataset", datasets, self.datasets)
        selected = self.frame[(self.frame["label_kind"] == kind) & (self.frame["metric"] == metric)]
        blocks = []
        for space_name in wanted_spaces:
            for dataset_name in wanted_datasets:
                rows = selected[(selected["space"] == space_name) & (selected["dataset"] == dataset_name)]
                if not rows.empty:
                    blocks.append(self._block(rows, (space_name, dataset_name, kind, metric)))
        if not blocks:
            raise TableError(
                f"The table {self.path} has no {kind} labels in {metric} for spaces {', '.join(wanted_spaces)} and "
                f"data sets {', '.join(wanted_datasets)}. Select other spaces or data sets."
            )
        return blocks

    def splits(self) -> dict[str, Split]:
        """The split of every architecture: from the manifest, or else dealt in the order of their identities."""
        return self._splits

    @cached_property
    def _splits(self) -> dict[str, Split]:
        if "splits" in self.manifest:
            return from_document(self.manifest["splits"], self.archs)
        strata = self.frame.drop_duplicates("arch_id").set_index("arch_id")["stratum"]
        return deal(((arch, strata[arch_id]) for arch_id, arch in self.archs.items()), self.spaces)

    def task(self, dataset_name: str, space: Space | str) -> Task:
        """Task of a network of a space for a data set, with the batch for its statistics.

        Images come from the first available source: the user's folder, the batches stored with the table, or an
        installed package. Without any, the batch is noise of the space's image size, the same for all data sets. The
        user's images are resized to the size of the stored ones, or else to the space's.

        Args:
            dataset_name: Name of a data set of the table.
            space: A space or its name, which sets the size of noise and of the user's images.

        Raises:
            TableError: If the table has no such data set.
            ImageError: If one of the user's images cannot be decoded.
        """
        self._known("dataset", [dataset_name], self.datasets)
        owner = self.spaces[space] if isinstance(space, str) and space in self.spaces else load_space(space)
        stored = self.batches.get(dataset_name)
        if dataset_name in self.images:
            img_size = owner.default_img_size if stored is None else stored.images.shape[-1]
            return draw_batch(LocalImages(dataset_name, self.images[dataset_name], img_size).open()).task(dataset_name)
        if stored is not None:
            return stored.task(dataset_name)
        if self._has_images(dataset_name):
            return draw_batch(dataset(dataset_name)).task(dataset_name)
        return noise_task(dataset_name, NOISE_CLASSES, owner.default_img_size)

    def data(self, dataset_name: str, space: Space | str) -> Dataset:
        """The images of a data set, for training: the user's, or those of an installed package.

        Args:
            dataset_name: Name of a data set of the table.
            space: A space or its name, which sets the size of the user's images.

        Raises:
            TableError: If the table has no such data set, or there are no images of it.
            ImageError: If the user's images cannot be read.

        Example:
            >>> Table.read().data("digits", "pit-micro").num_classes
            10
        """
        self._known("dataset", [dataset_name], self.datasets)
        if dataset_name in self.images:
            size = self.task(dataset_name, space).img_size
            return LocalImages(dataset_name, self.images[dataset_name], size).open()
        if dataset_name not in DATASETS:
            raise TableError(
                f"There are no images of '{dataset_name}', on which a teacher could be trained; give the folder of its "
                "images, or a network as teacher."
            )
        return dataset(dataset_name)

    def _has_images(self, dataset_name: str) -> bool:
        """True if real images are stored or can be loaded from an installed package."""
        if dataset_name in self.images or dataset_name in self.batches:
            return True
        if dataset_name not in DATASETS:
            return False
        try:
            dataset(dataset_name)
        except SpecError:
            return False
        return True

    def _label_kind(self, given: str | None) -> str:
        if given is not None:
            return self._known("label_kind", [given], self.label_kinds)[0]
        kinds = self.label_kinds
        return kinds[0] if len(kinds) == 1 or SCRATCH.name not in kinds else SCRATCH.name

    def _known(self, column: str, given: Sequence[str] | None, present: list[str]) -> list[str]:
        if given is None:
            return present
        for name in given:
            if name not in present:
                raise TableError(f"The table {self.path} has no {column} '{name}'. {suggestion(name, present)}")
        return sorted(set(given))

    def _block(self, rows: pd.DataFrame, key: tuple[str, str, str, str]) -> Block:
        per_arch = rows.groupby("arch_id", sort=True).agg({"value": "mean", "stratum": "first"})
        values = per_arch["value"].to_numpy(dtype=float).copy()
        block = Block(*key, tuple(map(str, per_arch.index)), values, tuple(per_arch["stratum"]))
        if len(block) < MIN_ARCHS:
            raise TableError(
                f"The table {self.path} has {len(block)} architectures with column 'value' in the block {block.name}; "
                f"at least {MIN_ARCHS} are needed to tell a proxy from chance. Add labels, or select other blocks."
            )
        if (values == values[0]).all():
            raise TableError(
                f"The table {self.path}, column 'value': all {len(block)} architectures of the block {block.name} have "
                f"the same value {values[0]:g}, so nothing can be ranked. Select other blocks."
            )
        return block


def small_block_warnings(blocks: Sequence[Block], candidates: int) -> list[str]:
    """Warns of small blocks, with the tau that the best of many random scores would reach.

    Args:
        blocks: Blocks of any split.
        candidates: Number of scores tried.

    Returns:
        One sentence per block size below 60 architectures.

    Example:
        >>> import numpy as np
        >>> ids = tuple(f"a{i:02}" for i in range(20))
        >>> block = Block("pit-micro", "digits", "scratch", "top1_pct", ids, np.arange(20.0), ("free",) * 20)
        >>> small_block_warnings([block], 1000)[0][:65]
        'The block pit-micro/digits/scratch/top1_pct has 20 architectures,'
    """
    small: dict[int, list[str]] = {}
    for block in blocks:
        if len(block) < FEW_ARCHS:
            small.setdefault(len(block), []).append(block.name)
    return [
        f"The block{'s' if len(names) > 1 else ''} {', '.join(names)} {'have' if len(names) > 1 else 'has'} {count} "
        f"architectures, fewer than {FEW_ARCHS}: the best of {candidates} random scores would reach |tau| = "
        f"{chance_of_best(count, candidates):.2f} there by chance."
        for count, names in small.items()
    ]


def findings(source: str | Path, spaces: Iterable[Space] = ()) -> tuple[list[Fault], list[str]]:
    """All faults of a table (`Table.read` raises the first only), and its valid but suspicious values.

    Args:
        source: Path of a parquet file, or the name of an embedded table.
        spaces: Your custom spaces in the table.

    Raises:
        TableError: If there is no such table, or its rows cannot be read at all.

    Example:
        >>> findings("vitbench101")
        ([], [])
    """
    reading = Reading(TableFiles(_find(source)), spaces=spaces)
    return list(reading.faults()), reading.doubts


def embedded_tables() -> dict[str, Path]:
    """The tables included in the package, by name."""
    folder = Path(str(package_files("autoprox.bench"))) / "data"
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))}


def _find(source: str | Path) -> Path:
    path = Path(source)
    if not path.name:
        raise TableError(f"'{source}' is not a file; give a parquet file, or the name of an embedded table.")
    try:
        if path.exists():
            return path
    except OSError as error:
        raise TableError(
            f"'{str(source)[:80]}...' is not a valid path ({error.strerror}); give a parquet file."
        ) from error
    embedded = embedded_tables()
    name = str(source).removesuffix(".parquet")
    if name in embedded:
        return embedded[name]
    raise TableError(
        f"There is no table '{source}': no such file, and no embedded table of this name. {suggestion(name, embedded)}"
    )
