"""Tables of a user's space: import, record in the manifest, one-line errors, training, and evolution."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoprox.base.errors import StoreMismatchError, TableError
from autoprox.bench.importers import Mapping, import_drafts, read_columns
from autoprox.bench.labels import KD, SCRATCH
from autoprox.bench.splits import Split
from autoprox.bench.table import Table, findings
from autoprox.commands import main
from autoprox.spaces import Space, load_space
from autoprox.training.build import build
from autoprox.training.build_plan import BuildPlan
from autoprox.training.recipe import Distillation, Recipe

SOURCE = Path(__file__).parents[1] / "spaces" / "conv_mixer.py"
ARCHS = 20


def cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list) else value


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("code") / "my_file.py"
    shutil.copy(SOURCE, path)
    return load_space(f"{path}:space")


def rows_of(space: Space, *, genes: bool) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    archs = list(dict.fromkeys(space.sample(rng) for _ in range(ARCHS)))
    return pd.DataFrame(
        {
            **({name: cell(value) for name, value in arch.genes.items()} if genes else {"arch_json": arch.json}),
            "dataset": "digits",
            "value": 40.0 + 2 * number,
        }
        for number, arch in enumerate(archs)
    )


def imported(space: Space, folder: Path, *, genes: bool) -> Path:
    rows_of(space, genes=genes).to_csv(folder / "mine.csv", index=False)
    draft = read_columns(folder / "mine.csv", Mapping({}, {}), space, "CC0")
    done = import_drafts([draft], folder / "mine.parquet", "", spaces=[space], replace=True)
    assert done.faults == []
    return folder / "mine.parquet"


@pytest.mark.parametrize("genes", [True, False])
def test_a_column_for_each_gene_is_as_good_as_one_for_all(mixer: Space, tmp_path: Path, genes: bool) -> None:
    table = Table.read(imported(mixer, tmp_path, genes=genes), spaces=[mixer])
    assert table.spaces == {"conv-mixer": mixer}
    given = rows_of(mixer, genes=False).set_index("arch_json")["value"]
    found = table.frame.set_index("arch_json")["value"]
    assert found.sort_index().equals(given.sort_index().rename("value"))
    counts = [mixer.counts(json.loads(text), 10, 8, 1) for text in table.frame["arch_json"]]
    assert table.frame["params_count"].tolist() == [each.params for each in counts]
    assert table.frame["macs_count"].tolist() == [each.macs for each in counts]
    assert not any("not used" in note for note in table.notes)
    sizes = [list(table.splits().values()).count(split) for split in Split]
    assert sum(sizes) == len(table.archs)
    assert max(abs(size - share * len(table.archs)) for size, share in zip(sizes, (0.4, 0.2, 0.4), strict=True)) <= 2


def test_a_table_remembers_its_space(mixer: Space, tmp_path: Path) -> None:
    path = imported(mixer, tmp_path, genes=True)
    memory = json.loads(path.with_suffix(".manifest.json").read_text())["spaces"]
    assert memory == {"conv-mixer": {"reference": mixer.reference, "identity": mixer.identity}}


def test_a_missing_space_is_one_line(mixer: Space, tmp_path: Path) -> None:
    path = imported(mixer, tmp_path, genes=True)
    with pytest.raises(
        TableError, match=r"holds the space 'conv-mixer', defined in .*my_file\.py:space, which was not given\."
    ):
        Table.read(path)
    faults, _ = findings(path)
    assert len(faults) == 1


def test_a_changed_space_is_one_line(mixer: Space, tmp_path: Path) -> None:
    path = imported(mixer, tmp_path, genes=True)
    (tmp_path / "changed.py").write_text(SOURCE.read_text().replace("nn.GELU()", "nn.ReLU()"))
    changed = load_space(f"{tmp_path / 'changed.py'}:space")
    with pytest.raises(StoreMismatchError, match=r"The space 'conv-mixer' .* changed after this table was made"):
        Table.read(path, spaces=[changed])


def test_nothing_is_imported_from_what_a_table_says(mixer: Space, tmp_path: Path) -> None:
    path = imported(mixer, tmp_path, genes=True)
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').close()")
    manifest = path.with_suffix(".manifest.json")
    document = json.loads(manifest.read_text())
    document["spaces"]["conv-mixer"]["reference"] = f"{trap}:space"
    manifest.write_text(json.dumps(document))
    with pytest.raises(TableError, match=r"trap\.py:space"):
        Table.read(path)
    assert Table.read(path, spaces=[mixer]).spaces["conv-mixer"] is mixer
    assert not (tmp_path / "sprung").exists()


def test_a_table_is_trained_alone_and_with_a_teacher(mixer: Space, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, distillation=Distillation(teacher_epochs=1, teacher_width=4))
    kinds = (SCRATCH, KD)
    plan = BuildPlan((mixer,), 12, 0, ("digits",), 1, 1, label_kinds=kinds, label_seeds=(("kd", 1),), recipe=recipe)
    table = Table.read(build(plan, tmp_path / "built.parquet", jobs=2), spaces=[mixer])
    assert table.frame.groupby("label_kind")["value"].count().to_dict() == {"kd": 24, "scratch": 24}
    assert table.manifest["failed_runs"] == []
    values = [block.values for kind in kinds for block in table.blocks(label_kind=kind.name)]
    assert not np.array_equal(*values)


def test_a_table_is_imported_evolved_on_and_searched_by_a_module_of_a_package(
    mixer: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "code" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(SOURCE, package / "spaces.py")
    monkeypatch.syspath_prepend(str(package.parent))
    rows_of(mixer, genes=True).to_csv(tmp_path / "mine.csv", index=False)
    named = ["--space", "my_package.spaces:space"]
    path, run, found = tmp_path / "mine.parquet", tmp_path / "run", tmp_path / "found"
    assert main(["bench", "import", str(tmp_path / "mine.csv"), *named, "--out", str(path), "--quiet"]) == 0
    manifest = json.loads(path.with_suffix(".manifest.json").read_text())
    assert manifest["spaces"]["conv-mixer"]["reference"] == "my_package.spaces:space"
    # One process: workers of earlier tests do not have the package on their path.
    evolve = ["evolve", "--bench", str(path), *named, "--budget", "60", "--out", str(run), "--no-report", "--jobs", "1"]
    assert main(evolve) == 0
    assert (run / "best.json").exists()
    capsys.readouterr()
    options = [*named, "--proxy", str(run), "--max-params", "30k", "--budget", "8", "--json", "--jobs", "1"]
    assert main(["search", *options, "--out", str(found), "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    for pick in document["picks"]:
        # The printed command works unchanged.
        task = (document["images"]["num_classes"], document["images"]["img_size"], document["images"]["in_chans"])
        assert mixer.counts(pick["arch"], *task).params == pick["params"] <= 30_000
