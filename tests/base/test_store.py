"""The store: a file of its form or one clear error, whatever lies at its path."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.base.store import FACTS, Store, StoreFormat, first_value, locked

FORMAT = StoreFormat("notebook", f"{FACTS};\ncreate table notes (name text not null, size integer)", "Delete {path}.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.sqlite"


def edit(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def filled(path: Path) -> Path:
    with Store(path, FORMAT) as store:
        store.write("insert into notes values (?, ?)", [("one", 1), ("two", 2)])
    return path


def test_what_is_written_is_read_again(path: Path) -> None:
    filled(path)
    with Store(path, FORMAT) as store:
        assert store.rows("select * from notes where size > ?", (1,)) == [("two", 2)]
    with closing(Store.reading(path, FORMAT)) as store:
        assert store.rows("select name from notes") == [("one",), ("two",)]
        with pytest.raises(AutoproxError, match="cannot be used"):
            store.write("insert into notes values ('three', 3)")
    assert first_value(path, FORMAT, "select count(*) from notes") == 2


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    with Store(path, FORMAT) as store:
        with pytest.raises(StoreMismatchError, match="NOT NULL"):
            store.write("insert into notes values (?, ?)", [("lost", 0), (None, 1)])
        assert store.rows("select * from notes") == []


def test_it_belongs_to_what_it_was_first_bound_to(path: Path) -> None:
    with Store(path, FORMAT) as store:
        assert store.bind({"seed": "0", "table": "a"}) == {"seed": "0", "table": "a"}
    with Store(path, FORMAT) as store:
        stored = store.bind({"seed": "1", "table": "a"})
        assert stored == {"seed": "0", "table": "a"}
        with pytest.raises(StoreMismatchError, match=r"notebook .* was made with another seed: 0, now 1") as caught:
            store.require_same(stored, {"seed": "1", "table": "a"})
        assert caught.value.path == path
        with pytest.raises(StoreMismatchError, match="lacks the colour"):
            store.bind({"colour": "red"})


def test_a_table_whose_name_is_no_text_is_damage(path: Path) -> None:
    with Store(path, FORMAT) as store:
        store.write("insert into notes values ('one', 1)")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"notes", b"n\x80tes"))
    with pytest.raises(StoreMismatchError, match="is damaged"):
        Store(path, FORMAT)


def test_one_process_writes_and_others_read(path: Path) -> None:
    with Store(path, FORMAT, in_use="taken") as store:
        with pytest.raises(StoreMismatchError, match="taken"):
            Store(path, FORMAT, in_use="taken")
        store.write("insert into notes values ('one', 1)")
        assert first_value(path, FORMAT, "select name from notes") == "one"
    with Store(path, FORMAT, in_use="taken") as store:
        assert store.rows("select name from notes") == [("one",)]


def test_a_lock_that_cannot_be_made_is_not_said_to_be_taken(tmp_path: Path) -> None:
    with pytest.raises(AutoproxError, match="cannot be taken: unable to open"):
        locked(tmp_path / "missing" / "notes.sqlite", "taken")


def test_a_transaction_of_another_process_is_waited_for_and_then_named(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with Store(path, FORMAT, wait_s=0.1) as store, pytest.raises(AutoproxError, match="locked by another process"):
            store.write("insert into notes values ('three', 3)")


@pytest.mark.parametrize(
    "content", [b"precious " * 500, b"SQLite format 3\0" + b"x" * 2000, b"SQLite format 3\0", b"\0" * 4096]
)
def test_what_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for opening in (Store, Store.reading):
        with pytest.raises(StoreMismatchError, match=r"notebook '.*notes\.sqlite' is damaged: .*Delete '.*'\."):
            opening(path, FORMAT)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    [
        "create table precious (value)",
        "create view endless as with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
        "drop table notes",
        "create trigger surprise after insert on notes begin delete from notes; end",
        "pragma application_id = 5",
    ],
)
def test_a_database_of_something_else_is_refused_and_left_alone(path: Path, statement: str) -> None:
    edit(filled(path), statement)
    before = path.read_bytes()
    for opening in (Store, Store.reading):
        with pytest.raises(StoreMismatchError, match="SQLite file, but not a notebook"):
            opening(path, FORMAT)
    assert path.read_bytes() == before


def test_versions(path: Path) -> None:
    edit(filled(path), "pragma user_version = 0")  # as files were before they had a number
    with Store(path, FORMAT) as store:
        assert len(store.rows("select * from notes")) == 2
    edit(path, "pragma user_version = 7")
    with pytest.raises(StoreMismatchError, match=r"has format version 7, and this autoprox reads version 1\. Delete"):
        Store(path, FORMAT)


def test_a_maker_that_was_killed_leaves_an_empty_file_that_is_taken_over(path: Path) -> None:
    edit(path, "pragma journal_mode = wal")
    assert path.stat().st_size > 0
    assert first_value(path, FORMAT, "select * from notes") is None
    assert Store(path, FORMAT).rows("select * from notes") == []
    path.unlink()
    path.touch()
    assert first_value(path, FORMAT, "select * from notes") is None


def test_values_of_other_types_are_named_and_errors_of_ours_pass(path: Path) -> None:
    edit(filled(path), "update notes set size = 'many', name = cast(x'ff' as text) where size = 1")
    with Store(path, FORMAT) as store:
        with pytest.raises(StoreMismatchError, match="UTF-8"):
            store.rows("select name from notes")
        for failing in (int, lambda text: text.nothing, lambda text: {}[text], lambda text: text - 1):
            with pytest.raises(StoreMismatchError, match=r"notes\.sqlite' is damaged"), store.decoding():
                failing(store.rows("select size from notes")[0][0])
        with pytest.raises(AutoproxError, match=r"^ours$"), store.decoding():
            raise AutoproxError("ours")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("store") / "whole.sqlite")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_gives_anything_but_rows_or_one_error(whole: Path, path: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        patch = data.draw(st.binary(min_size=1, max_size=64))
        content[place : place + len(patch)] = patch
    path.write_bytes(content)
    outcome = rows_or_error(path)
    assert isinstance(outcome, list) or ("notes.sqlite" in outcome and "\n" not in outcome)
    for each in path.parent.glob("notes.sqlite*"):
        each.unlink()


def rows_or_error(path: Path) -> list[object] | str:
    try:
        with Store(path, FORMAT) as store:
            return store.rows("select name, size from notes")
    except AutoproxError as error:
        return str(error)
