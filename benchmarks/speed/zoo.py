"""All zoo proxies of one network together, compared with one by one; prints a Markdown table.

    python benchmarks/speed/zoo.py > benchmarks/speed/results/zoo.md

Together means `autoprox.scorers.score_together`: the graphs are evaluated from one merged collection, so that each pass
runs once and each shared sub-expression is computed once; the functions share the prepared model and common
intermediate results (the Jacobian at the images, the tangent kernel, the tokens after the blocks). One by one means
`score` per proxy. Both run in turn in each repetition, on one thread. Times are processor time, so that other load on
the machine does not count. It takes about two minutes.
"""

import platform
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

import autoprox
from autoprox.base.threads import single_threaded
from autoprox.graph import Proxy
from autoprox.networks.network import Network
from autoprox.scorers import ZOO, Scorer, score_together
from autoprox.spaces.task import noise_task

SPACES = ("autoformer-micro", "pit-micro")
NETWORKS = 5
REPETITIONS = 3
IMG_SIZE = 28


def networks(name: str) -> list[Network]:
    """Some architectures of a space, on a batch of 32 images."""
    rng = np.random.default_rng(0)
    task = noise_task("noise", num_classes=10, img_size=IMG_SIZE, in_chans=1)
    return [Network(autoprox.space(name), autoprox.space(name).sample(rng), task) for _ in range(NETWORKS)]


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def compare(scorers: Sequence[Scorer], model: nn.Module, network: Network) -> tuple[float, float]:
    """Total seconds one by one, and seconds together."""
    images, labels = network.task.images, network.task.labels
    alone = seconds(lambda: [each.score_many([model], images, labels) for each in scorers])
    return alone, seconds(lambda: score_together(scorers, model, images, labels))


def main() -> None:
    """One row per space and group of proxies."""
    graphs = [each for each in ZOO.values() if isinstance(each, Proxy)]
    groups = {
        "graphs": graphs,
        "functions": [each for each in ZOO.values() if not isinstance(each, Proxy)],
        "all": list(ZOO.values()),
    }
    print("# Zoo proxies of one network: in one go against each by itself\n")
    print("`python benchmarks/speed/zoo.py`: ms of processor time a network, one thread, batch of 32 grey images of")
    print(
        f"{IMG_SIZE} px, medians over {NETWORKS} networks x {REPETITIONS} repetitions; the ratio is the median of the"
    )
    print(f"ratios of neighbouring runs. Python {platform.python_version()}, torch {torch.__version__}.\n")
    print("| space | proxies | each by itself | in one go | ratio |")
    print("|---|---|---|---|---|")
    with single_threaded():
        for name in SPACES:
            built = [(network.build(), network) for network in networks(name)]
            compare(groups["all"], *built[0])  # one-time work of a process is not counted
            for group, scorers in groups.items():
                pairs = [compare(scorers, *each) for each in built for _ in range(REPETITIONS)]
                alone, together = (statistics.median(column) for column in zip(*pairs, strict=True))
                ratio = statistics.median(one / other for one, other in pairs)
                print(
                    f"| {name} | {len(scorers)} {group} | {1e3 * alone:.0f} | {1e3 * together:.0f} | {ratio:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
