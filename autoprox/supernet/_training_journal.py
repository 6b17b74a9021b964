"""Journal of the training of a supernet."""

from collections.abc import Mapping
from pathlib import Path

from autoprox.supernet._trainer import SupernetTrainer
from autoprox.training.step_journal import KEPT_EVERY_S, recorded_steps, step_journal_format, train_in_steps

SUPERNET_JOURNAL = "training.sqlite"
"""Name of the file in the folder of a supernet."""

SUPERNET_JOURNAL_FORMAT = step_journal_format("a supernet")


def recorded_passes(path: Path) -> int:
    """Number of completed passes in a journal.

    Raises:
        StoreMismatchError: If the journal is damaged or foreign.
    """
    return recorded_steps(path, SUPERNET_JOURNAL_FORMAT)


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
    form = SUPERNET_JOURNAL_FORMAT
    train_in_steps(trainer, journal, form, facts, noun="supernet", unit="pass", kept_every_s=kept_every_s)
