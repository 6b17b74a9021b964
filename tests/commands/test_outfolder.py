"""Folders of results: completion, replacement, and --resume."""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autoprox.commands import main
from autoprox.evolve import Discoverer, runs
from tests.commands.test_command_line import user_frame


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "mine.parquet"
    user_frame(16).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def finished(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 30 candidates."""
    out = tmp_path_factory.mktemp("finished") / "run"
    assert evolve(table, "--budget", 30, "--out", out, report=True) == 0
    return out


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def evolve(table: Path, *arguments: object, report: bool = False) -> int:
    shown = ["--random-budget", "5"] if report else ["--no-report"]
    return main(["evolve", "--bench", str(table), "--jobs", "1", *shown, *map(str, arguments)])


def search(*arguments: object) -> int:
    small = ["--proxy", "params", "--space", "pit-micro", "--dataset", "digits", "--jobs", "1"]
    return main(["search", *small, *map(str, arguments)])


def results(folder: Path) -> dict[str, bytes]:
    """All files but the locks."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".lock"}


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert not printed.out
    assert "Traceback" not in printed.err
    (line,) = [each for each in printed.err.splitlines() if each.startswith("autoprox: error:")]
    return line


# Third-party files.


@pytest.mark.parametrize("mode", [[], ["--force"], ["--resume"]])
@pytest.mark.parametrize(
    "name", ["report.html", "evidence.json", "hall.json", "best.json", "front.csv", "run.json", "journal.sqlite"]
)
def test_a_run_replaces_no_file_of_others(table, tmp_path, capsys, name, mode):
    (tmp_path / name).write_text('{"mine": 1}')
    assert evolve(table, "--budget", 10, "--out", tmp_path, *mode) == 2
    assert name in refusal(capsys)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: '{"mine": 1}'}


@pytest.mark.parametrize("mode", [[], ["--force"], ["--resume"]])
@pytest.mark.parametrize("name", ["result.json", "candidates.csv", "figure.svg", "candidates.sqlite", "run.json"])
def test_a_search_replaces_no_file_of_others(tmp_path, capsys, name, mode):
    (tmp_path / name).write_text("mine")
    assert search("--budget", 2, "--out", tmp_path, *mode) == 2
    assert name in refusal(capsys)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


@pytest.mark.parametrize("mode", [[], ["--force"]])
@pytest.mark.parametrize("name", ["result.json", "run.json"])
def test_a_verdict_replaces_no_file_of_others(table, tmp_path, capsys, name, mode):
    (tmp_path / name).write_text("[]")
    assert main(["evaluate", "--proxy", "snip", "--bench", str(table), "--out", str(tmp_path), *mode]) == 2
    assert name in refusal(capsys)
    assert (tmp_path / name).read_text() == "[]"


def test_a_database_of_others_with_the_name_of_a_journal_stays(table, tmp_path, capsys):
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        connection.execute("create table precious (value)")
    before = (tmp_path / "journal.sqlite").read_bytes()
    assert evolve(table, "--budget", 10, "--out", tmp_path, "--force") == 2
    assert "not a journal" in refusal(capsys)
    assert (tmp_path / "journal.sqlite").read_bytes() == before


def test_a_report_of_others_is_not_replaced_later(table, tmp_path, capsys):
    out = tmp_path / "run"
    assert evolve(table, "--budget", 10, "--out", out) == 0
    (out / "report.html").write_text("mine")
    capsys.readouterr()
    assert main(["runs", str(out), "--report"]) == 2
    assert "report.html" in refusal(capsys)
    assert (out / "report.html").read_text() == "mine"
    (out / "report.html").unlink()
    assert main(["runs", str(out), "--report"]) == 0
    assert evolve(table, "--budget", 12, "--out", out, "--resume", report=True) == 0  # now it is ours, and made again
    assert "report.html" in json.loads((out / "run.json").read_text())["files"]


