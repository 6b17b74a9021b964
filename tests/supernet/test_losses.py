"""The losses of a supernet, each against its formula on stand-alone networks."""

import copy
import json
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from autoprox.base.errors import RegistryError, SpecError
from autoprox.networks import define_space
from autoprox.spaces import Gene, TaskShape
from autoprox.supernet import Subnets, Supernet, slots_of
from autoprox.supernet.samplers import GroupDistance
from autoprox.supernet.supernet_losses import COUPLINGS, LOSSES, SCHEDULES, SupernetStep
from tests.supernet.test_supernet import perceptron

GENES = [Gene("width", (4, 6, 8)), Gene("depth", (1, 2))]
SPACE = define_space("small-perceptrons", GENES, perceptron, img_sizes=[8])
TASK = TaskShape(3, 8, 1)
SUBNETS = Subnets(SPACE, TASK)
ARCHS = [SPACE.arch({"width": width, "depth": depth}) for width, depth in ((6, 1), (8, 2), (4, 1), (6, 2))]
IMAGES = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0])


def supernet_of(seed: int = 0) -> Supernet:
    return Supernet(SPACE, num_classes=3, img_size=8, in_chans=1, seed=seed).train()


def by_macs(arch) -> float:
    return float(SUBNETS.macs(arch))


TEACHER = supernet_of(seed=5).eval()


def loss_of(name: str, **settings):
    if name == "distilled":
        made = Subnets(SimpleNamespace(name="made", source=TEACHER), TASK)
        return LOSSES[name](made, np.random.default_rng(3), **settings)
    prior = by_macs if name in {"prior-guided", "margin-rank"} else None
    return LOSSES[name](SUBNETS, np.random.default_rng(3), prior, **settings)


def step_of(supernet: Supernet, archs=ARCHS, progress: float = 0.5) -> SupernetStep:
    return SupernetStep(supernet, archs, IMAGES, LABELS, progress, smoothing=0.1)


def entropy(logits, target=LABELS):
    return functional.cross_entropy(logits, target, label_smoothing=0.1 if target is LABELS else 0.0)


def expected_gradients(supernet: Supernet, total: Callable) -> dict[str, torch.Tensor]:
    """Gradients of a sum over networks that are extracted separately."""
    found = {key: torch.zeros_like(value) for key, value in supernet.shared.items()}
    networks = []

    def run(arch):
        network = supernet.extract(arch).train()
        networks.append(network)
        return network(IMAGES)

    total(run).backward()
    for network in networks:
        for parameter, slot in zip(network.parameters(), slots_of(network).values(), strict=True):
            if parameter.grad is not None:
                part = slot.window(found[slot.shared.replace(".", "/")])
                part += parameter.grad.view(part.shape)
    return found


def assert_gradients(supernet: Supernet, expected: dict[str, torch.Tensor]) -> None:
    assert any(value.any() for value in expected.values())
    for key, value in supernet.shared.items():
        found = torch.zeros_like(value) if value.grad is None else value.grad
        torch.testing.assert_close(found, expected[key], atol=1e-6, rtol=1e-4)


def assert_entropies(supernet: Supernet, archs, found) -> None:
    with torch.no_grad():
        expected = [float(entropy(supernet.extract(arch)(IMAGES))) for arch in archs]
    assert found == pytest.approx(expected, rel=1e-5)


def test_plain_is_the_sum_of_cross_entropies() -> None:
    supernet = supernet_of()
    expected = expected_gradients(supernet, lambda run: sum(entropy(run(arch)) for arch in ARCHS))
    assert_entropies(supernet, ARCHS, loss_of("plain").backward(step_of(supernet)))
    assert_gradients(supernet, expected)


def test_inplace_lets_the_largest_teach_the_others() -> None:
    def total(run):
        largest = run(ARCHS[1])
        soft = largest.detach().softmax(1)
        return entropy(largest) + sum(entropy(run(ARCHS[place]), soft) for place in (0, 2, 3))

    supernet = supernet_of()
    expected = expected_gradients(supernet, total)
    assert_entropies(supernet, ARCHS, loss_of("inplace").backward(step_of(supernet)))
    assert_gradients(supernet, expected)


def test_inplace_mean_lets_all_others_teach_the_smallest() -> None:
    def total(run):
        others = [run(ARCHS[place]) for place in (0, 1, 3)]
        soft = torch.stack([logits.detach().softmax(1) for logits in others]).mean(0)
        return sum(map(entropy, others)) + entropy(run(ARCHS[2]), soft)

    supernet = supernet_of()
    expected = expected_gradients(supernet, total)
    assert_entropies(supernet, ARCHS, loss_of("inplace-mean").backward(step_of(supernet)))
    assert_gradients(supernet, expected)


