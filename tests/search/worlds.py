"""Small searches: a tiny space that can be listed, and tasks with fast networks."""

from itertools import product

from autoprox.spaces import Gene, Layout
from autoprox.spaces.autoformer import AutoFormer
from autoprox.spaces.task import noise_task

TASK = noise_task("noise", 4, 8, 1)
MICRO = noise_task("noise", 10, 8, 1)

TINY = AutoFormer(
    name="tiny",
    layout=Layout(
        (
            Gene("hidden_dim", (4, 8, 12)),
            Gene("depth", (1, 2, 3)),
            Gene("mlp_ratio", (1.0, 2.0, 3.0), along="depth"),
            Gene("num_heads", (1, 2), along="depth"),
        )
    ),
    default_img_size=8,
    img_sizes=range(8, 33),
    patch=None,
    drop_path=0.0,
    init_std=None,
)


def listed(space):
    """Every architecture of a space with the genes of `TINY`, by plain loops."""
    widths, depths, ratios, heads = (gene.choices for gene in space.layout.genes)
    return [
        space.arch({"hidden_dim": width, "depth": depth, "mlp_ratio": list(mlp), "num_heads": list(head)})
        for width, depth in product(widths, depths)
        for mlp in product(ratios, repeat=depth)
        for head in product(heads, repeat=depth)
    ]


ALL = listed(TINY)


def probability(arch):
    """Probability that `Space.sample` draws an architecture of `TINY`."""
    return 1 / 9 / 6 ** arch.genes["depth"]


def roughness(model, _images, _labels):
    """A closed form with one optimum inside the sizes: wide is good up to a point, and so is each single layer."""
    width = model.pos_embed.shape[-1]
    hidden = [each.out_features for each in model.modules() if getattr(each, "out_features", 0) > 0]
    return -abs(sum(hidden) - 300) - 0.01 * width - 0.001 * len(hidden)