@pytest.mark.parametrize("outside", ["../precious", "{here}/precious", "notes.txt"])
def test_a_record_of_somebody_else_has_nothing_else_removed(table, copy, outside):
    precious = copy / outside.format(here=copy.parent)
    precious.write_text("mine")
    record = json.loads((copy / "run.json").read_text())
    record["files"] += [outside.format(here=copy.parent)]
    (copy / "run.json").write_text(json.dumps(record))
    assert evolve(table, "--budget", 10, "--out", copy, "--force") == 0
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", ["9" * 400, "\udc00", 3, None, ["a"]])
def test_a_record_that_names_no_path_is_one_line_or_not_finished(copy, name, capsys):
    record = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(record | {"written": [name]}))
    capsys.readouterr()
    assert main(["runs", str(copy)]) in {0, 2}
    assert "finished\n" not in capsys.readouterr().out
    assert main(["evolve", "--out", str(copy)]) == 2
    refusal(capsys)


# Locking before removal.


def test_a_force_that_cannot_go_on_removes_nothing(table, copy, capsys, monkeypatch):
    before = results(copy)
    with monkeypatch.context() as changed:
        changed.setenv("XDG_STATE_HOME", "/proc/nothing")
        assert evolve(table, "--budget", 10, "--out", copy, "--force") == 2
        assert "cannot be written" in refusal(capsys)
    with monkeypatch.context() as changed:
        changed.setenv("XDG_CACHE_HOME", "/proc/nothing")
        assert evolve(table, "--budget", 10, "--out", copy, "--force") == 2
        assert "cannot be created" in refusal(capsys)
    assert evolve(table, "--budget", 10, "--out", copy, "--force", "--weights", "pit-mikro=1") == 2
    assert results(copy) == before


def test_a_forced_run_leaves_nothing_of_the_earlier_one(table, copy):
    strategy = ["--strategy", "nsga2", "--set", "population=8", "offspring=8"]
    assert evolve(table, "--budget", 20, "--out", copy, "--force", *strategy) == 0
    assert (copy / "front.csv").exists()
    plain = ["--strategy", "elitism-preserve"]
    assert evolve(table, "--budget", 10, "--out", copy, "--force", *plain) == 0
    forms = {"plain.json", "short.json", "blend.json"}
    assert results(copy).keys() == {"best.json", "hall.json", "journal.sqlite", "run.json"} | forms


# Completion.


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def killed(*_: object, **__: object) -> None:
    raise Killed


def test_an_extended_run_that_is_killed_while_it_judges_is_not_finished(table, copy, tmp_path, monkeypatch):
    with monkeypatch.context() as changed:
        changed.setattr(Discoverer, "judge", killed)
        with pytest.raises(Killed):
            evolve(table, "--budget", 60, "--out", copy, "--resume")
    assert runs.load(copy).status == "begun"
    assert evolve(table, "--budget", 60, "--out", copy, "--resume") == 0
    assert evolve(table, "--budget", 60, "--out", tmp_path / "whole") == 0
    assert (copy / "best.json").read_bytes() == (tmp_path / "whole" / "best.json").read_bytes()
    assert runs.load(copy).status == "finished"


@pytest.mark.parametrize("file", ["best.json", "hall.json", "run.json"])
def test_a_run_that_is_killed_while_it_writes_is_finished_by_resume(table, finished, tmp_path, monkeypatch, file):
    out = tmp_path / "run"
    replace = Path.replace
    seen = []

    def killed_there(self: Path, target: Path) -> Path:
        if Path(target).name == file:
            seen.append(target)
            if len(seen) == (2 if file == "run.json" else 1):  # the first record says what is being done
                raise Killed
        return replace(self, target)

    with monkeypatch.context() as changed:
        changed.setattr(Path, "replace", killed_there)
        with pytest.raises(Killed):
            evolve(table, "--budget", 30, "--out", out)
    assert runs.load(out).status == "begun"
    assert evolve(table, "--out", out, "--resume") == 0
    assert (out / "best.json").read_bytes() == (finished / "best.json").read_bytes()
    assert not list(out.glob(".*"))


def test_a_judgement_that_was_killed_is_completed_by_judge(table, tmp_path, monkeypatch):
    assert evolve(table, "--budget", 10, "--keep-sealed", "--out", tmp_path) == 0
    with monkeypatch.context() as changed:
        changed.setattr(Discoverer, "judge", killed)
        with pytest.raises(Killed):
            main(["judge", str(tmp_path)])
    assert runs.load(tmp_path).status != "finished"
    assert main(["judge", str(tmp_path)]) == 0
    assert runs.load(tmp_path).sealed_scorings


