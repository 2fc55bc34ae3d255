"""Counterfactual: a small change of an image that gives it another class.

Around an image the margin between two classes is linear in the pixels, which gives the shortest
step (L2) to where it is 0, inside the range of pixels. The step is rounded to whole grey levels,
tried on the network itself, and taken from its end again with a longer one until the answer is
another; then it is made smaller while it still is. What is found is an upper bound: there may be
smaller changes. Moosavi-Dezfooli et al., "DeepFool", arXiv:1511.04599.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handstitch.arrays import Images, Indices, Matrix
from handstitch.core.network import Network
from handstitch.evaluation import Evaluator
from handstitch.insight.evidence import in_float64, linearise
from handstitch.model import Model

_ATTEMPTS: Final = 26
_BEYOND: Final = (0.02, 1e-3)
"""How far past the boundary the first step goes: a share of the margin, and at least this logit."""
_LONGER: Final = 1.6
"""The factor from attempt to attempt."""
_HALVINGS: Final = 8
_WHITE: Final = 255


class Counterfactuals(NamedTuple):
    """A changed image for each of n images, where one was found."""

    images: Images
    """uint8, of the images' shape; where none was found, the image itself."""
    classes: Indices
    """(n,): what the network answers to them."""
    is_found: NDArray[np.bool_]
    """(n,): whether that is another class."""


def counterfactuals(model: Model, images: Images) -> Counterfactuals:
    """A small change of each image, uint8, that the network answers with another class.

    Raises as `evidence`, and ModelFileError where the network overflows.
    """
    search = _Search(model, images.reshape(len(images), -1))
    search.cross()
    # Shorter along the same line, then without the pixels that matter least.
    search.shorten(lambda change, share: np.rint(share[:, None] * change))
    ranks = search.ranks()
    search.shorten(lambda change, share: change * (ranks < share[:, None] * change.shape[1]))
    changed = search.changed.astype(np.uint8).reshape(images.shape)
    classes = search.answers(search.changed)
    return Counterfactuals(changed, classes, classes != search.before)


class _Search:
    """Images on their way across the boundary of their class, all of them at once."""

    def __init__(self, model: Model, pixels: NDArray[Any]) -> None:
        self.model = model
        self.network = Network(model.parameters, model.activations)
        self.exact = in_float64(model)
        self.start = pixels.astype(np.float64)
        self.changed = self.start.copy()
        self.before = self.answers(self.start)

    def answers(self, pixels: Matrix) -> Indices:
        """The classes (n,) that the network itself gives to whole pixels (n, inputs)."""
        images = pixels.astype(np.uint8)
        Z = Evaluator(self.network, images, self.model.scaling).logits()
        classes: Indices = np.argmax(Z, axis=1)
        return classes

    def margins(
        self, pixels: Matrix, combinations: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Matrix]:
        """Slopes per grey level (n, k, inputs) and values (n, k) of combinations of logits."""
        offset, scale = self.model.scaling
        X = (pixels - offset) * scale
        slopes, constants = linearise(self.exact, X, combinations)
        return slopes * scale, np.einsum("nki,ni->nk", slopes, X) + constants

    def cross(self) -> None:
        """Step over the nearest boundary, further and further, until the answer is another."""
        n, eye = len(self.start), np.eye(len(self.model.class_names))
        slopes, values = self.margins(self.start, eye[self.before][:, None] - eye)
        lengths = np.sqrt(np.square(slopes).sum(axis=2))
        distances = np.divide(values, lengths, out=np.full_like(values, np.inf), where=lengths > 0)
        distances[np.arange(n), self.before] = np.inf
        toward = np.argmin(distances, axis=1)
        share, least = _BEYOND
        beyond = np.maximum(share * values[np.arange(n), toward], least)
        current, left = self.start.copy(), np.arange(n)
        for attempt in range(_ATTEMPTS):
            here, start = current[left], self.start[left]
            pair = eye[self.before[left]] - eye[toward[left]]
            slopes, values = self.margins(here, pair[:, None])
            w = slopes[:, 0]
            # The margin of the linear map at the image itself, and what must be taken from it.
            excess = values[:, 0] + np.einsum("ni,ni->n", w, start - here)
            current[left] = start + _shortest(w, start, excess + beyond[left] * _LONGER**attempt)
            tried = np.rint(current[left])
            is_other = self.answers(tried) != self.before[left]
            self.changed[left[is_other]] = tried[is_other]
            left = left[~is_other]
            if not left.size:
                return

    def ranks(self) -> Indices:
        """Pixels of each image by what their change does to the margin, the greatest first."""
        eye = np.eye(len(self.model.class_names))
        pair = eye[self.before] - eye[self.answers(self.changed)]
        slopes, _ = self.margins(self.start, pair[:, None])
        effects = np.abs(slopes[:, 0] * (self.changed - self.start))
        return np.argsort(np.argsort(-effects, axis=1, kind="stable"), axis=1)

    def shorten(self, part: Callable[[Matrix, Matrix], Matrix]) -> None:
        """The least share of each change, by bisection, with which the answer is still another."""
        change = self.changed - self.start
        low, high = np.zeros(len(change)), np.ones(len(change))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            tried = self.start + part(change, middle)
            is_other = self.answers(tried) != self.before
            self.changed[is_other] = tried[is_other]
            high, low = np.where(is_other, middle, high), np.where(is_other, low, middle)


def _shortest(w: Matrix, start: Matrix, excess: Matrix) -> Matrix:
    """The shortest δ (n, inputs) with w · δ = −excess and start + δ from 0 to 255.

    δ = −λ w, clipped: λ grows until no more pixels reach the end of their range. Where the range
    ends first, w · δ is as close as it gets.
    """
    room = np.where(w > 0, -start, _WHITE - start)
    free = (w != 0) & (room != 0)
    steps = np.zeros_like(start)
    for _ in range(_ATTEMPTS):
        squares = np.square(w * free).sum(axis=1)
        missing = np.maximum(excess + (w * room * ~free).sum(axis=1), 0)
        rate = np.divide(missing, squares, out=np.zeros_like(missing), where=squares > 0)
        steps = np.where(free, -rate[:, None] * w, np.where(w != 0, room, 0.0))
        full = free & (np.abs(steps) >= np.abs(room))
        if not full.any():
            break
        free &= ~full
    return np.clip(start + steps, 0, _WHITE) - start
