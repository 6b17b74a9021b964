"""Laws of every zoo proxy and every shipped proxy; a new one is taken up by its registration."""

import numpy as np
import pytest

import autoprox
from autoprox.graph import Proxy, parse
from autoprox.scorers import ZOO, Scorer, score_together
from autoprox.testing import ScorerLaws
from tests.conformance.spaces import ATTENDING, MICRO, USERS, on
from tests.statistics import foreign

NAMES = [*ZOO, *autoprox.shipped_names()]


class TestScorers(ScorerLaws):
    """Networks whose every block attends lack nothing that a proxy of ours reads."""

    space_given = on([space for name, space in MICRO.items() if name in ATTENDING])

    def test_every_proxy_scores(self):
        assert not any(self._reasons().values())


class TestScorersOfUsers(ScorerLaws):
    space_given = on(USERS.values())


@pytest.mark.parametrize("name", [name for name in foreign.MAKERS if not name.endswith("-fused")])
def test_models_that_autoprox_did_not_build(name):
    """Every proxy gives a number, and the zoo's the same one where attention is computed by one fused function.

    A discovered graph may hang on an extreme, such as the least entry of a product, which rounding moves.
    """
    images, labels = foreign.batch(12)
    found = together(foreign.seeded(name), images, labels)
    assert np.isfinite(list(found.values())).all()
    if f"{name}-fused" in foreign.MAKERS:
        # Second derivatives and condition numbers magnify the rounding of single precision.
        fused = together(foreign.seeded(f"{name}-fused"), images, labels)
        assert {each: fused[each] for each in ZOO} == pytest.approx({each: found[each] for each in ZOO}, rel=2e-2)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    proxy = autoprox.load(name)
    assert isinstance(proxy, Scorer)
    assert proxy.name == name or name in autoprox.shipped_names()
    assert proxy.sign in (1, -1)
    assert len(proxy.source) > 10
    assert str(proxy.needs)
    assert proxy.needs.images >= 1
    if isinstance(proxy, Proxy):
        assert proxy.needs.statistics == proxy.statistics
        assert parse(str(proxy.graph)) == proxy.graph
        assert Proxy.from_document(proxy.to_document(), "here") == proxy
    assert all(len(each.description) > 10 for each in proxy.parts)
    assert proxy.identity == autoprox.load(name).renamed("another").identity


def test_names_are_distinct():
    assert len(set(NAMES)) == len(NAMES)


def together(model, images, labels):
    return score_together([autoprox.load(name) for name in NAMES], model, images, labels)
