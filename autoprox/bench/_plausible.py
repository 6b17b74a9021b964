"""Whether labels can be what they are said to be: percent, better where higher, of trainings of their own."""

from collections.abc import Mapping
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.base.arrays import Floats
from autoprox.bench.schema import BLOCK_COLUMNS, KEY_COLUMNS, METRICS
from autoprox.metrics import kendall_tau_b

PERCENT = "top1_pct"
MIN_ARCHS = 12
"""Below this number of architectures an order may be chance."""

SIGNIFICANT = 5.0
"""Standard deviations that tau must lie below zero, were there no relation, before a direction is doubted."""

MOST = 0.5
"""Share of the architectures with several rows that must hold nothing but repetitions, where no seeds are given."""


def fractions_among_percents(values: Floats, chance: float) -> npt.NDArray[np.bool_]:
    """Which labels of one block are shares of 1 where the others are percent.

    They lie in (0, 1], far below all others, and a hundred times as much lies among the others. A label close to what
    guessing reaches is not a share: a training may have failed.

    Args:
        values: `(n,)`, what should be percent.
        chance: What guessing reaches, in percent.

    Returns:
        `(n,)`.

    Example:
        >>> fractions_among_percents(np.array([91.2, 0.93, 94.8]), chance=10.0).tolist()
        [False, True, False]
        >>> fractions_among_percents(np.array([61.2, 0.1, 74.8]), chance=0.1).tolist()  # a training that failed
        [False, False, False]
    """
    small = (values > 0) & (values <= 1)
    others = values[values > 1]
    if not small.any() or not len(others):
        return np.zeros(len(values), dtype=bool)
    apart = others.min() > 5 * values[small].max()
    among = (others.min() / 2.5 <= 100 * values) & (values <= 0.025 * others.max())
    guessed = np.abs(values - chance) <= 0.2 * chance
    mixed: npt.NDArray[np.bool_] = small & among & ~guessed & apart
    return mixed


def without_repetitions(frame: pd.DataFrame, *, seeds_given: bool) -> pd.DataFrame:
    """The rows without those that repeat a label instead of adding a training.

    A table that was put together from itself, or in which the mean of several trainings stands in the row of each, has
    every value of an architecture equally often. Taken as trainings they would agree perfectly. One architecture of a
    coarse metric may have two trainings of one value; all that have several do not.

    Args:
        frame: Rows with all columns of a key and `value`.
        seeds_given: Whether seeds were told, and not counted from the rows. It takes all architectures to doubt them.

    Returns:
        The rows that are left, with the index that they had.
    """
    key = [name for name in KEY_COLUMNS if name != "train_seed"]
    # The same value that went through other arithmetic is the same.
    rounded = frame.assign(value=frame["value"].map(lambda value: float(f"{value:.10g}")))
    copies = rounded.groupby([*key, "value"], sort=False)["value"].transform("size")
    if copies.max() == 1:
        return frame
    archs = rounded.assign(copies=copies).groupby(key, sort=False)
    times = np.ones(len(frame), dtype=int)
    repeated = (archs["copies"].transform("min") > 1).to_numpy()  # of all others it is 1
    if repeated.any():
        times[repeated] = (
            rounded.assign(copies=copies)[repeated].groupby(key)["copies"].transform(lambda own: gcd(*own))
        )
    several = (archs["copies"].transform("size") > 1).to_numpy()
    blocks = [rounded[name] for name in BLOCK_COLUMNS]
    weights = 1 / archs["copies"].transform("size")  # so that each architecture counts once
    repeating = (weights * (several & (times > 1))).groupby(blocks).transform("sum")
    share = repeating / (weights * several).groupby(blocks).transform("sum").replace(0.0, np.nan)
    doubted = (share > 1 - 1e-9 if seeds_given else share >= MOST).to_numpy()
    number = rounded.groupby([*key, "value"], sort=False).cumcount().to_numpy()
    kept = ~doubted | (number < copies.to_numpy() // times)
    left: pd.DataFrame = frame[kept]
    return left


def doubts_of(frame: pd.DataFrame, num_classes: Mapping[str, int]) -> list[str]:
    """Implausible labels of a complete table although every single one is possible, one sentence each.

    Args:
        frame: The rows.
        num_classes: Number of classes of every data set.
    """
    doubts = []
    for key, rows in frame.groupby(list(BLOCK_COLUMNS), sort=True):
        space, dataset, kind, metric = map(str, key)
        own = rows.groupby("arch_id")[["value", "params_count"]].mean()
        name, values = f"{space}/{dataset}/{kind}/{metric}", own["value"].to_numpy()
        if metric == PERCENT:
            chance = float(Fraction(100, num_classes[dataset]))
            if values.max() <= 1.0:
                doubts.append(
                    f"In the block {name} no value lies above 1: are they fractions? autoprox reads percent; ranks are"
                    " the same."
                )
            elif values.max() < chance:
                doubts.append(
                    f"In the block {name} the best value, {values.max():g}, is less than guessing reaches"
                    f" ({chance:g} %): are they errors? Give accuracies, 100 - error."
                )
        goodness = values if METRICS[metric].higher_is_better else -values
        tau = float(kendall_tau_b(own["params_count"].to_numpy(dtype=float)[None], goodness)[0])
        count = len(own)
        deviation = np.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1))) if count > 1 else np.inf
        if count >= MIN_ARCHS and tau < -SIGNIFICANT * deviation:
            better = "higher" if METRICS[metric].higher_is_better else "lower"
            doubts.append(
                f"In the block {name} labels get worse with size (Kendall tau with parameters {tau:.2f}): is their"
                f" direction right? Of {metric} the {better} is the better; an error has to be given as 100 - error."
            )
    return doubts


def complements(frame: pd.DataFrame, names: list[str]) -> list[str]:
    """Columns of numbers that are, row by row, 100 or 1 less the value: one of the two is an error.

    Args:
        frame: Rows with `value`.
        names: Columns that are looked at.

    Example:
        >>> rows = pd.DataFrame({"value": [7.5, 9.25], "acc": [92.5, 90.75], "width": [12, 24]})
        >>> complements(rows, ["acc", "width"])
        ['acc']
    """
    found = []
    for name in names:
        numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        sums = numbers + frame["value"].to_numpy(dtype=float)
        if any(np.allclose(sums, whole, rtol=0, atol=1e-6 * whole) for whole in (1.0, 100.0)):
            found.append(name)
    return found
