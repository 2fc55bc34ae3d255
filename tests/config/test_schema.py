from __future__ import annotations

from contextlib import suppress
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handstitch.config import Config
from handstitch.config.messages import choices, format_value, nearest_name, plural, valid_values
from handstitch.config.schema import (
    DEFAULT_LEARNING_RATES,
    check_names,
    field_types,
    from_mapping,
    help_of,
)
from handstitch.errors import ConfigError

NOT_FOR: dict[str, list[Any]] = {
    "dataset": ["", "x" * 5000, 3, None],
    "image_size": [(0,), (5000,), (28, 28, 3), 28, "28", (1.5,)],
    "grayscale": [1, "yes"],
    "labels_key": [3, "x" * 201],
    "validation": [-0.1, 1, 1.5, "0.1", float("nan")],
    "stratified": [1, "yes", None],
    "scaling": [256, "257"],
    "hidden_sizes": [(0,), (-3,), (1_000_001,), 512, (1.5,), "512", None],
    "receptive_field": [(0,), (5000,), (5, 9, 13), (13, 5), 5, "5..13", (1.5,)],
    "activation": [("rleu",), "rleu", (), ("relu", "relu", "relu")],
    "dropout": [1, 1.5, -0.1, float("inf"), "x", True],
    "learning_rate": [0, -1, float("nan"), float("inf"), 10**400],
    "weight_decay": [-1e-9, float("inf")],
    "class_weight": [
        *("a", "a=0", "a=-1", "a=inf", "a=nan", "a=2e6", "a=x", {"a": "x"}, {"a": 0}, 3, [3], "="),
        *(("balanced", "a=1"), ("a=1", "a=2"), ("balanced", "balanced")),
        *("x" * 300 + "=1", [f"{i:0200}=1" for i in range(200)]),
    ],
    "label_smoothing": [1, -0.1, float("nan")],
    "clip_norm": [-1],
    "warmup": [-1, 30, 31.5],
    "decay_factor": [0, 1.01],
    "final_rate_fraction": [-0.1, 1.1],
    "epochs": [0, -1, 1.5, "3", True],
    "batch_size": [0, -1, 10**400],
    "patience": [-1],
    "seed": [-1, 2**63, 0.5],
    "threads": [0, 1025, "many", 1.5],
    "optimizer": ["adm", ("adam",), []],
    "precision": ["bf16", "float16", 16],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name} {str(value)[:20]!r} {type(value).__name__}")
        for name, values in NOT_FOR.items()
        for value in values
    ],
)
def test_an_invalid_value_is_named_with_valid_ones(name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"invalid value for {name}: ")
    assert help_of(name) in message
    assert caught.value.wanted
    assert len(message.splitlines()) <= 6


def test_all_invalid_values_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(epochs=0, dropout=1, optimizer="adm")  # type: ignore[arg-type]
    assert caught.value.problem == "3 settings have invalid values"
    assert caught.value.found == "dropout = 1, optimizer = adm, epochs = 0"
    assert "epochs: a whole number from 1" in str(caught.value.wanted)


def test_the_nearest_choice_is_proposed() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(optimizer="Adm")  # type: ignore[arg-type]
    assert caught.value.fix == "perhaps: optimizer = adam"


def test_every_example_in_a_message_is_valid() -> None:
    defaults = Config()
    for name, values in NOT_FOR.items():
        with pytest.raises(ConfigError) as caught:
            Config(**{name: values[0]})
        fix = str(caught.value.fix)
        assert fix.startswith(("for example: ", "perhaps: "))
        if fix.startswith("for example: "):
            others = {
                "image_size": (32, 32),
                "receptive_field": (5, 13),
                "class_weight": ("balanced",),
            }
            example = others.get(name, getattr(defaults, name))
            assert fix == f"for example: {name} = {format_value(example)}"


def test_values_take_their_types() -> None:
    config = Config(learning_rate=1, hidden_sizes=[3, 2], warmup=0)  # type: ignore[arg-type]
    assert config.hidden_sizes == (3, 2)
    assert isinstance(config.learning_rate, float)
    assert hash(config) == hash(Config(learning_rate=1.0, hidden_sizes=(3, 2), warmup=0.0))


def test_a_learning_rate_left_out_is_the_default_one_of_the_optimizer() -> None:
    assert Config(learning_rate=None) == Config()  # type: ignore[arg-type]
    for name, rate in DEFAULT_LEARNING_RATES.items():
        assert Config(optimizer=name).learning_rate == rate  # type: ignore[arg-type]
    assert Config(optimizer="sgd", reduction="sum", batch_size=50).learning_rate == 0.1 / 50
    assert Config(optimizer="rmsprop", reduction="sum").learning_rate == 0.001


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().epochs = 3  # type: ignore[misc]


