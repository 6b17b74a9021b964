"""Laws of searches in a space."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from torch import nn

from autoprox.scorers import load_proxy
from autoprox.search import Constraints, Region, run
from autoprox.spaces import Arch
from autoprox.testing._base import AbstractLaws


class SearchLaws(AbstractLaws):
    """Laws of every search in the space.

    Attributes:
        searched_by: Names of the proxies for test searches.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(SearchLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        >>> TestPit().test_no_architecture_is_forgotten()
    """

    searched_by: ClassVar[Iterable[str]] = ("params", "snip")

    def test_draws_and_mutations_stay_inside_any_band(self) -> None:
        """A region draws and varies only allowed architectures, with the same counts as the space."""
        for number, (arch, rng) in enumerate(self.drawn(self.networks)):
            counted = ("params", "macs")[number % 2]
            low = getattr(self.space.counts(arch, *self.task), counted)
            high = low + low * int(rng.integers(31)) // 100
            if not self.space.has_closed_form:
                # Without a closed form, bounds are met by rejection, and a narrow band may be too rare.
                low, high = 1, max(getattr(self.space.counts(each, *self.task), counted) for each, _ in self.drawn())
            band = {f"min_{counted}": low, f"max_{counted}": high}
            region = Region(self.space, self.noise(), Constraints(**band))
            child = region.draw(rng)
            for _ in range(5):
                assert self.space.why_not(child) == []
                found = getattr(self.space.counts(child, *self.task), counted)
                assert low <= found <= high, child
                child = region.mutate(child, rng)
            assert region.allows(region.largest())

    def test_no_architecture_is_forgotten(self) -> None:
        """Every drawn architecture is in the region of exactly its size, and in the region of all sizes."""
        task = self.noise()
        whole, any_size = Region(self.space, task, Constraints()), Region(self.space, task, Constraints(min_params=1))
        assert whole.size == whole.total == any_size.total
        for arch, _ in self.drawn():
            counts = self.space.counts(arch, *self.task)
            exact = Constraints(
                min_params=counts.params, max_params=counts.params, min_macs=counts.macs, max_macs=counts.macs
            )
            assert any_size.allows(arch)
            assert Region(self.space, task, exact).allows(arch)

    def test_a_search_keeps_its_bounds(self) -> None:
        """A search under a bound gives networks within it, sorted by score, with correct counts."""
        sizes = sorted(self._params(arch) for arch, _ in self.drawn())
        most = sizes[len(sizes) // 2]
        found = run(_size, self.space, Constraints(max_params=most), task=self.noise(), budget=6)
        for candidate in found.candidates:
            assert candidate.params == candidate.score == self._params(candidate.arch) <= most
        assert found.pick.params == max(each.params for each in found.candidates)

    def test_a_search_repeats_and_can_be_fed_back(self) -> None:
        """Equal seeds give equal results, and the space accepts the printed architectures."""
        for name in self.searched_by:
            proxy = load_proxy(name)
            first, again = (run(proxy, self.space, None, task=self.noise(), budget=2) for _ in range(2))
            document = first.to_document(top=2)
            assert document == again.to_document(top=2)
            for pick in json.loads(json.dumps(document))["picks"]:
                assert self.space.counts(pick["arch"], *self.task).params == pick["params"]
                if len(proxy.parts) > 1:
                    continue  # its scores depend on the set
                model = self.space.build(pick["arch"], *self.task)
                score = proxy.score(model, self.noise().images, self.noise().labels)
                np.testing.assert_allclose(pick["score"], score, rtol=1e-6, err_msg=name)

    def test_architectures_of_one_score_are_one_pick(self) -> None:
        """Architectures with equal scores are shown as a tie."""

        def constant(*_: Any) -> float:
            return 1.0

        found = run(constant, self.space, None, task=self.noise(), budget=4)
        picks = found.to_document(top=4)["picks"]
        assert len(picks) == 1
        assert picks[0]["ties"] == len(picks[0]["tied_with"]) == len(found.candidates) - 1

    def _params(self, arch: Arch) -> int:
        return self.space.counts(arch, *self.task).params


def _size(model: nn.Module, *_: Any) -> int:
    return sum(each.numel() for each in model.parameters())
