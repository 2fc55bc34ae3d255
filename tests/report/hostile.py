"""Names that somebody may give to classes, files and runs to harm who looks at them."""

from __future__ import annotations

import numpy as np

PIECES = (
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "javascript:alert(5)",
    "<svg/onload=alert(6)>",
    "<iframe srcdoc='<script>alert(7)</script>'>",
    "{{ 7*7 }}{% raw %}{# x #}",
    "{0}{name}{found.folder}{",
    "]]><!--",
    "&lt;script&gt;&#60;script&#62;",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J",
    "\x00\x01\x08\x7f\x85\x9b31m",
    "\u202egpj.exe\u202c",
    "\u2066left\u2069\u200e\u200f\u061c",
    "zero\u200bwidth\u200d\ufeff",
    "\u2028line\u2029paragraph\r\n\t",
    "../../../etc/passwd",
    "..\\..\\windows",
    "`rm -rf ~`;$(reboot)|&",
    "[link](https://evil.example/) ![x](y) **bold** | cell |",
    "[bold red]markup[/]",
    "$x^2$ \\frac{1}{2}",
    "名字\U0001f600\U000e0041",
    "\udcff",
    "a" * 120,
    "'\"`",
    "%s%n%x",
)


def names(count: int, seed: int = 0) -> list[str]:
    """That many names: the pieces alone first, then two or three of them cut and mixed."""
    rng = np.random.default_rng(seed)
    made = list(PIECES)
    while len(made) < count:
        chosen = [PIECES[each] for each in rng.integers(len(PIECES), size=rng.integers(1, 4))]
        cut = [piece[int(rng.integers(len(piece))) :] for piece in chosen]
        made.append("".join(cut if rng.random() < 0.5 else chosen)[:200])
    return made[:count]
