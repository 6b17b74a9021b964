"""Files of a search."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.base.files import json_writer
from autoprox.commands.outfolder import RESULT, FolderKind, OutFolder
from autoprox.commands.searchfront import FRONT, FRONT_FIGURE
from autoprox.search import SearchResult
from autoprox.search.network_export import CONFIG, NETWORK
from autoprox.search.search_figure import svg_writer
from autoprox.search.search_journal import FORMAT, JOURNAL, recorded
from autoprox.search.verification import JOURNAL as VERIFICATION
from autoprox.training.build_journal import FORMAT as TRAININGS

CANDIDATES, FIGURE = "candidates.csv", "figure.svg"

SEARCH_FOLDER = FolderKind(
    "search",
    "search",
    RESULT,
    (CANDIDATES, FIGURE, FRONT, FRONT_FIGURE, NETWORK, CONFIG),
    {JOURNAL: FORMAT, VERIFICATION: TRAININGS},
    recorded=lambda folder: recorded(folder / JOURNAL),
)


def require_no_less(folder: OutFolder, options: argparse.Namespace) -> None:
    """Refuses to resume a finished search with a smaller budget.

    Raises:
        SpecError: If the search has more candidates than the budget.
    """
    if options.resume and options.budget is not None and folder.finished and folder.recorded() > options.budget:
        raise SpecError(
            f"'{folder.path}' holds a finished search of {folder.recorded()} candidates, more than the total of "
            f"--budget {options.budget}. Give at least as many to extend it, or --force to replace it."
        )


def contents_of(document: dict[str, Any], result: SearchResult, top: int) -> dict[str, Callable[[Path], object]]:
    """The files of a search, each with its writer."""
    frame = result.frame()
    return {
        RESULT: json_writer(document),
        CANDIDATES: lambda path: frame.to_csv(path, index=False, lineterminator="\n"),
        FIGURE: svg_writer(result, top),
    }
