"""Files of others: whatever they hold is read within bounds, or is one error that names the file."""

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autoprox
from autoprox.base.errors import AutoproxError, KindError, StoreMismatchError, TableError
from autoprox.base.foreign import guarded, parts_of, read_arrays, read_bytes, read_json
from autoprox.bench.importers import read_published
from autoprox.bench.quality import blocks_of
from autoprox.bench.table import Table
from autoprox.bench.table_figure import draw
from autoprox.datasets._unpickling import read_pickled_arrays
from autoprox.datasets.batches import read_batches
from autoprox.graph import parse
from autoprox.predict.parzc import MABNRegressor
from tests.bench.conftest import user_rows

BROKEN_JSON = {
    "nested too deep": b"[" * 200_000,
    "holds NaN": b'{"a": NaN}',
    "not Unicode: 'a.ud800'": b'{"name": "a\\ud800"}',
    "not Unicode: '.x00'": b'{"name": "\\u0000"}',
    "can't decode": b"\xff\xfe",
    "digits": b"[" + b"9" * 10_000 + b"]",
    "Expecting value": b"",
}


@pytest.mark.parametrize("message", BROKEN_JSON)
@pytest.mark.parametrize("reader", ["proxy", "hall", "manifest"])
def test_documents(reader: str, message: str, tmp_path: Path) -> None:
    name = {"proxy": "best.json", "hall": "hall.json", "manifest": "t.manifest.json"}[reader]
    (tmp_path / name).write_bytes(BROKEN_JSON[message])
    user_rows().to_parquet(tmp_path / "t.parquet")
    with pytest.raises(AutoproxError, match=rf"{name}.*{message}"):
        Table.read(tmp_path / "t.parquet") if reader == "manifest" else autoprox.load(tmp_path / name)


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DOCUMENTS)
def test_a_document_is_what_was_written_or_refused(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(content))
    if "\\u0000" in json.dumps(content):
        with pytest.raises(ValueError, match="not Unicode"):
            read_json(path)
    else:
        assert read_json(path) == content


def test_size_is_bounded_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: it takes no room
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        read_bytes(path)
    with pytest.raises(ValueError, match="it is a device, and only regular files are read"):
        read_bytes(Path("/dev/zero"), 2**20)
    (tmp_path / "small").write_bytes(b"abc")
    assert read_bytes(tmp_path / "small", 3) == b"abc"
    with pytest.raises(ValueError, match="larger"):
        read_bytes(tmp_path / "small", 2)
    with pytest.raises(StoreMismatchError, match="/dev/zero"):
        autoprox.load("/dev/zero")
    with pytest.raises(TableError, match="/dev/zero cannot be read as parquet: it is a device"):
        Table.read("/dev/zero")


def no_table(reason: str) -> TableError:
    return TableError(f"no table: {reason}.")


FAILURES = [MemoryError(), RecursionError(), KeyError("a"), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]


@pytest.mark.parametrize("error", FAILURES)
def test_every_failure_is_one_line(error: Exception) -> None:
    with pytest.raises(TableError, match=r"^no table: .+\.$") as caught, guarded(no_table):
        raise error
    assert "\n" not in str(caught.value)
    with pytest.raises(KindError, match="as it is"), guarded(TableError):
        raise KindError("as it is")
    with pytest.raises(KeyboardInterrupt), guarded(TableError):
        raise KeyboardInterrupt


def laughing(depth: int) -> list[Any]:
    held: list[Any] = ["ha"]
    for _ in range(depth):
        held = [held, held]
    return held


def test_parts_are_counted_as_often_as_they_are_reached() -> None:
    assert sum(1 for _ in parts_of(laughing(5))) == 2**6 - 1 + 2**5
    with pytest.raises(ValueError, match="more than 94"):
        list(parts_of(laughing(5), most=94))
    assert len(list(parts_of(laughing(5), most=95))) == 95


HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "torch.sparse_coo"),
    "meta": (lambda: torch.empty(10**9, device="meta"), "on meta"),
    "expanded": (lambda: torch.zeros(1).expand(10**12), "shape .1000000000000,. in 4 bytes"),
    "laughs": (lambda: laughing(40), "more than 2000000 values"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("archive", [True, False])
def test_tensors(name: str, archive: bool, tmp_path: Path) -> None:
    make, message = HOSTILE[name]
    path = tmp_path / "a.pth"
    torch.save([{"arch": {"depth": make()}}], path, _use_new_zipfile_serialization=archive)
    with pytest.raises(TableError, match=message):
        read_published(path, "autoformer-micro")
    document = {"format": "autoprox.parzc", "format_version": 2, "header": "{}", "tensors": {"a": make()}}
    torch.save(document, path, _use_new_zipfile_serialization=archive)
    with pytest.raises(StoreMismatchError, match=message):
        MABNRegressor.load(path)


def test_a_model_without_header_and_one_that_is_packed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"format": "autoprox.parzc", "format_version": 2}, path)
    with pytest.raises(StoreMismatchError, match=r"model.pt.*header"):
        MABNRegressor.load(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**7))
    with pytest.raises(StoreMismatchError, match="compressed"):
        MABNRegressor.load(path)


