"""Properties of spaces of bits and ranks."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autoprox.compress import lowrank_space, quantised_space
from autoprox.errors import AutoproxError, CollectionError, SpecError, StoreMismatchError
from autoprox.networks import Network, save_checkpoint
from autoprox.networks.quantised import quantised
from autoprox.spaces.task import noise_task
from tests.compress import trained

NAMES = sorted(trained.ALL)
BATCH = trained.images()


@pytest.fixture(scope="module")
def models():
    return {name: make() for name, make in trained.ALL.items()}


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def uniform(space, choice):
    return {space.gene: [choice] * len(space.groups)}


# --- nothing is lost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_full_bits_give_the_outputs_of_the_network(models, name):
    space = quantised_space(models[name], BATCH, bits=(4, 32), activations=32, edges=32)
    assert torch.equal(trained.logits(space.build(uniform(space, 32)), BATCH), trained.logits(models[name], BATCH))


@pytest.mark.parametrize("name", NAMES)
def test_full_ranks_give_the_outputs_of_the_network(models, name):
    space = lowrank_space(models[name], BATCH, ratios=(0.5, 1))
    found = trained.logits(space.build(uniform(space, 1)), BATCH)
    assert torch.allclose(found, trained.logits(models[name], BATCH), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_given_network_is_left_as_it_was(models, name):
    model = models[name].train()
    before, keys = state(model), [set(vars(module)) for module in model.modules()]
    for space in (quantised_space(model, BATCH), lowrank_space(model, BATCH)):
        built = space.build(uniform(space, space.choices[0]))
        with torch.no_grad():
            for parameter in built.parameters():
                parameter.add_(1)
        assert trained.logits(space.build(uniform(space, space.choices[0])), BATCH).isfinite().all()
    assert model.training
    assert [set(vars(module)) for module in model.modules()] == keys
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())
    model.eval()


def test_training_a_built_network_changes_no_other(models):
    space = lowrank_space(models["ours"], BATCH)
    before = trained.logits(space.build(uniform(space, 0.25)), BATCH)
    built = space.build(uniform(space, 0.25))
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.zero_()
    assert torch.equal(trained.logits(space.build(uniform(space, 0.25)), BATCH), before)


# --- bits -------------------------------------------------------------------------------------------------------------


def test_each_map_has_the_bits_of_its_item(models):
    space = quantised_space(models["hugging face"], BATCH, activations=32)
    genes = space.sample(np.random.default_rng(3)).genes
    built = space.build(genes)
    for item, bits in zip(space.groups, genes["bits"], strict=True):
        for each in item.maps:
            weight = models["hugging face"].get_submodule(each.holders[0]).weight
            expected = quantised(weight, bits).values
            assert torch.equal(built.get_submodule(each.holders[0]).weight, expected)
    embed = models["hugging face"].get_submodule(space.given.edges[0].holders[0]).weight
    assert torch.equal(built.get_submodule(space.given.edges[0].holders[0]).weight, quantised(embed, 8).values)


def test_the_outputs_are_those_of_plain_torch():
    """Weights and inputs rounded by the definition, in functional form."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 4), nn.Linear(4, 5))
    space = quantised_space(model, BATCH, bits=(3,), activations=4, edges=5)
    found = trained.logits(space.build({"bits": [3]}), BATCH)
    model.requires_grad_(requires_grad=False)
    values, seen = BATCH.flatten(1), BATCH.flatten(1)  # with and without rounding: ranges are taken without
    for at, bits in ((1, 5), (3, 3), (4, 5)):
        low, high = min(0.0, float(seen.min())), max(0.0, float(seen.max()))
        step = (high - low) / 15
        zero = round(-low / step)
        rounded = ((values / step).round() + zero).clamp(0, 15).sub(zero) * step
        weight = quantised(model[at].weight, bits).values
        values = rounded @ weight.T + model[at].bias
        seen = seen @ model[at].weight.T + model[at].bias
        if at == 1:
            values, seen = values.relu(), seen.relu()
    assert torch.allclose(found, values, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_what_a_file_would_hold(models, name):
    space = quantised_space(models[name], BATCH)
    rng = np.random.default_rng(0)
    for _ in range(3):
        arch = space.sample(rng)
        bits = dict(zip(space.groups, arch.genes["bits"], strict=True))
        chosen = {id(each.parameter(space.source)): bits[item] for item in space.groups for each in item.maps}
        chosen |= {id(each.parameter(space.source)): 8 for each in space.given.edges}
        total = 0
        for parameter in space.source.parameters():
            if id(parameter) in chosen:
                total += -(-parameter.numel() * chosen[id(parameter)] // 8) + 4 * parameter.shape[0]
            else:
                total += 4 * parameter.numel()
        assert space.storage(arch).weight_bytes == total


def test_bit_operations_are_products_times_the_bits_of_both_factors(models):
    space = quantised_space(models["ours"], BATCH, bits=(2, 32), activations=4, edges=8)
    lowest, full = (space.storage(uniform(space, bits)).bitops for bits in (2, 32))
    # Width 24, 17 tokens (16 patches and the class token), MLPs of 48 and 24; images of 8 px in patches of 2 px.
    linear = 17 * (2 * 4 * 24 * 24 + 2 * 24 * 48 + 2 * 24 * 24)
    edges = 16 * 4 * 24 + 24 * 5
    products = 2 * 2 * 17 * 17 * 24
    assert full == linear * 32 * 4 + edges * 8 * 4 + products * 32 * 32
    assert lowest == linear * 2 * 4 + edges * 8 * 4 + products * 32 * 32


# --- ranks ------------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(
    rows=st.integers(1, 7),
    columns=st.integers(1, 7),
    ratio=st.sampled_from([0.125, 0.25, 0.5, 0.75]),
    seed=st.integers(0, 99),
)
def test_a_rank_gives_the_truncated_decomposition(rows, columns, ratio, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, columns), nn.Linear(columns, rows), nn.Tanh(), nn.Linear(rows, 5))
    space = lowrank_space(model, BATCH, ratios=(ratio, 1))
    rank = max(1, round(ratio * min(rows, columns)))
    u, s, vh = np.linalg.svd(model[2].weight.detach().double().numpy(), full_matrices=False)
    nearest = (u[:, :rank] * s[:rank]) @ vh[:rank]
    built = space.build({"ranks": [ratio]})
    assert np.allclose(built[2].weight.detach().numpy(), nearest, atol=1e-5)
    if rank < min(rows, columns):  # Eckart and Young: the error consists of the smaller singular values
        lost = np.linalg.norm(built[2].weight.detach().numpy() - model[2].weight.detach().numpy())
        assert lost == pytest.approx(np.sqrt((s[rank:] ** 2).sum()), abs=1e-5)
    assert isinstance(built[2], nn.Linear) == (rank * (rows + columns) >= rows * columns or rank == min(rows, columns))


