# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A neural network for garments, by hand
#
# This notebook repeats the experiment of a course report ([what is known of
# it](../docs/reproduction.md)), from the data to the test, with a network whose forward pass,
# back-propagation and training step are written out in NumPy. Each step is done twice, by the
# formula, in a line or two that you can check with pencil and paper, and by `handstitch`, and the
# two are compared.
#
# Formulas are written as NumPy would have them: `Z[n, j] = Σ_k A[n, k] · W[k, j] + b[j]`. Capitals
# are matrices, rows are images, and `dT` means ∂L/∂T, which always has the shape of T. [The
# derivation](../docs/derivation.md) has the proofs.
#
# **Ways to open it.** GitHub shows `notebooks/fashion_mnist.ipynb` with all of its outputs, and
# `make docs` makes a page of it; neither runs anything. In a checkout, `make notebook` runs the
# text, `notebooks/fashion_mnist.py`, from top to bottom and saves the outputs. To change cells and
# run them, install JupyterLab beside it, once: `.venv/bin/pip install jupyterlab`, then
# `.venv/bin/jupyter lab notebooks/fashion_mnist.ipynb`; editors that know `# %%` run the cells of
# the text itself. With `HANDSTITCH_NOTEBOOK=small` in the environment everything is small and drawn
# garments replace Fashion-MNIST: that needs no data.

# %%
import os
from dataclasses import replace
from statistics import mean, stdev

import numpy as np
from IPython.display import Image, display
from matplotlib.figure import Figure

from handstitch import figures
from handstitch.config import Config

np.set_printoptions(precision=4, suppress=True)
SMALL = os.environ.get("HANDSTITCH_NOTEBOOK") == "small"
course = Config.preset("course", threads=1)  # the same figures on any number of cores
if SMALL:
    course = replace(course, dataset="sketch", hidden_sizes=(32, 16), epochs=6)


def show(figure, alt):
    return Image(figures.png(figure, dpi=80), alt=alt)


# %% [markdown]
# ## 1. The data
#
# Fashion-MNIST has 60,000 pictures to learn from and 10,000 to test on: ten kinds of garment, 28 ×
# 28 grey pixels, equally many pictures of each kind. We open the training part and leave the test
# part closed until the end.

# %%
from handstitch.data import loading, sketch
from handstitch.data.dataset import Dataset


def load(part):
    if not SMALL:
        return loading.load(course.dataset, part)
    images, labels = sketch.draw(4000 if part == "train" else 1000, seed=len(part))
    return Dataset(
        name="sketch",
        part=part,
        images=images,
        labels=labels,
        class_names=sketch.CLASS_NAMES,
        location="",
    )


dataset = load("train")
print(dataset.name, dataset.images.shape, dataset.images.dtype)
for number, name in enumerate(dataset.class_names):
    print(f"{number}  {name:<12} {np.sum(dataset.labels == number):>6,}")

# %%
pixels = dataset.images.astype(np.float64)
print(f"mean {pixels.mean():.3f} and standard deviation {pixels.std():.3f} of 255")
print(f"{np.mean(dataset.images == 0):.0%} of all pixels are black")

# %% [markdown]
# Two pictures of each kind. They are from Fashion-MNIST, by Zalando Research (H. Xiao, K. Rasul, R.
# Vollgraf, [arXiv:1708.07747](https://arxiv.org/abs/1708.07747)), © 2017 Zalando SE, under the [MIT
# licence](https://github.com/zalandoresearch/fashion-mnist/blob/master/LICENSE).

# %%
gallery = Figure(figsize=(10, 2.5), layout="constrained")
for column, axes in enumerate(gallery.subplots(2, 10).T):
    kind = dataset.images[dataset.labels == column]
    axes[0].set_title(dataset.class_names[column], fontsize=9)
    for place, image in zip(axes, kind, strict=False):
        place.imshow(image, cmap="gray")
        place.axis("off")
show(gallery, "Two pictures of each of the ten kinds of garment")

# %% [markdown]
# ## 2. What the network may see, and when
#
# A tenth of the training pictures is held out. The network never learns from these **validation**
# pictures; they decide which epoch and which candidate is best. The seed determines which pictures
# are held out.

# %%
from handstitch.data import scaling, splits

