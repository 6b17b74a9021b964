"""Verdicts of trainings: intervals against SciPy, and the trainings themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from autoprox.base.errors import SpecError
from autoprox.bench.labels import SCRATCH
from autoprox.datasets import dataset
from autoprox.datasets.batches import draw_batch
from autoprox.search import Constraints, Region, run
from autoprox.search.verification import Difference, TrainedArch, Verification, verify
from autoprox.spaces import Arch, space
from autoprox.training.recipe import Recipe
from autoprox.training.train import Training, train

ARCH = Arch("toy", {"width": 8})
OTHER = Arch("toy", {"width": 9})


def trained(*accuracies, role="pick", arch=ARCH):
    return TrainedArch(role, arch, 100, accuracies)


@pytest.mark.parametrize("accuracies", [(90.0, 92.0, 94.5), (10.0, 10.25)])
def test_interval_is_the_t_interval(accuracies):
    expected = stats.t.interval(0.95, len(accuracies) - 1, np.mean(accuracies), stats.sem(accuracies))
    assert trained(*accuracies).interval == pytest.approx(expected)


def test_one_training_has_no_interval():
    assert all(map(math.isnan, trained(90.0).interval))
    assert "no interval" in Difference.between(trained(90.0), trained(80.0), "x").verdict


def test_difference_is_welch():
    ours, theirs = (90.0, 92.0, 91.0), (80.0, 85.0, 84.0)
    found = Difference.between(trained(*ours), trained(*theirs), "x")
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert found.interval == pytest.approx((expected.low, expected.high))
    assert found.beats
    assert found.verdict.startswith("beats x by 8.00 points")
    assert found.verdict.endswith(": significant")
    assert Difference.between(trained(*theirs), trained(*ours), "x").verdict.startswith("falls behind x by 8.00")
    assert Difference.between(trained(5.0, 5.0), trained(5.0, 5.0), "x").interval == (0.0, 0.0)


def test_median_random_is_the_better_of_two_middle_ones():
    randoms = tuple(trained(value, role="random") for value in (50.0, 70.0, 60.0, 80.0))
    found = Verification("digits", 1, trained(75.0), trained(90.0), randoms)
    assert found.median.mean == 70.0
    assert [each.beats for each in found.differences] == [True, False]
    failed = replace(found, randoms=(trained(),))
    assert failed.differences[0].beats is None
    assert "failed" in failed.differences[0].verdict


def test_verify_trains_what_it_says(tmp_path):
    task = draw_batch(dataset("digits")).task("digits")
    micro, bounds = space("autoformer-micro"), Constraints(max_params=2400)
    result = run(lambda *_: 0.0, micro, bounds, np.random.default_rng(0), task=task, budget=2)
    region, recipe = Region(micro, task, bounds), Recipe(epochs=1)

    def verified(jobs, journal):
        rng = np.random.default_rng(1)
        return verify(
            result, region, "digits", rng, recipe=recipe, seeds=2, randoms=2, jobs=jobs, journal=tmp_path / journal
        )

    found = verified(1, "a.sqlite")
    assert verified(2, "b.sqlite").to_document() == found.to_document()
    assert verified(1, "a.sqlite").to_document() == found.to_document()  # all from the journal
    assert found.pick.arch == result.pick.arch
    assert found.largest.arch == region.largest()
    assert len({each.arch for each in found.rows}) == 4
    assert all(region.allows(each.arch) for each in found.rows)
    second = train(Training(region.space, found.pick.arch, "digits", SCRATCH, 1), recipe)
    assert found.pick.accuracies[1] == second.values["top1_pct"]
    few = Region(micro, task, Constraints(max_params=region.costs(found.pick.arch)["params"]))
    with pytest.raises(SpecError, match="too few"):
        verify(result, few, "digits", np.random.default_rng(1), randoms=few.size, journal=tmp_path / "c.sqlite")
