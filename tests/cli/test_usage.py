"""Everything that is exit 2: an invalid command line or configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handstitch.cli import VERBS
from handstitch.config.precedence import flags_of
from handstitch.config.schema import field_types
from tests.cli.conftest import Handstitch

WRONG = [
    # the command line → what the message says: the problem, and what helps
    ("trian", "handstitch has no command trian", "wanted  train"),
    ("xyzzy", "handstitch has no command xyzzy", "all of them: handstitch --help"),
    ("reproduce report", "handstitch has no command reproduce", "make reproduce"),
    ("data fecth", "handstitch data has no command fecth", "wanted  fetch"),
    ("help trian", "handstitch has no command trian", "wanted  train"),
    ("--hep", "handstitch has no flag --hep", "wanted  --help"),
    ("--json", "handstitch has no flag --json", "handstitch --help"),
    ("data --lr 3", "handstitch data has no flag --lr", "handstitch data --help"),
    ("train --lerning-rate 3", "has no flag --lerning-rate", "wanted  --learning-rate"),
    ("train --lerning-rate=3", "has no flag --lerning-rate", "wanted  --learning-rate"),
    ("train --l2 3", "has no flag --l2", "wanted  --weight-decay"),
    ("train --hiden 3", "has no flag --hiden", "wanted  --hidden"),
    ("train --xyzzy", "has no flag --xyzzy", "see all of them: handstitch train --help"),
    ("config -x", "has no flag -x", "handstitch config --help"),
    ("config --no-json", "has no flag --no-json", "wanted  --json"),
    ("train more", "unexpected argument: more", "handstitch train --help"),
    ("train --stratified yes", "unexpected argument: yes", "handstitch train --help"),
    ("test a b", "unexpected argument: b", "handstitch test --help"),
    ("train --lr", "--lr needs a value", "a number"),
    ("train --epochs", "--epochs needs a value", "passes over the training images"),
    ("train --hidden", "--hidden needs a value", "widths of the hidden layers"),
    ("train --hidden --epochs 3", "--hidden needs a value", "widths of the hidden layers"),
    ("train --out", "--out needs a value", "folder of the run"),
    ("train --lr 1 --lr 2", "--lr is given twice", "leave one out"),
    ("train --hidden 9 --hidden 8", "--hidden is given twice", "leave one out"),
    ("train --lr abc", "invalid value for learning_rate: abc", "--learning-rate 0.003"),
    ("train --lr 0", "invalid value for learning_rate: 0", "a number from 1e-20"),
    ("train --lr -0.1", "invalid value for learning_rate: -0.1", "a number from 1e-20"),
    ("train --lr=-1e-3", "invalid value for learning_rate: -1e-3", "a number from 1e-20"),
    ("train --lr nan", "invalid value for learning_rate: nan", "a number from 1e-20"),
    ("train --lr inf", "invalid value for learning_rate: inf", "a number from 1e-20"),
    ("train --hidden 0", "invalid value for hidden_sizes: 0,", "from 1 up to 1,000,000"),
    ("train --hidden 9 0", "invalid value for hidden_sizes: 9,0", "--hidden 768,256"),
    ("train --hidden 1", "invalid value for hidden_sizes: 1,0", "one width N means N and N/2"),
    ("train --hidden wide", "invalid value for hidden_sizes: wide", "--hidden 768,256"),
    ("train --dropout 1", "invalid value for dropout: 1", "a number from 0 below 1"),
    ("train --dropout -0.1", "invalid value for dropout: -0.1", "a number from 0 below 1"),
    ("train --shift -1", "invalid value for shift: -1", "a whole number from 0 up to 100"),
    ("train --erase 1.5", "invalid value for erase: 1.5", "a number from 0 up to 1"),
    ("train --input-dropout 2", "invalid value for input_dropout: 2", "from 0 below 1"),
    ("train --epochs 0", "invalid value for epochs: 0", "a whole number from 1"),
    ("train --epochs -3", "invalid value for epochs: -3", "a whole number from 1"),
    ("train --epochs 1.5", "invalid value for epochs: 1.5", "a whole number from 1"),
    ("train --batch-size 0", "invalid value for batch_size: 0", "a whole number from 1"),
    ("train --batch-size -1", "invalid value for batch_size: -1", "a whole number from 1"),
    (
        "train --receptive-field 13..5",
        "invalid value for receptive_field: 13,5",
        "then the largest",
    ),
    ("train --receptive-field 5..x", "invalid value for receptive_field: 5,x", "a whole number"),
    (
        "train --dataset sketch --receptive-field 5..40",
        "the receptive fields are larger than the images",
        "try --receptive-field 5,28",
    ),
    ("train --activation rleu", "invalid value for activation: rleu", "perhaps: --activation relu"),
    ("train --activation relu tahn", "activation: relu,tahn", "perhaps: --activation relu,tanh"),
    (
        "train --activation relu elu tanh",
        "activation: relu,elu,tanh",
        "each of the 2 hidden layers",
    ),
    ("train --optimizer adm", "invalid value for optimizer: adm", "perhaps: --optimizer adam"),
    ("train --schedule cosin", "invalid value for schedule: cosin", "perhaps: --schedule cosine"),
    ("train --dataset mnst", "unknown data set: mnst", "perhaps: mnist"),
    ("train --epochs 5 --warmup 5", "invalid value for warmup: 5", "less than the 5 epochs"),
    ("train --seed 99999999999999999999", "invalid value for seed: 9999", "from 0 up to 9,223"),
    ("train --threads many", "invalid value for threads: many", "auto or a whole number from 1"),
    (
        "train --epochs many --lr x",
        "2 settings have invalid values",
        "--learning-rate x, --epochs many",
    ),
    ("train --preset cuorse", "there is no preset cuorse", "--preset course"),
    ("train --preset xyzzy", "there is no preset xyzzy", "fix     --preset default"),
    ("train --config qqq.toml", "config file cannot be read", "for an example: handstitch config"),
    ("train --config tpyo.toml", "config file cannot be read", "perhaps: --config typo.toml"),
    ("train --config .", "config file cannot be read", "a folder"),
    ("train --config typo.toml", "2 unknown settings", "epochs for epocs, seed for sed"),
    ("train --config syntax.toml", "not valid TOML", "line 2, column 8"),
    ("train --config type.toml", "invalid value for epochs: 3", "epochs = 30"),
    ("train --dataset sketch --validation 0.001", "no image is left", "0.001 × 300 images = 0.3"),
    ("train --dataset sketch --validation 0.999", "no image is left", "rounded 300"),
    ("train --resume a --out b", "--out and --resume cannot be used together", "leave one out"),
    (
        "train --from-search a --preset course",
        "--preset and --from-search cannot",
        "leave one out",
    ),
    ("train --from-search a --config b", "--config and --from-search cannot be", "leave one out"),
    ("train --resume a --from-search b", "--resume and --from-search cannot be", "leave one out"),
    ("train --by last", "--by requires --from-search", "--from-search SEARCH --by last"),
    ("gradcheck --epochs 3", "handstitch gradcheck has no flag --epochs", "gradcheck --help"),
    ("bench --epochs 3", "handstitch bench has no flag --epochs", "bench --help"),
    ("test", "there is no run yet", "handstitch train"),
    ("predict", "there is no run yet", "handstitch train"),
    ("test folder", "not a run", "no config.toml in it"),
    ("test --weights bst", "invalid value for --weights: bst", "perhaps: best"),
    ("predict --part tset", "invalid value for --part: tset", "perhaps: test"),
    ("data info fashon", "unknown data set: fashon", "perhaps: fashion-mnist"),
    ("data fetch sketch", "invalid value for NAME: sketch", "fashion-mnist, mnist"),
]


@pytest.fixture
def files(machine: Path) -> None:
    (machine / "typo.toml").write_text("epocs = 3\nsed = 3\n")
    (machine / "syntax.toml").write_text("seed = 0\nepochs 3\n")
    (machine / "type.toml").write_text('epochs = "3"\n')
    (machine / "folder").mkdir()


@pytest.mark.parametrize(("line", "problem", "way_out"), WRONG, ids=[line for line, *_ in WRONG])
@pytest.mark.usefixtures("files")
def test_an_invalid_command(
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


PAGES = [*VERBS, "data fetch", "data info", "data doctor", "show curves", "show weights"]


@pytest.mark.parametrize("verb", PAGES)
def test_every_verb_has_a_page_that_fits_80_columns(handstitch: Handstitch, verb: str) -> None:
    result = handstitch(*verb.split(), "--help")
    assert (result.code, result.err) == (0, "")
    assert result == handstitch("help", *verb.split())
    assert max(len(line.rstrip()) for line in result.out.splitlines()) <= 80


@pytest.mark.parametrize("verb", PAGES)
def test_choices_and_defaults_have_one_form(handstitch: Handstitch, verb: str) -> None:
    page = " ".join(handstitch(*verb.split(), "--help").out.replace("│", " ").split())
    assert page.count(" CHOICE ") <= page.count(" [choices: ")
    assert "(default" not in page
    assert not re.search(r"\[(?!choices: |default: |OPTIONS\]|ARGS(\.\.\.)?\])", page)


def test_the_verbs_line_in_the_list_is_the_first_of_its_page(handstitch: Handstitch) -> None:
    listed = handstitch("--help").out
    for verb, (_, told) in VERBS.items():
        assert told in listed
        page = " ".join(handstitch(verb, "--help").out.split())
        assert told.rstrip(".") in page


def test_the_page_of_train_has_every_setting_with_its_value(handstitch: Handstitch) -> None:
    page = " ".join(handstitch("train", "--help").out.replace("│", " ").split())
    for name in field_types():
        assert all(flag in page for flag in flags_of(name))
    assert "learning rate η [default: 0.003]" in page
    assert "[choices: sgd, momentum, nesterov, rmsprop, adam, adamw] [default: adam]" in page
    assert "one width N means N and N/2 [default: 768,256]" in page
    assert "the same fraction of every class [default: false]" in page
    assert "Precedence of settings: flags, HANDSTITCH_… variables" in page


def test_the_version(handstitch: Handstitch) -> None:
    import handstitch as package

    assert handstitch("--version").out == f"handstitch {package.__version__}\n"
