"""Patches of the colour photographs in scikit-image and scikit-learn; the label is the photograph.

A patch should be recognised by its texture, not by its colours. Therefore each patch is converted to luminance and two
colour differences, all uncorrelated, and the values of each channel are replaced by their ranks: every channel of every
patch has the same mean, the same deviation and, except for ties, the same histogram.

There is no randomness, and all arithmetic is exact, so the images are the same on every machine.
"""

import importlib.resources
import importlib.util
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from autoprox.base.digest import bytes_digest
from autoprox.base.errors import SpecError
from autoprox.datasets._pictures import UInt8
from autoprox.datasets.base import Dataset

TRAIN_PER_CLASS = 100
TEST_PER_CLASS = 200
PATCH = 16
"""Edge of a patch, in px of the original photograph."""
STRIDE = 8
"""Distance of the patches in a block, in px."""
BLOCK = 32
"""Edge of a square block in px; all its patches are for training or all are for testing."""
MARGIN = 4
"""Unused pixels between blocks."""
TRAIN_EVERY = 3
"""Every third block of a row is for training, shifted by one per row, so that both parts are spread evenly."""
CONTRAST = 8
"""Least standard deviation of a patch's luminance, in grey levels of 256; excludes areas without texture."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file of an installed package.

    Attributes:
        package: The package.
        path: Its path in the package.
        digest: Digest of its bytes, because another file of the same name would give other patches.
    """

    package: str
    path: str
    digest: str


PHOTOGRAPHS = (
    Photograph("skimage", "data/astronaut.png", "88431cd9653ccd539741b555fb0a46b6"),
    Photograph("skimage", "data/chelsea.png", "596aa1e7cb875eb79f437e310381d26b"),
    Photograph("skimage", "data/coffee.png", "cc02f8ca188b167c775a7101b5d767d1"),
    Photograph("skimage", "data/hubble_deep_field.jpg", "3a19c5dd8a927a9334bb1229a6d63711"),
    Photograph("skimage", "data/ihc.png", "f8dd1aa387ddd1f49d8ad13b50921b23"),
    Photograph("skimage", "data/motorcycle_left.png", "db18e9c4157617403c3537a6ba355dfe"),
    Photograph("skimage", "data/retina.jpg", "38a07f36f27f095e818aea7b96d34202"),
    Photograph("skimage", "data/rocket.jpg", "c2dd0de7c538df8d111e479619b12946"),
    Photograph("sklearn", "datasets/images/china.jpg", "8378025ad2519d649d02e32bd98990db"),
    Photograph("sklearn", "datasets/images/flower.jpg", "a77f6ec41e353afdf8bdff2ea981b295"),
)
"""The colour photographs in the wheels of the two packages; the label is the index here."""


def load_patches() -> Dataset:
    """Loads patches: 100 training and 200 test patches per photograph, from 10 photographs.

    Raises:
        SpecError: If scikit-image is not installed, or its version contains another photograph.

    Example:
        >>> data = load_patches()  # doctest: +SKIP
        >>> data.train_images.shape, data.test_images.shape  # doctest: +SKIP
        ((1000, 3, 16, 16), (2000, 3, 16, 16))
    """
    if importlib.util.find_spec("skimage") is None or importlib.util.find_spec("PIL") is None:
        raise SpecError(
            "The data set 'patches' needs the packages scikit-image and pillow, which are not installed. "
            "Install them with: pip install 'autoprox[data]'."
        )
    train, test = [], []
    for photograph in PHOTOGRAPHS:
        pixels = read_photograph(photograph)
        train.append(_spread_patches(pixels, list(positions(pixels, training=True)), TRAIN_PER_CLASS))
        test.append(_spread_patches(pixels, list(positions(pixels, training=False)), TEST_PER_CLASS))
    labels = np.arange(len(PHOTOGRAPHS), dtype=np.int64)
    return Dataset(
        "patches",
        normalise_colours(np.concatenate(train)),
        np.repeat(labels, TRAIN_PER_CLASS),
        normalise_colours(np.concatenate(test)),
        np.repeat(labels, TEST_PER_CLASS),
        num_classes=len(PHOTOGRAPHS),
    )


