"""The folder that a command writes its results to: what may be written there, and when."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from autoprox.base.errors import AutoproxError, SpecError, WorkerLossError
from autoprox.base.files import require_writable
from autoprox.commands.record import RUN


class AbstractOutFolder(ABC):
    """A folder of results that nothing replaces unasked.

    Args:
        path: The folder; made by `prepare`.
        force: Whether what stands there is replaced.
        resume: Whether what was begun there is gone on with.

    Raises:
        SpecError: If both are asked for.
    """

    noun: ClassVar[str]
    """What a folder holds, for messages."""

    marks: ClassVar[tuple[str, ...]]
    """Files of which one at least lies in a folder of this kind, once there is a record."""

    replaced: ClassVar[tuple[str, ...]] = ()
    """Files that go before a new one begins with --force; else an interruption would leave the result of one beside
    the journal of another."""

    def __init__(self, path: Path, *, force: bool, resume: bool) -> None:
        if force and resume:
            raise SpecError(f"--resume goes on with a {self.noun} and --force begins anew; give one of them.")
        self.path = path
        self._force = force
        self._resume = resume

    @abstractmethod
    def occupied(self) -> str:
        """Why a new one cannot begin here without --force or --resume; empty if it can.

        Raises:
            StoreMismatchError: If the journal cannot be read.
        """

    def refuse(self) -> None:
        """Looks at the folder and changes nothing.

        Raises:
            SpecError: If the path is a file, or holds what is neither to be replaced nor to be gone on with.
            StoreMismatchError: If its journal cannot be read.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SpecError(f"--out '{self.path}' is a file; give a folder.")
        if (self.path / RUN).exists() and not any((self.path / name).exists() for name in self.marks):
            raise SpecError(f"'{self.path}' holds the results of another command, which are kept; give another --out.")
        if self._force or self._resume:
            return
        if reason := self.occupied():
            raise SpecError(reason)

    def prepare(self) -> None:
        """Makes the folder if need be, and tries it for writing before anything is computed; what is replaced goes.

        Raises:
            SpecError: As for `refuse`, and if the folder cannot be written.
            StoreMismatchError: As for `refuse`.
        """
        self.refuse()
        require_writable(self.path)
        if self._force:
            for name in self.replaced:
                (self.path / name).unlink(missing_ok=True)


@contextmanager
def interruptible(folder: Path, words: Sequence[str], recorded: Callable[[], int]) -> Iterator[None]:
    """Says how to go on with what a journal records, should the work inside be interrupted or lose a process.

    Args:
        folder: Where the journal is.
        words: The command.
        recorded: How many candidates the journal holds; nothing is said where there are none.

    Raises:
        KeyboardInterrupt: The one that came, with the sentence.
        AutoproxError: For the loss, with the sentence.
    """
    try:
        yield
    except (KeyboardInterrupt, WorkerLossError) as end:
        done = recorded()
        again = [each for each in words if each not in ("--force", "--resume")]
        sentence = f"So are {done} candidates in '{folder}'; to go on: {shlex.join([*again, '--resume'])}"
        if isinstance(end, KeyboardInterrupt):
            raise KeyboardInterrupt(sentence if done else "") from end
        if not done:
            raise
        raise AutoproxError(f"{end} {sentence}") from end
