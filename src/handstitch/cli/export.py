"""handstitch export: a trained network as files of other programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from handstitch.cli.flags import DataDir, Model, Pretrained, Weights, load_network
from handstitch.cli.progress import progress
from handstitch.errors import UsageError, printable

if TYPE_CHECKING:
    from handstitch.arrays import Images
    from handstitch.export import Agreement
    from handstitch.model.classifier import Classifier


def export(
    path: Model = None,
    /,
    *,
    python: Annotated[
        Path | None, Parameter(metavar="FILE", help="one Python file that needs NumPy only")
    ] = None,
    c: Annotated[Path | None, Parameter(metavar="FILE", help="one C99 header, in float32")] = None,
    c_int8: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="one C99 header, its weights in whole numbers of 8 bits"),
    ] = None,
    npz: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="arrays of weights and biases, as NumPy saves them"),
    ] = None,
    torch: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="safetensors, its weights as torch.nn.Linear has them"),
    ] = None,
    json: Annotated[
        Path | None, Parameter(metavar="FILE", help="one JSON object with all weights")
    ] = None,
    onnx: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="an ONNX graph, for onnxruntime and others (extra onnx)"),
    ] = None,
    html: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="the laboratory: a page to draw on, to watch and to teach"),
    ] = None,
    layout: Annotated[
        Literal["weights_0", "W0", "coefs_0", "fc1.weight"],
        Parameter(
            help="of --npz: its first name, as the course report, a textbook, scikit-learn "
            "and PyTorch have it"
        ),
    ] = "weights_0",
    pixels: Annotated[
        Literal["uint8", "float32"],
        Parameter(help="of --onnx: the type of the pixels from 0 to 255 that it takes"),
    ] = "uint8",
    weights: Weights = "best",
    pretrained: Pretrained = False,
    data_dir: DataDir = None,
) -> None:
    """Write a trained network into files of other programs, with its preprocessing and classes.

    Each file is asked for the probabilities of the test images, or of drawn ones where those are
    not on this machine, and compared with the network. An outlier detector is not written.
    """
    from handstitch import export as exports

    files = {
        kind: file
        for kind, file in {
            "python": python,
            "c": c,
            "c_int8": c_int8,
            "npz": npz,
            "torch": torch,
            "json": json,
            "onnx": onnx,
            "html": html,
        }.items()
        if file is not None
    }
    if not files:
        raise UsageError(
            "no file is named",
            found="handstitch export without a format",
            wanted=", ".join(f"--{kind.replace('_', '-')} FILE" for kind in exports.FORMATS),
            fix="handstitch export --python predictor.py",
        )
    target, classifier = load_network(path, weights, pretrained=pretrained)
    _require_others(classifier, list(files.values()))
    samples, described = _samples(classifier, data_dir)
    options: dict[str, dict[str, str]] = {"npz": {"layout": layout}, "onnx": {"pixels": pixels}}
    print(f"Model: {printable(target)}, {classifier.weights} weights")
    for kind, file in files.items():
        form = exports.FORMATS[kind]
        with progress(form.title):
            size = exports.write(classifier.model, file, kind, **options.get(kind, {}))
            found = exports.agreement(classifier.model, partial(form.ask, file), samples)
        print(f"\n{form.title}: {printable(file)}, {size:,} bytes")
        print(_in_words(found, described))


def _require_others(classifier: Classifier, files: list[Path]) -> None:
    """Raise UsageError if a file is the model itself, or named twice."""
    taken = [classifier.path.resolve()] if classifier.path else []
    for file in files:
        if file.resolve() in taken:
            raise UsageError(
                "this file would be replaced",
                found=f"{printable(file)}, which is the model or is named twice",
                wanted="a name of its own for each file",
                fix="give another name",
            )
        taken.append(file.resolve())


def _samples(classifier: Classifier, data_dir: Path | None) -> tuple[Images, str]:
    """Test samples of the network's data set, or drawn ones, and what they are."""
    from handstitch.data.loading import AbsentError
    from handstitch.insight.probe_images import fits, probe_images

    model = classifier.model
    try:
        data = classifier.source(None, data_dir).load("test", fetch=False)
        if fits(model, data):
            return data.images, f"test samples of {data.name}"
    except AbsentError:
        if data_dir is not None:
            raise
    return probe_images(model, None, None).images[:], "drawn samples"


def _in_words(found: Agreement | None, described: str) -> str:
    if found is None:
        return "  agreement not measured: there is no C compiler, cc, on this machine"
    n = found.samples
    same = "all" if not found.other else f"{n - found.other:,} of"
    return (
        f"  the class of the network for {same} {n:,} {described}, its probabilities within "
        f"{found.largest:.1e}"
    )
