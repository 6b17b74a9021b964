"""Turns drafts into a table: checks them by the rules of every table, and writes them with a manifest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from autoprox.base.digest import bytes_digest, canonical_json
from autoprox.base.errors import SpecError, TableError
from autoprox.base.files import require_writable, write_json
from autoprox.base.foreign import reading
from autoprox.base.versions import versions
from autoprox.bench._checks import Checker
from autoprox.bench._faults import Fault
from autoprox.bench.ceiling import METHOD
from autoprox.bench.digests import frame_digest
from autoprox.bench.owners import known_spaces, remembered
from autoprox.bench.quality import blocks_of
from autoprox.bench.schema import SCHEMA_VERSION
from autoprox.bench.splits import deal, to_document
from autoprox.bench.table_files import TableFiles, write_frame
from autoprox.spaces import Arch, Space

ARCHITECTURE = "arch_json"
"""Rows with a fault in this column may be skipped."""


@dataclass(frozen=True, eq=False)
class Draft:
    """Third-party rows in the columns of a table, not yet checked.

    Attributes:
        frame: The rows; the index numbers them, or the records they come from, from 0 as in the file.
        path: The source file.
        form: Format of the file.
        licence: Licence of the labels.
        missing_labels: Number of missing labels; they have no row.
        notes: Remarks, one sentence each.
        doubts: Suspicious values, one sentence each.
        description: Parameters of the import, for the manifest.
        columns: Names of the columns of the file, for messages; those of the frame if None.
    """

    frame: pd.DataFrame
    path: Path
    form: str
    licence: str
    missing_labels: int = 0
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    description: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class ImportResult:
    """Result of an import.

    Attributes:
        faults: Reasons why no table was written, one line each; empty if it was.
        skipped: Rows that were skipped because their space does not allow them, one line each.
        notes: Derived or default values, one sentence each.
        doubts: Valid but suspicious values, one sentence each.
        found: The same faults with their rows and kinds.
        assumed: Data sets with an assumed number of classes.
    """

    faults: list[str]
    skipped: list[str]
    notes: list[str]
    doubts: list[str]
    found: tuple[Fault, ...] = ()
    assumed: tuple[str, ...] = ()


def import_drafts(
    drafts: Sequence[Draft],
    out: Path,
    command: str,
    *,
    spaces: Iterable[Space] = (),
    skip_invalid: bool = False,
    replace: bool = False,
) -> ImportResult:
    """Checks drafts and writes them as one table; if a draft has a fault, writes nothing.

    Args:
        drafts: The rows of one or more files; no two files share a space.
        out: The parquet file; its manifest is written to the same folder.
        command: The command line, for the manifest.
        spaces: The user's spaces in the drafts.
        skip_invalid: Skip architectures that their space does not allow, instead of refusing the draft.
        replace: Replace a table that was imported earlier.

    Raises:
        TableError: If `out` is not the name of a parquet file, or exists.
        TableError: If a draft holds no allowed architecture.
        TableError: If two drafts share a space, or disagree about the number of classes of a data set.
        AutoproxError: If the files cannot be written.
    """
    files = TableFiles(out)
    _check_target(files, replace=replace)
    known = known_spaces(spaces)
    found = [_checked(draft, known, skip_invalid=skip_invalid) for draft in drafts]
    skipped = [line for each in found for line in each.skipped]
    if faults := [fault for each in found for fault in each.faults]:
        lines = [line for each in found for line in _lines(each.faults)]
        return ImportResult(lines, skipped, [], [], tuple(faults))
    num_classes = _agreed(found)
    complete = pd.concat([each.complete for each in found], ignore_index=True)
    manifest = {
        "name": files.table.stem,
        "schema_version": SCHEMA_VERSION,
        "digest": frame_digest(complete),
        "batches": {},
        "spaces": remembered(known[name] for name in sorted(set(complete["space"]))),
        "command": command,
        "versions": versions(),
        "imported": [
            {
                "file": each.source,
                "form": each.draft.form,
                **each.draft.description,
                "missing_labels": each.draft.missing_labels,
            }
            for each in found
        ],
        "skipped": skipped,
        "licence": "; ".join(dict.fromkeys(draft.licence for draft in drafts)),
        "ceiling_method": METHOD,
        "blocks": blocks_of(complete, known),
        "splits": to_document(deal([pair for each in found for pair in _in_order(each, known)], known)),
    }
    require_writable(out.parent)
    write_frame(complete.assign(num_classes=complete["dataset"].map(num_classes)), files.table)
    write_json(manifest, files.manifest)
    notes = list(dict.fromkeys(note for each in found for note in each.notes))
    doubts = [doubt for each in found for doubt in each.doubts]
    assumed = dict.fromkeys(name for each in found for name in each.assumed)
    return ImportResult([], skipped, notes, doubts, assumed=tuple(assumed))


@dataclass(frozen=True, eq=False)
class _Checked:
    """A draft after its check.

    Attributes:
        draft: The draft.
        source: Name and digest of its file.
        frame: Its rows without the skipped ones.
        complete: These rows with all columns of a table; empty if there are faults.
        num_classes: Number of classes of its data sets.
        faults: Faults.
        skipped: Skipped rows, one line each.
        notes: Derived or default values, one sentence each.
        doubts: Valid but suspicious values, one sentence each.
        assumed: Data sets with an assumed number of classes.
    """

    draft: Draft
    source: str
    frame: pd.DataFrame
    complete: pd.DataFrame
    num_classes: dict[str, int]
    faults: list[Fault]
    skipped: list[str]
    notes: list[str]
    doubts: list[str]
    assumed: list[str]


def _checked(draft: Draft, spaces: Mapping[str, Space], *, skip_invalid: bool) -> _Checked:
    with reading(draft.path, lambda reason: TableError(f"The file {draft.path} cannot be read: {reason}.")):
        source = f"{draft.path.name}:{bytes_digest(draft.path.read_bytes())}"
    frame = draft.frame if "source" in draft.frame.columns else draft.frame.assign(source=source)
    checker = Checker(frame, draft.path, {}, spaces, draft.columns)
    faults = list(checker.faults())
    invalid: list[str] = []
    _require_some_allowed(frame, draft.path, faults, spaces)
    if skip_invalid and (left := [fault for fault in faults if fault.column == ARCHITECTURE]):
        invalid = _lines(left)
        frame = frame[~frame.index.isin({row for fault in left for row in fault.rows})]
        checker = Checker(frame, draft.path, {}, spaces, draft.columns)
        faults = list(checker.faults())
    if faults:
        return _Checked(draft, source, frame, frame.iloc[:0], {}, faults, invalid, [], [], [])
    complete = checker.complete()
    notes = [*draft.notes, *checker.notes, *_remarks(draft)]
    doubts = [*draft.doubts, *checker.doubts]
    return _Checked(draft, source, frame, complete, checker.num_classes, [], invalid, notes, doubts, checker.assumed)


def _agreed(found: Sequence[_Checked]) -> dict[str, int]:
    """The number of classes of every data set; requires that drafts agree on it and share no space."""
    owners: dict[str, Path] = {}
    num_classes: dict[str, int] = {}
    for each in found:
        path = each.draft.path
        for name in sorted(set(each.complete["space"])):
            if name in owners:
                raise TableError(
                    f"{owners[name]} and {path} both hold architectures of the space '{name}'; give one file per space."
                )
            owners[name] = path
        for name, number in each.num_classes.items():
            if num_classes.setdefault(name, number) != number:
                raise TableError(
                    f"The data set '{name}' has {number} classes in {path} and {num_classes[name]} in another file;"
                    " give different data sets different names."
                )
    return num_classes


def genes_text(genes: Any) -> str:
    """The genes of a record as JSON; the plain text of anything else, which the rules then refuse.

    Example:
        >>> genes_text({"depth": 2, "num_heads": (3, 4), "unused": None})
        '{"depth":2,"num_heads":[3,4]}'
        >>> genes_text("width 12")
        'width 12'
    """
    if not isinstance(genes, Mapping):
        return str(genes)
    try:
        # parquet fills keys that a record does not have with None.
        return canonical_json({str(name): _plain(value) for name, value in genes.items() if value is not None})
    except (TypeError, ValueError):
        return str(dict(genes))


def is_missing(value: Any) -> bool:
    """True if there is no label: None or NaN."""
    return pd.isna(value) is True


def _plain(value: Any) -> Any:
    """Arrays and tensors as lists, and their scalars as numbers; other values unchanged."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _lines(faults: list[Fault]) -> list[str]:
    """The lines of faults; a record with several labels is reported once."""
    return list(dict.fromkeys(line for fault in faults for line in fault.lines()))


