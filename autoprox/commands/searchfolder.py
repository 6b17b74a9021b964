"""The folder of a search: what may be written there, and in which order."""

from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.base.files import atomically, write_json
from autoprox.base.store import discard
from autoprox.commands.outfolder import AbstractOutFolder
from autoprox.commands.record import RUN
from autoprox.search import SearchResult
from autoprox.search.figure import write_figure
from autoprox.search.journal import JOURNAL, recorded
from autoprox.search.verification import JOURNAL as VERIFICATION

RESULT = "result.json"
FIGURE = "figure.svg"
CANDIDATES = "candidates.csv"


class SearchFolder(AbstractOutFolder):
    """The folder of a search."""

    noun = "search"
    marks = (JOURNAL, RESULT)
    replaced = (RESULT, CANDIDATES, FIGURE, RUN)

    @property
    def journal(self) -> Path:
        """Where every candidate is recorded."""
        return self.path / JOURNAL

    @property
    def verification(self) -> Path:
        """Where every training of a verification is recorded."""
        return self.path / VERIFICATION

    def recorded(self) -> int:
        """How many candidates the journal holds."""
        return recorded(self.journal)

    def occupied(self) -> str:
        """Says whether a search was finished or begun here."""
        state = "finished" if (self.path / RESULT).exists() else "begun" if self.recorded() else ""
        return state and (
            f"'{self.path}' holds a search that was {state}. Give --resume to go on with it (a larger --budget, "
            "or --verify), --force to begin anew, or another --out."
        )

    def prepare(self) -> None:
        """Makes the folder if need be; trainings of a search that is replaced go as well.

        Raises:
            SpecError: If the folder cannot be written, or holds a search that is to stay.
            StoreMismatchError: If its journal cannot be read.
        """
        super().prepare()
        if self._force:
            discard(self.verification)

    def require_no_less(self, budget: int | None) -> None:
        """Refuses to go on with a finished search towards fewer candidates than it has.

        Raises:
            SpecError: If the budget is less.
        """
        if self._resume and budget is not None and (self.path / RESULT).exists() and self.recorded() > budget:
            raise SpecError(
                f"'{self.path}' holds a finished search of {self.recorded()} candidates; --budget {budget} is the "
                "total. Give at least as many to go on with it, or --force to replace it."
            )

    def finish(self, document: dict[str, Any], run: dict[str, Any], result: SearchResult, top: int) -> list[Path]:
        """Writes all results; result.json comes last: where it is, the search is finished.

        Returns:
            The files.

        Raises:
            AutoproxError: If one cannot be written.
        """
        write_figure(result, top, self.path / FIGURE)
        atomically(self.path / CANDIDATES, lambda path: result.frame().to_csv(path, index=False, lineterminator="\n"))
        write_json(run, self.path / RUN)
        write_json(document, self.path / RESULT)
        return [self.path / name for name in (RESULT, CANDIDATES, FIGURE, RUN)]
