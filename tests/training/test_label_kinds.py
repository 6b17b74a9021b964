"""A label kind takes one file and one registration: it is made, stored, read and judged, and never pooled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from autoprox.base.digest import digest
from autoprox.base.errors import RegistryError, SpecError
from autoprox.bench.importers import Mapping, import_drafts, read_columns
from autoprox.bench.labels import KD, LABEL_KINDS, SCRATCH, SUPERNET, LabelKind, register_label_kind
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.spaces import load_space
from autoprox.training import BuildPlan, Distilled, LabelMaker, NoLabelError, Recipe, Scratch, Training, build_table
from autoprox.training.label_makers import made_kinds, maker_of
from autoprox.training.loop import measure
from autoprox.training.train import definition, train
from tests.bench.tiny import tiny_archs, tiny_plan

RECIPE = Recipe(epochs=1)


@dataclass(frozen=True)
class Rounded(Scratch):
    """Trained from scratch, with weights rounded to a few levels afterwards."""

    levels: int = 4

    def network(self, training, recipe, place):
        network = super().network(training, recipe, place)
        with torch.no_grad():
            for each in network.parameters():
                step = each.abs().max() / self.levels
                each.copy_(step * (each / step).round())
        return network


@dataclass(frozen=True)
class Refusing(LabelMaker):
    def network(self, training, *_):
        raise NoLabelError(f"{training.arch.arch_id} has no label")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the registrations of a test afterwards."""
    monkeypatch.setattr(LABEL_KINDS, "_entries", dict(LABEL_KINDS.items()))


@pytest.fixture
def rounded() -> Iterator[LabelKind]:
    return register_label_kind(
        LabelKind("rounded", "trained from scratch, then rounded", trained=False, maker=Rounded(2), seeds=1)
    )


def training(kind: LabelKind, number: int = 0) -> Training:
    return Training(load_space("autoformer-micro"), tiny_archs(number + 1)[number].arch, "digits", kind, 0)


def test_a_registered_kind_is_made(rounded: LabelKind) -> None:
    assert {"scratch", "kd", "rounded"} <= set(made_kinds())
    found = train(training(rounded), RECIPE)
    plain = Scratch().network(training(rounded), RECIPE, torch.device("cpu"))
    with torch.no_grad():
        for each in plain.parameters():
            step = each.abs().max() / 2
            each.copy_((each / step).round() * step)
    assert found.failure == ""
    assert found.values == measure(plain, training(rounded).data())


def test_a_table_is_built_read_and_split_by_kind(rounded: LabelKind, tmp_path: Path) -> None:
    plan = replace(tiny_plan(archs=12, iso_seeds=1), label_kinds=("scratch", "rounded"))
    table = Table.read(build_table(plan, tmp_path / "t.parquet", jobs=2))
    assert table.label_kinds == ["rounded", "scratch"]
    assert table.manifest["labels"]["rounded"] == {"description": rounded.description, "trained": False}
    rows = table.frame.groupby("label_kind")
    assert rows["value"].count().to_dict() == {"rounded": 24, "scratch": 24}
    assert set(rows.get_group("rounded")["source"]).isdisjoint(rows.get_group("scratch")["source"])
    for kind in ("rounded", "scratch"):
        for block in table.blocks(label_kind=kind):
            own = rows.get_group(kind)
            own = own[(own["metric"] == block.metric)].groupby("arch_id")["value"].mean()
            assert block.values.tolist() == own.loc[list(block.arch_ids)].tolist()
    assert {block.label_kind for block in table.blocks()} == {"scratch"}


