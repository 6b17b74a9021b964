"""Registry of all statistics.

The published engines call them t1 to t4, with a suffix g for gradients: t1 is `activation`, t2 `weight`, t3 `input`, t4
`norm_output` (Wei 2024, https://arxiv.org/abs/2312.09059, and the authors' later code).
"""

from collections.abc import Callable

from torch import Tensor

from autoprox.base.registry import Registry
from autoprox.inspect.nodes import Site
from autoprox.statistics import _node_counts as counts
from autoprox.statistics import _spread as spread
from autoprox.statistics._node_counts import Count
from autoprox.statistics._spread import Spread
from autoprox.statistics.passes import (
    BATCHES,
    COMPRESSION,
    DATA,
    HESSIAN,
    NOISE,
    PAIRED,
    PERTURBED,
    SAMPLES,
    STATIC,
    SYNFLOW,
    VIRTUAL,
)
from autoprox.statistics.passes._differences import attention_difference, relation_difference
from autoprox.statistics.statistic import Pass, Stage, Statistic, StatisticKind, Tap

STATISTICS: Registry[Statistic] = Registry("statistic")
"""All statistics, by name."""


def _register_tensor(
    name: str,
    site: Site,
    shape: str,
    pass_: Pass,
    stage: Stage,
    tap: Tap,
    source: str,
    of: Callable[[Spread], Tensor] | None = None,
) -> None:
    kind = StatisticKind.TENSOR
    made = Statistic(name, site, pass_, stage, tap, spread=of, kind=kind, shape=shape, source=source)
    STATISTICS.register(name, made)


def _register_count(name: str, site: Site, pass_: Pass, count: Count, source: str) -> None:
    stage = Stage.STATIC if not pass_.least_images else Stage.FORWARD
    made = Statistic(name, site, pass_, stage, count=count, kind=StatisticKind.COUNT, shape="", source=source)
    STATISTICS.register(name, made)


for _name, _site, _tap, _source in (
    ("weight", Site.LINEAR, Tap.WEIGHT, "weight, t2 of Auto-Prox"),
    ("input", Site.LINEAR, Tap.INPUT, "what the layer is applied to, t3 of Auto-Prox"),
    ("output", Site.LINEAR, Tap.OUTPUT, "pre-activation (EZNAS, Akhauri 2022)"),
    ("attention", Site.ATTENTION, Tap.OUTPUT, "attention probabilities"),
    ("norm_output", Site.NORM, Tap.OUTPUT, "output of a normalisation, t4 of Auto-Prox"),
    ("activation", Site.ACTIVATION, Tap.OUTPUT, "output of an activation, t1 of Auto-Prox"),
):
    _shape = "norm" if _site is Site.NORM else _name
    if _tap is Tap.WEIGHT:
        _register_tensor(_name, _site, _shape, STATIC, Stage.STATIC, _tap, _source)
    else:
        _register_tensor(_name, _site, _shape, DATA, Stage.FORWARD, _tap, _source)
    _of = "gradient of the loss at: "
    _register_tensor(f"{_name}_grad", _site, _shape, DATA, Stage.BACKWARD, _tap, _of + _source)

_register_count("params", Site.LINEAR, STATIC, counts.params, "elements of weight and bias")
_register_count("fan_in", Site.LINEAR, STATIC, counts.fan_in, "torch.nn.init")
_register_count("fan_out", Site.LINEAR, STATIC, counts.fan_out, "torch.nn.init")
_register_count("tokens", Site.LINEAR, DATA, counts.tokens, "positions of one image")
_register_count("macs", Site.LINEAR, DATA, counts.macs, "multiply-accumulates of one image, without bias")
_register_count("attention_heads", Site.ATTENTION, DATA, counts.maps, "heads")
_register_count("attention_tokens", Site.ATTENTION, DATA, counts.last_size, "keys")
_register_count("norm_width", Site.NORM, DATA, counts.norm_width, "width of a token")
_register_count("norm_tokens", Site.NORM, DATA, counts.norm_rows, "tokens of one image")
_register_count("activation_width", Site.ACTIVATION, DATA, counts.last_size, "width of a token")
_register_count("activation_tokens", Site.ACTIVATION, DATA, counts.rows, "tokens of one image")

