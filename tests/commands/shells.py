"""Standard streams as in a shell, without its cost: one process imports everything, and forks a child per line.

Run as a program it reads requests from standard input, one JSON object per line, and answers each with the exit status.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLOSED, LEFT = "closed", "left"
"""States of a stream: closed, or abandoned by its reader. Any other value is the path of a file."""


class Shell:
    """Runs commands of autoprox in children of a process that has imported them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, words: Sequence[str], **streams: str) -> int:
        """Runs one command.

        Args:
            words: Arguments of `autoprox`.
            streams: Files for `stdin`, `stdout` and `stderr`; /dev/null by default.

        Returns:
            The exit status.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"words": list(words), "streams": streams}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def shell(environment: Mapping[str, str]) -> Iterator[Shell]:
    """Starts the process, with additional environment variables."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)} | dict(environment),
    ) as process:
        yield Shell(process)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Answers requests until there are no more."""
    from autoprox.commands import COMMANDS, load_command  # before any child, and after the variables are set

    for name in COMMANDS:
        load_command(name)
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    for line in requests:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            _run(request["words"], request["streams"])
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _run(words: list[str], streams: dict[str, Any]) -> None:
    """The child: its streams as Python would make them at its start, the command, and Python's own end."""
    from autoprox.commands import main

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _redirected(number, streams.get(name, os.devnull)))
    status: Any = 1
    try:
        status = main(words)
    except SystemExit as ended:
        status = ended.code or 0
    except Exception:  # noqa: BLE001 - what Python itself does
        if sys.stderr is not None:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        status = 120  # Python's status if it cannot flush its streams
    os._exit(status)


def _redirected(number: int, target: str) -> Any:
    os.close(number)
    if target == CLOSED:
        return None
    if target == LEFT:
        reader, writer = os.pipe()
        os.dup2(writer, number)
        for each in {reader, writer} - {number}:
            os.close(each)
    else:
        opened = os.open(target, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    like = getattr(sys, f"__{('stdin', 'stdout', 'stderr')[number]}__")
    return open(number, "r" if number == 0 else "w", encoding=like.encoding, errors=like.errors, closefd=False)


if __name__ == "__main__":
    serve()
