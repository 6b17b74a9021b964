"""The judge, against SciPy and against tables that are put together by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autoprox.base.errors import TableError
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.networks.network import count_scores
from autoprox.spaces import space


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Table:
    """Two spaces, two data sets, two seeds, a quarter of the labels of one data set missing, one metric to minimise."""
    rng = np.random.default_rng(0)
    rows = []
    for name in ("autoformer-micro", "pit-micro"):
        archs = list(dict.fromkeys(space(name).sample(rng) for _ in range(40)))[:30]
        for number, arch in enumerate(archs):
            for dataset in ("digits", "mnist5k"):
                if dataset == "mnist5k" and number % 4 == 0:
                    continue
                for seed in range(2):
                    common = {"arch_json": arch.json, "space": name, "dataset": dataset, "train_seed": seed}
                    common["stratum"] = "iso" if number % 2 else "free"
                    top1 = float(rng.integers(50, 80))
                    rows.append(common | {"metric": "top1_pct", "value": top1})
                    rows.append(common | {"metric": "nll", "value": (100 - top1) / 20})
    path = tmp_path_factory.mktemp("table") / "hand.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return Table.read(path)


@pytest.mark.parametrize("metric", ["top1_pct", "nll"])
@pytest.mark.parametrize("splits", [(Split.FIT,), (Split.SELECT,), (Split.FIT, Split.SEALED), tuple(Split)])
def test_taus_are_scipys(table, metric, splits):
    judge = Judge(Problem(table, tuple(table.blocks(metric=metric))), *splits)
    scores = np.random.default_rng(1).integers(0, 9, size=(5, len(judge.networks))).astype(float)
    found = judge.taus(scores)
    parts = table.splits()
    frame = table.frame[table.frame["metric"] == metric]
    for column, block in enumerate(judge.blocks):
        rows = frame[(frame["space"] == block.space) & (frame["dataset"] == block.dataset)]
        labels = rows.groupby("arch_id")["value"].mean()
        labels = labels[[arch_id for arch_id in labels.index if parts[arch_id] in splits]]
        place = {(n.arch.arch_id, n.task.dataset): i for i, n in enumerate(judge.networks)}
        columns = [place[arch_id, block.dataset] for arch_id in labels.index]
        direction = 1 if metric == "top1_pct" else -1
        for row in range(5):
            expected = stats.kendalltau(scores[row, columns], direction * labels.to_numpy()).statistic
            assert found[row, column] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(judge.joint(found), (found[:, :2].mean(axis=1) + found[:, 2:].mean(axis=1)) / 2)


def test_a_margin_at_one_size_is_that_of_a_table_of_one_size(table):
    """If all architectures have one size, it is the margin; otherwise that of the iso stratum, by SciPy."""
    rng = np.random.default_rng(2)
    alone = replace(table, frame=table.frame.assign(stratum="iso"))
    judge = Judge(Problem(alone, tuple(alone.blocks(metric="top1_pct"))), *Split)
    scores = rng.integers(0, 9, size=(2, len(judge.networks))).astype(float)
    assert judge.iso_margin(*scores) == judge.margin(*scores)
    mixed = Judge(Problem(table, tuple(table.blocks(metric="top1_pct"))), *Split)
    found, (low, high) = mixed.iso_margin(*scores)
    taus = []
    for part, block in zip(mixed.by_block(scores), mixed.blocks, strict=True):
        iso = [index for index, stratum in enumerate(block.strata) if stratum == "iso"]
        taus.append([stats.kendalltau(row[iso], block.goodness[iso]).statistic for row in part])
    first, second = np.array(taus).reshape(2, 2, 2).mean(axis=1).mean(axis=0)
    assert found == pytest.approx(first - second)
    assert low < found < high
    few = replace(table, frame=table.frame.assign(stratum="free"))
    none = Judge(Problem(few, tuple(few.blocks(metric="top1_pct"))), *Split)
    undefined, bounds = none.iso_margin(*scores)
    assert np.isnan([undefined, *bounds]).all()
    same, interval = mixed.iso_margin(scores[0], scores[0])
    assert (same, *interval) == (0, 0, 0)


def test_iso_strata_are_never_pooled(table):
    """With two iso strata, tau at one size is the mean of SciPy's taus in each of them."""
    strata = np.array(["iso", "iso-small", "free"])
    kind = {arch_id: strata[number % 3] for number, arch_id in enumerate(sorted(table.frame["arch_id"].unique()))}
    two = replace(table, frame=table.frame.assign(stratum=table.frame["arch_id"].map(kind)))
    judge = Judge(Problem(two, tuple(two.blocks(metric="top1_pct"))), *Split)
    scores = np.random.default_rng(5).integers(0, 9, size=(2, len(judge.networks))).astype(float)
    expected = np.empty((2, len(judge.blocks)))
    for column, (part, block) in enumerate(zip(judge.by_block(scores), judge.blocks, strict=True)):
        own = np.array(block.strata)
        masks = [own == stratum for stratum in ("iso", "iso-small") if (own == stratum).sum() >= 8]
        assert masks
        for row in range(2):
            taus = [stats.kendalltau(part[row, mask], block.goodness[mask]).statistic for mask in masks]
            expected[row, column] = np.mean(taus)
    found = [[block.iso for block in verdict.blocks] for verdict in judge.verdicts(scores)]
    np.testing.assert_allclose(found, expected)
    difference, (low, high) = judge.iso_margin(*scores)
    assert difference == pytest.approx(float(np.subtract(*judge.joint(expected))))
    assert low < difference < high


