from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handstitch.config import Config, presets
from handstitch.config.messages import choices
from handstitch.config.precedence import read_environment, read_flags, resolve
from handstitch.config.presets import PRESETS, read_preset
from handstitch.config.schema import DEFAULT_LEARNING_RATES, field_types
from handstitch.config.toml import read_file, to_toml
from handstitch.errors import ConfigError

NOTHING: dict[str, str] = {}


def write(folder: Path, text: str | bytes, name: str = "my.toml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# ── Layers ─────────────────────────────────────────────────────────────────────────────────────


def test_each_layer_goes_before_the_one_below(tmp_path: Path) -> None:
    file = write(tmp_path, "epochs = 3\nbatch_size = 3\nseed = 3\n")
    environment = {"HANDSTITCH_EPOCHS": "4", "HANDSTITCH_BATCH_SIZE": "4"}
    resolved = resolve({"epochs": 5}, file, "course", environment)
    config, origins = resolved.config, resolved.origins
    assert (config.epochs, origins["epochs"]) == (5, "command line")
    assert (config.batch_size, origins["batch_size"]) == (4, "environment")
    assert (config.seed, origins["seed"]) == (3, str(file))
    assert (config.scaling, origins["scaling"]) == ("256", "preset course")
    assert (config.beta1, origins["beta1"]) == (0.9, "default")
    assert list(origins) == list(field_types())


def test_without_anything_the_settings_are_the_defaults_of_config() -> None:
    assert resolve({}, environment=NOTHING).config == Config() == Config.preset("default")
    assert resolve({}, environment=NOTHING) == resolve({}, preset="default", environment=NOTHING)


@pytest.mark.parametrize("optimizer", list(DEFAULT_LEARNING_RATES))
def test_an_optimizer_without_a_rate_brings_its_default_one(optimizer: str) -> None:
    for preset in (None, "course"):
        resolved = resolve({"optimizer": optimizer}, preset=preset, environment=NOTHING)
        same = Config.preset(preset or "default", optimizer=optimizer)
        assert resolved.config == same
        if (preset, optimizer) == ("course", "sgd"):  # its own rate, for its own optimizer
            assert resolved.config.learning_rate == 0.001
            assert resolved.origins["learning_rate"] == "preset course"
            continue
        summed = preset == "course" and optimizer in {"momentum", "nesterov"}
        rate = DEFAULT_LEARNING_RATES[optimizer] / (64 if summed else 1)
        assert resolved.config.learning_rate == rate
        assert resolved.origins["learning_rate"] == f"default for {optimizer}"


def test_a_rate_without_its_optimizer_is_for_the_default_one(tmp_path: Path) -> None:
    file = write(tmp_path, "learning_rate = 0.3")
    assert resolve({"optimizer": "adam"}, file, environment=NOTHING).config.learning_rate == 0.3
    changed = resolve({"optimizer": "sgd"}, file, environment=NOTHING)
    assert changed.config.learning_rate == 0.1
    assert changed.origins["learning_rate"] == "default for sgd"


def test_a_rate_that_is_given_stays_whatever_the_optimizer(tmp_path: Path) -> None:
    file = write(tmp_path, 'optimizer = "sgd"\nlearning_rate = 0.3\n')
    assert resolve({}, file, environment=NOTHING).config.learning_rate == 0.3
    flags = {"optimizer": "nesterov", "learning_rate": 0.7}
    assert resolve(flags, file, environment=NOTHING).config.learning_rate == 0.7
    # A rate from below the optimizer was meant for another.
    changed = resolve({"optimizer": "nesterov"}, file, environment=NOTHING)
    assert changed.config.learning_rate == DEFAULT_LEARNING_RATES["nesterov"]
    # A rate from above it was meant for this one.
    above = resolve({"learning_rate": 0.6}, file, environment=NOTHING)
    assert above.config.learning_rate == 0.6


def test_the_default_rate_for_summed_gradients_is_that_of_the_mean() -> None:
    flags = {"optimizer": "momentum", "reduction": "sum", "batch_size": 50}
    assert resolve(flags, environment=NOTHING).config.learning_rate == 0.02 / 50
    flags = {"optimizer": "rmsprop", "reduction": "sum"}  # its steps do not scale
    assert resolve(flags, environment=NOTHING).config.learning_rate == 0.001


# ── Presets ────────────────────────────────────────────────────────────────────────────────────


COMMON = {
    "dataset": "auto", "image_size": [], "grayscale": False, "images_key": "", "labels_key": "",
    "validation": 0.1, "stratified": False, "shift": "auto", "flip": False, "erase": 0.0,
    "mixup": 0.0, "hidden_sizes": [768, 256], "receptive_field": "auto",
    "activation": ["relu"], "initialization": "he", "input_dropout": 0.0, "momentum": 0.9,
    "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0, "decay_biases": False,
    "decoupled": False, "reduction": "mean", "class_weight": [], "label_smoothing": 0.0,
    "clip_norm": 0.0, "warmup": 0.5, "decay_epochs": 5.0,
    "decay_factor": 0.5, "final_rate_fraction": 0.0, "plateau_patience": 3, "monitor": "accuracy",
    "patience": 0, "seed": 0, "threads": "auto", "backend": "auto",
    "precision": "float32",
}  # fmt: skip
PLAIN = COMMON | {
    "scaling": "256", "dropout": 0.0, "optimizer": "sgd", "learning_rate": 0.1,
    "schedule": "constant", "warmup": 0.0, "epochs": 10, "batch_size": 64,
    "hidden_sizes": [512, 256], "receptive_field": [], "shift": 0,
}  # fmt: skip
DEFAULT = COMMON | {
    "scaling": "standard", "dropout": 0.0, "optimizer": "adam", "learning_rate": 0.003,
    "schedule": "cosine", "epochs": 30, "batch_size": 256,
}  # fmt: skip
# Selected on validation images.
SELECTED = DEFAULT | {"optimizer": "adamw", "warmup": 1.0, "shift": 1, "flip": True}
RESOLVED = {
    "plain": PLAIN,
    "course": PLAIN
    | {"dataset": "fashion-mnist", "reduction": "sum", "learning_rate": 0.001}
    | {"decay_biases": True},
    "default": DEFAULT,
    "best": SELECTED
    | {"hidden_sizes": [2048, 512], "receptive_field": [5, 13], "dropout": 0.05, "epochs": 300}
    | {"learning_rate": 0.002, "weight_decay": 0.05, "erase": 0.5, "mixup": 0.2},
    "course-best": SELECTED
    | {"hidden_sizes": [512, 256], "receptive_field": [5, 13], "epochs": 200}
    | {"learning_rate": 0.003, "weight_decay": 0.05, "erase": 0.5},
    "dense": SELECTED
    | {"hidden_sizes": [1024, 512], "receptive_field": [], "epochs": 150}
    | {"learning_rate": 0.001, "weight_decay": 0.2, "mixup": 0.2},
    "fast": DEFAULT
    | {"hidden_sizes": [1024, 128], "receptive_field": [5, 13], "epochs": 5, "batch_size": 128}
    | {"optimizer": "adamw", "learning_rate": 0.006, "weight_decay": 0.05}
    | {"label_smoothing": 0.05, "schedule": "linear", "shift": 0},
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_resolve_to_these_settings(name: str) -> None:
    assert Config.preset(name).to_dict() == RESOLVED[name]
    assert resolve({}, preset=name, environment=NOTHING).config == Config.preset(name)


def test_a_preset_with_an_optimizer_names_its_learning_rate() -> None:
    folder = Path(presets.__file__).parent
    assert {file.stem for file in folder.glob("*.toml")} == set(PRESETS) - {"default"}
    for name in set(PRESETS) - {"default"}:
        assert {"optimizer", "learning_rate"} <= set(read_preset(name))


def test_settings_over_a_preset() -> None:
    course = Config.preset("course", epochs=3)
    assert (course.epochs, course.learning_rate) == (3, 0.001)
    assert Config.preset("course", optimizer="adam").learning_rate == 0.003
    assert Config.preset("course", optimizer="adam", learning_rate=0.3).learning_rate == 0.3
    assert Config.preset("course", optimizer="sgd").learning_rate == 0.001
    with pytest.raises(ConfigError, match="invalid value for epochs: 0"):
        Config.preset("course", epochs=0)


def test_preset_course_is_the_experiment_of_the_course_report() -> None:
    """Requirements 8, 9, 11, 12, 17 and 19 of what the course report asks for and shows."""
    config = resolve({}, preset="course", environment=NOTHING).config
    assert config.dataset == "fashion-mnist"
    assert config.scaling == "256"
    assert config.validation == 0.1
    assert not config.stratified
    assert config.batch_size == 64
    assert math.ceil(54_000 / config.batch_size) == 844
    assert config.hidden_sizes == (512, 256)
    assert config.activations == ("relu", "relu")
    assert config.initialization == "he"
    assert config.dropout == config.input_dropout == 0
    assert config.optimizer == "sgd"
    assert config.reduction == "sum"
    assert config.learning_rate == 0.001
    assert config.learning_rate * config.batch_size == 0.064  # in everybody else's convention
    assert config.weight_decay == 0
    assert config.decay_biases
    assert not config.decoupled
    assert config.clip_norm == 0
    assert (config.schedule, config.warmup) == ("constant", 0)
    assert config.epochs == 10
    assert config.patience == 0


def test_an_unknown_preset_is_reported_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        read_preset("cuorse")
    assert caught.value.wanted == ", ".join(PRESETS)
    assert caught.value.fix == "perhaps: handstitch.Config.preset('course')"
    with pytest.raises(ConfigError):
        read_preset("../presets/course")


# ── The environment and the words of a command line ────────────────────────────────────────────


def test_variables_are_read_as_the_settings_want_them() -> None:
    variables = {
        "HANDSTITCH_HIDDEN_SIZES": "300,100",
        "HANDSTITCH_ACTIVATION": "tanh,relu",
        "HANDSTITCH_IMAGE_SIZE": "32x48",
        "HANDSTITCH_STRATIFIED": "true",
        "HANDSTITCH_LEARNING_RATE": "1e-3",
        "HANDSTITCH_SCALING": "255",
        "HANDSTITCH_THREADS": "3",
        "HANDSTITCH_DATA": "/somewhere",
        "HANDSTITCH_SEED": "",
        "EPOCHS": "no business of ours",
    }
    assert read_environment(variables) == {
        "hidden_sizes": (300, 100),
        "activation": ("tanh", "relu"),
        "image_size": (32, 48),
        "stratified": True,
        "learning_rate": 0.001,
        "scaling": "255",
        "threads": 3,
    }


def test_unknown_variables_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        read_environment({"HANDSTITCH_EPOCS": "1", "HANDSTITCH_LR": "1", "HANDSTITCH_HOME": "1"})
    assert caught.value.found == "HANDSTITCH_EPOCS, HANDSTITCH_LR, HANDSTITCH_HOME"
    assert caught.value.wanted == (
        "HANDSTITCH_EPOCHS for HANDSTITCH_EPOCS, HANDSTITCH_LEARNING_RATE for HANDSTITCH_LR, "
        "no setting is like HANDSTITCH_HOME"
    )
    assert "correct or remove it" in str(caught.value)


def test_an_invalid_variable_is_quoted() -> None:
    with pytest.raises(ConfigError) as caught:
        read_environment({"HANDSTITCH_HIDDEN_SIZES": "300,x"})
    assert caught.value.found == "HANDSTITCH_HIDDEN_SIZES=300,x"
    assert caught.value.fix == "for example: HANDSTITCH_HIDDEN_SIZES=768,256"


@pytest.mark.parametrize(
    ("words", "widths"),
    [
        (["256"], (256, 128)),
        (["3"], (3, 1)),
        (["300", "100"], (300, 100)),
        (["300,100"], (300, 100)),
        (["512,256,128"], (512, 256, 128)),
        (["512", "256", "128"], (512, 256, 128)),
        (["64,"], (64,)),
        (["1,"], (1,)),
    ],
)
def test_widths_as_they_are_typed(words: list[str], widths: tuple[int, ...]) -> None:
    assert read_flags({"hidden_sizes": words}) == {"hidden_sizes": widths}


@pytest.mark.parametrize("words", [["0"], ["1"], ["-5"], ["x"], ["3", "0"], [","], [""], ["1.5"]])
def test_invalid_widths(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="invalid value for hidden_sizes"):
        read_flags({"hidden_sizes": words})


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("epochs", "1.5"),
        ("epochs", ""),
        ("learning_rate", "abc"),
        ("learning_rate", "nan"),
        ("learning_rate", "1e999"),
        ("seed", "9" * 5000),
        ("scaling", "256.0"),
        ("threads", "auto,"),
    ],
)
def test_invalid_words_are_quoted_as_flags(name: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_flags({name: [word]})
    assert str(caught.value.found).startswith("--" + name.replace("_", "-"))
    assert len(str(caught.value)) < 600


# ── Files ──────────────────────────────────────────────────────────────────────────────────────


def values_for(name: str) -> st.SearchStrategy[Any]:
    """Values that a setting may have."""
    kind = field_types()[name]
    if words := choices(kind):
        one: st.SearchStrategy[Any] = st.sampled_from(words)
        if name == "threads":
            return one | st.integers(1, 1024)
        return st.tuples(one) if name == "activation" else one
    if name == "hidden_sizes":
        return st.lists(st.integers(1, 1_000_000), max_size=5).map(tuple)
    if name == "receptive_field":
        return st.lists(st.integers(1, 4096), max_size=2).map(sorted).map(tuple)
    if kind is bool:
        return st.booleans()
    if name == "class_weight":
        return st.sampled_from([(), ("balanced",), ("a b=0.5", "c,d=2", "e=f=1e-3")])
    if name == "image_size":
        return st.lists(st.integers(1, 4096), max_size=2).map(tuple)
    bounds = msgspec.json.schema(kind)
    if bounds["type"] == "string":
        text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
        return text.filter(lambda words: len(words) >= bounds.get("minLength", 0))
    if bounds["type"] == "integer":
        return st.integers(bounds["minimum"], min(bounds.get("maximum", 2**63 - 1), 2**63 - 1))
    return st.floats(
        bounds.get("minimum", bounds.get("exclusiveMinimum")),
        bounds.get("maximum", bounds.get("exclusiveMaximum")),
        exclude_min="exclusiveMinimum" in bounds,
        exclude_max="exclusiveMaximum" in bounds,
        allow_infinity=False,
        allow_nan=False,
    )


CONFIGS = (
    st.fixed_dictionaries({name: values_for(name) for name in field_types()})
    .filter(lambda values: values["warmup"] < values["epochs"])
    .filter(lambda values: not 0 < values["clip_norm"] < 1e-10)
    .filter(lambda values: values["hidden_sizes"] or not values["receptive_field"])
    .map(
        lambda values: (
            values if values["validation"] else values | {"patience": 0, "schedule": "step"}
        )
    )
    .map(lambda values: Config(**values))
)


@given(CONFIGS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_a_file_that_was_written_gives_the_same_configuration(
    tmp_path: Path, config: Config
) -> None:
    comments = dict.fromkeys(field_types(), "from\nsomewhere \x7f")
    for text in (to_toml(config), to_toml(config, comments)):
        file = write(tmp_path, text)
        assert Config(**read_file(file)) == config
        assert resolve({}, file, environment=NOTHING).config == config
        assert resolve({}, file, environment=NOTHING).origins["seed"] == str(file)


def test_a_file_may_name_one_activation_without_brackets(tmp_path: Path) -> None:
    assert read_file(write(tmp_path, 'activation = "tanh"')) == {"activation": ("tanh",)}


@pytest.mark.parametrize(
    ("content", "problem", "expected"),
    [
        ("learning_rate 0.1", "not valid TOML", "line 1, column 15"),
        ("epochs = 3\n\nseed = ", "not valid TOML", "end of document"),
        ("x = [\n1,\n", "not valid TOML", "end of document"),
        ("epochs = 1\nepochs = 2", "not valid TOML", "Cannot overwrite a value"),
        (b"epochs = 1\nx = '\xff'", "not valid TOML", "0xff"),
        ("x = " + "[" * 9000, "not valid TOML", "recursion"),
        ("seed = " + "9" * 5000, "not valid TOML", "4300 digits"),
        ("seed = 0x" + "f" * 5000, "not valid TOML", "4300 digits"),
        ("# " + "x" * 70_000, "too large", "65,536"),
        ("[train]\nepochs = 3", "tables are not supported", "[train]"),
        ("epocs = 3\nsed = 1", "2 unknown settings", "epochs for epocs, seed for sed"),
        ("learning-rate = 3", "1 unknown setting", "learning_rate"),
        ("epochs = 1.5", "invalid value for epochs: 1.5", "epochs = 30"),
        ('epochs = "3"', "invalid value for epochs: 3", 'epochs = "3"'),
        ("scaling = 255", "invalid value for scaling: 255", 'perhaps: scaling = "255"'),
        ("hidden_sizes = 512", "invalid value for hidden_sizes: 512", "hidden_sizes = [768, 256]"),
        ('activation = ["rleu"]', "invalid value for activation", 'perhaps: activation = ["relu"]'),
        ("epochs = 0\ndropout = 1.0", "2 settings", "epochs = 0, dropout = 1.0"),
        ("lr = 2\ngamma = 2", "2 unknown settings", "learning_rate for lr, decay_factor for gamma"),
        ("seed = 2000-01-01", "invalid value for seed: 2000-01-01", "a whole number"),
    ],
)
def test_what_is_wrong_with_a_file(
    tmp_path: Path, content: str | bytes, problem: str, expected: str
) -> None:
    file = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        read_file(file)
    message = str(caught.value)
    assert problem in caught.value.problem
    assert expected in message
    assert caught.value.file == file
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_the_editors_of_windows_save_it(tmp_path: Path, encoding: str) -> None:
    text = "epochs = 3\r\ndataset = 'größe'\r\n"
    assert read_file(write(tmp_path, text.encode(encoding))) == {"epochs": 3, "dataset": "größe"}


def test_a_file_that_is_missing_with_one_of_a_like_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_file(tmp_path / "nope.toml")
    assert caught.value.found == "No such file or directory"
    assert "for an example: handstitch.Config()" in str(caught.value)
    write(tmp_path, "", "mine.toml")
    with pytest.raises(ConfigError) as caught:
        read_file(tmp_path / "mien.toml")
    assert caught.value.fix == f"perhaps: config='{tmp_path / 'mine.toml'}'"


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path)
    write(tmp_path, "", "config.toml")
    with pytest.raises(ConfigError) as caught:
        read_file(tmp_path)
    assert caught.value.fix == f"config='{tmp_path / 'config.toml'}'"


@pytest.mark.parametrize("name", ["a\0b.toml", "x" * 300, "/dev/zero"])
def test_names_that_no_config_file_has(name: str) -> None:
    with pytest.raises(ConfigError):
        read_file(Path(name))


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_bring_anything_but_our_own_error(tmp_path: Path, content: bytes) -> None:
    try:
        values = read_file(write(tmp_path, content))
    except ConfigError:
        return
    assert set(values) <= set(field_types())
