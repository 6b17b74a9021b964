"""The journal of a build: each training is committed when finished, so that only running trainings can be lost."""

from pathlib import Path

from autoprox.base.digest import digest
from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.training._one_training import Training
from autoprox.training.recipe import Recipe
from autoprox.training.train import TrainingResult

FORMAT = StoreFormat(
    "journal",
    f"""
{FACTS};
create table trainings (
    key text primary key, space text not null, arch_id text not null, dataset text not null, label_kind text not null,
    train_seed integer not null, top1_pct real, nll real, failure text not null, seconds real not null,
    checksum text not null
) without rowid
""",
    "Restore it; or delete it, and build again with `extend` to reuse the labels of an earlier table.",
    synchronous="full",
)


class BuildJournal:
    """The finished trainings of one recipe. One process at a time may write to a journal.

    Args:
        path: The file; created if it does not exist.
        recipe: The recipe of all its trainings.

    Raises:
        StoreMismatchError: If the file is not a journal, is damaged, or has another recipe or format.
        StoreMismatchError: If another build is using the file.
        AutoproxError: If the file cannot be read or written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, BuildJournal(Path(folder) / "t.sqlite", Recipe()) as journal:
        ...     journal.outcome("key of a training") is None
        True
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        in_use = f"The journal '{path}' is in use by another build. Wait until it ends, or choose another file."
        self._store = Store(path, FORMAT, in_use=in_use)
        try:
            facts = {"recipe": recipe.digest}
            self._store.require_same(self._store.bind(facts), facts)
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> "BuildJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.finish()

    def outcome(self, key: str) -> TrainingResult | None:
        """Result of a training, or None if it is not in the journal.

        Raises:
            StoreMismatchError: If the row was changed or damaged.
        """
        query = "select top1_pct, nll, failure, seconds, checksum from trainings where key = ?"
        with self._store.decoding():
            for top1_pct, nll, failure, seconds, checksum in self._store.rows(query, (key,)):
                if checksum != _checksum(key, top1_pct, nll, failure):
                    raise self._store.damaged(f"the training {key} does not match its checksum")
                values = {} if failure else {"top1_pct": top1_pct, "nll": nll}
                return TrainingResult(values, failure, float(seconds))
        return None

    def record(self, key: str, training: Training, outcome: TrainingResult) -> None:
        """Commits the result of a training, unless it is already in the journal.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        top1_pct, nll = outcome.values.get("top1_pct"), outcome.values.get("nll")
        row = (
            key,
            training.arch.space,
            training.arch.arch_id,
            training.dataset,
            training.label_kind.name,
            training.train_seed,
            top1_pct,
            nll,
            outcome.failure,
            outcome.seconds,
            _checksum(key, top1_pct, nll, outcome.failure),
        )
        self._store.write("insert or ignore into trainings values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row])


def recorded(path: Path) -> int:
    """Number of trainings in a journal; 0 if the file does not exist.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return int(first_value(path, FORMAT, "select count(*) from trainings") or 0)


def training_key(definition: str, arch_id: str, train_seed: int) -> str:
    """Identity of a training: definition of the label, architecture, and repetition.

    Example:
        >>> training_key("a", "b", 0) == training_key("a", "b", 1)
        False
    """
    return digest([definition, arch_id, train_seed])


def _checksum(key: str, top1_pct: float | None, nll: float | None, failure: str) -> str:
    return digest([key, top1_pct, nll, failure])
