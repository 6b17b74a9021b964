"""Proxy of the response to a small perturbation of the input."""

from autoprox.base.errors import UndefinedScoreError
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._rounding import ROUNDING
from autoprox.scorers.zoo._structure import stream_of
from autoprox.scorers.zoo._zoo_proxies import function_proxy

GAMMA = 0.01
"""Size of the published perturbation, relative to the input."""


@function_proxy(
    "zen",
    "Lin 2021, Zen-NAS, https://arxiv.org/abs/2102.01063.",
    passes=("forward on noise, twice",),
    blocks=True,
)
def zen(subject: Subject) -> float:
    """Ln of the mean over inputs of ||f(x) - f(x + 0.01 e)||_1, with x and e Gaussian noise and f the last block.

    The published score re-draws all weights and adds the logarithms of the deviations that batch normalisation takes
    out. A vision transformer has no batch normalisation, so that term is absent; and the weights are those that the
    model has, because standard normal ones would saturate every softmax. f is the features before pooling, as
    published: the tokens behind the last block.

    Raises:
        UndefinedScoreError: If f changes only by rounding.
    """
    x, change = (subject.noise(f"zen {name}", subject.images) for name in ("input", "perturbation"))
    features = [stream_of(subject, images)[-1].detach().double() for images in (x, x + GAMMA * change)]
    moved = (features[0] - features[1]).flatten(1).abs().sum(dim=1).mean()
    if moved <= ROUNDING * features[0].flatten(1).abs().sum(dim=1).mean():
        raise UndefinedScoreError("its last block gives the same tokens for changed images.")
    return float(moved.log())