def test_blocks_of_the_same_networks_are_judged_together_and_alike(table):
    """Several label vectors of one space and data set, between blocks of others."""
    first, second, *others = table.blocks()
    blocks = (first, second, replace(first, values=first.values[::-1].copy()), *others, first)
    judge = Judge(Problem(table, blocks), Split.FIT)
    scores = np.random.default_rng(3).integers(0, 9, size=(4, len(judge.networks))).astype(float)
    found = judge.taus(scores)
    for column, block in enumerate(judge.blocks):
        for row, part in enumerate(judge.by_block(scores)[column]):
            assert found[row, column] == pytest.approx(stats.kendalltau(part, block.goodness).statistic, abs=1e-12)


def test_networks_are_built_once_and_belong_to_their_task(table):
    judge = Judge(Problem(table, tuple(table.blocks())), Split.FIT)
    keys = [network.key for network in judge.networks]
    assert len(set(keys)) == len(keys)
    for network in judge.networks:
        assert network.task.img_size == {"digits": 8, "mnist5k": 28}[network.task.dataset]


def test_verdicts(table):
    judge = Judge(Problem(table, tuple(table.blocks())), *Split)
    counts = count_scores(judge.networks)
    (verdict,) = judge.verdicts(np.array([counts["depth"]]), resamples=300)
    for index, block in enumerate(judge.blocks):
        depth = [space(block.space).features(table.archs[each])["depth"] for each in block.arch_ids]
        size = [counts["params"][i] for i in judge._columns[index][:, 0]]
        own = verdict.blocks[index]
        assert own.kendall == pytest.approx(stats.kendalltau(depth, block.goodness).statistic)
        assert own.spearman == pytest.approx(stats.spearmanr(depth, block.goodness).statistic)
        assert own.ci95[0] <= own.kendall <= own.ci95[1]
        iso = [i for i, stratum in enumerate(block.strata) if stratum == "iso"]
        expected = stats.kendalltau(np.array(depth)[iso], block.goodness[iso]).statistic
        assert own.iso == pytest.approx(expected)
        xy, xz, yz = (
            stats.kendalltau(*pair).statistic
            for pair in ((depth, block.goodness), (depth, size), (block.goodness, size))
        )
        assert own.partial == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert verdict.ci95[0] <= verdict.joint <= verdict.ci95[1]


