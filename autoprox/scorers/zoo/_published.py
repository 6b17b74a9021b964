"""Published proxies that are graphs.

To add one, register it below with its source. tests/conformance/test_zoo.py finds it by its registration, and
tests/scorers/test_values.py requires an independent computation of its value.
"""

from collections.abc import Sequence
from typing import Any

from autoprox.graph import Expression, Proxy, parse
from autoprox.scorers.zoo._genotypes import from_genotype
from autoprox.scorers.zoo._zoo_proxies import ZOO


def _publish(name: str, graph: str | Expression, sign: int, source: str) -> None:
    expression = parse(graph) if isinstance(graph, str) else graph
    ZOO.register(name, Proxy(name, expression, sign, {"source": source}))


def _publish_genotype(name: str, inputs: Sequence[str], operations: Sequence[Any], source: str) -> None:
    """Registers a genotype with sign 1, which is ours: the authors rank by |tau| and publish no sign."""
    notation = f"Genotype {list(inputs)}, {list(operations)}, read as autoprox.scorers.zoo._genotypes says."
    _publish(name, from_genotype(inputs, operations), 1, f"{source} {notation}")


_publish(
    "grad_norm",
    "nodes_sum(frobenius(weight_grad))",
    1,
    "Abdelfattah 2021, Zero-Cost Proxies for Lightweight NAS, https://arxiv.org/abs/2101.08134: sum over layers of the"
    " Euclidean norm of the gradient of the weights.",
)
_publish(
    "snip",
    "nodes_sum(l1(mul(weight, weight_grad)))",
    1,
    "Lee 2019, SNIP, https://arxiv.org/abs/1810.02340, as a proxy in Abdelfattah 2021: sum of |weight * gradient|.",
)
_publish(
    "parzc-sine",
    "nodes_sum(sine(l1(mul(weight, weight_grad))))",
    1,
    "Dong 2025, ParZC, https://arxiv.org/abs/2402.02105, training-free variant: snip with the weight (sin(0.1 l) + 1) /"
    " 2 for layer l.",
)
_publish(
    "plain",
    "nodes_sum(sum(mul(weight, weight_grad)))",
    1,
    "Abdelfattah 2021: sum of weight * gradient, without the absolute value.",
)
_publish(
    "l2_norm",
    "nodes_sum(frobenius(weight))",
    1,
    "Abdelfattah 2021: sum over layers of the Euclidean norm of the weights.",
)

_publish(
    "synflow",
    "nodes_sum(l1(mul(weight, synflow_weight_grad)))",
    1,
    "Tanaka 2020, SynFlow, https://arxiv.org/abs/2006.05467, as in Abdelfattah 2021 and its code: sum of |weight *"
    " gradient| of the summed logits for one image of ones, with all parameters made absolute (biases and affine ones"
    " too, not the weights alone), in double precision. Behind a normalisation gradients have both signs, so the"
    " absolute value of the published code matters here.",
)
_publish(
    "logsynflow",
    # exp(weight - weight) is the 1 of ln(1 + |gradient|).
    "nodes_sum(l1(mul(weight, log(add(abs(synflow_weight_grad), exp(sub(weight, weight)))))))",
    1,
    "Cavagnero 2023, FreeREA, https://arxiv.org/abs/2207.05135: synflow with ln(1 + |gradient|) for the gradient.",
)
_publish(
    "grasp",
    "nodes_sum(sum(neg(mul(weight, weight_hvp))))",
    1,
    "Wang 2020, GraSP, https://arxiv.org/abs/2002.07376, as a proxy in Abdelfattah 2021: minus the sum of weight *"
    " (Hessian @ gradient), of the weights of linear layers and convolutions.",
)
_SIGNAL = "sum(mul(batch_grad_mean_abs, reciprocal(batch_grad_std)))"
_publish(
    "zico",
    # As in the published code, a layer with constant gradients adds 0: x / x is 1, or 0 at 0.
    f"nodes_sum(mul(log({_SIGNAL}), div({_SIGNAL}, {_SIGNAL})))",
    1,
    "Li 2023, ZiCo, https://arxiv.org/abs/2301.11300: sum over layers of the logarithm of the sum over weights of mean"
    " |gradient| / standard deviation of the gradient, over the two halves of the batch.",
)
_publish(
    "gradsign",
    "nodes_sum(l1(sample_grad_mean_sign))",
    1,
    "Zhang 2022, GradSign, https://arxiv.org/abs/2110.08616: sum over weights of |sum over images of the sign of the"
    " gradient|, here divided by the number of images.",
)
_publish(
    "effective_rank",
    "nodes_sum(effective_rank(weight))",
    1,
    "Roy 2007, The effective rank: a measure of effective dimensionality, EUSIPCO: e to the entropy of the normalised"
    " singular values; here of the weights as matrices (outputs, all else), summed over layers.",
)

