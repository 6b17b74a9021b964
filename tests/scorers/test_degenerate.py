"""Degenerate input is skipped as its source does, or has no score; a guard is never read as a value."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import UndefinedScoreError
from autoprox.scorers import ZOO
from autoprox.scorers.zoo._rounding import ROUNDING, alike, centred, is_singular


def batch(count=8, side=8):
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(1)), torch.arange(count) % 4


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.GELU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 4))


def transformer():
    space = autoprox.space("autoformer-micro")
    arch = space.parse('{"depth": 2, "hidden_dim": 48, "mlp_ratio": [2, 4], "num_heads": [3, 4]}')
    return space.build(arch, num_classes=4, img_size=8, in_chans=1, seed=0)


def usual(_model):
    """The network is not degenerate."""


def dead_head(model):
    """The logits do not depend on the images."""
    nn.init.zeros_(model.head.weight)


def equal_tokens(model):
    """All tokens of all images are equal."""
    for name, parameter in model.named_parameters():
        if "embed" in name or "cls" in name:
            nn.init.zeros_(parameter)


def zeros(model):
    """Everything is zero."""
    for parameter in model.parameters():
        nn.init.zeros_(parameter)


def constant_channel(model):
    """Channel 3 is the same in all tokens, after every block."""
    for name, parameter in model.named_parameters():
        if name.startswith("patch_embed") or "proj" in name or "fc2" in name:
            nn.init.zeros_(parameter[3])
        if "pos_embed" in name or "cls" in name:
            nn.init.constant_(parameter[..., 3], 0.1 if "pos_embed" in name else 0.0)


class Closed(nn.Module):
    """A block that depends little on its input tokens."""

    def __init__(self, block, seen):
        super().__init__()
        self.block, self.seen = block, seen

    def forward(self, tokens):
        return self.block(torch.ones_like(tokens) + (self.seen * tokens if self.seen else 0))


def cut_block(model):
    """No gradient passes through the second block."""
    model.blocks[1] = Closed(model.blocks[1], 0)


def closed_block(model):
    """The gradient that passes through the second block is tiny."""
    model.blocks[1] = Closed(model.blocks[1], 1e-15)


@dataclass(frozen=True)
class Case:
    """A degenerate network or batch, and the expected outcome of a proxy: a value, or no score with a reason."""

    spoil: Callable[[nn.Module], None]
    value: float | None = None
    reason: str = ""
    rows: tuple[int, ...] = tuple(range(8))


CASES = {
    # One dead image makes the correlations NaN, as in the code of zero-cost-nas and of EPE-NAS.
    "jacov": Case(dead_head, reason="same for all pixels of image 0"),
    "epe_nas": Case(dead_head, reason="same for all pixels of image 0"),
    # ln det of a singular kernel is minus infinity (Mellor 2021).
    "nwot": Case(usual, reason="linearly dependent", rows=(0, 1, 2, 3, 3)),
    # The divisor, the smallest eigenvalue, is rounding error (Chen 2021).
    "ntk_cond": Case(usual, reason="singular", rows=(0, 0, 1, 1)),
    # The published code replaces NaN correlations by 0; the smallest eigenvalue of such a layer is 0.
    "meco": Case(constant_channel, value=0.0),
    # ln of no change (Lin 2021).
    "zen": Case(equal_tokens, reason="same tokens for changed images"),
    # Shares of a variance of 0 (Wang 2025, Lee 2024).
    "w_pca": Case(equal_tokens, reason="tokens of a layer are equal"),
    "az_expressivity": Case(equal_tokens, reason="tokens of a layer are equal"),
    "az_progressivity": Case(equal_tokens, reason="tokens of a layer are equal"),
    # The published 1 / (s + 1e-6) is its guard where no gradient passes (Lee 2024).
    "az_trainability": Case(cut_block, reason="no gradient passes"),
    "az_nas": Case(equal_tokens, reason="tokens of a layer are equal"),
    # Shares of singular values that are all 0 (Roy 2007).
    "rankme": Case(zeros, reason="outputs only zeros"),
    # A layer of zeros has the effective rank 0 (as above: no shares), and adds nothing.
    "effective_rank": Case(zeros, value=0.0),
}
"""Primitives that divide or take a logarithm alone."""

TOTAL = {
    # Counts of the model, of patterns, and a mean of probabilities.
    *("params", "macs", "depth", "mean_width", "sum_dim_depth", "az_complexity", "swap", "attention_confidence"),
    # Sums of products and magnitudes, to which a dead layer adds nothing.
    *("grad_norm", "snip", "parzc-sine", "plain", "l2_norm", "synflow", "logsynflow", "grasp", "gradsign", "fisher"),
    *("synaptic_diversity", "synaptic_saliency", "dss", "tvt-blocks", "attention_saliency", "ntk_trace"),
    # A layer with constant gradients is skipped, as in the published code; see the test below.
    "zico",
    # The guards are those of our primitives, as the reading of genotypes says.
    *("autoprox-release", "autoprox-a", "autoprox-p"),
}
"""What has a value whatever it is given."""


@pytest.mark.parametrize("name", CASES)
def test_what_is_degenerate_is_skipped_as_its_source_does_or_has_no_score(name):
    case, model, (x, y) = CASES[name], transformer(), batch()
    proxy = autoprox.load(name)
    assert np.isfinite(proxy.score(model, x, y))
    case.spoil(model)
    rows = list(case.rows)
    images, labels = x[rows], y[rows]
    if case.value is not None:
        assert proxy.score(model, images, labels) == case.value
        return
    with pytest.raises(UndefinedScoreError, match=case.reason):
        proxy.score(model, images, labels)


@pytest.mark.parametrize("spoil", [dead_head, equal_tokens, zeros, constant_channel], ids=lambda each: each.__name__)
def test_what_adds_up_has_a_value_on_all_of_them(spoil):
    model, (images, labels) = transformer(), batch()
    spoil(model)
    assert np.isfinite([autoprox.load(name).score(model, images, labels) for name in sorted(TOTAL)]).all()


def test_every_proxy_of_the_zoo_is_one_or_the_other():
    assert {*CASES, *TOTAL} == set(ZOO)
    assert not {*CASES} & TOTAL


def test_a_gradient_below_the_guard_is_none_either():
    model, (images, _) = transformer(), batch()
    closed_block(model)
    with pytest.raises(UndefinedScoreError, match="no gradient passes"):
        autoprox.load("az_trainability").score(model, images, None)


def test_entropies_of_tokens_that_differ_by_rounding_alone_are_no_progress():
    """A minimum must not skip NaN."""
    model, (images, _) = transformer(), batch()

    def last(_module, _args, tokens):
        return torch.ones_like(tokens) * (1 + torch.finfo(torch.float32).eps * torch.rand(tokens.shape).round())

    with model.blocks[1].register_forward_hook(last), pytest.raises(UndefinedScoreError, match="equal"):
        autoprox.load("az_progressivity").score(model, images, None)


@pytest.mark.parametrize("dead", [False, True])
def test_zico_leaves_out_layers_without_gradient(dead):
    """The computation of the authors' code, layer by layer."""
    model, (x, y) = plain(), batch()
    if dead:
        nn.init.zeros_(model[-1].weight)
    layers = [each.weight for each in model if isinstance(each, nn.Linear)]
    halves = [
        torch.autograd.grad(functional.cross_entropy(model(images), labels), layers)
        for images, labels in zip(x.chunk(2), y.chunk(2), strict=True)
    ]
    expected = 0.0
    for gradients in zip(*halves, strict=True):
        rows = np.stack([each.flatten().double().numpy() for each in gradients])
        spread = rows.std(0)
        ratios = np.abs(rows).mean(0)[spread > 0] / spread[spread > 0]
        expected += np.log(ratios.sum()) if len(ratios) else 0.0
    assert autoprox.load("zico").score(model, x, y) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("size", [1e-20, 0.1, 1e6])
