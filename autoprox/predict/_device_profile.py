"""Measures a space on this machine: the latency of architectures and of their layers, in rounds.

The speed of a machine drifts, and other processes disturb measurements. Therefore everything is measured in several
rounds, each in a different order, and the minimum counts: the least disturbed pass. The two halves of the rounds are
two profiles of the same machine; comparing them gives its noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.base.progress import ContinuedProgress
from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.metrics import kendall_tau_b
from autoprox.networks.latency import NOISY, Conditions, fastest_forward, machine
from autoprox.predict._latency_model import LatencyModel, PredictionError, fitted
from autoprox.predict._layer_times import TimedLayer, layers_of
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import TaskShape

PROFILE_JOURNAL = "profile.sqlite"
"""Name of the file with the measurements."""
PROFILE_FORMAT = StoreFormat(
    "journal of a profile",
    f"{FACTS}; create table timings (name text primary key, seconds real not null) without rowid",
    "Delete '{path}': it holds only times, which can be measured again.",
)
LEAST_ARCHS = 20
"""Minimum number of architectures of a profile."""
HELD_OUT = 0.2
"""Share of the architectures held out from fitting."""
AGREEMENT = 0.9
"""Kendall's tau between two halves of the rounds below which a profile is noisy."""
ROUNDS = 6
"""Number of rounds."""
LAYERS_PER_ARCH = 2
"""Maximum number of distinct layers per architecture; with more, layers hardly recur and are not timed."""


@dataclass(frozen=True)
class Repeats:
    """Repeatability of a profile: agreement of the first and the second half of the rounds.

    Args:
        n: Number of architectures.
        tau: Kendall's tau-b between the halves.
        difference: Median of the relative differences.
    """

    n: int
    tau: float
    difference: float

    @classmethod
    def of(cls, first: Floats, second: Floats) -> "Repeats":
        """Compares two measurements of the same architectures, both `(n,)` in seconds.

        Example:
            >>> print(Repeats.of(np.array([1.0, 2.0, 4.0]), np.array([1.1, 1.9, 4.0])).difference)
            0.053
        """
        difference = np.abs(second - first) / np.minimum(first, second)
        return cls(len(first), float(kendall_tau_b(second[None], first)[0]), float(np.median(np.round(difference, 3))))

    @property
    def noisy(self) -> bool:
        """True if the halves differ by too much, or rank networks differently."""
        return self.difference > NOISY or self.tau < AGREEMENT


@dataclass(frozen=True)
class Profile:
    """Measurements, and the model fitted to them.

    Args:
        model: The model of the chosen kind.
        chosen_by: Mean absolute relative error of each kind in cross-validation, by which the kind was chosen.
        error: Error of the model on held-out architectures.
        measured: `(h,)`, measured latency of held-out architectures in seconds.
        predicted: `(h,)`, their predicted latency in seconds.
        repeats: Repeatability of the measurements.
        disturbed: Median relative excess over the minimum, over networks and rounds.
        layers: Number of distinct timed layers.
    """

    model: LatencyModel
    chosen_by: dict[str, float]
    error: PredictionError
    measured: Floats
    predicted: Floats
    repeats: Repeats
    disturbed: float
    layers: int


