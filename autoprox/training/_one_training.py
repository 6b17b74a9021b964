"""The definition of one training: architecture, data set, label kind and repetition."""

from dataclasses import dataclass, field

from autoprox.base.digest import derived_seed
from autoprox.bench.labels import LabelKind
from autoprox.datasets import Dataset, LocalImages, dataset
from autoprox.spaces import Arch, Space


@dataclass(frozen=True, slots=True)
class Training:
    """Definition of a training, except the recipe.

    Attributes:
        space: The space of the architecture.
        arch: The architecture.
        dataset: Name of the data set.
        label_kind: Kind of the label.
        train_seed: Number of the repetition, from 0.
        images: The user's images, if the data set is not one of `DATASETS`.
    """

    space: Space = field(compare=False)
    arch: Arch
    dataset: str
    label_kind: LabelKind
    train_seed: int
    images: LocalImages | None = None

    def data(self) -> Dataset:
        """The data set, loaded once per process.

        Raises:
            RegistryError: If there is no data set of this name.
            SpecError: If the package that holds the images is not installed.
            ImageError: If the user's images cannot be read.
        """
        return dataset(self.dataset) if self.images is None else self.images.load()

    def seed(self, purpose: str) -> int:
        """The seed of one stream of random numbers of this training."""
        return derived_seed("train", purpose, self.arch.arch_id, self.dataset, self.label_kind.name, self.train_seed)
