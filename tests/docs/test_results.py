"""The tables of results on the results page are the stored results, to the digit."""

import json
import re
from collections.abc import Iterator

import numpy as np

from autoprox.scorers import ZOO
from tests.docs.pages import ROOT

RESULTS = ROOT / "benchmarks" / "quality" / "results"


def rows(text: str) -> Iterator[list[list[str]]]:
    """The tables of a page as rows of cells, without the line below the header."""
    for found in re.finditer(r"(?:^\|.*\|\n)+", text, re.M):
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
        yield [lines[0], *lines[2:]]


def table(page: str, first: str, second: str = "") -> list[list[str]]:
    """The table with a header that starts like this."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return next(each for each in rows(text) if each[0][0] == first and each[0][1].startswith(second))


def results(name: str) -> dict:
    return json.loads((RESULTS / name).read_text())


def says(cell: str, *values: float, slack: float = 1e-9) -> bool:
    """Returns True if the numbers of a cell are these, up to their digits.

    Args:
        cell: Numbers with words and brackets around them.
        values: Expected numbers.
        slack: Additional tolerance for numbers that were rounded twice.
    """
    numbers = re.findall(r"-?\d*\.\d+", cell)
    return len(numbers) == len(values) and all(
        abs(float(number) - value) <= 0.5 * 10.0 ** -len(number.partition(".")[2]) + slack
        for number, value in zip(numbers, values, strict=True)
    )


def test_says():
    assert says(".78 [.73, .82]", 0.7849, 0.7251, 0.8249)
    assert not says(".78 [.73, .82]", 0.7849, 0.7251, 0.8251)
    assert not says(".78", 0.7849, 0.7251)
    assert says("25.2 to 69.9", 25.24, 69.85)
    assert says("-.04", -0.0449)
    assert not says("-.04", 0.04)


PUBLISHED = {
    "winner": "discovered, out of fold",
    "ensemble": "ensemble of the hall, out of fold",
    "ridge on four counts": "ridge on four counts, out of fold",
    "sum of dim x depth": "sum_dim_depth",
    "`joint_best` (transfer)": "joint_best (transfer)",
    "`joint_micro` (transfer)": "joint_micro (transfer)",
    "`pit_micro` (transfer)": "pit_micro (transfer)",
}
COUNTS = ("params", "macs", "depth", "mean_width", "sum_dim_depth")
SPACES = {"AutoFormer": "autoformer-ti", "PiT": "pit-ti"}


def test_published_labels():
    header, *shown = table("docs/results.md", "joint tau")
    stored = {each["space"]: each["verdicts"] for each in results("published.json")["spaces"]}
    for name, *cells in shown:
        verdicts = stored[SPACES[name]]
        zoo = max((key for key in verdicts if key in ZOO and key not in COUNTS), key=lambda key: verdicts[key]["joint"])
        for title, cell in zip(header[1:], cells, strict=True):
            key = zoo if title == "best zoo proxy" else PUBLISHED.get(title, title)
            assert title != "best zoo proxy" or f"({key})" in cell
            bounds = verdicts[key]["ci95"] if "[" in cell else []
            assert says(cell, verdicts[key]["joint"], *bounds), (name, title)


LEARNERS = {
    "MABN": "MABN",
    "ridge, four architecture features": "ridge on four architecture features",
    "ridge, node statistics": "ridge on node statistics",
    "boosting": "boosting on node statistics",
    "Gaussian process": "Gaussian process on node statistics",
}


def test_learned_aggregators():
    header, *shown = table("docs/results.md", "labels per space")
    stored = results("parzc.json")
    for name, *cells in shown:
        space = SPACES.get(name.partition(",")[0])
        found = stored["published"][space]["rows"] if space else stored["embedded"]["rows"]
        own = {row["predictor"]: row for row in found if space or row["labels"] == int(name)}
        for title, cell in zip(header[1:], cells, strict=True):
            if title == "MABN minus the best of them":
                rivals = [row for key, row in own.items() if key in LEARNERS.values() and key != "MABN"]
                margin = max(rivals, key=lambda row: row["tau"])["mabn_minus_it"]
                assert says(cell, margin["tau"], *([margin["error"]] if space else margin["ci95"])), (name, title)
                continue
            row = own[LEARNERS[title]]
            assert says(cell, row["tau"], *(row["ci95"] if "[" in cell else [])), (name, title)


def test_what_is_said_of_the_linear_path():
    stored = results("parzc.json")
    alone = [row["tau"] for row in stored["embedded"]["rows"] if row["predictor"] == "linear path of MABN alone"]
    found = re.search(r"which alone has (.+?\d\s+and .\d+)", (ROOT / "docs/results.md").read_text(encoding="utf-8"))
    assert found is not None
    assert says(found[1], *alone)


def test_searches_that_were_verified_by_training():
    shown = table("docs/results.md", "space, data set, bounds")[1:]
    stored = results("search.json")["verify"]
    for (name, size, pick, *ahead), entry in zip(shown, stored, strict=True):
        check = entry["verification"]
        assert name == f"{entry['space']}, {check['dataset']}, {entry['regime']}"
        assert int(size.replace(",", "")) == entry["constraints"]["max_params"]
        assert says(pick, next(each["mean"] for each in check["trained"] if each["role"] == "pick"))
        for cell, against in zip(ahead, check["comparisons"], strict=True):
            assert says(cell, against["points"], *against["ci95"]), name
    ahead = [[each["ci95"][0] > 0 for each in entry["verification"]["comparisons"]] for entry in stored]
    assert np.sum(ahead, axis=0).tolist() == [8, 5]  # as the text says
    assert all(each["points"] > 0 for entry in stored for each in entry["verification"]["comparisons"])


def test_regret():
    header, *shown = table("docs/results.md", "among", "random")
    for among, *cells in shown:
        stored = [row for row in results("search.json")["regret"] if row["among"].split()[0] in among.split()]
        for scorer, cell in zip(header[1:], cells, strict=True):
            own = [row["regret"] for row in stored if row["scorer"] == scorer.strip("`")]
            assert len(own) == 6
            assert says(cell, np.mean(own)), (among, scorer)


def test_blocks_of_the_embedded_table():
    shown = table("docs/results.md", "block (top-1)")[1:]
    names, *stored = table("benchmarks/quality/results/table.md", "block")
    found = {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in stored}
    assert len(shown) == len([key for key in found if key[0].endswith("top1_pct") and key[1] == "all"])
    for name, accuracy, *cells in shown:
        block = f"{name.replace(', ', ' / ')} / top1_pct"
        whole, iso = (found[block, part] for part in ("all", "iso"))
        low, _, high = (float(each) for each in whole["lowest, median, highest"].split(", "))
        assert says(accuracy, low, high, slack=0.005)
        expected = [whole[key] for key in ("tau of two seeds", "ceiling", "params", "mean_width")]
        expected += [iso[key] for key in ("ceiling", "params", "mean_width")]
        assert [float(cell) for cell in cells] == [float(each) for each in expected], name