def test_activations_are_one_for_each_hidden_layer() -> None:
    assert Config(hidden_sizes=(5, 4, 3), activation=("tanh",)).activations == ("tanh",) * 3
    each = Config(hidden_sizes=(5, 4), activation=("tanh", "relu"))
    assert each.activations == ("tanh", "relu")
    assert Config(hidden_sizes=()).activations == ()
    assert Config(activation="elu") == Config(activation=("elu",))  # type: ignore[arg-type]


def test_unknown_names_are_reported_together_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping({"lerning_rate": 1, "epochs": 3, "xyzzy": 0, "hidden": 3}, "my.toml")
    assert caught.value.problem == "3 unknown settings"
    assert caught.value.file == "my.toml"
    assert caught.value.found == "lerning_rate, xyzzy, hidden"
    assert caught.value.wanted == (
        "learning_rate for lerning_rate, no setting is like xyzzy, hidden_sizes for hidden"
    )
    check_names(field_types(), "all of them are known")


def test_every_setting_has_a_help_line_and_says_what_it_may_be() -> None:
    for name in field_types():
        assert help_of(name)
        assert help_of(name)[-1] != "."
        assert valid_values(field_types()[name])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hidden_sizes", "a list, each item a whole number from 1 up to 1,000,000"),
        ("activation", "one or more of relu, leaky_relu, elu, sigmoid, tanh"),
        ("reduction", "mean, sum"),
        ("stratified", "true or false"),
        ("threads", "auto or a whole number from 1 up to 1,024"),
        ("receptive_field", "auto or a list, each item a whole number from 1 up to 4,096"),
        ("validation", "a number from 0 below 1"),
        ("decay_epochs", "a number from 1e-06 (less than any step)"),
    ],
)
def test_valid_values_are_said_in_plain_words(name: str, words: str) -> None:
    assert valid_values(field_types()[name]) == words


def test_every_optimizer_has_a_default_rate() -> None:
    assert list(DEFAULT_LEARNING_RATES) == choices(field_types()["optimizer"])


def test_to_dict_is_plain_and_gives_the_config_back() -> None:
    config = Config(hidden_sizes=(7,), threads=2)
    plain = config.to_dict()
    assert plain["hidden_sizes"] == [7]
    assert from_mapping(plain, "itself") == config


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("--learning-rat", "learning_rate"),
        ("l2", "weight_decay"),
        ("hiden", "hidden_sizes"),
        ("batchsize", "batch_size"),
        ("qqqq", None),
        ("", None),
    ],
)
def test_alike_knows_what_was_meant(typed: str, meant: str | None) -> None:
    assert nearest_name(typed, list(field_types())) == meant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (3, "3"),
        (5.0, "5"),
        (0.0015, "0.0015"),
        (1e-8, "1e-08"),
        (0.1 + 0.2, "0.30000000000000004"),
        ((512, 256), "512,256"),
        ([300], "300,"),
        (("relu",), "relu"),
        ([], "none"),
        ("x" * 61, "x" * 59 + "…"),
    ],
)
def test_a_value_is_one_word(value: object, text: str) -> None:
    assert format_value(value) == text


def test_a_count_has_its_noun() -> None:
    assert plural(1, "seed") == "1 seed"
    assert plural(1234, "seed") == "1,234 seeds"
    assert plural(0, "epoch") == "0 epochs"


def test_choices_come_in_the_order_of_the_type() -> None:
    assert choices(field_types()["activation"])[0] == "relu"
    assert choices(field_types()["threads"]) == ["auto"]
    assert choices(field_types()["epochs"]) == []


@settings(deadline=None)
@example(2**53 + 1)
@given(st.text() | st.integers() | st.floats() | st.lists(st.text()) | st.none() | st.booleans())
def test_nothing_but_our_own_error_comes_of_any_value(value: Any) -> None:
    for name in field_types():
        with suppress(ConfigError):
            kept = getattr(Config(**{name: value}), name)
            if value is None and name == "learning_rate":
                continue  # it stands for the optimizer's default
            # A whole number for a setting with a fraction is kept as a float, to its 53 bits.
            rounded = float(value) if isinstance(kept, float) else value
            assert kept in (value, rounded, () if value == [] else (value,))


def test_receptive_fields_need_a_hidden_layer() -> None:
    with pytest.raises(ConfigError, match="none, for a network without a hidden layer"):
        Config(hidden_sizes=(), receptive_field=(5, 13))


def test_one_side_is_the_smallest_and_the_largest() -> None:
    assert Config(receptive_field=(7,)).receptive_field == (7, 7)
