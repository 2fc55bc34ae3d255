"""Classify images with the newest run."""

import handstitch as hs
from handstitch.data import sketch
from handstitch.runs import folder as run_folder

images, labels = sketch.draw(10, seed=7)
classifier = hs.load(run_folder.newest())
P = classifier.predict_proba(images)
for label, row in zip(labels, P, strict=True):
    names = classifier.class_names
    print(f"{names[label]:>12} predicted as {names[row.argmax()]:<12} {row.max():.1%} confidence")