def test_alike_is_what_differs_by_rounding_of_single_precision(size):
    ulp = torch.finfo(torch.float32).eps * size
    assert alike(torch.tensor([size, size + ulp, size - ulp], dtype=torch.float64))
    assert not alike(torch.tensor([size, size * (1 + 2 * ROUNDING)], dtype=torch.float64))
    assert alike(torch.zeros(3))
    assert not alike(torch.tensor([size, torch.nan]))


def test_tokens_are_centred_unless_they_are_alike():
    tokens = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(centred(tokens), tokens.double() - tokens.double().mean(0))
    with pytest.raises(UndefinedScoreError):
        centred(torch.full((9, 4), 0.1) + 1e-8 * tokens)
    assert centred(torch.full((2, 4), torch.nan)).isnan().all()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_a_matrix_is_singular_where_its_rows_are_dependent_up_to_their_precision(precision):
    rows = torch.randn(5, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(precision)

    def eigenvalues(matrix):
        return torch.linalg.eigvalsh(matrix.double() @ matrix.double().T)

    assert not is_singular(eigenvalues(rows), precision)
    dependent = torch.cat([rows, (rows[:1] + rows[1:2]) * (1 + torch.finfo(precision).eps)])
    assert is_singular(eigenvalues(dependent), precision)
    near = torch.cat([rows[:4], rows[:1] + 1e-3 * rows[4:]])
    assert not is_singular(eigenvalues(near), precision)