@pytest.mark.usefixtures("rounded")
def test_the_command_builds_it(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    options = ["--space", "autoformer-micro", "--archs", "12", "--iso", "0", "--datasets", "digits", "--epochs", "1"]
    seeds = ["--seeds", "1", "--labels", "rounded", "--label-seeds", "rounded=2"]
    assert main(["bench", "build", *options, *seeds, "--out", str(out), "--quiet"]) == 0
    table = Table.read(out)
    assert len(table.frame) == 12 * 2 * 2
    assert "--labels rounded --label-seeds rounded=2" in table.manifest["command"]


def test_a_table_of_others_may_hold_it(rounded: LabelKind, tmp_path: Path) -> None:
    micro, rng = load_space("autoformer-micro"), np.random.default_rng(0)
    rows = [{"arch_json": micro.sample(rng).json, "value": 50.0 + number} for number in range(14)]
    frame = pd.DataFrame(rows).assign(dataset="digits", label_kind=rounded.name)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    draft = read_columns(tmp_path / "mine.csv", Mapping({}, {}), micro, "CC0")
    assert import_drafts([draft], tmp_path / "mine.parquet", "").faults == []
    assert Table.read(tmp_path / "mine.parquet").label_kinds == ["rounded"]
    frame.assign(label_kind="rouned").to_csv(tmp_path / "mine.csv", index=False)
    draft = read_columns(tmp_path / "mine.csv", Mapping({}, {}), micro, "CC0")
    faults = import_drafts([draft], tmp_path / "other.parquet", "").faults
    assert len(faults) == len(rows)
    assert "is 'rouned', which is unknown. Did you mean 'rounded'?" in faults[0]


def test_settings_of_a_maker_are_part_of_the_identity(rounded: LabelKind) -> None:
    other = replace(rounded, maker=Rounded(8))
    assert definition(RECIPE, training(rounded)) != definition(RECIPE, training(other))
    assert definition(RECIPE, training(rounded)) == definition(RECIPE, training(replace(rounded, maker=Rounded(2))))


def test_why_there_is_no_label_is_kept() -> None:
    kind = register_label_kind(LabelKind("refused", "never", trained=False, maker=Refusing()))
    found = train(training(kind), RECIPE)
    assert (found.values, found.failure) == ({}, f"{training(kind).arch.arch_id} has no label")


def test_what_makes_no_labels_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"'supernet' can only be imported\. Kinds with a maker: scratch, kd"):
        maker_of(SUPERNET)
    with pytest.raises(SpecError, match=r"is a builtin_function_or_method; give an autoprox\.training\.LabelMaker"):
        maker_of(LabelKind("odd", "by a function", trained=True, maker="math:gcd"))
    with pytest.raises(RegistryError, match="'kd' is registered already"):
        register_label_kind(LabelKind("kd", "again", trained=True))
    with pytest.raises(RegistryError, match="Did you mean 'scratch'"):
        replace(tiny_plan(), label_kinds=("scrach",))
    with pytest.raises(SpecError, match="`label_seeds` kd=2 needs one of the label kinds"):
        replace(tiny_plan(), label_seeds=(("kd", 2),))


def test_stored_identities_stay() -> None:
    """The source of rows in the embedded table equals the digest of its parts."""
    recipe, table = Recipe(), Table.read()
    values = recipe.as_dict()
    assert maker_of(KD).definition(recipe) == digest(values)
    assert maker_of(SCRATCH).definition(recipe) == digest({**values, "distillation": None})
    assert isinstance(maker_of(KD), Distilled)
    rows = table.frame[(table.frame["dataset"] == "digits") & (table.frame["space"] == "pit-micro")]
    for kind in (SCRATCH, KD):
        sources = set(rows[rows["label_kind"] == kind.name]["source"])
        arch = table.archs[rows["arch_id"].iloc[0]]
        made = Training(table.spaces["pit-micro"], arch, "digits", kind, 0)
        assert sources == {definition(Recipe(epochs=table.manifest["recipe"]["epochs"]), made)}


def test_a_plan_says_how_many_labels_of_a_kind_there_are() -> None:
    plan = BuildPlan(("pit-micro",), 4, 2, ("digits",), 1, 2, label_kinds=(SCRATCH, "kd"))
    item = plan.architectures[0]
    assert plan.seeds_of(item, KD, "digits") == 2
    assert replace(plan, label_seeds=(("kd", 5),)).seeds_of(item, KD, "digits") == 5
