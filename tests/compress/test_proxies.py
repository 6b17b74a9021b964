"""Each allocation proxy against a naive computation, and the guarantees of all."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import autoprox
from autoprox.compress import ALLOCATION_PROXIES, lowrank_space, quantised_space
from autoprox.errors import CollectionError, RegistryError
from autoprox.networks.quantised import quantised
from autoprox.scorers import prepared
from autoprox.statistics import STATISTICS, collect
from tests.compress import trained

BATCH = trained.images()
LABELS = torch.arange(len(BATCH)) % 5
BITS, RATIOS = (2, 4, 32), (0.25, 0.5, 1.0)


@pytest.fixture(scope="module")
def spaces():
    model = trained.hugging_face()
    return {
        "bits": quantised_space(model, BATCH, bits=BITS, activations=8),
        "ranks": lowrank_space(model, BATCH, ratios=RATIOS),
    }


@pytest.fixture(scope="module")
def fresh():
    return trained.hugging_face


def loss_of(model):
    with sdpa_kernel(SDPBackend.MATH):
        return nn.functional.cross_entropy(model(BATCH).logits, LABELS)


def layers(model, space):
    """The layers of each group."""
    return [[model.get_submodule(each.holders[0]) for each in group.maps] for group in space.groups]


def summed(groups, value):
    """`(groups, choices)` of a value of a layer and a choice, summed over the layers of a group."""
    return lambda choices: np.array(
        [[sum(value(layer, each) for layer in group) for each in choices] for group in groups]
    )


def changed(weight, space, choice):
    """The weight of a choice, from its definition."""
    if space.gene == "bits":
        return weight if choice == 32 else quantised(weight, choice).values
    u, s, vh = torch.linalg.svd(weight.double(), full_matrices=False)
    rank = max(1, round(choice * len(s)))
    return ((u[:, :rank] * s[:rank]) @ vh[:rank]).to(weight)


def check(spaces, name, expected, gene="bits", **close):
    found = ALLOCATION_PROXIES[name].table(spaces[gene], BATCH, LABELS)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, **{"rtol": 1e-4, "atol": 1e-9, **close})


# --- values -----------------------------------------------------------------------------------------------------------


def test_counts(spaces, fresh):
    groups = layers(fresh(), spaces["bits"])
    check(spaces, "params_bits", summed(groups, lambda layer, bits: layer.weight.numel() * bits)(BITS))
    # Five tokens: four patches of 4 px, and the class token.
    check(spaces, "bit_operations", summed(groups, lambda layer, bits: 5 * layer.weight.numel() * bits * 8)(BITS))


def test_snip(spaces, fresh):
    model = fresh()
    loss_of(model).backward()
    groups = layers(model, spaces["bits"])
    check(
        spaces,
        "snip_bits",
        summed(groups, lambda each, b: float((each.weight * each.weight.grad).detach().abs().sum()) * b)(BITS),
    )


def test_synflow(spaces, fresh):
    model = fresh().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    model(torch.ones(1, 1, 8, 8, dtype=torch.float64)).logits.sum().backward()
    groups = layers(model, spaces["bits"])
    check(
        spaces,
        "synflow_bits",
        summed(groups, lambda each, b: float((each.weight * each.weight.grad).detach().sum()) * b)(BITS),
    )


def outputs_with_gradients(model):
    """Inputs, outputs and gradients at the outputs of all linear layers, kept whole."""
    kept = {}

    def hook(module, inputs, output):
        output.retain_grad()
        kept[module] = inputs[0], output

    hooks = [module.register_forward_hook(hook) for module in model.modules() if isinstance(module, nn.Linear)]
    loss_of(model).backward()
    for each in hooks:
        each.remove()
    gradients = {module: output.grad for module, (_, output) in kept.items()}
    model.requires_grad_(requires_grad=False)
    return {module: (each[0].detach(), each[1].detach(), gradients[module]) for module, each in kept.items()}


def test_fisher(spaces, fresh):
    model = fresh()
    kept = outputs_with_gradients(model)

    def value(layer, bits):
        _, output, gradients = kept[layer]
        total = 0.0
        for image, gradient in zip(output, gradients, strict=True):
            for channel in range(output.shape[-1]):
                total += 0.5 * float((image[:, channel] * gradient[:, channel]).sum()) ** 2
        return total / len(output) * bits

    check(spaces, "fisher_bits", summed(layers(model, spaces["bits"]), value)(BITS))


@pytest.mark.parametrize("gene", ["bits", "ranks"])
def test_gradient_score(spaces, fresh, gene):
    model, space = fresh(), spaces[gene]
    kept = outputs_with_gradients(model)

    def value(layer, choice):
        inputs, output, gradient = kept[layer]
        other = inputs @ changed(layer.weight.detach(), space, choice).T + layer.bias
        return -float(((other - output) ** 2 * gradient**2).sum())

    expected = summed(layers(model, space), value)(space.choices)
    check(spaces, "gradient_score", expected, gene, rtol=1e-3, atol=1e-12)


def test_emq(spaces, fresh):
    model = fresh()
    model(torch.ones(1, 1, 8, 8)).logits.sum().backward()
    groups = layers(model, spaces["bits"])

    def reading(first, second, dim):
        def value(layer, bits):
            pair = {"weight": layer.weight.detach().double(), "gradient": layer.weight.grad.double()}
            logits = pair[first].abs().log()
            shares = logits.softmax(1) if dim else logits.flatten().softmax(0).reshape(logits.shape)
            return float((shares * pair[second].clamp(min=0).sqrt()).sum()) * bits

        return summed(groups, value)(BITS)

    check(spaces, "emq", reading("gradient", "weight", dim=False))
    check(spaces, "emq_rows", reading("gradient", "weight", dim=True))
    check(spaces, "emq_swapped", reading("weight", "gradient", dim=False))


def test_hawq_is_an_eigenvalue():
    """A large gap makes ten steps of the power iteration enough: a layer before a scaled copy of itself."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Linear(3, 3), nn.Linear(3, 5)).double()
    with torch.no_grad():
        model[1].weight.mul_(4)
    space = quantised_space(model, BATCH.double(), bits=(2, 4))
    loss = nn.functional.cross_entropy(model(BATCH.double()), LABELS)
    gradient = torch.autograd.grad(loss, model[2].weight, create_graph=True)[0].flatten()
    hessian = torch.stack([torch.autograd.grad(g, model[2].weight, retain_graph=True)[0].flatten() for g in gradient])
    values = torch.linalg.eigvalsh(hessian)
    top = float(values[values.abs().argmax()])
    found = ALLOCATION_PROXIES["hawq"].table(space, BATCH.double(), LABELS)
    np.testing.assert_allclose(found, [[2 * top, 4 * top]], rtol=0.02)


