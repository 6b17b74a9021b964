"""Logging under the name `autoprox`: settings that library and commands share.

A program that uses autoprox decides with the means of `logging` where notes go. The command line writes them to
standard error, as sentences or as JSON.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("autoprox")


@contextmanager
def levels(level: int, *loggers: str) -> Iterator[None]:
    """Sets the level of loggers and gives them back as they were.

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
