"""Architectures in files of results: of a search for architectures or for pooling, or beside a checkpoint."""

from pathlib import Path
from typing import Any, NamedTuple

from autoprox.base.errors import SpecError
from autoprox.base.foreign import read_json, reading
from autoprox.spaces._arch import Arch
from autoprox.spaces._named_spaces import load_space, space_names
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape


class StoredArch(NamedTuple):
    """An architecture of a file of results.

    Args:
        space: Its space.
        arch: The architecture.
        task: Classes and images of the task that it was found for.
    """

    space: Space
    arch: Arch
    task: TaskShape


def read_archs(path: str | Path, space: Space | None = None) -> list[StoredArch]:
    """Reads the architectures of a file of results, the best first.

    Args:
        path: `result.json` of a search for architectures, `metapool.json` of a search for pooling, or the file of genes
            beside a checkpoint from a supernet.
        space: The space of the file, if it is your own. Nothing is imported because a file names it.

    Raises:
        SpecError: If the file holds no architectures, or those of another space.

    Example:
        >>> import json, tempfile
        >>> genes = {"base_dim": 8, "mlp_ratio": 2, "depth": [1, 1, 1], "num_heads": [2, 2, 2]}
        >>> task = {"num_classes": 10, "img_size": 8, "in_chans": 1}
        >>> with tempfile.NamedTemporaryFile("w+", suffix=".json") as file:
        ...     json.dump({"space": "pit-micro", "arch": genes, "task": task}, file, indent=1)
        ...     file.flush()
        ...     (found,) = read_archs(file.name)
        >>> found.arch.genes["base_dim"], found.task.img_size
        (8, 8)
    """

    def failure(reason: str) -> SpecError:
        return SpecError(
            f"'{path}' holds no architectures ({reason}). Give a result.json of a search, or a metapool.json."
        )

    with reading(path, failure):
        name, genes, task = _read(read_json(Path(path)))
    if space is None:
        if name not in space_names():
            raise SpecError(
                f"'{path}' holds architectures of the space {name!r}, which is not built in. Give the space."
            )
        space = load_space(name)
    elif space.name != name:
        raise SpecError(f"'{path}' has architectures of the space {name!r}, not of '{space.name}'.")
    return [StoredArch(space, space.arch(each), space.check_task(*task)) for each in genes]


def _read(document: Any) -> tuple[str, list[dict[str, Any]], TaskShape]:
    """The name of the space, the genes of each architecture, and the task.

    Raises:
        Exception: Any error that a foreign document leads to.
    """
    name, several = _entry(document, "space", str), "picks" in document
    picks = _entry(document, "picks", list) if several else [document]
    task = _entry(document, "images" if several else "task", dict)
    if not picks:
        raise ValueError("it has no picks")
    genes = [_entry(each, "arch", dict) for each in picks]
    return name, genes, TaskShape(*(_entry(task, field, int) for field in TaskShape._fields))


def _entry(document: Any, key: str, kind: type) -> Any:
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, kind):
        raise ValueError(f"it has no '{key}'")
    return found
