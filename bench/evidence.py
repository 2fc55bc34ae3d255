"""Evidence and counterfactuals of the packaged network on all test images: docs/insight.md.

.venv/bin/python bench/evidence.py               # make evidence
.venv/bin/python bench/evidence.py --images 500  # the first ones, nothing written
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

import handstitch
from handstitch import insight, machine
from handstitch.evaluation import Evaluator

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "insight.md"
MARKS: Final = ("<!-- evidence -->", "<!-- /evidence -->")
BLOCK: Final = 250
AIM: Final = (1e-5, 0.99)


def main() -> None:
    """Measure, print, and with all test images write the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--data-dir", type=Path)
    chosen = parser.parse_args()
    classifier = handstitch.pretrained()
    model, network = classifier.model, classifier.network
    images = classifier.source(None, chosen.data_dir).load("test").images[: chosen.images]
    errors, found, changes = [], [], []
    for start in range(0, len(images), BLOCK):
        some = images[start : start + BLOCK]
        evidence = insight.evidence(model, some)
        logits = Evaluator(network, some, model.scaling).logits() / model.temperature
        largest = np.abs(evidence.contributions).sum(axis=2).max(axis=1)
        errors.append(np.abs(evidence.logits - logits).max(axis=1) / largest)
        others = insight.counterfactuals(model, some)
        found.append(others.is_found)
        changes.append((others.images.astype(np.int16) - some)[others.is_found])
        print(f"{start + len(some):,} images", flush=True)
    error, share = np.concatenate(errors).max(), np.concatenate(found).mean()
    change = np.abs(np.concatenate(changes).astype(float)).reshape(int(sum(map(sum, found))), -1)
    of_image = {
        "pixels changed": (change > 0).sum(axis=1),
        "largest change, grey levels": change.max(axis=1),
        "L2 of the change, grey levels": np.sqrt(np.square(change).sum(axis=1)),
    }
    versions = ", ".join(f"{name} {value}" for name, value in machine.build_info().items())
    sizes, (most, least) = "-".join(map(str, model.parameters.sizes)), AIM
    rows = f"""\
{len(images):,} test images of Fashion-MNIST; the packaged network, {sizes} with local receptive
fields. Made by `make evidence` ({versions}).

- Contributions and bias differ from the logits of `predict`, in float32, by at most {error:.1e} of
  the largest sum of absolute contributions (aim: {most:.0e}).
- A counterfactual is found for {100 * share:.2f} % of the images (aim: {100 * least:.0f} %).

| the change | 5 % | median | 95 % |
|---|---|---|---|""".splitlines()
    for name, values in of_image.items():
        cells = (f"{value:,.0f}" for value in np.percentile(values, (5, 50, 95)))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    print("\n".join(rows))
    if len(images) == 10_000:
        before, rest = PAGE.read_text(encoding="utf-8").split(f"{MARKS[0]}\n")
        after = rest.split(MARKS[1])[1]
        block = "\n".join([MARKS[0], *rows, MARKS[1]])
        PAGE.write_text(before + block + after, encoding="utf-8")


if __name__ == "__main__":
    main()
