"""Every zoo proxy against an independent computation from the paper's definition, by loops and plain autograd."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

import autoprox
from autoprox.scorers import ZOO
from tests.scorers.plain import Plain


class Recorded:
    """A network after one backward pass: gradients of weights, and at inputs and outputs, recorded by hooks."""

    def __init__(self, net):
        self.model, self.at_input, self.at_output = net.model, {}, {}
        hooks = [module.register_full_backward_hook(self._record) for module in self.model.modules()]
        output = self.model(net.images.clone().requires_grad_())
        torch.nn.functional.cross_entropy(output, net.labels).backward()
        for hook in hooks:
            hook.remove()

    def _record(self, module, grad_input, grad_output):
        self.at_input[module], self.at_output[module] = grad_input[0], grad_output[0]

    def _modules(self, *kinds):
        return [module for module in self.model.modules() if isinstance(module, kinds)]

    def layers(self):
        """Weight and gradient of every linear layer and convolution."""
        modules = self._modules(torch.nn.Linear, torch.nn.Conv2d)
        return [(each.weight.detach(), each.weight.grad) for each in modules]

    def input_gradients(self):
        return [self.at_input[each] for each in self._modules(torch.nn.Linear, torch.nn.Conv2d)]

    def output_gradients(self, kind):
        return [self.at_output[each] for each in self._modules(kind)]


def layered(measure):
    """A sum over layers of a measure of weight and gradient, both arrays."""
    return lambda net: sum(
        measure(weight.detach().numpy(), gradient)
        for weight, gradient in zip(net.weights(), net.gradients(), strict=True)
    )


def released(net):
    """mean ||minmax(t2)|| + mean of sqrt(sigmoid(t4g)), each over its own layers."""
    found = Recorded(net)
    sizes = [((w - w.min()) / (w.max() - w.min())).norm() for w, _ in found.layers()]
    waves = [g.sigmoid().sqrt().mean() for g in found.output_gradients(torch.nn.LayerNorm)]
    return sum(sizes) / len(sizes) + sum(waves) / len(waves)


def for_autoformer(net):
    """mean ( mean |zscore(t3g)| + mean relu(sqrt(max(t2, 0))) )."""
    found = Recorded(net)
    scores = [((g - g.mean()) / g.std(correction=0)).abs().mean() for g in found.input_gradients()]
    roots = [w.clamp(min=0).sqrt().relu().mean() for w, _ in found.layers()]
    return sum(a + b for a, b in zip(scores, roots, strict=True)) / len(roots)


def for_pit(net):
    """mean relu(||t2||) - mean log mean |t1g|, each over its own layers."""
    found = Recorded(net)
    sizes = [w.norm().relu() for w, _ in found.layers()]
    logs = [g.abs().mean().log() for g in found.output_gradients(torch.nn.GELU)]
    return sum(sizes) / len(sizes) - sum(logs) / len(logs)


def attention_saliency(net):
    """|probability * gradient|, with explicit blocks, so that probabilities are separate tensors."""
    gradients = Recorded(net).output_gradients(torch.nn.Softmax)
    return sum(np.abs(four[2] * each.numpy()).sum() for four, each in zip(net.walked, gradients, strict=True))


def grasp(net):
    """-w (H g) by a finite difference of gradients along g."""
    gradients, step = net.gradients(), 1e-4
    sides = []
    for sign in (1, -1):
        moved = Plain(net.model, net.images.numpy(), net.labels.numpy())
        for weight, gradient in zip(moved.weights(), gradients, strict=True):
            weight.data += sign * step * torch.tensor(gradient)
        sides.append(moved.gradients())
    products = [(up - down) / (2 * step) for up, down in zip(*sides, strict=True)]
    return -sum((w.detach().numpy() * p).sum() for w, p in zip(net.weights(), products, strict=True))


def zico(net):
    half = len(net.images) // 2
    pairs = zip(net.gradients(slice(0, half)), net.gradients(slice(half, None)), strict=True)
    total = 0.0
    for first, second in pairs:
        both = np.stack([first, second])
        spread, size = both.std(axis=0), np.abs(both).mean(axis=0)
        total += np.log((size[spread > 0] / spread[spread > 0]).sum())
    return total


def gradsign(net):
    per_image = [net.gradients([row]) for row in range(len(net.images))]
    return sum(np.abs(np.mean(np.sign(layer), axis=0)).sum() for layer in map(np.stack, zip(*per_image, strict=True)))


def fisher(net):
    outputs = []
    hooks = [layer.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for layer in net.layers()]
    loss = net.loss()
    for hook in hooks:
        hook.remove()
    total = 0.0
    for output, gradient in zip(outputs, torch.autograd.grad(loss, outputs), strict=True):
        product = (output * gradient).detach().numpy()
        for image in product:  # channels are the first dimension of a map, the last of tokens
            axes = {3: (1, 2), 2: (0,), 1: ()}[image.ndim]
            total += 0.5 * (image.sum(axis=axes) ** 2).sum() / len(product)
    return total


def jacov(net):
    values = np.linalg.eigvals(np.corrcoef(net.jacobian)).real
    return -sum(np.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)


def epe_nas(net):
    labels = net.labels.numpy()
    total = 0.0
    for label in set(labels.tolist()):
        rows = np.atleast_2d(np.corrcoef(net.jacobian[labels == label]))
        total += abs(sum(np.log(abs(each) + 1e-5) for each in rows.flatten()))
    return total


def codes(net):
    return np.concatenate([(four[3] > 0).reshape(len(net.images), -1) for four in net.walked], axis=1)


def nwot(net):
    binary = codes(net)
    kernel = np.array([[(one == other).sum() for other in binary] for one in binary], dtype=float)
    return np.log(np.abs(np.linalg.det(kernel / kernel.max()))) + len(kernel) * np.log(kernel.max())


def zen(net):
    x, change = (net.noise(f"zen {name}", net.images) for name in ("input", "perturbation"))
    here, there = (net.walk(each)[-1][1].detach().numpy() for each in (x, x + 0.01 * change))
    return np.log(np.mean([np.abs(a - b).sum() for a, b in zip(here, there, strict=True)]))


def outputs(net):
    return [four[1].reshape(-1, four[1].shape[-1]) for four in net.walked]


def effective_rank(matrix):
    values = np.linalg.svd(matrix, compute_uv=False)
    return np.exp(stats.entropy(values / values.sum()))


def w_pca(net):
    components = 0
    for four in net.walked:
        values = np.linalg.eigvalsh(np.cov(four[3].reshape(-1, four[3].shape[-1]).T))[::-1]
        components += next(k for k in range(1, len(values) + 1) if values[:k].sum() / values.sum() >= 0.99)
    return components * sum(each.numel() for each in net.model.parameters())


def of_role(net, role, measure):
    chosen = zip(net.roles(), net.synflow, strict=True)
    return sum(measure(weight, gradient) for found, (weight, gradient) in chosen if found == role)


def synaptic_diversity(net):
    return of_role(net, "attention", lambda w, g: np.linalg.norm(w, "nuc") * np.linalg.norm(g, "nuc"))


def synaptic_saliency(net):
    return of_role(net, "mlp", lambda w, g: np.abs(w * g).sum())


def entropies(net):
    features = [each for four in net.walked for each in four[:2]]
    spectra = [np.linalg.eigvalsh(np.cov(each.reshape(-1, each.shape[-1]).T)).clip(0) for each in features]
    return [stats.entropy(each / each.sum()) for each in spectra]


def trainability(net):
    """Each sub-block as a function of its input, and torch.func's product with the transposed Jacobian."""
    features = [torch.tensor(each) for four in net.walked for each in four[:2]]
    blocks, scores = net.blocks(), []
    for index, (before, after) in enumerate(pairwise(features)):
        block = blocks[(index + 1) // 2]
        if before.shape != after.shape:
            continue

        def step(x, block=block, index=index):
            return x + (block.attn(block.norm1(x)) if index % 2 else block.mlp(block.norm2(x)))

        signs = net.noise(f"az_trainability {index}", after).sign()
        inner = torch.func.vjp(step, before)[1](signs)[0].detach().numpy()
        width = after.shape[-1]
        matrix = inner.reshape(-1, width).T @ signs.numpy().reshape(-1, width) / inner.reshape(-1, width).shape[0]
        top = np.linalg.svd(matrix, compute_uv=False)[0]
        scores.append(2 - top - 1 / (top + 1e-6))
    return np.mean(scores)


def macs(net):
    """Two matrix products of attention per block, and the layers by their weights and output positions."""
    total, shapes = 0, []
    hooks = [layer.register_forward_hook(lambda m, _i, out: shapes.append((m.weight, out))) for layer in net.layers()]
    net.logits(net.images[:1])
    for hook in hooks:
        hook.remove()
    for weight, output in shapes:
        total += weight.numel() * output.numel() // weight.shape[0]
    for four in net.walked:
        total += 2 * four[2].shape[-1] ** 2 * four[1].shape[-1]
    return total


def az_nas(net):
    parts = [sum(entropies(net)), min(np.diff(entropies(net))), trainability(net), macs(net)]
    return sum(np.sign(x) * np.log(1 + abs(x)) for x in parts)


def widths(net):
    return [block.norm1.normalized_shape[0] for block in net.blocks()]


REFERENCES = {
    "params": lambda net: sum(np.prod(each.shape) for each in net.model.state_dict().values()),
    "macs": macs,
    "depth": lambda net: len(net.blocks()),
    "mean_width": lambda net: np.mean(widths(net)),
    "sum_dim_depth": lambda net: sum(widths(net)),
    "grad_norm": layered(lambda _, g: np.sqrt((g**2).sum())),
    "snip": layered(lambda w, g: np.abs(w * g).sum()),
    "parzc-sine": lambda net: sum(
        np.abs(layer.weight.detach().numpy() * gradient).sum() * (np.sin(0.1 * number) + 1) / 2
        for number, (layer, gradient) in enumerate(zip(net.layers(), net.gradients(), strict=True))
    ),
    "plain": layered(lambda w, g: (w * g).sum()),
    "l2_norm": layered(lambda w, _: np.sqrt((w**2).sum())),
    "tvt-blocks": lambda net: (
        of_role(net, "attention", lambda w, _: np.linalg.norm(w)) + of_role(net, "mlp", lambda w, _: np.linalg.norm(w))
    ),
    "grasp": grasp,
    "synflow": lambda net: sum(np.abs(w * g).sum() for w, g in net.synflow),
    "logsynflow": lambda net: sum((w * np.log1p(np.abs(g))).sum() for w, g in net.synflow),
    "synaptic_saliency": synaptic_saliency,
    "synaptic_diversity": synaptic_diversity,
    "dss": lambda net: synaptic_diversity(net) + synaptic_saliency(net),
    "zico": zico,
    "gradsign": gradsign,
    "attention_saliency": attention_saliency,
    "autoprox-release": released,
    "autoprox-a": for_autoformer,
    "autoprox-p": for_pit,
    "fisher": fisher,
    "jacov": jacov,
    "epe_nas": epe_nas,
    "nwot": nwot,
    "swap": lambda net: len({tuple(unit) for unit in codes(net).T}),
    "ntk_cond": lambda net: np.linalg.cond(net.tangents @ net.tangents.T),
    "ntk_trace": lambda net: np.mean([row @ row for row in net.tangents]),
    "zen": zen,
    "meco": lambda net: sum(np.linalg.eigvals(np.corrcoef(each.T)).real.min() for each in outputs(net)),
    "rankme": lambda net: sum(effective_rank(each) for each in outputs(net)),
    "effective_rank": layered(lambda w, _: effective_rank(w.reshape(len(w), -1))),
    "attention_confidence": lambda net: sum(four[2].max(axis=-1).mean() for four in net.walked),
    "w_pca": w_pca,
    "az_expressivity": lambda net: sum(entropies(net)),
    "az_progressivity": lambda net: min(np.diff(entropies(net))),
    "az_trainability": trainability,
    "az_complexity": macs,
    "az_nas": az_nas,
}
"""From a network to the measure, before the sign."""

ARCHITECTURES = [("autoformer-micro", 0), ("autoformer-micro", 1), ("pit-micro", 2)]
LOOSE = {"grasp": 1e-4, "zico": 1e-4, "autoprox-a": 1e-5, "autoprox-release": 1e-5}
"""Relative tolerances beyond 1e-7: a finite difference, and the guards of divisions in the graphs."""


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda each: f"{each[0]}-{each[1]}")
def network(request):
    """A small network in double precision, so that only definitions are compared, and a batch for it."""
    name, seed = request.param
    owner, rng = autoprox.space(name), np.random.default_rng(seed)
    arch = sorted((owner.sample(rng) for _ in range(20)), key=owner.backbone_params)[1]
    model = owner.build(arch, num_classes=5, img_size=8, in_chans=1, seed=seed).double()
    images, labels = rng.normal(size=(12, 1, 8, 8)), rng.integers(0, 5, size=12)
    return model, images, labels, Plain(model, images, labels)


@pytest.mark.parametrize("name", ZOO)
def test_equals_an_independent_computation(name, network):
    model, images, labels, plain = network
    proxy = autoprox.load(name)
    found = proxy.score(model, images, labels)
    assert found == pytest.approx(proxy.sign * float(REFERENCES[name](plain)), rel=LOOSE.get(name, 1e-7))


def test_no_reference_is_orphaned():
    assert set(REFERENCES) == set(ZOO)
