"""Learned or only initialised, on small networks trained on drawn garments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from handstitch import insight, runs, training
from handstitch.config import Config
from handstitch.core.parameters import Parameters
from handstitch.data import loading
from handstitch.errors import DataError, ModelFileError
from handstitch.insight.initial_weights import recover_initial_weights
from handstitch.insight.layers import decisive_layer, effective_rank
from handstitch.insight.results import sentences
from handstitch.model import load_model, save_model
from handstitch.model.trained import present_model
from handstitch.training import state
from tests.sample_models import GARMENT_SIZES, report_arrays, sample

CONFIG = Config.preset(
    "plain",
    dataset="sketch",
    hidden_sizes=(24, 12),
    epochs=3,
    batch_size=20,
    optimizer="adam",
    learning_rate=0.003,
    dropout=0.2,
    threads=1,
    backend="numpy",
)
IMAGES = 900


@pytest.fixture(scope="module")
def drawn():
    """The data set of these tests, drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_SKETCH", {"train": (IMAGES, 1), "test": (20, 2)})
        yield loading.load("sketch", "train")


def model_of(trainer):
    """The model that a run's file would hold."""
    model = present_model(trainer)
    return structs.replace(model, parameters=model.parameters.copy(), history=())


@pytest.fixture(scope="module")
def course(drawn):
    """The models before training and after each epoch."""
    trainer = training.Trainer(CONFIG, drawn)
    return [model_of(trainer), *(model_of(trainer) for _ in trainer)]


def without_seed(model):
    """The same weights in a file that tells nothing of where they came from."""
    return structs.replace(model, config={}, initial_digest="")


def test_an_untrained_network_is_told_as_initialised_bit_for_bit(course, drawn):
    result = insight.weights(course[0], drawn)
    assert (result.verdict, result.initial_weights) == ("as initialised", "confirmed")
    assert result.words[-1].startswith(
        "Verdict: as initialised. These are the weights drawn from seed 0"
    )
    for layer in result.layers:
        assert (layer.verdict, layer.unchanged, layer.distance) == ("as initialised", True, 0)
        assert layer.spread == 1
        assert layer.reset_accuracy == result.val_accuracy
    assert result.decisive_layer is None


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_trained_one_is_told_as_trained_even_after_one_epoch(course, drawn, epoch):
    result = insight.weights(course[epoch], drawn)
    assert result.verdict == "trained"
    for layer in result.layers:
        assert layer.unchanged is False
        assert layer.distance is not None
        assert layer.distance > 0.005
    assert "Verdict: trained. 3 of its 3 layers" in result.words[-1]


def test_where_no_seed_is_known_order_alone_decides(course, drawn):
    before = insight.weights(without_seed(course[0]), drawn)
    assert (before.verdict, before.initial_weights) == ("as initialised", "no seed")
    assert "The weights are indistinguishable from random numbers" in before.words[-1]
    after = insight.weights(without_seed(course[3]), drawn)
    assert after.verdict == "trained"
    assert after.layers[0].p_value == 1 / (1 + after.copies)
    for result in (before, after):
        assert "no usable seed" in result.words[0]
        assert result.seed is None
        for layer in result.layers:
            assert layer.unchanged is layer.distance is layer.reset_accuracy is None
    assert after.images == f"all {IMAGES} training images of sketch"


def test_a_trained_layer_that_is_shuffled_has_lost_it(course):
    model = without_seed(course[3])
    theta = model.parameters.copy()
    rng = np.random.default_rng(0)
    for W in theta.weights:
        W[:] = rng.permutation(W.reshape(-1)).reshape(W.shape)
    result = insight.weights(structs.replace(model, parameters=theta))
    assert result.verdict == "as initialised"
    assert result.layers[0].score < insight.weights(model).layers[0].score / 5


def test_one_trained_layer_among_initial_ones_is_that_layer(course, drawn):
    theta = course[0].parameters.copy()
    theta.weights[1][:] = course[3].parameters.weights[1]
    result = insight.weights(structs.replace(course[3], parameters=theta), drawn)
    assert result.verdict == "trained"
    assert [layer.unchanged for layer in result.layers] == [True, False, True]
    assert "1 of its 3 layers" in result.words[-1]


