"""Laws of proxies on networks of a space."""

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.base.outcomes import UnscoredWarning
from autoprox.graph import Proxy
from autoprox.scorers import ZOO, Scorer, load_proxy, score_together
from autoprox.shipped import names as shipped_names
from autoprox.spaces import Space
from autoprox.statistics import STATISTICS, collect
from autoprox.testing._base import AbstractLaws, logits_of, state_of

EVERYWHERE = frozenset({"params", "macs", "snip", "grad_norm", "l2_norm", "fisher", "synflow"})
"""Proxies that need only a layer with weights."""


class ScorerLaws(AbstractLaws):
    """Laws of every proxy of the zoo and every shipped one on a network of the space.

    A proxy that needs something that the network lacks must give an error; the other laws skip it.

    Attributes:
        scorers: Names of the proxies.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(ScorerLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        ...     scorers = ("snip", "az_nas")
        >>> TestPit().test_every_proxy_scores_or_says_what_is_missing()
    """

    scorers: ClassVar[Iterable[str]] = (*ZOO, *shipped_names())

    def test_every_proxy_scores_or_says_what_is_missing(self) -> None:
        """A proxy gives a finite score or a reason; a graph gives a score if the network has all its sites."""
        model = self._model()
        nodes = collect(model, self.images(), self.labels(), ["weight"]).nodes
        for name, reason in self._reasons().items():
            if not reason:
                continue
            proxy = load_proxy(name)
            assert reason.endswith("."), f"{name}: {reason}"
            assert "\n" not in reason, f"{name}: {reason}"
            assert name not in EVERYWHERE, f"{name}: {reason}"
            if isinstance(proxy, Proxy) and not proxy.selected_sites:
                sites = {STATISTICS[statistic].site for statistic in proxy.statistics}
                assert any(not nodes[site] for site in sites), f"{name} has all that it needs: {reason}"

    def test_a_score_repeats_and_leaves_the_model_alone(self) -> None:
        """Arrays and tensors give the same score; parameters, gradients, modes, hooks and generators are unchanged."""
        model, images, labels = self._model(), self.images().numpy(), self.labels().numpy()
        model.train()
        weight = next(model.parameters())
        weight.grad, weight.requires_grad = torch.ones_like(weight), False
        before, given = state_of(model), images.copy()
        for name, proxy in self._scoring().items():
            first = proxy.score(model, images, labels)
            assert np.isfinite(first), name
            assert state_of(model) == before, name
            assert np.array_equal(images, given), name
            assert proxy.score(model, torch.tensor(images), torch.tensor(labels)) == first, name

    def test_many_are_each_by_itself_unless_ranked(self) -> None:
        """Models scored together have the same scores as alone, unless the proxy ranks the models of a set."""
        model, images, labels = self._model(), self.images(), self.labels()
        for name, proxy in self._scoring().items():
            found = proxy.score_many(iter([model, model]), images, labels)
            parts = len(proxy.parts)
            alone = np.log(0.75) * parts if parts > 1 else proxy.score(model, images, labels)
            np.testing.assert_allclose(found, [alone, alone], rtol=1e-12, err_msg=name)

    def test_all_in_one_go_are_each_by_itself(self) -> None:
        """Proxies that share passes give the same scores as alone."""
        model, images, labels = self._model(), self.images(), self.labels()
        proxies = self._scoring()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnscoredWarning)
            found = score_together([each.renamed(name) for name, each in proxies.items()], model, images, labels)
        for name, proxy in proxies.items():
            np.testing.assert_allclose(found[name], proxy.score(model, images, labels), rtol=1e-12, err_msg=name)

    def test_one_image_is_enough_or_refused_by_name(self) -> None:
        """A proxy that needs one image accepts one; a proxy that needs more gives an error that names it."""
        model = self._model()
        for name, proxy in self._scoring().items():
            reason = self._reason(proxy, model, 1)
            if proxy.needs.images > 1:
                assert "image" in reason, f"{name}: {reason}"
                assert any(f"'{each}'" in reason for each in proxy.needs.statistics or (name,)), f"{name}: {reason}"
            else:
                assert not reason or "image" in reason, f"{name}: {reason}"

    def test_labels_are_not_asked_for_without_need(self) -> None:
        """A proxy that does not need labels accepts None; a proxy that needs them gives an error."""
        model = self._model()
        for name, proxy in self._scoring().items():
            if not proxy.needs.labels:
                assert np.isfinite(proxy.score(model, self.images(), None)), name
                continue
            said = self.refusal(proxy.score, model, self.images(), None)
            assert "label" in said, f"{name} needs labels: {said or 'it accepted None'}"

    def test_a_loss_of_your_own_is_what_counts(self) -> None:
        """A given loss replaces the cross entropy in every proxy that needs labels."""
        model, images, labels = self._model(), self.images(), self.labels()

        def loss(output: Any, chosen: Any) -> Tensor:
            value: Tensor = logits_of(output)[:, 0].square().mean() + 0 * chosen.sum()
            return value

        for name, proxy in self._scoring().items():
            if not proxy.needs.labels:
                continue
            own = proxy.score(model, images, labels, loss=loss)
            if name == "epe_nas":  # needs labels, but no loss
                assert own == proxy.score(model, images, labels), name
            elif isinstance(proxy, Proxy):
                # In a single network, the gradients may not affect the value of a formula, for example in a minimum.
                taken = [collect(model, images, labels, proxy.statistics, loss=each).tensors for each in (None, loss)]
                pairs = (pair for key in taken[0] for pair in zip(taken[0][key], taken[1][key], strict=True))
                assert any(not torch.equal(*pair) for pair in pairs), name
            else:
                assert own != proxy.score(model, images, labels), name

    def test_images_that_are_not_finite_are_refused(self) -> None:
        """A proxy that needs the images names the fault."""
        model, images = self._model(), self.images()
        images[0, 0, 0, 0] = torch.nan
        for name, proxy in self._scoring().items():
            if not proxy.needs.passes or proxy.needs.passes == ("synflow",):
                continue  # it does not need the images
            said = self.refusal(proxy.score, model, images, self.labels())
            assert "NaN" in said, f"{name}: {said or 'it accepted images with NaN'}"

    def _model(self) -> nn.Module:
        return self.built(self.smallest())

    def _reasons(self) -> dict[str, str]:
        """Returns the reason why each proxy has no score on the network, by name; empty if it has one."""
        return _refusals(type(self), self.space)  # type: ignore[arg-type]  # a class is hashable

    def _scoring(self) -> dict[str, Scorer]:
        """Returns the proxies with a score on the network; the first law checks the others."""
        return {name: load_proxy(name) for name, reason in self._reasons().items() if not reason}

    def _reason(self, proxy: Scorer, model: nn.Module, count: int | None = None) -> str:
        """Returns the reason why a proxy has no score; empty if it has one."""
        try:
            score = proxy.score(model, self.images()[:count], self.labels()[:count])
        except (CollectionError, UndefinedScoreError) as error:
            return str(error)
        assert np.isfinite(score), proxy.name
        return ""


@lru_cache(maxsize=8)
def _refusals(laws: Callable[[], ScorerLaws], space: Space) -> dict[str, str]:
    """Returns the reasons why proxies have no score on a network of a space; cached, because all laws use them."""
    tried = laws()
    tried.space = space
    model = tried._model()
    return {name: tried._reason(load_proxy(name), model) for name in tried.scorers}
