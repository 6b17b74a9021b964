"""Backends: the same results wherever work runs, and a worker that dies costs time only."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from operator import truediv
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib import delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from autoprox.base import parallel
from autoprox.base.errors import AutoproxError, SpecError, WorkerLossError
from autoprox.base.parallel import backend, explained_loss
from autoprox.base.workers import processes
from autoprox.bench.table_files import TableFiles
from autoprox.commands import main
from autoprox.graph import collect_leaves, parse
from autoprox.networks import Fresh, Network
from autoprox.spaces import SPACES
from autoprox.spaces.task import noise_task
from autoprox.statistics import StatisticsCache
from autoprox.training.build import build
from tests.bench.tiny import tiny_archs, tiny_plan
from tests.training.test_build import committed

distributed = pytest.importorskip("distributed")


class Cluster:
    """A scheduler in this process and two worker processes on this machine."""

    def __init__(self, cluster: object) -> None:
        self._cluster = cluster
        self.address: str = cluster.scheduler_address  # type: ignore[attr-defined]

    def pids(self) -> list[int]:
        return [worker.pid for worker in self._cluster.workers.values() if worker.pid]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options, dashboard_address=None, silence_logs=logging.CRITICAL) as local:
        yield Cluster(local)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_worker_changes_no_byte(cluster: Cluster, tmp_path: Path) -> None:
    plan, out = tiny_plan(), tmp_path / "cluster.parquet"
    before = cluster.pids()
    saved: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 120
        while committed(TableFiles(out).journal) < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(before[0], signal.SIGKILL)
        saved.append(committed(TableFiles(out).journal))

    assassin = threading.Thread(target=kill_one)
    assassin.start()
    with backend("dask", cluster.address):
        build(plan, out)
    assassin.join()
    assert 1 <= saved[0] < len(plan.trainings())
    assert before[0] not in cluster.pids()
    assert out.read_bytes() == build(plan, tmp_path / "plain.parquet").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_statistics_of_a_cluster_are_those_of_this_process(cluster: Cluster, tmp_path: Path) -> None:
    task = noise_task("leaves", 7, 8, 1)
    networks = [
        Network(SPACES[item.arch.space], item.arch, task, Fresh(seed)) for item in tiny_archs(3) for seed in (0, 1)
    ]
    leaves = [parse(text) for text in ("l1(weight)", "frobenius(mul(weight, weight_grad))")]
    here = collect_leaves(networks, leaves, StatisticsCache(tmp_path / "here"))
    with backend("dask", cluster.address):
        there = collect_leaves(networks, leaves, StatisticsCache(tmp_path / "there"), jobs=2)
    for mine, theirs in zip(here, there, strict=True):
        assert mine.roles == theirs.roles
        for leaf in leaves:
            np.testing.assert_array_equal(mine.values[leaf.digest], theirs.values[leaf.digest])


@pytest.mark.filterwarnings("ignore")
def test_workers_with_other_versions_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "version", lambda _: "99.0")
    with pytest.raises(SpecError, match=r"has autoprox .*, this process 99\.0"), backend("dask", cluster.address):
        pass


def test_loky_runs_what_no_backend_runs() -> None:
    with backend("loky"):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(x) for x in (-1, -2)) == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "dusk"], "Unknown backend 'dusk'. Did you mean 'dask'?"),
        (["--backend", "dask"], "dask needs --address"),
        (["--address", "tcp://127.0.0.1:1"], "choose the backend dask or ray"),
        (["--backend", "dask", "--address", "127.0.0.1:1"], "No dask scheduler answers at 127.0.0.1:1"),
        (["--backend", "dask", "--address", "nonsense://x"], "No dask scheduler answers at nonsense://x"),
        pytest.param(
            ["--backend", "ray"],
            "needs the package ray, which is not installed",
            marks=pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed"),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_backends_that_cannot_be_had_are_one_line(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "CONNECT_S", 1)
    build_it = ["build", "--space", "pit-micro", "--archs", "1", "--iso", "0", "--datasets", "digits"]
    assert main(["bench", *build_it, "--out", str(tmp_path / "t.parquet"), *options]) == 2
    written = capsys.readouterr()
    assert message in written.err
    assert written.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_lost_workers_are_explained() -> None:
    for loss in (TerminatedWorkerError("gone"), distributed.KilledWorker("task", "worker", 3)):
        with (
            pytest.raises(WorkerLossError, match="too little memory: use fewer"),
            explained_loss(),
        ):
            raise loss


class Unloadable:
    """An object that cannot be made again from what was sent."""

    def __reduce__(self) -> tuple[object, tuple[int, int]]:
        return truediv, (1, 0)


def test_a_task_that_a_worker_cannot_load_is_explained() -> None:
    with pytest.raises(AutoproxError, match=r"could not load its task.*PYTHONPATH"), explained_loss():
        processes(2)(delayed(str)(Unloadable()) for _ in range(2))
