"""The page's words in English."""

from __future__ import annotations

from typing import Final

from handstitch.config import field_types, help_of
from handstitch.report.words import Section, Words

ENGLISH: Final = Words(
    html_lang="en",
    language="English",
    title="Run {run}: a network for {dataset}",
    kicker="A neural network trained with Handstitch",
    contents="On this page",
    skip="Skip to the result",
    footer="Made by Handstitch {version} from the files in the run's folder. "
    "This page is one file: it needs no network and runs no program.",
    yes="yes",
    no="no",
    none="none",
    parts={"test": "test", "validation": "validation"},
    drawn=Section(
        "Drawn data, not photographs",
        "The images are “sketch”: garments that Handstitch draws itself. "
        "No figure on this page says anything about Fashion-MNIST.",
    ),
    drawn_reason="Why they were used:",
    validation_only=Section(
        "Validation figures: not a test",
        "These weights have not been measured on the test set. Every figure below is of the "
        "images held out from training, and by the same images the weights were chosen: "
        "the figures flatter a little.",
    ),
    validation_record="They come from the record of the training.",
    to_test="To test, and to make this page again:",
    unfinished=Section(
        "This run is not finished",
        "{done:,} of {epochs:,} epochs are done. The page shows what there is so far.",
    ),
    incomplete=Section("What this page has to do without", ""),
    missing={
        "history": "The record of the epochs is missing or damaged: there are no curves.",
        "weights": "There are no best weights, or their file is damaged: "
        "there are no pictures of weights, and no figures of classes.",
        "summary": "The summary of the run is damaged: what it alone knows is left out.",
        "looks": "The record of looks at the test set is damaged: no test can be shown.",
        "data": "The images are not at hand any more: what has to be drawn or counted from them "
        "is left out, the rest comes from the record.",
        "other data": "The images that are at hand are not those of this run: "
        "what has to be drawn or counted from them is left out.",
        "initial": "The initial weights cannot be drawn again: there is no before and after.",
    },
    result=Section(
        "Result",
        "Accuracy is the share of images, none of them used for training, for which the network’s "
        "first guess is right.",
    ),
    trained=Section(
        "What was trained on what",
        "A network is made of layers of units; training changes the strength of the links between "
        "them, the weights, until the images of the training part are told apart.",
    ),
    curves=Section(
        "How training went",
        "After each epoch, one pass over the training images, accuracy should have risen and loss, "
        "the price of uncertain or wrong answers, should have fallen; where validation turns while "
        "training goes on improving, the network has begun to learn by heart.",
    ),
    confusion=Section(
        "What is taken for what",
        "Each row of the confusion matrix holds the images of one class, each column what the "
        "network called them; right answers lie on the diagonal.",
    ),
    classes=Section(
        "Class by class",
        "Some classes are harder than others: precision is how often the network is right when it "
        "names a class, recall how many images of the class it finds, and F1 a mean of the two.",
    ),
    calibration=Section(
        "Does it know when it is unsure?",
        "With each answer goes a probability, the confidence; in a well calibrated network "
        "answers given with 80 % confidence are right 80 % of the time.",
    ),
    mistakes=Section(
        "Its mistakes",
        "The answers that were wrong although the network was most sure of them, and examples of "
        "the classes it mixes up most.",
    ),
    weights=Section(
        "Inside: the weights",
        "All that the network has learned is in these numbers: red weights are positive, blue ones "
        "negative, white ones near zero.",
    ),
    settings=Section(
        "Settings",
        "Everything that was chosen for this run; first what differs from the default recipe.",
    ),
    machine=Section(
        "Machine and build",
        "The same settings and data give the same network, bit for bit, on such a machine with "
        "these versions.",
    ),
    again=Section(
        "Do it again",
        "These commands, typed in the folder where the run was made, repeat it.",
    ),
    headline="of {n:,} {part} images named rightly",
    interval="95 % interval: {low} to {high}. On endless images of the same kind the share would "
    "probably lie there.",
    no_result="There is no result yet.",
    accuracy="accuracy",
    loss="loss (mean cross-entropy, nats)",
    guessing="accuracy of guessing",
    looks="The test set was looked at {n:,} times with this run.",
    looks_once="The test set was looked at once with this run.",
    looks_never="The test set has not been looked at with this run.",
    looks_caution="Whoever tests several times and keeps the best has chosen by the test set: "
    "its figures flatter then.",
    looks_columns=("look", "time (UTC)", "weights", "accuracy", "the weights of this page"),
    looks_left_out="Only the first look and the last ones are shown.",
    best_weights="best epoch",
    last_weights="last epoch",
    fact="fact",
    value="value",
    data="images",
    data_value="{train:,} for training and {val:,} held out for validation, of {dataset}",
    chosen="weights kept",
    chosen_value="those after epoch {epoch:,}, with the best validation {by}",
    network="network",
    network_value="{sizes} units, from the pixels to the classes",
    activations="activation of the hidden units",
    parameters="learned numbers",
    method="method",
    method_value="{optimizer}, learning rate {rate:g}, {batch:,} images in a step, "
    "schedule {schedule}",
    epochs="epochs",
    epochs_value="{done:,} of at most {epochs:,}",
    seconds="training took",
    seconds_value="{seconds:,.1f} s",
    digest="SHA-256 of the training data",
    weights_digest="SHA-256 of the weights",
    curves_alt="Curves over {epochs:,} epochs. Validation accuracy goes from {first} to {last}; "
    "the best is {best}, after epoch {epoch:,}. Training loss goes from {train_first:.4f} to "
    "{train_last:.4f}, validation loss from {val_first:.4f} to {val_last:.4f}.",
    epochs_table="All epochs as a table",
    epochs_columns=(
        "epoch",
        "training loss",
        "training accuracy",
        "validation loss",
        "validation accuracy",
        "learning rate",
    ),
    epochs_left_out="{shown:,} of {epochs:,} epochs are shown; history.csv has all.",
    best_mark="best",
    confusion_alt="Confusion matrix of {classes:,} classes on {n:,} {part} images: {correct:,} lie "
    "on the diagonal. {pair}",
    confused_caption="The most frequent mistakes: {true} was taken for "
    "{predicted} {count:,} times.",
    confused_columns=("true class", "taken for", "images", "share of the true class"),
    no_mistakes="There is no mistake among {n:,} images.",
    classes_alt="Bars of precision, recall and F1 of each class. {worst} has the lowest F1, "
    "{low:.4f}; {best} the highest, {high:.4f}.",
    classes_columns=("class", "precision", "recall", "F1", "images"),
    classes_key="The class that does worst stands first.",
    calibration_value="Expected calibration error: {error:.4f}, the mean distance between "
    "confidence and accuracy.",
    calibration_over="The network is on average {points:.2f} points more confident than it is "
    "right.",
    calibration_under="The network is on average {points:.2f} points less confident than it is "
    "right.",
    calibration_alt="Reliability diagram: accuracy against confidence in {bins} bins, with the "
    "diagonal of perfect calibration. Mean confidence is {confidence}, accuracy {accuracy}.",
    worst_alt="The {shown:,} most confident of {mistakes:,} wrong answers, each with its true "
    "class, the class named and the probability. {first}",
    pairs_alt="Examples of the most confused pairs of classes. {first}",
    mistakes_count="{mistakes:,} of {n:,} answers are wrong.",
    tiles_lead="Each unit of the first layer looks at the whole picture; drawn as pictures, its "
    "weights show what it looks for. The units that are used most stand first.",
    change_lead="Before and after: the start is drawn at random, so much of what the maps show was "
    "there before anything was learned; the change is what training did.",
    maps_alt="Heat map of the weights of each of {layers} layers, inputs against outputs; what the "
    "table below says in numbers.",
    tiles_alt="The first layer’s most used units as pictures of {rows} × {columns} weights: red "
    "where a bright pixel speaks for the unit, blue where it speaks against it.",
    before_after_alt="Layer {layer}: the initial weights, the trained weights and the change "
    "between them on one scale. The deviation went from {before:.4f} to {after:.4f}.",
    before_after_title="Layer {layer}",
    layers_columns=(
        "layer",
        "inputs × outputs",
        "deviation before",
        "deviation after",
        "smallest",
        "largest",
    ),
    settings_columns=("setting", "value", "default recipe", "meaning"),
    settings_changed="Other than in the default recipe",
    settings_unchanged="Nothing differs from the default recipe.",
    settings_all="All settings",
    meanings={name: help_of(name) for name in field_types()},
    processor="processor",
    threads="threads",
    build={
        "handstitch": "Handstitch",
        "numpy": "NumPy",
        "scipy": "SciPy",
        "numba": "numba",
        "blas": "BLAS",
        "machine": "machine",
        "step": "training step",
    },
    command_train="Train the same network again:",
    command_resume="Go on with the run:",
    command_test="Measure it on the test set:",
    command_report="Make this page again:",
    command_python="Use the network from Python:",
    scrollable="{what}, can be scrolled sideways",
)
