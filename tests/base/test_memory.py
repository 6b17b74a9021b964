"""Freed memory is kept: fewer pages are asked of the system, and results stay."""

import os
import subprocess
import sys

import pytest

PROBE = """
import resource, sys, torch
from autoprox.base._memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
torch.set_num_threads(1)
def work():
    # Three at a time, so that there is something above the first that the allocator could give back.
    tensors = [torch.full((1_000_000,), 0.5) for _ in range(3)]
    return float(sum(tensors).sum())
values = [work() for _ in range(20)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
values += [work() for _ in range(20)]
print(len(set(values)), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def probe(mode: str) -> tuple[int, int]:
    # As in a worker of joblib; where OpenMP keeps more threads, glibc may give nothing back by itself.
    threads = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROBE, mode]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=threads)
    distinct, faults = run.stdout.split()
    return int(distinct), int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_kept_memory_is_not_asked_for_again() -> None:
    kept, given_back = probe("kept"), probe("given back")
    assert kept[0] == given_back[0] == 1
    assert kept[1] < 1000, f"of some 60,000 pages; {given_back[1]} without"