def test_the_smallest_alone_learns_from_the_labels() -> None:
    supernet = supernet_of()
    expected = expected_gradients(supernet, lambda run: entropy(run(ARCHS[2])))
    loss_of("inplace-mean").backward(step_of(supernet, ARCHS[2:3]))
    assert_gradients(supernet, expected)


@pytest.mark.parametrize("mode", ["one_sided", "paper"])
def test_prior_guided_ranks_pairs_as_published(mode: str) -> None:
    rng = np.random.default_rng(3)
    pairs = [(SPACE.sample(rng), SPACE.sample(rng)) for _ in range(6)]
    assert len({by_macs(one) < by_macs(other) for one, other in pairs}) == 2

    def total(run):
        largest = run(ARCHS[1])
        soft = largest.detach().softmax(1)
        found = entropy(largest) + sum(entropy(run(ARCHS[place]), soft) for place in (0, 2, 3))
        for one, other in pairs:
            first, second = entropy(run(one)), entropy(run(other))
            if mode == "paper":
                worse = by_macs(one) < by_macs(other)
                term = torch.relu(second - first.detach()) if worse else torch.relu(first.detach() - second)
            elif by_macs(one) == by_macs(other):
                continue
            elif by_macs(one) > by_macs(other):
                term = torch.relu(first - second.detach())
            else:
                term = torch.relu(second - first.detach())
            found = found + 0.7 * term  # a tenth of the training: 7 of 70 epochs
        return found

    supernet = supernet_of()
    expected = expected_gradients(supernet, total)
    loss = loss_of("prior-guided", pairs=6, mode=mode)
    assert_entropies(supernet, ARCHS, loss.backward(step_of(supernet, progress=0.1)))
    assert_gradients(supernet, expected)


@pytest.mark.parametrize("mode", ["one_sided", "paper"])
def test_margin_rank_wants_a_gap_as_large_as_the_distance(mode: str) -> None:
    distance = GroupDistance(SUBNETS)

    def total(run):
        found = 0.0
        for one, other in ((ARCHS[0], ARCHS[1]), (ARCHS[2], ARCHS[3])):  # the second is the larger one, both times
            first, second = entropy(run(one)), entropy(run(other))
            margin = 0.0 if mode == "paper" else 0.3 * distance(one, other)
            found = found + first + second + 2.0 * torch.relu(margin + second - first.detach())
        return found

    supernet = supernet_of()
    expected = expected_gradients(supernet, total)
    found = loss_of("margin-rank", margin=0.3, mode=mode).backward(step_of(supernet))
    assert_entropies(supernet, ARCHS, found)
    assert_gradients(supernet, expected)


def test_margin_rank_takes_two_of_one_subnet_as_a_pair_that_is_not_ranked() -> None:
    supernet = supernet_of()
    expected = expected_gradients(supernet, lambda run: entropy(run(ARCHS[0])) + entropy(run(ARCHS[0])))
    loss_of("margin-rank").backward(step_of(supernet, [ARCHS[0], ARCHS[0]]))
    assert_gradients(supernet, expected)


@pytest.mark.parametrize("coupling", list(COUPLINGS))
def test_online_distils_from_a_teacher_that_learns_along(coupling: str) -> None:
    supernet, archs = supernet_of(), [ARCHS[0], ARCHS[3]]
    loss = loss_of("online", coupling=coupling, weight=0.25, temperature=3.0)
    teacher = copy.deepcopy(loss.teacher)
    chooser = copy.deepcopy(loss)
    chosen = [COUPLINGS[coupling](chooser, arch) for arch in archs]

    def total(run):
        found = 0.0
        for arch, other in zip(archs, chosen, strict=True):
            theirs = run(other) if teacher is None else teacher.select(other).train()(IMAGES)
            ours = run(arch)
            soft = (theirs.detach() / 3.0).softmax(1)
            divergence = (soft * (soft.log() - (ours / 3.0).log_softmax(1))).sum(1).mean()
            found = found + entropy(theirs) + 0.75 * entropy(ours) + 0.25 * 9.0 * divergence
        return found

    expected = expected_gradients(supernet, total)
    assert_entropies(supernet, archs, loss.backward(step_of(supernet, archs)))
    assert_gradients(supernet, expected)
    if teacher is not None:
        for own, other in zip(loss.teacher.parameters(), teacher.parameters(), strict=True):
            assert (own.grad is None) == (other.grad is None)
            if own.grad is not None:
                torch.testing.assert_close(own.grad, other.grad)


