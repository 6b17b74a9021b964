"""Reading tables: optional columns of a user's table, and the error for each fault."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoprox.base.errors import AutoproxError, ImageError, StoreMismatchError, TableError
from autoprox.bench.labels import SCRATCH
from autoprox.bench.quality import blocks_of
from autoprox.bench.schema import COLUMNS
from autoprox.bench.table import Table, embedded_tables, small_block_warnings
from autoprox.bench.table_files import TableFiles
from autoprox.datasets import dataset, open_images
from autoprox.datasets.batches import write_batches
from autoprox.spaces import SPACES, space
from autoprox.spaces.task import ImageSource
from tests.bench.conftest import user_rows
from tests.datasets.image_folders import write_image_folder

WriteTable = Callable[..., Path]


def test_four_columns_are_enough(write_table: WriteTable) -> None:
    rows = user_rows(archs=16, datasets=("digits", "leaves"))
    table = Table.read(write_table(rows))
    assert list(table.frame.columns) == list(COLUMNS)
    assert (list(table.spaces), table.datasets, table.label_kinds) == (
        ["autoformer-micro"],
        ["digits", "leaves"],
        ["scratch"],
    )
    assert table.num_classes == {"digits": 10, "leaves": 10}
    micro = space("autoformer-micro")
    for row in table.frame.itertuples():
        arch = micro.parse(row.arch_json)
        sizes = (8, 1) if row.dataset == "digits" else (micro.default_img_size, 3)
        expected = micro.counts(arch, 10, *sizes)
        assert (row.arch_id, row.params_count, row.macs_count) == (arch.arch_id, expected.params, expected.macs)
    said = " ".join(table.notes)
    for word in ("label_kind", "metric", "stratum", "train_seed", "epochs", "params_count", "leaves", "noise"):
        assert word in said


def test_blocks_average_seeds_and_keep_label_kinds_apart(write_table: WriteTable) -> None:
    scratch = user_rows(archs=14, seeds=3).assign(label_kind="scratch")
    kd = user_rows(archs=14).assign(label_kind="kd", value=lambda rows: 90 - rows["value"])
    path = write_table(pd.concat([scratch, kd], ignore_index=True))
    table = Table.read(path)
    (block,) = table.blocks()
    assert block.label_kind == "scratch"
    by_json = scratch.groupby("arch_json")["value"].mean()
    expected = {space("autoformer-micro").parse(text).arch_id: value for text, value in by_json.items()}
    assert list(block.arch_ids) == sorted(expected)
    np.testing.assert_allclose(block.values, [expected[arch_id] for arch_id in block.arch_ids], rtol=1e-14)
    (other,) = table.blocks(label_kind="kd")
    assert np.corrcoef(block.values, other.values)[0, 1] < -0.99


def test_lower_is_better_changes_the_sign_of_goodness(write_table: WriteTable) -> None:
    (block,) = Table.read(write_table(user_rows().assign(metric="nll"))).blocks(metric="nll")
    assert not block.higher_is_better
    np.testing.assert_array_equal(block.goodness, -block.values)


def test_path_wins_over_name_and_unknown_names_are_explained(
    write_table: WriteTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(user_rows(), "vitbench101")
    monkeypatch.chdir(tmp_path)
    assert Table.read("vitbench101").path == Path("vitbench101")
    with pytest.raises(TableError, match=r"no table 'vitbench11'.*embedded"):
        Table.read("vitbench11")


@pytest.mark.skipif("vitbench101" not in embedded_tables(), reason="the embedded table is not built yet")
def test_embedded_table_is_found_with_and_without_suffix() -> None:
    table = Table.read("vitbench101")
    assert table.digest == Table.read("vitbench101.parquet").digest == Table.read().digest
    assert not table.notes


def fault(
    column: str, message: str, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[str, str, Callable[[pd.DataFrame], pd.DataFrame]]:
    return column, message, change


def put(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Puts one value into one row of a column of any type."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = list(frame[column]) if column in frame else [None] * len(frame)
        values[row] = value
        return frame.assign(**{column: values})

    return change


def filled(column: str, default: object, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Adds a column with a default in all rows but one."""
    return lambda frame: put(column, row, value)(frame.assign(**{column: default}))


