"""Resumable training: its state is saved to a journal at intervals, from which it resumes exactly."""

import time
from collections.abc import Mapping
from pathlib import Path

from autoprox.base.foreign import guarded
from autoprox.base.progress import progress
from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.supernet._trainer import SupernetTrainer

SUPERNET_JOURNAL = "training.sqlite"
"""Name of the file in the folder of a supernet."""

SUPERNET_JOURNAL_FORMAT = StoreFormat(
    "journal of a supernet",
    f"{FACTS}; create table training (place integer primary key, done integer not null, state blob not null)",
    "Delete {path}, and train again.",
)
KEPT_EVERY_S = 10.0
"""Interval between saved states in seconds; a killed process loses at most this much training."""


def recorded_passes(path: Path) -> int:
    """Number of completed passes in a journal.

    Raises:
        StoreMismatchError: If the journal is damaged or foreign.
    """
    found = first_value(path, SUPERNET_JOURNAL_FORMAT, "select done from training")
    return found if isinstance(found, int) else 0


def train_supernet(
    trainer: SupernetTrainer, journal: Path | None, facts: Mapping[str, str], *, kept_every_s: float = KEPT_EVERY_S
) -> None:
    """Trains until the budget is spent; resumes from the state in the journal.

    Args:
        trainer: The trainer.
        journal: File for the state; not saved if None.
        facts: Identity of this training.
        kept_every_s: Seconds between saved states.

    Raises:
        SpecError: If the training diverges.
        StoreMismatchError: If the journal is damaged, in use, or belongs to another training.
    """
    place = "memory" if journal is None else journal.parent
    in_use = f"Another process is training the supernet in '{place}'. Wait until it ends, or choose another folder."
    with Store(journal, SUPERNET_JOURNAL_FORMAT, in_use=in_use) as store:
        store.require_same(store.bind(facts), facts)
        rows = store.rows("select state from training")
        if rows:
            with guarded(store.damaged):
                trainer.restore(rows[0][0])

        def keep() -> None:
            store.write("insert or replace into training values (0, ?, ?)", [(trainer.done, trainer.state())])

        kept = time.monotonic()
        with progress(trainer.last, "pass", done=trainer.done) as reach:
            for done in trainer.steps():
                reach(done)
                if time.monotonic() - kept >= kept_every_s:
                    keep()
                    kept = time.monotonic()
        keep()