def test_a_layer_whose_biases_alone_moved_says_so(course):
    theta = course[0].parameters.copy()
    theta.biases[0][2] = -0.25
    result = insight.weights(structs.replace(course[0], parameters=theta))
    assert result.layers[0].verdict == "as initialised"
    assert result.layers[0].largest_bias == 0.25
    assert "Only its biases moved, by 0.25 at most" in result.words[1]
    assert "biases" not in result.words[2]


def test_a_layer_that_moved_without_order_is_not_said_to_have_learned(course):
    theta = course[0].parameters.copy()
    theta.weights[2] += np.float32(1e-4) * theta.weights[2][::-1]
    result = insight.weights(structs.replace(course[0], parameters=theta))
    assert [each.verdict for each in result.layers] == ["as initialised"] * 2 + ["moved"]
    assert result.verdict == "trained"
    assert "moved by less than 0.1 % of their initial size" in result.words[3]
    assert "1 of its 3 layers left their initial weights, and 0 of them" in result.words[-1]


def test_a_digest_that_does_not_match_is_told_and_nothing_is_compared(course, drawn):
    model = structs.replace(course[0], initial_digest="0" * 64)
    result = insight.weights(model, drawn)
    assert result.initial_weights == "contradicted"
    assert "was changed, or another NumPy drew them" in result.words[0]
    assert all(layer.unchanged is layer.reset_accuracy is None for layer in result.layers)
    assert result.val_accuracy is not None  # the split follows from the seed all the same
    changed_seed = structs.replace(course[3], config=CONFIG.to_dict() | {"seed": 1})
    assert insight.weights(changed_seed).initial_weights == "contradicted"


def test_an_older_file_without_a_digest_is_told(course):
    result = insight.weights(structs.replace(course[3], initial_digest=""))
    assert (result.initial_weights, result.verdict) == ("unrecorded", "trained")
    assert "has no digest of its initial weights" in result.words[0]


@pytest.mark.parametrize("config", [{}, {"seed": -1}, {"seed": "x"}, {"seed": 1, "rotate": True}])
def test_a_config_that_cannot_be_read_is_no_seed(config):
    found = recover_initial_weights(sample(GARMENT_SIZES, image_shape=(28, 28), config=config))
    assert (found.provenance, found.config, found.parameters) == ("no seed", None, None)


def test_reset_accuracies_are_those_of_such_networks_on_the_validation_part(course, drawn):
    result = insight.weights(course[3], drawn)
    task = training.Trainer(CONFIG, drawn)
    assert result.validation_images == len(task.validation_labels) == 90
    X = (task.validation_images[:].reshape(90, -1).astype(float) - course[3].offset) * course[
        3
    ].scale
    for layer in result.layers:
        A = X
        for number in range(3):
            theta = course[0 if number == layer.layer - 1 else 3].parameters
            A = A @ theta.weights[number].astype(float) + theta.biases[number]
            A = np.maximum(A, 0) if number < 2 else A
        wanted = np.mean(A.argmax(axis=1) == task.validation_labels)
        assert layer.reset_accuracy == pytest.approx(wanted, abs=0.5 / 90)
        assert wanted < (result.val_accuracy or 0)


def test_without_data_accuracies_are_left_out_and_drawn_images_serve(course):
    result = insight.weights(course[3])
    assert result.verdict == "trained"
    assert (result.val_accuracy, result.validation_images) == (None, 0)
    assert all(layer.reset_accuracy is None for layer in result.layers)
    assert result.images.startswith("2,000 garments drawn by Handstitch, in place of")
    assert [layer.dead_units is None for layer in result.layers] == [False, False, True]
    assert any("The decisive layer is unknown" in line for line in result.words)


def test_images_of_another_shape_are_noise():
    model = sample((12, 5, 3), image_shape=(3, 4))
    assert insight.weights(model).images.startswith("2,000 images of noise")


def test_dead_units_are_told(course, drawn):
    theta = course[3].parameters.copy()
    theta.biases[0][:] = 50
    theta.biases[1][:] = 1e4
    model = structs.replace(course[3], parameters=theta)
    none = insight.weights(model, drawn)
    assert [layer.dead_units for layer in none.layers] == [0, 0, None]
    assert "No hidden unit is dead: each changes over the 810 training images of sketch." in (
        none.words
    )
    theta.biases[1][[0, 5]] = -1e5
    result = insight.weights(model, drawn)
    assert [layer.dead_units for layer in result.layers] == [0, 2, None]
    assert any("2 in layer 2" in line and "810 training images" in line for line in result.words)


