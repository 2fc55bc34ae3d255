"""Class weights as typed, as a mapping and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from handstitch.config import Config
from handstitch.config.class_weights import parse, read
from handstitch.config.precedence import format_flag, read_environment, read_flags
from handstitch.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "items"),
    [
        (["balanced"], ["balanced"]),
        (["cats=1", "dogs=2.5"], ["cats=1", "dogs=2.5"]),
        (["cats=1,dogs=2.5"], ["cats=1", "dogs=2.5"]),
        (["T-shirt, top=1,Ankle boot=1e-3"], ["T-shirt, top=1", "Ankle boot=1e-3"]),
        (["a=b=1,c=2"], ["a=b=1", "c=2"]),
        (["a=1,b"], ["a=1", "b"]),  # refused by Config, as written
    ],
    ids=str,
)
def test_words_typed_are_items(words: list[str], items: list[str]) -> None:
    assert read(words) == items


def test_a_mapping_is_the_same_as_pairs() -> None:
    config = Config(class_weight={"cats": 1, "dogs": 2.5})  # type: ignore[arg-type] # converted
    assert config.class_weight == ("cats=1", "dogs=2.5")
    assert parse(config.class_weight) == {"cats": 1.0, "dogs": 2.5}
    assert Config(class_weight="balanced").class_weight == ("balanced",)  # type: ignore[arg-type]


def test_what_is_written_as_a_flag_or_a_variable_is_read_again() -> None:
    value = ("Ankle boot=0.5", "b=2")
    _, words = format_flag("class_weight", value).split(" ", 1)
    assert read_flags({"class_weight": [words]}) == {"class_weight": value}
    assert read_environment({"HANDSTITCH_CLASS_WEIGHT": words}) == {"class_weight": value}


@pytest.mark.parametrize(
    "text",
    [
        "class,weight\ncats,1\ndogs,2.5\n",
        "cats,1\ndogs,2.5",
        "\ufeffcats, 1 \r\n\r\ndogs,2.5\r\n",
        '"cats","1"\n"dogs","2.5"\n',
    ],
    ids=repr,
)
def test_a_file_has_a_line_for_each_class(text: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read([str(path)]) == ["cats=1", "dogs=2.5"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no line"),
        ("class,weight\n", "no line"),
        ("cats,1\ndogs\n", "dogs"),
        ("cats,1\ndogs,2,3\n", "dogs,2,3"),
        ("cats,1\ndogs,many\n", "dogs,many"),
        ("cats,1\ndogs,0\n", "dogs,0"),
        ("cats,-1\n", "cats,-1"),
        ("cats,nan\n", "cats,nan"),
        ("cats,inf\n", "cats,inf"),
        ("cats,1\ncats,1\n", "cats,1 once more"),
        ("\x00\xff", "utf-8"),
    ],
    ids=repr,
)
def test_another_file_is_refused(text: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        read([str(path)])
    assert found in str(caught.value.found)
    assert caught.value.file == path
    assert caught.value.wanted
    assert caught.value.fix


def test_a_misspelled_word_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read(["balance"])
    assert caught.value.fix == "perhaps: class_weight='balanced'"
    with pytest.raises(ConfigError, match="cannot be read"):
        read([str(tmp_path)])
