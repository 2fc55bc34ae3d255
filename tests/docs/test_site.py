"""The site is built from these pages, every link leads somewhere, and nothing is fetched."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.chromium import needs_browser
from tests.test_house import PACKAGE

ROOT = Path(__file__).resolve().parents[2]
SOUND = """<!doctype html><html><head>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'"></head>
<body id="top"><a href="index.html#top">here</a> <a href="https://example.org">there</a></body>
</html>"""


@pytest.fixture(scope="module")
def scripts() -> dict[str, ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs" / "site"))
        names = ("build", "check", "formulas", "pages", "reference")
        return {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def site(scripts: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; building it found nothing wrong."""
    folder = tmp_path_factory.mktemp("documentation")
    assert scripts["build"].build(folder / "staged", folder / "site") == []
    return folder / "site"


def text(page: Path) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text("utf-8")))


def test_every_page_is_there(site: Path):
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file()


def test_an_equation_leads_to_its_line(site: Path):
    page = (site / "derivation.html").read_text("utf-8")
    place, line = re.findall(r'href="(source/[^"]*network\.py\.html)#__codelineno-0-(\d+)"', page)[
        0
    ]
    listing = (site / place).read_text("utf-8")
    row = listing[listing.index(f'id="__codelineno-0-{line}"') :]
    assert re.sub(r"<[^>]+>", "", row.split("\n")[0]).endswith("np.copyto(Z, b)")


@pytest.mark.parametrize("name", ["derivation", "zh/derivation"])
def test_every_formula_is_set(site: Path, scripts: dict[str, ModuleType], name: str):
    formulas = scripts["formulas"]
    source = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    page = (site / f"{name}.html").read_text("utf-8")
    written = len(formulas.INLINE.findall(source)), len(formulas.DISPLAYED.findall(source))
    assert min(written) >= 20
    assert page.count('<div class="formula"><math display="block">') == written[1]
    assert page.count("<math") == sum(written)
    assert "$<code>" not in page


def test_a_formula_that_is_not_understood_is_a_problem(
    scripts: dict[str, ModuleType], tmp_path: Path
):
    book = scripts["pages"].Book(tmp_path, tmp_path / "pages")
    for name, text in {"a": "in $`\\alpa + 1`$ words", "b": "```math\n\\frac{1}\n```\n"}.items():
        page = tmp_path / f"{name}.md"
        page.write_text(text)
        book.add(page)
    assert [problem.partition(": formula ")[0] for problem in book.problems] == ["a.md", "b.md"]


@needs_browser
def test_pages_with_pictures_and_formulas_fit_a_telephone(site: Path, browser: Any):
    tab = browser.new_page(viewport={"width": 390, "height": 900})
    for name in ("tutorial", "derivation", "zh/derivation", "project/readme"):
        tab.goto((site / f"{name}.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, name
        images = tab.evaluate("[...document.images].map(i => [i.currentSrc, i.naturalWidth])")
        assert len(images) >= 1
        for source, width in images:
            assert re.search(r"-narrow|holes", source), source
            assert 0 < width <= 750
    tab.close()


def test_commands_and_settings_are_those_of_the_code(site: Path):
    from handstitch.cli import VERBS
    from handstitch.config import Config
    from handstitch.config.schema import field_types, help_of

    commands, settings = (
        text(site / "reference/commands.html"),
        text(site / "reference/settings.html"),
    )
    for verb in VERBS:
        assert f"handstitch {verb}" in commands
    for name in field_types():
        assert name in settings
        assert help_of(name) in settings.replace("&lt;", "<").replace("&gt;", ">")
    assert "--learning-rate, --lr" in commands
    assert f"{Config.__dataclass_fields__['momentum'].default:g}" in settings


def test_modules_are_documented_from_their_docstrings(site: Path):
    page = text(site / "reference/api.html")
    assert "∂L/∂W and ∂L/∂b of every layer, each sent where into says" in page
    assert "One epoch of training" in text(site / "reference/files.html")


def test_every_room_is_in_the_reference(scripts: dict[str, ModuleType]):
    modules = [module for listed in scripts["reference"].API.values() for module in listed]
    assert len(modules) == len(set(modules))
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    listed = {module.split(".")[1] for module in modules if "." in module}
    assert {room for room in rooms - listed if not room.startswith("_")} == {"cli", "compiled"}


def test_exit_codes_are_those_of_the_code(site: Path):
    page = text(site / "reference/errors.html")
    assert "DivergedError 6" in page


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ('<a href="nowhere.html">x</a>', "link to nothing: nowhere.html"),
        ('<a href="#nowhere">x</a>', "not on the page: #nowhere"),
        ('<img src="https://example.org/x.png">', "elsewhere: https://example.org/x.png"),
        ('<img src="//example.org/x.png">', "elsewhere: //example.org/x.png"),
        ('<link rel="stylesheet" href="https://example.org/x.css">', "elsewhere: https://"),
        ("<style>@import url(https://example.org/x.css)</style>", "fetches from elsewhere"),
        ('<p style="background: url(//example.org/x)">x</p>', "fetches from elsewhere"),
        ('<script src="gone.js"></script>', "link to nothing: gone.js"),
    ],
)
def test_a_planted_fault_is_seen(
    planted: str, said: str, scripts: dict[str, ModuleType], tmp_path: Path
):
    page = tmp_path / "index.html"
    page.write_text(SOUND)
    assert scripts["check"].problems(tmp_path) == []
    page.write_text(SOUND.replace("</body>", f"{planted}</body>"))
    (problem,) = scripts["check"].problems(tmp_path)
    assert said in problem


def test_a_page_without_the_policy_and_a_foreign_style_are_seen(
    scripts: dict[str, ModuleType], tmp_path: Path
):
    (tmp_path / "index.html").write_text(SOUND.replace("default-src", "default"))
    (tmp_path / "site.css").write_text("@import '//example.org/x.css';")
    problems = scripts["check"].problems(tmp_path)
    assert len(problems) == 2
    assert "index.html: no policy" in problems[0]
    assert "site.css: fetches from elsewhere" in problems[1]


def test_a_broken_link_in_a_page_is_seen(scripts: dict[str, ModuleType], tmp_path: Path):
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    page = root / "docs" / "page.md"
    page.write_text(
        "[a](gone.md) [b](../code.py#L2) [c](https://x.org)\n\n```\n[d](gone.md)\n```\n"
    )
    (root / "code.py").write_text("a = 1\nb = 2\n")
    book = scripts["pages"].Book(root, tmp_path / "pages")
    book.add(page)
    assert book.problems == ["docs/page.md: link to nothing: gone.md"]
    written = (tmp_path / "pages" / "page.md").read_text("utf-8")
    assert "[b](source/code.py.md#__codelineno-0-2) [c](https://x.org)" in written
    assert "b = 2" in (tmp_path / "pages" / "source" / "code.py.md").read_text("utf-8")
    assert book.unlisted('"other.md"') == [
        "page.md has no place in the navigation of docs/site/zensical.toml"
    ]