def test_the_statistics_cache_is_closed_before_work_counts_as_finished(table, finished, tmp_path, monkeypatch):
    """Nothing opens it again afterwards, so the log of a killed process would remain."""
    assert finished.exists()  # its statistics are cached
    cache = tmp_path / "cache" / "autoprox"
    cache.mkdir(parents=True)
    name = "statistics.sqlite"
    with (
        closing(sqlite3.connect(Path(os.environ["XDG_CACHE_HOME"], "autoprox", name))) as given,
        closing(sqlite3.connect(cache / name)) as copied,
    ):
        given.backup(copied)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    seen = []

    def files(*_: object, **__: object) -> None:
        seen.append(sorted(each.name for each in cache.glob(f"{name}*")))

    monkeypatch.setattr("autoprox.commands.evolve.say_discovery", files)
    assert evolve(table, "--budget", 30, "--out", tmp_path / "run", report=True) == 0
    files()
    assert seen == [[name]] * 2


def test_a_report_that_was_killed_is_made_by_resume(table, finished, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    replace = Path.replace

    def killed_there(self: Path, target: Path) -> Path:
        if Path(target).name == "report.html":
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as changed:
        changed.setattr(Path, "replace", killed_there)
        with pytest.raises(Killed):
            evolve(table, "--budget", 30, "--out", out, report=True)
    assert runs.load(out).status == "finished"
    best = (out / "best.json").read_bytes()
    capsys.readouterr()
    assert main(["evolve", "--out", str(out), "--resume"]) == 0
    assert "its report is missing" in capsys.readouterr().err
    assert runs.load(out).status == "finished"
    assert results(out).keys() == results(finished).keys()
    assert (out / "best.json").read_bytes() == best
    report = (out / "report.html").read_bytes()
    capsys.readouterr()
    assert main(["evolve", "--out", str(out), "--resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().err
    assert (out / "report.html").read_bytes() == report


@pytest.mark.parametrize("name", ["evidence.json", "front.csv"])
def test_what_is_missing_of_a_finished_run_is_made_by_resume(copy, name):
    before = results(copy)
    (copy / name).unlink()
    assert main(["evolve", "--out", str(copy), "--resume"]) == 0
    after = results(copy)
    assert after.keys() == before.keys()
    volatile = {"run.json", "journal.sqlite", "report.html", "evidence.json"}  # they state times
    assert {each for each in after if after[each] != before[each]} <= volatile


def test_a_report_that_nobody_wants_is_not_made_by_resume(table, tmp_path, capsys):
    out = tmp_path / "run"
    assert evolve(table, "--budget", 10, "--out", out) == 0
    capsys.readouterr()
    assert main(["evolve", "--out", str(out), "--resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().err
    assert not (out / "report.html").exists()


def test_what_is_missing_of_a_finished_search_is_made_by_resume(tmp_path):
    assert search("--budget", 4, "--out", tmp_path / "search") == 0
    before = results(tmp_path / "search")
    (tmp_path / "search" / "candidates.csv").unlink()
    assert main(["search", "--out", str(tmp_path / "search"), "--resume"]) == 0
    assert results(tmp_path / "search")["candidates.csv"] == before["candidates.csv"]


def test_a_record_of_an_earlier_version_counts(table, copy, capsys):
    """Such a record names no files, and is written once."""
    record = json.loads((copy / "run.json").read_text())
    del record["files"], record["written"]
    (copy / "run.json").write_text(json.dumps(record))
    assert runs.load(copy).status == "finished"
    assert evolve(table, "--budget", 10, "--out", copy) == 2
    assert "finished run" in refusal(capsys)
    assert evolve(table, "--budget", 10, "--out", copy, "--force") == 0


# --resume


def test_resume_takes_the_options_that_the_folder_was_made_with(table, tmp_path, monkeypatch, capsys):
    out, whole = tmp_path / "run", tmp_path / "whole"
    options = ["--budget", 60, "--seed", 1, "--set", "population=16", "--growths", 0]
    with monkeypatch.context() as changed:
        changed.setattr(Discoverer, "judge", killed)
        with pytest.raises(Killed):
            evolve(table, *options, "--out", out)
    assert main(["evolve", "--out", str(out), "--resume"]) == 0
    assert evolve(table, *options, "--out", whole) == 0
    assert (out / "best.json").read_bytes() == (whole / "best.json").read_bytes()
    capsys.readouterr()
    assert main(["evolve", "--resume", f"--out={out}"]) == 0
    assert "nothing to resume" in capsys.readouterr().err
    assert main(["evolve", "--out", str(out), "--resume", "--budget", "80"]) == 0
    provenance = json.loads((out / "best.json").read_text())["provenance"]
    assert (provenance["evaluated"], provenance["seed"], provenance["settings"]["population"]) == (80, 1, 16)


def test_resume_of_a_search(tmp_path, capsys):
    out = tmp_path / "search"
    assert search("--budget", 4, "--seed", 2, "--out", out) == 0
    before = results(out)
    capsys.readouterr()
    assert main(["search", "--out", str(out), "--resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().err
    assert results(out) == before
    assert main(["search", "--out", str(out), "--resume", "--seed", "1"]) == 2
    assert "another seed" in refusal(capsys)
    assert results(out).keys() == before.keys()
    assert {name: each for name, each in results(out).items() if "sqlite" not in name} == {
        name: each for name, each in before.items() if "sqlite" not in name
    }
    assert main(["search", "--out", str(out), "--resume", "--budget", "6"]) == 0
    assert search("--budget", 6, "--seed", 2, "--out", tmp_path / "whole") == 0
    assert (out / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()


EVIL = "from pathlib import Path; Path(__file__).with_name('imported').touch()"


@pytest.mark.parametrize("options", [["--space", "{evil}:space"], ["--space={evil}:space"], ["--proxy", "{evil}:x"]])
def test_resume_imports_no_code_that_only_a_folder_names(tmp_path, capsys, options):
    (tmp_path / "evil.py").write_text(EVIL)
    words = ["--proxy", "params", *(each.format(evil=tmp_path / "evil.py") for each in options)]
    command = ["python", "-m", "autoprox.search", *words]
    (tmp_path / "run.json").write_text(json.dumps({"command": command, "files": []}))
    assert main(["search", "--out", str(tmp_path), "--resume"]) == 2
    option = options[0].partition("=")[0]
    assert f"give {option} again" in refusal(capsys)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("command", [["runs", "{run}", "--report", "--random-budget", "1"], ["judge", "{run}"]])
def test_a_run_of_somebody_else_imports_no_code(copy, capsys, command):
    (copy / "evil.py").write_text(EVIL)
    record = json.loads((copy / "run.json").read_text())
    record["command"] += ["--spaces", f"{copy}/evil.py:space"]
    (copy / "run.json").write_text(json.dumps(record))
    with closing(sqlite3.connect(copy / "journal.sqlite")) as journal, journal:
        journal.execute("delete from meta where name = 'sealed_scorings'")  # as of a run that was not judged
    capsys.readouterr()
    assert main([each.format(run=copy) for each in command]) == 2
    assert "Code is imported only where it is named on the command line" in refusal(capsys)
    assert not (copy / "imported").exists()


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"command": 3}', '{"command": ["python", "-m", 3]}', "{}", "", "\0", '{"command": []}']
)
def test_a_record_that_is_none_is_one_line(table, tmp_path, capsys, content):
    (tmp_path / "run.json").write_text(content)
    for mode in ([], ["--resume"], ["--force"]):
        assert evolve(table, "--budget", 10, "--out", tmp_path, *mode) == 2
        assert "not written by autoprox" in refusal(capsys)
    assert (tmp_path / "run.json").read_text() == content


# autoprox runs


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode there")
def test_the_list_shows_what_is_sound(finished, tmp_path, capsys):
    for name in ("a", "b", "c", "d"):
        shutil.copytree(finished, tmp_path / name)
    os.rename(tmp_path / "d", os.fsencode(tmp_path) + b"/d\xff")
    (tmp_path / "a" / "journal.sqlite").write_bytes(b"no database" * 100)
    best = json.loads((tmp_path / "b" / "best.json").read_text())
    (tmp_path / "b" / "best.json").write_text(json.dumps(best | {"results": {}}))
    for form in ([], ["--json"]):
        assert main(["runs", str(tmp_path), *form]) == 0
        printed = capsys.readouterr()
        assert printed.out.count("damaged") == 2
        assert printed.out.count("finished") == 2
        assert "d\\xff" in printed.out or "d\\\\udcff" in printed.out or "d\\udcff" in printed.out
        assert len(printed.err.splitlines()) == 2
        assert "Traceback" not in printed.err