def _check_target(files: TableFiles, *, replace: bool) -> None:
    if files.table.suffix != ".parquet":
        raise TableError(f"`out` must name a file that ends in .parquet, not {files.table}.")
    if files.table.is_dir():
        raise TableError(f"`out` {files.table} is a folder; name a file that ends in .parquet.")
    if files.journal.exists():
        raise TableError(
            f"`out` {files.table} belongs to a build with the journal {files.journal}. Choose another `out`."
        )
    if files.table.exists() and not replace:
        raise TableError(f"The table {files.table} exists. Choose another `out`, or `replace` it.")
    if files.batches.exists():
        raise TableError(
            f"{files.batches} exists and would count as the images of this table, but an import has none. Move the "
            "file away, or choose another `out`."
        )
    if files.manifest.exists() and not files.table.exists():
        raise TableError(f"{files.manifest} exists without its table. Move it away, or choose another `out`.")


def _require_some_allowed(frame: pd.DataFrame, path: Path, faults: list[Fault], spaces: Mapping[str, Space]) -> None:
    """Raises an error that names a fitting space if the given one allows none of the architectures."""
    first = next((fault for fault in faults if fault.column == ARCHITECTURE), None)
    if first is None or len(first.rows) < len(frame):
        return
    genes = frame[ARCHITECTURE].drop_duplicates()
    allowed = {name: sum(_allows(space, text) for text in genes) for name, space in spaces.items()}
    best = max(allowed, key=lambda name: allowed[name])
    advice = (
        f"The space '{best}' allows {allowed[best]} of them; give that one."
        if allowed[best]
        else "No other known space allows any."
    )
    given = ", ".join(sorted({str(name) for name in frame["space"]}))
    raise TableError(
        f"None of the {len(genes)} architectures of {path} is allowed by {given}. First fault: {first.texts[0]} "
        f"{advice}"
    )


def _allows(space: Space, text: str) -> bool:
    try:
        space.parse(text)
    except SpecError:
        return False
    return True


def _in_order(found: _Checked, spaces: Mapping[str, Space]) -> list[tuple[Arch, str]]:
    """Architectures and strata in the order of the file, so that appending to the file keeps the splits."""
    frame, complete = found.frame, found.complete
    strata = complete.drop_duplicates("arch_id").set_index("arch_id")["stratum"]
    pairs = dict.fromkeys(zip(frame["space"], frame[ARCHITECTURE], strict=True))
    archs = dict.fromkeys(spaces[name].parse(text) for name, text in pairs)
    return [(arch, str(strata[arch.arch_id])) for arch in archs]


def _remarks(draft: Draft) -> list[str]:
    if draft.missing_labels:
        return [f"{draft.missing_labels} labels are missing (None or not a number): they have no row."]
    return []
