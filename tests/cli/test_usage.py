"""Everything that is exit 2: a command line or configuration that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from handstitch.config import field_types
from handstitch.recipes import flags_of
from tests.cli.conftest import Handstitch

WRONG = [
    # the command line → what the message says: the problem, and what helps
    ("trian", "handstitch has no command trian", "perhaps: handstitch train"),
    ("xyzzy", "handstitch has no command xyzzy", "see: handstitch --help"),
    ("data fecth", "handstitch data has no command fecth", "perhaps: handstitch data fetch"),
    ("help trian", "handstitch has no command trian", "perhaps: handstitch train"),
    ("--hep", "handstitch has no flag --hep", "wanted  --help"),
    ("--json", "handstitch has no flag --json", "handstitch --help"),
    ("data --lr 3", "handstitch data has no flag --lr", "handstitch data --help"),
    ("train --lerning-rate 3", "has no flag --lerning-rate", "wanted  --learning-rate"),
    ("train --lerning-rate=3", "has no flag --lerning-rate", "wanted  --learning-rate"),
    ("train --l2 3", "has no flag --l2", "wanted  --weight-decay"),
    ("train --hiden 3", "has no flag --hiden", "wanted  --hidden"),
    ("train --xyzzy", "has no flag --xyzzy", "all of them: handstitch train --help"),
    ("config -x", "has no flag -x", "handstitch config --help"),
    ("config --no-json", "has no flag --no-json", "wanted  --json"),
    ("train more", "does not know what to do with more", "handstitch train --help"),
    ("train --stratified yes", "does not know what to do with yes", "handstitch train --help"),
    ("test a b", "does not know what to do with b", "handstitch test --help"),
    ("train --lr", "--lr needs a value", "a number"),
    ("train --epochs", "--epochs needs a value", "passes over the training images"),
    ("train --hidden", "--hidden needs a value", "widths of the hidden layers"),
    ("train --hidden --epochs 3", "--hidden needs a value", "widths of the hidden layers"),
    ("train --out", "--out needs a value", "leave --out out"),
    ("train --lr 1 --lr 2", "--lr is given twice", "remove one"),
    ("train --hidden 9 --hidden 8", "--hidden is given twice", "remove one"),
    ("train --lr abc", "learning_rate cannot be abc", "--learning-rate 0.001"),
    ("train --lr 0", "learning_rate cannot be 0", "a number above 0"),
    ("train --lr -0.1", "learning_rate cannot be -0.1", "a number above 0"),
    ("train --lr=-1e-3", "learning_rate cannot be -1e-3", "a number above 0"),
    ("train --lr nan", "learning_rate cannot be nan", "a number above 0"),
    ("train --lr inf", "learning_rate cannot be inf", "a finite number"),
    ("train --hidden 0", "hidden_sizes cannot be 0", "from 1 up to 1,000,000"),
    ("train --hidden 9 0", "hidden_sizes cannot be 9 0", "--hidden 512 256"),
    ("train --hidden 1", "hidden_sizes cannot be 1 0", "one width N means N and N/2"),
    ("train --hidden wide", "hidden_sizes cannot be wide", "--hidden 512 256"),
    ("train --dropout 1", "dropout cannot be 1", "a number from 0 below 1"),
    ("train --dropout -0.1", "dropout cannot be -0.1", "a number from 0 below 1"),
    ("train --input-dropout 2", "input_dropout cannot be 2", "from 0 below 1"),
    ("train --epochs 0", "epochs cannot be 0", "a whole number from 1"),
    ("train --epochs -3", "epochs cannot be -3", "a whole number from 1"),
    ("train --epochs 1.5", "epochs cannot be 1.5", "a whole number from 1"),
    ("train --batch-size 0", "batch_size cannot be 0", "a whole number from 1"),
    ("train --batch-size -1", "batch_size cannot be -1", "a whole number from 1"),
    ("train --activation rleu", "activation cannot be rleu", "perhaps: --activation relu"),
    ("train --activation relu tahn", "cannot be relu tahn", "perhaps: --activation relu tanh"),
    ("train --activation relu elu tanh", "cannot be relu elu tanh", "each of the 2 hidden layers"),
    ("train --optimizer adm", "optimizer cannot be adm", "perhaps: --optimizer adam"),
    ("train --schedule cosin", "schedule cannot be cosin", "perhaps: --schedule cosine"),
    ("train --dataset mnst", "dataset cannot be mnst", "perhaps: --dataset mnist"),
    ("train --epochs 5 --warmup 5", "warmup cannot be 5.0", "less than the 5 epochs"),
    ("train --seed 99999999999999999999", "seed cannot be 9999", "from 0 up to 9,223"),
    ("train --threads many", "threads cannot be many", "auto or a whole number from 1"),
    ("train --epochs many --lr x", "2 settings cannot be", "--learning-rate x, --epochs many"),
    ("train --preset reprot", "there is no preset reprot", "--preset report"),
    ("train --config qqq.toml", "no such config file", "handstitch config > my.toml"),
    ("train --config tpyo.toml", "no such config file", "perhaps: --config typo.toml"),
    ("train --config .", "this is a folder", "a TOML file"),
    ("train --config typo.toml", "2 settings are not known", "epochs for epocs, seed for sed"),
    ("train --config syntax.toml", "not TOML", "line 2, column 8"),
    ("train --config type.toml", "epochs cannot be 3", "epochs = 10"),
    ("train --dataset sketch --validation 0.001", "no image is left", "0.001 × 300 images = 0.3"),
    ("train --dataset sketch --validation 0.999", "no image is left", "rounded 300"),
    ("test", "there is no run yet", "handstitch train"),
    ("predict", "there is no run yet", "handstitch train"),
    ("test folder", "not a run", "no config.toml in it"),
    ("test --weights bst", "--weights cannot be bst", "perhaps: best"),
    ("predict --part tset", "--part cannot be tset", "perhaps: test"),
    ("data info fashon", "NAME cannot be fashon", "perhaps: fashion-mnist"),
    ("data fetch sketch", "NAME cannot be sketch", "fashion-mnist, mnist"),
]


@pytest.fixture
def files(machine: Path) -> None:
    (machine / "typo.toml").write_text("epocs = 3\nsed = 3\n")
    (machine / "syntax.toml").write_text("seed = 0\nepochs 3\n")
    (machine / "type.toml").write_text('epochs = "3"\n')
    (machine / "folder").mkdir()


@pytest.mark.parametrize(("line", "problem", "way_out"), WRONG, ids=[line for line, *_ in WRONG])
@pytest.mark.usefixtures("files")
def test_a_command_that_cannot_be(
    handstitch: Handstitch, machine: Path, line: str, problem: str, way_out: str
) -> None:
    before = sorted(machine.rglob("*"))
    result = handstitch(*line.split())
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("handstitch: error: ")
    assert problem in result.err.splitlines()[0]
    assert way_out in result.err
    assert "\n  fix  " in result.err
    assert len(result.err.splitlines()) <= 6
    assert "Traceback" not in result.err
    assert sorted(machine.rglob("*")) == before


def test_nothing_goes_to_stdout_with_json_either(handstitch: Handstitch) -> None:
    result = handstitch("train", "--json", "--epochs", "0")
    assert (result.code, result.out) == (2, "")


@pytest.mark.parametrize("line", ["train --lr abc", "trian", "test nowhere.safetensors"])
def test_debug_shows_where_it_comes_from(handstitch: Handstitch, line: str) -> None:
    plain, debug = handstitch(*line.split()), handstitch("--debug", *line.split())
    assert debug.code == plain.code
    assert "Traceback (most recent call last)" in debug.err
    assert debug.err.endswith(plain.err)


@pytest.mark.parametrize("line", ["", "-h", "--help", "help"])
def test_help_lists_the_verbs(handstitch: Handstitch, line: str) -> None:
    result = handstitch(*line.split())
    assert (result.code, result.err) == (0, "")
    assert "Train a network; its run folder holds the result." in result.out
    order = [result.out.index(f"│ {verb} ") for verb in ("train", "test", "predict", "data")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "verb", ["train", "test", "predict", "data", "config", "doctor", "gradcheck", "data info"]
)
def test_every_verb_has_a_page_that_fits_80_columns(handstitch: Handstitch, verb: str) -> None:
    result = handstitch(*verb.split(), "--help")
    assert (result.code, result.err) == (0, "")
    assert result == handstitch("help", *verb.split())
    assert max(len(line.rstrip()) for line in result.out.splitlines()) <= 80


def test_the_verbs_line_in_the_list_is_the_first_of_its_page(handstitch: Handstitch) -> None:
    from handstitch.cli import VERBS

    listed = handstitch("--help").out
    for verb, (_, told) in VERBS.items():
        assert told in listed
        page = " ".join(handstitch(verb, "--help").out.split())
        assert told.rstrip(".") in page


def test_the_page_of_train_has_every_setting_with_its_value(handstitch: Handstitch) -> None:
    page = " ".join(handstitch("train", "--help").out.replace("│", " ").split())
    for name in field_types():
        assert all(flag in page for flag in flags_of(name))
    assert "step size [0.0015]" in page
    assert "(sgd, momentum, nesterov, rmsprop, adam, adamw) [adam]" in page
    assert "widths of the hidden layers; one width N means N and N/2 [512 256]" in page
    assert "hold out the same fraction of every class [off]" in page
    assert "Settings come from flags, over HANDSTITCH_… variables" in page


def test_the_version(handstitch: Handstitch) -> None:
    import handstitch as package

    assert handstitch("--version").out == f"handstitch {package.__version__}\n"
