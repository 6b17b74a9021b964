"""Resumable training: its state is saved to a journal at intervals, from which it resumes exactly."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autoprox.base.foreign import guarded
from autoprox.base.progress import progress
from autoprox.base.store import FACTS, Store, StoreFormat, first_value


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


@dataclass(frozen=True, slots=True)
class StepJournal:
    """Journal of one kind of training in steps, in the folder of the training.

    Args:
        file: Name of the file.
        noun: Noun for the trained network, for messages.
        unit: Unit of `done`, in the singular.
        kept_every_s: Interval between saved states in seconds; a killed process loses at most this much training.

    Example:
        >>> StepJournal("training.sqlite", "supernet", "pass").format.noun
        'journal of a supernet'
    """

    file: str
    noun: str
    unit: str
    kept_every_s: float = 10.0

    @property
    def format(self) -> StoreFormat:
        """Format of the file."""
        return StoreFormat(
            f"journal of a {self.noun}",
            f"{FACTS}; create table training (place integer primary key, done integer not null, state blob not null)",
            "Delete {path}, and train again.",
        )

    def recorded(self, folder: Path) -> int:
        """Returns `done` of the saved state; 0 without one.

        Raises:
            StoreMismatchError: If the file is damaged or foreign.
        """
        found = first_value(folder / self.file, self.format, "select done from training")
        return found if isinstance(found, int) else 0

    def train(self, training: SteppedTraining, folder: Path | None, facts: Mapping[str, str]) -> None:
        """Trains to the end; resumes from the saved state.

        Args:
            training: The training.
            folder: Folder of the file; None saves no state.
            facts: Identity of this training.

        Raises:
            SpecError: If the training diverges.
            StoreMismatchError: If the file is damaged, in use, or belongs to another training.
        """
        path = None if folder is None else folder / self.file
        in_use = f"Another process is training the {self.noun} in '{folder}'. Wait until it ends, or choose another "
        with Store(path, self.format, in_use=f"{in_use}folder.") as store:
            store.require_same(store.bind(facts), facts)
            rows = store.rows("select state from training")
            if rows:
                with guarded(store.damaged):
                    training.restore(rows[0][0])

            def keep() -> None:
                store.write("insert or replace into training values (0, ?, ?)", [(training.done, training.state())])

            kept = time.monotonic()
            with progress(training.last, self.unit, done=training.done) as reach:
                for done in training.steps():
                    reach(done)
                    if time.monotonic() - kept >= self.kept_every_s:
                        keep()
                        kept = time.monotonic()
            keep()
