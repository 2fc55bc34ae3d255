"""Explanation of an answer: the evidence for its class against another, and a counterfactual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Matrix
from handstitch.core.network import Network
from handstitch.data.samples import shape_in_words
from handstitch.errors import UsageError
from handstitch.evaluation import Evaluator
from handstitch.insight.counterfactual import counterfactuals
from handstitch.insight.evidence import evidence
from handstitch.model import Model

_BLOCK: Final = 100
"""Images explained together: each needs some megabytes."""
REGIONS: Final = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)
"""Names of the ninths of an image."""


class Change(NamedTuple):
    """A counterfactual, and its size."""

    image: Images
    """The changed image, uint8."""
    answer: int
    """The class that the network gives to it."""
    probability: float
    """Of that class."""
    pixels: int
    """How many numbers of the image are other ones."""
    largest: int
    """The largest change of one, in grey levels."""
    distance: float
    """√Σ change², in grey levels."""


class Explanation(NamedTuple):
    """Why the network answers an image with one class, and not with another."""

    image: Images
    answer: int
    rival: int
    """The class that the answer is held against."""
    log_odds: float
    """log(p_answer / p_rival) = Σ contributions + bias."""
    contributions: Matrix
    """Of each pixel (rows, columns); the channels of a colour are added."""
    bias: float
    """The difference of the biases: what the network says of an image of zeros."""
    change: Change | None
    """None where no counterfactual was found, or sought."""

    @property
    def difference(self) -> Matrix | None:
        """How much lighter the counterfactual is at each pixel; the channels of a colour are added.

        None where there is none.
        """
        if self.change is None:
            return None
        found: Matrix = self.change.image.astype(float) - self.image
        return found if found.ndim == 2 else found.sum(axis=2)

    @property
    def regions(self) -> Matrix:
        """Sums of the contributions over the ninths of the image (3, 3), as in REGIONS."""
        rows = np.array_split(self.contributions, 3, axis=0)
        return np.array([[part.sum() for part in np.array_split(row, 3, axis=1)] for row in rows])


def explain(
    model: Model, images: Images, rivals: Indices | None = None, *, changes: bool = True
) -> Iterator[Explanation]:
    """An explanation of each image, against its class in `rivals`, or the second most probable.

    Without `changes` no counterfactual is sought, which takes most of the time.
    Raises UsageError for samples that are no images, and as `evidence`.
    """
    if not model.has_images:
        raise UsageError(
            "only images are explained",
            found=f"a network for {shape_in_words(model.image_shape)}",
            wanted="a network of images, whose pixels have a place",
            fix="in Python, handstitch.insight.evidence has the contribution of each feature",
        )
    for start in range(0, len(images), _BLOCK):
        some = slice(start, start + _BLOCK)
        chosen = None if rivals is None else rivals[some]
        yield from _explain(model, images[some], chosen, changes=changes)


def _explain(
    model: Model, images: Images, rivals: Indices | None, *, changes: bool
) -> Iterator[Explanation]:
    found, network = evidence(model, images), Network(model.parameters, model.activations)
    others = counterfactuals(model, images) if changes else None
    P, changed = (
        Evaluator(network, each, model.scaling).probabilities(model.temperature)
        for each in (images, others.images if others else images)
    )
    order = np.argsort(-P, axis=1, kind="stable")
    logits = found.logits
    for n, image in enumerate(images):
        a, b = int(order[n, 0]), int(order[n, 1] if rivals is None else rivals[n])
        parts = (found.contributions[n, a] - found.contributions[n, b]).reshape(model.image_shape)
        yield Explanation(
            image=image,
            answer=a,
            rival=b,
            log_odds=float(logits[n, a] - logits[n, b]),
            contributions=parts if parts.ndim == 2 else parts.sum(axis=2),
            bias=float(found.biases[n, a] - found.biases[n, b]),
            change=_change(image, others.images[n], changed[n])
            if others and others.is_found[n]
            else None,
        )


def _change(image: Images, changed: Images, p: NDArray[Any]) -> Change:
    difference = changed.astype(np.int16) - image
    answer = int(np.argmax(p))
    return Change(
        image=changed,
        answer=answer,
        probability=float(p[answer]),
        pixels=int(np.count_nonzero(difference)),
        largest=int(np.abs(difference).max()),
        distance=float(np.linalg.norm(difference.astype(float))),
    )
