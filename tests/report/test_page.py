"""The page as HTML: sound, safe and complete, whatever the names and whatever is missing."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstitch.cli.test import _print
from handstitch.errors import printable
from handstitch.report import page
from handstitch.report.charts import Charts
from handstitch.report.gather import RunContents
from handstitch.report.languages import words
from handstitch.report.page import render
from tests.report.hostile import PIECES, names
from tests.report.reading import CONTENT_POLICY, Page, breaches, invisible
from tests.report.samples import make_charts, make_contents, make_history

CLASSES = 100
ENGLISH = words("en")


def page_of(found: RunContents, lang: str = "en", charts: Charts | None = None) -> str:
    return render(found, charts or make_charts(), words("zh" if lang == "zh" else "en"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_sound_and_has_every_section(lang: str) -> None:
    source = page_of(make_contents(), lang)
    assert breaches(source) == []
    page = Page(source)
    said = words("zh" if lang == "zh" else "en")
    assert page.all("html")[0]["lang"] == said.html_lang
    for name in (
        *("result", "trained", "curves", "confusion", "classes", "calibration", "mistakes"),
        *("weights", "settings", "machine", "again"),
    ):
        section = getattr(said, name)
        assert section["heading"] in page.text
        assert section["lead"] in page.text
        assert {"href": f"#{name}"} in page.all("a")
    assert len(page.all("img")) == 9


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<h1>", "<script>1</script><h1>"),
        ("<h1>", '<h1 onclick="x()">'),
        ("<h1>", '<h1 style="color: red">'),
        ("<h1>", "<!-- x --><h1>"),
        ("<h1>", "<iframe></iframe><h1>"),
        ("<h1>", "<h1>\x1b[31m"),
        ("<h1>", "<h1>\u202e"),
        ("<h1>", "<h1><b>"),
        ("<h1>", "<h3>x</h3><h1>"),
        ("</main>", ""),
        ('href="#again"', 'href="https://example.org/"'),
        ('href="#again"', 'href="javascript:x()"'),
        ('href="#again"', 'href="#nowhere"'),
        ('id="again"', 'id="machine"'),
        ('src="data:image/png;base64,"', 'src="http://example.org/x.png"'),
        ('src="data:image/png;base64,"', 'src="data:text/html,x"'),
        ('alt="words"', 'alt=""'),
        ("default-src 'none'", "default-src *"),
        ('<html lang="en">', "<html>"),
    ],
)
def test_a_planted_breach_is_seen(old: str, new: str) -> None:
    source = page_of(make_contents())
    assert old in source
    assert breaches(source.replace(old, new, 1))


def test_the_policy_allows_pictures_and_style_and_nothing_else() -> None:
    assert f'content="{CONTENT_POLICY}"' in page_of(make_contents()).replace("&#39;", "'")


# ── Strangers' names ───────────────────────────────────────────────────────────────────────────


def test_ten_thousand_hostile_names_leave_no_script_and_no_control_character() -> None:
    hostile = names(10_000)
    assert len(set(hostile)) > 5_000
    for start in range(0, len(hostile), CLASSES):
        some = hostile[start : start + CLASSES]
        found = make_contents(some, folder=Path("runs", some[0].replace("\0", "\\0")))
        assert found.summary is not None
        found.summary = msgspec.structs.replace(
            found.summary,
            notice=some[1],
            processor=some[2],
            build={some[3]: some[4]},
            dataset=some[5],
        )
        found.test_log = [msgspec.structs.replace(found.test_log[0], weights=some[6], time=some[7])]
        charts = make_charts(some[8])
        source = page_of(found, "zh" if start % 200 else "en", charts)
        assert breaches(source) == [], some
        text = Page(source).text
        for name in some:
            shown = " ".join(printable(name).split())
            assert shown in text


@pytest.mark.parametrize(
    ("weaker", "seen"), [({"autoescape": False}, "<script>"), ({"finalize": None}, "U+001B")]
)
def test_a_page_that_escapes_less_is_seen(
    weaker: dict[str, Any], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = page.environment().overlay(**weaker)
    monkeypatch.setattr(page, "environment", lambda: environment)
    assert seen in breaches(page_of(make_contents(names(CLASSES))))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=6), st.text(min_size=1))
def test_any_names_at_all(classes: list[str], run: str) -> None:
    folder = Path("runs", run.replace("\0", "0"))
    assert breaches(page_of(make_contents(classes, folder=folder))) == []


@pytest.mark.parametrize("name", ["..", ".", "/", "a/../b"])
def test_a_folder_that_has_no_name_of_its_own_has_a_page(name: str) -> None:
    assert breaches(page_of(make_contents(folder=Path(name)))) == []


def test_where_a_run_lies_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = page_of(make_contents(folder=tmp_path / "secret" / "mine"))
    assert "secret" not in source
    assert "handstitch test mine" in source
    monkeypatch.chdir(tmp_path)
    assert "handstitch test secret/mine" in page_of(
        make_contents(folder=tmp_path / "secret" / "mine")
    )


def test_ten_thousand_hostile_names_leave_no_control_character_in_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = names(10_000)
    for start in range(0, len(hostile), CLASSES):
        some = hostile[start : start + CLASSES]
        measured = make_contents(some).evaluation
        assert measured is not None
        _print(measured, Path(some[0].replace("\0", "0")), {"this run": 1})
    printed = capsys.readouterr().out
    assert invisible(printed) == []
    assert printable(PIECES[6]) in printed
    assert invisible(printed + "\x1b") == ["U+001B"]


# ── What is said when ──────────────────────────────────────────────────────────────────────────


def test_a_test_on_record_is_what_is_shown() -> None:
    found = make_contents()
    assert found.evaluation is not None
    text = Page(page_of(found)).text
    low, high = found.evaluation.accuracy_interval
    assert f"{100 * found.evaluation.accuracy:.2f} % of 400 test images" in text
    assert f"95 % interval: {100 * low:.2f} % to {100 * high:.2f} %" in text
    assert ENGLISH.test_log_once in text
    assert ENGLISH.validation_only["heading"] not in text
    assert "2026-01-02 03:04:05" in text


def test_without_a_test_validation_is_shown_and_said_loudly() -> None:
    found = make_contents(test_log=[])
    assert found.evaluation is not None
    found.evaluation = msgspec.structs.replace(found.evaluation, part="validation")
    source = page_of(found)
    text = Page(source).text
    assert ENGLISH.validation_only["heading"] in text
    assert "of 400 validation images" in text
    assert ENGLISH.test_log_never in text
    assert "handstitch test runs/train && handstitch report runs/train" in text
    assert source.index("notice loud") < source.index("<main>")


def test_from_the_record_alone_there_is_an_interval_but_no_class() -> None:
    found = make_contents(test_log=[], evaluation=None, predictions=None, missing=["data"])
    page = Page(page_of(found, charts=make_charts(names=["curves"])))
    assert "80.00 % of 100 validation images" in page.text
    assert "95 % interval: 71.12 % to 86.66 %" in page.text
    assert ENGLISH.validation_record in page.text
    assert ENGLISH.missing["data"] in page.text
    assert ENGLISH.confusion["heading"] not in page.text
    assert len(page.all("img")) == 1


def test_several_tests_are_listed_with_a_caution() -> None:
    found = make_contents()
    (test,) = found.test_log
    other = msgspec.structs.replace(test, weights_digest="f" * 64, weights="last")
    text = Page(page_of(replace(found, test_log=[test, other]))).text
    assert "evaluated on the test set 2 times" in text
    assert ENGLISH.test_log_caution in text
    assert re.search(r"2 2026-01-02 03:04:05 last epoch \S+ % no", text)
    many = Page(page_of(replace(found, test_log=[test] * 500))).text
    assert "evaluated on the test set 500 times" in many
    assert ENGLISH.test_log_left_out in many
    assert many.count("2026-01-02") == 20


def test_drawn_data_are_marked_first_of_all_and_nothing_else_is() -> None:
    found = make_contents()
    assert found.summary is not None
    found.summary = msgspec.structs.replace(found.summary, notice="there is no network")
    source = page_of(found)
    assert source.index(ENGLISH.sketch["heading"]) < source.index("<main>")
    assert '<q lang="en">there is no network</q>' in source
    assert found.model is not None
    other = replace(found, model=msgspec.structs.replace(found.model, dataset="fashion-mnist"))
    assert ENGLISH.sketch["heading"] not in page_of(other)


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_an_unfinished_run_says_how_to_go_on(epochs: int) -> None:
    found = RunContents(
        Path("runs/train"),
        make_contents().config,
        history=make_history(epochs)[:2],
        missing=["weights"],
    )
    charts = make_charts(names=["curves"] if epochs else [])
    source = page_of(found, charts=charts)
    assert breaches(source) == []
    text = Page(source).text
    assert f"{min(epochs, 2)} of 3 epochs are done" in text
    assert "handstitch train --resume runs/train" in text
    assert (ENGLISH.no_result in text) == (epochs == 0)
    assert ENGLISH.missing["weights"] in text


def test_a_long_history_is_thinned_and_keeps_its_best_and_last_epoch() -> None:
    found = make_contents(history=make_history(10_000))
    found.history[3_333] = msgspec.structs.replace(found.history[3_333], is_best=True)
    for index in range(3_334, 10_000):
        found.history[index] = msgspec.structs.replace(found.history[index], is_best=False)
    source = page_of(found)
    text = Page(source).text
    assert "3,334 (best)" in text
    assert "10,000 0.0001" in text
    assert "of 10,000 epochs are shown" in text
    assert len(source) < 100_000


def test_settings_begin_with_what_is_not_the_default_recipe() -> None:
    text = Page(page_of(make_contents())).text
    changed = text[text.index(ENGLISH.settings_changed) : text.index(ENGLISH.settings_all)]
    assert "hidden_sizes [5] [768, 256]" in changed
    assert "epochs 3 30" in changed
    assert "threads" not in changed
    assert "momentum" not in changed
    everything = text[text.index(ENGLISH.settings_all) :]
    assert "momentum 0.9 0.9" in everything


# ── Colours ────────────────────────────────────────────────────────────────────────────────────


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05) of relative luminances."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_text_has_contrast_aa_in_light_and_dark() -> None:
    style = io.StringIO(page_of(make_contents())).getvalue()
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(schemes) == 2
    assert schemes[0].keys() == schemes[1].keys()
    for colours in schemes:
        for text, ground in (
            *product(("ink", "quiet", "link"), ("ground", "shade")),
            ("loud-ink", "loud-ground"),
        ):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")
