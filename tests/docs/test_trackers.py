"""The page on trackers, run against MLflow and W&B, offline; what they wrote is read back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handstitch as hs
from handstitch.runs.history import read_records
from tests.docs.test_programs import BLOCK, ROOT

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore"),  # of libraries that these libraries use
]


def log_records(content: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: LevelDB's log behind a header of 7 bytes."""
    place, parts = 7, b""
    while place + 7 <= len(content):
        if 32_768 - place % 32_768 < 7:  # the rest of a block that holds no header is empty
            place += 32_768 - place % 32_768
        _, length, kind = struct.unpack_from("<IHB", content, place)
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {1, 4}:  # a whole record, or the last part of one
            yield parts
            parts = b""


@pytest.fixture
def page(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the programs of the page leave."""
    for library in ("mlflow", "wandb", "tensorboard"):
        pytest.importorskip(library, reason=f"{library} is not here; make oracle installs it")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    names: dict[str, Any] = {}
    for block in BLOCK.findall((ROOT / "docs/howto/trackers.md").read_text("utf-8")):
        exec(compile(block, "trackers", "exec"), names)
    return names


def test_what_the_trackers_wrote_is_the_history(page: dict[str, Any]) -> None:
    import mlflow
    from wandb.proto.wandb_internal_pb2 import Record

    records = read_records(Path("runs/mlflow"))
    history = np.array([(record.epoch, record.val_loss) for record in records], float)
    assert len(history) == 3
    (run,) = mlflow.search_runs(output_format="list", search_all_experiments=True)
    assert run.info.status == "FINISHED"
    assert run.data.params["hidden_sizes"] == "[64, 32]"
    metrics = mlflow.MlflowClient().get_metric_history(run.info.run_id, "val_loss")
    assert np.allclose([(metric.step, metric.value) for metric in metrics], history, rtol=1e-4)

    (file,) = Path("wandb").glob("offline-run-*/*.wandb")
    written = []
    for content in log_records(file.read_bytes()):
        record = Record.FromString(content)
        if record.WhichOneof("record_type") == "history":
            items = {"".join(item.nested_key): item.value_json for item in record.history.item}
            written.append((record.history.step.num, float(items["val_loss"])))
    assert np.allclose(written, history, rtol=1e-4)


def test_a_tracker_that_fails_costs_nothing(
    page: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def fail(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("the server is gone")

    config = page["config"]
    with monkeypatch.context() as broken:
        broken.setattr(mlflow, "log_metrics", fail)
        with pytest.raises(ConnectionError):
            hs.train(config, "sketch", "runs/broken", callbacks=[page["MLflow"]()])
    assert mlflow.search_runs(output_format="list", search_all_experiments=True)[0].info.status == (
        "KILLED"
    )
    hs.resume("runs/broken", callbacks=[page["MLflow"]()])
    again = mlflow.search_runs(output_format="list", search_all_experiments=True)[0]
    metrics = mlflow.MlflowClient().get_metric_history(again.info.run_id, "val_loss")
    assert [metric.step for metric in metrics] == [1, 2, 3]
    best = Path("weights/best.safetensors")
    assert (Path("runs/broken") / best).read_bytes() == (Path("runs/mlflow") / best).read_bytes()
