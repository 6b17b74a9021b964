"""Untrained models by reference: a configuration of Hugging Face, a name in timm, results, or a user's file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from autoprox.base.errors import SpecError
from autoprox.base.foreign import guarded
from autoprox.base.isolation import isolated
from autoprox.base.references import is_reference, made
from autoprox.spaces import StoredArch, read_archs

HUGGING_FACE, TIMM, STORED = "hf:", "timm:", "arch:"


@dataclass(frozen=True)
class NamedModel:
    """A model that is built on demand.

    Args:
        name: Name in tables.
        build: Builds it with new parameters for a number of classes.
        img_size: Side of its images in pixels; None if unknown.
        in_chans: Channels of its images; None if unknown.
    """

    name: str
    build: Callable[[int], nn.Module]
    img_size: int | None = None
    in_chans: int | None = None


def named_models(references: Sequence[str], seed: int = 0) -> list[NamedModel]:
    """Returns the models that references name.

    Args:
        references: `hf:FILE.json` or `hf:FOLDER` (a configuration of Hugging Face Transformers), `timm:NAME`,
            `arch:FILE.json` (the architectures of a file that `read_archs` reads), `my_file.py:models` or
            `package.module:models` (a module, a mapping or sequence of modules, or a function that returns one).
        seed: Seed of the initialisation.

    Raises:
        SpecError: If a reference names no model, or its library is not installed.

    Example:
        >>> named_models(["resnet"])
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: 'resnet' names no model; give hf:CONFIG.json, timm:NAME, \
arch:FILE.json or my_file.py:models.
    """
    return [model for reference in references for model in _named(reference, seed)]


def _named(reference: str, seed: int) -> list[NamedModel]:
    if reference.startswith(HUGGING_FACE):
        return [_hugging_face(Path(reference.removeprefix(HUGGING_FACE)), seed)]
    if reference.startswith(TIMM):
        return [_timm(reference.removeprefix(TIMM), seed)]
    if reference.startswith(STORED):
        return _stored(Path(reference.removeprefix(STORED)), seed)
    if is_reference(reference):
        return _own(reference, seed)
    raise SpecError(
        f"'{reference}' names no model; give hf:CONFIG.json, timm:NAME, arch:FILE.json or my_file.py:models."
    )


def img_size_of(model: nn.Module) -> int | None:
    """Returns the side of the images in a model's configuration, in pixels; None if it is not stated.

    Example:
        >>> img_size_of(nn.Linear(2, 2)) is None
        True
    """
    size = getattr(getattr(model, "config", None), "image_size", None)
    return size if isinstance(size, int) else None


def in_chans_of(model: nn.Module) -> int | None:
    """Number of channels of the images that a model reads; None if unknown.

    It is the number that its configuration states, or else that of its first convolution, if that reads 1 or 3.

    Example:
        >>> in_chans_of(nn.Sequential(nn.Conv2d(1, 8, 4), nn.Conv2d(8, 16, 3))), in_chans_of(nn.Linear(2, 2))
        (1, None)
    """
    stated = getattr(getattr(model, "config", None), "num_channels", None)
    if isinstance(stated, int):
        return stated
    first = next((each.in_channels for each in model.modules() if isinstance(each, nn.Conv2d)), None)
    return first if first in {1, 3} else None


def _hugging_face(path: Path, seed: int) -> NamedModel:
    name = path.name if path.is_dir() else path.stem
    path = path / "config.json" if path.is_dir() else path
    if not path.is_file():
        raise SpecError(f"There is no file '{path}'; give the config.json of an image classifier, or its folder.")
    try:
        from transformers import AutoConfig, AutoModelForImageClassification
    except ImportError as error:
        raise SpecError(f"'hf:{path}' needs transformers, which cannot be imported ({error}).") from error
    with guarded(lambda reason: SpecError(f"'{path}' is not a configuration of an image classifier: {reason}.")):
        document = json.loads(path.read_text(encoding="utf-8"))
        config = AutoConfig.for_model(**document)

    def build(classes: int) -> nn.Module:
        config.num_labels = classes
        with isolated(seed=seed):
            model: nn.Module = AutoModelForImageClassification.from_config(config)  # type: ignore[no-untyped-call]
        return model.eval()

    return NamedModel(name, build, getattr(config, "image_size", None), getattr(config, "num_channels", None))


def _timm(name: str, seed: int) -> NamedModel:
    try:
        import timm
    except ImportError as error:
        raise SpecError(f"'timm:{name}' needs the package timm, which cannot be imported ({error}).") from error
    if not timm.is_model(name):
        raise SpecError(f"timm has no model '{name}'; timm.list_models() lists them.")
    config = timm.get_pretrained_cfg(name)
    channels, _, size = (3, None, None) if config is None else config.input_size

    def build(classes: int) -> nn.Module:
        with isolated(seed=seed):
            model: nn.Module = timm.create_model(name, pretrained=False, num_classes=classes)
        return model.eval()

    return NamedModel(name, build, size, channels)


def _stored(path: Path, seed: int) -> list[NamedModel]:
    found = read_archs(path)
    name = str(Path(path.parent.name) / path.stem)
    return [
        NamedModel(
            name if len(found) == 1 else f"{name} {place}",
            partial(_network, each, seed),
            each.task.img_size,
            each.task.in_chans,
        )
        for place, each in enumerate(found, start=1)
    ]


def _network(stored: StoredArch, seed: int, classes: int) -> nn.Module:
    task = stored.task._replace(num_classes=classes)
    return stored.space.build(stored.arch, *task, seed=seed).eval()


def _own(reference: str, seed: int) -> list[NamedModel]:
    with isolated(seed=seed):
        found = made(reference, nn.Module)
    _, _, name = reference.rpartition(":")
    if isinstance(found, nn.Module):
        found = {name: found}
    elif isinstance(found, Sequence):
        found = {f"{name} {place}": each for place, each in enumerate(found, start=1)}
    if not isinstance(found, Mapping) or not found:
        raise SpecError(
            f"'{reference}' is a {type(found).__name__}; name a torch.nn.Module, a mapping or sequence of them, or a "
            "function that returns one."
        )
    return [
        NamedModel(
            str(key),
            partial(_module, each, f"{reference} {key}", seed),
            *((img_size_of(each), in_chans_of(each)) if isinstance(each, nn.Module) else (None, None)),
        )
        for key, each in found.items()
    ]


def _module(given: Any, where: str, seed: int, _classes: int) -> nn.Module:
    with isolated(seed=seed), guarded(lambda reason: SpecError(f"'{where}' fails when it is called: {reason}.")):
        model = given if isinstance(given, nn.Module) or not callable(given) else given()
    if not isinstance(model, nn.Module):
        raise SpecError(f"'{where}' is a {type(model).__name__}; give a torch.nn.Module.")
    return model