def read_photograph(photograph: Photograph) -> UInt8:
    """Reads the pixels of a photograph, `(H, W, 3)`.

    Raises:
        SpecError: If the installed package has no such file, or another one.
    """
    from PIL import Image  # An optional dependency that only this data set needs.

    file = importlib.resources.files(photograph.package).joinpath(*photograph.path.split("/"))
    data = file.read_bytes() if file.is_file() else b""
    if bytes_digest(data) != photograph.digest:
        raise SpecError(
            f"The data set 'patches' needs another version of the file {photograph.path} than the installed "
            f"package {photograph.package} has. Install the versions in constraints.txt."
        )
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def positions(pixels: UInt8, *, training: bool) -> Iterator[tuple[int, int]]:
    """Yields the positions of patches: row and column of the first pixel.

    A photograph is divided into blocks with a margin between them. A third of the blocks, along diagonals, is for
    training, and the others are for testing. Each patch is in one block, so no pixel is in both parts.

    Args:
        pixels: `(H, W, 3)`.
        training: Yields positions of training patches; otherwise of test patches.

    Example:
        >>> list(positions(np.zeros((70, 70, 3), np.uint8), training=True))[:4]
        [(0, 0), (0, 8), (0, 16), (8, 0)]
    """
    period = BLOCK + MARGIN
    height, width = pixels.shape[:2]
    offsets = range(0, BLOCK - PATCH + 1, STRIDE)
    for row in range((height + MARGIN) // period):
        for column in range((width + MARGIN) // period):
            if ((row + column) % TRAIN_EVERY == 0) == training:
                for down in offsets:
                    for right in offsets:
                        yield row * period + down, column * period + right


def _spread_patches(pixels: UInt8, where: list[tuple[int, int]], count: int) -> UInt8:
    """Cuts patches with enough contrast, spread evenly over the photograph, `(count, 3, PATCH, PATCH)`."""
    patches = np.stack([pixels[row : row + PATCH, column : column + PATCH] for row, column in where])
    luminance = patches.astype(np.int64).sum(axis=-1).reshape(len(patches), -1)  # 3 times the grey level
    size = luminance.shape[1]
    variance = size * (luminance**2).sum(axis=1) - luminance.sum(axis=1) ** 2  # times size^2, to stay whole
    textured = np.flatnonzero(variance >= (3 * CONTRAST * size) ** 2)
    assert len(textured) >= count
    chosen = textured[np.arange(count) * len(textured) // count]
    return np.ascontiguousarray(patches[chosen].transpose(0, 3, 1, 2))


def normalise_colours(patches: UInt8) -> UInt8:
    """Replaces the colours of each patch by ranks of luminance and of two colour differences.

    The differences are red - green and red + green - 2 blue. Within each patch, the regression of each channel on the
    channels before it is subtracted (Gram and Schmidt). With n pixels per patch, values are multiples of 1 / n of a
    grey level and rounded after each regression, so that every sum is exact in float64 in any order.

    Args:
        patches: `(N, 3, H, W)`, red, green and blue.

    Returns:
        `(N, 3, H, W)`; tied values get their mean rank, and a constant channel is 127.

    Example:
        >>> patch = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2)
        >>> normalise_colours(patch).tolist()
        [[[[0, 85], [170, 255]], [[127, 127], [127, 127]], [[127, 127], [127, 127]]]]
    """
    count, _, height, width = patches.shape
    red, green, blue = patches.astype(np.float64).reshape(count, 3, -1).transpose(1, 0, 2)
    channels: list[npt.NDArray[np.float64]] = []
    for values in (red + green + blue, red - green, red + green - 2 * blue):
        residual = values * (height * width) - values.sum(axis=1, keepdims=True)
        for earlier in channels:
            power = (earlier * earlier).sum(axis=1, keepdims=True)
            slope = (residual * earlier).sum(axis=1, keepdims=True) / np.maximum(power, 1.0)
            residual = np.rint(residual - slope * earlier)
        channels.append(residual)
    ranks = np.asarray(rankdata(np.stack(channels, axis=1), axis=-1)) - 1
    levels: UInt8 = (ranks * 255 // (height * width - 1)).astype(np.uint8)
    return levels.reshape(patches.shape)
