"""Measures a space on this machine: architectures, the layers that they are made of, and some of them once more."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autoprox.base.arrays import Floats
from autoprox.base.progress import ContinuedProgress
from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.metrics import kendall_tau_b
from autoprox.networks.latency import NOISY, Conditions, Timing, machine, time_forward
from autoprox.predict._latency_model import LatencyModel, PredictionError, fitted
from autoprox.predict._layer_times import TimedLayer, layers_of
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import TaskShape

PROFILE_JOURNAL = "profile.sqlite"
"""Name of the file that keeps what was measured."""
PROFILE_FORMAT = StoreFormat(
    "journal of a profile",
    f"{FACTS}; create table timings (name text primary key, seconds real not null, spread real not null, "
    "repeats integer not null) without rowid",
    "Delete '{path}': it holds only times, which are measured again.",
)
LEAST_ARCHS = 20
"""Architectures that a profile measures at least."""
HELD_OUT = 0.2
"""Share of the architectures that no model is fitted to."""
REPEATED = 0.1
"""Share that is measured once more at the end; at least `LEAST_REPEATED`."""
LEAST_REPEATED = 10
LAYERS_PER_ARCH = 2
"""With more distinct layers than this an architecture, layers hardly recur, and are not timed."""


@dataclass(frozen=True)
class Repeats:
    """How well a machine agrees with itself between the beginning and the end of a profile.

    Args:
        n: Architectures that were measured twice.
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
        return self.difference > NOISY


@dataclass(frozen=True)
class Profile:
    """What was measured, and the model that was fitted to it.

    Args:
        model: The model of the kind that was chosen.
        chosen_by: Mean absolute relative error of each kind on folds of the rows that it was fitted to.
        error: The error of the model on the architectures that were held out.
        measured: `(h,)`, latency of these in seconds.
        predicted: `(h,)`, what the model predicts.
        repeats: How well the machine agrees with itself.
        spread: Median of the interquartile ranges over medians of all measurements.
        layers: Distinct layers that were timed.
    """

    model: LatencyModel
    chosen_by: dict[str, float]
    error: PredictionError
    measured: Floats
    predicted: Floats
    repeats: Repeats
    spread: float
    layers: int


def profile(
    space: Space,
    task: TaskShape,
    archs: Sequence[Arch],
    *,
    conditions: Conditions = Conditions(),  # noqa: B008 - it is immutable
    journal: Path | None = None,
    progress: ContinuedProgress | None = None,
) -> Profile:
    """Measures architectures, and fits models of their latency to the first four fifths of them.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        archs: At least `LEAST_ARCHS` distinct architectures, in random order: the last fifth is held out.
        conditions: Under which latency is measured.
        journal: A file that keeps what was measured, so that an interrupted profile goes on.
        progress: A progress bar.

    Raises:
        SpecError: If the space does not allow an architecture or the task.
        StoreMismatchError: If the journal cannot be used, or belongs to another profile.
    """
    facts = {
        "space": f"{space.name} {space.identity}",
        "task": str(tuple(task)),
        "conditions": conditions.text,
        "machine": ", ".join(machine()),
        "architectures": " ".join(arch.arch_id for arch in archs),
    }
    place = "memory" if journal is None else journal.parent
    in_use = f"The profile in '{place}' is in progress in another process. Wait for it, or choose another folder."
    kept = len(archs) - max(1, round(HELD_OUT * len(archs)))
    layers = _distinct_layers(space, archs[:kept], task, conditions.batch_size)
    again = list(archs[: max(LEAST_REPEATED, round(REPEATED * len(archs)))])
    with Store(journal, PROFILE_FORMAT, in_use=in_use) as store:
        store.require_same(store.bind(facts), facts)
        with store.decoding():
            rows = store.rows("select name, seconds, spread, repeats from timings")
            found = {name: Timing(*timing) for name, *timing in rows}
        images = torch.zeros(conditions.batch_size, task.in_chans, task.img_size, task.img_size)

        def timed() -> Iterator[str]:
            wanted: dict[str, Any] = {f"arch {arch.arch_id}": arch for arch in archs}
            wanted |= {f"layer {key}": layer for key, layer in layers.items()}
            wanted |= {f"again {arch.arch_id}": arch for arch in again}
            for name, each in wanted.items():
                if name not in found:
                    if isinstance(each, TimedLayer):
                        timing = each.time(conditions.threads, conditions.clock)
                    else:
                        timing = time_forward(space.build(each, *task), images, conditions.threads, conditions.clock)
                    store.write("insert into timings values (?, ?, ?, ?)", [(name, *astuple(timing))])
                    found[name] = timing
                    yield name

        before, total = len(found), len(archs) + len(layers) + len(again)
        for _ in timed() if progress is None else progress(timed(), total, before):
            pass
    return _judged(space, task, conditions, archs, kept, found)


def recorded_timings(path: Path) -> int:
    """How many measurements a journal holds; 0 if there is none.

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
    found: dict[str, Timing],
) -> Profile:
    seconds = np.array([found[f"arch {arch.arch_id}"].median for arch in archs])
    times = {name.partition(" ")[2]: each.median for name, each in found.items() if name.startswith("layer ")}
    twice = [place for place, arch in enumerate(archs) if f"again {arch.arch_id}" in found]
    second = np.array([found[f"again {archs[place].arch_id}"].median for place in twice])
    repeats = Repeats.of(seconds[twice], second)
    about = {"machine": list(machine()), "architectures": len(archs), "fitted_to": kept, "repeats": vars(repeats)}
    model, chosen_by = fitted(space, task, conditions, archs[:kept], seconds[:kept], times, about)
    predicted = model.predict(archs[kept:])
    error = PredictionError.of(seconds[kept:], predicted)
    model = replace(model, about={**about, "held_out": vars(error)})
    spread = float(np.median([each.spread for each in found.values()]))
    return Profile(model, chosen_by, error, seconds[kept:], predicted, repeats, spread, len(times))


def _distinct_layers(space: Space, archs: Sequence[Arch], task: TaskShape, batch_size: int) -> dict[str, TimedLayer]:
    """One layer of each key; none where layers hardly recur."""
    found: dict[str, TimedLayer] = {}
    for arch in archs:
        for layer in layers_of(space, arch, task, batch_size):
            found.setdefault(layer.key, layer)
        if len(found) > LAYERS_PER_ARCH * len(archs):
            return {}
    return found