def test_figures_of_a_layer_are_the_plain_formulas(course):
    result = insight.weights(course[3])
    for found, W, W0 in zip(
        result.layers, course[3].parameters.weights, course[0].parameters.weights, strict=True
    ):
        assert (found.inputs, found.outputs) == W.shape
        assert found.share_below_0_1 == np.mean(np.abs(W) <= 0.1)
        assert (found.smallest, found.largest) == (W.min(), W.max())
        assert found.spread == pytest.approx(W.std() / W0.std(), rel=1e-5)
        moved = np.linalg.norm(W - W0) / np.linalg.norm(W0)
        assert found.distance == pytest.approx(moved, rel=1e-5)
        # Of numbers drawn anew, many of them, as many lie within ±0.1 as is said.
        sigma = np.sqrt(2 / len(W))
        many = np.random.default_rng(0).normal(0, sigma, 200_000)
        assert found.initial_share_below_0_1 == pytest.approx(np.mean(abs(many) <= 0.1), abs=0.005)


def test_effective_rank_counts_directions():
    assert effective_rank(np.eye(7, 9)) == pytest.approx(7)
    assert effective_rank(np.ones((7, 9))) == pytest.approx(1, abs=1e-6)
    assert effective_rank(np.zeros((7, 9))) == 0
    p = np.array([3, 1]) / 4
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(np.exp(-(p * np.log(p)).sum()))


@pytest.mark.parametrize(
    ("accuracy", "reset", "layer"),
    [
        (0.9, [0.60, 0.85, 0.86], 1),
        (0.9, [0.85, 0.86, 0.30], 3),
        (0.9, [0.10, 0.11, 0.30], None),  # 0.01 is within two standard errors on 1,000 images
        (0.9, [0.9, 0.9, 0.9], None),
        (0.9, [0.1], 1),
        (0.9, [0.9], None),
    ],
)
def test_a_layer_decides_only_if_it_clearly_does(accuracy, reset, layer):
    assert decisive_layer(accuracy, reset, 1000) == layer


def test_the_sentence_about_one_tenth_depends_on_the_start(course):
    result = insight.weights(course[3])
    start = result.layers[0].initial_share_below_0_1
    assert f"at the start it is {100 * start:.1f} %" in result.words[1]


@pytest.mark.parametrize(
    ("now", "start", "is_same"),
    [(0.8, 0.8, True), (0.8, 0.79, True), (0.79, 0.8, True), (0.8, 0.77, False), (0.0, 1.0, False)],
)
def test_a_share_as_at_the_start_says_nothing_about_learning(course, now, start, is_same):
    result = insight.weights(course[3], copies=9)
    layers = [
        structs.replace(layer, share_below_0_1=now, initial_share_below_0_1=start)
        for layer in result.layers
    ]
    for line in sentences(structs.replace(result, layers=layers))[: len(layers)]:
        assert ("says nothing about learning" in line) == is_same
        assert f"{100 * now:.1f} % of its weights lie within ±0.1" in line


@pytest.mark.parametrize(
    ("decisive", "verdict", "words"),
    [
        (2, "trained", "Layer 2 decides most: with this layer alone reset {} to 0.2000."),
        (
            None,
            "trained",
            (
                "No layer clearly decides most: with one layer reset, {} to 0.1000 with layer 1, "
                "0.2000 with layer 2, 0.3000 with layer 3."
            ),
        ),
        (None, "as initialised", ""),
    ],
)
def test_the_layer_that_decides_is_named_with_the_accuracies(course, decisive, verdict, words):
    result = insight.weights(course[3], copies=9)
    layers = [
        structs.replace(layer, reset_accuracy=number / 10)
        for number, layer in enumerate(result.layers, 1)
    ]
    known = structs.replace(
        result, layers=layers, decisive_layer=decisive, verdict=verdict, validation_images=90,
        val_accuracy=0.9, initial_weights="confirmed",
    )  # fmt: skip
    said = [line for line in sentences(known) if "decides most" in line]
    falls = "accuracy on the 90 validation images falls from 0.9000"
    initial = f"to its initial weights, {falls}"
    assert said == ([words.format(falls if decisive is None else initial)] if words else [])
    for unknown in (
        structs.replace(known, val_accuracy=None),
        structs.replace(known, initial_weights="unknown"),
    ):
        assert any("decisive layer is unknown" in line for line in sentences(unknown))
        assert not any("decides most" in line for line in sentences(unknown))