learned, held_out = splits.split(dataset.labels, course.validation, course.seed)
print(f"{len(learned):,} to learn from, {len(held_out):,} to choose by, none in both:")
print("in both:", len(np.intersect1d(learned, held_out)))

# %% [markdown]
# Pixels from 0 to 255 are divided by 256, as in the course report, so that inputs lie between 0 and
# 1. With `standard` (mean 0, standard deviation 1), the two statistics are computed from the
# training pictures alone: a statistic of validation pictures would leak them into training.

# %%
print("256     ", scaling.fit("256", dataset.images, learned))
print("standard", scaling.fit("standard", dataset.images, learned))

# %% [markdown]
# Learning goes in **batches** of 64, in a new order each epoch. The last batch of an epoch is
# shorter, and is kept.

# %%
from handstitch.data.batches import Batches

pictures = scaling.fit("256", dataset.images, learned)
batches = Batches(dataset.images, dataset.labels, learned, pictures, course.batch_size)
last = len(batches.batch(batches.epoch_order(course.seed, epoch=0), len(batches) - 1))
print(f"{len(batches)} batches in an epoch, the last of {last} pictures")

# %% [markdown]
# ## 3. The network
#
# Three linear layers, with ReLU between:
#
# ```text
# Z₁ = X  W₁ + b₁     A₁ = max(Z₁, 0)
# Z₂ = A₁ W₂ + b₂     A₂ = max(Z₂, 0)
# Z₃ = A₂ W₃ + b₃     the logits: one number for each class
# ```
#
# Weights start as normal random numbers with standard deviation √(2/inputs) (He initialisation:
# then signals neither grow nor die from layer to layer), biases at 0. All of them lie in one
# vector θ; the matrices are views of it.

# %%
from handstitch.core.parameters import Parameters
from handstitch.randomness import Purpose, generator

sizes = (784, *course.hidden_sizes, 10)
initial = Parameters.random(sizes, generator(course.seed, Purpose.INITIALIZATION))
print(f"{initial.vector.size:,} parameters")
for number, W in enumerate(initial.weights, 1):
    wanted = np.sqrt(2 / W.shape[0])
    print(f"W{number} {W.shape}: deviation {W.std():.4f}, √(2/inputs) = {wanted:.4f}")

# %% [markdown]
# ## 4. Forward, by hand
#
# To see every number, take a network that fits on a page: two inputs, three hidden units, two
# classes, and two pictures of two pixels each.

# %%
from handstitch.core.network import Into, Network, Workspace
from handstitch.core.parameters import count

tiny = Parameters((2, 3, 2), np.zeros(count((2, 3, 2))))
tiny.weights[0][:] = [[0.5, -1, 1], [0.25, 0.5, -1]]
tiny.biases[0][:] = [0, 0.5, 0]
tiny.weights[1][:] = [[1, -1], [1, 0], [3, 0]]
W1, W2, b1, b2 = *tiny.weights, *tiny.biases

X = np.array([[1.0, 2.0], [2.0, 0.5]])
Z1 = X @ W1 + b1
A1 = np.maximum(Z1, 0)
Z2 = A1 @ W2 + b2
print("Z1", Z1.tolist())
print("A1", A1.tolist())
print("Z2", Z2.tolist())

# %% [markdown]
# The first picture silences the third unit, the second picture the second. Now the same by
# `core/network.py`:

# %%
network = Network(tiny, ("relu",))
work = Workspace(network, n=2)
logits = network.forward(X, work)
assert np.array_equal(logits, Z2)
print(logits)

# %% [markdown]
# Softmax turns logits into probabilities, and the loss of a picture is minus the logarithm of the
# probability of its right class:
#
# ```text
# P[n, j] = exp(Z[n, j]) / Σ_k exp(Z[n, k])
# L       = −Σ_n log P[n, y[n]]
# ```
#
# A network that knows nothing gives ten classes 1/10 each, and loses log 10 = 2.303 per picture.

# %%
y = np.array([1, 0])
P = np.exp(Z2) / np.exp(Z2).sum(axis=1, keepdims=True)
L = -np.log(P[[0, 1], y]).sum()
print("P", P.round(4).tolist())
print("loss by hand", round(L, 6), "  by handstitch", round(network.loss(y, work), 6))

