"""A training that can be killed: its state is kept in a journal now and then, and it goes on from there exactly."""

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
"""Seconds of training that a kill may cost."""


def recorded_passes(path: Path) -> int:
    """How many passes a journal holds.

    Raises:
        StoreMismatchError: If it is damaged or foreign.
    """
    found = first_value(path, SUPERNET_JOURNAL_FORMAT, "select done from training")
    return found if isinstance(found, int) else 0


def train_supernet(
    trainer: SupernetTrainer, journal: Path | None, facts: Mapping[str, str], *, kept_every_s: float = KEPT_EVERY_S
) -> None:
    """Trains until the budget is spent, from where an earlier call with the same journal came to.

    Args:
        trainer: What trains.
        journal: Where the state is kept; nowhere if None.
        facts: What tells this training from others.
        kept_every_s: Seconds between two states that are kept.

    Raises:
        SpecError: If the training diverges.
        StoreMismatchError: If the journal is damaged, in use, or belongs to another training.
    """
    place = "memory" if journal is None else journal.parent
    in_use = f"The supernet in '{place}' is being trained by another process. Wait for it, or choose another folder."
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
