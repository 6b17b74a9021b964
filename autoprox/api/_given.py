"""Objects of the library from names, paths and user objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from autoprox.api._by_name import load
from autoprox.base.errors import SpecError
from autoprox.base.references import is_reference
from autoprox.bench import Problem, Table
from autoprox.scorers import Scorer, as_scorer
from autoprox.spaces import Space, load_space


def problem(
    table: Table | str | Path,
    spaces: Sequence[str | Space] | None,
    datasets: Sequence[str] | None,
    label_kind: str | None,
    images: Mapping[str, Path] | None,
) -> Problem:
    """The problem of a selection of blocks.

    Args:
        table: A table, the path of one, or the name of an embedded one.
        spaces: Names of spaces; all if None. Give your own space as an object or by its location (`my_file.py:space`).
        datasets: Names of data sets; all if None.
        label_kind: The label kind; the table's own choice if None.
        images: Folders with images, by data set.

    Raises:
        TableError: If the table is missing or invalid, or has no such block.
    """
    loaded = [load_space(each) if _is_own(each) else each for each in spaces or ()]
    names = None if spaces is None else [each.name if isinstance(each, Space) else each for each in loaded]
    held = (
        table
        if isinstance(table, Table)
        else Table.read(table, images, [each for each in loaded if isinstance(each, Space)])
    )
    return Problem(held, tuple(held.blocks(names, datasets, label_kind)))


def _is_own(given: str | Space) -> bool:
    return isinstance(given, Space) or is_reference(given)


def scorer_of(given: Any) -> Scorer:
    """A scorer from a name, path, object or function; a given name is kept.

    Args:
        given: A name or path that `autoprox.load` knows, anything with `score(model, images, labels)`, or a function
            of these arguments.

    Raises:
        RegistryError: If there is no such name.
        SpecError: If the object is not a scorer.

    Example:
        >>> scorer_of("snip").name
        'snip'
    """
    return load(given).renamed(str(given)) if isinstance(given, str | Path) else as_scorer(given)


def scorers_of(given: Any) -> dict[str, Scorer]:
    """One or several scorers, by name.

    Raises:
        RegistryError: If there is no such name.
        SpecError: If an object is not a scorer, the sequence is empty, or two scorers have the same name.

    Example:
        >>> list(scorers_of(["snip", "zen"]))
        ['snip', 'zen']
    """
    single = isinstance(given, str | Path) or not isinstance(given, Sequence)
    found = [scorer_of(each) for each in ([given] if single else given)]
    if not found:
        raise SpecError("There is no scorer; give the name of one, such as 'snip'.")
    names = [each.name for each in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"Two scorers are called '{twice[0]}'; rename one of them (`scorer.renamed(name)`).")
    return dict(zip(names, found, strict=True))


def taught(scorer: Scorer, teacher: nn.Module | None) -> Scorer:
    """Attaches a teacher to a scorer that compares with one; returns any other scorer unchanged.

    Raises:
        SpecError: If the scorer compares with a teacher and none is given.
    """
    if teacher is not None:
        return scorer.taught_by(teacher)
    if scorer.needs.teacher:
        raise SpecError(f"'{scorer.name}' compares networks with a teacher; give one with `teacher`.")
    return scorer
