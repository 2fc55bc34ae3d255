"""From a run's folder to the page beside it: what is read, what is written, what is left alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import handstitch as hs
from handstitch import figures, report
from handstitch.core.parameters import Parameters
from handstitch.data import loading
from handstitch.errors import ConfigError, DataError, UsageError
from handstitch.figures import style
from handstitch.model import load_model, save_model
from handstitch.report import charts, layouts, tables
from handstitch.report.gather import Missing, gather
from handstitch.report.languages import words
from handstitch.report.page import render
from handstitch.runs import folder as run_folder
from handstitch.runs import test_log
from tests.cli.conftest import IMAGES, Handstitch
from tests.report.reading import Page, breaches
from tests.report.samples import make_contents
from tests.sample_models import sample

ENGLISH = words("en")
FILES = ["README.md", "confusion_matrix.png", "curves.png", "report.html", "weights.png"]
_PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are taken for drawn: these tests are about what is read and said."""

    def draw(figure: Any) -> str:
        return "<svg/>"

    monkeypatch.setattr(figures, "svg", draw)
    monkeypatch.setattr(layouts, "inline_svg", lambda *drawn: '<svg aria-label="x"></svg>')
    monkeypatch.setattr(figures, "png", lambda figure, dpi=150: _PNG)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The parts of data sets that were asked for, and whether they might have been fetched."""
    asked: list[tuple[str, bool]] = []
    load = loading.load

    def noted(name: str, part: Any, *arguments: Any, **options: Any) -> Any:
        asked.append((part, options.get("fetch", True)))
        return load(name, part, *arguments, **options)

    monkeypatch.setattr(loading, "load", noted)
    return asked


def text_of(made: report.WrittenReport) -> str:
    source = made.page.read_text("utf-8")
    assert breaches(source) == []
    return Page(source).text


def test_a_run_gets_page_pictures_and_card_and_keeps_the_rest(trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    made = report.make(trained)
    assert sorted(path.name for path in [made.page, *made.pictures, made.card or Path()]) == FILES
    assert all(path.read_bytes().startswith(_PNG) for path in made.pictures)
    source = made.page.read_bytes()
    assert len(source) < 3_000_000
    assert breaches(source.decode()) == []
    page = Page(source.decode())
    assert len(page.all("svg")) == 3 + 2 + 2 + 1  # curves, confusion, classes, calibration
    assert len(page.all("img")) > 20
    for path, content in before.items():
        assert path.name == "README.md" or path.read_bytes() == content


def test_the_same_run_gives_the_same_page(trained: Path, undrawn: None) -> None:
    first = report.make(trained).page.read_bytes()
    assert report.make(trained).page.read_bytes() == first


def test_before_a_test_the_figures_are_those_of_validation(
    trained: Path, undrawn: None, opened: list[tuple[str, bool]]
) -> None:
    made = report.make(trained)
    assert (made.part, made.missing) == ("validation", [])
    assert opened == [("train", False)]
    text = text_of(made)
    assert ENGLISH.validation_only["heading"] in text
    summary = json.loads((trained / run_folder.SUMMARY).read_text())
    assert f"{100 * summary['best_val_accuracy']:.2f} % of 30 validation images" in text
    assert f"{summary['best_val_loss']:.4f}" in text
    assert not (trained / test_log.TEST_LOG).exists()


def test_after_a_test_the_figures_are_those_on_record_and_no_test_is_added(
    handstitch: Handstitch, trained: Path, undrawn: None, opened: list[tuple[str, bool]]
) -> None:
    found = handstitch("test", "--json").json
    ledger = (trained / test_log.TEST_LOG).read_bytes()
    opened.clear()
    made = report.make(trained)
    assert (made.part, made.missing) == ("test", [])
    assert opened == [("test", False)]
    assert f"{100 * found['accuracy']:.2f} % of {IMAGES['test']} test images" in text_of(made)
    assert (trained / test_log.TEST_LOG).read_bytes() == ledger
    assert "**" + f"{found['accuracy']:.4f}" + "**" in (trained / "README.md").read_text()


def test_a_test_of_other_weights_is_listed_and_is_no_test_of_these(
    handstitch: Handstitch, trained: Path, undrawn: None, opened: list[tuple[str, bool]]
) -> None:
    found = gather(trained)
    other = (found.evaluation, "f" * 64)
    assert other[0] is not None
    test_log.append(trained, other[0], other[1])
    opened.clear()
    made = report.make(trained)
    assert made.part == "validation"
    assert opened == [("train", False)]
    text = text_of(made)
    assert ENGLISH.validation_only["heading"] in text
    assert ENGLISH.test_log_once in text


def test_without_the_data_the_page_comes_from_the_record(
    handstitch: Handstitch,
    trained: Path,
    undrawn: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def gone(*arguments: Any, **options: Any) -> Any:
        raise DataError("the data are gone", found="nothing")

    with monkeypatch.context() as patched:
        patched.setattr(loading, "load", gone)
        made = report.make(trained)
    assert (made.part, made.missing) == ("validation", ["data"])
    assert caplog.messages == ["sketch: the data are gone (nothing)"]
    assert ENGLISH.validation_record in text_of(made)
    assert sorted(path.name for path in made.pictures) == ["curves.png", "weights.png"]
    handstitch("test")
    monkeypatch.setattr(loading, "load", gone)
    made = report.make(trained)
    assert (made.part, made.missing) == ("test", ["data"])
    text = text_of(made)
    assert ENGLISH.missing["data"] in text
    assert ENGLISH.confusion["lead"] in text
    assert ENGLISH.mistakes["lead"] not in text


def test_other_data_than_the_runs_are_not_taken_for_it(
    trained: Path, undrawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_SKETCH", {"train": (300, 99), "test": (60, 98)})
    made = report.make(trained)
    assert made.missing == ["other data"]
    assert ENGLISH.missing["other data"] in text_of(made)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50] + b"\xff?")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda run: (run / run_folder.BEST).unlink(), ["weights"]),
        (lambda run: damage(run / run_folder.BEST), ["weights"]),
        (lambda run: damage(run / run_folder.SUMMARY), ["summary"]),
        (lambda run: damage(run / test_log.TEST_LOG), ["test log"]),
        (lambda run: (run / run_folder.HISTORY).unlink(), []),
        (lambda run: damage(run / run_folder.HISTORY), []),
        (lambda run: [(run / name).unlink() for name in (run_folder.HISTORY, run_folder.LAST)], []),
        (lambda run: shutil.rmtree(run / "weights"), ["weights"]),
    ],
    ids=range(8),
)
def test_what_is_missing_or_damaged_is_said_and_the_rest_is_there(
    handstitch: Handstitch,
    trained: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Any,
    missing: list[Missing],
) -> None:
    handstitch("test")
    spoil(trained)
    caplog.clear()
    made = report.make(trained)
    assert made.missing == missing
    files: dict[Missing, str | Path] = {
        "weights": run_folder.BEST,
        "summary": run_folder.SUMMARY,
        "test log": test_log.TEST_LOG,
    }
    for message, each in zip(caplog.messages, missing, strict=True):
        assert message.startswith(str(trained / files[each]))
    text = text_of(made)
    for each in missing:
        assert ENGLISH.missing[each] in text
    assert ENGLISH.curves["heading"] in text


def test_history_from_the_state_has_all_epochs_and_from_the_best_weights_those_up_to_it(
    trained: Path,
) -> None:
    whole = gather(trained)
    assert [record.epoch for record in whole.history] == [1, 2]
    assert all(record.seconds > 0 for record in whole.history)
    (trained / run_folder.HISTORY).unlink()
    again = gather(trained)
    assert [record.val_loss for record in again.history] == [
        record.val_loss for record in whole.history
    ]
    assert [record.is_best for record in again.history] == [
        record.is_best for record in whole.history
    ]


@pytest.mark.parametrize(
    ("old", "new"), [(",0.", ",nan"), ("\n2,", "\n3,"), (",True", ",maybe"), (",0.", ",1e999")]
)
def test_a_history_that_makes_no_sense_is_none(trained: Path, old: str, new: str) -> None:
    path = trained / run_folder.HISTORY
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    shutil.rmtree(trained / "weights")
    found = gather(trained)
    assert found.history == []
    assert found.missing == ["weights", "history"]


def test_the_initial_weights_are_those_that_the_seed_draws(trained: Path) -> None:
    found = gather(trained)
    assert found.model is not None
    assert found.initial is not None
    from handstitch.randomness import Purpose, generator

    fields = found.model.receptive_fields
    assert fields is not None
    drawn = Parameters.random(
        found.model.parameters.sizes,
        generator(0, Purpose.INITIALIZATION),
        "he",
        mask=fields.mask,
    )
    assert np.array_equal(found.initial.vector, drawn.vector)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"initial_digest": "0" * 64}, "not that of the weights drawn from seed 0"),
        ({"config": {"seed": 1}}, "not that of the weights drawn from seed 1"),
        ({"initial_digest": ""}, "has no digest of its initial weights"),
        ({"config": {}}, "has no usable seed"),
    ],
)
def test_initial_weights_that_no_digest_confirms_are_not_shown(
    trained: Path,
    undrawn: None,
    changes: dict[str, Any],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    best = trained / run_folder.BEST
    save_model(best, msgspec.structs.replace(load_model(best), **changes))
    made = report.make(trained)
    assert made.missing == ["initial"]
    assert len(caplog.messages) == 1
    assert why in caplog.messages[0]
    page = Page(made.page.read_text("utf-8"))
    assert ENGLISH.missing["initial"] in page.text
    assert ENGLISH.change_lead not in page.text
    assert ENGLISH.change not in page.text
    found = gather(trained)
    assert [row[2] for row in tables.layers(found)] == ["–"] * 3


def test_what_is_no_run_and_settings_that_cannot_be_read_are_errors(
    trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="not a run"):
        report.make(tmp_path)
    (trained / run_folder.CONFIG).write_text("epochs = many")
    with pytest.raises(ConfigError):
        report.make(trained)


def test_a_page_can_be_made_elsewhere_and_the_run_is_left_alone(
    trained: Path, tmp_path: Path, undrawn: None
) -> None:
    before = sorted(path.name for path in trained.iterdir())
    made = report.make(trained, out=tmp_path / "there")
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == FILES
    assert made.page == tmp_path / "there" / "report.html"
    assert sorted(path.name for path in trained.iterdir()) == before


def test_without_a_chinese_font_the_pngs_of_a_chinese_page_are_english_and_a_line_says_so(
    trained: Path,
    undrawn: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(style, "families", lambda: [style.FAMILY])
    spoken: list[str] = []
    draw = figures.curves

    def noted(history: Any, lang: figures.Lang, width: int) -> Any:
        spoken.append(lang)
        return draw(history, lang=lang, width=width)

    monkeypatch.setattr(figures, "curves", noted)
    made = report.make(trained, "zh")
    assert spoken == ["zh"] * 3 + ["en"]  # on the page, and as a file
    assert any("no Chinese font is installed" in line for line in caplog.messages)
    assert '<html lang="zh-Hans">' in made.page.read_text("utf-8")


# ── Odd shapes, really drawn ───────────────────────────────────────────────────────────────────


def test_many_classes_are_drawn() -> None:
    found = make_contents([f"class {number}" for number in range(100)], history=[], model=None)
    drawn = charts.draw_charts(found, ENGLISH, "en")
    source = render(found, drawn, ENGLISH)
    assert breaches(source) == []
    assert len(Page(source).all("svg")) == 6
    assert len(source) < 2_000_000


def test_the_network_of_the_report_makes_a_page_below_the_limit() -> None:
    model = sample((784, 512, 256, 10), image_shape=(28, 28))
    rng = np.random.default_rng(1)
    initial = Parameters.random(model.parameters.sizes, rng)
    found = make_contents(
        model=model, initial=initial, evaluation=None, predictions=None, history=[]
    )
    made = charts.draw_charts(found, ENGLISH, "en")
    assert len(made.named["before_after"]) == 3
    # The other charts take 0.3 MB.
    assert len(render(found, made, ENGLISH)) < 1_000_000


@pytest.mark.parametrize(("depth", "shown"), [(4, [1, 2, 3, 4]), (6, [1, 2, 5, 6])])
@pytest.mark.usefixtures("undrawn")
def test_of_many_layers_the_first_two_and_the_last_two_are_compared_with_their_start(
    depth: int, shown: list[int]
) -> None:
    model = sample((16, *([3] * (depth - 1)), 2), image_shape=(4, 4))
    initial = Parameters.random(model.parameters.sizes, np.random.default_rng(1))
    found = make_contents(
        model=model, initial=initial, evaluation=None, predictions=None, history=[]
    )
    made = charts.draw_charts(found, ENGLISH, "en")
    assert [getattr(each, "alt", "") for each in made.named["before_after"]] == [
        ENGLISH.before_after_alt.format(
            layer=layer,
            before=initial.weights[layer - 1].std(dtype="f8"),
            after=model.parameters.weights[layer - 1].std(dtype="f8"),
        )
        for layer in shown
    ]


def test_a_network_that_makes_no_mistakes_and_one_without_hidden_layers() -> None:
    found = make_contents(model=sample((16, 2), image_shape=(4, 4)), initial=None)
    assert found.evaluation is not None
    assert found.predictions is not None
    n = found.evaluation.n
    found.predictions.P[:] = np.eye(2)[found.predictions.labels]
    from handstitch.evaluation import class_scores, confusion_matrix

    matrix = confusion_matrix(found.predictions.labels, found.predictions.P.argmax(axis=1), 2)
    found.evaluation = msgspec.structs.replace(
        found.evaluation,
        correct=n,
        accuracy=1.0,
        confusion_matrix=matrix.tolist(),
        class_scores=class_scores(matrix, ("left", "right")),
    )
    drawn = charts.draw_charts(found, ENGLISH, "en")
    assert not drawn.named["worst"]
    source = render(found, drawn, ENGLISH)
    assert breaches(source) == []
    assert Page(source).text.count(f"There is no mistake among {n} images.") == 2


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("shape", [(16,), (2, 2, 3)], ids=["features", "colour"])
def test_a_page_of_features_says_why_nothing_is_drawn_and_one_of_colour_draws_it(
    shape: tuple[int, ...],
) -> None:
    inputs = int(np.prod(shape))
    found = make_contents(model=sample((inputs, 5, 2), image_shape=shape), initial=None)
    assert found.predictions is not None
    dtype = np.float32 if len(shape) == 1 else np.uint8
    images = np.zeros((len(found.predictions.labels), *shape), dtype)
    found.predictions = replace(found.predictions, images=images)
    if len(shape) == 1:
        found.missing.append("images")
    drawn = charts.draw_charts(found, ENGLISH, "en")
    source = render(found, drawn, ENGLISH)
    assert breaches(source) == []
    text = Page(source).text
    for name in ("tiles", "worst"):
        assert bool(drawn.named[name]) == (len(shape) == 3)
    assert drawn.named["maps"]
    assert "no sample is drawn" in text or len(shape) == 3
    assert "There is no mistake" not in text
    assert "predictions are wrong" in text


def test_the_contents_of_a_run_on_features_say_that_there_are_no_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = hs.Dataset.from_arrays(rng.standard_normal((60, 4)), rng.choice(["a", "b"], 60))
    config = hs.Config(epochs=1, hidden_sizes=(3,), backend="numpy")
    run = hs.train(config, data=data, out=tmp_path / "run")
    assert "images" in gather(run.folder).missing
