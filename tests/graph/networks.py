"""Three real networks of different depth, with their statistics as the collector gives them and as plain arrays."""

from functools import cache

import numpy as np

from autoprox.inspect.nodes import Site
from autoprox.spaces import space
from autoprox.statistics import UNPAIRED, collect
from tests.graph.interpreter import PlainNetwork


@cache
def collections():
    """Statistics in double precision, so that only the arithmetic of the graph is compared."""
    rng = np.random.default_rng(0)
    found = []
    for name, seed in (("autoformer-micro", 3), ("pit-micro", 1), ("autoformer-micro", 8)):
        owner = space(name)
        arch = min((owner.sample(np.random.default_rng([seed, i])) for i in range(20)), key=owner.backbone_params)
        model = owner.build(arch, num_classes=3, img_size=8, in_chans=1, seed=seed).double()
        images, labels = rng.normal(size=(2, 1, 8, 8)), np.array([0, 2])
        found.append(collect(model, images, labels, UNPAIRED))
    return found


@cache
def plain_networks():
    return [
        PlainNetwork(
            {name: [tensor.numpy() for tensor in each] for name, each in collection.tensors.items()},
            {name: list(values) for name, values in collection.counts.items()},
            {str(site): [node.role for node in collection.nodes[site]] for site in Site},
        )
        for collection in collections()
    ]
