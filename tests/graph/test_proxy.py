"""Proxies as files and as scorers of live models."""

import json

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.digest import digest
from autoprox.base.errors import AutoproxError, KindError, RegistryError, StoreMismatchError, UndefinedScoreError
from autoprox.graph import Proxy, parse


@pytest.fixture
def saved(tmp_path):
    proxy = Proxy("mine", parse("nodes_sum(log(l1(weight_grad)))"), -1, {"seed": 3}, {"golden": []})
    proxy.save(tmp_path / "best.json")
    return proxy, tmp_path / "best.json"


def test_round_trip(saved):
    proxy, path = saved
    assert Proxy.read(path) == proxy
    assert autoprox.load(path) == proxy
    assert autoprox.load(path.parent) == proxy
    first = path.read_bytes()
    proxy.save(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(sign=1), "was edited"),
        (lambda d: d.update(graph="nodes_sum(params)"), "was edited"),
        (lambda d: d["provenance"].update(seed=4), "was edited"),
        (lambda d: d.pop("digest"), "was edited"),
        (lambda d: d.update(format_version=99), "format version 99"),
        (lambda d: d.update(format="other"), "does not contain a proxy"),
    ],
)
def test_edited_files_are_refused(saved, change, message):
    _, path = saved
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(StoreMismatchError, match=message):
        autoprox.load(path)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"graph": "nodes_sum(l2(weight))"},
            RegistryError,
            r"Unknown primitive 'l2'.*Did you mean 'l1'.*register it first",
        ),
        ({"graph": "nodes_sum(l1(weights))"}, RegistryError, r"Unknown statistic 'weights'.*Did you mean 'weight'"),
        ({"graph": "nodes_sum(weight)"}, RegistryError, r"'nodes_sum' exists for NODE arguments, not for TENSOR"),
        ({"graph": "nodes_sum(l1(mul(weight, input)))"}, KindError, r"cannot pair TENSOR\[linear, weight\] with"),
        ({"graph": "nodes_sum(l1(neg(weight, weight)))"}, KindError, r"'neg' takes 1 argument\(s\), 2 given"),
        ({"graph": "nodes_sum(l1(weight"}, KindError, r"Cannot read the graph text"),
        ({"graph": "l1(weight)", "graph_digest": parse("l1(weight)").digest}, KindError, r"needs a SCALAR graph"),
        ({"graph_digest": "0" * 32}, StoreMismatchError, r"other versions of its statistics or primitives"),
        ({"sign": 0}, KindError, r"sign of a proxy is 1 or -1, not 0"),
        ({"sign": "1"}, StoreMismatchError, r"no valid sign"),
        ({"graph": None, "results": []}, StoreMismatchError, r"no valid graph, results"),
        ({"format_version": 2}, StoreMismatchError, r"format version 2, this autoprox reads version 1"),
    ],
)
def test_what_another_program_wrote_is_refused_by_name(saved, change, error, message):
    """The digest fits: it is not an edited file, and still none that can be read."""
    _, path = saved
    document = {key: value for key, value in json.loads(path.read_text()).items() if key != "digest"} | change
    path.write_text(json.dumps({**document, "digest": digest(document)}))
    with pytest.raises(error, match=rf"best\.json.*{message}"):
        autoprox.load(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00\xff"])
def test_what_is_no_proxy_is_refused(tmp_path, content):
    path = tmp_path / "best.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(StoreMismatchError, match=r"best\.json"):
        autoprox.load(path)


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(RegistryError, match="Did you mean 'snip'"):
        autoprox.load("snipp")


def test_path_wins_over_name(tmp_path, monkeypatch, saved):
    proxy, path = saved
    monkeypatch.chdir(tmp_path)
    path.rename(tmp_path / "snip")
    assert autoprox.load("snip") == proxy


def test_graph_must_be_scalar_and_sign_one():
    with pytest.raises(KindError, match="SCALAR"):
        Proxy("half", parse("l1(weight)"))
    with pytest.raises(KindError, match="sign"):
        Proxy("zero", parse("nodes_sum(params)"), 0)


def test_sign_is_part_of_the_score():
    model = autoprox.space("pit-micro").build(
        autoprox.space("pit-micro").sample(np.random.default_rng(0)), num_classes=3, img_size=8, in_chans=1, seed=0
    )
    images, labels = np.ones((2, 1, 8, 8), dtype=np.float32), np.array([0, 2])
    up, down = (Proxy("p", parse("nodes_sum(l1(weight))"), sign).score(model, images, labels) for sign in (1, -1))
    assert up == -down > 0


def test_undefined_score_is_an_error_for_one_and_nan_among_many():
    model = autoprox.space("pit-micro").build(
        autoprox.space("pit-micro").sample(np.random.default_rng(0)), num_classes=3, img_size=8, in_chans=1, seed=0
    )
    with torch.no_grad():
        next(module for module in model.modules() if isinstance(module, torch.nn.Linear)).weight.fill_(float("inf"))
    proxy = Proxy("p", parse("nodes_sum(l1(weight))"))
    images, labels = np.ones((2, 1, 8, 8), dtype=np.float32), np.array([0, 2])
    with pytest.raises(UndefinedScoreError, match="no finite value"):
        proxy.score(model, images, labels)
    assert np.isnan(proxy.score_many([model], images, labels)).all()
    assert issubclass(UndefinedScoreError, AutoproxError)
