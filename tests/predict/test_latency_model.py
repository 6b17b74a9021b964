"""Latency models: layers, the choice of a kind, and costs, with simulated clocks."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import nn

import autoprox
from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.networks.latency import Conditions, fastest_forward, time_forward
from autoprox.predict import LatencyModel, PredictedLatency, PredictionError, profile
from autoprox.predict import _device_profile as device
from autoprox.predict import _layer_times as layers
from autoprox.predict._latency_model import LINEAR, LOGARITHMIC, LOOKUP, fitted
from autoprox.search import Constraints
from autoprox.spaces import TaskShape, load_space
from tests.search.worlds import TASK, TINY
from tests.spaces.conv_mixer import space as mixers

SHAPE = TaskShape(4, 8, 1)
RNG = np.random.default_rng(0)
ARCHS = list(dict.fromkeys(TINY.sample(RNG) for _ in range(60)))


def block_seconds(block) -> float:
    """A simulated cost of a module that depends on its sizes."""
    return 1e-6 * sum(each.numel() for each in block.parameters()) ** 0.7 + 1e-5


@pytest.fixture
def machine(monkeypatch):
    """A simulated machine: a network takes the time of its layers and a little more; counts measurements."""
    made = {"noise": lambda: 1.0, "calls": 0}

    def timed(model, *_):
        made["calls"] += 1
        if isinstance(model, layers._Call):
            return block_seconds(model.module)
        total = sum(map(block_seconds, [model.patch_embed, *model.blocks, model.norm, model.head]))
        return (3e-5 + 1.1 * total) * made["noise"]()

    monkeypatch.setattr(device, "fastest_forward", timed)
    monkeypatch.setattr(layers, "fastest_forward", timed)
    return made


def test_layers_are_the_blocks_and_what_stands_beside_them():
    genes = {"hidden_dim": 8, "depth": 3, "mlp_ratio": [1, 2, 1], "num_heads": [2, 2, 1]}
    keys = [each.key for each in layers.layers_of(TINY, TINY.arch(genes), SHAPE, 1)]
    assert len(keys) == 6
    assert (
        keys[1]
        == [each.key for each in layers.layers_of(TINY, TINY.arch({**genes, "num_heads": [2, 1, 2]}), SHAPE, 1)][3]
    )
    assert len({*keys}) == 6  # ratio and heads change the work
    other = [each.key for each in layers.layers_of(TINY, TINY.arch(genes), TaskShape(4, 16, 1), 1)]
    assert keys[0] != other[0]  # larger patches
    batched = [each.key for each in layers.layers_of(TINY, TINY.arch(genes), SHAPE, 4)]
    assert not set(keys) & set(batched)


def test_rates_of_training_do_not_tell_layers_apart():
    tiny = load_space("autoformer-ti")
    arch = tiny.arch({"hidden_dim": 192, "depth": 12, "mlp_ratio": [4.0] * 12, "num_heads": [3] * 12})
    assert len({each.drop_path for each in tiny.build(arch, 10, 32).blocks}) == 12
    assert len({each.key for each in layers.layers_of(tiny, arch, TaskShape(10, 32, 3), 1)}) == 4


def test_a_layer_is_timed_with_what_it_was_called_with():
    arch = mixers.arch({"depth": [1, 2], "width": [8, 12], "kernel": [3, 5], "mixer": "grouped"})
    found = layers.layers_of(mixers, arch, TaskShape(4, 8, 1), 1)
    assert len(found) == len(list(mixers.build(arch, 4, 8, 1)))  # a Sequential is expanded
    assert all(each.time(1, "wall") > 0 for each in found)


@pytest.mark.usefixtures("machine")
def test_a_profile_finds_the_latency_that_its_machine_has(tmp_path):
    found = profile(TINY, SHAPE, ARCHS[:50], journal=tmp_path / "profile.sqlite")
    assert found.model.kind == LOOKUP
    assert found.model.line == pytest.approx((3e-5, 1.1), rel=1e-6)
    assert set(found.chosen_by) == {LOOKUP, LINEAR, LOGARITHMIC}
    assert found.error.mape == pytest.approx(np.mean(np.abs(found.predicted - found.measured) / found.measured))
    assert found.error.tau == pytest.approx(kendalltau(found.predicted, found.measured).statistic)
    assert found.error.rmse == pytest.approx(np.sqrt(np.mean((found.predicted - found.measured) ** 2)))
    assert found.repeats.difference == 0
    assert not found.repeats.noisy
    assert len(found.measured) == 10


def test_a_profile_goes_on_where_it_was_killed_and_belongs_to_its_networks(machine, tmp_path):
    journal = tmp_path / "profile.sqlite"

    def until_7(items, _total, done):
        assert done == 0
        for count, each in enumerate(items, start=1):
            if count == 7:
                raise KeyboardInterrupt
            yield each

    with pytest.raises(KeyboardInterrupt):
        profile(TINY, SHAPE, ARCHS[:30], journal=journal, progress=until_7)
    before = machine["calls"]
    assert device.recorded_timings(journal) == before == 7
    found = profile(TINY, SHAPE, ARCHS[:30], journal=journal)
    total = machine["calls"]
    assert profile(TINY, SHAPE, ARCHS[:30], journal=journal).model.identity == found.model.identity
    assert machine["calls"] == total == device.ROUNDS * (30 + found.layers)
    with pytest.raises(StoreMismatchError, match="made with another"):
        profile(TINY, SHAPE, ARCHS[:31], journal=journal)


def test_a_machine_that_does_not_agree_with_itself_is_said_to_be_noisy(machine):
    rng = np.random.default_rng(0)
    machine["noise"] = lambda: float(np.exp(rng.normal(scale=0.5)))
    assert profile(TINY, SHAPE, ARCHS[:30]).repeats.noisy
    machine["noise"] = lambda: float(np.exp(rng.normal(scale=0.01)))
    assert not profile(TINY, SHAPE, ARCHS[:30]).repeats.noisy
    with pytest.raises(SpecError, match="`rounds` is 1"):
        profile(TINY, SHAPE, ARCHS[:30], rounds=1)


def test_what_disturbs_some_rounds_of_a_machine_does_not_count(machine):
    steady = profile(TINY, SHAPE, ARCHS[:20], rounds=2)
    rng = np.random.default_rng(0)
    machine["noise"] = lambda: float(rng.choice([1.0, 3.0]))
    disturbed = profile(TINY, SHAPE, ARCHS[:20], rounds=10)
    np.testing.assert_array_equal(disturbed.measured, steady.measured)
    assert steady.disturbed == disturbed.repeats.difference == 0


def test_two_profiles_of_a_steady_machine_agree(machine):
    rng = np.random.default_rng(1)
    machine["noise"] = lambda: float(np.exp(rng.normal(scale=0.02)))
    first, second = (profile(TINY, SHAPE, archs).model for archs in (ARCHS[:40], ARCHS[20:]))
    a, b = first.predict(ARCHS), second.predict(ARCHS)
    assert np.median(np.abs(a - b) / a) < 0.02
    assert kendalltau(a, b).statistic > 0.95


@pytest.mark.usefixtures("machine")
def test_a_layer_that_was_not_measured_leaves_the_regression():
    model = profile(TINY, SHAPE, ARCHS[:50]).model
    bare = replace(model, kind=LOOKUP, times={})
    np.testing.assert_allclose(bare.predict(ARCHS), model.regression.predict(ARCHS))
    offset, factor = model.line
    assert bare.predict_from(ARCHS[:2], np.array([np.nan, 1.0]))[1] == pytest.approx(offset + factor)


def test_a_lookup_falls_back_on_the_regression_that_predicts_better():
    """Seconds that are a product of genes are linear only after a logarithm."""
    products = np.array([TINY.counts(arch, *SHAPE).macs ** 1.5 * 1e-9 for arch in ARCHS])
    keys = {each.key for arch in ARCHS for each in layers.layers_of(TINY, arch, SHAPE, 1)}
    about = (TINY, SHAPE, Conditions(), ARCHS)
    model, errors = fitted(*about, products, dict.fromkeys(keys, 1e-5), {})
    assert model.logarithmic == (errors[LOGARITHMIC] < errors[LINEAR])
    assert model.logarithmic
    sums = np.array([sum(TINY.features(arch).values()) for arch in ARCHS])
    model, errors = fitted(*about, sums, dict.fromkeys(keys, 1e-5), {})
    assert not model.logarithmic
    assert errors[LINEAR] == pytest.approx(0, abs=1e-3)


def test_halves_that_rank_networks_otherwise_are_noise_however_little_they_differ():
    seconds = np.linspace(1.0, 1.05, 20)
    assert not device.Repeats.of(seconds, seconds).noisy
    mixed = device.Repeats.of(seconds, seconds[::-1])
    assert mixed.difference < 0.1
    assert mixed.noisy


def test_it_is_a_cost_that_a_search_keeps_without_measuring(machine, tmp_path):
    model = profile(TINY, SHAPE, ARCHS[:50]).model
    model.save(tmp_path / "latency.json")
    again = LatencyModel.load(tmp_path, TINY)
    np.testing.assert_array_equal(again.predict(ARCHS), model.predict(ARCHS))
    assert again.identity == model.identity
    cost = PredictedLatency(again)
    assert not cost.measured
    bound = float(np.median(model.predict(ARCHS)))
    before = machine["calls"]
    found = autoprox.search.run(
        lambda network, *_: float(sum(each.numel() for each in network.parameters())),
        TINY,
        Constraints({"latency": cost}, max_latency=bound),
        np.random.default_rng(0),
        task=TASK,
        budget=20,
    )
    assert machine["calls"] == before
    assert len(found.candidates) == 20
    for each in found.candidates:
        assert each.costs["latency"] == model.predict([each.arch])[0] <= bound
    with pytest.raises(SpecError, match="for 4 classes and images of 8 px with 1 channels, not for 4 classes"):
        cost.of(TINY, ARCHS[0], TaskShape(4, 16, 1))
    pit = load_space("pit-micro")
    with pytest.raises(SpecError, match="is for the space 'tiny', not for 'pit-micro'"):
        cost.of(pit, pit.sample(RNG), SHAPE)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("change", [{"kind": "regression"}, {"kind": "none"}, {"format": "x"}, {"line": None}])
def test_a_damaged_model_is_refused(tmp_path, change):
    profile(TINY, SHAPE, ARCHS[:50]).model.save(tmp_path / "latency.json")
    document = json.loads((tmp_path / "latency.json").read_text()) | change
    (tmp_path / "latency.json").write_text(json.dumps(document))
    with pytest.raises(StoreMismatchError, match=r"was changed|does not hold"):
        LatencyModel.load(tmp_path, TINY)


@pytest.mark.usefixtures("machine")
def test_a_model_of_an_earlier_format_says_how_it_is_made_again(tmp_path):
    profile(TINY, SHAPE, ARCHS[:50]).model.save(tmp_path / "latency.json")
    document = json.loads((tmp_path / "latency.json").read_text()) | {"format_version": 1}
    (tmp_path / "latency.json").write_text(json.dumps(document))
    with pytest.raises(StoreMismatchError, match=r"format version 1, not 2\. Resume the profile"):
        LatencyModel.load(tmp_path, TINY)


def test_the_clock_of_the_processor_leaves_out_what_a_thread_waits():
    class Sleepy(nn.Module):
        def forward(self, images):
            time.sleep(0.0005)
            return images

    images = torch.zeros(1)
    assert time_forward(Sleepy(), images).median > 0.0005
    assert time_forward(Sleepy(), images, clock="cpu").median < 0.0003
    assert fastest_forward(Sleepy(), images) > 0.0005
    assert fastest_forward(Sleepy(), images, clock="cpu") < 0.0003
    with pytest.raises(SpecError, match="covers only one thread"):
        time_forward(Sleepy(), images, threads=2, clock="cpu")
    assert Conditions(1, 1, "cpu").text == "1 thread, 1 image, processor time"


def test_errors_are_those_of_their_definitions():
    found = PredictionError.of([2.0, 4.0, 8.0], [1.0, 5.0, 4.0])
    assert found.tau == pytest.approx(1 / 3)
    assert found.rmse == pytest.approx(np.sqrt((1 + 1 + 16) / 3))
    assert found.mape == pytest.approx((0.5 + 0.25 + 0.5) / 3)
