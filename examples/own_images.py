"""Teach a classifier on arrays of your own, save it, and load it again."""

import numpy as np

import handstitch as hs

rng = np.random.default_rng(0)
labels = rng.integers(0, 2, 600)
images = rng.integers(0, 100, (600, 12, 12), dtype=np.uint8)
for image, label in zip(images, labels, strict=True):
    (image.T if label else image)[rng.integers(3) :: 3] += 100

classifier = hs.Classifier(hidden_sizes=(32, 16), epochs=15, batch_size=32)
classifier.fit(images[:500], labels[:500], class_names=("horizontal", "vertical"))
print(f"{classifier.score(images[500:], labels[500:]):.1%} of 100 others recognised")
classifier.save("stripes.safetensors")
print(hs.load("stripes.safetensors").predict_proba(images[:3]).round(2))