def profile(
    space: Space,
    task: TaskShape,
    archs: Sequence[Arch],
    *,
    conditions: Conditions = Conditions(),  # noqa: B008 - it is immutable
    rounds: int = ROUNDS,
    journal: Path | None = None,
    progress: ContinuedProgress | None = None,
) -> Profile:
    """Measures architectures, and fits latency models to the first four fifths of them.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        archs: At least `LEAST_ARCHS` distinct architectures in random order; the last fifth is held out.
        conditions: Conditions of the measurements.
        rounds: Number of rounds, at least 2.
        journal: A file for the measurements, from which an interrupted profile resumes.
        progress: A progress bar.

    Raises:
        SpecError: If the space does not allow an architecture or the task, or there are fewer than two rounds.
        StoreMismatchError: If the journal is invalid, or belongs to another profile.
    """
    if rounds < 2:
        raise SpecError(f"`rounds` is {rounds}; give at least 2, since halves of the rounds are compared.")
    facts = {
        "space": f"{space.name} {space.identity}",
        "task": str(tuple(task)),
        "conditions": conditions.text,
        "rounds": str(rounds),
        "machine": ", ".join(machine()),
        "architectures": " ".join(arch.arch_id for arch in archs),
    }
    place = "memory" if journal is None else journal.parent
    in_use = f"Another process is writing the profile in '{place}'. Wait until it ends, or choose another folder."
    kept = len(archs) - max(1, round(HELD_OUT * len(archs)))
    layers = _distinct_layers(space, archs[:kept], task, conditions.batch_size)
    wanted: dict[str, Arch | TimedLayer] = {f"arch {arch.arch_id}": arch for arch in archs}
    wanted |= {f"layer {key}": layer for key, layer in layers.items()}
    images = torch.zeros(conditions.batch_size, task.in_chans, task.img_size, task.img_size)
    with Store(journal, PROFILE_FORMAT, in_use=in_use) as store:
        store.require_same(store.bind(facts), facts)
        with store.decoding():
            found = {str(name): float(seconds) for name, seconds in store.rows("select name, seconds from timings")}

        def seconds_of(each: Arch | TimedLayer) -> float:
            if isinstance(each, TimedLayer):
                return each.time(conditions.threads, conditions.clock)
            return fastest_forward(space.build(each, *task), images, conditions.threads, conditions.clock)

        def timed() -> Iterator[str]:
            for number in range(rounds):
                order = np.random.default_rng(derived_seed("round", number)).permutation(len(wanted))
                for name in (list(wanted)[place] for place in order):
                    key = f"{number} {name}"
                    if key not in found:
                        found[key] = seconds_of(wanted[name])
                        store.write("insert into timings values (?, ?)", [(key, found[key])])
                        yield key

        for _ in timed() if progress is None else progress(timed(), rounds * len(wanted), len(found)):
            pass
    each_round = {name: np.array([found[f"{number} {name}"] for number in range(rounds)]) for name in wanted}
    times = {
        name.partition(" ")[2]: float(each.min()) for name, each in each_round.items() if name.startswith("layer ")
    }
    return _judged(
        space, task, conditions, archs, kept, np.array([each_round[f"arch {arch.arch_id}"] for arch in archs]), times
    )


def recorded_timings(path: Path) -> int:
    """Number of measurements in a journal; 0 if the file does not exist.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return int(first_value(path, PROFILE_FORMAT, "select count(*) from timings") or 0)


def _judged(
    space: Space,
    task: TaskShape,
    conditions: Conditions,
    archs: Sequence[Arch],
    kept: int,
    measured: Floats,
    times: dict[str, float],
) -> Profile:
    """Fits and evaluates the model; `measured` is the seconds of each architecture in each round, `(n, rounds)`."""
    seconds, half = measured.min(axis=1), measured.shape[1] // 2
    repeats = Repeats.of(measured[:, :half].min(axis=1), measured[:, half:].min(axis=1))
    about = {
        "machine": list(machine()),
        "architectures": len(archs),
        "fitted_to": kept,
        "rounds": measured.shape[1],
        "repeats": vars(repeats),
    }
    model, chosen_by = fitted(space, task, conditions, archs[:kept], seconds[:kept], times, about)
    predicted = model.predict(archs[kept:])
    error = PredictionError.of(seconds[kept:], predicted)
    model = replace(model, about={**about, "held_out": vars(error)})
    disturbed = float(np.median(measured / seconds[:, None] - 1))
    return Profile(model, chosen_by, error, seconds[kept:], predicted, repeats, disturbed, len(times))


def _distinct_layers(space: Space, archs: Sequence[Arch], task: TaskShape, batch_size: int) -> dict[str, TimedLayer]:
    """One layer per key; empty if layers hardly recur."""
    found: dict[str, TimedLayer] = {}
    for arch in archs:
        for layer in layers_of(space, arch, task, batch_size):
            found.setdefault(layer.key, layer)
        if len(found) > LAYERS_PER_ARCH * len(archs):
            return {}
    return found
