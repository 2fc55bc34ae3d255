"""Model files and states: the same bits back, in the published layout, or a clear refusal."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import handstitch
from handstitch import storage
from handstitch.core.parameters import Parameters
from handstitch.errors import DivergedError, MachineError, ModelFileError
from handstitch.model import (
    load_model,
    load_newest_state,
    load_state,
    require_sizes,
    safetensors_file,
    save_model,
    save_state,
)
from tests.sample_models import assert_same, sample

RESULT = Path("model.safetensors")


# ── models ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sizes", [(4, 2), (4, 3, 2), (6, 5, 4, 3, 2)])
def test_a_model_comes_back(tmp_path, sizes):
    model = sample(sizes)
    save_model(tmp_path / RESULT, model)
    assert_same(load_model(tmp_path / RESULT), model)
    assert_same(load_model(str(tmp_path / RESULT)), model)


def test_every_field_comes_back(tmp_path):
    model = sample(
        (4, 3, 3, 2),
        activations=("tanh", "sigmoid"),
        offset=72.94,
        scale=1 / 90.021,
        class_names=("T-shirt/top", "Überzieher 外套 \N{TEDDY BEAR}"),
        image_shape=(1, 4),
        dataset="fashion-mnist",
        config={"learning_rate": 0.1 + 0.2, "hidden_sizes": [3, 3], "flip": False, "x": None},
        history=({"epoch": 1, "val_loss": 1e-300}, {"epoch": 2, "val_loss": 0.1}),
        versions={"numpy": "2.4", "blas": "openblas SkylakeX"},
        origin="course npz",
    )
    save_model(tmp_path / RESULT, model)
    assert_same(load_model(tmp_path / RESULT), model)


def test_the_stock_package_reads_it(tmp_path):
    model = sample()
    save_model(tmp_path / RESULT, model)
    with safetensors.safe_open(tmp_path / RESULT, "np") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    assert {name: array.shape for name, array in arrays.items()} == {
        "layers.0.weight": (4, 3),
        "layers.0.bias": (3,),
        "layers.1.weight": (3, 2),
        "layers.1.bias": (2,),
    }
    assert all(array.dtype == np.float32 for array in arrays.values())
    np.testing.assert_array_equal(arrays["layers.1.weight"], model.parameters.weights[1])
    np.testing.assert_array_equal(arrays["layers.0.bias"], model.parameters.biases[0])
    assert list(metadata) == ["handstitch"]
    description = json.loads(metadata["handstitch"])
    assert list(description) == sorted(description)
    assert description["architecture"] == {"sizes": [4, 3, 2], "activations": ["relu"]}
    assert description["preprocessing"] == {"offset": 0.0, "scale": 1 / 256}
    assert description["class_names"] == ["class 0", "class 1"]
    assert description["image_shape"] == [2, 2]
    assert description["version"] == 2
    assert len(description["digest"]) == 64
    assert set(description) == {
        "architecture", "class_names", "config", "dataset", "digest", "format", "history",
        "image_shape", "origin", "preprocessing", "version", "versions",
    }  # fmt: skip


def test_a_file_resaved_by_the_stock_package_is_still_ours(tmp_path):
    save_model(tmp_path / RESULT, sample())
    with safetensors.safe_open(tmp_path / RESULT, "np") as file:
        metadata = file.metadata()
    arrays = safetensors.numpy.load_file(tmp_path / RESULT)
    safetensors.numpy.save_file(arrays, tmp_path / "again.safetensors", metadata)
    assert_same(load_model(tmp_path / "again.safetensors"), sample())


SAVE = """
import sys
from tests.sample_models import sample
from handstitch.model import save_model
save_model(sys.argv[1], sample(config={name: 1 for name in {"a", "b", "c", "d", "e"}}))
"""


def test_every_process_writes_the_same_bytes(tmp_path):
    digests = set()
    for number in range(3):
        path = tmp_path / f"folder {number}" / "name.safetensors"
        subprocess.run(
            [sys.executable, "-c", SAVE, path],
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(
                    str(Path(each).resolve().parents[level])
                    for each, level in ((handstitch.__file__, 1), (__file__, 2))
                ),
                "PYTHONHASHSEED": str(number),
                "TZ": "UTC" if number else "Asia/Shanghai",
            },
            check=True,
        )
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_nothing_of_the_clock_or_the_place_is_in_it(tmp_path):
    with pytest.raises(ValueError, match="clock"):
        save_model(tmp_path / RESULT, sample(history=({"epoch": 1, "seconds": 2.0},)))
    save_model(tmp_path / RESULT, sample())
    content = (tmp_path / RESULT).read_bytes()
    for secret in (str(tmp_path), tmp_path.name, os.uname().nodename):
        assert secret.encode() not in content


def test_arrays_that_are_not_contiguous_are_saved_right(tmp_path):
    """safetensors by itself writes other numbers for these, and says nothing."""
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    slots = {
        "transposed": array.T,
        "strided": array[::2, ::-1],
        "big-endian": array.astype(">f4"),
        "broadcast": np.broadcast_to(np.float32(7), (2, 2)),
    }
    save_state(tmp_path / RESULT, sample(), slots, {})
    for name, back in load_state(tmp_path / RESULT).slots.items():
        np.testing.assert_array_equal(back, slots[name], name)
        assert back.dtype.isnative


def test_a_diverged_network_does_not_replace_a_good_one(tmp_path):
    save_model(tmp_path / RESULT, sample())
    for number in (np.nan, np.inf, -np.inf):
        bad = sample()
        bad.parameters.vector[5] = number
        with pytest.raises(DivergedError):
            save_model(tmp_path / RESULT, bad)
    assert_same(load_model(tmp_path / RESULT), sample())


def test_only_float32_is_saved(tmp_path):
    single = sample().parameters
    double = Parameters(single.sizes, single.vector.astype(np.float64))
    with pytest.raises(ValueError, match="float32"):
        save_model(tmp_path / RESULT, sample(parameters=double))


@pytest.mark.parametrize(
    "changes",
    [
        {"activations": ()},
        {"activations": ("relu", "relu")},
        {"activations": ("softplus",)},
        {"class_names": ("one",)},
        {"class_names": ("", "two")},
        {"class_names": ("one", "x" * 201)},
        {"class_names": ("one", "\x1b[2Jtwo")},
        {"class_names": ("one", "\u202eowt")},
        {"class_names": ("one", "two\n")},
        {"class_names": ("one", "\ud800")},
        {"class_names": ("one", 2)},
        {"dataset": "\x07"},
        {"image_shape": (2, 3)},
        {"image_shape": (-2, -2)},
        {"image_shape": (5,)},
        {"image_shape": ()},
        {"image_shape": (2, 1, 2)},
        {"image_shape": (1, 2, 1, 2)},
        {"offset": (0.0, 1.0)},
        {"offset": (0.0,) * 4},
        {"offset": (0.0,) * 4, "scale": (1.0, 1.0, 0.0, 1.0)},
        {"offset": (0.0,) * 3, "scale": (1.0,) * 3},
        {"labels": "number", "class_names": ("1", "x")},
        {"scale": 0.0},
        {"scale": float("inf")},
        {"offset": float("nan")},
        {"origin": "elsewhere"},
        {"versions": {"numpy": 2}},
        {"history": ({"train_loss": float("nan")},)},
        {"history": ({"train_loss": "\ud800"},)},
        {"history": ("epoch 1",)},
        {"config": ["a"]},
    ],
    ids=str,
)
def test_a_model_that_makes_no_sense_is_not_saved(tmp_path, changes):
    with pytest.raises(ModelFileError):
        save_model(tmp_path / RESULT, sample(**changes))
    assert not (tmp_path / RESULT).exists()


def test_a_history_too_long_is_not_saved(tmp_path):
    epoch = {"epoch": 1, "a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1, "e": 0.1, "f": 0.1, "g": 0.1}
    model = sample(history=(epoch,) * 20_000)
    save_model(tmp_path / RESULT, model)
    assert len(load_model(tmp_path / RESULT).history) == 20_000
    with pytest.raises(ModelFileError, match="does not fit"):
        save_model(tmp_path / RESULT, sample(history=(epoch,) * 30_000))


# ── states ─────────────────────────────────────────────────────────────────────────────────────


def test_a_state_comes_back(tmp_path):
    path = tmp_path / "weights" / "last.safetensors"
    slots: dict[str, Any] = {
        "optimizer.velocity": np.linspace(-1, 1, 23, dtype=np.float32),
        "best": np.arange(4, dtype=np.float64),
        "steps": np.array(2**62),
        "mask": np.array([True, False]),
        "none": np.zeros((0, 3), np.float32),
        "bytes": np.arange(3, dtype=np.uint8),
    }
    position = {"epoch": 3, "loss": 0.1 + 0.2, "small": 5e-324, "best": None, "list": [1, 2.5]}
    assert not storage.existing_copies(path)
    save_state(path, sample(), slots, position)
    assert storage.existing_copies(path)
    state = load_state(path)
    assert_same(state.model, sample())
    assert state.position == position
    assert set(state.slots) == set(slots)
    for name, array in slots.items():
        assert state.slots[name].dtype == array.dtype
        assert state.slots[name].shape == array.shape
        assert state.slots[name].tobytes() == array.tobytes()
        assert state.slots[name].flags.writeable or not array.size
    model, slots_too, position_too = state
    assert (model, slots_too, position_too) == (state.model, state.slots, state.position)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)), st.integers())
def test_positions_come_back_bit_for_bit(tmp_path_factory, floats, integer):
    path = tmp_path_factory.mktemp("state") / "last.safetensors"
    save_state(path, sample(), {}, {"floats": floats, "integer": integer % 2**63})
    position = load_state(path).position
    back = struct.pack(f"{len(floats)}d", *position["floats"])
    assert back == struct.pack(f"{len(floats)}d", *floats)
    assert position["integer"] == integer % 2**63


ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", ">f8", "<i8", "|u1", "|b1", "<f2"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), ARRAYS))
def test_any_arrays_come_back(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("arrays") / "a.safetensors"
    storage.write(path, safetensors_file.encode(path, arrays, {"text": '\x00\u2028\\"é'}))
    back, metadata = safetensors_file.read_tensors(path)
    assert metadata == {"text": '\x00\u2028\\"é'}
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert back[name].shape == array.shape
        assert back[name].astype(array.dtype).tobytes() == array.tobytes()


def test_a_state_serves_as_a_model(tmp_path):
    save_state(tmp_path / "last.safetensors", sample(), {"optimizer.v": np.ones(3)}, {"epoch": 1})
    assert_same(load_model(tmp_path / "last.safetensors"), sample())


def test_a_model_does_not_serve_as_a_state(tmp_path):
    save_model(tmp_path / RESULT, sample())
    with pytest.raises(ModelFileError, match="cannot resume"):
        load_state(tmp_path / RESULT)


def test_a_position_json_cannot_hold_is_refused(tmp_path):
    for bad in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ModelFileError, match="cannot be stored"):
            save_state(tmp_path / RESULT, sample(), {}, {"loss": bad})
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ModelFileError, match="cannot be stored"):
        save_state(tmp_path / RESULT, sample(), {}, {"list": endless})
    assert not (tmp_path / RESULT).exists()


def test_the_state_before_serves_when_the_last_is_damaged(tmp_path):
    path = tmp_path / "last.safetensors"
    for step in (1, 2):
        save_state(path, sample(), {}, {"step": step})
    state, problem = load_newest_state(path)
    assert (state.position["step"], problem) == (2, None)
    path.write_bytes(path.read_bytes()[:-1])
    state, problem = load_newest_state(path)
    assert state.position["step"] == 1
    assert isinstance(problem, ModelFileError)
    assert "damaged" in str(problem)
    path.unlink()
    state, problem = load_newest_state(path)
    assert state.position["step"] == 1
    assert "no such model file" in str(problem)


def test_no_state_at_all_is_told(tmp_path):
    with pytest.raises(ModelFileError, match="no such model file"):
        load_newest_state(tmp_path / "last.safetensors")


def test_a_state_of_another_version_is_not_passed_over(tmp_path, monkeypatch):
    """To go on from the one before would throw away work that is not damaged."""
    path = tmp_path / "last.safetensors"
    save_state(path, sample(), {}, {"step": 1})
    with monkeypatch.context() as later:
        later.setattr(safetensors_file, "VERSION", safetensors_file.VERSION + 1)
        save_state(path, sample(), {}, {"step": 2})
    for load in (load_newest_state, load_state, load_model):
        with pytest.raises(ModelFileError, match="another version of Handstitch") as caught:
            load(path)
        assert "upgrade" in str(caught.value)


# ── refusals ───────────────────────────────────────────────────────────────────────────────────


def test_weights_of_another_architecture_are_shown(tmp_path):
    with pytest.raises(ModelFileError) as caught:
        require_sizes(tmp_path / RESULT, (784, 512, 256, 10), (784, 300, 10))
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert message.count("\n") <= 5
    assert "layer" in message
    assert "(784, 512)" in message
    assert "(784, 300)" in message
    require_sizes(tmp_path / RESULT, (784, 10), (784, 10))


def changed(path: Path, arrays: dict[str, Any] | None = None, **changes: Any) -> None:
    """Rewrite a file, digest and all, with other arrays or another description."""
    old, metadata = safetensors_file.read_tensors(path)
    kept = {name: array for name, array in (old | (arrays or {})).items() if array is not None}
    described = {name: value for name, value in (metadata | changes).items() if value != "gone"}
    storage.write(path, safetensors_file.encode(path, kept, described))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"layers.0.weight": np.ones((3, 4), "f4")}, ["another architecture", "(3, 4)", "(4, 3)"]),
        ({"layers.0.bias": np.ones((3, 1), "f4")}, ["another architecture", "(3, 1)", "(3,)"]),
        ({"layers.1.bias": None}, ["another architecture", "none", "(2,)"]),
        ({"layers.2.bias": np.ones(2, "f4")}, ["another architecture", "layers.2.bias"]),
        ({"optimizer.velocity": np.ones(2, "f4")}, ["another architecture"]),
        ({"layers.0.bias": np.ones(3, "f8")}, ["float64"]),
        ({"layers.0.bias": np.array([1, np.nan, 1], "f4")}, ["not finite"]),
        ({"layers.1.bias": np.array([np.inf, 1], "f4")}, ["not finite"]),
    ],
    ids=" ".join,
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, words):
    save_model(tmp_path / RESULT, sample())
    changed(tmp_path / RESULT, arrays)
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / RESULT)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert message.count("\n") <= 5


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": {"sizes": [4], "activations": []}},
        {"architecture": {"sizes": [], "activations": []}},
        {"architecture": {"sizes": [4, 0, 2], "activations": ["relu"]}},
        {"architecture": {"sizes": [4, 2**40, 2], "activations": ["relu"]}},
        {"architecture": {"sizes": [2**39, 2**39], "activations": []}, "image_shape": [1, 2**39]},
        {"architecture": {"sizes": [4, 3, 2]}},
        {"preprocessing": {"offset": 0, "scale": 0}},
        {"class_names": ["\x1b[0m", "b"]},
        {"class_names": "ab"},
        {"image_shape": [2**20, 2**20]},
        {"surplus": 1},
        {"history": "gone"},
        {"config": None},
    ],
    ids=str,
)
def test_a_description_that_makes_no_sense_is_refused(tmp_path, changes):
    save_model(tmp_path / RESULT, sample())
    changed(tmp_path / RESULT, **changes)
    with pytest.raises(ModelFileError) as caught:
        load_model(tmp_path / RESULT)
    assert str(caught.value).count("\n") <= 5


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ModelFileError, match="no such model file"):
        load_model(tmp_path / RESULT)


def test_what_is_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, found in [(tmp_path, "a folder"), (tmp_path / "pipe", "a pipe, socket or device")]:
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        assert caught.value.found == found


def test_a_disk_that_does_not_give_the_file_is_told(tmp_path, monkeypatch):
    save_state(tmp_path / "last.safetensors", sample(), {}, {"step": 1})
    save_state(tmp_path / "last.safetensors", sample(), {}, {"step": 2})
    real = storage.open_file

    def refusing(path, *arguments, **options):
        if path.name == "last.safetensors":
            raise OSError(5, "Input/output error")
        return real(path, *arguments, **options)

    monkeypatch.setattr(storage, "open_file", refusing)
    state, problem = load_newest_state(tmp_path / "last.safetensors")
    assert state.position["step"] == 1
    assert "Input/output error" in str(problem)


def test_a_file_one_may_not_read_is_the_machines_matter(tmp_path, monkeypatch):
    save_model(tmp_path / RESULT, sample())

    def refusing(path, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(storage, "open_file", refusing)
    with pytest.raises(MachineError, match="permission denied"):
        load_model(tmp_path / RESULT)


def test_the_file_is_written_by_storage(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        storage, "write", lambda path, data, *, durable: written.append((path, durable))
    )
    save_model(tmp_path / RESULT, sample())
    save_model(tmp_path / RESULT, sample(), durable=False)
    assert written == [(tmp_path / RESULT, True), (tmp_path / RESULT, False)]


def test_the_bytes_are_those_of_the_stock_package(tmp_path):
    """Written without its copies, a file is still what safetensors itself would read and write."""
    save_model(tmp_path / RESULT, sample())
    data = (tmp_path / RESULT).read_bytes()
    arrays = safetensors.numpy.load(data)
    with safetensors.safe_open(tmp_path / RESULT, "numpy") as file:
        metadata = file.metadata()
    assert safetensors.numpy.save(arrays, metadata) == data
