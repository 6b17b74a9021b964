"""Small networks that a user might write, among them those that make collecting hard."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from autoprox.inspect.nodes import Role, declare

CLASSES = 3


class TinyVit(nn.Module):
    """A one-block transformer: every site, odd sizes, dropout, and an input that two layers read."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = declare(nn.Conv2d(1, 6, 2, stride=2), Role.EMBED)
        self.norm = declare(nn.LayerNorm(6), Role.ATTENTION)
        self.qk = declare(nn.Linear(6, 12), Role.ATTENTION)
        self.v = declare(nn.Linear(6, 6), Role.ATTENTION)
        self.softmax = declare(nn.Softmax(dim=-1), Role.ATTENTION)
        self.fc1 = declare(nn.Linear(6, 10), Role.MLP)
        self.act = declare(nn.GELU(), Role.MLP)
        self.fc2 = declare(nn.Linear(10, 6), Role.MLP)
        self.drop = nn.Dropout(0.5)
        self.head = declare(nn.Linear(6, CLASSES), Role.HEAD)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        y = self.norm(x)
        q, k = (part.unflatten(-1, (2, 3)).transpose(1, 2) for part in self.qk(y).chunk(2, dim=-1))
        v = self.v(y).unflatten(-1, (2, 3)).transpose(1, 2)
        x = x + (self.softmax(q @ k.transpose(-1, -2)) @ v).transpose(1, 2).flatten(2)
        x = x + self.drop(self.fc2(self.act(self.fc1(x))))
        return self.head(x.mean(dim=1))


class Around(nn.Module):
    """A classifier around a body whose nodes have roles; the body gets tokens `(B, 4, 4)`."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = declare(body, Role.MLP)
        self.head = declare(nn.LazyLinear(CLASSES), Role.HEAD)
        self.head(torch.zeros(1, self.tokens(torch.zeros(1, 1, 4, 4)).shape[-1]))

    def tokens(self, images: Tensor) -> Tensor:
        return self.body(images.flatten(1, 2))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.tokens(images).mean(dim=1))


class Shared(nn.Module):
    """One linear layer that is applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.tanh(self.fc(x)))


class SharedGelu(nn.Module):
    """One activation module behind layers of different widths."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.GELU()
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.fc2(self.act(self.fc1(x))))


class InPlace(nn.Module):
    """Works in place on the output of a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc1(x)
        y.relu_()
        return self.fc2(y).mul_(2.0)


class OutOfPlace(InPlace):
    """The same function without working in place."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(torch.relu(self.fc1(x))) * 2.0


class ByKeyword(nn.Module):
    """Calls its layer with a keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(input=x)


class Strided(nn.Module):
    """Hands its layer a tensor that is not contiguous, and continues with one."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.transpose(1, 2))[..., ::2].transpose(1, 2)


class Unused(nn.Module):
    """Holds a layer that the forward pass does not call."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.spare = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class Detached(nn.Module):
    """Has a layer whose output does not reach the loss with a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.side = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            side = self.side(x)
        return self.fc(x) + side


class Busy(nn.Module):
    """Changes itself in its forward pass, which many modules do with caches and counters."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last", torch.full((1,), float("nan")))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = x.detach().mean(dim=(1, 2))
        self.fc.weight.data.mul_(1.5)
        torch.rand(3)
        return self.fc(functional.dropout(x, 0.5, self.training))


def tiny(seed: int = 0, dtype: torch.dtype = torch.float32) -> TinyVit:
    """A `TinyVit` with seeded parameters, in evaluation mode."""
    return seeded(TinyVit, seed).to(dtype).eval()


def seeded(make, seed: int = 0) -> nn.Module:
    """Network that `make` makes, with seeded parameters."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return make()


def batch(images: int = 5, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Images `(B, 1, 4, 4)` and labels `(B,)`."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(images, 1, 4, 4, generator=generator, dtype=torch.float64).to(dtype), torch.arange(
        images
    ) % CLASSES