def test_ranks_nest(models):
    space = lowrank_space(models["ours"], BATCH)
    narrow, wide = (space.build(uniform(space, ratio)) for ratio in (0.125, 0.375))
    for item in space.groups:
        small, large = (built.get_submodule(item.maps[0].holders[0]) for built in (narrow, wide))
        rank = len(small.first.weight)
        assert torch.equal(large.first.weight[:rank], small.first.weight)
        assert torch.equal(large.second.weight[:, :rank], small.second.weight)
        assert torch.equal(small.second.bias, large.second.bias)


def test_costs_follow_the_published_rule(models):
    space = lowrank_space(models["ours"], BATCH)
    dense = space.counts(uniform(space, 1))
    for ratio in (0.25, 0.625, 0.75):
        saved = 0
        for fan_out, fan_in in [(72, 24), (24, 24), (48, 24), (24, 48), (72, 24), (24, 24), (24, 24), (24, 24)]:
            saved += fan_out * fan_in - min(fan_out * fan_in, round(ratio * 24) * (fan_out + fan_in))
        found = space.counts(uniform(space, ratio))
        assert (dense.params - found.params, dense.macs - found.macs) == (saved, 17 * saved)
        assert space.storage(uniform(space, ratio)).weight_bytes == 4 * found.params


def test_the_kept_energy_is_that_of_weight_and_output(models):
    model = models["ours"]
    space = lowrank_space(model, BATCH)
    seen = {}
    hooks = [
        model.get_submodule(each.maps[0].holders[0]).register_forward_hook(
            lambda _module, inputs, _output, name=each.name: seen.update({name: inputs[0]})
        )
        for each in space.groups
    ]
    trained.logits(model, BATCH)
    for hook in hooks:
        hook.remove()
    for item in space.groups:
        found = item.maps[0]
        weight = found.parameter(model).detach().double()
        u, s, vh = torch.linalg.svd(weight, full_matrices=False)
        near = (u[:, :6] * s[:6]) @ vh[:6]
        inputs = seen[item.name].flatten(0, 1).double()
        kept = space.kept(found, 6)
        assert kept["weight_energy"] == pytest.approx(float(near.square().sum() / weight.square().sum()))
        output = float((inputs @ near.T).square().sum() / (inputs @ weight.T).square().sum())
        assert kept["output_energy"] == pytest.approx(output)


