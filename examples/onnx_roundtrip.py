"""A network as an ONNX file, run by onnxruntime: the file alone says how it is asked."""

import json

import numpy as np
import onnxruntime

import handstitch
from handstitch import export
from handstitch.data import sketch

images, labels = sketch.draw(2000, seed=0)
classifier = handstitch.Classifier(hidden_sizes=(64, 32), epochs=5, batch_size=32)
classifier.fit(images, labels, class_names=sketch.CLASS_NAMES)
size = export.write(classifier.model, "net.onnx", "onnx")
print(f"net.onnx, {size:,} bytes")

session = onnxruntime.InferenceSession("net.onnx")
(samples,) = session.get_inputs()
print(f"takes {samples.name}, {samples.type} {samples.shape}")
names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])

# Pixels as they are: scaling, softmax and temperature are in the file.
P, classes = session.run(["probabilities", "class"], {samples.name: images})
print(f"the first image: {names[classes[0]]}, {P[0].max():.4f}")
same = classifier.classes_[classes] == classifier.predict(images)
print(f"the same class for {np.mean(same):.1%}")
print(f"probabilities within {np.abs(P - classifier.predict_proba(images)).max():.1e}")
