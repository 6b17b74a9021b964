"""Resumable training: its state is saved to a journal at intervals, from which it resumes exactly."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from autoprox.base.foreign import guarded
from autoprox.base.progress import progress
from autoprox.base.store import FACTS, Store, StoreFormat, first_value

KEPT_EVERY_S = 10.0
"""Interval between saved states in seconds; a killed process loses at most this much training."""


class SteppedTraining(Protocol):
    """A training that is made in steps, and whose state can be kept between any two of them."""

    done: int

    @property
    def last(self) -> int:
        """Value of `done` when the training is finished."""
        ...

    def steps(self) -> Iterator[int]:
        """Makes the steps that are left; yields `done` after each."""
        ...

    def state(self) -> bytes:
        """All that later steps depend on."""
        ...

    def restore(self, state: bytes) -> None:
        """Restores a state of a training with the same arguments."""
        ...


def step_journal_format(noun: str) -> StoreFormat:
    """Format of the journal of one kind of training.

    Example:
        >>> step_journal_format("a supernet").noun
        'journal of a supernet'
    """
    return StoreFormat(
        f"journal of {noun}",
        f"{FACTS}; create table training (place integer primary key, done integer not null, state blob not null)",
        "Delete {path}, and train again.",
    )


def recorded_steps(path: Path, form: StoreFormat) -> int:
    """Value of `done` in a journal; 0 without one.

    Raises:
        StoreMismatchError: If it is damaged or foreign.
    """
    found = first_value(path, form, "select done from training")
    return found if isinstance(found, int) else 0


def train_in_steps(
    training: SteppedTraining,
    journal: Path | None,
    form: StoreFormat,
    facts: Mapping[str, str],
    *,
    noun: str,
    unit: str,
    kept_every_s: float = KEPT_EVERY_S,
) -> None:
    """Trains to the end, from where an earlier call with the same journal came to.

    Args:
        training: The training.
        journal: File that keeps the state; none if None.
        form: Its format, from `step_journal_format`.
        facts: Values that tell this training from others.
        noun: Noun for what is trained, for messages.
        unit: Noun for what `done` counts, in the singular.
        kept_every_s: Seconds between two states that are kept.

    Raises:
        SpecError: If the training diverges.
        StoreMismatchError: If the journal is damaged, in use, or belongs to another training.
    """
    place = "memory" if journal is None else journal.parent
    in_use = f"Another process is training the {noun} in '{place}'. Wait until it ends, or choose another folder."
    with Store(journal, form, in_use=in_use) as store:
        store.require_same(store.bind(facts), facts)
        rows = store.rows("select state from training")
        if rows:
            with guarded(store.damaged):
                training.restore(rows[0][0])

        def keep() -> None:
            store.write("insert or replace into training values (0, ?, ?)", [(training.done, training.state())])

        kept = time.monotonic()
        with progress(training.last, unit, done=training.done) as reach:
            for done in training.steps():
                reach(done)
                if time.monotonic() - kept >= kept_every_s:
                    keep()
                    kept = time.monotonic()
        keep()