# --- items ------------------------------------------------------------------------------------------------------------


def test_queries_keys_and_values_are_one_item(models):
    space = quantised_space(models["hugging face"], BATCH)
    assert [len(item.maps) for item in space.groups] == [3, 1, 1, 1] * 2
    first = [each.name.rpartition(".")[2] for each in space.groups[0].maps]
    assert first == [
        each.rpartition(".")[2] for each in sorted(first, key=["q_proj", "k_proj", "v_proj", *first].index)
    ]


def test_tied_weights_are_one_item_and_stay_tied(models):
    for space, choice in ((quantised_space(models["mine"], BATCH), 2), (lowrank_space(models["mine"], BATCH), 0.25)):
        tied = next(item for item in space.groups if item.name == "first")
        assert tied.maps[0].holders == ("first", "second")
        built = space.build(uniform(space, choice))
        if choice == 2:
            assert built.second.weight is built.first.weight
        else:
            assert built.second.first.weight is built.first.first.weight
            assert built.second.bias is not built.first.bias


def test_weights_that_functions_use_have_bits_and_no_ranks(models):
    names = [item.name for item in quantised_space(models["mine"], BATCH).groups]
    assert "attention.in_proj_weight" in names
    assert "mix" in names
    assert [item.name for item in lowrank_space(models["mine"], BATCH).groups] == ["first"]
    space = quantised_space(models["mine"], BATCH)
    built = space.build(uniform(space, 2))
    assert len(built.attention.in_proj_weight[0].unique()) <= 3


def test_embedding_and_head_have_their_own_bits_or_are_items(models):
    with_edges = quantised_space(models["ours"], BATCH, edges=None)
    without = quantised_space(models["ours"], BATCH)
    edges = [item.name for item in with_edges.groups if item not in without.groups]
    assert edges == ["patch_embed", "head"]
    assert [each.name for each in without.given.edges] == edges


# --- identity ---------------------------------------------------------------------------------------------------------


def test_the_identity_is_that_of_parameters_images_and_choices(models):
    model = models["ours"]
    plain = quantised_space(model, BATCH)
    assert quantised_space(copy.deepcopy(model), BATCH).identity == plain.identity
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.head.bias[0] += 1e-6
    assert (
        len(
            {
                plain.identity,
                quantised_space(other, BATCH).identity,
                quantised_space(model, BATCH + 1).identity,
                quantised_space(model, BATCH, activations=6).identity,
                quantised_space(model, BATCH, edges=4).identity,
                quantised_space(model, BATCH, bits=(2, 4)).identity,
                lowrank_space(model, BATCH, name=plain.name).identity,
            }
        )
        == 7
    )


def test_settings_of_modules_count_and_the_mode_does_not():
    first, second = (
        nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.LeakyReLU(slope), nn.Linear(4, 4), nn.Linear(4, 3))
        for slope in (0.1, 0.2)
    )
    second.load_state_dict(first.state_dict())
    assert quantised_space(first, BATCH).identity != quantised_space(second, BATCH).identity
    second[2].negative_slope = 0.1
    assert quantised_space(first, BATCH).identity == quantised_space(second.train(), BATCH).identity


