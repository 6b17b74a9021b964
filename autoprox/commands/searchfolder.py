"""The folder of a search: what may be written there, and in which order."""

from pathlib import Path
from typing import Any

from autoprox.bench.files import atomically, write_json
from autoprox.errors import SpecError
from autoprox.search import SearchResult
from autoprox.search.figure import write_figure
from autoprox.search.journal import JOURNAL, discard, recorded
from autoprox.search.verification import JOURNAL as VERIFICATION

RESULT = "result.json"
RUN = "run.json"
FIGURE = "figure.svg"
CANDIDATES = "candidates.csv"


class SearchFolder:
    """The folder of a search.

    Args:
        path: The folder; made by `prepare`.
        force: Whether what another search left there is replaced.
        resume: Whether the search that was begun there is gone on with.

    Raises:
        SpecError: If both are asked for.
    """

    def __init__(self, path: Path, *, force: bool, resume: bool) -> None:
        if force and resume:
            raise SpecError("--resume goes on with a search and --force begins anew; give one of them.")
        self.path = path
        self._force = force
        self._resume = resume

    @property
    def journal(self) -> Path:
        """Where every candidate is recorded."""
        return self.path / JOURNAL

    @property
    def verification(self) -> Path:
        """Where every training of a verification is recorded."""
        return self.path / VERIFICATION

    def refuse(self) -> None:
        """Looks at the folder and changes nothing.

        Raises:
            SpecError: If the path is a file, or holds a search that is neither to be replaced nor to be gone on with.
            StoreMismatchError: If its journal cannot be read.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SpecError(f"--out '{self.path}' is a file; give a folder.")
        if self._force or self._resume:
            return
        state = "finished" if (self.path / RESULT).exists() else "begun" if recorded(self.journal) else ""
        if state:
            raise SpecError(
                f"'{self.path}' holds a search that was {state}. Give --resume to go on with it (a larger --budget, "
                "or --verify), --force to begin anew, or another --out."
            )

    def prepare(self) -> None:
        """Makes the folder if need be, and tries it for writing before anything is computed.

        Raises:
            SpecError: If the folder cannot be written.
        """
        probe = self.path / f".{RESULT}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SpecError(
                f"--out '{self.path}' cannot be written ({error.strerror}); give a folder that can."
            ) from error
        if self._force:
            discard(self.verification)

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
