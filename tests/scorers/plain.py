"""Explicit forward passes of the built-in families, and gradients by plain autograd, for reference values."""

import copy
from functools import cached_property

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from autoprox.base.digest import derived_seed


class Plain:
    """A network of a built-in family in float64, and a batch."""

    def __init__(self, model, images, labels):
        self.model = copy.deepcopy(model)
        self.images, self.labels = torch.tensor(images), torch.tensor(labels)
        blocks = getattr(model, "blocks", None)
        self.is_autoformer = blocks is not None

    def stages(self):
        """The body as a list of modules: blocks, and poolings between them."""
        return list(self.model.blocks if self.is_autoformer else self.model.body)

    def is_block(self, module):
        return hasattr(module, "attn")

    def blocks(self):
        return [each for each in self.stages() if self.is_block(each)]

    def embedded(self, images):
        model = self.model
        if self.is_autoformer:
            x = model.patch_embed(images).flatten(2).transpose(1, 2)
            return torch.cat([model.cls_token.repeat(len(images), 1, 1), x], 1) + model.pos_embed
        x = (model.patch_embed(images) + model.pos_embed).flatten(2).transpose(1, 2)
        return torch.cat([model.cls_token.repeat(len(images), 1, 1), x], 1)

    def walk(self, images):
        """For every block: tokens after the attention, tokens after the MLP, attention probabilities, hidden layer."""
        x, found = self.embedded(images), []
        for module in self.stages():
            if not self.is_block(module):
                x = module(x)
                continue
            heads, normed = module.attn.heads, module.norm1(x)
            q, k, v = module.attn.qkv(normed).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
            probabilities = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, dim=-1)
            middle = x + module.attn.proj((probabilities @ v).transpose(1, 2).flatten(2))
            hidden = module.mlp.fc1(module.norm2(middle))
            x = middle + module.mlp.fc2(nn.functional.gelu(hidden))
            found.append((middle, x, probabilities, hidden))
        return found

    @cached_property
    def walked(self):
        return [[each.detach().numpy() for each in four] for four in self.walk(self.images)]

    def logits(self, images):
        return self.model(images)

    def layers(self):
        return [module for module in self.model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]

    def weights(self):
        return [layer.weight for layer in self.layers()]

    def loss(self, rows=slice(None)):
        return cross_entropy(self.logits(self.images[rows]), self.labels[rows])

    def gradients(self, rows=slice(None)):
        """Gradients of the mean loss of some images, as arrays."""
        return [each.numpy() for each in torch.autograd.grad(self.loss(rows), self.weights())]

    @cached_property
    def jacobian(self):
        """Gradient of the summed logits of each image, computed image by image: `(B, pixels)`."""
        rows = []
        for image in self.images:
            leaf = image[None].clone().requires_grad_()
            self.logits(leaf).sum().backward()
            rows.append(leaf.grad.flatten().numpy())
        return np.stack(rows)

    @cached_property
    def tangents(self):
        """Gradient of the summed logits of each image by all parameters, one reverse pass per image: `(B, P)`."""
        parameters = list(self.model.parameters())
        outputs = self.logits(self.images).sum(dim=1)
        rows = [torch.autograd.grad(each, parameters, retain_graph=True) for each in outputs]
        return np.stack([np.concatenate([each.flatten().numpy() for each in row]) for row in rows])

    @cached_property
    def synflow(self):
        """|weight| and its gradient for an image of ones and all parameters absolute, layer by layer."""
        twin = Plain(self.model, self.images.numpy(), self.labels.numpy())
        for parameter in twin.model.parameters():
            parameter.data = parameter.data.abs()
        total = twin.logits(torch.ones_like(self.images[:1])).sum()
        gradients = torch.autograd.grad(total, twin.weights())
        return [(w.detach().numpy(), g.numpy()) for w, g in zip(twin.weights(), gradients, strict=True)]

    def roles(self):
        """ "attention", "mlp" or "else" for every layer."""
        inside = {layer: "attention" for block in self.blocks() for layer in block.attn.modules()}
        inside |= {layer: "mlp" for block in self.blocks() for layer in block.mlp.modules()}
        return [inside.get(layer, "else") for layer in self.layers()]

    @staticmethod
    def noise(purpose, like):
        generator = torch.Generator().manual_seed(derived_seed("zoo", purpose))
        return torch.randn(like.shape, generator=generator).to(like)
