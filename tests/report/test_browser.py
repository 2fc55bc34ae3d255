"""The page in a real browser: nothing runs, nothing is asked for, nothing sticks out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from handstitch.core.parameters import Parameters
from handstitch.errors import printable
from handstitch.receptive_fields import ReceptiveFields
from handstitch.report import Lang, make_search, page_of_comparison, page_of_data
from handstitch.report.all_runs import render_all
from handstitch.report.charts import draw_charts
from handstitch.report.collection import Collection
from handstitch.report.languages import words
from handstitch.report.page import render
from tests.chromium import needs_browser
from tests.report.hostile import PIECES
from tests.report.reading import CONTENT_POLICY, breaches
from tests.report.run_folders import write_search
from tests.report.samples import make_charts, make_contents, make_history
from tests.report.test_all_runs import make_runs
from tests.report.test_comparison_page import make_compared
from tests.report.test_data_page import make_findings, make_parts
from tests.report.test_microscope import page_of
from tests.report.test_search_page import RATES, TIED, trials_of
from tests.sample_models import sample

FAULTS = Path(__file__).with_name("layout.js").read_text("utf-8")
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag"),
    "a class whose name is very long",
)
pytestmark = needs_browser


class Seen(NamedTuple):
    """What a page did when it was opened."""

    happened: list[str]
    """Messages, dialogs, errors and requests besides the page's own."""
    faults: list[str]
    """What is cut off, too small or too pale."""
    background: str
    broken: int
    """Images that could not be shown."""


