"""Measures a space on this machine: architectures, and the layers that they are made of, in rounds.

A machine drifts, and does other work. So everything is measured in each of several rounds, in an order of its own, and
what counts is the least: the pass that nothing disturbed. The first half of the rounds and the second are two profiles
of one machine, and are compared as such.
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
"""Name of the file that keeps what was measured."""
PROFILE_FORMAT = StoreFormat(
    "journal of a profile",
    f"{FACTS}; create table timings (name text primary key, seconds real not null) without rowid",
    "Delete '{path}': it holds only times, which are measured again.",
)
LEAST_ARCHS = 20
"""Architectures that a profile measures at least."""
HELD_OUT = 0.2
"""Share of the architectures that no model is fitted to."""
AGREEMENT = 0.9
"""Kendall's tau between two measurements, below which a machine does not agree with itself."""
ROUNDS = 6
"""How often everything is measured."""
LAYERS_PER_ARCH = 2
"""With more distinct layers than this an architecture, layers hardly recur, and are not timed."""


@dataclass(frozen=True)
class Repeats:
    """How well a machine agrees with itself: the first half of the rounds and the second half.

    Args:
        n: Architectures.
        tau: Kendall's tau-b between the two.
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
        """Whether the machine does not agree with itself."""
        return self.difference > NOISY or self.tau < AGREEMENT


@dataclass(frozen=True)
class Profile:
    """Measurements, and the model that was fitted to them.

    Args:
        model: The model of the kind that was chosen.
        chosen_by: Mean absolute relative error of each kind on folds of the rows that it was fitted to.
        error: The error of the model on the architectures that were held out.
        measured: `(h,)`, latency of these in seconds.
        predicted: `(h,)`, what the model predicts.
        repeats: How well the machine agrees with itself.
        disturbed: By which part of the least a network takes longer in a round, median over networks and rounds.
        layers: Distinct layers that were timed.
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
    """Measures architectures, and fits models of their latency to the first four fifths of them.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        archs: At least `LEAST_ARCHS` distinct architectures, in random order: the last fifth is held out.
        conditions: Under which latency is measured.
        rounds: How often everything is measured, at least twice.
        journal: A file that keeps what was measured, so that an interrupted profile goes on.
        progress: A progress bar.

    Raises:
        SpecError: If the space does not allow an architecture or the task, or there are fewer than two rounds.
        StoreMismatchError: If the journal cannot be used, or belongs to another profile.
    """
    if rounds < 2:
        raise SpecError(f"`rounds` is {rounds}; it must be at least 2, which are compared with one another.")
    facts = {
        "space": f"{space.name} {space.identity}",
        "task": str(tuple(task)),
        "conditions": conditions.text,
        "rounds": str(rounds),
        "machine": ", ".join(machine()),
        "architectures": " ".join(arch.arch_id for arch in archs),
    }
    place = "memory" if journal is None else journal.parent
    in_use = f"The profile in '{place}' is in progress in another process. Wait for it, or choose another folder."
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
    """How many measurements a journal holds; 0 without a file.

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
    """The model of what was measured, seconds of each architecture in each round `(n, rounds)`, and its error."""
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
    """One layer of each key; none where layers hardly recur."""
    found: dict[str, TimedLayer] = {}
    for arch in archs:
        for layer in layers_of(space, arch, task, batch_size):
            found.setdefault(layer.key, layer)
        if len(found) > LAYERS_PER_ARCH * len(archs):
            return {}
    return found
