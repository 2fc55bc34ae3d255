"""Classifier as an estimator of scikit-learn, judged by scikit-learn."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from handstitch import Classifier, load
from handstitch.errors import DataError, UsageError

SETTINGS: dict[str, Any] = {
    "hidden_sizes": (16,), "epochs": 40, "batch_size": 16, "learning_rate": 0.01, "dropout": 0.0,
    "validation": 0.0, "threads": 1, "backend": "numpy",
}  # fmt: skip

REASON = "sample_weight is not equivalent to removing/repeating samples."
"""For which scikit-learn excepts estimators of its own; the statistical test below stands in."""


def make_clouds(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four features, of which the first alone tells the two classes apart."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, 4)), rng.integers(0, 2, n)
    X[:, 0] += 3 * y
    return X, y


class Table:
    """Columns with names, as pandas and others have them."""

    def __init__(self, X: np.ndarray, columns: str) -> None:
        self.X, self.columns, self.shape = X, columns.split(), X.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.X


@pytest.mark.filterwarnings("ignore")  # the checks provoke them
def test_scikit_learn_finds_no_fault() -> None:
    results = check_estimator(
        Classifier(**SETTINGS | {"hidden_sizes": (32,), "epochs": 60}),
        expected_failed_checks={"check_sample_weight_equivalence_on_dense_data": REASON},
        on_fail=None,
        on_skip=None,
    )
    found: dict[str, list[str]] = {"passed": [], "skipped": [], "xfail": [], "failed": []}
    for result in results:
        found[result["status"]].append(f"{result['check_name']}: {result['exception']}")
    assert not found["failed"]
    assert len(found["xfail"]) == 1
    assert all("pandas" in said or "SCIPY_ARRAY_API" in said for said in found["skipped"])
    assert len(found["passed"]) >= 55


def test_a_weight_is_worth_as_many_samples() -> None:
    """The mean probability over 20 seeds: as where samples are repeated, not as without weights."""
    rng = np.random.default_rng(5)
    # Every sample has both labels, so that repeating does not change the scaling of features.
    X, y = np.repeat(rng.standard_normal((120, 2)), 2, axis=0), np.arange(240) % 2
    weights = np.where(y == 1, 3, 1)
    times = np.repeat(np.arange(240), weights)
    others = rng.standard_normal((100, 2))
    means: dict[str, list[float]] = {"weighted": [], "repeated": [], "neither": []}
    for seed in range(20):
        few, many = (
            Classifier(**SETTINGS | {"batch_size": size, "seed": seed})
            for size in (60, 120)  # as many steps
        )
        for name, classifier in {
            "weighted": clone(few).fit(X, y, sample_weight=weights),
            "repeated": clone(many).fit(X[times], y[times]),
            "neither": clone(few).fit(X, y),
        }.items():
            means[name].append(classifier.predict_proba(others)[:, 1].mean())

    def distance(one: str, other: str) -> float:
        """Of the means, in standard errors."""
        a, b = np.array(means[one]), np.array(means[other])
        return float(abs(a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 19))

    assert distance("weighted", "repeated") < 3
    assert distance("weighted", "neither") > 10


# ── Parameters and copies ──────────────────────────────────────────────────────────────────────


def test_parameters_are_set_and_cloned_without_the_network() -> None:
    X, y = make_clouds()
    classifier = Classifier(**SETTINGS).fit(X, y)
    copied = clone(classifier.set_params(epochs=3, class_weight="balanced"))
    assert copied.get_params() == classifier.get_params()
    assert (copied.epochs, copied.class_weight) == (3, "balanced")
    assert is_classifier(copied)
    check_is_fitted(classifier)
    with pytest.raises(NotFittedError):
        check_is_fitted(copied)


@pytest.mark.parametrize("copied", [lambda c: pickle.loads(pickle.dumps(c)), copy.deepcopy])
@pytest.mark.parametrize("is_image", [False, True])
def test_a_copy_predicts_the_same_and_is_trained_on(copied: Any, is_image: bool) -> None:
    X, y = make_clouds()
    if is_image:  # with receptive fields
        X = np.random.default_rng(2).integers(0, 256, (200, 14, 14), np.uint8)
        X[y == 1] //= 2
    classifier = Classifier(**SETTINGS | {"epochs": 2}).fit(X, y)
    assert (classifier.model.receptive_fields is not None) == is_image
    other = copied(classifier)
    assert other.predict_proba(X).tobytes() == classifier.predict_proba(X).tobytes()
    theta = other.model.parameters
    assert all(np.shares_memory(W, theta.vector) for W in (*theta.weights, *other.coefs_))
    assert repr(other) == repr(classifier)
    for one in (classifier, other):
        one.partial_fit(X, y).partial_fit(X, y)
    assert other.predict_proba(X).tobytes() == classifier.predict_proba(X).tobytes()


def test_attributes_are_those_of_mlp_classifier(tmp_path: Any) -> None:
    X, y = make_clouds()
    y[X[:, 1] > 1] = 2
    ours = Classifier(**SETTINGS).fit(X, np.array(["a", "b", "c"])[y])
    theirs = MLPClassifier((16,), tol=1e9, n_iter_no_change=1).fit(X, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert [W.shape for W in ours.coefs_] == [W.shape for W in theirs.coefs_]
    assert [b.shape for b in ours.intercepts_] == [b.shape for b in theirs.intercepts_]
    assert ours.n_features_in_ == theirs.n_features_in_ == 4
    assert ours.n_iter_ == len(ours.loss_curve_) == 40
    assert ours.loss_curve_[-1] < ours.loss_curve_[0]
    ours.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    for name in ("n_iter_", "n_features_in_", "loss_curve_"):
        assert getattr(loaded, name) == getattr(ours, name)


def test_what_is_not_fitted_says_so_in_both_tongues() -> None:
    for error in (NotFittedError, UsageError):
        with pytest.raises(error, match="not trained"):
            Classifier().predict([[1.0]])
    assert not hasattr(Classifier(), "classes_")
    assert not hasattr(Classifier(), "n_features_in_")


def test_it_is_drawn_for_a_notebook() -> None:
    html = make_pipeline(StandardScaler(), Classifier(epochs=7))._repr_html_()
    assert "Classifier(epochs=7)" in html
    assert "Classifier" in str(Classifier()._repr_html_())


def test_scikit_learn_is_imported_only_by_programs_that_use_it() -> None:
    program = (
        "import sys, numpy as np, handstitch as hs\n"
        "from handstitch.errors import UsageError\n"
        "c = hs.Classifier(hidden_sizes=(4,), epochs=1, backend='numpy')\n"
        "try:\n    c.predict(np.zeros((2, 3)))\nexcept UsageError:\n    pass\n"
        "c.fit(np.eye(20), np.arange(20) % 2).partial_fit(np.eye(20), np.arange(20) % 2)\n"
        "assert c._repr_html_() is None and c.get_params() and repr(c)\n"
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# ── What scikit-learn does with an estimator ───────────────────────────────────────────────────


def test_pipeline_and_grid_search() -> None:
    X, y = make_clouds()
    pipeline = Pipeline([("scale", StandardScaler()), ("network", Classifier(**SETTINGS))])
    grid = {"network__learning_rate": [1e-6, 0.01], "network__hidden_sizes": [(8,)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_["network__learning_rate"] == 0.01
    assert search.best_score_ > 0.85


def test_calibrated_classifier() -> None:
    X, y = make_clouds()
    calibrated = CalibratedClassifierCV(Classifier(**SETTINGS), cv=3)
    calibrated.fit(X, y, sample_weight=np.ones(len(y)))
    assert calibrated.score(X, y) > 0.85
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_permutation_importance() -> None:
    X, y = make_clouds()
    found = permutation_importance(Classifier(**SETTINGS).fit(X, y), X, y, random_state=0)
    assert np.argmax(found.importances_mean) == 0
    assert found.importances_mean[0] > 0.2


def test_columns_of_probabilities_are_in_the_order_that_scores_expect() -> None:
    X, y = make_clouds()
    words = np.array(["class 10", "class 9"])[y]
    scores = cross_val_score(Classifier(**SETTINGS), X, words, scoring="neg_log_loss", cv=3)
    assert scores.mean() > -0.4
    classifier = Classifier(**SETTINGS).fit(X, words)
    assert log_loss(words, classifier.predict_proba(X)) < 0.4


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 0.003, "batch_size": 32}])
def test_digits_are_learned_as_well_as_by_mlp_classifier(settings: dict[str, Any]) -> None:
    """One and a half points; bench/sklearn_digits.py has 20 settings."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)
    common = {"learning_rate": 0.001, "batch_size": 64} | settings
    ours = Classifier(**SETTINGS | common | {"hidden_sizes": (32,)}).fit(X_train, y_train)
    theirs = MLPClassifier(
        (32,), learning_rate_init=common["learning_rate"], batch_size=common["batch_size"],
        max_iter=40, tol=0, n_iter_no_change=40, alpha=0, random_state=0,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs.fit(X_train, y_train)
    assert ours.score(X_test, y_test) > theirs.score(X_test, y_test) - 0.015


# ── Names of features, weights, column vectors ─────────────────────────────────────────────────


def test_names_of_features_are_kept_and_compared() -> None:
    X, y = make_clouds()
    classifier = Classifier(**SETTINGS | {"epochs": 2}).fit(Table(X, "a b c d"), y)
    assert classifier.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    wanted = classifier.predict(Table(X, "a b c d"))
    assert classifier.score(Table(X, "a b c d"), wanted) == 1
    with pytest.raises(DataError, match="feature names should match"):
        classifier.predict(Table(X, "b a c d"))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        classifier.predict(X)
    classifier.fit(X, y)
    assert not hasattr(classifier, "feature_names_in_")
    with pytest.warns(UserWarning, match="fitted without feature names"):
        classifier.predict(Table(X, "a b c d"))


def test_samples_of_other_features_and_sparse_ones_are_refused() -> None:
    from scipy.sparse import csr_array

    X, y = make_clouds()
    classifier = Classifier(**SETTINGS | {"epochs": 1}).fit(X, y)
    for wrong, message in ((X[:, :3], "3 features, but Classifier is expecting 4"),
                           (csr_array(X), "sparse")):  # fmt: skip
        for use in (classifier.predict, lambda wrong: classifier.partial_fit(wrong, y)):
            with pytest.raises(ValueError, match=message) as caught:
                use(wrong)
            assert isinstance(caught.value, DataError)


def test_a_score_counts_the_weights() -> None:
    X, y = make_clouds()
    classifier = Classifier(**SETTINGS).fit(X, y)
    is_right = classifier.predict(X) == y
    assert classifier.score(X, y, sample_weight=is_right.astype(float)) == 1
    assert classifier.score(X, y, sample_weight=np.ones(len(y))) == classifier.score(X, y)


def test_a_column_of_labels_is_taken_with_a_warning() -> None:
    X, y = make_clouds()
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        classifier = Classifier(**SETTINGS | {"epochs": 1}).fit(X, y[:, None])
    assert classifier.predict(X).shape == (200,)


# ── Training on ────────────────────────────────────────────────────────────────────────────────


def test_samples_in_parts_are_learned() -> None:
    X, y = make_clouds(600)
    words = np.array(["b", "a"])[y]
    classifier = Classifier(**SETTINGS)
    for number in range(10):
        part = slice(60 * number, 60 * number + 60)
        assert classifier.partial_fit(X[part], words[part], classes=["a", "b"]) is classifier
    assert classifier.classes_.tolist() == ["a", "b"]
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 10
    assert [record["epoch"] for record in classifier.model.history] == [*range(1, 11)]
    assert classifier.score(X, words) > 0.85
    classifier.partial_fit(X[:5], ["a"] * 5)  # a part may lack a class
    with pytest.raises(DataError, match="unknown class: c"):
        classifier.partial_fit(X[:2], ["a", "c"])


def test_parts_continue_the_optimizer_and_shuffle_anew() -> None:
    """Two passes of a whole batch each are two steps of Adam, as `fit` takes them."""
    X, y = make_clouds(64)
    whole = SETTINGS | {"batch_size": 64, "schedule": "constant", "epochs": 2}
    fitted = Classifier(**whole).fit(X, y)
    passed = Classifier(**whole).partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_allclose(passed.coefs_[0], fitted.coefs_[0], rtol=1e-4, atol=1e-6)
    fresh = Classifier(**whole).partial_fit(X, y)
    fresh._moments = None
    assert not np.allclose(fresh.partial_fit(X, y).coefs_[0], fitted.coefs_[0], atol=1e-4)


def test_a_warm_start_goes_on_from_the_weights() -> None:
    X, y = make_clouds()
    cold = Classifier(**SETTINGS | {"epochs": 5}).fit(X, y)
    first = cold.loss_curve_[0]
    assert cold.fit(X, y).loss_curve_[0] == first
    warm = cold.set_params(warm_start=True).fit(X, y)
    assert warm.loss_curve_[0] < first / 2


def test_early_stopping_on_a_split_or_on_samples_of_ones_own() -> None:
    X = make_clouds()[0]
    noise = np.random.default_rng(1).integers(0, 2, 200)
    patient = Classifier(**SETTINGS | {"patience": 3, "validation": 0.2, "monitor": "loss"})
    assert patient.fit(X, noise).n_iter_ < 40
    own = make_clouds(80, seed=3)
    classifier = clone(patient).fit(X, noise, validation=own)
    assert classifier.n_iter_ < 40
    assert classifier.model.validation_digest
    last = classifier.model.history[-1]
    assert last["val_accuracy"] == pytest.approx(classifier.score(*own))


@pytest.mark.parametrize("weights", ["balanced", {0: 1, 1: 100}])
def test_class_weights_are_those_of_scikit_learn(weights: Any) -> None:
    X, y = make_clouds(400)
    rare = np.flatnonzero((y == 0) | (np.arange(400) % 10 == 0))
    X[:, 0] /= 3
    recalls = [
        np.mean(Classifier(**SETTINGS, class_weight=w).fit(X[rare], y[rare]).predict(X)[y == 1])
        for w in ((), weights)
    ]
    assert recalls[1] > recalls[0] + 0.1
