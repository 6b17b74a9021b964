"""Forward passes against a plain reference: NumPy in float64, from the state dict, one head and one patch at a time."""

import numpy as np
import pytest
import torch
from scipy.special import erf

from autoprox.spaces import space


def linear(state, key, x):
    return x @ state[f"{key}.weight"].T + state[f"{key}.bias"]


def norm(state, key, x):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * state[f"{key}.weight"] + state[f"{key}.bias"]


def conv(state, key, image, stride, padding=0, groups=1):
    """Convolution of one image `(C, H, W)`, output `(O, h, w)`."""
    weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
    out_channels, group_size, edge, _ = weight.shape
    image = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    steps = (image.shape[1] - edge) // stride + 1
    result = np.empty((out_channels, steps, steps))
    for channel in range(out_channels):
        group = channel * groups // out_channels
        inputs = image[group * group_size : (group + 1) * group_size]
        for row in range(steps):
            for column in range(steps):
                window = inputs[:, row * stride : row * stride + edge, column * stride : column * stride + edge]
                result[channel, row, column] = (window * weight[channel]).sum() + bias[channel]
    return result


def attention(state, key, x, heads):
    """Attention on the tokens `(N, C)` of one image."""
    tokens, width = x.shape
    size = width // heads
    weight, bias = state[f"{key}.qkv.weight"], state[f"{key}.qkv.bias"]
    outputs = []
    for head in range(heads):
        rows = slice(head * size, (head + 1) * size)
        q, k, v = (x @ weight[i * width :][rows].T + bias[i * width :][rows] for i in range(3))
        mixed = np.empty((tokens, size))
        for token in range(tokens):
            logits = k @ q[token] / np.sqrt(size)
            weights = np.exp(logits - logits.max())
            mixed[token] = weights @ v / weights.sum()
        outputs.append(mixed)
    return linear(state, f"{key}.proj", np.concatenate(outputs, axis=1))


def block(state, key, x, heads):
    x = x + attention(state, f"{key}.attn", norm(state, f"{key}.norm1", x), heads)
    hidden = linear(state, f"{key}.mlp.fc1", norm(state, f"{key}.norm2", x))
    return x + linear(state, f"{key}.mlp.fc2", hidden * 0.5 * (1 + erf(hidden / np.sqrt(2))))


def autoformer(state, genes, image):
    patch = state["patch_embed.weight"].shape[-1]
    patches = conv(state, "patch_embed", image, stride=patch)
    tokens = [state["cls_token"][0, 0], *patches.reshape(len(patches), -1).T]
    x = np.array(tokens) + state["pos_embed"][0]
    for index, heads in enumerate(genes["num_heads"]):
        x = block(state, f"blocks.{index}", x, heads)
    return linear(state, "head", norm(state, "norm", x)[1:].mean(axis=0))


def pit(state, genes, image):
    patch = state["patch_embed.weight"].shape[-1]
    token_map = conv(state, "patch_embed", image, stride=patch // 2) + state["pos_embed"][0]
    cls, index = state["cls_token"][0, 0], 0
    for stage, (depth, heads) in enumerate(zip(genes["depth"], genes["num_heads"], strict=True)):
        if stage > 0:
            token_map = conv(state, f"body.{index}.conv", token_map, stride=2, padding=1, groups=len(cls))
            cls = linear(state, f"body.{index}.fc", cls)
            index += 1
        channels, edge, _ = token_map.shape
        x = np.array([cls, *token_map.reshape(channels, -1).T])
        for _ in range(depth):
            x = block(state, f"body.{index}", x, heads)
            index += 1
        cls, token_map = x[0], x[1:].T.reshape(channels, edge, edge)
    return linear(state, "head", norm(state, "norm", cls[None]))[0]


def strengthened(model, seed):
    """Draws all parameters again at a size that makes every part matter: fresh biases are 0, fresh norms do nothing."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.3, tuple(parameter.shape))))
    return model


def parity(name, reference, arch, size, chans, seed):
    s = space(name)
    model = strengthened(s.build(arch, 6, size, chans).double(), seed)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    images = np.random.default_rng(seed).standard_normal((2, chans, size, size))
    with torch.no_grad():
        logits = model(torch.from_numpy(images)).numpy()
    expected = np.array([reference(state, arch.genes, image) for image in images])
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-10)


REFERENCES = {"autoformer-micro": autoformer, "pit-micro": pit, "autoformer-ti": autoformer, "pit-ti": pit}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["autoformer-micro", "pit-micro"])
def test_micro_networks_agree_with_the_reference(name, seed):
    rng = np.random.default_rng(seed)
    arch = space(name).sample(rng)
    size, chans = int(rng.integers(8, 33)), int(rng.integers(1, 4))
    parity(name, REFERENCES[name], arch, size, chans, seed)


@pytest.mark.parametrize("name", ["autoformer-ti", "pit-ti"])
def test_published_networks_agree_with_the_reference(name):
    arch = space(name).sample(np.random.default_rng(3))
    parity(name, REFERENCES[name], arch, space(name).img_sizes[1], 3, seed=0)


def test_fresh_networks_agree_with_the_reference_in_float32():
    for name in ("autoformer-micro", "pit-micro"):
        s = space(name)
        arch = s.sample(np.random.default_rng(8))
        model = s.build(arch, 10, 8, 1, seed=1)
        state = {key: value.numpy().astype(np.float64) for key, value in model.state_dict().items()}
        image = np.random.default_rng(0).standard_normal((1, 8, 8)).astype(np.float32)
        with torch.no_grad():
            logits = model(torch.from_numpy(image)[None]).numpy()[0]
        np.testing.assert_allclose(logits, REFERENCES[name](state, arch.genes, image), rtol=1e-4, atol=1e-5)
