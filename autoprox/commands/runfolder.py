"""The folder of a run: what may be written there, and in which order."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.base.files import atomically, write_json
from autoprox.commands.outfolder import AbstractOutFolder
from autoprox.evolve.front import FrontPoint
from autoprox.evolve.journal import JOURNAL, has_begun
from autoprox.evolve.runs import FRONT, RUN, load
from autoprox.evolve.selection import Standing
from autoprox.graph import Proxy
from autoprox.report import EVIDENCE, REPORT
from autoprox.scorers import BEST, HALL


class RunFolder(AbstractOutFolder):
    """The folder of a run."""

    noun = "run"
    marks = (JOURNAL, BEST)
    replaced = (BEST, HALL, RUN, FRONT, str(Path(FRONT).with_suffix(".csv")), REPORT, EVIDENCE)

    @property
    def journal(self) -> Path:
        """Where the run records its evaluations."""
        return self.path / JOURNAL

    def recorded(self) -> int:
        """How many candidates the journal holds."""
        return int(load(self.path).epochs["evaluated"].max()) if has_begun(self.journal) else 0

    def occupied(self) -> str:
        """Says whether a run was finished or begun here."""
        if (self.path / BEST).exists():
            return (
                f"'{self.path}' holds a finished run, which is kept. Give another --out, --resume with a larger"
                " --budget to go on with it, or --force to replace it."
            )
        if has_begun(self.journal):
            return (
                f"'{self.path}' holds a run that was not finished. Give --resume to go on with it, --force to begin"
                " anew, or another --out."
            )
        return ""

    def has_all(self, budget: int | None, definition: dict[str, Any]) -> bool:
        """Whether the run that is gone on with is finished and has all the candidates that are asked for.

        Args:
            budget: Candidates in total; None where time decides.
            definition: All that the course of the run depends on; a run of another one has nothing of it.

        Raises:
            SpecError: If it is finished and has more than that.
        """
        if not self._resume or budget is None or not ((self.path / BEST).exists() and has_begun(self.journal)):
            return False
        if load(self.path).definition != json.loads(json.dumps(definition)):
            return False  # the journal will say what differs
        if (done := self.recorded()) > budget:
            raise SpecError(
                f"'{self.path}' holds a finished run of {done} candidates; --budget {budget} is the total. Give a "
                "larger one to go on with it, or --force to replace it."
            )
        return done == budget

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
        write_json(run, self.path / RUN)
        write_json(members, self.path / HALL)
        written = [self.path / name for name in (BEST, HALL, RUN)]
        if front:
            points = [each.to_document() for each in front]
            write_json(points, self.path / FRONT)
            table = Path(FRONT).with_suffix(".csv").name
            atomically(self.path / table, lambda path: _write_csv(path, points))
            written += [self.path / FRONT, self.path / table]
        self._publish(proxy)
        return written

    def _publish(self, proxy: Proxy) -> None:
        fresh = self.path / f".{BEST}.{os.getpid()}.part"
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


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
