"""The folder that a command writes its results to: what may be written there, when, and whether it is finished.

The record (`run.json`) decides. A folder is finished if its record says so, and a file in it is ours if its record
names it. Whatever else lies there stays as it is.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoprox.base.errors import AutoproxError, SpecError, StoreMismatchError, WorkerLossError
from autoprox.base.files import atomically, require_writable, write_json
from autoprox.base.records import RUN, is_finished
from autoprox.base.store import Store, StoreFormat, discard, locked
from autoprox.commands.record import lasting, read_record
from autoprox.commands.values import PathTo

RESULT = "result.json"
"""The result of a command that judges or searches."""


@dataclass(frozen=True)
class FolderKind:
    """Files that a command writes to its folder.

    Args:
        program: The name of the command.
        noun: What the folder holds, for messages.
        result: The file that is the result.
        files: All other files that may be written, but for the record and the journals.
        journals: SQLite files that record what was done, with their forms.
        recorded: How many candidates a folder's journal holds.
        part: The part of the command, if it has parts.
        counted: What it is that the journal holds.
    """

    program: str
    noun: str
    result: str
    files: tuple[str, ...] = ()
    journals: Mapping[str, StoreFormat] | None = None
    recorded: Callable[[Path], int] = lambda _: 0
    part: str = ""
    counted: str = "candidates"

    @property
    def names(self) -> list[str]:
        """All files that may be written, the record excepted."""
        return [self.result, *self.files, *(self.journals or {})]


class OutFolder:
    """A folder of results in which nothing is replaced unasked, and nothing of others at all.

    Args:
        path: The folder; made by `opened`.
        kind: What it is to hold.
        force: Whether what a command left there is replaced.
        resume: Whether what was started there is continued.

    Raises:
        SpecError: If both are asked for.
    """

    def __init__(self, path: Path, kind: FolderKind, *, force: bool = False, resume: bool = False) -> None:
        if force and resume:
            raise SpecError(f"--resume continues a {kind.noun} and --force starts over; give one of them.")
        self.path, self._kind = path, kind
        self._force, self._resume = force, resume
        self._ours: list[str] = []

    @property
    def finished(self) -> bool:
        """Whether the record says that all results were written, and none of them has gone since.

        Raises:
            SpecError: If the record was not written by autoprox.
        """
        record = read_record(self.path / RUN)
        return record is not None and is_finished(self.path, record, self._kind.result)

    def recorded(self) -> int:
        """How many candidates the journal holds.

        Raises:
            StoreMismatchError: If it cannot be read.
        """
        return self._kind.recorded(self.path)

    def has_all_of(self, words: Sequence[str]) -> bool:
        """Whether the same command, but for how it is used once, has finished here."""
        if not self._resume or not self.finished:
            return False
        record = read_record(self.path / RUN)
        return record is not None and lasting(record["command"]) == lasting(words)

    def refuse(self) -> None:
        """Looks at the folder and changes nothing.

        Raises:
            SpecError: If the path is a file, or holds what may neither be replaced nor continued.
            StoreMismatchError: If its journal cannot be read.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SpecError(f"--out '{self.path}' is a file; give a folder.")
        record, kind = read_record(self.path / RUN), self._kind
        if record is not None and record["command"][2] != f"autoprox.{kind.program}":
            raise SpecError(f"'{self.path}' holds the results of another command, which are kept; give another --out.")
        # Records of earlier versions name no files.
        named = [] if record is None else record.get("files", kind.names)
        # A record may come from somebody else, and name files elsewhere.
        self._ours = [name for name in kind.names if name in named]
        for name in kind.names:
            if (self.path / name).exists() and name not in self._ours and not self._is_journal(name):
                raise SpecError(
                    f"'{self.path / name}' was not written by autoprox, and stays. Move it away, or give another --out."
                )
        if self._force or self._resume:
            return
        if self.finished:
            raise SpecError(
                f"'{self.path}' holds a finished {kind.noun}, which is kept. Give another --out, "
                f"{'--resume to extend it, ' if kind.journals else ''}or --force to replace it."
            )
        if self.recorded():
            raise SpecError(
                f"'{self.path}' holds a {kind.noun} that was not finished. Give --resume to continue it, --force to "
                "start over, or another --out."
            )

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Owns the folder while the work inside is done, and changes nothing of what it holds.

        Raises:
            SpecError: As for `refuse`, and if the folder cannot be written.
            StoreMismatchError: As for `refuse`, and if another process is writing there.
        """
        self.refuse()
        require_writable(self.path)
        in_use = f"'{self.path}' is being written by another process. Wait for it, or give another --out."
        with closing(locked(self.path / "autoprox", in_use)):
            self.refuse()
            yield

    @contextmanager
    def opened(self, options: argparse.Namespace, *, leave: Sequence[str] = ()) -> Iterator[None]:
        """Owns the folder while the work inside is done; what is replaced goes once the folder is owned.

        Args:
            options: Of the command; `words` are the command itself.
            leave: Files that this command may write, but will not.

        Raises:
            SpecError: As for `owned`.
            StoreMismatchError: As for `owned`.
        """
        with self.owned():
            before, done = read_record(self.path / RUN), self._done()
            if self._kind.journals:
                self._claim(options.words, leave)
                if not self._resume:
                    self._clear()
            try:
                yield
            except AutoproxError as error:
                if self._resume and before is not None and self._done() == done:
                    write_json(before, self.path / RUN)  # nothing was added to what stood here
                if not isinstance(error, StoreMismatchError) or error.path is None or error.path.parent != self.path:
                    raise
                advice = "Give the options that it was made with, another --out, or --force to start over."
                raise StoreMismatchError(f"{error} {advice}", error.path) from error

    def interruptible(self) -> AbstractContextManager[None]:
        """Says how to continue, should the work inside be interrupted or lose a process; see `resumable`."""
        program = f"{self._kind.program} {self._kind.part}".strip()
        return resumable(program, self.path, self.recorded, self._kind.counted)

    def finish(self, contents: Mapping[str, Callable[[Path], object]], record: dict[str, Any]) -> list[Path]:
        """Writes all results, and last of all the record that says so.

        Args:
            contents: For each file what writes it to the path that it is given.
            record: The record.

        Returns:
            The files.

        Raises:
            AutoproxError: If one cannot be written.
        """
        if not self._kind.journals:
            self._claim(record["command"], ())
        for name, write in contents.items():
            atomically(self.path / name, write)
        for name in set(self._ours) - set(contents) - set(self._kind.journals or {}):
            (self.path / name).unlink(missing_ok=True)  # of the results that stood here before
        write_json(record | {"files": self._ours, "written": list(contents)}, self.path / RUN)
        return [self.path / name for name in (*contents, RUN)]

    def _done(self) -> int | None:
        """How many candidates the journal holds; None where it cannot be read, which is for the work inside to say."""
        try:
            return self.recorded()
        except AutoproxError:
            return None

    def _claim(self, words: Sequence[str], leave: Sequence[str]) -> None:
        """Records what is being done, and which files are ours, before the first of them is written."""
        wanted = [name for name in self._kind.names if name not in leave]
        self._ours = list(dict.fromkeys([*self._ours, *wanted]))
        write_json({"command": list(words), "files": self._ours}, self.path / RUN)

    def _clear(self) -> None:
        """Removes what this command left earlier: results first, so that no result is left without its journal."""
        journals = self._kind.journals or {}
        for name in self._ours:
            if name not in journals:
                (self.path / name).unlink(missing_ok=True)
        for name in journals:
            discard(self.path / name)

    def _is_journal(self, name: str) -> bool:
        """Whether a file is a journal of this kind, as unfinished work of earlier versions has it without a record."""
        form = (self._kind.journals or {}).get(name)
        if form is None:
            return False
        Store.reading(self.path / name, form).close()
        return True


@contextmanager
def resumable(program: str, out: Path, recorded: Callable[[], int], noun: str) -> Iterator[None]:
    """Says how to continue, should the work inside be interrupted or lose a process.

    Args:
        program: The command, with its part.
        out: What it writes.
        recorded: How much is done.
        noun: What that is.

    Raises:
        KeyboardInterrupt: The one that came, with the sentence; without one if nothing was recorded.
        AutoproxError: For the loss, with the sentence.
    """
    try:
        yield
    except (KeyboardInterrupt, WorkerLossError) as end:
        done = recorded()
        again = shlex.join(["python", "-m", *f"autoprox.{program}".split(), "--out", str(out), "--resume"])
        sentence = f"'{out}' holds {done} {noun}. Resume with: {again}"
        if isinstance(end, KeyboardInterrupt):
            raise KeyboardInterrupt(sentence if done else "") from end
        if not done:
            raise
        raise AutoproxError(f"{end} {sentence}") from end


def claim(folder: Path, names: Sequence[str]) -> None:
    """Takes files of a finished folder over that its command did not write, before they are written.

    Raises:
        SpecError: If one is there that autoprox did not write.
        AutoproxError: If the record cannot be written.
    """
    record = read_record(folder / RUN) or {}
    ours = record.get("files")
    if ours is None:  # records of earlier versions name no files
        return
    for name in names:
        if (folder / name).exists() and name not in ours:
            raise SpecError(f"'{folder / name}' was not written by autoprox, and stays. Move it away, and repeat.")
    write_json(record | {"files": list(dict.fromkeys([*ours, *names]))}, folder / RUN)


def add_out_options(options: argparse.ArgumentParser) -> None:
    """Adds --out and --force of a command that judges."""
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help="also write result.json and run.json into this folder",
    )
    options.add_argument("--force", action="store_true", help="replace the result in this folder")


def result_folder(options: argparse.Namespace, program: str) -> OutFolder | None:
    """The folder of --out of a command that judges, looked at and not touched; None without one.

    Raises:
        SpecError: As for `OutFolder.refuse`.
    """
    if options.out is None:
        return None
    folder = OutFolder(options.out, FolderKind(program, "result", RESULT), force=options.force)
    folder.refuse()
    return folder
