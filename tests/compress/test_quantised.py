"""Weights on symmetric grids, activations on affine ones."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autoprox.errors import SpecError
from autoprox.networks.quantised import ActivationQuantiser, check_bits, quantised

BITS = st.integers(2, 8)
FLOATS = st.floats(-100, 100, width=32).filter(lambda value: value == 0 or abs(value) > 1e-6)
WEIGHTS = arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 12)), elements=FLOATS)


@given(WEIGHTS, BITS)
def test_quantising_twice_changes_no_bit(weight, bits):
    once = quantised(torch.from_numpy(weight), bits).values
    assert torch.equal(quantised(once, bits).values, once)


@given(WEIGHTS, BITS)
def test_codes_are_symmetric_and_values_are_codes_times_a_scale_of_their_channel(weight, bits):
    found = quantised(torch.from_numpy(weight), bits)
    top = 2 ** (bits - 1) - 1
    assert found.codes.dtype == torch.int8
    assert int(found.codes.abs().max()) <= top
    for codes, scale, values in zip(found.codes.tolist(), found.scales.tolist(), found.values.tolist(), strict=True):
        assert scale > 0
        assert values == pytest.approx([code * scale for code in codes], rel=1e-7)
    mirrored = quantised(-torch.from_numpy(weight), bits)
    assert torch.equal(mirrored.values, -found.values)


@given(WEIGHTS, BITS)
def test_channels_do_not_see_each_other(weight, bits):
    whole = quantised(torch.from_numpy(weight), bits).values
    for row, alone in zip(whole, torch.from_numpy(weight), strict=True):
        assert torch.equal(quantised(alone[None], bits).values[0], row)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_the_error_is_that_of_the_best_scale(bits):
    weight = np.random.default_rng(0).standard_t(4, (3, 200)).astype(np.float32)
    found = quantised(torch.from_numpy(weight), bits).values.numpy()
    top = 2 ** (bits - 1) - 1
    for row, got in zip(weight.astype(np.float64), found, strict=True):
        full = np.abs(row).max() / top
        errors = []
        for scale in np.linspace(full / 20, full, 4000):
            rounded = np.clip(np.round(row / scale), -top, top) * scale
            errors.append(((row - rounded) ** 2).sum())
        assert ((row - got) ** 2).sum() <= 1.01 * min(errors)


@given(WEIGHTS)
def test_more_bits_are_nearer(weight):
    # Eight bits without clipping err by half a step of top / 127; two bits can do no better than leave one value.
    given_weight = torch.from_numpy(weight)
    near = (quantised(given_weight, 8).values - given_weight).square().sum(1)
    far = (quantised(given_weight, 2).values - given_weight).square().sum(1)
    step = given_weight.abs().amax(1) / 127
    assert (near <= weight.shape[1] * (0.51 * step) ** 2 + 1e-12).all()
    assert (far <= given_weight.square().sum(1) + 1e-6).all()


def test_the_channels_of_a_transposed_weight_are_its_columns():
    weight = torch.from_numpy(np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32))
    assert torch.equal(quantised(weight.T, 3, dim=1).values, quantised(weight, 3).values.T)


@pytest.mark.parametrize("bits", [0, 1, 9, 16, 4.0, True, "4", None])
def test_other_numbers_of_bits_are_refused(bits):
    with pytest.raises(SpecError, match="not allowed as a number of bits"):
        check_bits(bits)


@given(st.floats(-10, 0), st.floats(0, 10), BITS, st.integers(0, 2**31))
def test_activations_take_few_values_in_their_range(low, high, bits, seed):
    rounding = ActivationQuantiser(low, high, bits)
    values = torch.from_numpy(np.random.default_rng(seed).uniform(low - 1, high + 1, 500)).requires_grad_()
    found = rounding.rounded(values)
    step = (high - low) / (2**bits - 1) or 1.0
    assert len(found.detach().unique()) <= 2**bits
    inside = ((values >= low + step) & (values <= high - step)).detach()
    assert ((found - values).detach()[inside].abs() <= 0.51 * step + 1e-9).all()
    assert torch.allclose(rounding.rounded(found), found, atol=1e-9)
    found.sum().backward()
    assert (values.grad[inside] == 1).all()
    assert (values.grad[(values > high + step) | (values < low - step)] == 0).all()


def test_zero_stays_zero():
    assert ActivationQuantiser(-1.3, 2.9, 3).rounded(torch.zeros(2)).tolist() == [0.0, 0.0]
