"""Logging under the name `autoprox`, shared by library and commands.

A program that uses autoprox configures `logging` as usual. The command line writes notes to standard error, as
sentences or as JSON.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("autoprox")


@contextmanager
def levels(level: int, *loggers: str) -> Iterator[None]:
    """Sets the level of loggers inside and restores it afterwards.

    Args:
        level: A level of `logging`.
        loggers: Their names.

    Example:
        >>> with levels(logging.ERROR, "another"):
        ...     logging.getLogger("another").warning("no one hears this")
    """
    before = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, old in before.items():
            logging.getLogger(name).setLevel(old)
