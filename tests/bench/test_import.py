"""Importers for third-party tables: rows, refusals, and no execution of code in files."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kendalltau

from autoprox.base.errors import AutoproxError, RegistryError, SpecError, TableError
from autoprox.bench.importers import ImportResult, Mapping, import_drafts, read_columns, read_published
from autoprox.bench.splits import Split
from autoprox.bench.table import Table, findings
from autoprox.commands import main
from autoprox.spaces import SPACES, load_space, space
from autoprox.spaces.task import ImageSource

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published"
Records = list[dict[str, object]]


def records(count: int = 14, space_name: str = "autoformer-micro") -> Records:
    """Records in the published form; the labels are synthetic."""
    rng = np.random.default_rng(11)
    owner = space(space_name)
    archs = list(dict.fromkeys(owner.sample(rng) for _ in range(3 * count)))[:count]
    return [
        {
            "arch": arch.genes,
            "c100_base_acc": 40.0 + index,
            "c100_kd_acc": 90.0 - index,
            "imagenet_super_acc": 50.0 + index,
        }
        for index, arch in enumerate(archs)
    ]


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def imported(path: Path, out: Path, space_name: str = "autoformer-micro", **options: bool) -> ImportResult:
    return import_drafts([read_published(path, SPACES[space_name])], out, "the command", **options)


def test_records_become_rows_and_label_kinds_stay_apart(tmp_path: Path) -> None:
    made = records()
    made[3]["c100_kd_acc"] = None
    made[4]["c100_kd_acc"] = float("nan")
    made[5]["c100_base_acc"] = torch.tensor(12.5)
    done = imported(saved(made, tmp_path / "gt.pth"), tmp_path / "t.parquet")
    assert (done.faults, done.skipped) == ([], [])
    assert any("2 labels are missing" in note for note in done.notes)
    table = Table.read(tmp_path / "t.parquet")
    counts = table.frame.groupby(["dataset", "label_kind"]).size().to_dict()
    assert counts == {("c100", "scratch"): 14, ("c100", "kd"): 12, ("imagenet", "supernet"): 14}
    assert table.num_classes == {"c100": 100, "imagenet": 1000}
    owner = space("autoformer-micro")
    (scratch,) = table.blocks(datasets=["c100"], label_kind="scratch")
    found = dict(zip(scratch.arch_ids, scratch.values, strict=True))
    for record in made:
        assert found[owner.arch(record["arch"]).arch_id] == float(record["c100_base_acc"])  # type: ignore[arg-type]
    task = table.task("c100", "autoformer-micro")
    assert (task.source, task.images.shape, task.num_classes) == (ImageSource.NOISE, (32, 3, 28, 28), 100)
    assert any("Gaussian noise" in note for note in table.notes)


def test_manifest_says_where_labels_come_from(tmp_path: Path) -> None:
    imported(saved(records(), tmp_path / "gt.pth"), tmp_path / "t.parquet")
    text = (tmp_path / "t.manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["imported"][0]["file"].startswith("gt.pth:")
    assert "Apache-2.0" in manifest["licence"]
    assert manifest["digest"] == Table.read(tmp_path / "t.parquet").digest
    assert str(tmp_path) not in text
    assert findings(tmp_path / "t.parquet")[0] == []


def test_files_of_several_spaces_are_one_table(tmp_path: Path) -> None:
    """The table has the rows of both files; two files of one space are refused."""
    one, two = saved(records(), tmp_path / "gt.pth"), saved(records(space_name="pit-micro"), tmp_path / "pit.pth")
    arguments = ["import", str(one), str(two), "--space", "autoformer-micro", "pit-micro"]
    assert main(["bench", *arguments, "--out", str(tmp_path / "both.parquet")]) == 0
    alone = []
    for path, name in ((one, "autoformer-micro"), (two, "pit-micro")):
        imported(path, tmp_path / f"{name}.parquet", name)
        alone.append(Table.read(tmp_path / f"{name}.parquet"))
    both = Table.read(tmp_path / "both.parquet")
    assert set(both.archs) == {arch_id for table in alone for arch_id in table.archs}
    assert both.splits() == alone[0].splits() | alone[1].splits()
    assert len(both.frame) == sum(len(table.frame) for table in alone)
    manifest = json.loads((tmp_path / "both.manifest.json").read_text())
    assert [each["file"].partition(":")[0] for each in manifest["imported"]] == ["gt.pth", "pit.pth"]
    with pytest.raises(TableError, match="one file per space"):
        import_drafts([read_published(one, SPACES["autoformer-micro"])] * 2, tmp_path / "twice.parquet", "the command")


def test_a_file_that_grows_at_its_end_keeps_its_splits(tmp_path: Path) -> None:
    made = records(40)
    imported(saved(made[:20], tmp_path / "small.pth"), tmp_path / "small.parquet")
    imported(saved(made, tmp_path / "large.pth"), tmp_path / "large.parquet")
    small, large = (Table.read(tmp_path / f"{name}.parquet").splits() for name in ("small", "large"))
    assert small.items() <= large.items()
    assert [list(large.values()).count(part) for part in Split] == [16, 8, 16]


def test_architectures_outside_the_space_are_listed_and_left_out_on_request(tmp_path: Path) -> None:
    made = records(16)
    made[2]["arch"] = {**made[2]["arch"], "hidden_dim": 13}  # type: ignore[dict-item]
    made[7]["arch"] = {"depth": 99}
    path, out = saved(made, tmp_path / "gt.pth"), tmp_path / "t.parquet"
    refused = imported(path, out)
    assert [line.partition(":")[0] for line in refused.faults] == [
        "column 'arch_json', row 2",
        "column 'arch_json', row 7",
    ]
    (reason,) = space("autoformer-micro").why_not(made[2]["arch"])  # type: ignore[arg-type]
    assert reason in refused.faults[0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["gt.pth"]
    done = imported(path, out, skip_invalid=True)
    assert (len(done.skipped), done.faults) == (2, [])
    table = Table.read(out)
    assert len(table.archs) == 14
    assert table.manifest["skipped"] == done.skipped


class Code:
    """Creates a folder when unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(("form", "message"), [("zip", "refers to .*mkdir"), ("legacy", "mkdir"), ("pickle", "")])
