"""How fast networks train and answer: `python -m benchmarks.training_speed [--keras PYTHON] [--threads N]`.

Random pictures in memory; seconds of CPU and of the clock for whole epochs, the first left out. With --keras, a Python
that has tensorflow, the same `hill2017` is trained there in the same run, epochs of the two in turn.
"""

import argparse
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from pipeline.classifier.inputs import Normalisation
from pipeline.classifier.model import Classifier, Crops, Description
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.nets import architecture, build
from pipeline.params import Faces
from pipeline.training.run import Examples, Run

IMAGES: Final = 4800
CLASSES: Final = 5

KERAS: Final = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np, tensorflow as tf
threads, images, classes = map(int, sys.argv[1:])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
keras.utils.set_random_seed(0)
layers = keras.layers
net = keras.Sequential([
    keras.Input((60, 60, 3)),
    layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(9),
    layers.Dropout(0.5), layers.Flatten(), layers.Dense(512, activation="relu"),
    layers.Dense(classes, activation="softmax")])
sgd = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
net.compile(optimizer=sgd, loss="categorical_crossentropy", metrics=["accuracy"])
assert net.count_params() == 38853, net.count_params()
dice = np.random.default_rng(0)
x = dice.random((images, 60, 60, 3), dtype=np.float32)
y = np.eye(classes, dtype=np.float32)[dice.integers(0, classes, images)]
print(keras.backend.backend(), tf.__version__, flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    net.fit(x, y, epochs=1, batch_size=32, verbose=0)
    print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
"""


def make_run(name: str, images: int) -> Run:
    """A training on random pictures."""
    shape = architecture(name)
    dice = torch.Generator().manual_seed(0)
    side, channels = shape.size, shape.channels
    pictures = torch.randint(0, 256, (images, side, side, channels), generator=dice, dtype=torch.uint8)
    data = Examples(pictures, torch.randint(0, CLASSES, (images,), generator=dice))
    normalise = Normalisation((127.5,) * channels, (74.0,) * channels)
    return Run(build(name, CLASSES, {}), normalise, data, None, replace(shape.recipe, patience=0), 0, CLASSES)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the clock and of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def inputs_only(run: Run) -> None:
    """An epoch's pictures made and thrown away."""
    for _ in run._batches():
        pass


def convolution_share(run: Run) -> float:
    """Share of the operators' own CPU time that convolutions take, forward and backward."""
    with profile(activities=[ProfilerActivity.CPU]) as record:
        run.step()
    own = {one.key: one.self_cpu_time_total for one in record.key_averages()}
    return float(sum(value for name, value in own.items() if "convolution" in name) / sum(own.values()))


def answering(name: str, batch: int) -> float:
    """Faces a CPU second, in batches, from pictures that have the network's size."""
    shape = architecture(name)
    about = Description(
        net=name, arguments={}, emotions=tuple("abcde"), size=shape.size, channels=shape.channels,
        margin=0.25, crops=Crops.of(Faces(), 0.25), mean=(127.5,) * shape.channels, std=(74.0,) * shape.channels,
        params={}, seed=0, epoch=1, images={}, threads=1, torch="", instructions="",
    )  # fmt: skip
    classifier = Classifier(build(name, CLASSES, {}), about)
    faces = np.random.default_rng(0).integers(0, 256, (batch, shape.size, shape.size, shape.channels), dtype=np.uint8)
    classifier.predict_fitted(faces)
    _, cpu = timed(lambda: [classifier.predict_fitted(faces) for _ in range(20)])
    return 20 * batch / cpu


def against_keras(python: str, threads: int, epochs: int) -> None:
    """Print a row for each of the two, medians over epochs in turn."""
    run = make_run("hill2017", IMAGES)
    command = [python, "-c", KERAS, str(threads), str(IMAGES), str(CLASSES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        backend = other.stdout.readline().strip()
        ours, theirs = [], []
        for _ in range(epochs + 1):
            other.stdin.write("\n")
            other.stdin.flush()
            theirs.append([float(cell) for cell in other.stdout.readline().split()])
            ours.append(timed(run.step))
        other.stdin.close()
    print("| hill2017, an epoch of 4,800 pictures | clock, s | CPU, s |\n|---|---|---|")
    found = [np.median(rows[1:], axis=0) for rows in (ours, theirs)]
    for label, (wall, cpu) in zip(("ours", f"Keras, {backend}"), found, strict=True):
        print(f"| {label} | {wall:.2f} | {cpu:.2f} |")
    print(f"| ratio | {found[1][0] / found[0][0]:.2f} | {found[1][1] / found[0][1]:.2f} |\n")


def main() -> None:
    """Parse the command line, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keras", help="a Python with tensorflow")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3, help="that are timed")
    parser.add_argument("--nets", nargs="*", default=["hill2017", "toon"])
    options = parser.parse_args()
    keep_freed_memory()
    print(f"instructions: {pin_instructions()}, threads: {options.threads}\n")
    with reproducible(0, options.threads):
        if options.keras:
            against_keras(options.keras, options.threads, options.epochs)
        print("| network | CPU s, 4,800 pictures | of it input, % | convolutions, % | answers a CPU s, batches of 64 |")
        print("|---|---|---|---|---|")
        for name in options.nets:
            run = make_run(name, IMAGES)
            run.step()
            whole = float(np.median([timed(run.step)[1] for _ in range(options.epochs)]))
            fed = float(np.median([timed(partial(inputs_only, run))[1] for _ in range(options.epochs)]))
            share = convolution_share(make_run(name, 640))
            print(f"| {name} | {whole:.2f} | {100 * fed / whole:.1f} | {100 * share:.0f} | {answering(name, 64):.0f} |")


if __name__ == "__main__":
    main()
