"""The embedded tables of compressed networks: their size, their source, and labels that are made once more."""

import pytest

from autoprox.bench import Table
from autoprox.bench.labels import LABEL_KINDS
from autoprox.bench.splits import Split
from autoprox.training import Recipe, Training
from autoprox.training.train import definition, train

TABLES = ("mqbench101", "lrbench101")
EACH = pytest.mark.parametrize("name", TABLES)
NETWORKS = [f"{family}-{data}" for family in ("autoformer", "pit") for data in ("digits", "patches")]


@EACH
def test_each_network_has_two_hundred_vectors_half_of_them_of_one_size(name):
    table = Table.read(name)
    assert list(table.spaces) == [f"{name[:2]}-{network}" for network in NETWORKS]
    for metric in ("top1_pct", "nll"):
        blocks = table.blocks(label_kind="compressed", metric=metric)
        assert [len(block) for block in blocks] == [200] * 4
        assert [sum(each == "iso" for each in block.strata) for block in blocks] == [100] * 4
    counts = [list(table.splits().values()).count(part) for part in Split]
    assert counts == [320, 160, 320]


@EACH
def test_what_its_labels_were_made_by_is_what_makes_them_here(name):
    table = Table.read(name)
    rows = table.frame.drop_duplicates(["space", "label_kind"])
    for row in rows.itertuples():
        space, kind = table.spaces[row.space], LABEL_KINDS[row.label_kind]
        training = Training(space, table.archs[row.arch_id], row.dataset, kind, row.train_seed)
        assert definition(Recipe(), training) == row.source


@EACH
def test_a_label_is_made_once_more(name):
    table = Table.read(name)
    rows = table.frame[(table.frame["space"] == f"{name[:2]}-pit-digits") & (table.frame["label_kind"] == "compressed")]
    for arch_id, own in list(rows.groupby("arch_id"))[:2]:
        stored = own[own["train_seed"] == 1].set_index("metric")["value"]
        space = table.spaces[own["space"].iloc[0]]
        training = Training(space, table.archs[arch_id], "digits", LABEL_KINDS["compressed"], 1)
        found = train(training, Recipe()).values
        assert found["top1_pct"] == pytest.approx(stored["top1_pct"], abs=0.5)  # a few images of 698 may fall otherwise
        assert found["nll"] == pytest.approx(stored["nll"], rel=0.01)


def test_forty_rank_vectors_of_each_network_have_labels_behind_a_short_training():
    blocks = Table.read("lrbench101").blocks(label_kind="tuned")
    assert [len(block) for block in blocks] == [40] * 4
    assert [sum(each == "iso" for each in block.strata) for block in blocks] == [20] * 4


def test_digests():
    assert Table.read("mqbench101").digest == "9ebaf48582f82fc5cbd73070e9dedfb2"
    assert Table.read("lrbench101").digest == "8b7bb3f505cdfb672228412e56d21381"
