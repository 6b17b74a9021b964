"""The folder of a command's results: files that may be written or replaced, and completion.

The record (`run.json`) decides. A folder is finished if its record says so, and a file in it is ours if its record
names it. All other files are left unchanged.
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
        noun: Name of the contents, for messages.
        result: The file that is the result.
        files: All other files that may be written, except the record and the journals.
        journals: SQLite files that record completed work, with their formats.
        recorded: Counts the candidates in a folder's journal.
        part: The subcommand, if any.
        counted: Noun for the items of the journal.
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
        """All files that may be written, except the record."""
        return [self.result, *self.files, *(self.journals or {})]


class OutFolder:
    """A folder of results. Its own files are replaced only on request, other files never.

    Args:
        path: The folder; made by `opened`.
        kind: Its intended contents.
        force: Replaces earlier results if true.
        resume: Resumes earlier work if true.

    Raises:
        SpecError: If both are true.
    """

    def __init__(self, path: Path, kind: FolderKind, *, force: bool = False, resume: bool = False) -> None:
        if force and resume:
            raise SpecError(f"--resume continues a {kind.noun} and --force starts over; give only one of them.")
        self.path, self._kind = path, kind
        self._force, self._resume = force, resume
        self._ours: list[str] = []

    @property
    def finished(self) -> bool:
        """True if the record states that all results were written, and none is missing.

        Raises:
            SpecError: If the record was not written by autoprox.
        """
        record = read_record(self.path / RUN)
        return record is not None and is_finished(self.path, record, self._kind.result)

    def recorded(self) -> int:
        """Number of candidates in the journal.

        Raises:
            StoreMismatchError: If it cannot be read.
        """
        return self._kind.recorded(self.path)

    def has_all_of(self, words: Sequence[str]) -> bool:
        """True if the same command, apart from options for one use, has finished here."""
        if not self._resume or not self.finished:
            return False
        record = read_record(self.path / RUN)
        return record is not None and lasting(record["command"]) == lasting(words)

    def refuse(self) -> None:
        """Checks that the folder can be used; changes nothing.

        Raises:
            SpecError: If the path is a file, or holds results that may neither be replaced nor resumed.
            StoreMismatchError: If its journal cannot be read.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SpecError(f"--out '{self.path}' is a file; give a folder.")
        record, kind = read_record(self.path / RUN), self._kind
        if record is not None and record["command"][2] != f"autoprox.{kind.program}":
            raise SpecError(f"'{self.path}' holds the results of another command, which are kept; give another --out.")
        # Records of earlier versions name no files.
        named = [] if record is None else record.get("files", kind.names)
        # A record of unknown origin may name files elsewhere.
        self._ours = [name for name in kind.names if name in named]
        for name in kind.names:
            if (self.path / name).exists() and name not in self._ours and not self._is_journal(name):
                raise SpecError(
                    f"'{self.path / name}' was not written by autoprox and is kept. Move it away, or give another "
                    "--out."
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
                f"'{self.path}' holds a {kind.noun} that is not finished. Give --resume to complete it, --force to "
                "start over, or another --out."
            )

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Locks the folder for the block, without changing its contents.

        Raises:
            SpecError: As for `refuse`, and if the folder cannot be written.
            StoreMismatchError: As for `refuse`, and if another process is writing there.
        """
        self.refuse()
        require_writable(self.path)
        in_use = f"'{self.path}' is in use by another process. Wait for it, or give another --out."
        with closing(locked(self.path / "autoprox", in_use)):
            self.refuse()
            yield

    @contextmanager
    def opened(self, options: argparse.Namespace, *, leave: Sequence[str] = ()) -> Iterator[None]:
        """Locks the folder for the block, and removes results that are to be replaced once it is locked.

        Args:
            options: Options of the command; `words` is its command line.
            leave: Files of the kind that this command will not write.

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
                    write_json(before, self.path / RUN)  # nothing was added to the earlier work
                if not isinstance(error, StoreMismatchError) or error.path is None or error.path.parent != self.path:
                    raise
                advice = "Give its original options, another --out, or --force to start over."
                raise StoreMismatchError(f"{error} {advice}", error.path) from error

    def interruptible(self) -> AbstractContextManager[None]:
        """Adds the command that resumes to an interruption, or to the loss of a process; see `resumable`."""
        program = f"{self._kind.program} {self._kind.part}".strip()
        return resumable(program, self.path, self.recorded, self._kind.counted)

    def finish(self, contents: Mapping[str, Callable[[Path], object]], record: dict[str, Any]) -> list[Path]:
        """Writes all results, and finally the record, which marks the folder as finished.

        Args:
            contents: The writer of each file, which takes its path.
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
            (self.path / name).unlink(missing_ok=True)  # left from earlier results
        write_json(record | {"files": self._ours, "written": list(contents)}, self.path / RUN)
        return [self.path / name for name in (*contents, RUN)]

    def _done(self) -> int | None:
        """Number of candidates in the journal; None if it cannot be read, which the work in the block reports."""
        try:
            return self.recorded()
        except AutoproxError:
            return None

    def _claim(self, words: Sequence[str], leave: Sequence[str]) -> None:
        """Records the command and the names of its files, before the first of them is written."""
        wanted = [name for name in self._kind.names if name not in leave]
        self._ours = list(dict.fromkeys([*self._ours, *wanted]))
        write_json({"command": list(words), "files": self._ours}, self.path / RUN)

    def _clear(self) -> None:
        """Removes earlier files of this command: results first, so that no result remains without its journal."""
        journals = self._kind.journals or {}
        for name in self._ours:
            if name not in journals:
                (self.path / name).unlink(missing_ok=True)
        for name in journals:
            discard(self.path / name)

    def _is_journal(self, name: str) -> bool:
        """True if a file is a journal of this kind; unfinished work of earlier versions has no record."""
        form = (self._kind.journals or {}).get(name)
        if form is None:
            return False
        Store.reading(self.path / name, form).close()
        return True


@contextmanager
def resumable(program: str, out: Path, recorded: Callable[[], int], noun: str) -> Iterator[None]:
    """Adds the command that resumes to an interruption, or to the loss of a process.

    Args:
        program: The command with its subcommand.
        out: Its file or folder.
        recorded: Counts the completed items.
        noun: Noun for the items.

    Raises:
        KeyboardInterrupt: On an interruption, with the command; without it if nothing was recorded.
        AutoproxError: On the loss of a process, with the command.
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
    """Adds further files to the record of a finished folder, before they are written.

    Raises:
        SpecError: If such a file exists that autoprox did not write.
        AutoproxError: If the record cannot be written.
    """
    record = read_record(folder / RUN) or {}
    ours = record.get("files")
    if ours is None:  # records of earlier versions name no files
        return
    for name in names:
        if (folder / name).exists() and name not in ours:
            raise SpecError(f"'{folder / name}' was not written by autoprox and is kept. Move it away, then repeat.")
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
    """The folder of --out of a command that judges, checked but not changed; None without --out.

    Raises:
        SpecError: As for `OutFolder.refuse`.
    """
    if options.out is None:
        return None
    folder = OutFolder(options.out, FolderKind(program, "result", RESULT), force=options.force)
    folder.refuse()
    return folder
