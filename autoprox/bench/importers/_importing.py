"""From a draft, rows of others in our columns, to a table: checked by the rules of every table, and with a manifest."""

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
"""Column whose faults may be left out."""


@dataclass(frozen=True, eq=False)
class Draft:
    """Rows of others in our columns, before they are checked.

    Attributes:
        frame: The rows; the index numbers them (or the records they come from) as the file does, from 0.
        path: The file they come from.
        form: What kind of file it is.
        licence: What may be done with the labels.
        missing_labels: How many labels are missing; they have no row.
        notes: What else is to be said, a sentence each.
        doubts: What looks wrong, a sentence each.
        description: How the file was read, for the manifest.
    """

    frame: pd.DataFrame
    path: Path
    form: str
    licence: str
    missing_labels: int = 0
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    description: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ImportResult:
    """Result of an import.

    Attributes:
        faults: Why nothing was written, a line each; empty if the table was.
        skipped: What was left out as not allowed by its space, a line each.
        notes: What was derived or defaulted, a sentence each.
        doubts: What looks wrong although it was written, a sentence each.
    """

    faults: list[str]
    skipped: list[str]
    notes: list[str]
    doubts: list[str]


def import_drafts(
    drafts: Sequence[Draft],
    out: Path,
    command: str,
    *,
    spaces: Iterable[Space] = (),
    skip_invalid: bool = False,
    replace: bool = False,
) -> ImportResult:
    """Checks drafts and writes them as one table, or nothing at all.

    Args:
        drafts: The rows of one file or of several, each with spaces of its own.
        out: The parquet file; its manifest lies beside it.
        command: What was asked for, for the manifest.
        spaces: Spaces of the user that the drafts hold.
        skip_invalid: Leave out the architectures that their space does not allow, instead of refusing the draft.
        replace: Replace a table that was imported earlier.

    Raises:
        TableError: If `out` is not a name of a parquet file, is taken, a draft holds no allowed architecture, or two
            drafts share a space or disagree about the number of classes of a data set.
        AutoproxError: If the files cannot be written.
    """
    files = TableFiles(out)
    _check_target(files, replace=replace)
    known = known_spaces(spaces)
    found = [_checked(draft, known, skip_invalid=skip_invalid) for draft in drafts]
    skipped = [line for each in found for line in each.skipped]
    if faults := [line for each in found for line in each.faults]:
        return ImportResult(faults, skipped, [], [])
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
    return ImportResult([], skipped, notes, [doubt for each in found for doubt in each.doubts])


@dataclass(frozen=True, eq=False)
class _Checked:
    """A draft with what the rules of every table say of it.

    Attributes:
        draft: The draft.
        source: Name and digest of its file.
        frame: Its rows, without those that were left out.
        complete: The same in all columns of a table; empty if there are faults.
        num_classes: Number of classes of its data sets.
        faults: Why it cannot be a table.
        skipped: What was left out.
        notes: What was derived or defaulted.
        doubts: What looks wrong.
    """

    draft: Draft
    source: str
    frame: pd.DataFrame
    complete: pd.DataFrame
    num_classes: dict[str, int]
    faults: list[str]
    skipped: list[str]
    notes: list[str]
    doubts: list[str]


def _checked(draft: Draft, spaces: Mapping[str, Space], *, skip_invalid: bool) -> _Checked:
    with reading(draft.path, lambda reason: TableError(f"The file {draft.path} cannot be read: {reason}.")):
        source = f"{draft.path.name}:{bytes_digest(draft.path.read_bytes())}"
    frame = draft.frame if "source" in draft.frame.columns else draft.frame.assign(source=source)
    checker = Checker(frame, draft.path, {}, spaces)
    faults = list(checker.faults())
    invalid: list[str] = []
    _require_some_allowed(frame, draft.path, faults, spaces)
    if skip_invalid and (left := [fault for fault in faults if fault.column == ARCHITECTURE]):
        invalid = _lines(left)
        frame = frame[~frame.index.isin({row for fault in left for row in fault.rows})]
        checker = Checker(frame, draft.path, {}, spaces)
        faults = list(checker.faults())
    if faults:
        return _Checked(draft, source, frame, frame.iloc[:0], {}, _lines(faults), invalid, [], [])
    complete = checker.complete()
    notes = [*draft.notes, *checker.notes, *_remarks(draft)]
    doubts = [*draft.doubts, *checker.doubts]
    return _Checked(draft, source, frame, complete, checker.num_classes, [], invalid, notes, doubts)


