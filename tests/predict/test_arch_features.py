"""Features of architectures of any space, against plain loops, and the regression on them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.networks import define_space
from autoprox.predict import ArchFeatures, ArchRegression
from autoprox.predict._arch_features import parts_of
from autoprox.spaces import SPACES, Gene, Length, Total, load_space
from tests.spaces.conv_mixer import space as mixers

MICRO = load_space("autoformer-micro")


def nothing(genes, task):
    raise NotImplementedError


def test_columns_of_each_kind_of_gene():
    genes = [
        Gene("width", (8, 16)),
        Gene("mixer", ("pool", "conv", "attention")),
        Gene("layers", ((1, 2), (2, 2))),
        Gene("kind", (("a", "b"), ("a", "c", "b"))),
        Gene("depth", (1, 2), along=2),
        Gene("kernel", (3, 5), along=Length("depth")),
        Gene("ratio", (1.0, 2.0), along=Total("depth")),
        Gene("act", ("relu", "gelu"), along=Total("depth")),
        Gene("bits", (2, 4, 8), along=lambda genes: 3 * len(genes["depth"]) + 1),
        Gene("fixed", (7,)),
    ]
    space = define_space("kinds", genes, nothing, img_sizes=[8], features=lambda _: {})
    arch = space.arch(
        {
            "width": 16,
            "mixer": "conv",
            "layers": [1, 2],
            "kind": ["a", "c", "b"],
            "depth": [1, 2],
            "kernel": [3, 5],
            "ratio": [1.0, 1.0, 2.0],
            "act": ["gelu", "relu", "gelu"],
            "bits": [2, 2, 2, 4, 8, 8, 8],
            "fixed": 7,
        }
    )
    features = ArchFeatures(space)
    assert features.frame([arch]).iloc[0].to_dict() == pytest.approx(
        {
            "width": 16,
            "mixer=conv": 1,
            "mixer=attention": 0,
            "layers_1": 1,
            "layers_2": 2,
            "kind=['a', 'c', 'b']": 1,
            "depth_1": 1,
            "depth_2": 2,
            "kernel_1": 3,
            "kernel_2": 5,
            "ratio_1": 1.0,
            "ratio_2": 1.5,
            "act_1=gelu": 1,
            "act_2=gelu": 0.5,
            "bits_1": 2,
            "bits_2": (2 * 2 + 4 * 3 + 8 * 2) / 7,
            "bits_3": 8,
        }
    )
    assert ("width", "layers_2") in features.interactions
    assert ("depth_1", "ratio_1") in features.interactions
    assert ("depth_1", "ratio_2") not in features.interactions
    assert not any("=" in name or name == "fixed" for pair in features.interactions for name in pair)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=15), st.integers(1, 5))
def test_parts_are_the_means_of_the_list_stretched_to_a_multiple(values, parts):
    stretched = np.repeat(values, parts).reshape(parts, -1).mean(axis=1)
    found = [sum(value * weight for value, weight in part) for part in parts_of(values, parts)]
    np.testing.assert_allclose(found, stretched, atol=1e-9)


@pytest.mark.parametrize("space", [*SPACES, mixers], ids=lambda space: space if isinstance(space, str) else space.name)
def test_a_regression_of_any_space_finds_a_target_that_is_linear_in_its_features(space):
    space = load_space(space)
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(400)]
    features = ArchFeatures(space)
    frame = features.frame(archs)
    assert list(frame) == features.names == list(dict.fromkeys(features.names))
    terms = frame.assign(**{f"{a} * {b}": frame[a] * frame[b] for a, b in features.interactions})
    target = terms.to_numpy() @ rng.normal(size=terms.shape[1])
    regression = ArchRegression(space).fit(archs[:300], target[:300])
    np.testing.assert_allclose(regression.predict(archs[300:]), target[300:], rtol=1e-6, atol=1e-6)
    assert regression.summary().r2 == pytest.approx(1)
    assert regression.explain(archs[-1]).sum() == pytest.approx(target[-1], rel=1e-6, abs=1e-6)


def test_a_space_in_which_nothing_varies_is_refused():
    still = define_space("still", [Gene("width", (8,))], nothing, img_sizes=[8])
    with pytest.raises(SpecError, match="No gene of the space 'still' has several choices"):
        ArchRegression(still).fit([still.arch({"width": 8})] * 3, [1.0, 2.0, 3.0])


def test_a_regression_returns_from_its_document_and_belongs_to_its_space():
    rng = np.random.default_rng(1)
    archs = [MICRO.sample(rng) for _ in range(30)]
    fitted = ArchRegression(MICRO).fit(archs, rng.normal(size=30))
    again = ArchRegression.from_document(fitted.to_document(), MICRO)
    np.testing.assert_array_equal(again.predict(archs), fitted.predict(archs))
    pd.testing.assert_frame_equal(again.summary().terms, fitted.summary().terms)
    assert str(again.summary()) == str(fitted.summary())
    with pytest.raises(SpecError, match="fitted in the space 'autoformer-micro', not in 'pit-micro'"):
        ArchRegression.from_document(fitted.to_document(), load_space("pit-micro"))
    with pytest.raises(SpecError, match="an earlier form"):
        ArchRegression.from_document({**fitted.to_document(), "identity": 99}, MICRO)
