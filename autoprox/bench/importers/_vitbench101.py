"""Importer for the published files of ViT-Bench-101 (Wei 2024, https://arxiv.org/abs/2312.09059).

A file holds a list of records, one per architecture, with its genes under `arch` and labels in percent under keys such
as `c100_kd_acc`. It has three kinds of labels, which are kept separate: `base` (trained from scratch), `kd` (trained
with locality guidance) and `super` (inherited from a supernet). A label of None is missing.

The files are pickles. torch's restricted unpickler reads them: it builds plain values and tensors only, and refuses
everything else before any code runs.
"""

import pickle
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from autoprox.base.errors import TableError
from autoprox.base.foreign import reading
from autoprox.base.tensors import read_tensors
from autoprox.bench.importers._importing import Draft, genes_text, is_missing
from autoprox.bench.labels import KD, SCRATCH, SUPERNET, LabelKind
from autoprox.bench.schema import DEFAULT_METRIC
from autoprox.spaces import SPACES, Space

LABEL = re.compile(r"(?P<dataset>.+)_(?P<kind>base|kd|super)_acc")
KINDS = {"base": SCRATCH, "kd": KD, "super": SUPERNET}
NUM_CLASSES = {"c100": 100, "flower": 102, "chaoyang": 4, "imagenet": 1000}
"""CIFAR-100, Flowers-102, Chaoyang and ImageNet by their names in the files."""
LICENCE = "ViT-Bench-101, ground truth published with Auto-Prox (Wei 2024; lilujunai/Auto-Prox-AAAI24), Apache-2.0"


def read_published(path: Path, space: Space) -> Draft:
    """Reads a published file.

    Args:
        path: The .pth file.
        space: The space of its architectures, which the file does not name.

    Returns:
        One row per label, numbered by its record from 0.

    Raises:
        TableError: If the file cannot be read or holds code.
        TableError: If it is not a list of such records, or no architecture has the genes of the space.
    """
    records = _load(path)
    _check_genes(path, records, space)
    rows, numbers, missing = [], [], 0
    ignored: set[str] = set()
    for number, record in enumerate(records):
        arch_json = genes_text(record["arch"])
        for key, value in record.items():
            label = LABEL.fullmatch(str(key))
            if label is None:
                ignored |= {str(key)} - {"arch"}
            elif is_missing(_plain(value)):
                missing += 1
            else:
                rows.append(_row(arch_json, space.name, label["dataset"], KINDS[label["kind"]], _plain(value)))
                numbers.append(number)
    if not rows:
        raise TableError(f"The file {path} has no label: no key such as 'c100_kd_acc' with a value. Check the file.")
    notes = [f"Unused keys of the file, which are not labels: {', '.join(sorted(ignored))}."] if ignored else []
    frame = pd.DataFrame(rows, index=numbers)
    if unknown := sorted(set(frame["dataset"]) - set(NUM_CLASSES)):
        raise TableError(
            f"The file {path} has labels of the unknown data set '{unknown[0]}'; known: "
            f"{', '.join(sorted(NUM_CLASSES))}. Import the labels from a CSV file with a column num_classes."
        )
    frame["num_classes"] = frame["dataset"].map(NUM_CLASSES)
    return Draft(frame, path, "ViT-Bench-101 records", LICENCE, missing_labels=missing, notes=tuple(notes))


def _row(arch_json: str, space_name: str, dataset: str, kind: LabelKind, value: Any) -> dict[str, Any]:
    return {
        "arch_json": arch_json,
        "space": space_name,
        "dataset": dataset,
        "label_kind": kind.name,
        "metric": DEFAULT_METRIC,
        "value": value,
    }


def _load(path: Path) -> list[dict[str, Any]]:
    """Reads the list of records without running code of the file."""
    if not path.is_file():
        raise TableError(f"There is no file {path}. Check the path.")
    with reading(path, lambda reason: _unreadable(path, reason)):
        try:
            content = read_tensors(path)
        except pickle.UnpicklingError as error:
            asked = re.search(r"(?:GLOBAL|class|function) `?([A-Za-z_][\w.]*\.[\w.]+)", str(error))
            if asked is None:
                raise _unreadable(path, "its pickle holds other than plain values") from error
            raise TableError(
                f"The file {path} refers to '{asked[1]}': it holds code, or objects other than numbers, texts, lists "
                "and dictionaries. None of its code was run. Save its labels as plain values."
            ) from error
    if not isinstance(content, list) or not content:
        kind = type(content).__name__ if content else "nothing"
        raise TableError(
            f"The file {path} holds {kind}, not a list of records such as {{'arch': ..., 'c100_kd_acc': 76.1}}."
        )
    for number, record in enumerate(content):
        if not isinstance(record, Mapping) or not isinstance(record.get("arch"), Mapping):
            raise TableError(
                f"The file {path}, record {number}: has no genes under 'arch'. Expected: {{'arch': {{...}}, "
                "'c100_kd_acc': 76.1}. Correct the file."
            )
    return content


def _unreadable(path: Path, reason: str) -> TableError:
    return TableError(
        f"The file {path} cannot be read as a file of torch: {reason.rstrip('.')}. None of its code was run; the file "
        "may be truncated, or have another format."
    )


def _check_genes(path: Path, records: list[dict[str, Any]], space: Space) -> None:
    """Refuses a file without any architecture that has the genes of the space: the space is wrong, not the records."""
    expected = {gene.name for gene in space.layout.genes}
    found = Counter(frozenset(map(str, record["arch"])) for record in records)
    if frozenset(expected) in found:
        return
    common = found.most_common(1)[0][0]
    fitting = [name for name, other in SPACES.items() if {gene.name for gene in other.layout.genes} == common]
    advice = f"Give the space {' or '.join(fitting)}." if fitting else "No known space has these genes."
    raise TableError(
        f"The architectures of {path} have the genes {', '.join(sorted(common))}; the space '{space.name}' has the "
        f"genes {', '.join(sorted(expected))}. {advice}"
    )


def _plain(value: Any) -> Any:
    """The number in a tensor with one element; anything else unchanged."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
