"""A trained supernet in a folder: parameters as safetensors, and their description as JSON."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from autoprox.base.digest import bytes_digest
from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.base.files import json_writer
from autoprox.base.foreign import MOST_ARRAY_BYTES, guarded, read_bytes, read_json
from autoprox.datasets import DATASETS, Dataset, LocalImages, dataset
from autoprox.networks import Weights
from autoprox.spaces import Arch, Space, TaskShape, load_space, space_names
from autoprox.supernet._supernet import Supernet
from autoprox.training.step_journal import StepJournal

SUPERNET, PARAMETERS = "supernet.json", "supernet.safetensors"
"""Names of the files."""
SUPERNET_JOURNAL = StepJournal("training.sqlite", "supernet", "pass")
FORMAT, FORMAT_VERSION = "autoprox.supernet", 1


@dataclass(frozen=True, slots=True)
class Inherited(Weights):
    """Parameters that networks inherit from a trained supernet (`Network(space, arch, task, Inherited(folder))`).

    Running statistics of batch normalisations are not inherited: see `recalibrate`.

    Args:
        folder: Folder written by `autoprox supernet train`.

    Attributes:
        digest: Digest of the parameters.
        document: Description of the parameters.

    Raises:
        StoreMismatchError: If the folder holds no supernet.
    """

    folder: Path
    digest: str = field(init=False)
    document: Mapping[str, Any] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        folder = Path(self.folder)

        def failure(reason: str) -> StoreMismatchError:
            return StoreMismatchError(
                f"'{folder}' holds no trained supernet: {reason}. Give a folder of a finished `autoprox supernet "
                "train`.",
                folder / SUPERNET,
            )

        with guarded(failure):
            document = read_json(folder / SUPERNET)
            if (document["format"], document["format_version"]) != (FORMAT, FORMAT_VERSION):
                raise ValueError(f"{SUPERNET} has another format")
            found = bytes_digest(read_bytes(folder / PARAMETERS, MOST_ARRAY_BYTES))
            if found != document["digest"]:
                raise ValueError(f"{PARAMETERS} does not match {SUPERNET}")
            TaskShape(**{name: int(value) for name, value in document["task"].items()})
            if document["images"] is not None and not isinstance(document["images"], str):
                raise ValueError("the path of its images is not a text")
            for name in ("space", "dataset", "dataset_digest"):
                document[name] = str(document[name])
        object.__setattr__(self, "digest", found)
        object.__setattr__(self, "document", document)

    @property
    def identity(self) -> list[str]:
        """The digest of the parameters."""
        return ["inherited", self.digest]

    @property
    def group(self) -> Hashable:
        """Digest of the parameters: subnets of the same supernet are ranked together."""
        return self.digest

    @property
    def task(self) -> TaskShape:
        """Classes and image shape of the supernet."""
        return TaskShape(**self.document["task"])

    def space(self, given: Space | None = None) -> Space:
        """The space of the supernet: the given one, or a built-in one.

        Raises:
            SpecError: If the given space is another one, or has changed.
            SpecError: If a space that is not built in is not given.
        """
        name = self.document["space"]
        if given is None and name not in space_names():
            raise SpecError(
                f"The supernet in '{self.folder}' has the space '{name}', which is not built in. Give this space "
                "(`space`)."
            )
        found = load_space(name) if given is None else given
        if (found.name, found.identity) != (name, self.document["space_identity"]):
            what = "which has changed since" if found.name == name else f"not '{found.name}'"
            raise SpecError(f"The supernet in '{self.folder}' has the space '{name}', {what}. Give the original space.")
        return found

    def supernet(self, space: Space | None = None) -> Supernet:
        """The supernet in evaluation mode.

        Raises:
            SpecError: As for `space`.
            StoreMismatchError: If the files do not fit the space.
        """
        return _loaded(self, self.space(space))

    def images(self, given: LocalImages | None = None) -> Dataset:
        """The images of the training.

        Args:
            given: The user's images; from the original path if None.

        Raises:
            SpecError: If the images differ from those of the training.
            ImageError: If the images cannot be read.
        """
        name, path = self.document["dataset"], self.document["images"]
        if given is None and name not in DATASETS:
            given = LocalImages(name, Path(str(path)), self.task.img_size)
        found = dataset(name) if given is None else given.load()
        if found.digest != self.document["dataset_digest"]:
            raise SpecError(
                f"The images '{name}' differ from those of the training of the supernet in '{self.folder}'. Give the "
                "original images."
            )
        return found

    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds the network of an architecture with its inherited parameters.

        Raises:
            SpecError: If the supernet has another space, image shape or number of classes.
            StoreMismatchError: If the files do not fit the space.
        """
        if tuple(task) != tuple(self.task):
            raise SpecError(
                f"The supernet in '{self.folder}' takes {_text(self.task)}, not {_text(task)}. Train a supernet for "
                "these."
            )
        return self.supernet(space).extract(arch)


@lru_cache(maxsize=2)
def _loaded(weights: Inherited, space: Space) -> Supernet:
    task = weights.task
    supernet = Supernet(space, num_classes=task.num_classes, img_size=task.img_size, in_chans=task.in_chans)

    def failure(reason: str) -> StoreMismatchError:
        return StoreMismatchError(f"The parameters in '{weights.folder}' do not fit its space: {reason}. Train again.")

    with guarded(failure):
        supernet.load_state_dict(safetensors.torch.load_file(weights.folder / PARAMETERS))
    return supernet.eval()


def _text(task: TaskShape) -> str:
    return f"{task.num_classes} classes and images of {task.in_chans} x {task.img_size} x {task.img_size}"


def supernet_files(
    supernet: Supernet, data: Dataset, images: Path | None, facts: Mapping[str, Any]
) -> tuple[dict[str, Callable[[Path], object]], dict[str, Any]]:
    """Writers of the files of a trained supernet.

    Args:
        supernet: The trained supernet.
        data: Data set of the training.
        images: Path of its images; None for a built-in data set.
        facts: Further entries of the document, as JSON-like data.

    Returns:
        A writer for each file, given its path, parameters first; and the document.
    """
    content: bytes = safetensors.torch.save({name: value.contiguous() for name, value in supernet.state_dict().items()})
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "digest": bytes_digest(content),
        "space": supernet.space.name,
        "space_identity": supernet.space.identity,
        "task": supernet.task._asdict(),
        "dataset": data.name,
        "dataset_digest": data.digest,
        "images": None if images is None else str(images),
        **facts,
    }
    return {PARAMETERS: lambda path: path.write_bytes(content), SUPERNET: json_writer(document)}, document
