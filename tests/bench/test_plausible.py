"""Labels that are valid one by one but implausible together; plausible tables cause no doubts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.bench._plausible import fractions_among_percents
from autoprox.bench.importers import Mapping, import_drafts, read_columns
from autoprox.bench.quality import blocks_of
from autoprox.bench.table import Table, embedded_tables, findings
from autoprox.spaces import SPACES, space
from tests.bench.conftest import user_rows

WriteTable = Callable[..., Path]


def trained(archs: int = 40, seeds: int = 1, seed: int = 3) -> pd.DataFrame:
    """Rows with values that grow with size and differ between trainings."""
    rows = user_rows(archs=archs, seeds=seeds)
    owner, rng = space("autoformer-micro"), np.random.default_rng(seed)
    params = np.array([owner.backbone_params(owner.parse(text)) for text in rows["arch_json"]])
    return rows.assign(value=50 + 8 * np.log10(params) + rng.normal(size=len(rows)))


def ceiling_of(path: Path) -> object:
    (block,) = blocks_of(Table.read(path).frame, SPACES)
    return block["all"]["ceiling"]


def test_rows_that_repeat_a_mean_are_one_label(write_table: WriteTable) -> None:
    once = trained()
    plain = Table.read(write_table(once, "once.parquet"))
    for name, rows in {
        "numbered": pd.concat([once.assign(train_seed=seed) for seed in range(3)]),
        "unnumbered": pd.concat([once] * 3),
        "side by side": once.loc[once.index.repeat(3)],
    }.items():
        path = write_table(rows.reset_index(drop=True), "thrice.parquet")
        assert ceiling_of(path) is None, name
        table = Table.read(path)
        assert [doubt[:9] for doubt in table.doubts] == ["80 of 120"], name
        pd.testing.assert_frame_equal(table.frame, plain.frame)


@pytest.mark.parametrize("times", [2, 3])
def test_a_table_put_together_from_itself_keeps_its_ceiling(times: int, write_table: WriteTable) -> None:
    once = trained(seeds=2)
    wanted = ceiling_of(write_table(once, "once.parquet"))
    path = write_table(pd.concat([once] * times, ignore_index=True), "again.parquet")
    assert ceiling_of(path) == wanted
    assert Table.read(path).digest == Table.read(path.with_name("once.parquet")).digest
    # A duplicated part is also a repetition.
    part = write_table(pd.concat([once, once[:50]], ignore_index=True), "part.parquet")
    assert ceiling_of(part) == wanted


def test_trainings_that_happen_to_agree_stay_trainings(write_table: WriteTable) -> None:
    """Few test images give few distinct values: about every third pair of trainings has equal ones."""
    rows = trained(seeds=2)
    rows["value"] = rows["value"].round(0)
    same = (rows["value"][::2].to_numpy() == rows["value"][1::2].to_numpy()).mean()
    assert 0.1 < same < 0.5
    table = Table.read(write_table(rows))
    assert len(table.frame) == 80
    assert table.doubts == []


def test_seeds_of_64_bits_are_kept_to_the_last(write_table: WriteTable, tmp_path: Path) -> None:
    seeds = [2**62 + index for index in range(16)]
    rows = pd.concat([user_rows()[:1]] * 16 + [user_rows()[1:]], ignore_index=True)
    rows = rows.assign(value=np.arange(31.0) + 40, train_seed=seeds + [2**63 - 1] * 15)
    for table in (Table.read(write_table(rows)), imported(rows, tmp_path)):
        assert set(table.frame["train_seed"]) == {*seeds, 2**63 - 1}


def imported(rows: pd.DataFrame, folder: Path, mapping: dict[str, str] | None = None) -> Table:
    rows.to_csv(folder / "t.csv", index=False)
    draft = read_columns(folder / "t.csv", Mapping(mapping or {}, {}), None, "CC0")
    done = import_drafts([draft], folder / "imported.parquet", "", replace=True)
    assert done.faults == []
    return Table.read(folder / "imported.parquet")


def test_a_gap_changes_no_other_cell(write_table: WriteTable) -> None:
    """pandas reads whole numbers with a gap as floats, which round 2^62 + 1 to 2^62."""
    rows = user_rows().assign(train_seed=pd.array([2**62 + 1] * 15 + [None], dtype="Int64"))
    (fault,) = findings(write_table(rows))[0]
    assert fault.lines() == ["column 'train_seed', row 15: is None, not a whole number from 0."]
    whole = Table.read(write_table(rows[:15]))
    assert set(whole.frame["train_seed"]) == {2**62 + 1}


@settings(max_examples=25)
@given(st.floats(2, 100))
def test_a_csv_keeps_every_digit(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    rows = user_rows()
    rows.loc[0, "value"] = value
    table = imported(rows, tmp_path_factory.mktemp("csv"))
    assert value in set(table.frame["value"])


def test_fractions_among_percents_are_told_row_by_row(write_table: WriteTable) -> None:
    rows = trained()
    rows.loc[::2, "value"] /= 100
    (fault,) = findings(write_table(rows))[0]
    assert fault.rows == tuple(range(0, 40, 2))
    # Blocks are independent: a block of fractions and a block of percents are valid, with a doubt.
    apart = pd.concat([trained(), trained().assign(value=lambda f: f["value"] / 100, dataset="other")])
    faults, doubts = findings(write_table(apart.reset_index(drop=True)))
    assert faults == []
    assert [doubt for doubt in doubts if "other" in doubt and "fractions" in doubt] == doubts != []


@pytest.mark.parametrize(
    ("values", "chance"),
    [
        ([0.0, 55.0, 60.0], 10.0),  # 0 correct is 0 on both scales
        ([1.0, 1.0, 70.0], 1.0),  # two failed trainings with 100 classes
        ([0.4, 0.9, 1.3, 2.5, 60.0], 1.0),  # labels after a few steps
        ([0.2, 0.5, 0.9], 10.0),  # a block of fractions is one scale
    ],
)
def test_small_percents_are_percents(values: list[float], chance: float) -> None:
    assert not fractions_among_percents(np.array(values), chance).any()


@given(st.lists(st.floats(40, 99), min_size=4, max_size=30), st.data())
def test_some_of_a_block_divided_by_100_are_found(values: list[float], data: st.DataObject) -> None:
    scaled = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    whole = np.array(values)
    mixed = np.where(scaled, whole / 100, whole)
    assert fractions_among_percents(mixed, 10.0).tolist() == (scaled & ~scaled.all()).tolist()


def test_errors_and_wrong_directions_are_doubted(write_table: WriteTable, tmp_path: Path) -> None:
    rows = trained()
    assert findings(write_table(rows)) == ([], [])
    errors = rows.assign(value=100 - rows["value"])
    (worse,) = findings(write_table(errors))[1]
    assert "get worse with size" in worse
    # Size correlates negatively with these values, which is wrong for accuracies and right for losses.
    assert findings(write_table(errors.assign(metric="nll"))) == ([], [])
    small = rows.assign(value=9.0 * (rows["value"].max() - rows["value"]) / np.ptp(rows["value"]))
    assert [text for text in findings(write_table(small))[1] if "below chance level (10 %)" in text]
    beside = errors.assign(accuracy=rows["value"])
    assert [text for text in findings(write_table(beside))[1] if "'value' and 'accuracy' have the same sum" in text]
    named = rows.rename(columns={"value": "test_error"})
    named.to_csv(tmp_path / "e.csv", index=False)
    draft = read_columns(tmp_path / "e.csv", Mapping({"value": "test_error"}, {}), None, "CC0")
    assert ["'test_error'" in doubt for doubt in draft.doubts] == [True]


def test_nothing_of_the_embedded_tables_is_doubted() -> None:
    for path in embedded_tables().values():
        assert findings(path) == ([], [])