# %% [markdown]
# The network is confident and wrong about the first picture, confident and right about the second:
# nearly all of the loss comes from the first.
#
# ## 5. Backward, by hand
#
# The gradient of the loss with respect to the logits is simply P − Y. From there, each layer takes
# three derivatives by the chain rule: with respect to its weights, to its biases, and to its
# inputs, which it passes down.
#
# ```text
# dZ₂ = P − Y
# dW₂ = A₁ᵀ dZ₂     db₂ = Σ_n dZ₂     dA₁ = dZ₂ W₂ᵀ     dZ₁ = dA₁ where A₁ > 0, else 0
# dW₁ = Xᵀ  dZ₁     db₁ = Σ_n dZ₁
# ```

# %%
Y = np.eye(2)[y]
dZ2 = P - Y
dW2, db2 = A1.T @ dZ2, dZ2.sum(axis=0)
dA1 = dZ2 @ W2.T
dZ1 = dA1 * (A1 > 0)
dW1, db1 = X.T @ dZ1, dZ1.sum(axis=0)
print(f"dW1\n{dW1}\ndW2\n{dW2}")

# %%
gradient = tiny.zeros_like()
network.backward(work, Into(gradient, alpha=1, beta=0, beta_biases=0))
for ours, by_hand in zip([*gradient.weights, *gradient.biases], [dW1, dW2, db1, db2], strict=True):
    assert np.allclose(ours, by_hand, rtol=1e-12, atol=1e-15)
print("handstitch computes the same")

# %% [markdown]
# That is back-propagation, all of it. In `core/network.py` it is one loop over the layers, in
# reverse:

# %%
import inspect

print(inspect.getsource(Network.backward))

# %% [markdown]
# Is this what trains? With the numpy backend, literally. The numba backend compiles activations and
# update rules from the text of `core`; forward, loss, backward and optimizer are written once more
# in `compiled/`, for speed, and `make compare` compares the two. Change a line of
# `core/network.py`, and `handstitch train` takes the numpy backend, says so in its first line, and
# trains your line.

# %% [markdown]
# ## 6. Is the gradient right?
#
# A wrong gradient trains, too, only worse; so it has to be checked. The usual check compares with
# (L(θ + h) − L(θ − h)) / 2h. Its precision is limited: for large h the curve bends between the two
# points, for small h their difference loses its digits. The complex step, Im L(θ + ih) / h,
# subtracts nothing, and h may be arbitrarily small:

# %%
from handstitch.gradcheck import Case, check

config = Config(hidden_sizes=(5, 4), activation=("tanh", "sigmoid"), dropout=0)
case = Case(config, inputs=6, classes=3)
place = 7
exact = case.gradient()[place]
theta = case.network.parameters.vector.astype(np.complex128)


def loss_at(change):
    changed = theta.copy()
    changed[place] += change
    return case.loss(changed)


print("     h   error of the difference   error of the complex step")
for exponent in (-1, -3, -5, -8, -11, -14, -30):
    h = 10.0**exponent
    difference = abs((loss_at(h) - loss_at(-h)).real / (2 * h) - exact) / abs(exact)
    complex_step = abs(loss_at(1j * h).imag / h - exact) / abs(exact)
    print(f"1e{exponent:<4} {difference:>22.0e} {complex_step:>27.0e}")

# %% [markdown]
# The difference is best near 1e-5 and worthless for small h. The complex step loses nothing: from
# 1e-8 on it is exact to rounding. It checks all derivatives of a network like ours, as `core`
# computes them:

# %%
for activation in ("relu", "leaky_relu", "elu", "sigmoid", "tanh"):
    config = Config(hidden_sizes=(9, 8), activation=activation, dropout=0, weight_decay=0.01)
    verdict = check(config)
    assert verdict.passed
    print(
        f"{activation:<11} {verdict.checked} derivatives, worst relative error {verdict.worst:.0e}"
    )

# %% [markdown]
# ## 7. A step, and why it is one product
#
# Gradient descent with rate η and weight decay λ is θ ← θ − η (G + λ θ), or, rearranged,
#
# ```text
# W ← −η · Aᵀ dZ + (1 − η λ) · W
# ```
#
# That has the form C ← α A B + β C, which a linear algebra library (BLAS) computes in one call. So
# `backward` takes an argument that says where the gradient goes, and that may be θ itself: then no
# gradient is ever stored.

