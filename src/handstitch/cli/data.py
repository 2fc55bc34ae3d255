"""handstitch data: fetch, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from handstitch.cli import output
from handstitch.cli.flags import FLAGS, DataDir, Json
from handstitch.errors import printable

app = App(name="data", help="Download or describe a data set.", group_parameters=FLAGS)


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
def info(
    name: Annotated[
        Literal["auto", "fashion-mnist", "mnist", "sketch"], Parameter(help="data set")
    ] = "auto",
    /,
    *,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Describe a data set: counts, shapes, class names, balance, checksums."""
    from handstitch.data import loading, summary

    choice = loading.resolve(name, data_dir)
    found = summary.describe(choice.name, data_dir, location=choice.location)
    if json:
        output.print_json(found)
        return
    if choice.reason:
        output.notice(f"this is sketch, drawn data: {choice.reason}")
    parts = found["parts"]
    print(f"{found['title']}, {printable(found['location'])}")
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
    # Checksums as sha256sum writes them: too long for a table, and this way they can be compared.
    print("\nSHA-256")
    for file in (file for part in parts for file in part["files"]):
        print(f"{file['sha256']}  {printable(Path(file['path']).name)}, {file['bytes']:,} bytes")
    for part in parts:
        print(f"{part['digest']}  pixels and labels of {part['part']}")
