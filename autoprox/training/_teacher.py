"""The teacher of a data set: a small residual network (He 2016, https://arxiv.org/abs/1512.03385).

It is trained deterministically and once, on the training images only, and cached in the user's cache folder. Neither
tables nor the package contain it. Students need only its feature maps and logits of the training images, which are
constant, since images are not augmented.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import platformdirs
import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed, digest
from autoprox.base.errors import AutoproxError
from autoprox.base.files import atomically
from autoprox.base.foreign import reading
from autoprox.base.isolation import isolated
from autoprox.base.tensors import read_tensors
from autoprox.base.threads import single_threaded
from autoprox.datasets import Dataset
from autoprox.training.loop import TEST_BATCH, fit, measure
from autoprox.training.recipe import Distillation, Recipe


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation, and a shortcut around them.

    Args:
        width: Input channels.
        new_width: Output channels.
        stride: Stride of the first convolution and the shortcut.
    """

    def __init__(self, width: int, new_width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, new_width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(new_width)
        self.conv2 = nn.Conv2d(new_width, new_width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(new_width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width != new_width:
            convolution = nn.Conv2d(width, new_width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(new_width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(B, width, H, W)` to `(B, new_width, H / stride, W / stride)`."""
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return (y + self.shortcut(x)).relu()  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """A residual network of three stages with one block each, usually called ResNet-8.

    Args:
        in_chans: Channels of the image.
        width: Channels of the first stage.
        num_classes: Number of classes.
    """

    def __init__(self, in_chans: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_chans, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.stages = nn.ModuleList(
            [ResidualBlock(width, width, 1), ResidualBlock(width, 2 * width, 2), ResidualBlock(2 * width, 4 * width, 2)]
        )
        self.head = nn.Linear(4 * width, num_classes)

    def maps(self, images: Tensor) -> list[Tensor]:
        """The feature maps after each stage: `(B, width, H, W)`, then `(B, 2 width, H / 2, W / 2)`, and so on."""
        x = self.stem(images)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, H, W)` to logits `(B, num_classes)`."""
        logits: Tensor = self.head(self.maps(images)[-1].mean(dim=(2, 3)))
        return logits


@dataclass(frozen=True, eq=False)
class Teaching:
    """Targets of distillation, for the training images of a data set in their order.

    Attributes:
        maps: Feature maps of the three stages, each `(N, channels, H, W)`.
        logits: `(N, num_classes)`.
        top1_pct: Accuracy of the teacher on the test images, in percent.
    """

    maps: tuple[Tensor, ...]
    logits: Tensor
    top1_pct: float


@lru_cache(maxsize=4)
def teaching(data: Dataset, recipe: Recipe) -> Teaching:
    """Targets of the teacher of a data set, which is trained or read from the cache folder.

    Args:
        data: The data set.
        recipe: Recipe; its `distillation` sets the teacher's size and number of epochs.

    Raises:
        AutoproxError: If the training diverges, or the cache folder cannot be used.
    """
    with single_threaded(), isolated():
        teacher = trained_teacher(data, recipe)
        accuracy = measure(teacher, data)["top1_pct"]
        images = torch.from_numpy(data.normalised(data.train_images))
        with torch.no_grad():
            parts = [(teacher.maps(batch), teacher(batch)) for batch in torch.split(images, TEST_BATCH)]
    maps = tuple(torch.cat(stage) for stage in zip(*(found for found, _ in parts), strict=True))
    return Teaching(maps, torch.cat([logits for _, logits in parts]), accuracy)


def untrained_teacher(data: Dataset, recipe: Recipe) -> ResNet:
    """The freshly initialised teacher in evaluation mode."""
    with isolated(seed=derived_seed("teacher", data.name)):
        return ResNet(data.in_chans, recipe.distillation.teacher_width, data.num_classes).eval()


def trained_teacher(data: Dataset, recipe: Recipe) -> ResNet:
    """The trained teacher in evaluation mode."""
    teacher = untrained_teacher(data, recipe)
    path = _path(data, recipe)
    if path.exists():
        with reading(
            path,
            lambda reason: AutoproxError(
                f"The cached teacher {path} cannot be read: {reason}. Delete the file to train the teacher again."
            ),
        ):
            teacher.load_state_dict(read_tensors(path))
        return teacher.eval()
    failure = fit(teacher, data, _teacher_recipe(recipe), derived_seed("teacher order", data.name))
    if failure:
        raise AutoproxError(f"The teacher of '{data.name}' cannot be trained: {failure}. Choose another recipe.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AutoproxError(f"The folder {path.parent} cannot be created: {error}. Make it writable.") from error
    atomically(path, lambda target: torch.save(teacher.state_dict(), target))
    return teacher.eval()


def _teacher_recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, epochs=recipe.distillation.teacher_epochs)


def _path(data: Dataset, recipe: Recipe) -> Path:
    distillation: Distillation = recipe.distillation
    schedule = replace(_teacher_recipe(recipe), distillation=Distillation()).digest
    key = digest([data.digest, schedule, distillation.teacher_width, distillation.version, str(torch.__version__)])
    return Path(platformdirs.user_cache_dir("autoprox")) / "teachers" / f"{key}.pt"