@pytest.mark.parametrize("gene", ["bits", "ranks"])
def test_hawq_v2(spaces, fresh, gene):
    """The trace of signs and Hessian, exactly, with the same draws: products by the whole Hessian of all weights."""
    model, space = fresh(), spaces[gene]
    maps = [each for group in space.groups for each in group.maps]
    weights = [each.parameter(model) for each in maps]
    gradients = torch.autograd.grad(loss_of(model), weights, create_graph=True)
    traces = dict.fromkeys(maps, 0.0)

    with prepared(model, BATCH, LABELS) as subject:
        for draw in range(8):
            signs = [
                (subject.noise(f"hawq_v2 {draw} {each.name}", weight) >= 0).float() * 2 - 1
                for each, weight in zip(maps, weights, strict=True)
            ]
            product = sum((gradient * sign).sum() for gradient, sign in zip(gradients, signs, strict=True))
            seconds = torch.autograd.grad(product, weights, retain_graph=True)
            for each, sign, second in zip(maps, signs, seconds, strict=True):
                traces[each] += float((sign * second).sum()) / 8
    means = {id(each.parameter(model)): traces[each] / each.size for each in maps}

    def value(layer, choice):
        wrong = changed(layer.weight.detach(), space, choice) - layer.weight.detach()
        return -means[id(layer.weight)] * float(wrong.square().sum())

    check(spaces, "hawq_v2", summed(layers(model, space), value)(space.choices), gene, rtol=1e-3, atol=1e-9)