def test_code_in_a_file_is_named_and_not_run(form: str, message: str, tmp_path: Path) -> None:
    made, path = [*records(), Code(tmp_path / "ran")], tmp_path / "gt.pth"
    if form == "pickle":
        path.write_bytes(pickle.dumps(made, protocol=4))
    else:
        torch.save(made, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(TableError, match=f"{message}.* None of its code was run"):
        read_published(path, SPACES["autoformer-micro"])
    assert not (tmp_path / "ran").exists()


def broken_files(folder: Path) -> dict[str, Path]:
    whole = saved(records(), folder / "whole.pth").read_bytes()
    empty_zip = io.BytesIO()
    zipfile.ZipFile(empty_zip, "w").close()
    contents = {"truncated": whole[: len(whole) // 2], "text": b"hello", "empty": b"", "zip": empty_zip.getvalue()}
    return {name: _written(folder / f"{name}.pth", data) for name, data in contents.items()}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["truncated", "text", "empty", "zip"])
def test_broken_files_are_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=f"{name}.pth cannot be read"):
        read_published(broken_files(tmp_path)[name], SPACES["autoformer-micro"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "holds dict, not a list of records"),
        ([], "holds nothing"),
        ([{"c100_kd_acc": 1.0}], "record 0: has no genes under 'arch'"),
        (
            [{"arch": {"depth": 1}, "c100_kd_acc": 1.0}],
            "genes depth; the space 'autoformer-micro' has the genes",
        ),
        ([{**record, "arch": {**record["arch"], "x": 1}} for record in records()], "No known space has these"),  # type: ignore[dict-item]
        (records(space_name="pit-micro"), "Give the space pit-ti or pit-micro"),
        ([{"arch": record["arch"], "top1": 3.0} for record in records()], "has no label"),
        ([{"arch": record["arch"], "birds_kd_acc": 3.0} for record in records()], "unknown data set 'birds'; known: "),
    ],
)
def test_files_of_another_form(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=message):
        read_published(saved(content, tmp_path / "gt.pth"), SPACES["autoformer-micro"])


