"""Files of figures: the same bytes each time, any name as text, no font needed, no window."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from handstitch import figures
from handstitch.evaluation import class_scores
from handstitch.figures import style
from handstitch.figures.labels import safe
from tests.figures.conftest import HOSTILE, attributes, history, tags, texts

MATRIX = (np.arange(100).reshape(10, 10) % 7).tolist()


def python(program: str, **environment: str) -> str:
    """What a program of its own prints, on a machine without a display."""
    clean = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_matplotlib_waits_for_the_first_figure_and_pyplot_never_comes():
    program = (
        "import sys; from handstitch import figures; print('matplotlib' in sys.modules);"
        "figures.png(figures.confusion_matrix([[1, 0], [0, 1]], ('a', 'b')), 20);"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    assert python(program, MPLBACKEND="tkagg").split() == ["False", "True", "False"]


def test_the_same_figure_is_the_same_file_in_every_process():
    program = (
        "import hashlib; from handstitch import figures;"
        "figure = figures.confusion_matrix([[5, 1], [0, 9]], ('a', 'b'));"
        "print(*(hashlib.sha256(each).hexdigest()"
        " for each in (figures.png(figure, 40), figures.svg(figure).encode())))"
    )
    figure = figures.confusion_matrix([[5, 1], [0, 9]], ("a", "b"))
    here = [figures.png(figure, 40), figures.svg(figure).encode()]
    assert [figures.png(figure, 40), figures.svg(figure).encode()] == here
    wanted = [hashlib.sha256(each).hexdigest() for each in here]
    assert python(program, PYTHONHASHSEED="7").split() == wanted


def test_the_users_settings_neither_count_nor_change():
    plain = figures.svg(figures.curves(history(3)))
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "text.parse_math": True}):
        before = dict(mpl.rcParams)
        assert figures.svg(figures.curves(history(3))) == plain
        assert dict(mpl.rcParams) == before


def test_a_png_has_its_size_and_resolution():
    with Image.open(io.BytesIO(figures.png(figures.curves(history(3)), 50))) as picture:
        assert picture.size == (500, 172)
        assert picture.info["dpi"] == pytest.approx((50, 50), abs=0.1)
        corner = picture.convert("RGBA").getpixel((0, 0))
    assert corner == (255, 255, 255, 255)  # opaque: the same on a dark page


# ── Names of strangers ─────────────────────────────────────────────────────────────────────────


def drawn_with_names(names, predictions):
    images, labels, P = predictions()
    yield figures.confusion_matrix(MATRIX, names)
    yield figures.class_scores(class_scores(np.array(MATRIX), names))
    yield figures.samples(images, labels, P, names)
    yield figures.worst_mistakes(images, labels, P, names)


def test_hostile_names_stay_text(predictions):
    for figure in drawn_with_names(HOSTILE, predictions):
        figures.png(figure, 20)
        svg = figures.svg(figure)
        assert "script" not in tags(svg)
        assert not any(each in attributes(svg) for each in ("alert", "http:", "javascript"))
        assert all(each.isprintable() or each == "\n" for each in svg)


def literally(names, figure):
    """Whether each name can be read in the figure's SVG, character by character."""
    return all(safe(name) in texts(figures.svg(figure)) for name in names)


def test_names_are_never_read_as_mathematics(monkeypatch):
    assert literally(HOSTILE, figures.confusion_matrix(MATRIX, HOSTILE))
    monkeypatch.setitem(style._SETTINGS, "text.parse_math", True)
    assert not literally(["$x^2$"] * 10, figures.confusion_matrix(MATRIX, ["$x^2$"] * 10))


def test_a_svg_fetches_nothing_and_runs_nothing():
    svg = figures.svg(figures.unit_tiles(np.eye(4, 3, dtype=np.float32), (2, 2)))
    assert svg.startswith("<svg ")
    assert tags(svg) <= {"svg", "defs", "style", "g", "path", "use", "text", "clipPath", "rect",
                         "image"}  # fmt: skip
    links = [each for each in attributes(svg).split("\n") if ":" in each and "//" in each]
    assert not links
    assert "@import" not in svg


