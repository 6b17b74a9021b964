"""A fitted model as one file: settings as JSON, arrays as tensors, and a digest of both.

torch's restricted loader reads the file: it accepts tensors and plain data only, and executes nothing.
"""

import io
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import sklearn
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from autoprox.base.digest import array_digest, digest
from autoprox.base.errors import StoreMismatchError
from autoprox.base.files import atomically
from autoprox.base.foreign import guarded, reading
from autoprox.base.tensors import read_tensors
from autoprox.predict.parzc.scaling import NodeScaler

FORMAT = "autoprox.parzc"
FORMAT_VERSION = 2

_NUMBERS = ("seed_", "noise_std_", "network_share_", "n_features_in_", "n_iter_")
_ARRAYS = ("importance_", "group_scales_", "out_of_fold_mean_", "out_of_fold_std_")
_SCALES = ("logarithmic", "smallest", "centre", "spread")


Model = TypeVar("Model", bound=BaseEstimator)
"""The estimator of the saved models, which builds networks for the parameters in a file."""


def write_model(model: BaseEstimator, path: Path, provenance: dict[str, Any]) -> None:
    """Writes a fitted model; see `MABNRegressor.save`."""
    text, tensors = _content(model, {"versions": versions()} | provenance)
    document = {"format": FORMAT, "format_version": FORMAT_VERSION, "header": text, "tensors": tensors}
    content = io.BytesIO()
    torch.save(document | {"digest": _digest(text, tensors)}, content)
    atomically(path, lambda target: target.write_bytes(content.getvalue()))


def model_digest(model: BaseEstimator) -> str:
    """Digest of a fitted model without its provenance: models with the same digest give the same predictions."""
    return _digest(*_content(model, {}))


def _content(model: BaseEstimator, provenance: dict[str, Any]) -> tuple[str, dict[str, Tensor]]:
    """Settings as JSON, arrays as tensors."""
    settings = model.get_params()
    if not isinstance(settings["random_state"], int | None):
        settings["random_state"] = None  # a generator's state is not saved: predictions depend on seed_ only
    header = {
        "settings": settings,
        "numbers": {name: getattr(model, name) for name in _NUMBERS},
        "per_node": model.scaler_.per_node,
        "members": [[member.slope, member.intercept] for member in model.members_],
        "groups": model.groups_.tolist(),
        "names": [str(name) for name in getattr(model, "feature_names_in_", ())],
        "provenance": provenance,
    }
    tensors = {name: torch.as_tensor(getattr(model, name)) for name in _ARRAYS}
    tensors |= {f"scaler.{name}": torch.as_tensor(getattr(model.scaler_, name)) for name in _SCALES}
    for index, member in enumerate(model.members_):
        for part, module in (("network", member.network), ("path", member.path)):
            if module is not None:
                tensors |= {f"member.{index}.{part}.{name}": value for name, value in module.state_dict().items()}
    return json.dumps(header, sort_keys=True), tensors


def read_model(kind: type[Model], path: Path) -> Model:
    """Reads a model; see `MABNRegressor.load`."""
    document = _read(path)
    with guarded(lambda reason: StoreMismatchError(f"The model in '{path}' is damaged ({reason}). Fit it again.")):
        return _restored(kind, document)


def _restored(kind: type[Model], document: dict[str, Any]) -> Model:
    header = json.loads(document["header"])
    tensors: dict[str, Tensor] = document["tensors"]
    settings = header["settings"]
    if settings["node_shape"] is not None:
        settings["node_shape"] = tuple(settings["node_shape"])
    model: Model = kind(**settings)
    for name, value in header["numbers"].items():
        setattr(model, name, value)
    for name in _ARRAYS:
        setattr(model, name, tensors[name].numpy())
    model.groups_ = np.array(header["groups"], dtype=str)
    if header["names"]:
        model.feature_names_in_ = np.array(header["names"], dtype=object)
    model.scaler_ = NodeScaler(per_node=header["per_node"])
    for name in _SCALES:
        setattr(model.scaler_, name, tensors[f"scaler.{name}"].numpy())
    shape = model.importance_.shape
    model.members_ = []
    if max(model.depth, len(header["members"])) > len(tensors):
        raise ValueError("it has more layers than tensors")
    for index, (slope, intercept) in enumerate(header["members"]):
        with torch.device("meta"):  # sizes claimed by the file allocate no memory
            member = model.member(*shape)
        member.network.double().eval()
        for part, module in (("network", member.network), ("path", member.path)):
            prefix = f"member.{index}.{part}."
            if module is not None:
                own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
                module.load_state_dict(own, assign=True)
        model.members_.append(replace(member, share=model.network_share_, slope=slope, intercept=intercept))
    model.provenance_ = header["provenance"]
    return model


def versions() -> dict[str, str]:
    """Versions of the packages on which a fit depends."""
    return {"autoprox": version("autoprox"), "torch": str(torch.__version__), "scikit-learn": sklearn.__version__}


def _read(path: Path) -> dict[str, Any]:
    no_model = f"The file '{path}' does not hold a fitted model; give one that `python -m autoprox.parzc fit` wrote"
    if not path.is_file():
        raise StoreMismatchError(f"There is no file '{path}'. Check the path.")
    with reading(path, lambda reason: StoreMismatchError(f"{no_model} ({reason}).")):
        document = read_tensors(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StoreMismatchError(f"{no_model}.")
    if document.get("format_version") != FORMAT_VERSION:
        raise StoreMismatchError(
            f"The file '{path}' has format version {document.get('format_version')}, but this autoprox reads version"
            f" {FORMAT_VERSION}; install the version that wrote it, or fit the model again."
        )
    with guarded(lambda reason: StoreMismatchError(f"{no_model} ({reason}).")):
        own = _digest(document["header"], document["tensors"])
    if document.get("digest") != own:
        raise StoreMismatchError(
            f"The file '{path}' was changed: its digest does not match its content. Restore it, or fit the model again."
        )
    return document


def _digest(header: str, tensors: dict[str, Tensor]) -> str:
    return digest([header, {name: array_digest(value.numpy()) for name, value in sorted(tensors.items())}])
