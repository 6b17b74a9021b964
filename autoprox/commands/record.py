"""run.json: how a result came about. What may differ between two runs of one seed stands here and nowhere else."""

import argparse
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoprox.base.versions import versions

RUN = "run.json"
"""Name of the record in a folder of results."""


def run_record(
    options: argparse.Namespace, started: float, digests: Mapping[str, str | None], **more: Any
) -> dict[str, Any]:
    """The record of a command that writes something.

    Args:
        options: Its options; `words` are the command and `seed`, if it has one, the seed.
        started: When it began, by `time.monotonic`.
        digests: Digests of what it worked on and of what it made, by what they are of.
        more: What else is to be kept.

    Returns:
        What JSON can hold: command, seed, finished (ISO 8601, UTC), seconds, digests, versions, machine.
    """
    return {
        "command": list(options.words),
        "seed": getattr(options, "seed", None),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 3),
        **more,
        "digests": dict(digests),
        "versions": versions(),
        "machine": platform.platform(),
    }


def record_beside(path: Path) -> Path:
    """Where the record of a result stands that is a single file.

    Example:
        >>> record_beside(Path("runs/parzc.pt")).name
        'parzc.run.json'
    """
    return path.with_suffix(f".{RUN}")
