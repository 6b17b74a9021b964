"""`findings`: every fault with its row, by the same rules as reading; the other files of a table are compared."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import AutoproxError
from autoprox.bench._faults import Fault
from autoprox.bench.table import Table, embedded_tables, findings
from tests.bench.conftest import user_rows
from tests.bench.test_table import FAULTS

WriteTable = Callable[..., Path]


def lines(path: Path) -> list[str]:
    return [line for fault in findings(path)[0] for line in fault.lines()]


def cells(path: Path) -> set[tuple[str | None, int | None]]:
    """Column and row of every line."""
    entries = [entry for fault in findings(path)[0] for entry in fault.entries()]
    return {(entry["column"], entry["row"]) for entry in entries}  # type: ignore[misc]


@pytest.mark.parametrize("change", [change for _, _, change in FAULTS], ids=[f"{c}-{m[:24]}" for c, m, _ in FAULTS])
def test_reading_raises_the_first_of_the_listed_faults(
    change: Callable[[pd.DataFrame], pd.DataFrame], write_table: WriteTable
) -> None:
    path = write_table(change(user_rows()))
    faults = findings(path)[0]
    with pytest.raises(AutoproxError) as caught:
        Table.read(path)
    assert str(caught.value) == str(faults[0].exception())
    assert type(caught.value) is faults[0].error


def test_every_planted_fault_is_listed_with_its_row_and_no_other(write_table: WriteTable) -> None:
    rows = user_rows(archs=40).assign(metric="top1_pct", train_seed=0, num_classes=10, epochs=20, stratum="free")
    rows = rows.astype(object)
    planted = {
        ("value", 1): float("nan"),
        ("value", 2): 170.0,
        ("value", 30): float("inf"),
        ("arch_json", 3): '{"depth": 99}',
        ("arch_json", 4): "{",
        ("space", 5): "pit-mikro",
        ("metric", 6): "acc",
        ("train_seed", 7): -1,
        ("num_classes", 8): 7,
        ("num_classes", 9): 1,
        ("epochs", 10): 1.5,
        ("stratum", 11): "isso",
    }
    for (column, row), value in planted.items():
        rows.loc[row, column] = value
    # Two faults in one row are both reported; a row with an unknown architecture is reported once.
    rows.loc[4, "value"] = -3.0
    rows = pd.concat([rows, rows[20:21]], ignore_index=True)
    path = write_table(rows.infer_objects())
    assert cells(path) == {*planted, ("value", 4), ("train_seed", 40)}


@pytest.mark.parametrize("cell", [b"\xff", {"a": 1}, [1], date(2020, 1, 1)], ids=["bytes", "struct", "list", "date"])
@pytest.mark.parametrize("column", ["dataset", "space", "arch_json", "stratum", "value", "train_seed"])
def test_a_cell_of_any_type_is_a_fault_of_its_row(column: str, cell: object, write_table: WriteTable) -> None:
    rows = user_rows().assign(stratum="free", train_seed=0)
    path = write_table(rows.assign(**{column: [cell] * len(rows)}))
    assert {(column, row) for row in range(len(rows))} <= cells(path)
    assert all("\n" not in line for line in lines(path))
    with pytest.raises(AutoproxError, match=column):
        Table.read(path)


@pytest.mark.parametrize("missing", ["value", "space", "dataset", "arch_json"])
def test_a_missing_column_hides_no_other_fault(missing: str, write_table: WriteTable) -> None:
    rows = user_rows().assign(label_kind=["skratch"] + ["scratch"] * 15).drop(columns=missing)
    path = write_table(rows)
    assert cells(path) == {(None, None), ("label_kind", 0)}
    assert any(f"has no column '{missing}'" in line for line in lines(path))


def test_long_lists_stay_one_line_a_row(write_table: WriteTable) -> None:
    path = write_table(user_rows(archs=20).assign(value="high"))
    assert lines(path) == [f"column 'value', row {row}: is 'high', not a number." for row in range(20)]


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """A copy of all files of the embedded table."""
    source = embedded_tables()["vitbench101"]
    for path in source.parent.glob("vitbench101.*"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path / "vitbench101.parquet"


def test_files_beside_the_table_are_compared_and_all_told(embedded: Path) -> None:
    assert findings(embedded)[0] == []
    manifest = embedded.with_suffix(".manifest.json")
    content = json.loads(manifest.read_text())
    batches = embedded.with_suffix(".batches.npz")
    with np.load(batches) as stored:
        arrays = dict(stored)
    arrays["digits/labels"] = arrays["digits/labels"][::-1]
    arrays["mnist5k/labels"] = arrays["mnist5k/labels"] + 10
    np.savez(batches, **arrays)
    moved = content["splits"]["sealed"].pop()
    manifest.write_text(json.dumps({**content, "digest": "0" * 32}))
    found = lines(embedded)
    assert [line for line in found if "mnist5k" in line and "do not fit together" in line]
    assert [line for line in found if "(digits, mnist5k)" in line]
    assert [line for line in found if "differs from the one that its manifest" in line]
    assert [line for line in found if "splits list" in line]
    assert len(found) == 4
    content["splits"]["fit"].append(moved)
    manifest.write_text(json.dumps(content))
    assert len(lines(embedded)) == 2
    manifest.write_text("[]")
    assert len([line for line in lines(embedded) if "is not a JSON object" in line]) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["is a.", "is b.", *(f"is {n}." for n in range(9))]))))
def test_folded_lines_name_each_row_once(pairs: list[tuple[int, str]]) -> None:
    """Rows with one text are one line; texts beyond five are one line together."""
    if not pairs:
        return
    rows, texts = zip(*pairs, strict=True)
    folded = Fault(Path("t.parquet"), texts, "value", rows).folded()
    distinct = list(dict.fromkeys(texts))
    assert len(folded) == min(len(distinct), 6)
    for text, line in zip(distinct[:5], folded, strict=False):
        own = list(dict.fromkeys(row for row, each in pairs if each == text))
        assert line.startswith(f"column 'value', row {own[0]}")
        assert line.endswith(f": {text}")
        assert (f"and {len(own) - 1} more row" in line) is (len(own) > 1)
    if len(distinct) > 5:
        rest = {row for row, text in pairs if text not in distinct[:5]}
        assert f"and {len(rest)} more row" in folded[5]