def test_statistics_of_two_spaces_are_kept_apart(models):
    task = noise_task("noise", 5, 8, 1)
    spaces = [quantised_space(models["ours"], BATCH, activations=bits) for bits in (4, 8)]
    keys = {Network(space, space.arch(uniform(space, 4)), task).key for space in spaces}
    assert len(keys) == 2


def test_a_space_travels_to_other_processes(models):
    space = quantised_space(models["hugging face"], BATCH)
    other = pickle.loads(pickle.dumps(space))
    assert other.identity == space.identity
    built = pickle.loads(pickle.dumps(other.build(uniform(other, 3))))
    assert torch.equal(trained.logits(built, BATCH), trained.logits(space.build(uniform(space, 3)), BATCH))


def test_parameters_come_from_a_checkpoint(models, tmp_path):
    save_checkpoint(models["ours"], tmp_path / "ours.safetensors")
    fresh = copy.deepcopy(models["ours"])
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_()
    space = quantised_space(fresh, BATCH, checkpoint=tmp_path / "ours.safetensors")
    assert space.identity == quantised_space(models["ours"], BATCH).identity
    assert float(fresh.head.weight.detach().abs().sum()) == 0


# --- refusals ---------------------------------------------------------------------------------------------------------


def perceptron(*sizes):
    return nn.Sequential(nn.Flatten(), *(nn.Linear(a, b) for a, b in pairwise(sizes)))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: quantised_space(nn.Sequential(nn.Flatten(), nn.ReLU()), BATCH), CollectionError, "no Linear"),
        (lambda: quantised_space(perceptron(64, 8, 5), BATCH), SpecError, "nothing to compress"),
        (lambda: lowrank_space(perceptron(64, 8, 5), BATCH), SpecError, "nothing to compress"),
        (lambda: quantised_space(perceptron(64, 8, 8, 5), BATCH, bits=(1,)), SpecError, "1 is not allowed"),
        (lambda: quantised_space(perceptron(64, 8, 8, 5), BATCH, bits=()), SpecError, "at least one choice"),
        (lambda: quantised_space(perceptron(64, 8, 8, 5), BATCH, bits=4), SpecError, "sequence"),
        (lambda: lowrank_space(perceptron(64, 8, 8, 5), BATCH, ratios=(0,)), SpecError, "0 is not a valid ratio"),
        (lambda: lowrank_space(perceptron(64, 8, 8, 5), BATCH, ratios=(1.5,)), SpecError, "1.5 is not a valid ratio"),
        (lambda: quantised_space(perceptron(64, 8, 8, 5), BATCH[:, :, :4]), SpecError, "square"),
        (lambda: quantised_space(perceptron(63, 8, 8, 5), BATCH), CollectionError, "failed on images"),
        (lambda: quantised_space("model", BATCH), SpecError, "torch.nn.Module"),
        (
            lambda: quantised_space(perceptron(64, 8, 8, 5), BATCH, checkpoint="no.safetensors"),
            StoreMismatchError,
            "no.safetensors",
        ),
    ],
)
def test_what_cannot_be_compressed_is_refused_in_one_line(make, error, said):
    with pytest.raises(error, match=said) as caught:
        make()
    assert isinstance(caught.value, AutoproxError)
    assert "\n" not in str(caught.value)


def test_what_is_compressed_already_is_refused(models):
    space = quantised_space(models["ours"], BATCH)
    with pytest.raises(SpecError, match="already compressed"):
        lowrank_space(space.build(uniform(space, 4)), BATCH)


def test_another_task_is_refused(models):
    space = quantised_space(models["ours"], BATCH)
    assert space.build(uniform(space, 4), 5, 8, 1) is not None
    with pytest.raises(SpecError, match="5 classes, 8 px, 1 channels"):
        space.build(uniform(space, 4), num_classes=10)
