"""Plausibility of labels: their scale, their direction, and one training per row."""

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
"""With fewer architectures an order may be chance."""

SIGNIFICANT = 5.0
"""Number of standard deviations (under no relation) below zero at which tau casts doubt on a direction."""

MOST = 0.5
"""Without given seeds: minimum share, among architectures with several rows, of those with repetitions only."""


def fractions_among_percents(values: Floats, chance: float) -> npt.NDArray[np.bool_]:
    """Finds the labels of one block that are fractions of 1 where the others are percent.

    Such a label is in (0, 1] and far below all others, but among them when multiplied by 100. A label close to chance
    level is not a fraction: the training may have failed.

    Args:
        values: `(n,)`, labels that should be percent.
        chance: Accuracy of guessing, in percent.

    Returns:
        `(n,)`, True for a fraction.

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
    """Drops rows that repeat a label instead of adding a training.

    Some tables hold every value of an architecture equally often: a table that was concatenated with itself, or one
    with the mean of several trainings in the row of each. Counted as trainings, these rows would agree perfectly. With
    a coarse metric, two trainings of one architecture may reach the same value, but not those of all architectures.

    Args:
        frame: Rows with all columns of a key and `value`.
        seeds_given: True if the table has seeds, False if they were counted from its rows. Given seeds are doubted
            only if all architectures with several rows repeat their labels.

    Returns:
        The remaining rows, with their index.
    """
    key = [name for name in KEY_COLUMNS if name != "train_seed"]
    # Equal up to rounding counts as equal.
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
    """Describes blocks of a complete table with valid but implausible labels, one sentence each.

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
                    f"In the block {name} no value is above 1: are they fractions? autoprox expects percent; ranks are"
                    " the same."
                )
            elif values.max() < chance:
                doubts.append(
                    f"In the block {name} the best value, {values.max():g}, is below chance level"
                    f" ({chance:g} %): are they error rates? Give accuracies, 100 - error."
                )
        goodness = values if METRICS[metric].higher_is_better else -values
        tau = float(kendall_tau_b(own["params_count"].to_numpy(dtype=float)[None], goodness)[0])
        count = len(own)
        deviation = np.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1))) if count > 1 else np.inf
        if count >= MIN_ARCHS and tau < -SIGNIFICANT * deviation:
            better = "higher" if METRICS[metric].higher_is_better else "lower"
            doubts.append(
                f"In the block {name} labels get worse with size (Kendall tau with parameters {tau:.2f}): is their"
                f" direction right? For {metric}, {better} is better; give an error rate as 100 - error."
            )
    return doubts


def complements(frame: pd.DataFrame, names: list[str]) -> list[str]:
    """Finds columns that equal 100 - value or 1 - value in every row: one of the two is an error rate.

    Args:
        frame: Rows with `value`.
        names: Columns to examine.

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