# %%
rate, decay = 0.1, 0.01
by_hand = tiny.vector - rate * (gradient.vector + decay * tiny.vector)

network.forward(X, work)
network.loss(y, work)
shrink = 1 - rate * decay
network.backward(work, Into(tiny, alpha=-rate, beta=shrink, beta_biases=shrink))
assert np.allclose(tiny.vector, by_hand, rtol=1e-12, atol=1e-15)

network.forward(X, work)
print(f"loss before the step {L:.4f}, after it {network.loss(y, work):.4f}")

# %% [markdown]
# The course report sums gradients over a batch and does not divide. Its rate of 0.001 with 64
# pictures is therefore 64 · 0.001 = 0.064 in the convention of most frameworks.
#
# ## 8. Training with the course report's settings
#
# 784 – 512 – 256 – 10, ReLU, plain gradient descent at 0.001 on sums, batches of 64, no decay, ten
# epochs. **Trainer** holds the data: split, scaling and batches. Its **state** is everything that
# changes while the network trains: weights, the optimizer's memory, the position, the history, and
# a copy of the best weights so far. A loop over it yields a record after each epoch, and we use it
# as we like: here to redraw the figure. (`handstitch train` runs the same loop, and saves the state
# and the best weights after each epoch.)

# %%
from handstitch import Trainer

trainer = Trainer(course, dataset)
print("backend:", trainer.backend)
state = trainer.state
shown = None
for _ in trainer:
    figure = show(figures.curves(state.history), "Losses and accuracy by epoch")
    if shown is None:
        shown = display(figure, display_id=True)
    else:
        shown.update(figure)

# %%
for record in state.history:
    print(
        f"Epoch {record.epoch}, Train Loss: {record.train_loss:.4f}, "
        f"Val Loss: {record.val_loss:.4f}, Val Accuracy: {record.val_accuracy:.4f}"
        f"{', best' if record.is_best else ''}"
    )

# %% [markdown]
# The same in the style of the course report's figure:

# %%
show(figures.curves(state.history, "course"), "Validation accuracy, and both losses, by epoch")

# %% [markdown]
# The training loss falls in every epoch. The validation loss falls more slowly; where the two part,
# the network begins to memorise pictures.
#
# ## 9. What has it learned?
#
# The course report observed that most weights lie within ±0.1. Before concluding anything about
# learning from that, look at the network *before* training:

# %%
trained = state.best
for number, (W, W0) in enumerate(zip(trained.weights, initial.weights, strict=True), 1):
    print(
        f"layer {number}: within ±0.1 before {np.mean(np.abs(W0) < 0.1):.1%}, "
        f"after {np.mean(np.abs(W) < 0.1):.1%}; "
        f"range {W.min():.2f} to {W.max():.2f}; "
        f"moved by {np.linalg.norm(W - W0) / np.linalg.norm(W0):.0%} of its length"
    )

# %%
show(figures.heat_maps(trained), "The weights of each layer as heat maps")

# %% [markdown]
# A heat map shows little: in the first two layers the change that training made is about a quarter
# of the random weights it started from. Subtracting those shows it. For one unit of the first
# layer, the 784 changes drawn as a picture are what training added to the pattern that the unit
# detects (red for what makes it more active, blue for what makes it less). In the last layer the
# change is as large as what was there before.

# %%
use = np.linalg.norm(trained.weights[1], axis=1)
learned_patterns = trained.weights[0] - initial.weights[0]
tiles = figures.unit_tiles(learned_patterns, (28, 28), use, most=32)
show(tiles, "What first-layer units learned, as pictures, most used first")

# %%
compared = figures.before_after(trained.weights[-1], initial.weights[-1], "The last layer")
show(compared, "The last layer: initial, trained, and the change")

# %% [markdown]
# A matrix ten units wide, stretched to the width of a page, seems to show stripes even where it is
# pure noise, as the initial weights are. Compare before concluding.
#
# ## 10. Which learning rate? A search over several seeds
#
# The course report trained each of its candidates once and took the best. But the same candidate
# with another seed (other initial weights, another order, other validation pictures) gives another
# result. So each rate gets several seeds, and differences between rates are compared with the
# spread between seeds.

