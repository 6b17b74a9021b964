"""Backends for parallel work: processes of this machine, or a cluster, through joblib.

`autoprox.base.workers.processes` runs the work; `backend(...)` around it selects the place.
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
"""Longest time in seconds that a scheduler may take to answer."""
SAME_VERSIONS = ("autoprox", "torch", "numpy")
"""Packages that affect results; every worker needs the versions of this process."""


@contextmanager
def backend(name: str = "loky", address: str | None = None) -> Iterator[None]:
    """Runs the work inside on one of joblib's backends.

    Args:
        name: `loky` (processes of this machine), `dask` or `ray`.
        address: Address of the cluster: of the scheduler for dask (`tcp://host:8786`), of the head for ray. Without an
            address, ray starts a cluster on this machine.

    Raises:
        SpecError: If the backend is unknown, its package is not installed, the address does not fit, or a worker has
            other versions of `SAME_VERSIONS`.
        AutoproxError: If the cluster cannot be reached.

    Example:
        >>> with backend("loky"):
        ...     joblib.Parallel(n_jobs=1)(joblib.delayed(abs)(x) for x in [-1, -2])
        [1, 2]
    """
    if name not in BACKENDS:
        raise SpecError(f"Unknown backend '{name}'. {suggestion(name, BACKENDS)}")
    if name == "loky":
        if address is not None:
            raise SpecError(
                "`address` is the address of a cluster; choose the backend dask or ray, or omit the address."
            )
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
    """Turns the loss of workers into an error with a remedy; for work with finished parts that are saved.

    Raises:
        WorkerLossError: If a process of this machine was killed, if workers of a cluster were lost several times over
            the same work, or if its scheduler was lost.
        AutoproxError: If a worker cannot load its task.
    """
    try:
        yield
    except _losses() as error:
        raise WorkerLossError(
            f"A worker process, or the connection to the cluster, was lost ({type(error).__name__}); on one machine "
            "the usual cause is too little memory: use fewer processes. Completed work is saved."
        ) from error
    except BrokenProcessPool as error:
        raise AutoproxError(
            "A worker process could not load its task. Your space or model must be importable there: install "
            "its package, add its folder to PYTHONPATH, or use one process."
        ) from error


def _losses() -> tuple[type[BaseException], ...]:
    """Errors by which the backends in use report a lost worker."""
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
            "The backend dask needs `address`, the address of a scheduler, such as tcp://host:8786. Start "
            "one with: dask "
            "scheduler; and on each machine: dask worker ADDRESS --nworkers N --nthreads 1."
        )
    from distributed import Client

    # Dask logs tracebacks when a connection breaks; the user gets one sentence instead.
    with levels(logging.CRITICAL, "distributed", "distributed.client"):
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise AutoproxError(
                f"No dask scheduler answers at {address}: {error}. Check the address, and check that the "
                "scheduler is running."
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