def seeds_from(first: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.arange(first, first + 16, dtype=np.uint64)


FAULTS = [
    fault("value", "row 3: is nan, not a finite number", put("value", 3, float("nan"))),
    fault("value", "row 2: is inf", put("value", 2, float("inf"))),
    fault("value", "row 4: is 101.0, but top1_pct is between 0 and 100", put("value", 4, 101.0)),
    fault("value", "row 0 .and 15 more rows.: is 'high', not a number", lambda f: f.assign(value="high")),
    fault(
        "value", "row 3: is '-', not a number", lambda f: f.assign(value=f["value"].astype(str)).replace("33.0", "-")
    ),
    fault(
        "train_seed",
        "row 2 .and 13 more rows.: is 9223372036854775808, above",
        lambda f: f.assign(train_seed=seeds_from(2**63 - 2)),
    ),
    fault("value", "row 2: is 0.32, a fraction, but other rows .* are in percent. Give 32", put("value", 2, 0.32)),
    fault(
        "space", "row 5: is 'autoformer-mikro'.*Did you mean 'autoformer-micro'", put("space", 5, "autoformer-mikro")
    ),
    fault("space", "row 1: is nan, not a text", put("space", 1, None)),
    fault("arch_json", "row 6:.*not allow", put("arch_json", 6, '{"depth": 99}')),
    fault("arch_json", "row 6:", put("arch_json", 6, "{broken")),
    fault("label_kind", "row 2: is 'skratch'.*Did you mean 'scratch'", filled("label_kind", "scratch", 2, "skratch")),
    fault("metric", "row 2: is 'top1'.*Did you mean 'top1_pct'", filled("metric", "top1_pct", 2, "top1")),
    fault("stratum", "row 9: is 'isso'.*Did you mean 'iso'", filled("stratum", "free", 9, "isso")),
    fault("arch_id", "row 0 .and 15 more rows.: is 'x', which is not the identity", lambda f: f.assign(arch_id="x")),
    fault("num_classes", "row 1: is 7, but another row", filled("num_classes", 10, 1, 7)),
    fault(
        "num_classes",
        "row 0 .and 15 more rows.: is 3, but the known data set 'digits'.*has 10",
        lambda f: f.assign(num_classes=3),
    ),
    fault("num_classes", "row 4: is 1, not a whole number from 2", filled("num_classes", 10, 4, 1)),
    fault("train_seed", "row 4: is -1, not a whole number from 0", filled("train_seed", 0, 4, -1)),
    fault("train_seed", "row 16: is 0, but an earlier row", lambda f: pd.concat([f, f[:1]]).assign(train_seed=0)),
    fault("epochs", "row 3: is 1.5, not a whole number", filled("epochs", 2.0, 3, 1.5)),
    fault("params_count", "row 2: is -5", filled("params_count", 10, 2, -5)),
    fault("schema_version", "is 99, but this version of autoprox reads", lambda f: f.assign(schema_version=99)),
    fault(
        "stratum",
        "row 16: is 'iso', but another row of the same architecture",
        lambda f: pd.concat([f, f[:1]], ignore_index=True).assign(stratum=["free"] * 16 + ["iso"]),
    ),
    fault("arch_json", "has 1 architecture .*at least 12", lambda f: f[:1]),
    fault("arch_json", "has 11 architectures .*at least 12", lambda f: f[:11]),
    fault(
        "value",
        "has no column 'value'.*Required: arch_json, space, dataset, value; present: ",
        lambda f: f.drop(columns="value"),
    ),
    fault("", "has no rows", lambda f: f[:0]),
]


@pytest.mark.parametrize(("column", "message", "change"), FAULTS, ids=[f"{c}-{m[:24]}" for c, m, _ in FAULTS])
def test_faults_name_file_column_and_row(
    column: str, message: str, change: Callable[[pd.DataFrame], pd.DataFrame], write_table: WriteTable
) -> None:
    path = write_table(change(user_rows()))
    with pytest.raises(TableError, match=message) as caught:
        Table.read(path)
    assert str(path) in str(caught.value)
    assert column in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_broken_files(write_table: WriteTable, tmp_path: Path) -> None:
    path = write_table(user_rows())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TableError, match="cannot be read as parquet"):
        Table.read(path)
    path.write_text("hello")
    with pytest.raises(TableError, match="cannot be read as parquet"):
        Table.read(path)
    with pytest.raises(TableError, match="no such file"):
        Table.read(tmp_path / "none.parquet")
    with pytest.raises(TableError, match="is a folder"):
        Table.read(tmp_path)


