"""Latency: what is timed, and under which conditions; the values themselves differ from machine to machine."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import StoreMismatchError
from autoprox.networks.latency import Latency, Timing, indistinct, latency_path, machine, time_forward
from autoprox.spaces import TaskShape, load_space
from autoprox.spaces.costs import COSTS

MICRO = load_space("autoformer-micro")
ARCH = MICRO.sample(np.random.default_rng(0))
TASK = TaskShape(10, 8, 1)


class Watched(nn.Module):
    """Takes at least as long as it says, and notes what it is called with."""

    def __init__(self, seconds=0.0):
        super().__init__()
        self.seconds, self.seen = seconds, []

    def forward(self, images):
        self.seen.append((images.shape, torch.get_num_threads(), torch.is_inference_mode_enabled()))
        time.sleep(self.seconds)
        return images


def test_a_timing_is_no_shorter_than_the_forward_pass():
    model = Watched(seconds=0.004)
    timing = time_forward(model, torch.zeros(1, 2))
    assert timing.median >= 0.004
    assert timing.spread >= 0
    assert timing.repeats >= 10
    assert len(model.seen) > timing.repeats  # the warm-up is not counted


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([(1.0, 0.5)], 0),
        ([(1.0, 0.1), (1.2, 0.1)], 0),  # at most 1.05, at least 1.14
        ([(1.2, 0.2), (1.0, 0.2)], 1),  # at most 1.10, at least 1.08
        ([(1.0, 0.0), (1.0, 0.0)], 0),
        ([(1.0, 0.3), (3.0, 0.1), (1.1, 0.3), (1.2, 0.3)], 2),
    ],
)
def test_latencies_inside_the_spread_are_counted(rows, expected):
    assert indistinct(Timing(median, spread, 9) for median, spread in rows) == expected


def test_threads_are_fixed_and_given_back():
    before = torch.get_num_threads()
    for threads in (1, 2):
        model = Watched()
        time_forward(model, torch.zeros(3, 2), threads)
        assert set(model.seen) == {((3, 2), threads, True)}
    assert torch.get_num_threads() == before


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_network_of_the_architecture_is_timed_once(monkeypatch):
    seen = []

    def timed(model, images, threads):
        seen.append((sum(each.numel() for each in model.parameters()), model.training, images.shape, threads))
        return Timing(0.25, 0.5, 10)

    monkeypatch.setattr("autoprox.networks.latency.time_forward", timed)
    latency = Latency(threads=2, batch_size=5)
    assert latency.of(MICRO, ARCH, TASK) == 0.25
    assert latency.spread(MICRO, ARCH, TASK) == 0.5
    assert seen == [(MICRO.counts(ARCH, *TASK).params, False, (5, 1, 8, 8), 2)]
    for other in (Latency(threads=2, batch_size=4), Latency(threads=1, batch_size=5)):
        other.of(MICRO, ARCH, TASK)
    latency.of(MICRO, ARCH, TaskShape(9, 8, 1))
    latency.of(MICRO, MICRO.sample(np.random.default_rng(1)), TASK)
    assert len(seen) == 5
    monkeypatch.setattr("autoprox.networks.latency.machine", lambda: ("another", "machine"))
    latency.of(MICRO, ARCH, TASK)
    assert len(seen) == 6


def test_a_damaged_file_is_named():
    latency_path().parent.mkdir(parents=True)
    latency_path().write_bytes(b"no database at all, whatever it is called" * 100)
    with pytest.raises(StoreMismatchError, match=r"latency\.sqlite"):
        Latency().of(MICRO, ARCH, TASK)


def test_it_is_a_cost_that_has_to_be_measured():
    cost = COSTS["latency"]
    assert cost.measured
    assert not cost.additive
    assert cost.unit.parse("20ms") == 0.02


@pytest.mark.parametrize("other", [Latency(threads=2), Latency(batch_size=2)])
def test_an_identity_says_how_and_where(other):
    assert other.identity != Latency().identity
    assert other.identity[-len(machine()) :] == list(machine())
