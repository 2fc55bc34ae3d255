"""What stands beside the tables of docs/benchmarks.md."""

INTRODUCTION = """\
Made by `make bench`: each program in a process of its own, in turn; medians. A ratio is the peer's
time divided by Handstitch's: above 1, Handstitch is faster. Figures are kept for each kind of
processor, `benchmarks/PROCESSOR.json`, and only those of one kind compare; the READMEs' table has
the least ratio of any kind."""
AIMS = """\
Ratios as above, or shares where the aim is an upper bound; –: not measured. The fastest float32
peer is the fastest of JAX, PyTorch, torch.compile and scikit-learn in the same table. The aim of
the preset `default` supposes test accuracies within {} points."""
EPOCH = """\
54,000 images through 784-512-256-10, ReLU, plain SGD, float32 (the course report's way: float64;
bfloat16 where it is named). Handstitch gathers and scales uint8 images in every step; PyTorch, JAX
and scikit-learn are given images scaled beforehand. The first epoch of a process, compilation
included, is not counted. Handstitch is the numba backend, which skips zeros: half of the pixels
as they are; on light images, 255 − pixel, the input has none. The peers' products skip nothing, so
that light images are compared with the same rows. The numpy backend is core/ as it stands; BLAS
products alone are its calls of the BLAS and nothing else."""
AVX2 = """\
As on a processor without AVX-512, by variables of the environment that hold each library:
bench/processors.py has them. Kernels are named by the libraries themselves, without the
variables and with them. `no`: the library chooses by itself all the same, so that its seconds are
those of the whole processor; `not shown`: it does not say. MKL obeys its variable on Intel's
processors only, and JAX's products are YNNPACK's, which has none."""
WIDE = """\
784-2048-1024-10, measured on 13,500 images and extrapolated to 54,000."""
REACH = """\
Whole processes with the recipe of a preset: `fast` and `default`, which Handstitch trains with
local receptive fields. The peers have the same network, windows as a mask on the first layer's
gradient, and the same optimizer, schedule, shifts and label smoothing. From the start of the
process; the test set is evaluated after every epoch, for this clock only. To the end: all
epochs, the best weights by validation saved, and tested. Medians over the seeds; caches are
warm."""
COMMAND = """\
The course preset, 10 epochs at batch 64: read and check the files, train on 54,000 images,
validate after each epoch, keep and save the best weights, test. Handstitch is `handstitch train`
and `handstitch test` as typed in a shell; the run folder with history and resumable state is
written on the way. The others are one script each. Caches are warm: Handstitch's and JAX's machine
code is on disk."""
FORWARD = """\
The images of the test set through the course network as initialised. Handstitch is
`Classifier.compiled()`, from bytes to probabilities; the others take float32 images scaled
beforehand and give logits."""
WINDOWS = """\
784-2048-512-10, AdamW, batch 256, one thread, a step of each network in turn: receptive fields with
sides of 5 to 13 pixels, and the same network without. The first layer is its product forward and
its weight gradient. The dense network skips pixels that are 0; with windows nothing is skipped."""