def test_the_draws_of_hawq_v2_average_to_the_trace():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Linear(3, 3), nn.Linear(3, 5)).double()
    space = quantised_space(model, BATCH.double(), bits=(2,))
    loss = nn.functional.cross_entropy(model(BATCH.double()), LABELS)
    gradient = torch.autograd.grad(loss, model[2].weight, create_graph=True)[0].flatten()
    trace = sum(
        float(torch.autograd.grad(each, model[2].weight, retain_graph=True)[0].flatten()[place])
        for place, each in enumerate(gradient)
    )
    weight = model[2].weight.detach()
    error = float((quantised(weight, 2).values.double() - weight).square().sum())
    found = -ALLOCATION_PROXIES["hawq_v2"].table(space, BATCH.double(), LABELS)[0, 0] / error * 9
    assert found == pytest.approx(trace, rel=0.5)


@pytest.mark.parametrize("gene", ["bits", "ranks"])
def test_output_kl(spaces, fresh, gene):
    space = spaces[gene]
    before = trained.logits(fresh(), BATCH).double().softmax(-1)
    rows = []
    for group in space.groups:
        row = []
        for choice in space.choices:
            model = fresh()
            with torch.no_grad():
                for each in group.maps:
                    weight = each.parameter(model)
                    weight.copy_(changed(weight.detach(), space, choice))
            after = trained.logits(model, BATCH).double().softmax(-1)
            row.append(-float((before * (before / after).log()).sum(1).mean()))
        rows.append(row)
    check(spaces, "output_kl", np.array(rows), gene, rtol=1e-2, atol=1e-7)


def test_qe_and_ompq(spaces, fresh):
    model = fresh()
    space = spaces["bits"]
    kept = outputs_with_gradients(model)
    plain = {
        layer: (kept[layer][1] - layer.bias).detach().double() for group in layers(model, space) for layer in group
    }
    deviation = {layer: float(output.std().log()) for layer, output in plain.items()}
    check(spaces, "qe", summed(layers(model, space), lambda layer, bits: deviation[layer] * bits)(BITS))
    flat = {layer: output.flatten(1) for layer, output in plain.items()}

    def alignment(first, second):
        cross = (flat[first].T @ flat[second]).square().sum()
        norms = [(flat[each].T @ flat[each]).norm() for each in (first, second)]
        return float(cross / norms[0] / norms[1])

    weight = {one: np.exp(-np.mean([alignment(one, other) for other in plain if other is not one])) for one in plain}
    check(spaces, "ompq", summed(layers(model, space), lambda layer, bits: weight[layer] * bits)(BITS))


def test_energies(spaces, fresh):
    space, model = spaces["ranks"], fresh()
    kept = outputs_with_gradients(model)

    def of_weight(layer, ratio):
        near = changed(layer.weight.detach(), space, ratio)
        return float(near.square().sum() / layer.weight.square().sum())

    def of_output(layer, ratio):
        inputs = kept[layer][0].detach()
        near = changed(layer.weight.detach(), space, ratio)
        return float((inputs @ near.T).square().sum() / (inputs @ layer.weight.T).square().sum())

    check(spaces, "singular_energy", summed(layers(model, space), of_weight)(RATIOS), "ranks")
    check(spaces, "output_energy", summed(layers(model, space), of_output)(RATIOS), "ranks")


def test_every_proxy_has_a_value_here():
    tested = "params_bits bit_operations snip_bits synflow_bits fisher_bits gradient_score emq emq_rows emq_swapped"
    tested += " hawq hawq_v2 output_kl qe ompq singular_energy output_energy"
    assert set(ALLOCATION_PROXIES) == set(tested.split())


# --- promises ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALLOCATION_PROXIES)
def test_a_score_is_the_sum_over_choices_and_nothing_is_changed(spaces, name):
    proxy = ALLOCATION_PROXIES[name]
    for gene in proxy.genes:
        space = spaces[gene]
        state = {key: tensor.clone() for key, tensor in space.source.state_dict().items()}
        arch = space.sample(np.random.default_rng(0))
        places = [space.choices.index(each) for each in arch.genes[gene]]
        table = proxy.table(space, BATCH, LABELS)
        expected = sum(table[group, place] for group, place in enumerate(places))
        assert proxy.score(space.build(arch), BATCH, LABELS) == pytest.approx(expected, rel=1e-12)
        assert all(torch.equal(tensor, state[key]) for key, tensor in space.source.state_dict().items())
        assert all(each.grad is None for each in space.source.parameters())


