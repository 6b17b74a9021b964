"""Journal of a search for pooling."""

from collections.abc import Mapping
from pathlib import Path

from autoprox.metapool._metapool_trainer import MetaPoolTrainer
from autoprox.training.step_journal import KEPT_EVERY_S, recorded_steps, step_journal_format, train_in_steps

METAPOOL_JOURNAL = "steps.sqlite"
"""Name of the file in the folder of a search."""

METAPOOL_JOURNAL_FORMAT = step_journal_format("a search for pooling")


def recorded_metapool_steps(path: Path) -> int:
    """Number of steps in a journal.

    Raises:
        StoreMismatchError: If it is damaged or foreign.
    """
    return recorded_steps(path, METAPOOL_JOURNAL_FORMAT)


def train_metapool(
    trainer: MetaPoolTrainer, journal: Path | None, facts: Mapping[str, str], *, kept_every_s: float = KEPT_EVERY_S
) -> None:
    """Trains and decides to the end, resuming an earlier call with the same journal.

    Args:
        trainer: The trainer.
        journal: File of the state; None stores no state.
        facts: Facts that identify this search.
        kept_every_s: Seconds between two stored states.

    Raises:
        SpecError: If the training diverges.
        StoreMismatchError: If the journal is damaged, in use, or belongs to another search.
    """
    form = METAPOOL_JOURNAL_FORMAT
    train_in_steps(trainer, journal, form, facts, noun="mixture of poolings", unit="step", kept_every_s=kept_every_s)
