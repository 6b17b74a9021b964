"""Published proxies that are graphs.

To add one, register it below with its source; tests/conformance/test_zoo.py finds it by its registration, and
tests/zoo/test_published.py asks for an independent computation of its value.
"""

from collections.abc import Sequence
from typing import Any

from autoprox.graph import Expression, Proxy, parse
from autoprox.zoo.genotypes import from_genotype
from autoprox.zoo.registry import ZOO


def _publish(name: str, graph: str | Expression, sign: int, source: str) -> None:
    expression = parse(graph) if isinstance(graph, str) else graph
    ZOO.register(name, Proxy(name, expression, sign, {"source": source}))


def _publish_genotype(name: str, inputs: Sequence[str], operations: Sequence[Any], source: str) -> None:
    """The authors rank by |tau| and so publish no sign: 1 is ours, more of the measure is better."""
    notation = f"Genotype {list(inputs)}, {list(operations)}, read as autoprox.zoo.genotypes says."
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
    "tvt",
    "add(nodes_sum(only_attention(frobenius(weight))), nodes_sum(only_mlp(frobenius(weight))))",
    1,
    "Wei 2023, TVT: Training-Free Vision Transformer Search on Tiny Datasets, https://arxiv.org/abs/2311.14337: the"
    " student's capability, the L2 norm of its weights; here the sum over the linear layers of its blocks. The other"
    " half of TVT compares attention with a teacher's.",
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