# %%
RATES = (0.00075, 0.001, 0.00125)
SEEDS = range(2) if SMALL else range(3)
EPOCHS = 2 if SMALL else 5

found = {}
for rate in RATES:
    accuracies = []
    for seed in SEEDS:
        config = replace(course, learning_rate=rate, seed=seed, epochs=EPOCHS)
        epochs = Trainer(config, dataset).fit()
        accuracies.append(max(record.val_accuracy for record in epochs))
    found[rate] = accuracies
    each_seed = "  ".join(f"{accuracy:.4f}" for accuracy in accuracies)
    print(f"{rate:<8} {each_seed}   mean {mean(accuracies):.4f}")

# %%
ranked = sorted(RATES, key=lambda rate: -mean(found[rate]))
best, second = ranked[:2]
gap = mean(found[best]) - mean(found[second])
noise = np.sqrt(sum(stdev(found[rate]) ** 2 / len(SEEDS) for rate in (best, second)))
print(f"{best} leads {second} by {gap:.4f}; the spread between seeds makes that ±{2 * noise:.4f}")
print("distinguishable" if gap > 2 * noise else "indistinguishable: more seeds are needed")

# %% [markdown]
# Whatever this cell prints on your machine, a single run of each candidate would have named a best
# rate in either case. (`handstitch search` and `handstitch show` do this for any number of
# candidates.)
#
# ## 11. The test, once
#
# All choices are made: the weights are those of the best epoch of section 8. Only now are the test
# pictures opened.

# %%
from handstitch.evaluation import Evaluator, evaluate, most_confused
from handstitch.records import best_epoch

test = load("test")
best_network = Network(trained, course.activations)
evaluation = evaluate(best_network, test, trainer.scaling, weights="best")
low, high = evaluation.accuracy_interval
chosen_by = best_epoch(state.history).val_accuracy
print(f"test accuracy {evaluation.accuracy:.4f}, 95 % interval {low:.4f} to {high:.4f}")
print(f"validation accuracy of the same weights {chosen_by:.4f}, which chose them")
if not SMALL:
    print("the course report: 0.8846")

# %%
confusion = figures.confusion_matrix(evaluation.confusion_matrix, dataset.class_names)
show(confusion, "Confusion matrix: rows are true classes, columns predicted ones")

# %%
for true, taken_for, times in most_confused(evaluation.confusion_matrix, dataset.class_names):
    print(f"{true} taken for {taken_for}: {times}")

# %% [markdown]
# The tops are confused with one another: shirts, T-shirts, pullovers and coats differ by a collar
# or a sleeve, and 28 × 28 pixels leave little of that. Trousers and bags are hardly ever mistaken.
# The mistakes of which the network was surest:

# %%
P = Evaluator(best_network, test.images, trainer.scaling).probabilities()
mistakes = figures.worst_mistakes(test.images, test.labels, P, dataset.class_names, most=8)
show(mistakes, "The eight most confident mistakes, with their true and their predicted classes")

# %% [markdown]
# ## 12. And pictures of another kind?
#
# How well does a network do outside of its training distribution? Here it classifies drawings. If
# it was trained on photographs, classes and format are the same, and yet the accuracy on the test
# set says nothing about the accuracy here.

# %%
drawn, drawn_labels = sketch.draw(20, seed=3)
P = Evaluator(best_network, drawn, trainer.scaling).probabilities()
right = int(np.sum(P.argmax(axis=1) == drawn_labels))
print(
    f"{right} of {len(drawn)} drawn garments recognised, {P.max(axis=1).mean():.0%} sure on average"
)
answers = figures.samples(drawn, drawn_labels, P, dataset.class_names)
show(answers, "Twenty drawn garments and what the network takes them for")

# %% [markdown]
# ## What to remember
#
# - Back-propagation is four lines per layer, and each can be checked with a pencil.
# - An unchecked gradient is a guess; the complex step makes the check precise.
# - A validation accuracy that selected a model is too high for it. The test set is for one
#   evaluation at the end.
# - "Best" from one run of each candidate is a guess, too. Compare with the spread between seeds.
# - Before interpreting trained weights, look at untrained ones.
