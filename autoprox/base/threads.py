"""One thread for torch, where results are recorded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from autoprox.base._memory import keep_freed_memory

ONE_AT_A_TIME = threading.RLock()
"""Held by who draws from torch's generators, sets what belongs to the process, or changes a model for a time."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """Runs torch on one thread, so that sums are taken in one order whatever the number of cores.

    Work is spread over processes instead. The number of threads before is restored. In one process, only one thread of
    Python is inside at a time: a worker of a cluster may run several, and initialisations draw from torch's one
    generator. Memory is kept from then on, see `keep_freed_memory`.

    Example:
        >>> with single_threaded():
        ...     torch.get_num_threads()
        1
    """
    keep_freed_memory()
    with ONE_AT_A_TIME:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