# With the data pass and the weight, the 22 tensors of EZNAS.
for _pass in (NOISE, PERTURBED):
    _register_tensor(
        f"{_pass.name}_weight_grad", Site.LINEAR, "weight", _pass, Stage.BACKWARD, Tap.WEIGHT, "weight_grad of EZNAS"
    )
    for _name, _site, _tap in (
        ("input", Site.LINEAR, Tap.INPUT),
        ("output", Site.LINEAR, Tap.OUTPUT),
        ("activation", Site.ACTIVATION, Tap.OUTPUT),
    ):
        _register_tensor(f"{_pass.name}_{_name}", _site, _name, _pass, Stage.FORWARD, _tap, f"{_name} of EZNAS")
        _of = f"gradient of the loss at: {_name} of EZNAS"
        _register_tensor(f"{_pass.name}_{_name}_grad", _site, _name, _pass, Stage.BACKWARD, _tap, _of)

for _name, _pass, _source in (
    ("virtual_weight_grad", VIRTUAL, "virtual gradient of Auto-Prox's later code, at the weight"),
    ("synflow_weight_grad", SYNFLOW, "gradient at |weight|: synflow is the sum of |weight| times it (Tanaka 2020)"),
    ("weight_hvp", HESSIAN, "Hessian times gradient: GraSP is minus the sum of weight times it (Wang 2020)"),
):
    _register_tensor(_name, Site.LINEAR, "weight", _pass, Stage.BACKWARD, Tap.WEIGHT, _source)

for _name, _pass, _spread, _source in (
    ("sample_grad_mean_abs", SAMPLES, spread.spread_mean_abs, "mean over images of |gradient|"),
    ("sample_grad_std", SAMPLES, spread.spread_std, "spread over images, the noise of GSNR (Liu 2020)"),
    ("sample_grad_mean_square", SAMPLES, spread.spread_mean_square, "diagonal of the empirical Fisher matrix"),
    ("sample_grad_mean_sign", SAMPLES, spread.spread_mean_sign, "agreement of signs, GradSign (Zhang 2022)"),
    ("batch_grad_mean_abs", BATCHES, spread.spread_mean_abs, "mean over batches of |gradient|, ZiCo (Li 2023)"),
    ("batch_grad_std", BATCHES, spread.spread_std, "spread over batches, ZiCo (Li 2023)"),
):
    _register_tensor(_name, Site.LINEAR, "weight", _pass, Stage.BACKWARD, Tap.WEIGHT, _source, _spread)

for _name, _count, _source in (
    ("bits", counts.bits, "bits of an element of the weight (EMQ, Dong 2023)"),
    ("quantisation_error", counts.quantisation_error, "relative squared error of a quantised weight"),
    ("rank", counts.rank, "rank of a factorised weight (FLORA, Chang 2024)"),
    ("weight_energy", counts.weight_energy, "kept part of the squared singular values"),
    ("output_energy", counts.output_energy, "kept part of the squared output on the images"),
):
    _register_count(_name, Site.LINEAR, COMPRESSION, _count, _source)

for _name, _paired, _source in (
    ("teacher_attention", attention_difference, "attention map minus the teacher's (TVT, Wei 2023)"),
    ("teacher_relation", relation_difference, "relations between images minus the teacher's (DisWOT, Dong 2023)"),
):
    STATISTICS.register(
        _name,
        Statistic(
            _name,
            Site.NORM,
            PAIRED,
            Stage.FORWARD,
            Tap.INPUT,
            paired=_paired,
            kind=StatisticKind.TENSOR,
            shape=_name,
            source=_source,
        ),
    )

UNPAIRED = tuple(name for name, each in STATISTICS.items() if each.paired is None)
"""Names of the statistics of one network, which need no teacher."""
