"""Figures show their data."""

import numpy as np
import pytest
from scipy import stats

from autoprox.predict.parzc.aggregator_figures import (
    calibration_figure,
    coverage,
    importance_figure,
    learning_curve_figure,
    prediction_figure,
)


def test_importance_has_a_line_a_role():
    axes = importance_figure([0.1, 0.4, 0.3, 0.2], ["embed.0", "mlp.1", "mlp.0", "stem"]).axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {"embed": [[0, 0.1]], "mlp": [[0, 0.3], [1, 0.4]], "stem": [[0, 0.2]]}
    with pytest.raises(ValueError, match="one importance for each of 1 nodes"):
        importance_figure([0.1, 0.4], ["mlp.0"])


def test_predictions_have_a_panel_a_group(tmp_path):
    figure = prediction_figure([1, 2, 3, 4], [1, 3, 2, 2], [0.1] * 4, ["b", "b", "a", "a"])
    assert [axes.get_title() for axes in figure.axes] == ["a Kendall nan", "b Kendall 1.00"]
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_calibration_of_normal_predictions_is_the_diagonal():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=4000), rng.uniform(0.5, 2, size=4000)
    targets = mean + std * rng.normal(size=4000)
    promised, inside = calibration_figure(targets, mean, std).axes[0].lines[1].get_xydata().T
    assert np.abs(promised - inside).max() < 0.03  # four standard errors
    assert coverage(targets, mean, std) == pytest.approx(np.mean(stats.norm.cdf(np.abs(targets - mean) / std) < 0.95))
    with pytest.raises(ValueError, match=r"the shape \(n,\)"):
        coverage([1.0], [1.0, 2.0], [1.0])


def test_learning_curves_show_means_and_standard_errors():
    figure = learning_curve_figure([8, 16], {"ridge": [[0.2, 0.4], [0.5, 0.7]]})
    (container,) = figure.axes[0].containers
    assert np.allclose(container.lines[0].get_xydata(), [[8, 0.3], [16, 0.6]])
    segments = container.lines[2][0].get_segments()
    assert np.ptp(segments[0][:, 1]) == pytest.approx(2 * 0.1 / np.sqrt(2))
    with pytest.raises(ValueError, match="one row for each of 2 sizes"):
        learning_curve_figure([8, 16], {"ridge": [[0.2, 0.4]]})
