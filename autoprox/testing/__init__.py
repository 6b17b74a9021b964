"""Laws of every space as tests: for the spaces that come with autoprox, and for yours.

    # test_my_space.py
    from autoprox.testing import AllLaws
    from my_package.spaces import space

    class TestMySpace(AllLaws):
        space = space

pytest runs every law; `AllLaws.check` runs them without it. The parts stand alone as well:

- `SpaceLaws`: architectures, their variation, their networks, and what they cost
- `StatisticLaws`: every registered statistic on a network of the space
- `ScorerLaws`: every proxy of the zoo and every shipped one
- `SearchLaws`: searches under bounds

What a network lacks (attention, a normalisation, an MLP) is undefined there: a statistic has no values, and a proxy
that needs them says so.
"""

from autoprox.testing._base import AbstractLaws
from autoprox.testing._scorers import ScorerLaws
from autoprox.testing._search import SearchLaws
from autoprox.testing._spaces import SpaceLaws
from autoprox.testing._statistics import StatisticLaws

__all__ = ["AbstractLaws", "AllLaws", "ScorerLaws", "SearchLaws", "SpaceLaws", "StatisticLaws"]


class AllLaws(SpaceLaws, StatisticLaws, ScorerLaws, SearchLaws):
    """All laws of one space; a subclass names it.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(AllLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        >>> TestPit().test_mutants_are_one_gene_away()
    """