def test_constant_and_small_blocks_are_refused(write_table: WriteTable) -> None:
    constant = Table.read(write_table(user_rows().assign(value=50.0)))
    with pytest.raises(TableError, match="have the same value 50, so nothing can be ranked"):
        constant.blocks()
    rows = pd.concat([user_rows(), user_rows(datasets=("leaves",))[:11]], ignore_index=True)
    table = Table.read(write_table(rows))
    assert len(table.blocks(datasets=["digits"])) == 1
    with pytest.raises(TableError, match=r"11 architectures .* autoformer-micro/leaves/scratch/top1_pct"):
        table.blocks()


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"spaces": ["pit-mikro"]}, "no space 'pit-mikro'"),
        ({"datasets": ["digit"]}, "no dataset 'digit'. Did you mean 'digits'"),
        ({"label_kind": "kd"}, "no label_kind 'kd'"),
        ({"metric": "nll"}, "no metric 'nll'"),
    ],
)
def test_selections_outside_the_table(selection: dict[str, object], message: str, write_table: WriteTable) -> None:
    with pytest.raises(TableError, match=message):
        Table.read(write_table(user_rows())).blocks(**selection)  # type: ignore[arg-type]


def test_empty_combination_is_refused(write_table: WriteTable) -> None:
    rows = pd.concat([user_rows(), user_rows(space_name="pit-micro", datasets=("leaves",))], ignore_index=True)
    with pytest.raises(TableError, match="Select other spaces or data sets"):
        Table.read(write_table(rows)).blocks(spaces=["pit-micro"], datasets=["digits"])


def test_task_of_real_images_and_of_noise(write_table: WriteTable) -> None:
    rows = user_rows(datasets=("digits", "leaves", "moss")).assign(
        num_classes=lambda f: f["dataset"].map({"digits": 10, "leaves": 7, "moss": 9})
    )
    table = Table.read(write_table(rows))
    real = table.task("digits", "autoformer-micro")
    assert (real.source, real.images.shape, real.num_classes) == (ImageSource.IMAGES, (32, 1, 8, 8), 10)
    assert (real.images.dtype, real.labels.dtype) == (np.float32, np.int64)
    noise = table.task("leaves", "autoformer-micro")
    assert (noise.source, noise.images.shape, noise.num_classes) == (ImageSource.NOISE, (32, 3, 28, 28), 100)
    assert noise.labels.tolist() == list(range(32))
    assert abs(float(noise.images.mean())) < 0.01
    assert abs(float(noise.images.std()) - 1) < 0.01
    assert noise.digest == table.task("moss", "autoformer-micro").digest != real.digest
    assert table.task("leaves", "pit-ti").images.shape == (4, 3, 224, 224)
    with pytest.raises(TableError, match="There are no images of 'leaves', on which a teacher could be trained"):
        table.data("leaves", "pit-ti")
    with pytest.raises(TableError, match="Did you mean 'leaves'"):
        table.task("leavs", "pit-ti")


def test_digest_follows_the_rows_only(write_table: WriteTable) -> None:
    rows = user_rows()
    table = Table.read(write_table(rows))
    shuffled = Table.read(write_table(rows.sample(frac=1.0, random_state=3), "mine.parquet"))
    assert shuffled.digest == table.digest
    changed = Table.read(write_table(put("value", 0, 12.0)(rows), "mine.parquet"))
    assert changed.digest != table.digest


def test_manifest_of_another_table_is_refused(write_table: WriteTable) -> None:
    path = write_table(user_rows())
    digest = Table.read(path).digest
    manifest = path.with_suffix(".manifest.json")
    manifest.write_text(json.dumps({"digest": digest, "batches": {}}))
    assert Table.read(path).manifest["digest"] == digest
    manifest.write_text(json.dumps({"digest": "0" * 32, "batches": {}}))
    with pytest.raises(StoreMismatchError, match="differs from the one that its manifest"):
        Table.read(path)
    manifest.write_text(json.dumps({"digest": digest, "batches": {"digits": "0" * 32}}))
    with pytest.raises(StoreMismatchError, match="batches"):
        Table.read(path)
    manifest.write_text("{")
    with pytest.raises(TableError, match="manifest"):
        Table.read(path)


def test_broken_batches_are_an_error(write_table: WriteTable) -> None:
    path = write_table(user_rows())
    path.with_suffix(".batches.npz").write_bytes(b"PK nonsense")
    with pytest.raises(AutoproxError, match=r"batches .* cannot be read"):
        Table.read(path)