def look(browser: Any, path: Path, width: int, scheme: str) -> Seen:
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    happened: list[str] = []
    tab.on("console", lambda message: happened.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: happened.append(f"error: {error}"))

    def dismiss(dialog: Any) -> None:
        happened.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    tab.on("dialog", dismiss)
    own = path.as_uri()
    asked: list[Any] = []
    tab.on("request", lambda each: asked.append(each))  # noqa: PLW0108 (it wants a function)
    tab.goto(own)
    # What the policy stops was asked for by the page, and never by the browser.
    happened += [
        f"request: {each.url}"
        for each in asked
        if not each.url.startswith(("data:", own)) and each.failure != "csp"
    ]
    found = Seen(
        happened,
        tab.evaluate(FAULTS),
        tab.evaluate("getComputedStyle(document.body).backgroundColor"),
        tab.evaluate("[...document.images].filter(each => !each.naturalWidth).length"),
    )
    tab.close()
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, really drawn, of a run whose every name is an attack."""
    folder = Path(PIECES[0].replace("/", "_"))
    found = make_contents(list(PIECES), folder=folder, model=None, history=[])
    path = tmp_path_factory.mktemp("page") / "report.html"
    chinese = words("zh")
    path.write_text(render(found, draw_charts(found, chinese, "zh"), chinese), "utf-8")
    return path


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Language → the page of a run with every chart, really drawn."""
    shape = (28, 28)
    fields = ReceptiveFields.draw(shape, 40, (5, 13), np.random.default_rng(1))
    model = sample((784, 40, 10), class_names=CLASSES, image_shape=shape, receptive_fields=fields)
    initial = Parameters.random(model.parameters.sizes, np.random.default_rng(7))
    found = make_contents(list(CLASSES), model=model, initial=initial, history=make_history(7))
    folder = tmp_path_factory.mktemp("pages")
    languages: tuple[Lang, ...] = ("en", "zh")
    for lang in languages:
        source = render(found, draw_charts(found, words(lang), lang), words(lang))
        (folder / f"{lang}.html").write_text(source, "utf-8")
    return {lang: folder / f"{lang}.html" for lang in languages}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_a_page_is_cut_or_too_small_or_too_pale(
    browser: Any, pages: dict[str, Path], lang: str, scheme: str
) -> None:
    tab = browser.new_page(color_scheme=scheme)
    tab.goto(pages[lang].as_uri())
    drawn = {}
    # A sheet of A4 is 688 pixels wide between its margins.
    for width in (360, 390, 768, 1440, 688):
        medium = "print" if width == 688 else "screen"
        tab.emulate_media(media=medium)
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(FAULTS) == [], (width, medium)
        drawn[width] = tab.evaluate(
            "[...document.querySelectorAll('svg')].filter(each => each.checkVisibility()).length"
        )
    tab.close()
    # Curves, classes, calibration twice; and the matrix where it has room.
    assert drawn == {360: 4, 390: 4, 688: 5, 768: 5, 1440: 5}


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (
            (".chart > * { display: none; max-width: 100%;", ".chart > * { min-width: 500px;"),
            "cut sideways",
        ),
        (("--quiet: #535c66", "--quiet: #999999"), "pale"),
        (('font-size="9px"', 'font-size="7px"'), "×"),
        (("<h1>", "<h1><svg width='900' height='9'></svg>"), "the page scrolls sideways"),
        (("width < 600px", "width < 900px"), "layouts are shown"),
    ],
)
def test_what_is_cut_or_small_or_pale_is_seen(
    browser: Any, pages: dict[str, Path], tmp_path: Path, change: tuple[str, str], seen: str
) -> None:
    source = pages["en"].read_text("utf-8")
    assert change[0] in source
    path = tmp_path / "bad.html"
    path.write_text(source.replace(*change), "utf-8")
    width = 768 if "layouts" in seen else 360
    assert any(seen in each for each in look(browser, path, width, "light").faults)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_hostile_names_do_nothing_and_the_page_fits(
    browser: Any, hostile: Path, width: int, scheme: str
) -> None:
    seen = look(browser, hostile, width, scheme)
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)
    assert (seen.background == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_page_of_a_data_set_does_nothing_and_fits(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    parts = make_parts([f"{printable(name)} {k}" for k, name in enumerate(PIECES)])
    path = tmp_path / "data.html"
    path.write_text(page_of_data(make_findings(parts, PIECES[0], PIECES[1]), parts), "utf-8")
    seen = look(browser, path, width, scheme)
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_page_of_a_comparison_does_nothing_and_fits(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "compared.html"
    compared = make_compared(list(PIECES[:6]), list(PIECES))
    path.write_text(page_of_comparison(compared), "utf-8", errors="surrogateescape")
    seen = look(browser, path, width, scheme)
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)


@pytest.fixture(scope="module")
def all_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page over 300 runs: 60 recipes of four seeds, and 60 of one."""
    runs = [
        run
        for recipe in range(120)
        for run in make_runs(
            [f"run {recipe} {seed}" for seed in range(1 + 3 * (recipe % 2))],
            learning_rate=0.001 * (recipe + 1),
        )
    ]
    named = [*(replace(run, name=name) for run, name in zip(runs, PIECES, strict=False)), *runs]
    path = tmp_path_factory.mktemp("all") / "runs.html"
    found = Collection(Path(PIECES[0]), named[:300])
    path.write_text(render_all(found, words("en"), path.parent), "utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_the_page_over_all_runs_does_nothing_and_fits(
    browser: Any, all_runs: Path, width: int, scheme: str
) -> None:
    seen = look(browser, all_runs, width, scheme)
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)


def test_three_hundred_runs_open_in_a_second(browser: Any, all_runs: Path) -> None:
    tab = browser.new_page()
    metrics = tab.context.new_cdp_session(tab)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.goto(all_runs.as_uri())
    found = metrics.send("Performance.getMetrics")["metrics"]
    seconds = {each["name"]: each["value"] for each in found}
    assert seconds["ThreadTime"] < 1  # of the processor, whatever else runs on this machine
    assert seconds["LayoutObjects"] > 300 * 20
    tab.close()


def test_the_table_sorts_and_filters_by_keyboard(browser: Any, all_runs: Path) -> None:
    tab = browser.new_page()
    tab.goto(all_runs.as_uri())
    shown = "[...document.querySelectorAll('.runs tbody tr:not(.recipe)')].filter(r => !r.hidden)"
    head = tab.get_by_role("columnheader", name="learning_rate")
    assert head.get_attribute("aria-sort") is None
    head.get_by_role("button").focus()
    for wanted in ("ascending", "descending"):
        tab.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == wanted
        rates = tab.evaluate(f"{shown}.map(row => Number(row.cells[7].textContent))")
        assert rates == sorted(rates, reverse=wanted == "descending")
    # A mean stays over its runs, wherever its recipe goes.
    assert tab.evaluate(
        "[...document.querySelectorAll('.recipe')].every(r => r === r.parentNode.rows[0])"
    )
    field = tab.get_by_role("searchbox", name="Filter the runs")
    field.fill("seed=3 RUN")
    kept = tab.evaluate(f"{shown}.map(row => row.cells[4].textContent.trim())")
    assert set(kept) == {"3"}
    assert tab.get_by_role("status").inner_text() == f"{len(kept)} of 300 runs are shown"
    field.fill("no such run")
    assert tab.evaluate(f"{shown}.length") == 0
    field.fill("")
    assert tab.evaluate(f"{shown}.length") == 300
    tab.close()


def test_without_its_script_the_page_over_all_runs_is_whole(browser: Any, all_runs: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(all_runs.as_uri())
    assert tab.locator(".runs tbody tr:not(.recipe)").count() == 300
    assert tab.get_by_role("button").count() == 0  # nothing is offered that would do nothing
    assert not tab.get_by_role("searchbox").is_visible()
    context.close()


def test_the_policy_stops_any_other_script(browser: Any, all_runs: Path, tmp_path: Path) -> None:
    source = all_runs.read_text("utf-8")
    path = tmp_path / "runs.html"
    for attack in (ATTACKS["script"], ATTACKS["handler"]):
        path.write_text(source.replace("<h1>", attack + "<h1>"), "utf-8")
        stopped = look(browser, path, 390, "light").happened
        assert stopped
        assert all("Content Security Policy" in each for each in stopped)
    path.write_text(source.replace('"use strict";', '"use strict"; console.log("ran");'), "utf-8")
    stopped = look(browser, path, 390, "light").happened
    assert len(stopped) == 1
    assert "Content Security Policy" in stopped[0]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_the_page_of_a_search_does_nothing_and_fits(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    trials = trials_of(TIED, state="failed", problem=PIECES[1] * 3)
    found = write_search(tmp_path / "grid", trials, {"learning_rate": RATES})
    page = make_search(found.folder).page
    seen = look(browser, page, width, scheme)
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)
    assert breaches(page.read_text("utf-8")) == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_of_a_step_does_nothing_and_fits(browser: Any, tmp_path: Path, width: int) -> None:
    path = tmp_path / "step.html"
    path.write_text(page_of(PIECES[:5]), "utf-8")
    seen = look(browser, path, width, "dark")
    assert (seen.happened, seen.faults, seen.broken) == ([], [], 0)


def plain_page() -> str:
    """A page with a dot for each picture."""
    dot = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    return render(make_contents(), make_charts(), words("en")).replace(
        "data:image/png;base64,", dot
    )


ATTACKS = {
    "script": "<script>console.log('ran')</script>",
    "handler": "<img src='data:image/png;base64,eA==' onerror=\"alert('ran')\">",
    "request": "<img src='http://127.0.0.1:9/x.png'>",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_gets_in_all_the_same_is_stopped_by_the_policy(
    browser: Any, tmp_path: Path, attack: str
) -> None:
    page = tmp_path / "report.html"
    source = plain_page().replace("<h1>", ATTACKS[attack] + "<h1>")
    page.write_text(source, "utf-8")
    stopped = look(browser, page, 390, "light").happened
    assert stopped
    assert all("Content Security Policy" in each for each in stopped)
    # Without the policy the same page does what it is not to do, and that is seen.
    assert CONTENT_POLICY in source
    page.write_text(source.replace(CONTENT_POLICY, ""), "utf-8")
    happened = look(browser, page, 390, "light").happened
    assert any("Content Security Policy" not in each for each in happened)


def test_print_shows_the_tables_that_are_folded_away(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(plain_page(), "utf-8")
    tab = browser.new_page(color_scheme="dark")
    tab.goto(page.as_uri())
    folded = "document.querySelector('details table').checkVisibility()"
    assert tab.evaluate(folded) is False
    tab.emulate_media(media="print")
    assert tab.evaluate(folded) is True
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    tab.close()
