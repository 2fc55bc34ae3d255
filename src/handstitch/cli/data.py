"""handstitch data: fetch, info; doctor stands in data_doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from handstitch.cli import output, pictures
from handstitch.cli.flags import FLAGS, DataDir, Json, resolve, with_settings
from handstitch.errors import printable
from handstitch.records import ReadingOptions

if TYPE_CHECKING:
    from handstitch.arrays import Images, Labels
    from handstitch.config import Config
    from handstitch.data.dataset import Dataset

app = App(name="data", help="Download, describe or examine a data set.", group_parameters=FLAGS)
app.command("handstitch.cli.data_doctor:doctor", name="doctor")


@app.command
def fetch(
    name: Annotated[
        Literal["fashion-mnist", "mnist"], Parameter(help="data set")
    ] = "fashion-mnist",
    /,
    *,
    data_dir: Annotated[
        Path | None,
        Parameter(metavar="FOLDER", help="destination folder", show_default="your cache"),
    ] = None,
) -> None:
    """Download a data set from its public mirrors and verify its checksums."""
    from handstitch.data import loading

    location = loading.fetch(name, data_dir)
    print(f"{name} is complete and sound in {printable(location.folder)}")


@app.command
@with_settings(*ReadingOptions.__struct_fields__, "shift", "flip", "erase")
def info(
    name: Annotated[str, Parameter(help="data set: a name, or the path of your own")] = "auto",
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="contact sheet to write (.png, .svg)"),
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Describe a data set: counts, shapes, class names, balance, checksums.

    With --shift, --flip or --erase the contact sheet shows one image of each class as it may be
    trained on, epoch by epoch.
    """
    from handstitch import figures
    from handstitch.data import sources, summary

    picture = out and pictures.with_suffix(out, "samples.png")
    config = resolve(settings, None, None).config
    options = ReadingOptions.of(config.to_dict())
    source = sources.resolve(name, data_dir, options)
    found = summary.describe(source)
    if not json:
        if source.reason:
            output.notice(f"this is sketch, drawn data: {source.reason}")
        _print(found)
    if picture:
        train = source.load("train")
        images, labels = _to_show(train, config)
        pictures.present(
            found,
            lambda lang: figures.contact_sheet(images, labels, train.class_names),
            picture,
            "en",
            asked=True,
            json=json,
        )
    elif json:
        output.print_json(found)


def _to_show(train: Dataset, config: Config) -> tuple[Images, Labels]:
    """Images and labels for the contact sheet: with augmentation, of one image for each class.

    The default shift alone is none: the sheet is of the data set.
    """
    import numpy as np

    from handstitch.data.augmentation import Augmentation
    from handstitch.figures.contact_sheet import EACH

    if config.shift == "auto" and not (config.flip or config.erase):
        return train.images, train.labels
    augmentation = Augmentation(
        train.images,
        np.arange(len(train)),
        config.seed,
        shift=config.shift,
        flip=config.flip,
        erase=config.erase,
    )
    if not augmentation.is_on:
        return train.images, train.labels
    labels, firsts = np.unique(train.labels, return_index=True)
    return augmentation.examples(train.images, firsts, EACH), labels.repeat(EACH)


def _print(found: dict[str, Any]) -> None:
    parts = found["parts"]
    of_format = f" ({found['format']})" if "format" in found else ""
    print(f"{found['title']}, {printable(found['location'])}{of_format}")
    output.print_table(
        ("part", "images", "shape", "balance"),
        (
            (
                part["part"],
                f"{part['images']:,}",
                " × ".join(map(str, part["shape"])),
                f"{part['balance']:.3f}",
            )
            for part in parts
        ),
    )
    output.print_table(
        ("class", *(part["part"] for part in parts)),
        ((name, *(f"{part['counts'][name]:,}" for part in parts)) for name in found["class_names"]),
        "Images of each class",
    )
    if found.get("is_test_drawn"):
        output.say("The test part was drawn from the training part: a fifth of each class.")
    # Checksums as sha256sum writes them: too long for a table, and this way they can be compared.
    print("\nSHA-256")
    for file in (file for part in parts for file in part["files"]):
        print(f"{file['sha256']}  {printable(Path(file['path']).name)}, {file['bytes']:,} bytes")
    for part in parts:
        print(f"{part['digest']}  pixels and labels of {part['part']}")