def test_weights_in_the_reports_layout_are_looked_into(tmp_path):
    arrays = report_arrays()
    np.savez(tmp_path / "best.npz", allow_pickle=False, **arrays)
    result = insight.weights(load_model(tmp_path / "best.npz"))
    assert (result.verdict, result.initial_weights) == ("as initialised", "no seed")
    assert result.initialization == "he"
    arrays["weights_0"] += np.linspace(0, 3, 16)
    np.savez(tmp_path / "best.npz", allow_pickle=False, **arrays)
    result = insight.weights(load_model(tmp_path / "best.npz"))
    assert result.verdict == "trained"
    assert result.layers[0].statistic == "column sums"


def test_the_digest_in_a_file_confirms_the_weights_drawn_anew(tmp_path, course):
    path = tmp_path / "model.safetensors"
    save_model(path, course[3])
    found = load_model(path)
    assert found.initial_digest == course[0].initial_digest
    drawn_anew = recover_initial_weights(found).parameters
    assert isinstance(drawn_anew, Parameters)
    assert drawn_anew.vector.tobytes() == course[0].parameters.vector.tobytes()


def test_a_run_that_is_gone_on_with_keeps_the_digest_it_began_with(tmp_path, monkeypatch):
    """Even where the seed draws other weights by now, as another NumPy might."""
    monkeypatch.setattr(loading, "_SKETCH", {"train": (100, 1), "test": (20, 2)})
    config = replace(CONFIG, epochs=2)
    with runs.create(config, out=tmp_path / "run") as run:
        next(run.train())
        wanted = run.state.initial_digest
    draw = state.initial_parameters

    def otherwise(*given):
        parameters = draw(*given)
        parameters.vector *= 2
        return parameters

    monkeypatch.setattr(state, "initial_parameters", otherwise)
    with runs.reopen(tmp_path / "run") as run:
        list(run.train())
    model = load_model(tmp_path / "run" / "weights" / "last.safetensors")
    assert model.initial_digest == wanted != ""
    assert recover_initial_weights(model).provenance == "confirmed"  # drawn as it was then


def test_the_digest_is_of_weights_and_not_of_biases(course):
    theta = course[0].parameters.copy()
    theta.biases[0][0] = 1
    assert training.initial_digest(theta) == course[0].initial_digest
    theta.weights[2][0, 0] += 1
    assert training.initial_digest(theta) != course[0].initial_digest


def test_a_digest_that_is_none_is_refused(tmp_path):
    for digest in ("x" * 64, "0" * 63, "A" * 64, "0" * 64 + "\n"):
        with pytest.raises(ModelFileError, match="metadata of this model file is invalid"):
            save_model(tmp_path / "m", sample(initial_digest=digest))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dataset": "birds"}, "birds was never opened on this machine"),
        ({"dataset": "fashion-mnist"}, "is not on this machine"),
        ({"image_shape": (14, 56), "dataset": "sketch"}, "not made for the images of sketch"),
    ],
)
def test_data_that_are_not_at_hand_are_told(changes, why, monkeypatch, tmp_path, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANDSTITCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(loading, "_SKETCH", {"train": (20, 1), "test": (20, 2)})
    names = tuple(f"class {n}" for n in range(10))
    model = sample(GARMENT_SIZES, class_names=names, **({"image_shape": (28, 28)} | changes))
    assert insight.find_training_data(model) == (None, None)
    assert why in caplog.messages[0]


def test_a_folder_that_was_named_and_has_no_data_is_an_error(tmp_path):
    model = sample(GARMENT_SIZES, image_shape=(28, 28), dataset="fashion-mnist")
    with pytest.raises(DataError):
        insight.find_training_data(model, tmp_path)
