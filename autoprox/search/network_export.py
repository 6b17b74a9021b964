"""Export of a network for other programs: Python that builds it with torch alone, or a Hugging Face config."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from torch import nn

from autoprox.base.errors import KindError, SpecError
from autoprox.graph.export import Sources
from autoprox.networks import blueprint_of
from autoprox.spaces import Arch, Space, TaskShape

NETWORK, CONFIG = "network.py", "config.json"
"""Names of the files."""

_HEAD = '''"""The network {arch_id} of the space '{space}', which needs torch alone; made by autoprox.

Images `({in_chans}, {img_size}, {img_size})`, {num_classes} classes. Genes: {genes}
"""'''


def network_files(space: Space, arch: Arch, task: TaskShape) -> dict[str, str]:
    """Files of a network without its parameters, by name.

    Args:
        space: The space.
        arch: The architecture.
        task: Number of classes and shape of the images.

    Returns:
        `config.json` for a space of networks that are, or contain, a Hugging Face model. Otherwise `network.py`; its
        function `build_network` makes the network with fresh parameters.

    Raises:
        SpecError: If the space does not allow the architecture or the task, or its networks need more than torch.
    """
    config = _config(space.build(arch, *task))
    return {NETWORK: to_network(space, arch, task)} if config is None else {CONFIG: config}


def to_network(space: Space, arch: Arch, task: TaskShape) -> str:
    """Python that builds the network with torch alone; raises as `network_files` does.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> arch = micro.arch({"hidden_dim": 24, "depth": 1, "mlp_ratio": [2], "num_heads": [3]})
        >>> names = {}
        >>> exec(to_network(micro, arch, TaskShape(10, 8, 1)), names)
        >>> names["build_network"]().blocks[0].attn.heads
        3
    """
    plan = blueprint_of(space, arch, task)
    module = getattr(plan.definition, "__module__", "")
    sources = Sources(own=[module.partition(".")[0]])
    try:
        name = sources.add(plan.definition)
        for kind in dict.fromkeys(type(value) for value in _values(plan.arguments)):
            if kind.__module__ != "builtins":
                sources.add(kind)
        sources.require({"torch"})
    except KindError as error:
        raise SpecError(
            f"The networks of '{space.name}' cannot be written as Python that needs torch alone. {error}"
        ) from error
    head = _HEAD.format(arch_id=arch.arch_id, space=space.name, genes=arch.json.replace("\\", "\\\\"), **task._asdict())
    arguments = "".join(f"        {value!r},\n" for value in plan.arguments)
    body = (
        f'def build_network():\n    """Builds the network with fresh parameters, in evaluation mode."""\n'
        f"    return {name}(\n{arguments}    ).eval()\n"
    )
    return f"{head}\n\n{sources.text()}\n\n\n{body}"


def _values(value: Any) -> Iterator[Any]:
    """A value and all values inside it that its `repr` shows."""
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from _values(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from (part for each in value.values() for part in _values(each))
    elif isinstance(value, list | tuple):
        yield from (part for each in value for part in _values(each))


def _config(model: nn.Module) -> str | None:
    """The configuration of the first Hugging Face model in a network; None without one."""
    for module in model.modules():
        write = getattr(getattr(module, "config", None), "to_json_string", None)
        if callable(write):
            return str(write())
    return None