_DIVERSITY = "nodes_sum(only_attention(mul(nuclear(abs(weight)), nuclear(synflow_weight_grad))))"
_SALIENCY = "nodes_sum(only_mlp(l1(mul(weight, synflow_weight_grad))))"
_TF_TAS = "Zhou 2022, Training-free Transformer Architecture Search, https://arxiv.org/abs/2203.12217:"
_publish(
    "synaptic_diversity",
    _DIVERSITY,
    1,
    f"{_TF_TAS} the half of dss that is about attention, the nuclear norms of weight and gradient multiplied. The"
    " gradient is that of synflow, the layers are those that the model has: one where it computes queries, keys and"
    " values together.",
)
_publish(
    "synaptic_saliency",
    _SALIENCY,
    1,
    f"{_TF_TAS} the half of dss that is about MLPs, |weight * gradient| as in synflow.",
)
_publish(
    "dss",
    f"add({_DIVERSITY}, {_SALIENCY})",
    1,
    f"{_TF_TAS} synaptic diversity of attention plus synaptic saliency of MLPs. As in the paper over the blocks alone;"
    " the published code adds the saliency of patch embedding and classifier.",
)
_publish(
    "tvt-blocks",
    "add(nodes_sum(only_attention(frobenius(weight))), nodes_sum(only_mlp(frobenius(weight))))",
    1,
    "Wei 2023, TVT: Training-Free Vision Transformer Search on Tiny Datasets, https://arxiv.org/abs/2311.14337: the"
    " student's capability, the L2 norm of its weights; here the sum over the linear layers of its blocks. TVT itself"
    " compares attention with a teacher's besides: that is 'tvt'.",
)
_publish(
    "attention_saliency",
    "nodes_sum(l1(mul(attention, attention_grad)))",
    1,
    "Michel 2019, Are Sixteen Heads Really Better than One?, https://arxiv.org/abs/1905.10650: importance of heads,"
    " |A * gradient|, as a proxy in Serianni 2023, https://arxiv.org/abs/2306.00288; here of the probabilities.",
)

_AUTO_PROX = "Wei 2024, Auto-Prox, https://arxiv.org/abs/2312.09059:"
_publish_genotype(
    "autoprox-release",
    ["t2", "t4g"],
    [[16, 8], [12, 14], 0],
    f"{_AUTO_PROX} the configuration that the authors released, for all spaces and data sets. Weights and gradients at"
    " normalisations lie at different modules: the sum is that of two means.",
)
_publish_genotype(
    "autoprox-a", ["t3g", "t2"], [[5, 10], [14, 6], 0], f"{_AUTO_PROX} the proxy that was discovered on AutoFormer."
)
_publish_genotype(
    "autoprox-p",
    ["t2", "t1g"],
    [[8, 6], [10, 1], 1],
    f"{_AUTO_PROX} the proxy that was discovered on PiT. Weights and gradients at activations lie at different modules:"
    " the difference is that of two means.",
)
