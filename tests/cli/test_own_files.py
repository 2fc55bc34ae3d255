"""Files of the user's own under published names: said what they are, and never to be deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from handstitch.data import catalog
from tests.cli.conftest import Handstitch
from tests.data.idx_files import SmallDataSets, header, images, packed, zipped


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallDataSets:
    """Small data sets, known to the program as the published ones."""
    sets = SmallDataSets()
    monkeypatch.setattr(catalog, "FILES", tuple(sets.files))
    return sets


def test_doctor_knows_the_home_of_another_set(
    handstitch: Handstitch, small: SmallDataSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "files")
    monkeypatch.setenv("HANDSTITCH_DATA", str(folder))
    fashion, mnist = handstitch("doctor", "--json").json["data"]
    assert fashion == f"fashion-mnist: complete and sound in {folder}"
    assert mnist == "mnist: not on this machine (handstitch data fetch mnist)"


@pytest.mark.parametrize(
    "content",
    [
        zipped(packed(images(20, 9))),
        header(20, 3, 2, kind=0x0C) + bytes(480),
        packed(images(20))[:99],
    ],
    ids=["sound", "int32", "cut short"],
)
@pytest.mark.parametrize(
    "words", [["train"], ["data", "fetch", "fashion-mnist"]], ids=["train", "fetch"]
)
def test_no_message_proposes_to_delete_own_files(
    handstitch: Handstitch, small: SmallDataSets, tmp_path: Path, words: list[str], content: bytes
) -> None:
    folder = small.write("fashion-mnist", tmp_path / "own files")
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(content)
    result = handstitch(*words, "--data-dir", str(folder))
    assert result.code == 3
    assert "delete" not in result.err
    assert ("a sound file" in result.err) == ("cut short" not in result.err)
    assert (f"--dataset '{folder}'" in result.err) == ("cut short" not in result.err)
    assert (
        f"move it aside and run: handstitch data fetch fashion-mnist --data-dir '{folder}'"
        in result.err
    )
    assert file.read_bytes() == content