def test_frame_says_what_verdicts_say(table):
    judge = Judge(Problem(table, tuple(table.blocks())), *Split)
    scores = {name: judge.counts[name] for name in ("params", "depth")}
    frame = judge.frame(scores, resamples=100)
    names = [block.name for block in judge.blocks]
    assert list(zip(frame["scorer"], frame["block"], strict=True)) == [
        (scorer, block) for scorer in scores for block in ("joint", *names)
    ]
    assert frame["n"].tolist() == 2 * [60, *(len(block) for block in judge.blocks)]
    for scorer, verdict in zip(scores, judge.verdicts(np.stack(list(scores.values())), resamples=100), strict=True):
        joint, *blocks = frame[frame["scorer"] == scorer].itertuples()
        assert (joint.kendall, (joint.low, joint.high)) == (verdict.joint, verdict.ci95)
        spaces = [block.space for block in judge.blocks]
        iso = [block.iso for block in verdict.blocks]
        assert joint.iso == pytest.approx(
            np.mean([np.mean([i for i, s in zip(iso, spaces, strict=True) if s == each]) for each in set(spaces)])
        )
        for row, own in zip(blocks, verdict.blocks, strict=True):
            assert (row.kendall, (row.low, row.high)) == (own.kendall, own.ci95)
            np.testing.assert_equal((row.iso, row.given_params), (own.iso, own.partial))


def test_verdicts_are_paired_and_repeat(table):
    judge = Judge(Problem(table, tuple(table.blocks())), Split.FIT)
    scores = np.random.default_rng(2).normal(size=(1, len(judge.networks)))
    once, again = judge.verdicts(np.vstack([scores, 3 * scores]), resamples=200)
    # As text, since NaN (too few iso architectures) differs from itself.
    assert repr(once) == repr(again) == repr(judge.verdicts(scores, resamples=200)[0])


def test_scores_are_averaged_over_initialisations(table):
    blocks = tuple(table.blocks())
    one, three = Judge(Problem(table, blocks), Split.FIT), Judge(Problem(table, blocks, init_seeds=3), Split.FIT)
    assert len(three.networks) == 3 * len(one.networks)
    assert [n.weights.seed for n in three.networks[:3]] == [0, 1, 2]
    scores = np.random.default_rng(3).normal(size=(2, len(one.networks)))
    noise = np.array([-0.5, 0.1, 0.4])
    spread = (scores[:, :, None] + noise).reshape(2, -1)
    np.testing.assert_allclose(three.taus(spread), one.taus(scores))


def test_split_without_different_labels_is_an_error(table):
    block = table.blocks(["pit-micro"], ["digits"])[0]
    parts = table.splits()
    values = [
        1.0 if parts[each] is Split.SELECT else value for each, value in zip(block.arch_ids, block.values, strict=True)
    ]
    flat = type(block)(
        block.space, block.dataset, block.label_kind, block.metric, block.arch_ids, np.array(values), block.strata
    )
    Judge(Problem(table, (flat,)), Split.FIT)
    with pytest.raises(TableError, match="identical labels"):
        Judge(Problem(table, (flat,)), Split.SELECT)


def test_agreement_between_initialisations(table):
    judge = Judge(Problem(table, tuple(table.blocks()), init_seeds=2), Split.FIT)
    assert {n.weights.seed for n in judge.networks} == {0, 1}
    assert [n.weights.seed for n in judge.rebuilt()] == [n.weights.seed + 2 for n in judge.networks]
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=(2, len(judge.networks))), rng.normal(size=(2, len(judge.networks)))
    expected = [
        [
            stats.kendalltau(a[row], b[row]).statistic
            for a, b in zip(judge.by_block(one), judge.by_block(other), strict=True)
        ]
        for row in range(2)
    ]
    np.testing.assert_allclose(judge.agreement(one, other), judge.joint(np.array(expected)))
    np.testing.assert_allclose(judge.agreement(one, one), 1.0)