def test_wrong_space_of_the_right_family_is_explained(tmp_path: Path) -> None:
    path = saved(records(space_name="autoformer-micro"), tmp_path / "gt.pth")
    with pytest.raises(TableError, match=r"'autoformer-micro' allows 14 of them; give that one"):
        imported(path, tmp_path / "t.parquet", "autoformer-ti")
    with pytest.raises(RegistryError, match="Did you mean 'autoformer-ti'"):
        read_published(path, load_space("autoformer-t"))
    with pytest.raises(TableError, match="no file"):
        read_published(tmp_path / "none.pth", SPACES["autoformer-ti"])


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A CSV file with other column names, architectures as dictionaries written by pandas, and one missing label."""
    rows = [
        {"model": str(record["arch"]), "task": "leaves", "acc": 50.0 + index, "note": "x"}
        for index, record in enumerate(records(16, "pit-micro"))
    ]
    rows[3]["acc"] = None
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    return tmp_path / "runs.csv"


MAPPING = Mapping({"arch_json": "model", "value": "acc", "dataset": "task"}, {"num_classes": "7", "label_kind": "kd"})


def test_sizes_of_a_csv_are_bounded_before_it_is_read(tmp_path: Path) -> None:
    wide, large = tmp_path / "wide.csv", tmp_path / "large.csv"
    wide.write_text("a," * 10_000 + "b\n" + "1," * 10_000 + "2\n")
    with large.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(TableError, match=r"wide.csv cannot be read as CSV: it has more than 10000 columns"):
        read_columns(wide, MAPPING, None, "")
    with pytest.raises(TableError, match=r"large.csv cannot be read as CSV: it is larger than 512 MiB"):
        read_columns(large, MAPPING, None, "")


def test_csv_with_a_mapping(wide: Path, tmp_path: Path) -> None:
    done = import_drafts(
        [read_columns(wide, MAPPING, SPACES["pit-micro"], "CC0")], tmp_path / "t.parquet", "the command"
    )
    assert done.faults == []
    assert any("Unused columns: note" in note for note in done.notes)
    table = Table.read(tmp_path / "t.parquet")
    assert (len(table.frame), table.label_kinds, table.num_classes) == (15, ["kd"], {"leaves": 7})
    expected = {space("pit-micro").arch(r["arch"]).arch_id: 50.0 + i for i, r in enumerate(records(16, "pit-micro"))}  # type: ignore[arg-type]
    (block,) = table.blocks()
    assert dict(zip(block.arch_ids, block.values, strict=True)).items() <= expected.items()
    assert table.manifest["licence"] == "CC0"


def test_genes_in_columns_and_parquet_with_structs_give_the_same_table(tmp_path: Path) -> None:
    made = records(16, "pit-micro")
    plain = pd.DataFrame([{"dataset": "leaves", "value": 50.0 + index} for index in range(16)])
    genes = pd.DataFrame([record["arch"] for record in made])
    names = {name: f"the {name}" for name in genes.columns}
    pd.concat([plain, genes.rename(columns=names)], axis=1).to_csv(tmp_path / "genes.csv", index=False)
    mapping = Mapping({f"gene.{name}": column for name, column in names.items()}, {})
    plain.assign(genes=[record["arch"] for record in made]).to_parquet(tmp_path / "structs.parquet")
    drafts = [
        read_columns(tmp_path / "genes.csv", mapping, SPACES["pit-micro"], "CC0"),
        read_columns(tmp_path / "structs.parquet", Mapping({"arch_json": "genes"}, {}), SPACES["pit-micro"], "CC0"),
    ]
    tables = []
    for number, draft in enumerate(drafts):
        assert import_drafts([draft], tmp_path / f"{number}.parquet", "the command").faults == []
        tables.append(Table.read(tmp_path / f"{number}.parquet").frame.drop(columns="source"))
    pd.testing.assert_frame_equal(*tables)


def test_every_fault_of_a_csv_has_the_row_of_the_file(wide: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(wide).astype(object)
    rows.loc[5, "acc"], rows.loc[9, "model"], rows.loc[12, "acc"] = 140, "{'depth': 1}", "high"
    rows.to_csv(wide, index=False)
    done = import_drafts(
        [read_columns(wide, MAPPING, SPACES["pit-micro"], "CC0")], tmp_path / "t.parquet", "", skip_invalid=True
    )
    # Row 3 has no value, and row 9 is skipped.
    assert [line.partition(":")[0] for line in done.faults] == ["column 'value', row 12", "column 'value', row 5"]
    assert len(done.skipped) == 1
    assert not (tmp_path / "t.parquet").exists()


@pytest.mark.parametrize(
    ("columns", "constants", "message"),
    [
        (["value"], [], "takes NAME=COLUMN"),
        (["valu=acc"], [], "Did you mean 'value'"),
        (["value=acc", "value=acc"], [], "names 'value' twice"),
        (["value=acc"], ["value=3"], "both a column of the file and a constant"),
        ([], ["gene.depth=3"], "no column 'gene.depth'"),
    ],
)
def test_mappings_that_cannot_be(columns: list[str], constants: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Mapping.parse(columns, constants)


def test_files_that_are_no_columns(wide: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no column 'accuracy'\. Did you mean 'acc'"):
        read_columns(wide, Mapping({"value": "accuracy"}, {}), None, "")
    for data in (b"", b'a,b\n1,2,3\n"', b"\xff\xfe\x00a,b"):
        wide.write_bytes(data)
        with pytest.raises(TableError, match="cannot be read as CSV"):
            read_columns(wide, MAPPING, None, "")
    with pytest.raises(AutoproxError, match="no file"):
        read_columns(tmp_path / "none.csv", MAPPING, None, "")


def test_the_command_names_the_options_for_missing_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "accuracies.csv"
    path.write_text('base_dim,mlp_ratio,depth,num_heads,accuracy\n4,1,"[1, 1, 1]","[2, 2, 2]",90\n')
    assert main(["bench", "import", str(path), "--space", "pit-micro", "--out", str(tmp_path / "t.parquet")]) == 2
    written = capsys.readouterr().err
    assert "has no column 'value'" in written
    assert "--columns value=YOURS" in written
    assert "--constants dataset=NAME" in written
    assert "--skip-invalid" not in written
    assert "present: base_dim, mlp_ratio, depth, num_heads, accuracy. " in written  # not arch_json, space or source


def test_the_command_lists_writes_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = records(14)
    made[2]["arch"] = {"depth": 99}
    path, out = saved(made, tmp_path / "gt.pth"), tmp_path / "t.parquet"
    command = ["import", str(path), "--space", "autoformer-micro", "--out", str(out)]
    assert main(["bench", *command]) == 2
    written = capsys.readouterr()
    assert "row 2: The space 'autoformer-micro' does not allow this architecture" in written.err
    assert main(["bench", *command, "--quiet"]) == 2
    assert capsys.readouterr().err == written.err
    assert "--skip-invalid" in written.err
    assert not out.exists()
    assert main(["bench", *command, "--skip-invalid"]) == 0
    written = capsys.readouterr()
    assert "13 architectures, 39 labels" in written.out
    assert "Gaussian noise" in written.err
    before = out.read_bytes()
    assert main(["bench", *command, "--skip-invalid"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["bench", *command, "--skip-invalid", "--force"]) == 0
    assert out.read_bytes() == before
    capsys.readouterr()
    for change, message in [
        (["import", str(path), "--out", str(out)], "give --space"),
        (["import", str(path), "--space", "pit-ti", "--columns", "a=b", "--out", str(out)], "to CSV and parquet only"),
        (["import", str(tmp_path / "t.xlsx"), "--out", str(out)], "allowed: .pth, .pt, .csv, .parquet"),
        ([*command[:-1], str(tmp_path / "t.csv")], "ends in .parquet"),
        ([*command[:-1], str(tmp_path)], "ends in .parquet"),
    ]:
        assert main(["bench", *change]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "space_name", "records_count", "labels"),
    [("gt_autoformer.pth", "autoformer-ti", 100, 700), ("gt_pit_a.pth", "pit-ti", 50, 300)],
)
def test_published_files(file: str, space_name: str, records_count: int, labels: int, tmp_path: Path) -> None:
    """Compares with known figures of these files: numbers of records, and taus of parameters with kd labels."""
    path = PUBLISHED / file
    if not path.exists():
        pytest.skip(f"{path} is not here; the project commits no copy of it")
    done = imported(path, tmp_path / "t.parquet", space_name)
    assert (done.faults, done.skipped) == ([], [])
    table = Table.read(tmp_path / "t.parquet")
    assert (len(table.archs), len(table.frame)) == (records_count, labels)
    rows = table.frame[table.frame["label_kind"] == "kd"]
    if space_name == "autoformer-ti":
        for dataset_name, tau in {"c100": 0.548, "flower": 0.700, "chaoyang": 0.315}.items():
            labelled = rows[rows["dataset"] == dataset_name]
            found = kendalltau(labelled["params_count"], labelled["value"]).statistic
            assert found == pytest.approx(tau, abs=6e-4)
        values = {kind: table.blocks(datasets=["c100"], label_kind=kind)[0].values for kind in ("scratch", "kd")}
        assert kendalltau(values["scratch"], values["kd"]).statistic == pytest.approx(-0.27, abs=5e-3)
        assert rows["value"].min() == pytest.approx(48.56, abs=5e-3)  # the failed run of record 9


@pytest.mark.parametrize("suffix", [".batches.npz", ".manifest.json"])
def test_files_of_others_beside_the_table_stay(tmp_path: Path, suffix: str) -> None:
    theirs = (tmp_path / "t.parquet").with_suffix(suffix)
    theirs.write_bytes(b"mine")
    for replace in (False, True):
        with pytest.raises(TableError, match=r"exists .*Move (it|the file) away"):
            import_drafts([], tmp_path / "t.parquet", "the command", replace=replace)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(theirs.name, b"mine")]
