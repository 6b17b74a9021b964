"""The folder of a run: what may be written there, and in which order."""

import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autoprox.errors import SpecError
from autoprox.evolve.front import FrontPoint
from autoprox.evolve.journal import JOURNAL, has_begun
from autoprox.evolve.runs import BEST, FRONT, HALL, RUN
from autoprox.evolve.selection import Standing
from autoprox.graph import Proxy
from autoprox.report import EVIDENCE, REPORT


class RunFolder:
    """The folder of a run.

    Args:
        path: The folder; made by `prepare`.
        force: Whether what another run left there is replaced.
        resume: Whether the run that was begun there is gone on with.

    Raises:
        SpecError: If both are asked for.
    """

    def __init__(self, path: Path, *, force: bool, resume: bool) -> None:
        if force and resume:
            raise SpecError("--resume goes on with a run and --force begins anew; give one of them.")
        self.path = path
        self._force = force
        self._resume = resume

    @property
    def journal(self) -> Path:
        """Where the run records its evaluations."""
        return self.path / JOURNAL

    def refuse(self) -> None:
        """Looks at the folder and changes nothing.

        Raises:
            SpecError: If the path is a file, or holds a run that is neither to be replaced nor to be gone on with.
            StoreMismatchError: If its journal cannot be read.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SpecError(f"--out '{self.path}' is a file; give a folder.")
        if self._force or self._resume:
            return
        if (self.path / BEST).exists():
            raise SpecError(
                f"'{self.path}' holds a finished run, which is kept. Give another --out, --resume with a larger"
                " --budget to go on with it, or --force to replace it."
            )
        if has_begun(self.journal):
            raise SpecError(
                f"'{self.path}' holds a run that was not finished. Give --resume to go on with it, --force to begin"
                " anew, or another --out."
            )

    def prepare(self) -> None:
        """Makes the folder if need be, and tries it for writing before anything is computed.

        Raises:
            SpecError: As for `refuse`, and if the folder cannot be written.
            StoreMismatchError: As for `refuse`.
        """
        self.refuse()
        probe = self._fresh(BEST)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SpecError(
                f"--out '{self.path}' cannot be written ({error.strerror}); give a folder that can."
            ) from error

    def finish(
        self, proxy: Proxy, hall: Sequence[Standing], front: Sequence[FrontPoint], run: dict[str, Any]
    ) -> list[Path]:
        """Writes all results; best.json takes its name last of all: where it is, the run is finished.

        Returns:
            The files.

        Raises:
            SpecError: If another run finished in this folder meanwhile; what was found is kept beside it.
        """
        members = [each.to_document() for each in hall]
        for name in (REPORT, EVIDENCE):  # of what stood here before
            (self.path / name).unlink(missing_ok=True)
        self._replace(RUN, lambda path: path.write_text(json.dumps(run, indent=2) + "\n"))
        self._replace(HALL, lambda path: path.write_text(json.dumps(members, indent=1, allow_nan=False) + "\n"))
        written = [self.path / name for name in (BEST, HALL, RUN)]
        if front:
            points = [each.to_document() for each in front]
            self._replace(FRONT, lambda path: path.write_text(json.dumps(points, indent=1, allow_nan=False) + "\n"))
            table = Path(FRONT).with_suffix(".csv").name
            self._replace(table, lambda path: _write_csv(path, points))
            written += [self.path / FRONT, self.path / table]
        self._publish(proxy)
        return written

    def _publish(self, proxy: Proxy) -> None:
        fresh = self._fresh(BEST)
        proxy.save(fresh)
        if self._force or self._resume:
            os.replace(fresh, self.path / BEST)
            return
        try:
            os.link(fresh, self.path / BEST)
        except FileExistsError as error:
            raise SpecError(
                f"Another run finished in '{self.path}' meanwhile; the result of this one is kept in '{fresh}'."
                " Give each run an --out of its own."
            ) from error
        fresh.unlink()

    def _replace(self, name: str, write: Callable[[Path], object]) -> None:
        write(self._fresh(name))
        os.replace(self._fresh(name), self.path / name)

    def _fresh(self, name: str) -> Path:
        """Where a file is written before it takes its name, one of each process."""
        return self.path / f".{name}.{os.getpid()}.part"


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
