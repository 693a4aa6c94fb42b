"""Softmax regression on Fashion-MNIST: one linear layer, trained through softkern.

The model gives an image x the class probabilities softmax(x W + b). Its loss is the cross-entropy to the
labels, whose gradient with respect to the scores comes out of the same pass over them.

    python examples/fashion_mnist.py --epochs 15 --figure fashion_mnist.png

The images are those of Debian's package dataset-fashion-mnist; where they are not installed,
scikit-learn's handwritten digits stand in.
"""

import argparse
import gzip
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import softkern

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLOTHES = "T-shirt Trousers Pullover Dress Coat Sandal Shirt Sneaker Bag Boot"
TEMPERATURES = (0.1, 1.0, 10.0)


class Data(NamedTuple):
    train_x: Floats  # an image a row, its pixels in [0, 1]
    train_y: Labels
    test_x: Floats
    test_y: Labels
    classes: list[str]


class Layer(NamedTuple):
    weight: Floats
    bias: Floats

    def scores(self, x: Floats) -> Floats:
        return x @ self.weight + self.bias


def fashion_mnist(folder: Path) -> Data:
    """Read the four files of the data set, in IDX format (a header of 16 or 8 bytes)."""

    def read(name: str, header: int) -> NDArray[np.uint8]:
        return np.frombuffer(gzip.decompress((folder / name).read_bytes())[header:], np.uint8)

    def images_and_labels(part: str) -> tuple[Floats, Labels]:
        x = read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28 * 28)
        y = read(f"{part}-labels-idx1-ubyte.gz", 8)
        return x.astype(np.float32) / 255, y.astype(np.int64)

    return Data(*images_and_labels("train"), *images_and_labels("t10k"), CLOTHES.split())


def digits() -> Data:
    """Return scikit-learn's 1797 digits of 8 x 8 pixels, the last 297 of them for the test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    return Data(x[:1500], y[:1500], x[1500:], y[1500:], [str(k) for k in range(10)])


def read_images(folder: Path = FOLDER) -> Data:
    """Return Fashion-MNIST if it is there, and the digits if not."""
    return fashion_mnist(folder) if folder.is_dir() else digits()


def descend(layer: Layer, x: Floats, y: Labels, rate: float) -> float:
    """Take one step of gradient descent on a batch; return the loss before it."""
    loss, dscores = softkern.cross_entropy_value_and_grad(layer.scores(x), y)
    layer.weight[...] -= rate * (x.T @ dscores)
    layer.bias[...] -= rate * dscores.sum(axis=0)
    return float(loss)


def train(layer: Layer, data: Data, epochs: int, batch: int = 100, rate: float = 0.2) -> Floats:
    """Train with a rate that falls linearly to zero; return the loss of every step."""
    rng = np.random.default_rng(0)
    steps = len(data.train_y) // batch
    losses: list[float] = []
    for epoch in range(1, epochs + 1):
        batches = rng.permutation(len(data.train_y))[: steps * batch].reshape(steps, batch)
        for k in tqdm(batches, desc=f"epoch {epoch}", unit="step", leave=False, disable=None):
            falling = rate * (1 - len(losses) / (epochs * steps))
            losses.append(descend(layer, data.train_x[k], data.train_y[k], falling))
        accuracy = np.mean(layer.scores(data.test_x).argmax(axis=1) == data.test_y)
        print(f"epoch {epoch:2}: loss {np.mean(losses[-steps:]):.4f}, test accuracy {accuracy:.2%}")
    return np.array(losses, np.float32).reshape(epochs, steps)


def draw(layer: Layer, data: Data, losses: Floats, path: Path) -> None:
    """Draw the loss, what the layer has learnt, and what temperature makes of its predictions."""
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(11, 6.2), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1], hspace=0.04)
    left, right = top.subfigures(1, 2, width_ratios=[1, 1.9], wspace=0.04)
    draw_losses(left.subplots(), losses)
    draw_weights(bottom.subplots(1, len(data.classes)), layer, data.classes)
    draw_predictions(right, layer, data)
    figure.savefig(path, dpi=120)


def draw_weights(panels: NDArray[np.object_], layer: Layer, classes: list[str]) -> None:
    """Draw each class's weights as an image: red where ink speaks for the class, blue where against."""
    side, largest = round(len(layer.weight) ** 0.5), np.abs(layer.weight).max()
    for axes, weights, name in zip(panels, layer.weight.T, classes, strict=True):
        axes.imshow(weights.reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes.spines[:].set_visible(False)
        axes.set(xticks=[], yticks=[], title=name)


def draw_predictions(figure: SubFigure, layer: Layer, data: Data) -> None:
    """Draw a sure and an unsure prediction at three temperatures."""
    scores = layer.scores(data.test_x)
    by_confidence = np.argsort(softkern.softmax(scores, axis=-1).max(axis=1))
    sure, unsure = by_confidence[len(scores) // 2], by_confidence[len(scores) // 20]
    panels = figure.subplots(2, 4, sharey="col", width_ratios=[1.1, 1, 1, 1])
    for (image, *bars), k in zip(panels, (sure, unsure), strict=True):
        side = round(data.test_x.shape[1] ** 0.5)
        image.imshow(data.test_x[k].reshape(side, side), cmap="gray_r")
        image.spines[:].set_visible(False)
        image.set(xticks=[], yticks=[])
        image.set_title(f"truth: {data.classes[data.test_y[k]]}", color="C1")
        for axes, t in zip(bars, TEMPERATURES, strict=True):
            y = softkern.softmax(scores[k], temperature=t)
            axes.barh(data.classes, y, color=np.where(data.test_y[k] == range(len(y)), "C1", "C0"))
            axes.set(xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
            axes.tick_params(axis="y", length=0, labelleft=axes is bars[0])
    for axes, t in zip(panels[0, 1:], TEMPERATURES, strict=True):
        axes.set_title(f"temperature {t:g}")
        axes.invert_yaxis()
    panels[1, 2].set_xlabel("class probability")


def draw_losses(axes: Axes, losses: Floats) -> None:
    epochs, steps = losses.shape
    at = np.arange(losses.size) / steps
    axes.plot(at, losses.ravel(), color="C0", alpha=0.3, lw=0.5, label="each mini-batch")
    axes.plot(np.arange(epochs) + 0.5, losses.mean(axis=1), "C0o-", ms=4, label="mean of an epoch")
    axes.set(title="training loss", xlabel="epoch", xlim=(0, epochs), yscale="log")
    axes.locator_params(axis="x", integer=True)
    axes.set(yticks=[0.2, 0.5, 1, 2], yticklabels=["0.2", "0.5", "1", "2"])
    axes.minorticks_off()
    axes.legend(frameon=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Softmax regression on Fashion-MNIST.")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--figure", type=Path, default="fashion_mnist.png", help="%(default)s")
    arguments = parser.parse_args()

    data = read_images(arguments.data)
    print(f"{len(data.train_y)} images to learn from, {len(data.test_y)} to be tested on")
    pixels, classes = data.train_x.shape[1], len(data.classes)
    layer = Layer(np.zeros((pixels, classes), np.float32), np.zeros(classes, np.float32))
    losses = train(layer, data, arguments.epochs)
    draw(layer, data, losses, arguments.figure)
    print(f"figure: {arguments.figure}")


if __name__ == "__main__":
    main()
