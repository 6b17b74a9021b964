"""run.json: provenance of a result, and its completion.

Only this file may differ between two runs of one seed. The record is written before the first other file, marked as
unfinished, and again after the last one. It alone decides if a folder is finished, and which of its files are ours.
"""

import argparse
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.base.files import read_own_json
from autoprox.base.records import RUN
from autoprox.base.references import is_reference
from autoprox.base.versions import versions

PROGRAM_WORDS = len(("python", "-m", "autoprox.evolve"))
"""Number of words before the options in a recorded command."""

_ENDS = {"--budget", "--seconds"}
_OF_ONE_USE = {"--force", "--resume", "--quiet", "--log-json", "--json", "--backend", "--address"}
# Options that --resume does not inherit: the budget, limited by one of the first, and options for one use.


def run_record(
    options: argparse.Namespace, started: float, digests: Mapping[str, str | None], **more: Any
) -> dict[str, Any]:
    """The record of a command that has finished.

    Args:
        options: Its options, with the command line as `words` and, if any, the seed as `seed`.
        started: Start time by `time.monotonic`.
        digests: Digests of its inputs and results, by name.
        more: Further entries.

    Returns:
        JSON-compatible data: command, seed, finished (ISO 8601, UTC), seconds, digests, versions, machine.
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


def read_record(path: Path) -> dict[str, Any] | None:
    """Reads a record; None without one.

    Raises:
        SpecError: If the file is not one that autoprox wrote.
    """
    if not path.exists():
        return None
    try:
        record = dict(read_own_json(path))
        program, names = record["command"][2], [*record.get("files", []), *record.get("written", [])]
        if program.startswith("autoprox.") and all(isinstance(each, str) for each in [*record["command"], *names]):
            return record
    except (StoreMismatchError, LookupError, TypeError, ValueError, AttributeError):
        pass
    raise SpecError(f"'{path}' was not written by autoprox and is kept. Move it away, or give another --out.")


def record_beside(path: Path) -> Path:
    """Path of the record of a result in a single file.

    Example:
        >>> record_beside(Path("runs/parzc.pt")).name
        'parzc.run.json'
    """
    return path.with_suffix(f".{RUN}")


def resumed(name: str, words: Sequence[str]) -> list[str]:
    """Options of a command. With --resume, the stored options of its --out come first.

    Given options have precedence, and stored ones need not be repeated.

    Args:
        name: Name of the command.
        words: Its options as given.

    Raises:
        SpecError: If autoprox did not write the record of the folder, or the stored options name user code.
    """
    given = grouped(words)
    if "--resume" not in given or "--out" not in given:
        return list(words)
    place = Path(given["--out"][-1].removeprefix("--out="))
    record = read_record(place / RUN if place.is_dir() else record_beside(place))
    if record is None or record["command"][2] != f"autoprox.{name}":
        return list(words)
    before = lasting(record["command"])
    if _ENDS & given.keys():
        before = {option: group for option, group in before.items() if option not in _ENDS}
    refuse_code(
        {option: group for option, group in before.items() if option not in given}, place, "give {option} again"
    )
    return [word for group in (before | given).values() for word in group]


def refuse_code(options: Mapping[str, Sequence[str]], place: Path, advice: str) -> None:
    """Refuses recorded options that name code, since a third-party folder could name any code.

    Args:
        options: Words of the inherited options, by option.
        place: The folder, or the file.
        advice: Remedy; `{option}` is replaced by the option.

    Raises:
        SpecError: If one names an object in a module or a file.

    Example:
        >>> refuse_code({"--space": ["--space", "evil.py:space"]}, Path("runs/theirs"), "give {option} again")
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: 'runs/theirs' was made with --space evil.py:space. Code is imported only where \
it is named on the command line: give --space again.
    """
    for option, group in options.items():
        if any(is_reference(word) for word in group):
            raise SpecError(
                f"'{place}' was made with {' '.join(group)}. Code is imported only where it is named on the command "
                f"line: {advice.format(option=option)}."
            )


def lasting(command: Sequence[str]) -> dict[str, list[str]]:
    """Options of a recorded command, without options for one use.

    Example:
        >>> lasting(["python", "-m", "autoprox.evolve", "--seed=1", "--budget", "5", "--force"])
        {'--seed': ['--seed=1'], '--budget': ['--budget', '5']}
    """
    groups = grouped(command[PROGRAM_WORDS:])
    return {name: group for name, group in groups.items() if name not in _OF_ONE_USE}


def grouped(words: Sequence[str]) -> dict[str, list[str]]:
    """Words of each option, by its name. Words before the first option have an empty name. The last use counts.

    Example:
        >>> grouped(["fit", "--seed", "1", "--splits", "fit", "select", "--seed=2"])
        {'': ['fit'], '--seed': ['--seed=2'], '--splits': ['--splits', 'fit', 'select']}
    """
    groups: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.partition("=")[0]
            groups[name] = []
        groups.setdefault(name, []).append(word)
    return groups