def test_small_blocks_are_warned_of_with_the_chance_level(write_table: WriteTable) -> None:
    table = Table.read(write_table(user_rows(archs=20)))
    (warning,) = small_block_warnings(table.blocks(), candidates=1000)
    assert "20 architectures" in warning
    assert "1000 random scores" in warning
    large = Table.read(write_table(user_rows(archs=60)))
    assert small_block_warnings(large.blocks(), candidates=1000) == []


def test_categories_and_stored_indices_change_nothing(write_table: WriteTable) -> None:
    rows = user_rows(datasets=("moss", "leaves"))
    plain = Table.read(write_table(rows))
    unusual = rows.sample(frac=1.0, random_state=1).astype({"dataset": "category", "space": "category"})
    table = Table.read(write_table(unusual))
    assert (table.digest, table.notes) == (plain.digest, plain.notes)
    assert [block.dataset for block in table.blocks()] == ["leaves", "moss"]


def test_images_of_the_user_take_the_place_of_noise_and_of_stored_images(
    write_table: Callable[[pd.DataFrame], Path], tmp_path: Path
) -> None:
    leaves = write_image_folder(tmp_path / "images" / "leaves", {"ash": 20, "elm": 20, "oak": 20})
    path = write_table(user_rows(datasets=("leaves", "digits")))
    table = Table.read(path, {"leaves": leaves, "moss": tmp_path / "nowhere"})
    assert table.num_classes == {"leaves": 3, "digits": 10}
    assert not any("noise" in note or "num_classes" in note for note in table.notes)
    assert f"Images of leaves are read from {leaves}." in table.notes
    task = table.task("leaves", "autoformer-micro")
    size = SPACES["autoformer-micro"].default_img_size
    assert (task.source, task.num_classes, task.images.shape) == (ImageSource.IMAGES, 3, (32, 3, size, size))
    data = open_images(leaves, size)
    own = {image.tobytes() for image in data.normalised(data.train_images)}
    assert {image.tobytes() for image in task.images} <= own
    assert table.task("digits", "autoformer-micro").images.shape[1:] == (1, 8, 8)
    said = write_table(user_rows(datasets=("leaves",)).assign(num_classes=3), "said.parquet")
    assert Table.read(said, {"leaves": leaves}).digest == Table.read(said).digest


def test_images_of_the_user_get_the_size_that_labels_were_made_with(
    write_table: Callable[[pd.DataFrame], Path], tmp_path: Path
) -> None:
    path = write_table(user_rows())
    write_batches(TableFiles(path).batches, [dataset("digits")])
    ten = write_image_folder(tmp_path / "ten", {str(label): 5 for label in range(10)})
    assert Table.read(path, {"digits": ten}).task("digits", "pit-micro").images.shape == (32, 3, 8, 8)
    two = write_image_folder(tmp_path / "two", {"a": 5, "b": 5})
    with pytest.raises(ImageError, match=r"two has images of 2 classes, but the data set 'digits' of .* has 10"):
        Table.read(path, {"digits": two})
    said = write_table(user_rows(datasets=("leaves",)).assign(num_classes=7), "said.parquet")
    with pytest.raises(TableError, match=r"'num_classes', row 0.*is 7, but the known data set 'leaves' has 2 classes"):
        Table.read(said, {"leaves": two})


def test_a_broken_image_is_named_and_the_table_is_left_as_it_is(
    write_table: Callable[[pd.DataFrame], Path], tmp_path: Path
) -> None:
    folder = write_image_folder(tmp_path / "leaves", {"a": 8, "b": 8})
    (folder / "b" / "3.png").write_bytes((folder / "b" / "3.png").read_bytes()[:200])
    table = Table.read(write_table(user_rows(datasets=("leaves", "digits"))), {"leaves": folder})
    with pytest.raises(ImageError, match=r"leaves/b/3\.png cannot be read"):
        table.task("leaves", "pit-micro")
    assert table.task("digits", "pit-micro").source is ImageSource.IMAGES
    with pytest.raises(ImageError, match="no folder"):
        Table.read(table.path, {"leaves": tmp_path / "none"})


def test_the_embedded_table_ships_no_block_below_its_ceilings() -> None:
    """At least .75 in the whole table and, from scratch, .7 in the iso stratum; 160 architectures, half of one size."""
    table = Table.read()
    for block in blocks_of(table.frame, table.spaces):
        assert block["all"]["n"] >= 160
        assert block["iso"]["n"] >= 80
        assert block["all"]["ceiling"] >= 0.75
        assert block["label_kind"] != SCRATCH.name or block["iso"]["ceiling"] >= 0.7
