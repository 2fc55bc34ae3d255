from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handstitch.data.readers import pictures
from handstitch.errors import DataError, MachineError
from handstitch.records import ReadingOptions
from tests.data.picture_files import BLUE, RED, draw, expect_error, png, write_picture

GREY, COLOUR = draw((5, 7)), draw((5, 7, 3))


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp"])
def test_a_lossless_grey_picture_keeps_every_pixel(tmp_path, suffix):
    path = write_picture(tmp_path / f"x.{suffix}", GREY, lossless=True)
    found = pictures.decode(path)
    assert found.dtype == np.uint8
    assert np.array_equal(found, GREY)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
def test_a_lossless_colour_picture_keeps_every_pixel(tmp_path, suffix):
    path = write_picture(tmp_path / f"x.{suffix}", COLOUR, lossless=True)
    assert np.array_equal(pictures.decode(path), COLOUR)


def test_a_jpeg_is_nearly_what_was_saved(tmp_path):
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    path = write_picture(tmp_path / "x.jpg", flat, quality=95)
    assert np.abs(pictures.decode(path).astype(int) - flat).max() <= 3


def test_equal_channels_are_a_grey_picture_whatever_the_mode(tmp_path):
    saved = np.repeat(GREY[..., None], 3, axis=2)
    for suffix in ("png", "bmp"):
        path = write_picture(tmp_path / f"x.{suffix}", saved)
        assert np.array_equal(pictures.decode(path), GREY)


def test_grayscale_is_the_luma_of_the_colours(tmp_path):
    path = write_picture(tmp_path / "x.png", COLOUR)
    expected = COLOUR @ np.array([0.299, 0.587, 0.114])
    found = pictures.decode(path, ReadingOptions(grayscale=True))
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda image: image),
        (2, np.fliplr),
        (3, lambda image: np.rot90(image, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: np.rot90(image, 2).T),
        (8, np.rot90),
    ],
)
def test_pictures_are_upright(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write_picture(tmp_path / "x.png", GREY, exif=exif)
    assert np.array_equal(pictures.decode(path), turned(GREY))


def test_transparent_parts_are_white(tmp_path):
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (*RED, 255)
    clear[0, 1] = (*RED, 51)  # a fifth of red on white
    found = pictures.decode(write_picture(tmp_path / "x.png", clear))
    assert found.tolist() == [[[255, 0, 0], [255, 204, 204]], [[255] * 3, [255] * 3]]
    grey_alpha = Image.fromarray(np.zeros((1, 2), np.uint8)).convert("LA")
    grey_alpha.putpixel((1, 0), (0, 0))
    grey_alpha.save(tmp_path / "y.png")
    assert pictures.decode(tmp_path / "y.png").tolist() == [[0, 255]]


def test_a_palette_is_looked_up_and_its_transparent_colour_is_white(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *BLUE, 0, 255, 0])
    image.putdata([0, 1, 2])
    for suffix in ("png", "gif"):
        image.save(tmp_path / f"x.{suffix}")
        assert pictures.decode(tmp_path / f"x.{suffix}").tolist() == [
            [[*RED], [*BLUE], [0, 255, 0]]
        ]
    image.save(tmp_path / "y.png", transparency=2)
    assert pictures.decode(tmp_path / "y.png").tolist() == [[[*RED], [*BLUE], [255] * 3]]


def test_one_bit_and_cmyk(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "x.png")
    assert pictures.decode(tmp_path / "x.png").tolist() == [[255, 0]]
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=100)
    red, green, blue = pictures.decode(tmp_path / "x.jpg")[4, 4].tolist()
    assert red > 230
    assert max(green, blue) < 40


def test_a_resized_picture_keeps_its_proportions_and_loses_a_margin(tmp_path):
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200  # the central square
    path = write_picture(tmp_path / "x.png", wide)
    found = pictures.decode(path, ReadingOptions(image_size=(5, 5)))
    assert found.shape == (5, 5)
    assert np.abs(found[:, 1:4].astype(int) - 200).max() < 12
    same = pictures.decode(path, ReadingOptions(image_size=(10, 30)))
    assert np.array_equal(same, wide)


