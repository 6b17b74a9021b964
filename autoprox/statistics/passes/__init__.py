"""The passes: ways to run a model. Each is declared here and runs only if a statistic needs it.

    _static.py       values read from modules
    _substitutes.py  substitutes for the images: noise, perturbed images, ones
    losses.py        losses to differentiate
    _parameters.py   replacement of parameters
    tapped.py        forward and backward with taps at the nodes: data, noise, perturbed, virtual, synflow
    _hessian.py      the product of the Hessian and the gradient
    _slices.py       gradients of parts of the batch
    samples.py       gradients of single images

To add a pass, write its `run` function (or use `run_tapped` with other images, another loss or other parameters),
declare it here, and register its statistics in `autoprox.statistics._all_statistics`.
"""

import torch

from autoprox.statistics.passes._hessian import run_hessian
from autoprox.statistics.passes._parameters import absolute_parameter
from autoprox.statistics.passes._slices import BATCH_PARTS, run_batches
from autoprox.statistics.passes._static import run_static
from autoprox.statistics.passes._substitutes import noise_images, one_of_ones, perturbed_images
from autoprox.statistics.passes.losses import output_sum
from autoprox.statistics.passes.samples import run_samples
from autoprox.statistics.passes.tapped import run_tapped
from autoprox.statistics.statistic import Pass

STATIC = Pass("static", "read off the modules", run_static, least_images=0)

COMPRESSION = Pass("compression", "noted at layers that `autoprox.compress` changed", run_static, least_images=0)

DATA = Pass("data", "the batch, and the loss of its labels", run_tapped)

NOISE = Pass(
    "noise", "standard normal images (EZNAS, Akhauri 2022, https://arxiv.org/abs/2209.07413)", run_tapped, noise_images
)

PERTURBED = Pass("perturbed", "the batch plus small normal noise (EZNAS)", run_tapped, perturbed_images)

VIRTUAL = Pass(
    "virtual",
    "one image of ones, and the sum of the logits (Auto-Prox's later code)",
    run_tapped,
    one_of_ones,
    output_sum,
    batch_statistics=False,
)

SYNFLOW = Pass(
    "synflow",
    "absolute parameters, one image of ones, the sum of the logits (Tanaka 2020, https://arxiv.org/abs/2006.05467)",
    run_tapped,
    one_of_ones,
    output_sum,
    absolute_parameter,
    # The output grows with every layer and exceeds float32 in deep networks; after a normalisation, a gradient is the
    # small remainder of terms that cancel.
    torch.float64,
    batch_statistics=False,
)

HESSIAN = Pass(
    "hessian", "two derivatives of the loss (GraSP, Wang 2020, https://arxiv.org/abs/2002.07376)", run_hessian
)

SAMPLES = Pass("samples", "the loss of each image by itself", run_samples, least_images=2)

BATCHES = Pass(
    "batches",
    "the batch as two batches (ZiCo, Li 2023, https://arxiv.org/abs/2301.11300)",
    run_batches,
    least_images=BATCH_PARTS,
)

__all__ = ["BATCHES", "COMPRESSION", "DATA", "HESSIAN", "NOISE", "PERTURBED", "SAMPLES", "STATIC", "SYNFLOW", "VIRTUAL"]
