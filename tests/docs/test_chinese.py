"""The Chinese pages say what the English ones say, with one word for each thing."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from handstitch.figures.labels import Lang, texts
from tests.test_docs import commands

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CHINESE = DOCS / "zh"
GLOSSARY = CHINESE / "glossary.md"
TEXTS = [
    ROOT / "README.zh-CN.md",
    *sorted(page for page in CHINESE.rglob("*.md") if page != GLOSSARY),
    *sorted((ROOT / "src").rglob("zh.toml")),
]
TRANSLATED = [CHINESE / "tutorial.md", *sorted((CHINESE / "howto").glob("*.md"))]
FENCE = re.compile(r"^ *```(\w*) *\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<[^>]+>")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def unused_words(glossary: str) -> dict[str, str]:
    """Each word that is not used, and the one that is."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in glossary.splitlines()]
    terms = [row for row in rows if len(row) == 3][2:]
    return {word: term for _, term, unused in terms for word in unused.split("、") if word}


def facts(page: str) -> dict[str, object]:
    """What does not depend on the language: commands, programs, outputs, numbers, headings."""
    prose = PICTURE.sub("", FENCE.sub("", page))
    words = LINK.sub("[]", prose)
    blocks = FENCE.findall(page)
    return {
        "commands": list(commands(page)),
        "programs": [ast.dump(ast.parse(text)) for kind, text in blocks if kind == "python"],
        # Without what is said beside a name in a drawn tree, or in a comment: that is translated.
        "outputs": [
            re.sub(r"(?<=── )(\S+(?: · \S+)*).*|/\*.*?\*/", r"\1", text)
            for kind, text in blocks
            if kind not in {"python", "sh"}
        ],
        "numbers": Counter(NUMBER.findall(words)),
        "headings": re.findall(r"^#+(?= )", prose, re.MULTILINE),
        "code": Counter(re.findall(r"`([^`]+)`", words)),
        "rows": Counter(line.count("|") for line in prose.splitlines() if line[:1] == "|"),
    }


def differences(english: str, chinese: str) -> list[str]:
    """Kinds of facts in which two pages differ, with what only one of them has."""
    found = []
    for (kind, one), other in zip(facts(english).items(), facts(chinese).values(), strict=True):
        if isinstance(one, Counter) and isinstance(other, Counter) and one != other:
            found.append(f"{kind}: {dict(one - other)} in English, {dict(other - one)} in Chinese")
        elif one != other:
            found.append(kind)
    return found


def targets(page: Path) -> Counter[str]:
    """Links of a page as paths in the repository, a Chinese page as the English one."""
    return Counter(
        os.path.relpath(page.parent / link.partition("#")[0], ROOT).replace("docs/zh/", "docs/")
        for link in LINK.findall(FENCE.sub("", page.read_text("utf-8")))
        if ":" not in link and not link.startswith("#")
    )


def english(page: Path) -> Path:
    return DOCS / page.relative_to(CHINESE)


def test_the_glossary_has_one_word_for_each_thing():
    rows = [line for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("|")]
    names = [row.split("|")[1].strip() for row in rows[2:]]
    assert len(names) >= 40
    assert names == sorted(names)
    unused = unused_words(GLOSSARY.read_text("utf-8"))
    assert {"周期", "世代"} <= set(unused)
    assert [(word, term) for word, term in unused.items() if word in term] == []


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: str(text.relative_to(ROOT)))
def test_no_unused_word_occurs(text: Path):
    written = text.read_text("utf-8")
    unused = unused_words(GLOSSARY.read_text("utf-8"))
    assert [f"{word}: {term}" for word, term in unused.items() if word in written] == []


def test_every_page_is_there():
    pages = {"tutorial.md", *(f"howto/{page.name}" for page in (DOCS / "howto").glob("*.md"))}
    assert {page.relative_to(CHINESE).as_posix() for page in TRANSLATED} == pages


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_a_page_says_what_the_english_one_says(page: Path):
    assert differences(english(page).read_text("utf-8"), page.read_text("utf-8")) == []
    assert targets(page) == targets(english(page))


@pytest.mark.parametrize(
    "page", [*TRANSLATED, *TEXTS[:1], CHINESE / "index.md"], ids=lambda page: page.name
)
def test_links_lead_to_the_chinese_page(page: Path):
    linked = [link.partition("#")[0] for link in LINK.findall(page.read_text("utf-8"))]
    there = [Path(os.path.normpath(page.parent / link)) for link in linked if ":" not in link]
    assert ".en.svg" not in page.read_text("utf-8")
    home = DOCS / "index.md"  # the one link between the languages
    for path in {path for path in there if path.is_relative_to(DOCS)} - {home}:
        assert path.is_relative_to(CHINESE) or not (CHINESE / path.relative_to(DOCS)).exists()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_named_in_the_laboratory_stands_there(lang: Lang):
    page = (CHINESE if lang == "zh" else DOCS) / "howto/laboratory.md"
    named = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", page.read_text("utf-8"))
    assert len(named) == 7
    written = str(texts("handstitch.export.laboratory.languages", lang))
    assert [name for name in named if f"'{name}'" not in written] == []


@pytest.mark.parametrize("page", [*TRANSLATED, GLOSSARY], ids=lambda page: page.name)
def test_no_line_ends_where_no_space_belongs(page: Path):
    """A browser shows the end of a line as a space; Chinese has one beside Latin letters alone."""
    prose = FENCE.sub("\n", page.read_text("utf-8"))
    assert re.findall(r"[\u3000-\u303f\uff00-\uffef]\n *[^\s|#<-]", prose) == []
    assert re.findall(r"[\u4e00-\u9fff]\n *[\u3000-\uffef]", prose) == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("--epochs 40", "--epochs 30", "commands"),
        ("hs.resume", "hs.train", "programs"),
        ("300", "200", "numbers"),
        ("## ", "### ", "headings"),
        ("`kill", "`stop", "code"),
    ],
)
def test_a_page_that_falls_behind_is_seen(old: str, new: str, kind: str):
    page = "# a\n\n## b\n\n300 kills, `kill -9`\n\n```sh\nhandstitch train --epochs 40\n```\n\n"
    page += "```python\nhs.resume(folder)\n```\n"
    assert differences(page, page) == []
    assert differences(page, page.replace("# a", "# 甲").replace("kills", "次终止")) == []
    assert [said.partition(":")[0] for said in differences(page, page.replace(old, new))] == [kind]
