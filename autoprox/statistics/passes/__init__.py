"""The passes: ways to run a model. Each is declared here and runs only if a statistic needs it.

    _static.py       values read from modules
    _substitutes.py  substitutes for the images: noise, perturbed images, ones
    losses.py        losses to differentiate
    _parameters.py   replacement of parameters
    tapped.py        forward and backward with taps at the nodes: data, noise, perturbed, virtual, synflow
    _hessian.py      the product of the Hessian and the gradient
    _slices.py       gradients of parts of the batch
    samples.py       gradients of single images
    _differences.py  differences from a teacher

To add a pass, write its `run` function (or use `run_tapped` with other images, another loss or other parameters),
declare it here, and register its statistics in `autoprox.statistics._all_statistics`.
"""

import torch

from autoprox.statistics.passes._differences import run_paired
from autoprox.statistics.passes._hessian import run_hessian
from autoprox.statistics.passes._parameters import absolute_in_float64
from autoprox.statistics.passes._slices import BATCH_PARTS, run_batches
from autoprox.statistics.passes._static import run_static, static_counts, static_weights
from autoprox.statistics.passes._substitutes import noise_images, one_of_ones, perturbed_images
from autoprox.statistics.passes.losses import output_sum
from autoprox.statistics.passes.samples import run_samples
from autoprox.statistics.passes.tapped import run_tapped
from autoprox.statistics.statistic import Pass

STATIC = Pass("static", run_static, least_images=0, batch_statistics=False, source="read off the modules")

COMPRESSION = Pass(
    "compression",
    run_static,
    least_images=0,
    batch_statistics=False,
    source="noted at layers that `autoprox.compress` changed",
)

DATA = Pass("data", run_tapped, source="the batch, and the loss of its labels")

NOISE = Pass(
    "noise",
    run_tapped,
    noise_images,
    source="standard normal images (EZNAS, Akhauri 2022, https://arxiv.org/abs/2209.07413)",
)

PERTURBED = Pass("perturbed", run_tapped, perturbed_images, source="the batch plus small normal noise (EZNAS)")

VIRTUAL = Pass(
    "virtual",
    run_tapped,
    one_of_ones,
    output_sum,
    batch_statistics=False,
    source="one image of ones, and the sum of the logits (Auto-Prox's later code)",
)

SYNFLOW = Pass(
    "synflow",
    run_tapped,
    one_of_ones,
    output_sum,
    absolute_in_float64,
    # The output grows with every layer and exceeds float32 in deep networks; after a normalisation, a gradient is the
    # small remainder of terms that cancel.
    torch.float64,
    batch_statistics=False,
    source="absolute parameters, one image of ones, the sum of the logits (Tanaka 2020, https://arxiv.org/abs/2006.05467)",
)

HESSIAN = Pass(
    "hessian", run_hessian, source="two derivatives of the loss (GraSP, Wang 2020, https://arxiv.org/abs/2002.07376)"
)

SAMPLES = Pass("samples", run_samples, least_images=2, source="the loss of each image by itself")

BATCHES = Pass(
    "batches",
    run_batches,
    least_images=BATCH_PARTS,
    source="the batch as two batches (ZiCo, Li 2023, https://arxiv.org/abs/2301.11300)",
)

PAIRED = Pass(
    "paired",
    run_paired,
    least_images=2,
    source="the batch, for the network and for a teacher (TVT, Wei 2023, https://arxiv.org/abs/2311.14337)",
)

__all__ = [
    "BATCHES",
    "COMPRESSION",
    "DATA",
    "HESSIAN",
    "NOISE",
    "PAIRED",
    "PERTURBED",
    "SAMPLES",
    "STATIC",
    "SYNFLOW",
    "VIRTUAL",
    "run_static",
    "static_counts",
    "static_weights",
]
