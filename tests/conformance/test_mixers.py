"""Statistics and proxies on networks that attend in each block, in some, and in none."""

import pytest

import autoprox
from autoprox.inspect import Site, find_nodes
from autoprox.scorers import ZOO
from autoprox.spaces import Arch, load_space
from autoprox.testing import ScorerLaws, StatisticLaws
from tests.networks.test_mixers import arch_with

KINDS = {
    "attention": ["attention"] * 3,
    "mca": ["mca"] * 3,
    "mixed": ["attention", "mca", "attention"],
}


READ_ATTENTION = {"synaptic_diversity", "dss", "tvt-blocks", "attention_saliency", "attention_confidence"}
"""Those of the zoo that need attention itself."""


class Kind:
    """The network that the laws are tried on."""

    space = load_space("mixer-micro")
    mixers: list[str]

    def smallest(self) -> Arch:
        return arch_with(self.mixers, ["strip", "avg3", "max3"])


def laws_of(kind: str, laws: type) -> StatisticLaws | ScorerLaws:
    return type(f"{kind.title()}{laws.__name__}", (Kind, laws), {"mixers": KINDS[kind]})()


@pytest.mark.parametrize("law", StatisticLaws.laws())
@pytest.mark.parametrize("kind", KINDS)
def test_statistics(kind: str, law: str) -> None:
    getattr(laws_of(kind, StatisticLaws), law)()


@pytest.mark.parametrize("kind", KINDS)
def test_proxies_score_but_for_those_that_read_attention_where_there_is_none(kind: str) -> None:
    laws = laws_of(kind, ScorerLaws)
    laws.test_every_proxy_scores_or_says_what_is_missing()
    undefined = {name for name, reason in laws._reasons().items() if reason and name in ZOO}
    found = find_nodes(laws.built(laws.smallest()), lambda _: laws.images())
    attends = any(node.site is Site.ATTENTION for node in found)
    assert attends == (kind != "mca")
    # Of eight images, `meco` sees fewer tokens than a token has channels.
    assert undefined == {"meco"} | (set() if attends else READ_ATTENTION)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_counted_whatever_mixes_their_tokens(kind: str) -> None:
    laws = laws_of(kind, ScorerLaws)
    model, features = laws.built(laws.smallest()), laws.space.features(laws.smallest())
    for name in ("depth", "mean_width", "sum_dim_depth"):
        assert autoprox.load(name).score(model, laws.images(), laws.labels()) == features[name]
