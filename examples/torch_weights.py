"""A network to PyTorch and back: its weights in the layout of torch.nn.Linear.

Where PyTorch is not installed, NumPy stands in for it; the file is the same.
"""

import json

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

import handstitch
from handstitch import export
from handstitch.data import sketch

images, labels = sketch.draw(2000, seed=0)
classifier = handstitch.Classifier(hidden_sizes=(64, 32), epochs=5, batch_size=32)
classifier.fit(images, labels, class_names=sketch.CLASS_NAMES)
export.write(classifier.model, "net.safetensors", "torch")

with safetensors.safe_open("net.safetensors", "np") as file:
    note = json.loads(file.metadata()["note"])
state = load_file("net.safetensors")
print({name: tensor.shape for name, tensor in state.items()})

# To PyTorch.
X = images.reshape(2000, -1).astype(np.float32)
X = (X - np.float32(note["offset"])) * np.float32(note["scale"])
try:
    import torch

    net = torch.nn.Sequential()
    for layer in (1, 2, 3):
        outputs, inputs = state[f"fc{layer}.weight"].shape
        net.add_module(f"fc{layer}", torch.nn.Linear(inputs, outputs))
        if layer < 3:
            net.add_module(f"relu{layer}", torch.nn.ReLU())
    net.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state.items()})
    Z = net(torch.from_numpy(X)).detach().numpy()
except ImportError:
    Z = X
    for layer in (1, 2, 3):
        Z = Z @ state[f"fc{layer}.weight"].T + state[f"fc{layer}.bias"]
        Z = np.maximum(Z, 0) if layer < 3 else Z
agree = np.mean(classifier.classes_[Z.argmax(axis=1)] == classifier.predict(images))
print(f"the same class for {agree:.1%}")

# And back, with the note, as any program may write it.
save_file(state, "back.safetensors", {"note": json.dumps(note)})
print("accuracy:", handstitch.load("back.safetensors").score(images, labels))