def test_long_names_are_shortened():
    assert safe("", 8) == ""
    assert safe("short", 8) == "short"
    assert safe("a long name", 8) == "a long …"
    assert safe("连衣裙与外套", 8) == "连衣裙…"
    figure = figures.confusion_matrix([[1, 0], [0, 1]], ["n" * 500, "m"])
    width, height = figure.get_size_inches()
    assert max(width, height) < 8.5
    assert all(len(each) <= 32 for each in texts(figures.svg(figure)))


# ── Fonts ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("no_chinese_font")
def test_without_a_chinese_font_a_png_is_english_and_says_so(caplog: pytest.LogCaptureFixture):
    assert figures.png_language("zh") == "en"
    assert len(caplog.messages) == 1
    assert "no Chinese font is installed" in caplog.messages[0]
    assert figures.png_language("en") == "en"
    assert len(caplog.messages) == 1


@pytest.mark.usefixtures("chinese_font")
def test_with_a_chinese_font_a_png_is_chinese_and_the_font_is_drawn_with(
    caplog: pytest.LogCaptureFixture,
):
    assert figures.png_language("zh") == "zh"
    assert caplog.messages == []
    figure = figures.curves(history(3), lang="zh")
    families = {tuple(each.get_fontfamily()) for each in figure.texts}
    assert families == {(style.FAMILY, "STIXGeneral")}
    # matplotlib brings STIX, too, which has signs that DejaVu Sans lacks.
    drawn = [
        figures.png(figures.confusion_matrix([[1, 0], [0, 1]], [name, "b"]), 30)
        for name in ("\u2a92", "\ue000")
    ]
    assert drawn[0] != drawn[1]


@pytest.mark.usefixtures("no_chinese_font")
def test_a_svg_is_chinese_on_any_machine():
    svg = figures.svg(figures.curves(history(3), lang="zh"))
    assert {"训练轮次", "准确率", "学习率"} <= set(texts(svg))
    assert "'Noto Sans CJK SC'" in svg
    assert "sans-serif" in svg


@pytest.mark.usefixtures("no_chinese_font")
def test_characters_that_no_font_has_are_drawn_as_boxes_without_a_word(capfd):
    figure = figures.confusion_matrix([[1, 0], [0, 1]], ["裙子", "Coat"])
    assert figures.png(figure, 20).startswith(b"\x89PNG")
    assert "裙子" in texts(figures.svg(figure))
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("no_chinese_font")
def test_text_that_no_font_here_measures_has_room_in_the_readers_font():
    def left(name):
        scores = class_scores(np.array([[1, 0], [0, 1]]), (name, "b"))
        figure = figures.class_scores(scores)
        return 72 * figure.get_size_inches()[0] * figure.axes[0].get_position().x0

    size = 8.5  # points: the side of a Chinese character
    assert left("连衣裙连衣裙连衣裙") - left("b") > 8 * size


# ── Colours ────────────────────────────────────────────────────────────────────────────────────

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE TVCG 15 (2009), 1291-1298, severity 1.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip


def as_seen(colour, kind):
    """CIE L*a*b* of a colour as seen with this blindness."""
    from matplotlib.colors import to_rgb

    coded = np.array(to_rgb(colour))
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(BLINDNESS[kind]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def told_apart(one, other):
    return all(np.linalg.norm(as_seen(one, kind) - as_seen(other, kind)) > 15 for kind in BLINDNESS)


def test_lines_are_told_apart_by_colour_blind_eyes():
    lines = [style.BLUE, style.SKY, style.ORANGE, style.VERMILION]
    for number, one in enumerate(lines):
        for other in lines[number + 1 :]:
            assert told_apart(one, other), (one, other)
    assert told_apart(style.GREEN, style.VERMILION)
    colours = mpl.colormaps[style.SIGNED]
    assert told_apart(colours(0.15), colours(0.85))
    assert not told_apart("#4daf4a", "#b8860b")  # the check sees what is not
