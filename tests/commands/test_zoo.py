"""`python -m autoprox.zoo`, and function proxies in the other commands."""

import json

import pytest
from scipy import stats

import autoprox
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.compress import ALLOCATION_PROXIES
from autoprox.scorers import ZOO
from autoprox.spaces import space
from tests.commands.test_command_line import user_frame


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "mine.parquet"
    user_frame(30).to_parquet(path)
    return path


def run(capsys, *arguments):
    status = main(["zoo", *map(str, arguments)])
    return status, capsys.readouterr()


def test_lists_every_proxy(capsys):
    status, printed = run(capsys)
    assert status == 0
    header, below, *rest = printed.out.splitlines()
    assert [*header.split(), below.strip()] == ["name", "sign", "form", "needs", "source"]
    lines = [line for line in rest if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [*ZOO, *ALLOCATION_PROXIES]
    assert len(lines) >= 27
    (place,) = [place for place, line in enumerate(rest) if line.startswith("ntk_cond ")]
    assert "-1" in rest[place]
    assert "2 images" in rest[place]
    assert "TE-NAS" in " ".join(rest[place + 1 : place + 4])


def test_lists_some_as_json(capsys):
    status, printed = run(capsys, "--names", "epe_nas", "synflow", "--json")
    assert status == 0
    one, other = json.loads(printed.out)["proxies"]
    assert one["labels"] is True
    assert one["images"] == 2
    assert one["form"] == "function"
    assert other["statistics"] == ["synflow_weight_grad", "weight"]
    assert other["form"] == "graph"


def test_bench_is_what_scipy_says_of_live_scores(capsys, table):
    names = ("snip", "mean_width", "swap", "az_trainability")
    status, printed = run(capsys, "--bench", table, "--names", *names, "--split", "fit", "--jobs", 1, "--json")
    assert status == 0
    found = json.loads(printed.out)
    assert found["split"] == "fit"
    joints = [each["joint"] for each in found["proxies"]]
    assert joints == sorted(joints, reverse=True)
    read = Table.read(table)
    task = read.task("digits", "pit-micro")
    chosen = [arch_id for arch_id, split in read.splits().items() if split == "fit"]
    (block,) = read.blocks()
    labels = [block.values[block.arch_ids.index(each)] for each in chosen]
    owner = space("pit-micro")
    models = [owner.build(read.archs[each], task.num_classes, task.img_size, task.in_chans) for each in chosen]
    for each in found["proxies"]:
        scores = autoprox.load(each["name"]).score_many(models, task.images, task.labels)
        (own,) = each["blocks"]
        assert own["kendall"] == pytest.approx(stats.kendalltau(scores, labels).statistic)
        assert each["joint"] == pytest.approx(own["kendall"])
        assert each["joint_given_params"] == pytest.approx(own["kendall_given_params"])
        assert each["cpu_seconds_per_architecture"] > 0


def test_bench_table_has_a_row_a_proxy_and_a_column_a_block(capsys, table):
    status, printed = run(capsys, "--bench", table, "--names", "depth", "params", "--jobs", 1)
    assert status == 0
    title, header, *rows = printed.out.splitlines()
    assert "split select" in title
    assert "pit-micro digits" in header
    assert sorted(row.split()[0] for row in rows) == ["depth", "params"]


def test_a_proxy_that_cannot_score_is_said_and_the_others_are_scored(capsys, tmp_path):
    """As many classes as images: EPE-NAS has no two images of one class."""
    frame = user_frame(30, "autoformer-micro", "herbs").assign(num_classes=200)
    path = tmp_path / "herbs.parquet"
    frame.to_parquet(path)
    status, printed = run(capsys, "--bench", path, "--names", "epe_nas", "depth", "--jobs", 1)
    assert status == 0
    assert "'epe_nas'" in printed.err
    assert printed.out.splitlines()[-1].split()[:2] == ["epe_nas", "-"]


def test_looking_at_the_sealed_split_is_counted(capsys, table):
    _, printed = run(capsys, "--bench", table, "--names", "depth", "--split", "sealed", "--jobs", 1)
    assert "sealed split of this table has now been scored" in printed.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--names", "snipp"], "snip"),
        (["--bench", "nowhere.parquet"], "nowhere.parquet"),
        (["--spaces", "pit-micro"], "--bench"),
        (["--bench", "vitbench101", "--datasets", "digit"], "digits"),
        (["--bench", "vitbench101", "--jobs", "0"], "jobs"),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, word):
    status, printed = run(capsys, *arguments)
    assert status == 2
    (line,) = [line for line in printed.err.splitlines() if line.startswith("autoprox: error:")]
    assert word in line
    assert not printed.out


def test_evaluate_takes_function_proxies(capsys, table):
    shared = ["--bench", str(table), "--split", "fit", "--jobs", "1", "--json"]
    assert main(["evaluate", "--proxy", "jacov", "snip", "az_nas", *shared]) == 0
    found = json.loads(capsys.readouterr().out)["proxies"]
    assert list(found) == ["jacov", "snip", "az_nas"]
    assert main(["zoo", "--names", "jacov", *shared]) == 0
    (row,) = json.loads(capsys.readouterr().out)["proxies"]
    assert found["jacov"]["joint"] == row["joint"]
    assert -1 <= found["az_nas"]["init_agreement"] <= 1


def test_show_of_a_function_says_what_it_measures(capsys):
    assert main(["show", "ntk_cond"]) == 0
    printed = capsys.readouterr().out
    assert "Largest by smallest eigenvalue" in printed
    assert "2 images" in printed
    assert main(["show", "az_nas"]) == 0
    assert "az_trainability: " in capsys.readouterr().out
    assert main(["show", "jacov", "--latex"]) == 2
    assert "'jacov' is not a graph" in capsys.readouterr().err


def test_one_reason_is_said_once_for_all_proxies_that_do_not_apply(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("from torch import nn\n\ndef model():\n    return nn.Linear(3, 2)\n")
    names = ["snip", "l2_norm", "grad_norm", "params", "macs"]
    assert main(["zoo", "--for", f"{tmp_path / 'mine.py'}:model", "--names", *names, "--img-size", "4"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "0 of 5 proxies apply" in told
    assert "snip, l2_norm, grad_norm and 2 more: The Linear failed on images" in told
    assert told.count("failed on images") == 1
