"""How each of the ten classes is drawn: one function for each, painting on a Canvas.

The classes differ as clothes do, by cut and not by brightness: any of them may be dark or light,
plain, striped or checked, and a detail may be darker or lighter than its cloth. Adding up weighted
pixels therefore does not get far. Shirts, T-shirts, pullovers and coats share one cut and differ in
sleeve, collar and fastening, so they are the hard ones here as they are in Fashion-MNIST.

The numbers are pixels of a 28 × 28 picture: places along the axis from the top (from the toe, for
a shoe), and distances across it. The bytes that come out are pinned by a test; changing a number,
or the order in which numbers are rolled, makes another data set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from handstitch.data.sketch.canvas import Canvas, Grid, Number, arch, bend, waves


class Cut(NamedTuple):
    """Where the parts of an upper garment ended up: numbers for each picture, or for each line."""

    top: Grid
    neck: Grid
    half: Grid
    end: Number
    cloth: Grid
    trim: Grid


def t_shirt(canvas: Canvas) -> None:
    """Short sleeves and a round or pointed neckline; perhaps a print on the chest."""
    cut = _upper(canvas, canvas.roll(0.0, 0.3), canvas.roll(22.5, 25.5))
    _neckline(canvas, cut, canvas.roll(1.5, 4.5))
    print_top = cut.top + canvas.roll(5, 8)
    size = canvas.roll(1.5, 3.5)
    chest = canvas.within(size) * canvas.stretch(print_top, print_top + size * 1.6)
    canvas.paint(chest * canvas.chance(0.35), cut.trim)


def trouser(canvas: Canvas) -> None:
    """Two legs from one waistband."""
    top, end = canvas.roll(2, 3.5), canvas.roll(23.5, 26)
    crotch = canvas.roll(8.5, 12)
    waist, foot = canvas.roll(3.6, 5), canvas.roll(4, 7)
    gap = canvas.roll(0.5, 2.2)
    outside = bend(canvas.along, (top, waist), (crotch, waist + canvas.roll(0.4, 1.4)), (end, foot))
    inside = bend(canvas.along, (crotch, -0.5), (crotch + 1.5, 0.3), (end, gap))
    cloth, trim = _cloth(canvas)
    canvas.paint(canvas.band(inside, outside) * canvas.stretch(top, end), cloth)
    canvas.paint(canvas.within(waist) * canvas.stretch(top, top + 1.2), trim)
    crease = (outside + inside) * 0.5
    line = canvas.band(crease - 0.4, crease + 0.4) * canvas.stretch(crotch, end)
    canvas.paint(line * canvas.roll(0, 0.5), trim)


def pullover(canvas: Canvas) -> None:
    """Long sleeves, a high round neck, ribbing at neck and hem."""
    cut = _upper(canvas, canvas.roll(0.75, 1), canvas.roll(21.5, 25))
    _neckline(canvas, cut, canvas.roll(0.8, 2.5))
    collar = canvas.within(cut.neck) * canvas.stretch(cut.top - canvas.roll(-0.6, 1.2), cut.top + 1)
    canvas.paint(collar * canvas.chance(0.6), cut.trim)
    hem = canvas.within(cut.half) * canvas.stretch(cut.end - canvas.roll(1, 2.5), cut.end)
    canvas.paint(hem * canvas.roll(0.2, 1), cut.trim)


def dress(canvas: Canvas) -> None:
    """A narrow waist over a skirt; bare shoulders or short sleeves."""
    top, end = canvas.roll(1.5, 3), canvas.roll(24, 26.5)
    armpit, middle = top + canvas.roll(4, 6), canvas.roll(9.5, 14)
    chest, waist = canvas.roll(3.2, 4.8), canvas.roll(2.4, 4.2)
    hem = waist + canvas.roll(0, 5)
    shoulder = chest - canvas.roll(0, 1)
    half = bend(
        canvas.along, (top, shoulder), (armpit, chest), (middle, waist), (end - 4, hem), (end, hem)
    )
    sleeves = bend(canvas.along, (top, shoulder), (top + 2.5, shoulder + 2), (top + 5, shoulder))
    sleeves = np.maximum(half, sleeves * canvas.chance(0.3))
    cloth, trim = _cloth(canvas)
    canvas.paint(canvas.within(sleeves) * canvas.stretch(top, end), cloth)
    cut = Cut(top, shoulder - canvas.roll(0.9, 1.6), half, end, cloth, trim)
    _neckline(canvas, cut, canvas.roll(1.5, 5))
    belt = canvas.within(half) * canvas.stretch(middle - 0.6, middle + 0.6)
    canvas.paint(belt * canvas.chance(0.4), trim)


def coat(canvas: Canvas) -> None:
    """Long sleeves, open in front from the lapels to the hem, perhaps with pockets."""
    cut = _upper(canvas, canvas.roll(0.8, 1), canvas.roll(24, 26.5))
    lapel = cut.top + canvas.roll(4, 9)
    inside = bend(canvas.along, (cut.top, cut.neck), (lapel, -0.5))
    canvas.paint(canvas.within(inside) * canvas.stretch(cut.top, lapel), cut.trim)
    opening = canvas.within(canvas.roll(0.1, 0.8)) * canvas.stretch(lapel - 1, cut.end)
    canvas.paint(opening * canvas.roll(0.5, 1), cut.cloth * canvas.roll(0, 0.5))
    pocket = canvas.roll(15, 18)
    slit = canvas.band(2.2, 4.6) * canvas.stretch(pocket, pocket + 1)
    canvas.paint(slit * canvas.chance(0.5) * canvas.roll(0.3, 0.9), cut.trim)


def sandal(canvas: Canvas) -> None:
    """A sole, a heel and a few straps with daylight between them."""
    ground, rise = canvas.roll(18, 21.5), canvas.roll(0, 6)
    foot = bend(
        canvas.along,
        (2, ground),
        (10, ground - 0.3),
        (17, ground - rise * 0.7),
        (25.5, ground - rise),
    )
    instep = bend(canvas.along, (2, 2), (8, 5), (15, 6.5), (24, 8))
    shade, trim = canvas.roll(0.4, 1), canvas.roll(0.3, 1)
    thick = canvas.roll(1, 2)
    # A wedge fills what is under the heel; otherwise one post carries it.
    heel = canvas.stretch(canvas.roll(22, 24), 26)
    under = np.maximum(heel, canvas.chance(0.3) * canvas.stretch(9, 26))
    canvas.paint(canvas.band(foot, ground + thick) * under, trim)
    leaning = canvas.along + (canvas.across - ground) * canvas.roll(-0.7, 0.7)
    straps = waves(leaning, canvas.roll(3.5, 7), canvas.roll(0, 1), canvas.roll(0.2, 0.45))
    last = canvas.roll(10, 20)
    straps *= canvas.stretch(canvas.roll(3, 5), last)
    canvas.paint(straps * canvas.band(foot - instep, foot), shade)
    edge = canvas.band(foot - instep, foot - instep + 1) * canvas.stretch(6, last)
    canvas.paint(edge * canvas.chance(0.6), shade)
    # The ankle strap climbs from the sole; a slipper has none.
    start = canvas.roll(10, 15)
    ankle = foot - bend(canvas.along, (start, 0.5), (start + 5, canvas.roll(5, 8)))
    around = canvas.band(ankle, ankle + canvas.roll(0.8, 1.8)) * canvas.stretch(start, 25.5)
    back = canvas.band(ankle, foot) * canvas.stretch(24.2, 25.8)
    canvas.paint(np.maximum(around, back) * canvas.chance(0.7), shade)
    canvas.paint(canvas.band(foot, foot + thick) * canvas.stretch(1.5, 26.2), trim)


def shirt(canvas: Canvas) -> None:
    """A collar and a row of buttons; sleeves of any length."""
    cut = _upper(canvas, canvas.roll(0.05, 1.2), canvas.roll(22.5, 25.5))
    collar = bend(canvas.along, (cut.top, cut.neck * 0.6), (cut.top + canvas.roll(2, 4), -0.5))
    throat = canvas.within(collar) * canvas.stretch(cut.top, 14)
    canvas.paint(throat, cut.cloth * canvas.roll(0.1, 0.6))
    tips = canvas.band(collar, collar + 1.4) * canvas.stretch(cut.top - 0.3, cut.top + 3)
    canvas.paint(tips * canvas.roll(0.5, 1), cut.trim)
    placket = canvas.within(canvas.roll(0.2, 0.7)) * canvas.stretch(cut.top + 2, cut.end)
    buttons = waves(canvas.along, canvas.roll(2.5, 4), canvas.roll(0, 1), 0.3)
    canvas.paint(placket * np.maximum(buttons, canvas.chance(0.5)) * canvas.roll(0.5, 1), cut.trim)
    pocket = cut.top + canvas.roll(5, 7)
    flap = canvas.band(2, 4) * canvas.stretch(pocket, pocket + 2)
    canvas.paint(flap * canvas.chance(0.3) * 0.6, cut.trim)


def sneaker(canvas: Canvas) -> None:
    """A low shoe on a pale or dark sole, with laces and a stripe on its side."""
    ground, height = canvas.roll(18, 21), canvas.roll(6.5, 10)
    toe = canvas.roll(2.5, 4)
    top = ground - bend(
        canvas.along,
        (2, 1.2),
        (4, toe),
        (9, toe + 1),
        (16, height),
        (20, height - 1.5),
        (25.5, height),
    )
    cloth, trim = _cloth(canvas, striped=0.12)
    canvas.paint(canvas.band(top, ground) * canvas.stretch(2, 25.8), cloth)
    leaning = canvas.along + (canvas.across - ground) * canvas.roll(-1, 1)
    side = waves(leaning, canvas.roll(2.2, 5), canvas.roll(0, 1), canvas.roll(0.3, 0.5))
    side *= canvas.stretch(canvas.roll(8, 13), canvas.roll(15, 21)) * canvas.chance(0.6)
    canvas.paint(side * canvas.band(top + 1.5, ground), trim)
    laces = waves(canvas.along, 2, canvas.roll(0, 1)) * canvas.stretch(9, 16)
    canvas.paint(canvas.band(top - 0.6, top + 1.2) * laces * canvas.roll(0, 1), trim)
    sole = canvas.band(ground - canvas.roll(0.8, 2.2), ground + 0.8)
    canvas.paint(sole * canvas.stretch(1.5, 26.2), canvas.roll(0.25, 1))


def bag(canvas: Canvas) -> None:
    """A body with rounded corners, a handle or a strap above it, perhaps a flap."""
    top, end = canvas.roll(9, 13.5), canvas.roll(21, 25.5)
    wide, low = canvas.roll(7, 11), canvas.roll(7, 11.5)
    half = bend(canvas.along, (top, wide - 1.5), (top + 2, wide), (end - 2, low), (end, low - 1.5))
    cloth, trim = _cloth(canvas)
    body = canvas.within(half) * canvas.stretch(top, end)
    rise, reach = canvas.roll(3, 9), canvas.roll(0.4, 0.9)
    thick = canvas.roll(0.8, 1.8)
    outside = arch(canvas.along, top, rise) * wide * reach
    inside = arch(canvas.along, top, rise - thick) * (wide * reach - thick) - 0.5
    handle = canvas.band(inside, np.maximum(outside, inside)) * canvas.stretch(top - rise, top)
    canvas.paint(handle * canvas.chance(0.85), trim)
    canvas.paint(body, cloth)
    flap = canvas.within(half) * canvas.stretch(top, top + canvas.roll(1, 7))
    canvas.paint(flap * canvas.chance(0.5) * canvas.roll(0.2, 0.9), trim)
    clasp = canvas.roll(12, 18)
    lock = canvas.within(canvas.roll(0.3, 1.5)) * canvas.stretch(clasp, clasp + 2)
    canvas.paint(lock * canvas.chance(0.5), canvas.roll(0, 1))


def ankle_boot(canvas: Canvas) -> None:
    """A shaft above the ankle, a heel; laces, a zip or a strap."""
    ground, height = canvas.roll(22, 24.5), canvas.roll(11, 19)
    front, toe = canvas.roll(12, 15), canvas.roll(3.5, 5)
    top = ground - bend(
        canvas.along, (2, 1), (4, toe), (front - 3.5, toe + 2.2), (front, height), (25, height)
    )
    cloth, trim = _cloth(canvas, striped=0.12)
    back = 25 + canvas.roll(-0.8, 0.8)
    canvas.paint(canvas.band(top, ground) * canvas.stretch(2, back), cloth)
    cuff = canvas.band(top, top + canvas.roll(1, 3)) * canvas.stretch(front - 0.5, back)
    canvas.paint(cuff * canvas.roll(0, 0.9), trim)
    strap = ground - canvas.roll(6, 9)
    around = canvas.band(strap, strap + 1.2) * canvas.stretch(front - 2, back)
    canvas.paint(around * canvas.chance(0.35), trim)
    zip_at = canvas.roll(17, 21)
    zip_line = canvas.band(top, ground - 2) * canvas.stretch(zip_at, zip_at + 0.8)
    canvas.paint(zip_line * canvas.chance(0.4) * canvas.roll(0.4, 1), trim)
    sole, rubber = canvas.band(ground - 0.6, ground + 0.8), canvas.roll(0.25, 1)
    canvas.paint(sole * canvas.stretch(1.5, back + 0.4), rubber)
    heel = canvas.band(ground, ground + canvas.roll(0.8, 3)) * canvas.stretch(19.5, back)
    canvas.paint(heel, rubber)


DRAWINGS: tuple[tuple[str, Callable[[Canvas], None], bool], ...] = (
    ("T-shirt/top", t_shirt, False),
    ("Trouser", trouser, False),
    ("Pullover", pullover, False),
    ("Dress", dress, False),
    ("Coat", coat, False),
    ("Sandal", sandal, True),
    ("Shirt", shirt, False),
    ("Sneaker", sneaker, True),
    ("Bag", bag, False),
    ("Ankle boot", ankle_boot, True),
)
"""Name, drawing and whether it lies on its side, in the order of the class numbers."""


def _cloth(canvas: Canvas, striped: float = 0.3) -> tuple[Grid, Grid]:
    """Shade of each pixel, this share of them striped; and of the trim, which has no pattern."""
    shade = canvas.roll(0.3, 1)
    # The trim stands off from the cloth, darker or lighter.
    trim = shade + canvas.roll(0.3, 0.7)
    trim -= np.floor(trim)
    level = canvas.chance(striped) * canvas.roll(0.2, 0.8)
    upright = canvas.chance(striped * 0.7) * canvas.roll(0.2, 0.6)
    period, phase = canvas.roll(2.2, 6), canvas.roll(0, 1)
    rows = 1 - waves(canvas.along, period, phase) * level
    cloth = waves(canvas.across, period, phase)
    cloth *= upright
    np.subtract(1, cloth, out=cloth)
    cloth *= rows * shade
    return cloth, trim


def _upper(canvas: Canvas, sleeve: Grid, end: Grid) -> Cut:
    """Paint body and sleeves of a top, `sleeve` (0 short, 1 to the wrist) and `end` given."""
    top, neck = canvas.roll(2.5, 4), canvas.roll(1.8, 3)
    chest, hem = canvas.roll(5, 6.8), canvas.roll(-0.8, 1)
    shoulder = chest + canvas.roll(-0.2, 0.8)
    seam, armpit = top + canvas.roll(1, 2.2), top + canvas.roll(6, 7.5)
    half = bend(canvas.along, (top, neck), (seam, shoulder), (armpit, chest), (end, chest + hem))
    # The outside of a sleeve runs from the shoulder seam to the tip, the inside back to the armpit.
    tip = seam + 3.5 + np.minimum(sleeve, 1) * 13.5
    reach = shoulder + canvas.roll(2.6, 4.4) + sleeve
    cuff, width = tip + 2.2 - sleeve * 1.2, canvas.roll(2.4, 3.6)
    under = np.minimum(armpit, cuff - 0.8)
    outside = bend(canvas.along, (seam, shoulder), (tip, reach), (cuff, reach - width))
    inside = bend(canvas.along, (under, chest - 1.5), (cuff, reach - width))
    arms = canvas.band(np.minimum(inside, outside), outside) * canvas.stretch(seam, cuff)
    cloth, trim = _cloth(canvas)
    arms *= canvas.roll(0.65, 1)
    body = canvas.within(half) * canvas.stretch(top, end)
    canvas.ink = np.maximum(arms, body) * cloth
    return Cut(top, neck, half, end, cloth, trim)


def _neckline(canvas: Canvas, cut: Cut, depth: Grid) -> None:
    """Cut a neckline out of the cloth, round or pointed, with a border in the trim's shade."""
    pointed = canvas.chance(0.35)
    fall = (canvas.along - cut.top) / depth
    half = (pointed * (1 - fall) + (1 - pointed) * arch(fall, 0, 1)) * cut.neck
    half = np.where(fall < 1, half, np.float32(-2))
    below = canvas.stretch(cut.top, 14)
    border = canvas.within(half + canvas.roll(0.4, 1.2)) * below
    canvas.paint(border * canvas.chance(0.6), cut.trim)
    canvas.paint(canvas.within(half) * below, cut.cloth * canvas.chance(0.5) * 0.3)
