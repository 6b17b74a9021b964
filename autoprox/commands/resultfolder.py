"""The folder of a verdict: what a command that judges found, and how it came about."""

import argparse
from collections.abc import Mapping
from typing import Any

from autoprox.base.files import write_json
from autoprox.commands.outfolder import AbstractOutFolder
from autoprox.commands.record import RUN
from autoprox.commands.values import PathTo

RESULT = "result.json"


def add_out_options(options: argparse.ArgumentParser) -> None:
    """Adds --out and --force."""
    options.add_argument(
        "--out", type=PathTo(folder=True), metavar="DIR", help="also write result.json and run.json into this folder"
    )
    options.add_argument("--force", action="store_true", help="replace the result in this folder")


class ResultFolder(AbstractOutFolder):
    """The folder of a verdict."""

    noun = "result"
    marks = (RESULT,)

    @classmethod
    def chosen(cls, options: argparse.Namespace) -> "ResultFolder | None":
        """The folder of --out, looked at and not touched; None without one.

        Raises:
            SpecError: If it is a file, or holds a result that is to stay.
        """
        if options.out is None:
            return None
        folder = cls(options.out, force=options.force, resume=False)
        folder.refuse()
        return folder

    def occupied(self) -> str:
        """Says whether there is a result."""
        if not (self.path / RESULT).exists():
            return ""
        return f"'{self.path}' holds a result, which is kept. Give another --out, or --force to replace it."

    def finish(self, document: Mapping[str, Any], run: dict[str, Any]) -> None:
        """Writes the result, last of all: where it is, its record is.

        Args:
            document: The result, the same for the same seed.
            run: Its record.

        Raises:
            AutoproxError: If one cannot be written.
        """
        write_json(run, self.path / RUN)
        write_json(dict(document), self.path / RESULT)
