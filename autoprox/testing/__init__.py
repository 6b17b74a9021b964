"""Laws of spaces as tests, for the spaces of autoprox and for yours.

    # test_my_space.py
    from autoprox.testing import AllLaws
    from my_package.spaces import space

    class TestMySpace(AllLaws):
        space = space

pytest runs every law; `AllLaws.check` runs them without pytest. The parts can be used separately:

- `SpaceLaws`: architectures, their variation, their networks, and their costs
- `StatisticLaws`: every registered statistic on a network of the space
- `ScorerLaws`: every proxy of the zoo and every shipped one
- `SearchLaws`: searches under bounds

Networks may lack attention, normalisations or MLPs: their statistics then have no values, and proxies that need them
give an error.
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
