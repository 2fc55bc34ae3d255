"""`handstitch train --find-rate`."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cli.conftest import Handstitch


def test_the_rate_is_printed_drawn_and_put_into_the_next_command(
    handstitch: Handstitch, machine: Path
) -> None:
    flags = ("--dataset", "sketch", "--hidden", "16", "--batch-size", "20", "--threads", "1")
    found = handstitch("train", "--find-rate", *flags)
    assert found.code == 0, found.err
    assert "steps on sketch, batch size 20, adam" in found.out
    assert (machine / "learning_rate.png").read_bytes().startswith(b"\x89PNG")
    assert not (machine / "runs").exists()
    line = next(line for line in found.out.splitlines() if line.startswith("Train with it: "))
    command = shlex.split(line.removeprefix("Train with it: "))
    assert command[:2] == ["handstitch", "train"]
    assert {"--dataset", "sketch", "--hidden", "16", "--batch-size", "20"} <= set(command)
    trained = handstitch(*command[1:], "--epochs", "1", "--json")
    assert trained.code == 0, trained.err
    rate = command[command.index("--learning-rate") + 1]
    assert f"learning_rate = {float(rate)}" in (machine / "runs/train/config.toml").read_text()


def test_json_has_every_rate_and_out_names_the_picture(
    handstitch: Handstitch, machine: Path
) -> None:
    found = handstitch(
        *("train", "--find-rate", "--dataset", "sketch", "--hidden", "16", "--batch-size", "20"),
        *("--out", "rates.svg", "--json"),
    ).json
    assert len(found["rates"]) == len(found["losses"]) > 50
    assert found["picture"] == "rates.svg"
    assert "<svg" in (machine / "rates.svg").read_text()
    assert found["suggestion"] > 0


def test_it_excludes_a_run_to_resume(handstitch: Handstitch) -> None:
    refused = handstitch("train", "--find-rate", "--resume", "runs/train")
    assert refused.code == 2
    assert "--find-rate" in refused.err
