"""Spaces around trained networks fulfil the laws of all spaces."""

from autoprox.compress import lowrank_space, quantised_space
from autoprox.testing import AllLaws, SpaceLaws
from tests.compress import trained


class TestBitsOfOurs(SpaceLaws):
    space = quantised_space(trained.ours(), trained.images())
    draws = 3


class TestBitsOfMine(SpaceLaws):
    space = quantised_space(trained.mine(), trained.images(), edges=None)
    draws = 2


class TestRanksOfPyramid(SpaceLaws):
    space = lowrank_space(trained.pyramid(), trained.images())
    draws = 3


class TestRanksOfHuggingFace(AllLaws):
    space = lowrank_space(trained.hugging_face(), trained.images(), ratios=(0.25, 0.5, 1))
    draws = 2