def test_couplings_choose_the_teachers_that_they_say() -> None:
    students = [*SUBNETS.pool]
    ranks = {coupling: loss_of("online", coupling=coupling) for coupling in COUPLINGS}
    pool = ranks["random"].teachers.pool
    assert len({COUPLINGS["random"](ranks["random"], students[0]) for _ in range(200)}) == len(pool) == 24
    assert {COUPLINGS["max"](ranks["max"], arch) for arch in students} == {pool[-1]}
    matched = [pool.index(COUPLINGS["matched"](ranks["matched"], arch)) for arch in students]
    assert matched == [24 * place // len(students) for place in range(len(students))]
    for arch in students:
        larger = COUPLINGS["self"](ranks["self"], arch)
        assert SUBNETS.macs(larger) >= SUBNETS.macs(arch) or arch == SUBNETS.largest


@pytest.mark.parametrize(("weight", "temperature"), [(1.0, 1.0), (0.3, 2.0)])
def test_distilled_lets_the_network_that_the_space_is_made_of_teach(weight: float, temperature: float) -> None:
    with torch.no_grad():
        theirs = (TEACHER(IMAGES) / temperature).softmax(1)

    def total(run):
        found = []
        for arch in ARCHS:
            ours = run(arch)
            soft = -(theirs * (ours / temperature).log_softmax(1)).sum(1).mean() * temperature**2
            found.append(weight * soft + (1 - weight) * entropy(ours))
        return sum(found)

    supernet, before = supernet_of(), copy.deepcopy(TEACHER.state_dict())
    expected = expected_gradients(supernet, total)
    loss = loss_of("distilled", weight=weight, temperature=temperature)
    assert_entropies(supernet, ARCHS, loss.backward(step_of(supernet)))
    assert_gradients(supernet, expected)
    assert all(torch.equal(value, before[name]) for name, value in TEACHER.state_dict().items())
    assert all(each.grad is None for each in TEACHER.parameters())


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_counts_its_passes_and_goes_on_from_its_state(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    forward = Supernet.forward
    monkeypatch.setattr(Supernet, "forward", lambda self, images: counted.append(1) or forward(self, images))
    first, again = loss_of(name), loss_of(name)
    supernet, other = supernet_of(), supernet_of()
    first.backward(step_of(supernet))
    assert len(counted) == first.passes(len(ARCHS)) or name == "prior-guided"
    assert len(counted) <= first.passes(len(ARCHS))
    again.restore(json.loads(json.dumps(first.state())))
    for each in (supernet, other):
        each.zero_grad()
    if first.teacher is not None:
        again.teacher.load_state_dict(first.teacher.state_dict())
    assert first.backward(step_of(supernet)) == again.backward(step_of(other))
    for one, two in zip(supernet.parameters(), other.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        assert one.grad is None or torch.equal(one.grad, two.grad)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", [1, 1, 1]),
        ("ramp", [0, 2, 2]),
        ("sine", [0, 2 * np.sin(0.4 * np.pi), 2 * np.sin(0.8 * np.pi)]),
        ("multistage", [0, 1, 2]),
    ],
)
def test_schedules(name: str, expected: list[float]) -> None:
    assert [SCHEDULES[name](progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("prior-guided", {"pairs": 0}, SpecError, "`pairs` must be at least 1, not 0"),
        ("prior-guided", {"mode": "both"}, SpecError, "one_sided or paper, not 'both'"),
        ("prior-guided", {"schedule": "cosine"}, RegistryError, "Unknown schedule 'cosine'"),
        ("margin-rank", {"margin": -1}, SpecError, "at least 0, not -1"),
        ("online", {"coupling": "maximum"}, SpecError, "no coupling 'maximum'"),
        ("online", {"weight": 2.0}, SpecError, "must be in"),
        ("online", {"temperature": 0.0}, SpecError, "above 0, not 0.0"),
    ],
)
def test_settings_that_make_no_loss_are_one_line(name: str, settings, error, message: str) -> None:
    with pytest.raises(error, match=message):
        loss_of(name, **settings)


@pytest.mark.parametrize("name", ["prior-guided", "margin-rank"])
def test_a_loss_that_ranks_needs_a_prior(name: str) -> None:
    with pytest.raises(SpecError, match="ranks subnets by a prior"):
        LOSSES[name](SUBNETS, np.random.default_rng(0))


def test_what_makes_no_pairs_is_refused() -> None:
    with pytest.raises(SpecError, match="ranks pairs, but the sampler proposes 1 subnet per"):
        loss_of("margin-rank").passes(1)
