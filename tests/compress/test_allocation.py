"""Allocation under a budget against full enumeration, and the exported network."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autoprox.compress import export_network, lowrank_space, pareto_allocations, quantised_space
from autoprox.errors import SpecError
from autoprox.spaces.costs import COSTS
from tests.compress import trained

BATCH = trained.images()
SPACE = quantised_space(trained.mine(), BATCH, bits=(2, 3, 8))
BYTES = COSTS["weight_bytes"]
EVERY = [SPACE.arch({"bits": list(each)}) for each in product(SPACE.choices, repeat=len(SPACE.groups))]
COST = {arch: BYTES.of(SPACE, arch, SPACE.own_task) for arch in EVERY}
VALUES = st.lists(
    st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=len(SPACE.groups), max_size=len(SPACE.groups)
)


def score(table, arch):
    return sum(table[group][SPACE.choices.index(bits)] for group, bits in enumerate(arch.genes["bits"]))


@settings(max_examples=40, deadline=None)
@given(VALUES, st.integers(0, 80))
def test_the_front_is_that_of_all_choices(values, place):
    table = np.array(values, dtype=float)
    most = sorted(COST.values())[place]
    allowed = [arch for arch in EVERY if COST[arch] <= most]
    found = pareto_allocations(SPACE, table, BYTES, most)
    expected = []
    for cost in sorted({COST[arch] for arch in allowed}):
        best = max(score(table, arch) for arch in allowed if COST[arch] <= cost)
        if not expected or best > expected[-1][1]:
            expected.append((cost, best))
    assert [(each.cost, each.score) for each in found] == expected
    for each in found:
        assert (COST[each.arch], score(table, each.arch)) == (each.cost, each.score)


def test_an_impossible_budget_names_the_smallest_possible():
    least = min(COST.values())
    with pytest.raises(SpecError, match=f"the smallest possible network has {least:,} bytes"):
        pareto_allocations(SPACE, np.zeros((len(SPACE.groups), 3)), BYTES, least - 1)


def test_a_cost_that_does_not_add_up_is_refused():
    class Odd(type(BYTES)):
        def of(self, space, arch, task):
            return super().of(space, arch, task) ** 2

    odd = Odd("odd", "odd things", BYTES.unit, BYTES.function)
    with pytest.raises(SpecError, match="does not add up"):
        pareto_allocations(SPACE, np.zeros((len(SPACE.groups), 3)), odd)


_LOADED = """
import sys, torch
program = torch.export.load(sys.argv[1]).module()
torch.save(program(torch.load(sys.argv[2])), sys.argv[3])
assert not any(name.partition(".")[0] in ("autoprox", "transformers") for name in sys.modules)
"""


@pytest.mark.parametrize("kind", ["bits", "ranks"])
def test_the_file_loads_with_torch_alone(tmp_path, kind):
    model = trained.hugging_face()
    space = quantised_space(model, BATCH) if kind == "bits" else lowrank_space(model, BATCH)
    arch = space.sample(np.random.default_rng(2))
    export_network(space, arch, BATCH, tmp_path / "network.pt2")
    more = torch.cat([BATCH, BATCH + 0.5])  # another number of images than it was written with
    torch.save(more, tmp_path / "images.pt")
    names = [str(tmp_path / name) for name in ("network.pt2", "images.pt", "logits.pt")]
    subprocess.run([sys.executable, "-I", "-c", _LOADED, *names], check=True)
    expected = trained.logits(space.build(arch), more)
    assert torch.allclose(torch.load(tmp_path / "logits.pt"), expected, atol=1e-6)


class _Counting(nn.Module):
    """Uses the number of images as an int, which fixes it in a traced program."""

    def __init__(self):
        super().__init__()
        self.token, self.head = nn.Parameter(torch.ones(1, 48)), nn.Linear(48, 3)

    def forward(self, images):
        return self.head(images.flatten(1)[:, :48] + self.token.expand(len(images), -1))


def test_a_network_that_takes_the_length_of_its_batch_can_be_written(tmp_path):
    images = torch.randn(4, 3, 4, 4)
    space = quantised_space(_Counting().eval(), images, edges=None)
    arch = space.sample(np.random.default_rng(0))
    export_network(space, arch, images, tmp_path / "network.pt2")
    more = torch.randn(7, 3, 4, 4)
    logits = torch.export.load(tmp_path / "network.pt2").module()(more)
    assert torch.allclose(logits, space.build(arch)(more), atol=1e-6)


def test_quantised_weights_are_packed(tmp_path):
    space = quantised_space(trained.ours(), BATCH)
    sizes = []
    for bits in (2, 8):
        export_network(space, space.arch({"bits": [bits] * len(space.groups)}), BATCH, tmp_path / "network.pt2")
        sizes.append((tmp_path / "network.pt2").stat().st_size)
    elements = sum(each.size for group in space.groups for each in group.maps)
    assert sizes[1] - sizes[0] == pytest.approx(elements * 6 / 8, rel=0.25)
