"""What the page says, as a table with one entry for each language.

Placeholders in braces are filled by `str.format`; what is filled in is never read as a format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from handstitch.report.findings import Missing, Part

Lang = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its heading, and one sentence for who has never seen such a thing."""

    heading: str
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All words of the page in one language."""

    html_lang: str
    language: str
    """What the language calls itself."""

    # Frame
    title: str
    kicker: str
    contents: str
    skip: str
    """Link over the contents, for people who hear the page."""
    footer: str
    yes: str
    no: str
    none: str
    parts: Mapping[Part, str]

    # What must be said first
    drawn: Section
    drawn_reason: str
    validation_only: Section
    validation_record: str
    """As `validation_only` goes on where only the record of the training is at hand."""
    to_test: str
    unfinished: Section
    incomplete: Section
    missing: Mapping[Missing, str]

    # Sections
    result: Section
    trained: Section
    curves: Section
    confusion: Section
    classes: Section
    calibration: Section
    mistakes: Section
    weights: Section
    settings: Section
    machine: Section
    again: Section

    # Result
    headline: str
    interval: str
    no_result: str
    accuracy: str
    loss: str
    guessing: str
    looks: str
    looks_once: str
    looks_never: str
    looks_caution: str
    looks_columns: tuple[str, str, str, str, str]
    """Number, time, weights, accuracy, whether they are the weights of this page."""
    looks_left_out: str
    best_weights: str
    last_weights: str

    # What was trained on what
    fact: str
    value: str
    data: str
    data_value: str
    chosen: str
    chosen_value: str
    network: str
    network_value: str
    activations: str
    parameters: str
    method: str
    method_value: str
    epochs: str
    epochs_value: str
    seconds: str
    seconds_value: str
    digest: str
    weights_digest: str

    # Curves
    curves_alt: str
    epochs_table: str
    epochs_columns: tuple[str, str, str, str, str, str]
    """Epoch, training loss, training accuracy, validation loss, validation accuracy, rate."""
    epochs_left_out: str
    best_mark: str

    # Confusion, classes, calibration, mistakes
    confusion_alt: str
    confused_caption: str
    confused_columns: tuple[str, str, str, str]
    """True class, taken for, images, share of the true class."""
    no_mistakes: str
    classes_alt: str
    classes_columns: tuple[str, str, str, str, str]
    """Class, precision, recall, F1, images."""
    classes_key: str
    calibration_value: str
    calibration_over: str
    calibration_under: str
    calibration_alt: str
    worst_alt: str
    pairs_alt: str
    mistakes_count: str

    # Weights
    tiles_lead: str
    change_lead: str
    maps_alt: str
    tiles_alt: str
    before_after_alt: str
    before_after_title: str
    layers_columns: tuple[str, str, str, str, str, str]
    """Layer, shape, deviation before, deviation after, smallest, largest."""

    # Settings, machine, commands
    settings_columns: tuple[str, str, str, str]
    """Setting, value, default, meaning."""
    settings_changed: str
    settings_unchanged: str
    settings_all: str
    meanings: Mapping[str, str]
    """Name of each setting → what it means."""
    processor: str
    threads: str
    build: Mapping[str, str]
    """Name of a fact of the build → what it is; others are shown under their own names."""
    command_train: str
    command_resume: str
    command_test: str
    command_report: str
    command_python: str

    # For people who hear the page
    scrollable: str
    """Name of a region that can be scrolled, around {what}."""


def words(lang: Lang) -> Words:
    """The table of a language."""
    if lang == "zh":
        from handstitch.report.chinese import CHINESE

        return CHINESE
    from handstitch.report.english import ENGLISH

    return ENGLISH
