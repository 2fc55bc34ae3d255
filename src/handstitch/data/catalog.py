"""Catalog of the published data files, with their checksums.

Checksums and lengths were taken from the files, except those of MNIST's training half, which
many independent projects publish; the same projects' checksums of its test half agree with the
files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from handstitch.data.dataset import DIGITS, GARMENTS

Part = Literal["train", "test"]
PARTS: Final[tuple[Part, ...]] = ("train", "test")

TITLES: Final[dict[str, str]] = {
    "fashion-mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "sketch": "sketch",
}
CLASS_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "fashion-mnist": GARMENTS,
    "mnist": DIGITS,
    "sketch": GARMENTS,
}


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """One of the four files of a data set, as published by its authors."""

    dataset: str
    part: Part
    kind: Literal["images", "labels"]
    size: int
    """Bytes of the compressed file."""
    sha256: str
    """Of the compressed file."""
    content_sha256: str
    """Of the IDX file inside."""
    data_digest: str = ""
    """`dataset.digest_of` this part, whose images it has; empty where nobody has computed it."""

    @property
    def name(self) -> str:
        """The published file name."""
        stem = "train" if self.part == "train" else "t10k"
        return f"{stem}-{self.kind}-idx{3 if self.kind == 'images' else 1}-ubyte.gz"

    @property
    def noun(self) -> str:
        """Its content: "training labels"."""
        return f"{'training' if self.part == 'train' else 'test'} {self.kind}"

    @property
    def description(self) -> str:
        """Name, length and checksum."""
        return f"{self.name}, {self.size:,} bytes, sha256 {self.sha256[:8]}…"


FILES: Final = (
    OfficialFile(
        "fashion-mnist",
        "train",
        "images",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157",
    ),
    OfficialFile(
        "fashion-mnist",
        "train",
        "labels",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    OfficialFile(
        "fashion-mnist",
        "test",
        "images",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "9f1ec356a747bfe4ebab3cfb722d3694c9ca737e2570f6f90cf31d7b6fd689d4",
    ),
    OfficialFile(
        "fashion-mnist",
        "test",
        "labels",
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    OfficialFile(
        "mnist",
        "train",
        "images",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    OfficialFile(
        "mnist",
        "train",
        "labels",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    OfficialFile(
        "mnist",
        "test",
        "images",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
    ),
    OfficialFile(
        "mnist",
        "test",
        "labels",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


def files_of(dataset: str, *parts: str) -> list[OfficialFile]:
    """The files of these parts; of all parts if none is named."""
    return [file for file in FILES if file.dataset == dataset and file.part in (parts or PARTS)]


def with_checksum(sha256: str) -> OfficialFile | None:
    """The file with this checksum, compressed or not; None if there is none."""
    return next((file for file in FILES if sha256 in {file.sha256, file.content_sha256}), None)
