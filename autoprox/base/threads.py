"""A single torch thread, for results that are recorded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from autoprox.base._memory import keep_freed_memory

ONE_AT_A_TIME = threading.RLock()
"""Held while code draws from torch's generators, changes settings of the process, or temporarily changes a model."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """Runs torch on one thread, so that the order of summation does not depend on the number of cores.

    Work is spread over processes instead. The earlier number of threads is restored. Only one Python thread of a
    process is inside at a time: a worker of a cluster may run several, and all of them would draw from the same
    generator of torch. Freed memory is kept from then on, see `keep_freed_memory`.

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
