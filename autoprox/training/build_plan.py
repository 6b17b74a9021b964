"""Plan of a build, and its list of trainings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from autoprox.base.errors import SpecError, suggestion
from autoprox.bench.labels import LABEL_KINDS, LabelKind
from autoprox.bench.schema import ISO_BUDGET_FACTORS, Stratum
from autoprox.datasets import DATASETS, Dataset, DatasetSource, LocalImages, dataset
from autoprox.spaces import Space, TaskShape, load_space
from autoprox.training._one_training import Training
from autoprox.training.device import CPU, kind_of
from autoprox.training.label_makers import maker_of
from autoprox.training.recipe import Recipe
from autoprox.training.sample import Sampled, sample


@dataclass(frozen=True)
class BuildPlan:
    """Contents of a table to build.

    A plan with larger numbers contains the plan with smaller numbers, since architectures come from nested lists and
    seeds count from 0.

    Attributes:
        spaces: The spaces, or their references for `load_space`.
        archs: Number of architectures per space.
        iso: Number of these in the iso strata.
        iso_strata: The iso strata, which share them evenly.
        datasets: Names of the data sets.
        seeds: Number of trainings from scratch per data set, for each architecture of the free stratum.
        iso_seeds: The same for the iso strata, in which differences are smaller.
        more_iso_seeds: Pairs of a block (`space/dataset`) and its number of trainings in place of `iso_seeds`, for
            blocks that need more to tell architectures of one size apart.
        label_kinds: Label kinds, or their names.
        label_seeds: Pairs of a label kind and its number of trainings per architecture in all strata, in place of the
            kind's default.
        label_archs: Pairs of a label kind and its number of architectures per space, counted from the first; kinds that
            are not listed label all.
        recipe: Recipe of the trainings.
        images: The user's images, for data sets that are not in `DATASETS`.
        device: Device of the trainings: `cpu`, `cuda` or `cuda:N`.
        sampled: The architectures; drawn if None.

    Raises:
        SpecError: If a value is out of range, or the plan is empty.
        RegistryError: If a space, a data set or a label kind is unknown.

    Example:
        >>> plan = BuildPlan(("pit-micro",), archs=4, iso=2, datasets=("digits",), seeds=1, iso_seeds=2)
        >>> plan.command("table.parquet").split(" --")[1:3]
        ['space pit-micro', 'archs 4']
    """

    spaces: tuple[Space | str, ...]
    archs: int
    iso: int
    datasets: tuple[str, ...]
    seeds: int
    iso_seeds: int
    more_iso_seeds: tuple[tuple[str, int], ...] = ()
    label_kinds: tuple[LabelKind | str, ...] = ("scratch",)
    label_seeds: tuple[tuple[str, int], ...] = ()
    label_archs: tuple[tuple[str, int], ...] = ()
    recipe: Recipe = field(default_factory=Recipe)
    images: tuple[LocalImages, ...] = ()
    device: str = CPU
    sampled: tuple[Sampled, ...] | None = None
    iso_strata: tuple[Stratum, ...] = (Stratum.ISO,)

    def __post_init__(self) -> None:
        for name in ("archs", "seeds", "iso_seeds"):
            if getattr(self, name) < 1:
                raise SpecError(f"`{name}` must be at least 1, not {getattr(self, name)}.")
        if not 0 <= self.iso <= self.archs:
            raise SpecError(f"`iso` must be between 0 and `archs` ({self.archs}), not {self.iso}.")
        spaces = tuple(space.name for space in self.owners)
        named = {"spaces": spaces, "datasets": self.datasets, "label_kinds": tuple(kind.name for kind in self.kinds)}
        for argument, names in named.items():
            if not names or len(set(names)) != len(names):
                raise SpecError(
                    f"`{argument}` needs at least one name, without repetitions, not: {' '.join(names) or '(none)'}."
                )
        for kind in self.kinds:
            maker_of(kind)
        self._check_kinds(named["label_kinds"])
        if not self.iso_strata or not set(self.iso_strata) <= set(ISO_BUDGET_FACTORS):
            raise SpecError(
                f"`iso_strata` takes at least one of {', '.join(ISO_BUDGET_FACTORS)}, not: "
                f"{' '.join(self.iso_strata) or '(none)'}."
            )
        kind_of(self.device)
        self._check_datasets()
        self._check_blocks()

    def _check_kinds(self, names: Sequence[str]) -> None:
        """Requires label kinds of the plan, each with a number of at least 1."""
        for argument in ("label_seeds", "label_archs"):
            for name, number in getattr(self, argument):
                if name not in names or number < 1:
                    raise SpecError(
                        f"`{argument}` {name}={number} needs one of the label kinds ({', '.join(names)}) and a number "
                        "of at least 1."
                    )

    def _check_blocks(self) -> None:
        """Requires blocks of the plan without repetitions, each with more seeds than `iso_seeds`."""
        blocks = [f"{space.name}/{dataset_name}" for space in self.owners for dataset_name in self.datasets_of(space)]
        named = [block for block, _ in self.more_iso_seeds]
        for block, seeds in self.more_iso_seeds:
            if block not in blocks:
                raise SpecError(
                    f"`more_iso_seeds` names '{block}', which this table lacks. {suggestion(block, blocks)}"
                )
            if named.count(block) > 1:
                raise SpecError(f"`more_iso_seeds` names '{block}' twice.")
            if seeds <= self.iso_seeds:
                raise SpecError(f"`more_iso_seeds` {block}={seeds} must exceed `iso_seeds` ({self.iso_seeds}).")

    def _check_datasets(self) -> None:
        for local in self.images:
            if local.name in DATASETS or local.name not in self.datasets:
                what = "is a built-in data set" if local.name in DATASETS else "is not among `datasets`"
                raise SpecError(f"`images` names '{local.name}', which {what}. Give the images another name.")
        for space in self.owners:
            for dataset_name in self.datasets_of(space):
                space.check_task(*self._shape(dataset_name))

    @cached_property
    def owners(self) -> tuple[Space, ...]:
        """The spaces."""
        return tuple(load_space(each) for each in self.spaces)

    @cached_property
    def kinds(self) -> tuple[LabelKind, ...]:
        """The label kinds."""
        return tuple(each if isinstance(each, LabelKind) else LABEL_KINDS[each] for each in self.label_kinds)

    @cached_property
    def architectures(self) -> tuple[Sampled, ...]:
        """All architectures; spaces alternate, so that every prefix of the list is balanced.

        Raises:
            SpecError: If a space does not have enough architectures.
        """
        if self.sampled is not None:
            return self.sampled
        lists = [sample(space, self.archs, self.iso, self.iso_strata) for space in self.owners]
        return tuple(item for turn in zip(*lists, strict=True) for item in turn)

    def trainings(self) -> list[Training]:
        """All trainings, grouped by architecture."""
        owners = {space.name: space for space in self.owners}
        before: Counter[str] = Counter()
        trainings = []
        for item in self.architectures:
            space, place = owners[item.arch.space], before[item.arch.space]
            before[item.arch.space] += 1
            trainings += [
                Training(space, item.arch, dataset_name, kind, seed, self._local(dataset_name))
                for kind in self.kinds
                if place < dict(self.label_archs).get(kind.name, self.archs)
                for dataset_name in self.datasets_of(space)
                for seed in range(self.seeds_of(item, kind, dataset_name))
            ]
        return trainings

    def datasets_of(self, space: Space) -> tuple[str, ...]:
        """The data sets of a space: all, or those that fit the task of a space around a trained network.

        Raises:
            SpecError: If no data set fits the task.
        """
        if space.own_task is None:
            return self.datasets
        fitting = tuple(name for name in self.datasets if self._shape(name) == space.own_task)
        if not fitting:
            raise SpecError(
                f"No data set of `datasets` fits the networks of '{space.name}', which take "
                f"{space.own_task.num_classes} classes, {space.own_task.img_size} px and {space.own_task.in_chans} "
                "channels. Add the data set of the trained network."
            )
        return fitting

    def _shape(self, dataset_name: str) -> TaskShape:
        source = self.source(dataset_name)
        return TaskShape(source.num_classes, source.img_size, source.in_chans)

    def seeds_of(self, item: Sampled, kind: LabelKind, dataset_name: str) -> int:
        """Number of trainings of an architecture on a data set."""
        seeds = dict(self.label_seeds).get(kind.name, kind.seeds)
        if seeds is not None:
            return seeds
        if item.stratum is Stratum.FREE:
            return self.seeds
        return dict(self.more_iso_seeds).get(f"{item.arch.space}/{dataset_name}", self.iso_seeds)

    def dataset_digests(self) -> dict[str, str]:
        """Digest of each data set; loads its images."""
        return {name: self.data(name).digest for name in self.datasets}

    def data(self, dataset_name: str) -> Dataset:
        """A data set of the plan, with its images in memory."""
        local = self._local(dataset_name)
        return dataset(dataset_name) if local is None else local.load()

    def source(self, dataset_name: str) -> DatasetSource:
        """Facts about a data set of the plan.

        Raises:
            RegistryError: If there is no data set of this name.
            ImageError: If the user's images cannot be used.
        """
        local = self._local(dataset_name)
        return DATASETS[dataset_name] if local is None else local.source()

    def _local(self, dataset_name: str) -> LocalImages | None:
        return next((local for local in self.images if local.name == dataset_name), None)

    def command(self, out: str) -> str:
        """The command that builds this table.

        Args:
            out: Value of --out.
        """
        parts: Sequence[tuple[str, Sequence[object]]] = (
            ("--space", [space.reference or space.name for space in self.owners]),
            ("--archs", [self.archs]),
            ("--iso", [self.iso]),
            ("--iso-strata", self.iso_strata if self.iso_strata != (Stratum.ISO,) else ()),
            ("--datasets", self.datasets),
            ("--seeds", [self.seeds]),
            ("--iso-seeds", [self.iso_seeds]),
            ("--more-iso-seeds", [f"{block}={seeds}" for block, seeds in self.more_iso_seeds]),
            ("--labels", self.kinds),
            ("--label-seeds", [f"{name}={seeds}" for name, seeds in self.label_seeds]),
            ("--label-archs", [f"{name}={archs}" for name, archs in self.label_archs]),
            ("--epochs", [self.recipe.epochs]),
            ("--images", [f"{local.name}={local.path}" for local in self.images]),
            ("--img-size", sorted({local.img_size for local in self.images})),
            ("--device", [kind_of(self.device)] if self.device != CPU else []),
            ("--out", [out]),
        )
        options = " ".join(f"{name} {' '.join(str(value) for value in values)}" for name, values in parts if values)
        flag = " --zero-residuals" if self.recipe.zero_residuals else ""
        return f"python -m autoprox.bench build {options}{flag}"
