"""Verification of a search: its pick is trained and compared with random allowed architectures and the largest.

A score is useful if its pick is better than two choices without a score: a random allowed architecture, and the largest
one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import delayed
from scipy import stats

from autoprox.base.errors import AutoproxError, SpecError
from autoprox.base.parallel import explained_loss
from autoprox.base.progress import ContinuedProgress
from autoprox.base.workers import processes
from autoprox.bench.labels import SCRATCH, LabelKind
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.datasets import LocalImages
from autoprox.search._region import Region
from autoprox.search.result import SearchResult
from autoprox.spaces import Arch
from autoprox.spaces.costs import PARAMS
from autoprox.training import Training
from autoprox.training.build_journal import BuildJournal, training_key
from autoprox.training.recipe import Recipe
from autoprox.training.train import TrainingResult, definition, train

RANDOM_ARCHS = 5
CONFIDENCE = 0.95
JOURNAL = "verification.sqlite"
"""Name of the file with finished trainings in the folder of a search."""

_DRAWS = 100
# Draws per random architecture; only a tiny region needs more.

PICK, LARGEST, RANDOM = "pick", "largest", "random"

Interval = tuple[float, float]


@dataclass(frozen=True)
class TrainedArch:
    """An architecture and the results of its trainings.

    Args:
        role: `pick`, `largest`, or `random` with a number.
        arch: The architecture.
        params: Its number of parameters for the task of the search.
        accuracies: Test accuracy in %, one per training that did not fail.
        failures: Reasons of the failed ones.
    """

    role: str
    arch: Arch
    params: int
    accuracies: tuple[float, ...]
    failures: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean accuracy; NaN if all trainings failed."""
        return float(np.mean(self.accuracies)) if self.accuracies else math.nan

    @property
    def interval(self) -> Interval:
        """95 % t interval over trainings; NaN with fewer than two.

        Example:
            >>> arch = Arch("toy", {"width": 8})
            >>> [round(bound, 2) for bound in TrainedArch("pick", arch, 10, (90.0, 92.0, 94.0)).interval]
            [87.03, 96.97]
        """
        count = len(self.accuracies)
        if count < 2:
            return math.nan, math.nan
        half = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(self.accuracies, ddof=1) / math.sqrt(count)
        return self.mean - float(half), self.mean + float(half)

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data; undefined values are None."""
        return {
            "role": self.role,
            "arch": self.arch.genes,
            "arch_id": self.arch.arch_id,
            "params": self.params,
            "top1_pct": list(self.accuracies),
            "mean": _known(self.mean),
            "ci95": [_known(bound) for bound in self.interval],
            "failures": list(self.failures),
        }


@dataclass(frozen=True)
class Difference:
    """Advantage of the pick over another architecture.

    Args:
        against: Name of the other architecture.
        points: Difference of the mean accuracies, in percentage points; NaN if one of them is unknown.
        interval: 95 % interval of the difference (Welch's t over trainings); NaN with fewer than two trainings of
            either.
    """

    against: str
    points: float
    interval: Interval

    @classmethod
    def between(cls, pick: TrainedArch, other: TrainedArch, against: str) -> "Difference":
        """Difference of two architectures."""
        interval = (math.nan, math.nan)
        ours, theirs = pick.accuracies, other.accuracies
        if min(len(ours), len(theirs)) >= 2:
            if np.ptp(ours) or np.ptp(theirs):
                found = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(CONFIDENCE)
                interval = (float(found.low), float(found.high))
            else:
                interval = (pick.mean - other.mean,) * 2
        return cls(against, pick.mean - other.mean, interval)

    @property
    def beats(self) -> bool | None:
        """True if the pick's mean is higher; None if unknown."""
        return None if math.isnan(self.points) else self.points > 0

    @property
    def verdict(self) -> str:
        """The comparison in words.

        Example:
            >>> Difference("the largest", 1.25, (-0.5, 3.0)).verdict
            'beats the largest by 1.25 points, 95 % interval [-0.50, 3.00]: not significant'
        """
        if self.beats is None:
            return f"cannot be compared with {self.against}: all trainings of one of the two failed"
        how = "beats" if self.points > 0 else "equals" if self.points == 0 else "falls behind"
        text = f"{how} {self.against}" + (f" by {abs(self.points):.2f} points" if self.points else "")
        low, high = self.interval
        if math.isnan(low):
            return f"{text}; one training each gives no interval"
        judged = "significant" if low > 0 or high < 0 else "not significant"
        return f"{text}, 95 % interval [{low:.2f}, {high:.2f}]: {judged}"

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data; undefined values are None."""
        return {
            "against": self.against,
            "beats": self.beats,
            "points": _known(self.points),
            "ci95": [_known(bound) for bound in self.interval],
        }


@dataclass(frozen=True)
class Verification:
    """Result of the trainings.

    Args:
        dataset: Name of the data set.
        epochs: Epochs of each training.
        pick: The pick.
        largest: The largest allowed architecture, which may be the pick itself.
        randoms: The random architectures.
    """

    dataset: str
    epochs: int
    pick: TrainedArch
    largest: TrainedArch
    randoms: tuple[TrainedArch, ...]

    @property
    def median(self) -> TrainedArch:
        """The median random architecture; the better of the two medians of an even number."""
        known = sorted((each for each in self.randoms if not math.isnan(each.mean)), key=lambda each: each.mean)
        return known[len(known) // 2] if known else self.randoms[0]

    @property
    def differences(self) -> tuple[Difference, Difference]:
        """The pick against the median random architecture and against the largest."""
        median = Difference.between(self.pick, self.median, "the median random architecture")
        return median, Difference.between(self.pick, self.largest, "the largest allowed architecture")

    @property
    def rows(self) -> tuple[TrainedArch, ...]:
        """All trained architectures: the pick, the random ones, the largest."""
        return self.pick, *self.randoms, self.largest

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data; deterministic for the same trainings."""
        return {
            "dataset": self.dataset,
            "epochs": self.epochs,
            "metric": DEFAULT_METRIC,
            "trained": [each.to_document() for each in self.rows],
            "pick_is_largest": self.pick.arch == self.largest.arch,
            "comparisons": [each.to_document() for each in self.differences],
        }


def verify(
    result: SearchResult,
    region: Region,
    dataset: str,
    rng: np.random.Generator,
    *,
    images: LocalImages | None = None,
    recipe: Recipe | None = None,
    kind: LabelKind = SCRATCH,
    seeds: int = 3,
    randoms: int = RANDOM_ARCHS,
    jobs: int = 1,
    journal: Path,
    progress: ContinuedProgress | None = None,
) -> Verification:
    """Trains the pick of a search, random allowed architectures and the largest allowed one.

    The random ones are drawn as in the search, distinct from each other, the pick and the largest.

    Args:
        result: Result of the search.
        region: The allowed architectures; its task defines their size.
        dataset: Name of the data set.
        rng: Source of the random architectures.
        images: Location of the images, for a data set that is not included in autoprox.
        recipe: Training recipe; the one of the benchmark table if None.
        kind: Label kind: from scratch, or with a teacher (`autoprox.bench.labels.KD`).
        seeds: Trainings of each architecture.
        randoms: Number of random architectures.
        jobs: Number of processes; the result does not depend on it.
        journal: A file that records finished trainings, so that an interrupted verification is resumed.
        progress: A progress bar.

    Raises:
        SpecError: If a number is below 1, too few other architectures are allowed for the random ones, or the space
            does not take the images.
        AutoproxError: If every training of the pick failed.
        StoreMismatchError: If the journal cannot be used.
    """
    recipe = recipe or Recipe()
    for name, value in {"seeds": seeds, "randoms": randoms}.items():
        if value < 1:
            raise SpecError(f"`{name}` is {value}; it must be at least 1.")
    pick, largest = result.pick.arch, region.largest()
    drawn = _drawn(region, {pick, largest}, randoms, rng)
    archs = list(dict.fromkeys([pick, *drawn, largest]))
    trainings = [Training(region.space, arch, dataset, kind, seed, images) for arch in archs for seed in range(seeds)]
    data = trainings[0].data()
    region.space.check_task(data.num_classes, data.img_size, data.in_chans)
    keys = {training: _key(recipe, training) for training in trainings}
    with BuildJournal(journal, recipe) as held, explained_loss():
        missing = [training for training in trainings if held.outcome(keys[training]) is None]
        finished = _trained(missing, recipe, jobs)
        done = len(trainings) - len(missing)
        for training, outcome in finished if progress is None else progress(finished, len(trainings), done):
            held.record(keys[training], training, outcome)
        outcomes = {training: held.outcome(keys[training]) for training in trainings}

    def trained(role: str, arch: Arch) -> TrainedArch:
        found = [outcome for training, outcome in outcomes.items() if training.arch == arch and outcome is not None]
        accuracies = tuple(each.values[DEFAULT_METRIC] for each in found if not each.failure)
        failures = tuple(each.failure for each in found if each.failure)
        return TrainedArch(role, arch, int(region.cost(PARAMS, arch)), accuracies, failures)

    own = trained(PICK, pick)
    if not own.accuracies:
        raise AutoproxError(f"All {seeds} trainings of the pick failed: {own.failures[0]}. Verify on another data set.")
    others = tuple(trained(f"{RANDOM} {number}", arch) for number, arch in enumerate(drawn, start=1))
    return Verification(dataset, recipe.epochs, own, trained(LARGEST, largest), others)


def _drawn(region: Region, taken: set[Arch], wanted: int, rng: np.random.Generator) -> list[Arch]:
    """Distinct random architectures; from a list if only few are allowed, since drawing them would take long."""
    left = None if region.size is None else region.size - len(taken)
    if left is not None and left < wanted:
        raise SpecError(
            f"The constraints allow {region.size} architectures, too few for a pick, the largest and {wanted} random "
            "ones. Widen the constraints, or request fewer."
        )
    if left is not None and left <= 4 * wanted:
        others = [arch for arch in region if arch not in taken]
        return [others[index] for index in rng.permutation(left)[:wanted]]
    drawn: list[Arch] = []
    for _ in range(_DRAWS * wanted):
        arch = region.draw(rng)
        if arch not in taken and arch not in drawn:
            drawn.append(arch)
        if len(drawn) == wanted:
            return drawn
    raise SpecError(
        f"{_DRAWS * wanted} draws gave only {len(drawn)} different architectures that the constraints allow, and "
        f"{wanted} random ones are needed. Widen the constraints, or request fewer."
    )


def _key(recipe: Recipe, training: Training) -> str:
    return training_key(definition(recipe, training), training.arch.arch_id, training.train_seed)


def _trained(trainings: Sequence[Training], recipe: Recipe, jobs: int) -> Iterator[tuple[Training, TrainingResult]]:
    """Yields trainings as they finish, in any order; none is dispatched before a process is free."""
    parallel = processes(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
    yield from parallel(delayed(_train)(training, recipe) for training in trainings)


def _train(training: Training, recipe: Recipe) -> tuple[Training, TrainingResult]:
    return training, train(training, recipe)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
