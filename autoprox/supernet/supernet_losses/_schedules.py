"""Schedules of the weight of ranking terms during training (PGONAS, RD-NAS)."""

from collections.abc import Callable
from math import pi, sin

from autoprox.base.registry import Registry

RankingSchedule = Callable[[float], float]
"""From the completed share of the training to a weight."""

SCHEDULES: Registry[RankingSchedule] = Registry("schedule")
"""All schedules by name."""


def constant(progress: float) -> float:
    """Always 1."""
    del progress
    return 1.0


def ramp(progress: float) -> float:
    """0.1 per epoch up to 2, for 70 epochs as released with PGONAS.

    Example:
        >>> ramp(0.1), ramp(0.5)
        (0.7, 2.0)
    """
    return min(2.0, 70 * progress / 10)


def sine(progress: float) -> float:
    """As released: 2 sin(0.8 pi t / T), which rises and falls again.

    Example:
        >>> round(sine(0.625), 3), sine(0.0)
        (2.0, 0.0)
    """
    return 2 * sin(0.8 * pi * progress)


def multistage(progress: float) -> float:
    """0, 1 and 2 in thirds of the training. PGONAS names such a schedule without numbers; these are ours.

    Example:
        >>> multistage(0.0), multistage(0.5), multistage(1.0)
        (0.0, 1.0, 2.0)
    """
    return float(min(2, int(3 * progress)))


for _name, _schedule in (("constant", constant), ("ramp", ramp), ("sine", sine), ("multistage", multistage)):
    SCHEDULES.register(_name, _schedule)
