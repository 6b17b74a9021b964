"""The README: short, its Python runs block by block, and its table matches the stored results."""

import pytest

from tests.docs.pages import ROOT, Block, blocks, script

README = ROOT / "README.md"
PYTHON = [block for block in blocks(README) if block.language == "python" and block.run]
# Code that takes minutes in its shown form.
SMALLER = {"budget=2000": "budget=40, spaces=['pit-micro'], datasets=['digits'], progress=False"}


def test_it_is_read_in_two_minutes():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1200
    assert max(map(len, text.splitlines())) <= 140


def test_its_table_is_that_of_the_stored_results():
    text = README.read_text(encoding="utf-8")
    assert script(ROOT / "benchmarks" / "quality" / "readme.py").written(text) == text


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"line {block.line}")
def test_each_block_of_python_runs_by_itself(block: Block, python, tmp_path):
    code = block.code
    for shown, run in SMALLER.items():
        code = code.replace(shown, run)
    done = python.run(["-c", code], cwd=tmp_path)
    printed, said = done.communicate()
    assert done.returncode == 0, said[-2000:]
    assert printed
