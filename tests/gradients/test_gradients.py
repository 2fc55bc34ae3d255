"""Back-propagation against the complex step of an independent forward pass: every parameter."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch import gradcheck
from handstitch.config import Config
from handstitch.core.activations import ACTIVATIONS
from handstitch.core.parameters import count
from handstitch.errors import HandstitchError, MachineError
from handstitch.gradcheck import KINK, TOLERANCE, Case, check, relative_errors

HIDDEN = {1: (), 2: (6,), 3: (6, 5), 4: (6, 5, 4)}
"""Depth, counted in layers of weights → widths of the hidden ones."""
PENALTIES = {"none": (0.0, False), "weights": (0.03, False), "all": (0.03, True)}


def make_problem(
    activation: Any, reduction: Any, penalty: str, dropout: tuple[float, float], depth: int
) -> Config:
    weight_decay, decay_biases = PENALTIES[penalty]
    return Config(
        hidden_sizes=HIDDEN[depth],
        activation=(activation,),
        dropout=dropout[0],
        input_dropout=dropout[1],
        weight_decay=weight_decay,
        decay_biases=decay_biases,
        reduction=reduction,
        seed=1,
    )


@pytest.mark.parametrize("depth", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_combination(activation: str, depth: int):
    """Summed or mean, no penalty or one, with and without dropout: 24 networks each."""
    drops = [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.3, 0.3)]
    for reduction, penalty, dropout in product(("sum", "mean"), PENALTIES, drops):
        problem = make_problem(activation, reduction, penalty, dropout, depth)
        verdict = check(problem, inputs=7)
        assert verdict.worst <= TOLERANCE, (problem, verdict)
        assert verdict.passed
        assert verdict.checked == verdict.parameters == count((7, *HIDDEN[depth], 4))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sides", [(1, 1), (1, 3), (2, 4)])
def test_receptive_fields(activation: Any, sides: tuple[int, int]):
    """All weights: 0 outside, as the derivative of a loss in which they do not occur."""
    for reduction, penalty, drops in product(("sum", "mean"), PENALTIES, [(0.0, 0.0), (0.3, 0.3)]):
        problem = make_problem(activation, reduction, penalty, drops, 3)
        verdict = check(replace(problem, receptive_field=sides), inputs=20)
        assert verdict.passed, (problem, verdict)
        assert verdict.checked == verdict.parameters == count((20, *HIDDEN[3], 4))


def test_a_gradient_without_its_mask_is_noticed():
    problem = make_problem("tanh", "mean", "none", (0.0, 0.0), 3)
    case = Case(replace(problem, receptive_field=(1, 3)), 20)
    numeric = case.complex_step(np.arange(count(case.sizes)))
    np.testing.assert_allclose(case.gradient(), numeric, rtol=1e-9, atol=1e-12)
    case.network.receptive_fields = None
    assert np.abs(case.gradient() - numeric).max() > 1e-3


@pytest.mark.parametrize(("inputs", "classes"), [(64 * 64 * 3, 200), (7, 300)])
def test_inputs_of_a_colour_image_and_very_many_classes(inputs: int, classes: int):
    verdict = check(Config(hidden_sizes=(6, 5)), inputs, classes, most=150)
    assert verdict.passed
    assert verdict.sizes == (inputs, 6, 5, classes)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("class_weight", [(), "balanced"])
@pytest.mark.parametrize(("smoothing", "mixing"), [(0.0, 0.8), (0.1, 1.0), (0.9, 0.5), (0.1, 0.9)])
def test_weights_label_smoothing_and_mixed_targets(
    smoothing: float, mixing: float, class_weight: Any, reduction: Any
):
    for depth, hidden in HIDDEN.items():
        problem = Config(
            hidden_sizes=hidden,
            activation=("tanh",),
            label_smoothing=smoothing,
            class_weight=class_weight,
            reduction=reduction,
            weight_decay=0.03,
            seed=depth,
        )
        verdict = check(problem, inputs=7, mixing=mixing)
        assert verdict.worst <= TOLERANCE, (problem, verdict)
        weights = Case(problem).weights
        assert (weights is None) == (not class_weight)


probabilities = st.sampled_from([0.0, 0.2, 0.5, 0.8])


@settings(deadline=None, max_examples=150, derandomize=True)
@given(
    inputs=st.integers(1, 8),
    hidden=st.lists(st.tuples(st.integers(1, 8), st.sampled_from(list(ACTIVATIONS))), max_size=3),
    classes=st.integers(1, 6),
    samples=st.integers(1, 8),
    dropout=st.tuples(probabilities, probabilities),
    penalty=st.sampled_from(list(PENALTIES)),
    reduction=st.sampled_from(["sum", "mean"]),
    initialization=st.sampled_from(["he", "xavier", "lecun"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_shape_with_an_activation_of_its_own_for_each_layer(
    inputs: int,
    hidden: list[tuple[int, str]],
    classes: int,
    samples: int,
    penalty: str,
    **rest: Any,
):
    weight_decay, decay_biases = PENALTIES[penalty]
    rest["dropout"], rest["input_dropout"] = rest["dropout"]
    problem = Config(
        hidden_sizes=tuple(width for width, _ in hidden),
        activation=tuple(name for _, name in hidden) or ("relu",),
        weight_decay=weight_decay,
        decay_biases=decay_biases,
        **rest,
    )
    verdict = check(problem, inputs, classes, samples)
    assert verdict.worst <= TOLERANCE, verdict


def test_a_sample_of_the_real_network():
    """The net of the course report: 535,818 parameters, of which some are drawn."""
    config = Config.preset("course")
    verdict = check(config, inputs=784, classes=10, samples=2, most=40)
    assert verdict.passed
    assert (verdict.checked, verdict.parameters) == (40, 535_818)


# ── The check itself ───────────────────────────────────────────────────────────────────────────


def test_relative_errors_are_what_the_docstring_says():
    analytic = np.array([1.0, 0.0, 1e-20, 2.0, -1.0, np.nan, 1.0, np.inf])
    numeric = np.array([1.0, 0.0, 3e-20, 1.0, 1.0, 1.0, np.nan, np.inf])
    wanted = [0, 0, 2e-20 / 2e-8, 0.5, 2, np.inf, np.inf, np.inf]
    with np.errstate(invalid="ignore"):
        errors = relative_errors(analytic, numeric, 2.0)
    np.testing.assert_allclose(errors, wanted, rtol=1e-12)


def test_the_oracle_agrees_with_central_differences():
    """A third derivative, coarse but of another kind."""
    case = Case(make_problem("tanh", "mean", "all", (0.3, 0.3), 3))
    theta = case.network.parameters.vector
    numeric = case.complex_step(np.arange(theta.size))
    h = 1e-5
    for position in range(theta.size):
        moved = np.zeros(theta.size)
        moved[position] = h
        up, down = (case.loss((theta + way * moved).astype(complex)).real for way in (1, -1))
        assert numeric[position] == pytest.approx((up - down) / (2 * h), abs=1e-8)


def test_the_oracle_has_its_own_forward_pass_with_the_same_value():
    for penalty, reduction in product(PENALTIES, ("sum", "mean")):
        problem = make_problem("elu", reduction, penalty, (0.3, 0.3), 3)
        problem = replace(problem, class_weight=("balanced",), label_smoothing=0.2)
        case = Case(problem, mixing=0.7)
        case._forward()
        loss = case.network.loss(case.y, case.work, case.weights, 0.7) * case._scale
        weight_decay, biases = PENALTIES[penalty]
        part = case.network.parameters.decayed(biases)
        loss += weight_decay / 2 * float(part @ part)
        theta = case.network.parameters.vector.astype(complex)
        assert case.loss(theta) == pytest.approx(loss, rel=1e-13)


def test_dropout_does_drop_in_the_point_that_is_checked():
    case = Case(make_problem("relu", "mean", "none", (0.3, 0.3), 3))
    assert all((mask == 0).any() and (mask > 1).any() for mask in case.masks)


def test_strong_dropout_does_not_cost_the_digits_that_the_check_needs():
    """Where units saturate, derivatives are tiny differences: right, but with few digits."""
    for seed in range(150):
        problem = Config(
            hidden_sizes=(7, 6, 5),
            activation=("tanh", "elu", "sigmoid"),
            dropout=0.8,
            input_dropout=0.8,
            seed=seed,
        )
        assert check(problem, inputs=6).passed, problem


def test_points_too_close_to_a_kink_are_drawn_again(monkeypatch: pytest.MonkeyPatch):
    problem = make_problem("relu", "mean", "none", (0.0, 0.0), 3)
    clearances = [Case(problem, draw=draw).clearance() for draw in range(20)]
    bound = sorted(clearances)[15]
    assert clearances[0] < bound
    seen: list[float] = []
    gradient = Case.gradient

    def watched(self: Case) -> Any:
        seen.append(self.clearance())
        return gradient(self)

    monkeypatch.setattr(gradcheck, "KINK", bound)
    monkeypatch.setattr(Case, "gradient", watched)
    assert check(problem).passed
    assert len(seen) == 1
    assert seen[0] >= bound


def test_smooth_activations_have_no_kink_to_keep_clear_of():
    assert Case(make_problem("tanh", "mean", "none", (0.0, 0.0), 3)).clearance() == np.inf
    assert 0 < KINK < Case(make_problem("relu", "mean", "none", (0.0, 0.0), 3)).clearance() < np.inf


def test_if_no_draw_keeps_clear_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gradcheck, "KINK", 1e9)
    with pytest.raises(HandstitchError, match="too close to a kink") as caught:
        check(make_problem("relu", "mean", "none", (0.0, 0.0), 2))
    assert caught.value.fix


def test_the_worst_parameter_is_named(monkeypatch: pytest.MonkeyPatch):
    gradient = Case.gradient

    def one_wrong(self: Case) -> Any:
        g = gradient(self)
        g[11] *= 1 + 1e-6
        return g

    monkeypatch.setattr(Case, "gradient", one_wrong)
    verdict = check(make_problem("tanh", "mean", "none", (0.0, 0.0), 3))
    assert verdict.where == 11
    assert verdict.worst == pytest.approx(1e-6, rel=1e-2)
    assert not verdict.passed


def test_a_network_that_does_not_fit_in_memory_is_refused_at_once():
    with pytest.raises(MachineError, match="the gradient check of a network 7-1000000-1000000-4"):
        check(Config(hidden_sizes=(10**6, 10**6)), 7, most=10)
