"""Declared roles and the list of nodes."""

import copy
import io

import pytest
import torch
from torch import nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Node, Role, Site, declare, nodes


def test_the_nearest_declaration_counts():
    inner = declare(nn.Sequential(nn.Linear(2, 2), nn.GELU()), Role.MLP)
    model = declare(nn.Sequential(nn.LayerNorm(2), inner, nn.Softmax(dim=-1)), Role.ATTENTION)
    assert nodes(model) == [
        Node("0", model[0], Site.NORM, Role.ATTENTION),
        Node("1.0", inner[0], Site.LINEAR, Role.MLP),
        Node("1.1", inner[1], Site.ACTIVATION, Role.MLP),
        Node("2", model[2], Site.ATTENTION, Role.ATTENTION),
    ]


def test_convolutions_are_linear():
    model = declare(nn.Conv2d(1, 2, 3), Role.EMBED)
    assert nodes(model) == [Node("", model, Site.LINEAR, Role.EMBED)]


def test_other_modules_are_no_nodes():
    assert nodes(nn.Sequential(nn.Dropout(), nn.Identity(), nn.Flatten())) == []


def test_a_module_without_a_role_is_named():
    model = nn.Sequential(declare(nn.Linear(2, 2), Role.MLP), nn.Sequential(nn.LayerNorm(2)))
    with pytest.raises(CollectionError, match=r"The LayerNorm '1.0' has no role.*declare.*embed, attention, mlp"):
        nodes(model)


def test_roles_survive_copies_and_pickles():
    model = declare(nn.Sequential(nn.Linear(2, 2)), Role.POOL)
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    for twin in (copy.deepcopy(model), torch.load(buffer, weights_only=False)):
        assert [(node.name, node.role) for node in nodes(twin)] == [("0", Role.POOL)]


def test_declaring_changes_nothing_else():
    model = nn.Linear(2, 2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert declare(model, Role.HEAD) is model
    assert model.state_dict().keys() == before.keys()
    assert [name for name, _ in model.named_parameters()] == ["weight", "bias"]
    assert list(model.named_buffers()) == []
