"""Fixtures of all tests: one thread, separate folders for cache and state."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from autoprox.networks import latency
from tests.interpreters import Interpreter, interpreter

# Numerical code on a shared machine is slow now and then; a deadline would only measure the machine.
settings.register_profile("autoprox", deadline=None, print_blob=True)
settings.load_profile("autoprox")

# Thousands of collected tests live to the end. Looking for garbage among them takes a third of the time of collection.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """One thread here and, unless another number is requested, in processes that tests start: workers share cores."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        yield


@pytest.fixture(autouse=True, scope="session")
def folders_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps the user's cache and state out of the tests, for the processes that they start as well.

    Workers share the cache, as several commands of a user do: statistics of the embedded table are computed once.
    """
    folder, base = tmp_path_factory.mktemp("user"), tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield folder


@pytest.fixture(autouse=True, scope="session")
def brief_measurements() -> Iterator[None]:
    """Latencies are measured for 0.1 s and not for up to 1 s until they are steady: no test depends on their values."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "_MOST_S", latency._LEAST_S)
        yield


@pytest.fixture(scope="session")
def python() -> Iterator[Interpreter]:
    """Starts programs in processes without the seconds that imports take."""
    with interpreter({}) as started:
        yield started
