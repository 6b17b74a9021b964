"""Ridge and forward selection against scikit-learn and brute force, and the treatment of useless terms."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge

from autoprox.evolve._fitting import FOLDS, PENALTIES, Samples, fold_numbers, forward, ridge


def samples_of(terms, labels):
    folds = [fold_numbers(len(each), 0) for each in labels]
    return Samples(terms, labels, folds, np.full(len(labels), 1 / len(labels)))


def made(seed, count=60, number=6, noise=0.3):
    rng = np.random.default_rng(seed)
    terms = [rng.normal(size=(count, number)) * 10.0 ** np.arange(number) + 100 for _ in range(2)]
    labels = [each @ (np.array([2, -1, 0, 0, 0, 0]) / 10.0 ** np.arange(number)) for each in terms]
    return terms, [each + noise * rng.normal(size=count) for each in labels]


def normal_scores(labels):
    return stats.norm.ppf((stats.rankdata(labels) - 0.5) / len(labels))


def test_ridge_is_scikit_learns_at_the_penalty_that_brute_force_finds():
    terms, labels = made(0)
    samples = samples_of(terms, labels)
    scale = np.sqrt(np.mean([each.var(axis=0) for each in terms], axis=0))
    targets = [normal_scores(each) for each in labels]

    def fitted(kept, penalty):
        rows = np.concatenate([t[k] / scale - (t[k] / scale).mean(axis=0) for t, k in zip(terms, kept, strict=True)])
        own = np.concatenate([normal_scores(each[k]) for each, k in zip(labels, kept, strict=True)])
        # The loss here is a mean over rows, scikit-learn's is a sum.
        return Ridge(alpha=penalty * len(rows), fit_intercept=False).fit(rows, own).coef_

    errors = []
    for penalty in PENALTIES:
        error = 0.0
        for fold in range(FOLDS):
            kept = [each != fold for each in samples.folds]
            weights = fitted(kept, penalty)
            for each, target, keep in zip(terms, targets, kept, strict=True):
                centre = (each[keep] / scale).mean(axis=0)
                error += np.square((each[~keep] / scale - centre) @ weights - target[~keep]).sum()
        errors.append(error)
    everything = [np.ones(len(each), dtype=bool) for each in labels]
    expected = fitted(everything, PENALTIES[int(np.argmin(errors))]) / scale
    np.testing.assert_allclose(ridge(samples), expected, rtol=1e-8)


def test_forward_selection_finds_the_terms_that_matter_and_their_least_squares():
    terms, labels = made(1, noise=0.01)
    found = forward(samples_of(terms, labels), 4)
    assert list(found)[:2] == [0, 1]
    chosen = list(found)
    rows = np.concatenate([each[:, chosen] - each[:, chosen].mean(axis=0) for each in terms])
    targets = np.concatenate([normal_scores(each) for each in labels])
    expected = LinearRegression(fit_intercept=False).fit(rows, targets).coef_
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-3, atol=1e-7)


def test_terms_that_say_nothing_have_no_weight():
    terms, labels = made(2)
    terms = [np.column_stack([each, np.full(len(each), 7.0), each[:, 0]]) for each in terms]
    weights = ridge(samples_of(terms, labels))
    assert weights[6] == 0
    assert weights[0] == pytest.approx(weights[7])
    found = forward(samples_of(terms, labels), 8)
    assert 6 not in found
    assert len({0, 7} & set(found)) == 1


def test_a_term_alone_and_none_at_all():
    terms, labels = made(3)
    alone = forward(samples_of([each[:, :1] for each in terms], labels), 8)
    assert list(alone) == [0]
    assert forward(samples_of([each[:, :1] * 0 for each in terms], labels), 8) == {}
    assert not ridge(samples_of([each[:, :1] * 0 for each in terms], labels)).any()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_few_architectures_are_fitted_without_a_warning(count):
    terms, labels = made(4, count=count)
    assert np.isfinite(ridge(samples_of(terms, labels))).all()
    assert np.isfinite(list(forward(samples_of(terms, labels), 3).values())).all()


def test_an_architecture_is_in_one_fold_and_folds_are_alike():
    folds = fold_numbers(23, 1)
    assert sorted(np.bincount(folds)) == [4, 4, 5, 5, 5]
    assert (folds == fold_numbers(23, 1)).all()