def test_a_header_that_claims_a_large_network_allocates_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = MABNRegressor(n_estimators=1, max_iter=2, n_draws=2, width=4, random_state=0)
    model.fit(rng.normal(size=(8, 3)), np.arange(8.0))
    for name, value in (("width", 10**7), ("depth", 10**12)):
        setattr(model, name, value)
        model.save(tmp_path / "large.pt")
        with pytest.raises(StoreMismatchError, match=r"large.pt' is damaged"):
            MABNRegressor.load(tmp_path / "large.pt")
        setattr(model, name, 4 if name == "width" else 1)


def test_arrays_have_the_size_that_they_claim(tmp_path: Path) -> None:
    arrays = {"a/images": np.arange(12, dtype=np.uint8).reshape(3, 4), "a/scale": np.float64(2.5)}
    np.savez_compressed(tmp_path / "sound.npz", **arrays)
    found = read_arrays(tmp_path / "sound.npz")
    assert {name: value.tolist() for name, value in found.items()} == {n: v.tolist() for n, v in arrays.items()}
    with pytest.raises(ValueError, match="larger than"):
        read_arrays(tmp_path / "sound.npz", most=100)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "claims.npz", "w") as archive:
        archive.writestr("digits/images.npy", header.getvalue() + bytes(10))
    with pytest.raises(TableError, match=r"claims.npz.*shape .1000000000000,. does not have its size"):
        read_batches(tmp_path / "claims.npz")
    (tmp_path / "none.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TableError, match=r"none\.npz"):
        read_batches(tmp_path / "none.npz")


def test_pickled_lists_without_end(tmp_path: Path) -> None:
    pickled = b"(lp0\n" + b"".join(b"(lp%d\ng%d\nag%d\na" % (i, i - 1, i - 1) for i in range(1, 60)) + b"."
    (tmp_path / "batch").write_bytes(pickled)
    with pytest.raises(AutoproxError, match="more than 2000000 values"):
        read_pickled_arrays(tmp_path / "batch")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nodes_sum(" + "weight," * 10**6 + "weight)", "7000017 characters; at most 100000 are allowed"),
        ("nodes_sum(" * 5000, "nested more than 200"),
        ("nodes_sum(" + "weight " * 5000, "expected"),
    ],
)
def test_graph_texts(text: str, message: str) -> None:
    with pytest.raises(KindError, match=message) as caught:
        parse(text)
    assert len(str(caught.value)) < 300


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for dataset in ("a\0b", "a\x1b[31m", "a\nb", "a\tb", "a\x1cb", "a\u2028b"):
        user_rows().assign(dataset=dataset).to_parquet(path)
        with pytest.raises(TableError, match=r"column 'dataset', row 0 .*characters that cannot be printed"):
            Table.read(path)
    user_rows().assign(dataset="a\u00a0b").to_parquet(path)
    assert Table.read(path).datasets == ["a\u00a0b"]
    binary = pa.array([b"\xff\xfe"] * 16, pa.binary())
    no_text = pa.StringArray.from_buffers(16, *binary.buffers()[1:])
    rows = pa.Table.from_pandas(user_rows(), preserve_index=False).drop(["dataset"])
    pq.write_table(rows.append_column("dataset", no_text), path)
    with pytest.raises(TableError, match="cannot be read as parquet"):
        Table.read(path)
    pq.write_table(pa.table({"value": pa.array(np.zeros(10**7 + 1))}), path)
    assert path.stat().st_size < 10**6
    with pytest.raises(TableError, match="10000001 rows"):
        Table.read(path)


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_table_is_an_error_or_a_table(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    user_rows().to_parquet(path)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    with suppress(AutoproxError):
        assert len(Table.read(path).frame) == 16


def test_a_name_with_dollar_signs_is_drawn_as_it_is(tmp_path: Path) -> None:
    user_rows().assign(dataset=r"$\frac{x$").to_parquet(tmp_path / "t.parquet")
    table = Table.read(tmp_path / "t.parquet")
    draw(table, blocks_of(table.frame, table.spaces), "top1_pct").savefig(tmp_path / "t.png")
    assert (tmp_path / "t.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_names_that_are_no_path(name: str) -> None:
    with pytest.raises(AutoproxError, match="no file"):
        autoprox.load(name)
