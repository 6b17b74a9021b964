"""Where work in processes runs: on this machine, or on a cluster, through joblib's backends.

The work itself is what `autoprox.base.workers.processes` gives; `backend(...)` around it decides where it runs.
"""

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from autoprox.base.errors import AutoproxError, SpecError, WorkerLossError, suggestion
from autoprox.base.logs import levels

BACKENDS = ("loky", "dask", "ray")
CONNECT_S = 15
"""How long a scheduler may take to answer."""
SAME_VERSIONS = ("autoprox", "torch", "numpy")
"""Packages that decide results; every worker has to have the versions of this process."""


@contextmanager
def backend(name: str = "loky", address: str | None = None) -> Iterator[None]:
    """Runs the work inside with one of joblib's backends.

    Args:
        name: `loky` (processes of this machine), `dask` or `ray`.
        address: Of the cluster: the scheduler's for dask (`tcp://host:8786`), the head's for ray. With ray it may be
            left out, which starts one on this machine.

    Raises:
        SpecError: If there is no such backend, its package is not installed, the address does not fit, or workers
            have other versions of what decides results.
        AutoproxError: If the cluster cannot be reached.

    Example:
        >>> with backend("loky"):
        ...     joblib.Parallel(n_jobs=1)(joblib.delayed(abs)(x) for x in [-1, -2])
        [1, 2]
    """
    if name not in BACKENDS:
        raise SpecError(f"There is no backend '{name}'. {suggestion(name, BACKENDS)}")
    if name == "loky":
        if address is not None:
            raise SpecError("`address` is the address of a cluster; give the backend dask or ray with it.")
        with joblib.parallel_config(backend="loky"):
            yield
    elif name == "dask":
        with _dask(address):
            yield
    else:
        with _ray(address):
            yield


@contextmanager
def explained_loss() -> Iterator[None]:
    """Turns the loss of workers into an error that says what to do; around work whose finished parts are kept.

    Raises:
        WorkerLossError: If a process of this machine was ended from outside, the workers of a cluster several times
            over the same work, or its scheduler.
        AutoproxError: If a worker cannot load what it is given.
    """
    try:
        yield
    except _losses() as error:
        raise WorkerLossError(
            f"A worker process, or the connection to the cluster, was lost ({type(error).__name__}); on one machine "
            "the usual cause is want of memory: use fewer processes. What was finished is kept."
        ) from error
    except BrokenProcessPool as error:
        raise AutoproxError(
            "A worker process could not load its task. Your space or model has to be importable there: install "
            "its package, add its folder to PYTHONPATH, or use one process."
        ) from error


def _losses() -> tuple[type[BaseException], ...]:
    """How the backends that are in use say that a worker is gone."""
    found: list[type[BaseException]] = [TerminatedWorkerError, CancelledError]
    if "distributed" in sys.modules:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError

        found += [KilledWorker, FutureCancelledError, CommClosedError]
    if "ray" in sys.modules:
        from ray.exceptions import RayError

        found.append(RayError)
    return tuple(found)


@contextmanager
def _dask(address: str | None) -> Iterator[None]:
    _require("dask", "distributed")
    if address is None:
        raise SpecError(
            "The backend dask needs `address`, that of a scheduler, such as tcp://host:8786. Start one with: dask "
            "scheduler; and on each machine: dask worker ADDRESS --nworkers N --nthreads 1."
        )
    from distributed import Client

    # What they log when a connection breaks are tracebacks; the user is told in a sentence.
    with levels(logging.CRITICAL, "distributed", "distributed.client"):
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise AutoproxError(
                f"No dask scheduler answers at {address}: {error}. Check the address, and that the scheduler runs."
            ) from error
        with client:
            _compare_versions(client, address)
            with joblib.parallel_config(backend="dask", client=client):
                yield


def _compare_versions(client: Any, address: str) -> None:
    """Refuses workers whose results could differ from those of this process."""
    here = {package: version(package) for package in SAME_VERSIONS}
    for worker, found in client.get_versions(packages=list(SAME_VERSIONS))["workers"].items():
        for package, wanted in here.items():
            given = found["packages"].get(package)
            if given != wanted:
                raise SpecError(
                    f"The worker {worker} of {address} has {package} {given or '(none)'}, this process {wanted}: "
                    "labels and statistics could differ. Install the same version there."
                )


@contextmanager
def _ray(address: str | None) -> Iterator[None]:
    _require("ray", "ray")
    import ray
    from ray.util.joblib import register_ray

    try:
        ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise AutoproxError(f"No ray cluster answers at {address}: {error}. Check the address.") from error
    try:
        register_ray()
        with joblib.parallel_config(backend="ray"):
            yield
    finally:
        ray.shutdown()


def _require(name: str, module: str) -> None:
    if find_spec(module) is None:
        raise SpecError(
            f"The backend {name} needs the package {module}, which is not installed. Install it with: pip install "
            "'autoprox[distributed]'."
        )
