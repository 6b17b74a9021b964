"""Laws of search for every space and every scorer; new ones are taken up by their registration."""

import autoprox
from autoprox.scorers import ZOO
from autoprox.spaces import space
from autoprox.testing import SearchLaws
from tests.conformance.spaces import ODD, REGISTERED, USERS, on


class TestSearch(SearchLaws):
    space_given = on(REGISTERED.values())
    networks = 4
    searched_by = ("snip",)


class TestSearchOfUsers(SearchLaws):
    space_given = on([*USERS.values(), *ODD.values()])
    networks = 2
    draws = 4


class TestEveryScorer(SearchLaws):
    space = space("autoformer-micro")
    searched_by = (*ZOO, *autoprox.shipped_names())
