"""Builds: the same bytes for any order, number of processes and interruptions; nothing is trained twice."""

import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from autoprox.base.errors import AutoproxError, RegistryError, SpecError, StoreMismatchError, TableError
from autoprox.bench.schema import Stratum
from autoprox.bench.splits import deal, from_document
from autoprox.bench.table import Table
from autoprox.bench.table_files import TableFiles, read_frame, read_manifest
from autoprox.datasets import dataset
from autoprox.spaces import SPACES, space
from autoprox.training import build as building
from autoprox.training.build import build
from autoprox.training.build_journal import BuildJournal
from autoprox.training.build_plan import BuildPlan
from autoprox.training.recipe import Recipe
from autoprox.training.train import Training, TrainingResult, train
from tests.bench.tiny import tiny_archs, tiny_plan
from tests.interpreters import Interpreter


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small table of 4 architectures, built in this process without interruption."""
    return build(tiny_plan(), tmp_path_factory.mktemp("built") / "tiny.parquet")


class Counting:
    """Stands in for `train` and counts the calls."""

    def __init__(self) -> None:
        self.trainings: list[Training] = []

    def __call__(self, training: Training, recipe: Recipe, device: str) -> TrainingResult:
        self.trainings.append(training)
        return train(training, recipe, device)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counter = Counting()
    monkeypatch.setattr(building, "train", counter)
    return counter


def test_rows_are_what_single_trainings_give(built: Path) -> None:
    plan = tiny_plan()
    frame = read_frame(built)
    assert len(frame) == 2 * (2 * 1 + 2 * 2)
    micro = space("autoformer-micro")
    for item in plan.architectures:
        for seed in range(plan.seeds_of(item, plan.kinds[0], plan.datasets[0])):
            values = train(
                Training(SPACES[item.arch.space], item.arch, "digits", plan.kinds[0], seed), plan.recipe
            ).values
            rows = frame[(frame["arch_id"] == item.arch.arch_id) & (frame["train_seed"] == seed)]
            assert dict(zip(rows["metric"], rows["value"], strict=True)) == values
            assert set(rows["stratum"]) == {item.stratum.value}
            network = micro.build(item.arch, 10, 8, 1, seed=0)
            assert set(rows["params_count"]) == {sum(p.numel() for p in network.parameters())}


def test_jobs_and_order_change_no_byte(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_processes = build(tiny_plan(), tmp_path / "processes.parquet", jobs=2)
    assert in_processes.read_bytes() == built.read_bytes()
    forwards = BuildPlan.trainings
    monkeypatch.setattr(BuildPlan, "trainings", lambda plan: list(reversed(forwards(plan))))
    backwards = build(tiny_plan(), tmp_path / "backwards.parquet")
    assert backwards.read_bytes() == built.read_bytes()
    assert TableFiles(backwards).batches.read_bytes() == TableFiles(built).batches.read_bytes()


def committed(journal: Path) -> int:
    """Number of trainings in a journal that another process is writing."""
    if not journal.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5) as connection:
            (count,) = connection.execute("select count(*) from trainings").fetchone()
    except sqlite3.OperationalError:
        return 0  # the file is there, its tables are not yet
    finally:
        if "connection" in locals():
            connection.close()
    return int(count)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_kill_loses_only_what_was_in_flight(python: Interpreter, tmp_path: Path, counting: Counting) -> None:
    out = tmp_path / "killed.parquet"
    journal = TableFiles(out).journal
    child = python.start(["-m", "tests.bench.tiny", str(out), "12", "3", "2"], session=True)
    deadline = time.monotonic() + 300
    while committed(journal) < 3:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    saved = committed(journal)
    plan = tiny_plan(archs=12, iso_seeds=3)
    total = 6 * 1 + 6 * 3
    assert 3 <= saved < total
    assert not out.exists()
    build(plan, out)
    assert len(counting.trainings) == total - saved
    whole = build(plan, tmp_path / "whole.parquet")
    assert out.read_bytes() == whole.read_bytes()


def test_larger_numbers_extend_the_same_build(tmp_path: Path, counting: Counting) -> None:
    out = build(tiny_plan(), tmp_path / "t.parquet")
    assert len(counting.trainings) == 6
    before, splits = read_frame(out), read_manifest(TableFiles(out).manifest)["splits"]
    build(tiny_plan(archs=5, seeds=2, iso_seeds=2), out)
    assert len(counting.trainings) == 3 * 2 + 2 * 2
    merged = before.merge(read_frame(out), how="left", indicator=True)
    assert set(merged["_merge"]) == {"both"}
    grown = read_manifest(TableFiles(out).manifest)["splits"]
    assert all(set(ids) <= set(grown[part]) for part, ids in splits.items())
    build(tiny_plan(archs=5, seeds=2, iso_seeds=2), out)
    assert len(counting.trainings) == 10


def test_extend_takes_labels_from_a_table(built: Path, tmp_path: Path, counting: Counting) -> None:
    plan = tiny_plan(archs=5, iso_seeds=3)
    extended = build(plan, tmp_path / "extended.parquet", extend=built)
    assert len(counting.trainings) == 1 + 2
    whole = build(plan, tmp_path / "whole.parquet")
    assert extended.read_bytes() == whole.read_bytes()


def test_extend_refuses_what_was_made_otherwise(built: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="holds no label that this build can reuse"):
        build(tiny_plan(epochs=2), tmp_path / "t.parquet", extend=built)
    frame = read_frame(built)
    frame.drop(columns="source").to_parquet(tmp_path / "short.parquet")
    with pytest.raises(TableError, match="no column 'source'"):
        build(tiny_plan(), tmp_path / "t2.parquet", extend=tmp_path / "short.parquet")
    with pytest.raises(TableError, match="no table"):
        build(tiny_plan(), tmp_path / "t3.parquet", extend=tmp_path / "none.parquet")


def test_failed_trainings_are_missing_rows_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tiny_archs(4)[1].arch

    def failing(training: Training, recipe: Recipe, device: str) -> TrainingResult:
        if training.arch == bad:
            return TrainingResult({}, "the training loss is not finite after epoch 1", 0.1)
        return train(training, recipe, device)

    monkeypatch.setattr(building, "train", failing)
    out = build(tiny_plan(), tmp_path / "t.parquet")
    assert bad.arch_id not in set(read_frame(out)["arch_id"])
    failed = read_manifest(TableFiles(out).manifest)["failed_runs"]
    assert [(run["arch_id"], run["train_seed"]) for run in failed] == [(bad.arch_id, 0), (bad.arch_id, 1)]
    assert "not finite" in failed[0]["reason"]


def test_built_table_is_read_without_a_remark(tmp_path: Path) -> None:
    table = Table.read(build(tiny_plan(archs=12, iso_seeds=1), tmp_path / "t.parquet"))
    assert table.notes == []
    assert table.manifest["digest"] == table.digest
    dealt = deal(((item.arch, item.stratum) for item in tiny_archs(12)), SPACES)
    assert table.splits() == dealt == from_document(table.manifest["splits"], table.archs)
    assert table.manifest["images"]["digits"]["digest"] == dataset("digits").digest
    assert [block.dataset for block in table.blocks()] == ["digits"]
    assert str(tmp_path) not in TableFiles(table.path).manifest.read_text()


def test_journal_of_another_recipe_is_refused(tmp_path: Path) -> None:
    out = build(tiny_plan(archs=1, iso_seeds=1), tmp_path / "t.parquet")
    with pytest.raises(StoreMismatchError, match="made with another recipe"):
        build(tiny_plan(archs=1, iso_seeds=1, epochs=2), out)


def test_two_builds_on_one_journal_are_refused(tmp_path: Path) -> None:
    plan = tiny_plan(archs=1)
    out = tmp_path / "t.parquet"
    with (
        BuildJournal(TableFiles(out).journal, plan.recipe),
        pytest.raises(StoreMismatchError, match="in use by another build"),
    ):
        build(plan, out)
    assert build(plan, out).exists()


def test_damaged_journals_are_refused(tmp_path: Path) -> None:
    plan = tiny_plan(archs=1)
    out = build(plan, tmp_path / "t.parquet")
    journal = TableFiles(out).journal
    with sqlite3.connect(journal) as connection:
        connection.execute("update trainings set nll = nll + 1e-9")
    connection.close()
    with pytest.raises(StoreMismatchError, match="does not match its checksum"):
        build(plan, out)
    journal.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(StoreMismatchError, match="is damaged"):
        build(plan, out)


def test_targets_that_are_in_the_way(built: Path, tmp_path: Path) -> None:
    plan = tiny_plan(archs=1)
    with pytest.raises(TableError, match=r"ends in \.parquet"):
        build(plan, tmp_path / "t.csv")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(TableError, match="is a folder"):
        build(plan, tmp_path / "folder.parquet")
    foreign = tmp_path / "foreign.parquet"
    foreign.write_bytes(built.read_bytes())
    with pytest.raises(TableError, match="`extend`"):
        build(plan, foreign)
    assert foreign.read_bytes() == built.read_bytes()
    for beside in (TableFiles(tmp_path / "t.parquet").batches, TableFiles(tmp_path / "t.parquet").manifest):
        beside.write_bytes(b"mine")
        with pytest.raises(TableError, match="exists without a journal"):
            build(plan, tmp_path / "t.parquet")
        assert beside.read_bytes() == b"mine"
        beside.unlink()
    with pytest.raises(TableError, match="An earlier build left the journal"):
        build(tiny_plan(), built, resume=False)
    with pytest.raises(SpecError, match="`jobs` must be at least 1"):
        build(plan, tmp_path / "t.parquet", jobs=0)


def test_full_disk_is_explained_and_leaves_no_half_file(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = built.read_bytes()
    monkeypatch.setattr("autoprox.bench.table_files.pq.write_table", full)
    with pytest.raises(AutoproxError, match="no space left"):
        build(tiny_plan(), built)
    assert built.read_bytes() == before
    assert not list(built.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"archs": 0}, SpecError, "`archs` must be at least 1"),
        ({"iso": 9}, SpecError, "`iso` must be between 0 and `archs`"),
        ({"seeds": 0}, SpecError, "`seeds` must be at least 1"),
        ({"spaces": ("pit-mikro",)}, RegistryError, "Did you mean 'pit-micro'"),
        ({"spaces": ()}, SpecError, "`spaces` needs at least one name"),
        ({"datasets": ("digit",)}, RegistryError, "Did you mean 'digits'"),
        ({"datasets": ("digits", "digits")}, SpecError, "`datasets` needs at least one name, without repetitions"),
        ({"more_iso_seeds": (("pit-micro/digit", 2),)}, SpecError, "Did you mean 'pit-micro/digits'"),
        ({"more_iso_seeds": (("pit-micro/digits", 1),)}, SpecError, "must exceed `iso_seeds`"),
        ({"more_iso_seeds": (("pit-micro/digits", 2), ("pit-micro/digits", 3))}, SpecError, "twice"),
        ({"spaces": ("pit-ti",)}, SpecError, "takes images of 32"),
    ],
)
def test_plans_that_cannot_be(change: dict[str, object], error: type[Exception], message: str) -> None:
    options: dict[str, object] = {
        "spaces": ("pit-micro",),
        "archs": 4,
        "iso": 2,
        "datasets": ("digits",),
        "seeds": 1,
        "iso_seeds": 1,
    }
    with pytest.raises(error, match=message):
        BuildPlan(**(options | change))  # type: ignore[arg-type]


def test_a_block_that_needs_more_seeds_gets_them_in_the_iso_stratum_alone() -> None:
    plan = BuildPlan(
        ("autoformer-micro", "pit-micro"),
        archs=4,
        iso=2,
        datasets=("digits", "mnist5k"),
        seeds=1,
        iso_seeds=2,
        more_iso_seeds=(("pit-micro/digits", 3),),
    )
    strata = {item.arch.arch_id: item.stratum for item in plan.architectures}
    counts = Counter((each.arch.space, each.dataset, strata[each.arch.arch_id]) for each in plan.trainings())
    for (space_name, dataset_name, stratum), count in counts.items():
        more = 3 if (space_name, dataset_name) == ("pit-micro", "digits") else 2
        assert count == 2 * (1 if stratum is Stratum.FREE else more)
    assert "--more-iso-seeds pit-micro/digits=3 --labels scratch" in plan.command("t.parquet")
