"""What every registered space promises. A new space inherits these tests by being registered; nothing is added here."""

import hashlib
import json
import os
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, Site, nodes
from autoprox.spaces import SPACES, Arch, Space, space

SEEDS = st.integers(0, 2**32 - 1)
EXAMPLES = settings(max_examples=25, deadline=None)

every_space = pytest.mark.parametrize("name", list(SPACES))


def drawn(name: str, seed: int) -> tuple[Space, Arch, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return space(name), space(name).sample(rng), rng


def small_size(s: Space) -> int:
    return s.img_sizes[0]


def some_sizes(s: Space) -> list[int]:
    """The smallest, the largest, the default and a few between."""
    sizes = s.img_sizes
    return sorted({sizes[0], sizes[1], sizes[len(sizes) // 2], sizes[-1], s.default_img_size})


def differences(s: Space, first: Arch, second: Arch) -> int:
    """Genes that differ; values of layers that only one of two has, and the depth that made them, count once."""
    a, b = first.genes, second.genes
    count = sum(a[gene.name] != b[gene.name] for gene in s.layout.fixed)
    for gene in s.layout.layered:
        # Layers beyond the shorter list exist because of the depth.
        count += sum(x != y for x, y in zip(a[gene.name], b[gene.name], strict=False))
    return count


def test_there_are_the_four_spaces():
    assert {"autoformer-ti", "autoformer-micro", "pit-ti", "pit-micro"} <= set(SPACES)


@every_space
def test_declaration(name):
    s = SPACES[name]
    assert s.name == name
    assert s.default_img_size in s.img_sizes


# --- architectures ----------------------------------------------------------------------------------------------------


@every_space
@EXAMPLES
@given(seed=SEEDS)
def test_samples_are_valid(name, seed):
    s, arch, _ = drawn(name, seed)
    assert s.why_not(arch) == []
    assert s.why_not(arch.genes) == []
    assert s.arch(arch.genes) == arch


@every_space
def test_samples_reach_every_choice(name):
    s, rng = space(name), np.random.default_rng(0)
    seen = {gene.name: set() for gene in s.layout.genes}
    for _ in range(400):
        genes = s.sample(rng).genes
        for gene in s.layout.fixed:
            seen[gene.name].add(json.dumps(genes[gene.name]))
        for gene in s.layout.layered:
            seen[gene.name].update(json.dumps(value) for value in genes[gene.name])
    for gene in s.layout.genes:
        assert seen[gene.name] == {json.dumps(choice) for choice in gene.choices}


@every_space
@EXAMPLES
@given(seed=SEEDS)
def test_json_round_trip(name, seed):
    s, arch, _ = drawn(name, seed)
    assert s.parse(arch.json) == arch
    reordered = dict(reversed(arch.genes.items()))
    assert s.parse(json.dumps(reordered, indent=1)) == arch
    assert Arch(name, arch.genes) == arch
    assert pickle.loads(pickle.dumps(arch)) == arch
    assert Arch(name, reordered) == arch
    assert hash(Arch(name, reordered)) == hash(arch)
    # Whole numbers written as floats, and floats as whole numbers, are the same architecture.
    as_floats = json.loads(arch.json, parse_int=float)
    assert s.arch(as_floats).arch_id == arch.arch_id
    assert re.fullmatch("[0-9a-f]{16}", arch.arch_id)


@every_space
def test_genes_are_a_fresh_copy(name):
    s, arch, _ = drawn(name, 0)
    arch.genes.clear()
    s.genes(arch).clear()
    assert s.why_not(arch) == []


STABLE = """
import hashlib, sys
import numpy as np
from autoprox.spaces import SPACES
for name, s in SPACES.items():
    rng = np.random.default_rng(7)
    a, b = s.sample(rng), s.sample(rng)
    found = [a, b, s.mutate(a, rng), s.crossover(a, b, rng), *s.neighbours(a)]
    print(name, *(arch.arch_id for arch in found))
assert "torch" not in sys.modules, "spaces must not import torch"
import torch
for name, s in SPACES.items():
    if name.endswith("-micro"):
        model = s.build(s.sample(np.random.default_rng(3)), 10, 8, 1, seed=5)
        print(name, hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest())
"""


def test_identities_and_parameters_are_the_same_in_fresh_processes():
    def output(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", STABLE], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert output("1") == output("2022")


# --- variation --------------------------------------------------------------------------------------------------------


@every_space
@EXAMPLES
@given(seed=SEEDS)
def test_mutants_are_valid_and_one_gene_away(name, seed):
    s, arch, rng = drawn(name, seed)
    before = arch.json
    for _ in range(5):
        mutant = s.mutate(arch, rng)
        assert s.why_not(mutant) == []
        assert mutant.arch_id != arch.arch_id
        assert differences(s, arch, mutant) == 1
    assert arch.json == before


@every_space
def test_mutation_reaches_every_gene(name):
    s, arch, rng = drawn(name, 0)
    changed = set()
    for _ in range(200):
        mutant = s.mutate(arch, rng).genes
        changed |= {gene.name for gene in s.layout.fixed if mutant[gene.name] != arch.genes[gene.name]}
        for gene in s.layout.layered:
            pairs = zip(mutant[gene.name], arch.genes[gene.name], strict=False)
            changed |= {gene.name for x, y in pairs if x != y}
    assert changed == {gene.name for gene in s.layout.genes}


@every_space
@EXAMPLES
@given(seed=SEEDS)
def test_children_have_genes_of_their_parents(name, seed):
    s, first, rng = drawn(name, seed)
    second = s.sample(rng)
    child = s.crossover(first, second, rng)
    assert s.why_not(child) == []
    a, b, c = first.genes, second.genes, child.genes
    for gene in s.layout.fixed:
        assert c[gene.name] in (a[gene.name], b[gene.name])
    for gene in s.layout.layered:
        for layer, value in enumerate(c[gene.name]):
            assert value in [parent[gene.name][layer] for parent in (a, b) if layer < len(parent[gene.name])]
    assert s.crossover(first, first, rng) == first


@every_space
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_neighbours(name, seed):
    s, arch, rng = drawn(name, seed)
    neighbours = s.neighbours(arch)
    assert len(set(neighbours)) == len(neighbours)
    assert arch not in neighbours
    for neighbour in neighbours:
        assert s.why_not(neighbour) == []
        assert differences(s, arch, neighbour) == 1
    layers = len(arch.genes[s.layout.layered[0].name]) if s.layout.layered else 0
    fixed = sum(len(gene.choices) - 1 for gene in s.layout.fixed)
    assert len(neighbours) == fixed + layers * sum(len(gene.choices) - 1 for gene in s.layout.layered)
    mutant = s.mutate(arch, rng)
    if [len(v) for v in mutant.genes.values() if isinstance(v, list)] == [
        len(v) for v in arch.genes.values() if isinstance(v, list)
    ]:
        assert mutant in neighbours
        assert arch in s.neighbours(mutant)


@every_space
def test_variation_depends_on_the_generator_only(name):
    s, arch, _ = drawn(name, 1)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is what must not be touched
    state, global_state = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    twice = [s.mutate(arch, np.random.default_rng(4)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert random.getstate() == state
    assert (np.random.get_state()[1] == global_state).all()  # noqa: NPY002


# --- refusals ---------------------------------------------------------------------------------------------------------


def bad_genes(s: Space) -> list[tuple[str, object]]:
    """What must be refused, with a word that the reasons must hold."""
    good = s.sample(np.random.default_rng(0)).genes
    found: list[tuple[str, object]] = [("mapping", [1, 2]), ("mapping", None), ("mapping", "text")]
    found.append(("colour", {**good, "colour": 1}))
    for gene in s.layout.genes:
        found.append((gene.name, {key: value for key, value in good.items() if key != gene.name}))
        found += [(gene.name, {**good, gene.name: bad}) for bad in (-1, True, None, "3", [], {}, float("nan"), 1e9)]
    for gene in s.layout.fixed:
        if isinstance(good[gene.name], list):
            found.append((gene.name, {**good, gene.name: good[gene.name][:-1]}))
            found.append((gene.name, {**good, gene.name: [10**6, *good[gene.name][1:]]}))
    for gene in s.layout.layered:
        found.append((gene.name, {**good, gene.name: good[gene.name] * 2}))
        found.append(("Value 1", {**good, gene.name: [-1, *good[gene.name][1:]]}))
        found.append((gene.name, {**good, gene.name: good[gene.name][0]}))
    return found


@every_space
def test_bad_genes_are_refused_with_sentences(name):
    s = space(name)
    for word, genes in bad_genes(s):
        reasons = s.why_not(genes)
        assert reasons, genes
        assert any(word in reason for reason in reasons), (word, reasons)
        for reason in reasons:
            assert reason[0].isupper()
            assert reason.endswith(".")
            assert "\n" not in reason
        with pytest.raises(SpecError, match=name) as error:
            s.arch(genes)
        assert reasons[0] in str(error.value)


@every_space
def test_architectures_of_another_space_are_refused(name):
    _, arch, rng = drawn(name, 0)
    other = next(SPACES[key] for key in SPACES if key != name)
    assert name in other.why_not(arch)[0]
    actions = [other.features, other.neighbours, other.layers, lambda a: other.mutate(a, rng)]
    actions += [lambda a: other.counts(a, 10), lambda a: other.build(a, 10), lambda a: other.crossover(a, a, rng)]
    for action in actions:
        with pytest.raises(SpecError, match=f"belongs to the space '{name}'"):
            action(arch)


@every_space
def test_unchecked_architectures_are_refused(name):
    s = space(name)
    for action in (s.features, s.neighbours, s.backbone_params, lambda a: s.build(a, 10)):
        with pytest.raises(SpecError, match="colour"):
            action(Arch(name, {"colour": 3}))


@every_space
@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null", '{"depth": NaN}', '{"colour": 1}'])
def test_bad_texts_are_refused(name, text):
    with pytest.raises(SpecError, match=name):
        space(name).parse(text)


@every_space
def test_bad_tasks_are_refused(name):
    s, arch, _ = drawn(name, 0)
    for size in (0, -8, s.img_sizes[0] - 1, s.img_sizes[-1] + 1, 8.0, True, "28"):
        for action in (s.counts, s.build):
            with pytest.raises(SpecError, match="px"):
                action(arch, 10, size)
    for classes in (1, 0, -1, 10.0, True, None):
        with pytest.raises(SpecError, match="classes"):
            s.build(arch, classes, small_size(s))
    for channels in (0, -1, 1.0, None):
        with pytest.raises(SpecError, match="channel"):
            s.counts(arch, 10, small_size(s), channels)
    for seed in (-1, 2**63, 1.0, True, None):
        with pytest.raises(SpecError, match="seed"):
            s.build(arch, 10, small_size(s), 1, seed)


@every_space
def test_numpy_integers_are_welcome(name):
    s, arch, _ = drawn(name, 0)
    counts = s.counts(arch, np.int64(10), np.int32(small_size(s)), np.int64(1))
    assert counts == s.counts(arch, 10, small_size(s), 1)
    model = s.build(arch, np.int64(10), np.int64(small_size(s)), np.int64(1), seed=np.int64(3))
    assert sum(p.numel() for p in model.parameters()) == counts.params


# --- counts -----------------------------------------------------------------------------------------------------------


def measured_macs(model: nn.Module, in_chans: int, size: int) -> int:
    """Multiply-accumulates as torch's own counter sees them, without computing anything."""
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        model.to("meta")(torch.empty(1, in_chans, size, size))
    return counter.get_total_flops() // 2


@every_space
@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_those_of_the_network(name, seed):
    s, arch, rng = drawn(name, seed)
    backbones = set()
    for size in some_sizes(s):
        classes, in_chans = int(rng.integers(2, 200)), int(rng.integers(1, 5))
        counts = s.counts(arch, classes, size, in_chans)
        model = s.build(arch, classes, size, in_chans)
        parameters = {key: p.numel() for key, p in model.named_parameters()}
        outside = ("patch_embed.", "pos_embed", "cls_token", "head.")
        assert counts.params == sum(parameters.values())
        assert counts.backbone_params == sum(n for key, n in parameters.items() if not key.startswith(outside))
        assert counts.macs == measured_macs(model, in_chans, size)
        backbones.add(counts.backbone_params)
    assert backbones == {s.backbone_params(arch)}


@every_space
def test_counts_at_every_image_size(name):
    s, arch, _ = drawn(name, 11)
    # Large networks take long to build; every seventh size meets all remainders of their strides.
    for size in s.img_sizes if s.default_img_size <= 32 else s.img_sizes[::7]:
        model = s.build(arch, 10, size, 1)
        counts = s.counts(arch, 10, size, 1)
        assert counts.params == sum(p.numel() for p in model.parameters())
        assert counts.macs == measured_macs(model, 1, size)


@every_space
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_features_describe_the_network(name, seed):
    s, arch, _ = drawn(name, seed)
    features = s.features(arch)
    assert list(features)[:5] == ["depth", "mean_width", "sum_dim_depth", "mean_mlp_ratio", "mean_heads"]
    assert all(type(value) is float for value in features.values())
    model = s.build(arch, 10, small_size(s), 1)
    heads: list[int] = []
    for node in nodes(model):
        if node.site is Site.ATTENTION:
            node.module.register_forward_hook(lambda *call: heads.append(call[-1].shape[1]))
    model(torch.zeros(1, 1, small_size(s), small_size(s)))
    hidden = [n.module for n in nodes(model) if n.site is Site.LINEAR and n.role is Role.MLP][::2]
    assert features["depth"] == len(heads) == len(hidden)
    assert features["mean_heads"] == pytest.approx(np.mean(heads))
    assert features["sum_dim_depth"] == sum(layer.in_features for layer in hidden)
    assert features["mean_width"] == pytest.approx(np.mean([layer.in_features for layer in hidden]))
    ratios = [layer.out_features / layer.in_features for layer in hidden]
    assert features["mean_mlp_ratio"] == pytest.approx(np.mean(ratios))


# --- networks ---------------------------------------------------------------------------------------------------------


def batch(s: Space, in_chans: int = 1, count: int = 3) -> torch.Tensor:
    size = small_size(s)
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, in_chans, size, size), dtype=np.float32))


@every_space
@pytest.mark.parametrize("seed", range(4))
def test_forward_and_gradients(name, seed):
    s, arch, _ = drawn(name, seed)
    model = s.build(arch, 7, small_size(s), 2, seed=seed)
    assert not any(module.training for module in model.modules())
    logits = model(batch(s, in_chans=2))
    assert logits.shape == (3, 7)
    assert logits.isfinite().all()
    assert len({tuple(row) for row in logits.tolist()}) == 3, "different images, different logits"
    nn.functional.cross_entropy(logits, torch.tensor([0, 3, 6])).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@every_space
def test_an_image_does_not_see_the_others(name):
    s, arch, _ = drawn(name, 2)
    model = s.build(arch, 5, small_size(s), 1).double()
    images = batch(s).double()
    with torch.no_grad():
        torch.testing.assert_close(model(images)[1:2], model(images[1:2]), rtol=1e-10, atol=1e-12)


@every_space
@pytest.mark.parametrize("seed", range(3))
def test_nodes(name, seed):
    s, arch, _ = drawn(name, seed)
    model = s.build(arch, 7, small_size(s), 1)
    found = nodes(model)
    kinds = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GELU, nn.Softmax)
    assert [node.module for node in found] == [m for m in model.modules() if isinstance(m, kinds)]
    assert all(isinstance(node.role, Role) for node in found)
    assert {node.site for node in found} == set(Site)
    assert {Role.EMBED, Role.ATTENTION, Role.MLP, Role.HEAD} <= {node.role for node in found}
    assert dict(model.named_modules())[found[0].name] is found[0].module
    held = {id(p) for node in found for p in node.module.parameters()}
    outside = [key for key, p in model.named_parameters() if id(p) not in held]
    assert outside == ["cls_token", "pos_embed"], "every other parameter belongs to a node"


@every_space
def test_nodes_are_listed_in_the_order_of_the_forward_pass(name):
    s, arch, _ = drawn(name, 5)
    model = s.build(arch, 7, small_size(s), 1)
    called: list[str] = []
    for node in nodes(model):
        node.module.register_forward_hook(lambda *_, name=node.name: called.append(name))
    model(batch(s))
    assert called == [node.name for node in nodes(model)]


@every_space
def test_hooks_see_attention_probabilities(name):
    s, arch, _ = drawn(name, 6)
    model = s.build(arch, 7, small_size(s), 1)
    seen: list[torch.Tensor] = []
    for node in nodes(model):
        if node.site is Site.ATTENTION:
            node.module.register_forward_hook(lambda *call: seen.append(call[-1]))
    model(batch(s))
    for layer, probabilities in zip(s.layers(arch), seen, strict=True):
        assert probabilities.shape[:2] == (3, layer.heads)
        assert probabilities.shape[2] == probabilities.shape[3]
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))


# --- seeds ------------------------------------------------------------------------------------------------------------


def parameter_digest(model: nn.Module) -> str:
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()


@every_space
def test_same_seed_same_parameters(name):
    s, arch, _ = drawn(name, 0)
    first, again, other = (parameter_digest(s.build(arch, 5, small_size(s), 1, seed)) for seed in (3, 3, 4))
    assert first == again != other
    assert parameter_digest(s.build(arch, 5, small_size(s), 1)) == parameter_digest(
        s.build(arch, 5, small_size(s), 1, seed=0)
    )


@every_space
def test_building_leaves_the_global_generators_alone(name):
    s, arch, _ = drawn(name, 0)
    torch.manual_seed(99)
    state, python_state = torch.get_rng_state(), random.getstate()
    built = parameter_digest(s.build(arch, 5, small_size(s), 1, seed=3))
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state
    torch.manual_seed(1)
    assert parameter_digest(s.build(arch, 5, small_size(s), 1, seed=3)) == built


@every_space
def test_the_default_device_does_not_matter(name):
    s, arch, _ = drawn(name, 0)
    built = parameter_digest(s.build(arch, 5, small_size(s), 1, seed=3))
    with torch.device("meta"):
        model = s.build(arch, 5, small_size(s), 1, seed=3)
    assert parameter_digest(model) == built
