"""Every zoo proxy against a computation of its own, by plain autograd."""

import numpy as np
import pytest
import torch

import autoprox
from autoprox.zoo import ZOO


class Recorded:
    """A network after one backward pass: gradients of weights, and those at inputs and outputs, taken by hooks."""

    def __init__(self, model, images, labels):
        self.model, self.at_input, self.at_output = model, {}, {}
        hooks = [module.register_full_backward_hook(self._record) for module in model.modules()]
        output = model(torch.tensor(images, requires_grad=True))
        torch.nn.functional.cross_entropy(output, torch.tensor(labels)).backward()
        for hook in hooks:
            hook.remove()

    def _record(self, module, grad_input, grad_output):
        self.at_input[module], self.at_output[module] = grad_input[0], grad_output[0]

    def _modules(self, *kinds):
        return [module for module in self.model.modules() if isinstance(module, kinds)]

    def layers(self):
        """Weight and gradient of every linear layer and convolution, in double."""
        modules = self._modules(torch.nn.Linear, torch.nn.Conv2d)
        return [(each.weight.detach().double(), each.weight.grad.double()) for each in modules]

    def input_gradients(self):
        return [self.at_input[each].double() for each in self._modules(torch.nn.Linear, torch.nn.Conv2d)]

    def output_gradients(self, kind):
        return [self.at_output[each].double() for each in self._modules(kind)]


def released(net):
    """mean ||minmax(t2)|| + mean of sqrt(sigmoid(t4g)), each over its own layers."""
    sizes = [((w - w.min()) / (w.max() - w.min())).norm() for w, _ in net.layers()]
    waves = [g.sigmoid().sqrt().mean() for g in net.output_gradients(torch.nn.LayerNorm)]
    return float(sum(sizes) / len(sizes) + sum(waves) / len(waves))


def for_autoformer(net):
    """mean ( mean |zscore(t3g)| + mean relu(sqrt(max(t2, 0))) )."""
    scores = [((g - g.mean()) / g.std(correction=0)).abs().mean() for g in net.input_gradients()]
    roots = [w.clamp(min=0).sqrt().relu().mean() for w, _ in net.layers()]
    return float(sum(a + b for a, b in zip(scores, roots, strict=True)) / len(roots))


def for_pit(net):
    """mean relu(||t2||) - mean log mean |t1g|, each over its own layers."""
    sizes = [w.norm().relu() for w, _ in net.layers()]
    logs = [g.abs().mean().log() for g in net.output_gradients(torch.nn.GELU)]
    return float(sum(sizes) / len(sizes) - sum(logs) / len(logs))


REFERENCES = {
    "grad_norm": lambda net: sum(float(grad.norm()) for _, grad in net.layers()),
    "snip": lambda net: sum(float((weight * grad).abs().sum()) for weight, grad in net.layers()),
    "plain": lambda net: sum(float((weight * grad).sum()) for weight, grad in net.layers()),
    "l2_norm": lambda net: sum(float(weight.norm()) for weight, _ in net.layers()),
    "autoprox-release": released,
    "autoprox-a": for_autoformer,
    "autoprox-p": for_pit,
}


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize(("space", "seed"), [("autoformer-micro", 0), ("autoformer-micro", 1), ("pit-micro", 2)])
def test_equals_plain_autograd(name, space, seed):
    owner, rng = autoprox.space(space), np.random.default_rng(seed)
    model = owner.build(owner.sample(rng), num_classes=10, img_size=8, in_chans=1, seed=seed)
    images, labels = rng.normal(size=(8, 1, 8, 8)).astype(np.float32), rng.integers(0, 10, size=8)
    found = autoprox.load(name).score(model, images, labels)
    assert found == pytest.approx(REFERENCES[name](Recorded(model, images, labels)), rel=1e-5)