@pytest.mark.parametrize("name", ALLOCATION_PROXIES)
def test_what_cannot_be_scored_is_one_line(spaces, name):
    proxy = ALLOCATION_PROXIES[name]
    with pytest.raises(CollectionError, match="quantised_space or lowrank_space") as caught:
        proxy.score(trained.ours(), BATCH, LABELS)
    assert "\n" not in str(caught.value)
    if proxy.needs.labels:
        with pytest.raises(CollectionError, match="needs labels"):
            proxy.table(spaces[proxy.genes[0]], BATCH + 1, None)
    other = {"bits": "ranks", "ranks": "bits"}[proxy.genes[0]]
    if other not in proxy.genes:
        with pytest.raises(CollectionError, match=f"not {other}"):
            proxy.table(spaces[other], BATCH, LABELS)


def test_weights_that_functions_use_are_refused_where_outputs_are_needed():
    space = quantised_space(trained.mine(), BATCH)
    for name in ("fisher_bits", "gradient_score", "qe", "ompq"):
        with pytest.raises(CollectionError, match=r"attention\.in_proj_weight"):
            ALLOCATION_PROXIES[name].table(space, BATCH, LABELS)
    assert ALLOCATION_PROXIES["snip_bits"].table(space, BATCH, LABELS).shape == (4, 4)


def test_another_batch_has_another_table(spaces):
    proxy = ALLOCATION_PROXIES["snip_bits"]
    tables = [proxy.table(spaces["bits"], batch, LABELS) for batch in (BATCH, 2 * BATCH, BATCH)]
    assert (tables[0] != tables[1]).any()
    assert tables[2] is tables[0]


# --- statistics -------------------------------------------------------------------------------------------------------


def test_statistics_read_what_was_chosen(spaces, fresh):
    source = fresh()
    for gene, names in (
        ("bits", ["bits", "quantisation_error"]),
        ("ranks", ["rank", "weight_energy", "output_energy"]),
    ):
        space = spaces[gene]
        choices = [space.choices[place % 3] for place in range(len(space.groups))]
        built = space.build({gene: choices})
        found = collect(built, BATCH, LABELS, names)
        nodes = [node.name for node in next(iter(found.nodes.values()))]
        for group, choice in zip(space.groups, choices, strict=True):
            for each in group.maps:
                weight = each.parameter(source).detach()
                wrong = changed(weight, space, choice) - weight
                for place, node in enumerate(nodes):
                    if node not in (each.holders[0], f"{each.holders[0]}.first", f"{each.holders[0]}.second"):
                        continue
                    if gene == "bits":
                        relative = float(wrong.double().square().sum() / weight.double().square().sum())
                        assert found.counts["bits"][place] == choice
                        assert found.counts["quantisation_error"][place] == pytest.approx(relative, rel=1e-5)
                    else:
                        lost = float(wrong.double().square().sum() / weight.double().square().sum())
                        assert found.counts["rank"][place] == round(choice * min(weight.shape))
                        assert found.counts["weight_energy"][place] == pytest.approx(1 - lost, rel=1e-5)


def test_statistics_of_networks_that_are_not_compressed(fresh):
    names = [name for name, each in STATISTICS.items() if each.pass_.name == "compression"]
    found = collect(fresh(), BATCH, LABELS, names).counts
    count = len(found["bits"])
    assert found["bits"].tolist() == [32] * count
    assert found["quantisation_error"].tolist() == [0] * count
    assert found["weight_energy"].tolist() == found["output_energy"].tolist() == [1] * count
    assert found["rank"].min() == 5  # the head has five classes


def test_a_proxy_of_compressed_networks_is_loaded_by_its_name():
    assert autoprox.load("hawq_v2") is ALLOCATION_PROXIES["hawq_v2"]
    with pytest.raises(RegistryError, match="Did you mean 'hawq_v2'"):
        autoprox.load("hawq_v3")
