"""Objects of the library from whatever form users give."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoprox.api._by_name import load
from autoprox.base.errors import SpecError
from autoprox.bench import Problem, Table
from autoprox.scorers import Scorer, as_scorer


def problem(
    table: Table | str | Path,
    spaces: Sequence[str] | None,
    datasets: Sequence[str] | None,
    label_kind: str | None,
    images: Mapping[str, Path] | None,
) -> Problem:
    """The problem of a selection of blocks.

    Args:
        table: A table, the path of one, or the name of an embedded one.
        spaces: Names of spaces; all if None.
        datasets: Names of data sets; all if None.
        label_kind: The label kind; the table's own choice if None.
        images: Folders with images, by data set.

    Raises:
        TableError: If the table is missing or invalid, or has no such block.
    """
    held = table if isinstance(table, Table) else Table.read(table, images)
    return Problem(held, tuple(held.blocks(spaces, datasets, label_kind)))


def scorer_of(given: Any) -> Scorer:
    """A scorer by name or path, or from an object or function; a name is kept.

    Args:
        given: A name or path that `autoprox.load` knows, anything with `score(model, images, labels)`, or a function
            of these arguments.

    Raises:
        RegistryError: If there is no such name.
        SpecError: If it scores nothing.

    Example:
        >>> scorer_of("snip").name
        'snip'
    """
    return load(given).renamed(str(given)) if isinstance(given, str | Path) else as_scorer(given)


def scorers_of(given: Any) -> dict[str, Scorer]:
    """One or several scorers, by name.

    Raises:
        RegistryError: If there is no such name.
        SpecError: If one scores nothing, the sequence is empty, or two have one name.

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
