"""Small data sets in the formats of the originals, as their authors wrote them."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.io
from PIL import Image

UInt8 = npt.NDArray[np.uint8]


def pixels(count: int, *shape: int, seed: int = 0) -> UInt8:
    """Random bytes, `(count, *shape)`."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def python2_pickle(entries: dict[str, object]) -> bytes:
    """A dictionary as Python 2 pickled it in protocol 2: texts and array contents are its byte strings.

    Python 3 has no way to write them, so the few opcodes are put together here (see `pickletools`).
    """

    def text(value: bytes) -> bytes:
        return (
            b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + len(value).to_bytes(4, "little") + value
        )

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little", signed=True)

    def array(value: UInt8) -> bytes:
        rebuilt = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b") + b"tR"
        dtype = b"cnumpy\ndtype\n(" + text(b"u1") + number(0) + number(1) + b"tR"
        dtype += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) * 2 + number(0) + b"tb"
        shape = b"(" + b"".join(number(size) for size in value.shape) + b"t"
        return rebuilt + b"(" + number(1) + shape + dtype + b"\x89" + text(value.tobytes()) + b"tb"

    def encoded(value: object) -> bytes:
        if isinstance(value, np.ndarray):
            return array(value)
        if isinstance(value, list):
            return b"](" + b"".join(encoded(item) for item in value) + b"e"
        return text(value.encode()) if isinstance(value, str) else number(int(str(value)))

    items = b"".join(text(key.encode()) + encoded(value) for key, value in entries.items())
    return b"\x80\x02}(" + items + b"u."


def write_cifar100(folder: Path, train: int = 210, test: int = 100) -> Path:
    """The folder that CIFAR-100's archive unpacks to."""
    folder.mkdir(parents=True)
    for name, count, seed in (("train", train, 1), ("test", test, 2)):
        entries: dict[str, object] = {
            "filenames": [f"cow_s_{index:06d}.png" for index in range(count)],
            "batch_label": f"{name}ing batch 1 of 1",
            "fine_labels": [index * 7 % 100 for index in range(count)],
            "coarse_labels": [index % 20 for index in range(count)],
            "data": pixels(count, 3072, seed=seed),
        }
        (folder / name).write_bytes(python2_pickle(entries))
    (folder / "meta").write_bytes(python2_pickle({"fine_label_names": ["apple"], "coarse_label_names": ["fruit"]}))
    return folder


def write_cifar10(folder: Path, count: int = 20) -> Path:
    """CIFAR-10, written by Python 3 in protocol 2 with byte strings as keys."""
    folder.mkdir(parents=True)
    for seed, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        entries = {
            b"batch_label": name.encode(),
            b"labels": [index % 10 for index in range(count)],
            b"data": pixels(count, 3072, seed=seed),
            b"filenames": [b"x.png"] * count,
        }
        (folder / name).write_bytes(pickle.dumps(entries, protocol=2))
    return folder


def jpeg(size: tuple[int, int], seed: int = 0) -> bytes:
    """A JPEG of random coarse blocks, `(width, height)` px."""
    blocks = Image.fromarray(pixels(6, 5, 3, seed=seed)).resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    blocks.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_flowers(folder: Path, classes: int = 102) -> Path:
    """Flowers-102 with two training images, a validation and a test image of every class, of differing sizes."""
    (folder / "jpg").mkdir(parents=True)
    count = 4 * classes
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(1, classes + 1), 4))
    for number in range(1, count + 1):
        size = (40 + number % 9, 33) if number % 2 else (33, 40 + number % 9)
        (folder / "jpg" / f"image_{number:05d}.jpg").write_bytes(jpeg(size, number))
    order = np.argsort(labels, kind="stable").reshape(classes, 4) + 1
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": labels.astype(np.uint8)[None]})
    scipy.io.savemat(
        folder / "setid.mat",
        {
            "trnid": order[:, :2].reshape(1, -1).astype(np.uint16),
            "valid": order[:, 2:3].reshape(1, -1).astype(np.uint16),
            "tstid": order[:, 3:].reshape(1, -1).astype(np.uint16),
        },
    )
    return folder


def write_chaoyang(folder: Path, train: int = 24, test: int = 8) -> Path:
    """Chaoyang; the test list also has the labels of the three pathologists."""
    for split, count in (("train", train), ("test", test)):
        (folder / split).mkdir(parents=True)
        entries = []
        for index in range(count):
            name = f"{split}/{535 + index}-IMG{index:03d}x009-{index % 4}.JPG"
            (folder / name).write_bytes(jpeg((64, 64), seed=index))
            entry: dict[str, object] = {"name": name, "label": index % 4}
            if split == "test":
                entry |= {"label_A": index % 4, "label_B": (index + 1) % 4, "label_C": index % 4}
            entries.append(entry)
        (folder / f"{split}.json").write_text(json.dumps(entries))
    return folder


def write_image_folder(folder: Path, counts: dict[str, int], suffix: str = "png") -> Path:
    """A folder per class, with as many images as said."""
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            image = Image.fromarray(pixels(20, 24, 3, seed=100 * label + index))
            image.save(folder / name / f"{index}.{suffix}")
    return folder