def test_resizing_averages_it_does_not_skip(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[::2] = 255
    path = write_picture(tmp_path / "x.png", stripes)
    found = pictures.decode(path, ReadingOptions(image_size=(8, 8)))
    assert np.abs(found.astype(int) - 128).max() <= 30


def test_a_large_jpeg_is_resized_alike_turned_or_not(tmp_path):
    pixels = np.kron(draw((4, 6, 3), 3), np.ones((100, 100, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = write_picture(tmp_path / "x.jpg", np.rot90(pixels, -1).copy(), quality=95)
    turned = write_picture(tmp_path / "y.jpg", pixels, quality=95, exif=exif)
    options = ReadingOptions(image_size=(60, 40))
    one, other = (pictures.decode(path, options).astype(int) for path in (upright, turned))
    assert np.abs(one - other).mean() < 4


# ── Refused ────────────────────────────────────────────────────────────────────────────────────


def refuse(path: Path, kind: type[DataError | MachineError] = DataError, **patterns: str) -> None:
    error = expect_error(kind, lambda: pictures.decode(path), **patterns)
    assert path.name in str(error.file)
    assert "delete" not in str(error.fix)


@pytest.mark.parametrize(("wide", "high"), [(20_000, 20_000), (8_193, 8_192), (2**31 - 1, 1)])
def test_a_huge_picture_is_refused_by_its_header(tmp_path, wide, high, monkeypatch):
    (tmp_path / "x.png").write_bytes(png(wide, high, b"\0" * 100))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("memory was taken"))
    refuse(
        tmp_path / "x.png",
        found=f"^({wide:,} pixels wide and {high:,} high|{wide * high:,} pixels)$",
        wanted="at most 67,108,864 pixels",
        fix="fewer pixels",
    )


def test_the_bound_is_ours_whatever_a_program_allows_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (tmp_path / "x.png").write_bytes(png(20_000, 20_000, b""))
    refuse(tmp_path / "x.png", found="20,000 pixels wide and 20,000 high")


def test_sixteen_bits_are_refused_grey_or_colour(tmp_path):
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "grey.png")
    (tmp_path / "colour.png").write_bytes(png(1, 1, b"\0" * 7, depth=16, colours=2))
    for name in ("grey.png", "colour.png"):
        refuse(tmp_path / name, found="16 bits in each channel", wanted="8 bits")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_are_refused(tmp_path, suffix):
    frames = [Image.fromarray(draw((4, 4, 3), seed)) for seed in range(3)]
    path = tmp_path / f"x.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    refuse(path, found="an animation", wanted="one picture")


def test_a_second_picture_in_a_photograph_is_no_animation(tmp_path):
    frames = [Image.fromarray(draw((8, 8), seed)) for seed in range(2)]
    frames[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert pictures.decode(tmp_path / "x.jpg").shape == (8, 8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_picture_cut_short_is_refused_wherever_it_is_cut(tmp_path, suffix):
    whole = write_picture(tmp_path / f"x.{suffix}", draw((32, 32, 3))).read_bytes()
    for length in (1, 20, len(whole) // 2, len(whole) - 40):
        (tmp_path / f"x.{suffix}").write_bytes(whole[:length])
        refuse(tmp_path / f"x.{suffix}", wanted="a whole picture", fix="save it again")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><p>Not found", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"II*\0" + bytes(100), "a TIFF picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unknown type"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, found):
    (tmp_path / "x.png").write_bytes(content)
    refuse(tmp_path / "x.png", found=found)


def test_damaged_pictures_are_errors_of_ours_and_never_crash(tmp_path):
    rng = np.random.Generator(np.random.Philox(1))
    for suffix in ("png", "jpg", "gif", "bmp", "webp"):
        whole = write_picture(tmp_path / f"x.{suffix}", draw((16, 16, 3))).read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 4):
                damaged[place] = rng.integers(256)
            (tmp_path / "y.png").write_bytes(damaged)
            try:
                array = pictures.decode(tmp_path / "y.png")
            except DataError:
                continue
            assert array.dtype == np.uint8


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "x.png").mkdir()
    refuse(tmp_path / "x.png", MachineError, found="a folder")
    refuse(tmp_path / "y.png", MachineError, found="No such file")
