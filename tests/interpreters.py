"""Python processes that start at once: children of an interpreter that has imported autoprox already.

Run as a program it reads requests from standard input, one JSON object per line, and answers each with one line.
"""

import atexit
import gc
import itertools
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLOSED, LEFT = "closed", "left"
"""States of a stream: closed, or abandoned by its reader. Any other value is the path of a file."""
_ROOT = Path(__file__).parents[1]
_PAUSE_S = 0.005


class Interpreter:
    """An interpreter that forks a child per program; the child is as a process that Python has just started.

    Its hash seed is that of the interpreter, and modules of autoprox are imported already.
    """

    def __init__(self, process: "subprocess.Popen[str]", outputs: Path) -> None:
        self._process = process
        self._outputs = outputs
        self._lock = threading.Lock()
        self._count = itertools.count()

    def start(
        self,
        program: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        session: bool = False,
        **streams: str,
    ) -> "Child":
        """Starts a program.

        Args:
            program: Words after `python`: `-m MODULE ...` or `-c CODE ...`.
            env: Its environment, by default that of the tests at this moment.
            cwd: Its folder, by default the root of the project.
            session: If True, it leads a session, as in a terminal.
            streams: Files for `stdin`, `stdout` and `stderr`. By default there is no input, and `Child.communicate`
                returns the output.
        """
        number = next(self._count)
        captured = {name: str(self._outputs / f"{number}.{name}") for name in ("stdout", "stderr")}
        outputs = {name: path for name, path in captured.items() if name not in streams}
        request = {
            "program": list(program),
            "env": dict(os.environ if env is None else env),
            "cwd": str(cwd or _ROOT),
            "session": session,
            "streams": streams | outputs,
        }
        return Child(self, self.ask(request), outputs)

    def run(self, program: Sequence[str], **options: Any) -> "Child":
        """Starts a program, and returns when it has ended."""
        child = self.start(program, **options)
        child.wait(600)
        return child

    def ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


class Child:
    """A started program, with the methods of `subprocess.Popen`."""

    def __init__(self, interpreter: Interpreter, pid: int, outputs: Mapping[str, str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._interpreter = interpreter
        self._outputs = outputs

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._interpreter.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(_PAUSE_S)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for the end.

        Returns:
            Output and errors; empty if they were sent elsewhere.
        """
        self.wait(timeout)
        read = {name: Path(path).read_text(encoding="utf-8") for name, path in self._outputs.items()}
        return read.get("stdout", ""), read.get("stderr", "")

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()


@contextmanager
def interpreter(environment: Mapping[str, str]) -> Iterator[Interpreter]:
    """Starts an interpreter, with additional environment variables."""
    with (
        tempfile.TemporaryDirectory() as outputs,
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | dict(environment),
        ) as process,
    ):
        yield Interpreter(process, Path(outputs))
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Answers requests until there are no more."""
    from autoprox.commands import COMMANDS, load_command  # before any child, and after the variables are set

    for name in COMMANDS:
        load_command(name)
    gc.freeze()  # a child that looked for garbage among all this would copy it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    for line in requests:
        request = json.loads(line)
        answer: int | None
        if "ended" in request:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                answers.close()
                _become(request)
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()


def _become(request: Mapping[str, Any]) -> None:
    """The child: streams, folder and variables as Python would find them at its start, the program, Python's end."""
    from autoprox.base.interrupts import expect_interrupts

    if request["session"]:
        os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _redirected(number, request["streams"].get(name, os.devnull)))
    kind, what, *words = request["program"]
    sys.orig_argv = [sys.executable, kind, what, *words]
    sys.argv = [kind, *words]
    sys.path.insert(0, request["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    expect_interrupts()
    status: Any = 1
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), vars(main))
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:  # noqa: BLE001 - what Python itself does
        if sys.stderr is not None:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
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
    os.set_inheritable(number, True)  # noqa: FBT003
    like = getattr(sys, f"__{('stdin', 'stdout', 'stderr')[number]}__")
    return open(number, "r" if number == 0 else "w", encoding=like.encoding, errors=like.errors, closefd=False)


if __name__ == "__main__":
    serve()