def _agreed(found: Sequence[_Checked]) -> dict[str, int]:
    """The number of classes of every data set, on which all drafts agree; their spaces are apart."""
    owners: dict[str, Path] = {}
    num_classes: dict[str, int] = {}
    for each in found:
        path = each.draft.path
        for name in sorted(set(each.complete["space"])):
            if name in owners:
                raise TableError(
                    f"{owners[name]} and {path} both hold architectures of '{name}'; give one file for each space."
                )
            owners[name] = path
        for name, number in each.num_classes.items():
            if num_classes.setdefault(name, number) != number:
                raise TableError(
                    f"The data set '{name}' has {number} classes in {path} and {num_classes[name]} in another file;"
                    " give two data sets two names."
                )
    return num_classes


def genes_text(genes: Any) -> str:
    """The genes of a record as JSON; whatever is not a dictionary of genes stays as it reads, for the rules to refuse.

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
    """Whether there is no label: None, or a number that is not finite."""
    return pd.isna(value) is True


def _plain(value: Any) -> Any:
    """Arrays and tensors as lists, their scalars as numbers, whole floats as they are."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _lines(faults: list[Fault]) -> list[str]:
    """The lines of faults; a record with several labels is told once."""
    return list(dict.fromkeys(line for fault in faults for line in fault.lines()))


def _check_target(files: TableFiles, *, replace: bool) -> None:
    if files.table.suffix != ".parquet":
        raise TableError(f"`out` must name a file that ends in .parquet, not {files.table}.")
    if files.table.is_dir():
        raise TableError(f"`out` {files.table} is a folder; name a file that ends in .parquet.")
    if files.journal.exists():
        raise TableError(f"`out` {files.table} belongs to a build, whose journal lies beside it. Choose another `out`.")
    if files.table.exists() and not replace:
        raise TableError(f"The table {files.table} exists. Choose another `out`, or `replace` it.")
    if files.batches.exists():
        raise TableError(
            f"{files.batches} would be taken for the images of this table, but an import has none. It stays: move it "
            "away, or choose another `out`."
        )
    if files.manifest.exists() and not files.table.exists():
        raise TableError(
            f"{files.manifest} is there without its table, and stays. Move it away, or choose another `out`."
        )


def _require_some_allowed(frame: pd.DataFrame, path: Path, faults: list[Fault], spaces: Mapping[str, Space]) -> None:
    """Where a space allows none of its architectures, it is the wrong space: says which one would be right."""
    first = next((fault for fault in faults if fault.column == ARCHITECTURE), None)
    if first is None or len(first.rows) < len(frame):
        return
    genes = frame[ARCHITECTURE].drop_duplicates()
    allowed = {name: sum(_allows(space, text) for text in genes) for name, space in spaces.items()}
    best = max(allowed, key=lambda name: allowed[name])
    advice = (
        f"'{best}' allows {allowed[best]} of them; give the space {best}."
        if allowed[best]
        else "No other space of autoprox does either."
    )
    given = ", ".join(sorted({str(name) for name in frame["space"]}))
    raise TableError(
        f"None of the {len(genes)} architectures of {path} is allowed by {given}. The first: {first.texts[0]} {advice}"
    )


def _allows(space: Space, text: str) -> bool:
    try:
        space.parse(text)
    except SpecError:
        return False
    return True


def _in_order(found: _Checked, spaces: Mapping[str, Space]) -> list[tuple[Arch, str]]:
    """Architectures and strata in the order of the file, so that a file that grows at its end keeps its splits."""
    frame, complete = found.frame, found.complete
    strata = complete.drop_duplicates("arch_id").set_index("arch_id")["stratum"]
    pairs = dict.fromkeys(zip(frame["space"], frame[ARCHITECTURE], strict=True))
    archs = dict.fromkeys(spaces[name].parse(text) for name, text in pairs)
    return [(arch, str(strata[arch.arch_id])) for arch in archs]


def _remarks(draft: Draft) -> list[str]:
    if draft.missing_labels:
        return [f"{draft.missing_labels} labels are missing (None or not a number): they have no row."]
    return []
