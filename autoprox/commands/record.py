"""run.json: how a result came about, and whether it is finished.

What may differ between two runs of one seed stands here and nowhere else. The record is written before the first other
file, as that of unfinished work, and once more after the last one: it alone says whether a folder is finished, and
which files in it autoprox wrote.
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
"""How many words of a recorded command come before its options."""

_ENDS = {"--budget", "--seconds"}
_OF_ONE_USE = {"--force", "--resume", "--quiet", "--log-json", "--json", "--backend", "--address"}
# Options that are not taken over: of the first at most one is allowed, and the others say how a command is used once.


def run_record(
    options: argparse.Namespace, started: float, digests: Mapping[str, str | None], **more: Any
) -> dict[str, Any]:
    """The record of a command that has finished.

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
    raise SpecError(f"'{path}' was not written by autoprox, and stays. Move it away, or give another --out.")


def record_beside(path: Path) -> Path:
    """Where the record of a result stands that is a single file.

    Example:
        >>> record_beside(Path("runs/parzc.pt")).name
        'parzc.run.json'
    """
    return path.with_suffix(f".{RUN}")


def resumed(name: str, words: Sequence[str]) -> list[str]:
    """The options of a command. With --resume, those that its --out was made with come first.

    What is given has precedence, and what was given before need not be repeated.

    Args:
        name: Of the command.
        words: Its options as they were given.

    Raises:
        SpecError: If the folder has a record that autoprox did not write, or was made with code of a user.
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
    """Refuses recorded options that name code: a folder of somebody else could name anything.

    Args:
        options: Words of the options that are taken over, by their names.
        place: The folder, or the file.
        advice: What to do; `{option}` stands for the option.

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
    """The options of a recorded command, without those that say how it is used once.

    Example:
        >>> lasting(["python", "-m", "autoprox.evolve", "--seed=1", "--budget", "5", "--force"])
        {'--seed': ['--seed=1'], '--budget': ['--budget', '5']}
    """
    groups = grouped(command[PROGRAM_WORDS:])
    return {name: group for name, group in groups.items() if name not in _OF_ONE_USE}


def grouped(words: Sequence[str]) -> dict[str, list[str]]:
    """Options by their names, each with its words; what stands before them has an empty name. The last use counts.

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
