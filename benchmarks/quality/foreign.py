"""Scores of third-party image classifiers, compared with plain torch, and reasons of refusals.

    python benchmarks/quality/foreign.py                       # all classes of transformers, about 100 models of timm
    python benchmarks/quality/foreign.py --only ViT levit      # names that contain one of these words
    python benchmarks/quality/foreign.py --libraries timm

Every model is small or narrow if its library allows it, has random weights, and is scored by snip, grad_norm, synflow
and l2_norm on four images of noise. The same scores are computed by a plain loop over the modules of torch: layers are
called modules of type nn.Linear or nn.Conv. Batch normalisation uses the statistics of the batch, as in autoprox for
untrained models, except for synflow. Needs the packages transformers and timm, and torchvision for timm; missing ones
are reported. Results go to benchmarks/quality/results/foreign.json and
foreign.md, model by model.
"""

import argparse
import copy
import json
import math
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from foreign_models import CLASSES, FAILURES, NOT_OF_IMAGES_ALONE, Candidate, candidates, declare_operators
from torch import Tensor, nn
from torch.nn import functional

import autoprox

RESULTS = Path(__file__).parent / "results"
PROXIES = ("snip", "grad_norm", "synflow", "l2_norm")
TOLERANCE = 1e-3
IMAGES = 4
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def plain_scores(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """The four proxies by a loop over modules, on copies of the model."""
    data = copy.deepcopy(model).eval()
    called = _called(data, images)
    _use_batch_statistics(data, images)
    functional.cross_entropy(_logits(data(images)), labels).backward()
    weights = [(each.detach().double(), _gradient(each)) for each in _weights(data, called)]
    synflow = copy.deepcopy(model).eval().double()
    with torch.no_grad():
        for parameter in synflow.parameters():
            parameter.abs_()
    _logits(synflow(torch.ones_like(images[:1], dtype=torch.float64))).sum().backward()
    of_synflow = [(each.detach(), _gradient(each)) for each in _weights(synflow, [])]
    return {
        "snip": sum(float((weight * gradient).abs().sum()) for weight, gradient in weights),
        "grad_norm": sum(float(gradient.norm()) for _, gradient in weights),
        "synflow": sum(float((weight * gradient).abs().sum()) for weight, gradient in of_synflow),
        "l2_norm": sum(float(weight.norm()) for weight, _ in weights),
    }


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight).double() if weight.grad is None else weight.grad.double()


def _logits(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return output.logits if "logits" in output else output[0]  # PPLCNet returns them under another name


def _called(model: nn.Module, images: Tensor) -> list[str]:
    """Names of the called layers, and of torch's own attentions, which call none."""
    seen: list[str] = []
    hooks = [
        each.register_forward_hook(lambda _module, _given, _output, name=name: seen.append(name))
        for name, each in model.named_modules()
        if isinstance(each, (*LAYERS, nn.MultiheadAttention))
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return seen


def _weights(model: nn.Module, called: list[str]) -> list[Tensor]:
    """Weights of called layers, and of layers with a gradient, since a function may read the weight of a layer."""
    found: dict[int, Tensor] = {}
    for name, each in model.named_modules():
        own = [each.weight] if isinstance(each, LAYERS) else []
        if isinstance(each, nn.MultiheadAttention):
            own = [each.in_proj_weight, each.out_proj.weight]
        found |= {id(weight): weight for weight in own if name in called or weight.grad is not None}
    return list(found.values())


def _use_batch_statistics(model: nn.Module, images: Tensor) -> None:
    """Sets batch normalisations to training mode, except for inputs with one value per channel."""
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    single: set[nn.Module] = set()

    def look(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given[0].numel() == given[0].shape[1]:
            single.add(module)

    hooks = [each.register_forward_pre_hook(look) for each in norms]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    for each in norms:
        each.training = each not in single


def judged(candidate: Candidate) -> dict[str, Any]:
    """Outcome of a model: its scores and the plain ones, or the reason for missing scores."""
    row: dict[str, Any] = {"library": candidate.library, "name": candidate.name, "variant": candidate.variant}
    if candidate.name in NOT_OF_IMAGES_ALONE:
        return row | {"left_out": NOT_OF_IMAGES_ALONE[candidate.name]}
    torch.manual_seed(0)
    try:
        model, shape = candidate.build()
    except FAILURES as error:
        return row | {"left_out": f"cannot be built: {_line(error)}"}
    images = torch.randn(IMAGES, *shape, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(IMAGES) % CLASSES
    row["parameters"] = sum(each.numel() for each in model.parameters())
    row["image"] = list(shape)
    try:
        expected = plain_scores(model, images, labels)
    except FAILURES as error:
        expected, row["plain_failed"] = {}, _line(error)
    row["scores"] = {}
    for name in PROXIES:
        try:
            found = {"score": autoprox.load(name).score(model, images, labels)}
        except autoprox.errors.AutoproxError as error:
            found = {"refused": _line(error)}
        if name in expected:
            found |= {"plain": expected[name], "equal": _equal(found.get("score"), expected[name])}
        row["scores"][name] = found
    return row


def _equal(found: float | None, expected: float) -> bool:
    """True if two scores are equal up to rounding; infinite scores of plain torch have to be refused."""
    if found is None or not math.isfinite(expected):
        return found is None and not math.isfinite(expected)
    return abs(found - expected) <= TOLERANCE * max(abs(expected), 1e-30)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}" if str(error) else type(error).__name__


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table, with one line per difference from plain torch."""
    lines = [
        "# Image classifiers of others",
        "",
        "| library | tried | scored by all | equal to plain torch | refused |",
    ]
    lines.append("|---|---:|---:|---:|---:|")
    for library in dict.fromkeys(row["library"] for row in rows):
        own = [row for row in rows if row["library"] == library and "scores" in row]
        scored = [row for row in own if all("score" in each for each in row["scores"].values())]
        equal = [row for row in own if all(each.get("equal") for each in row["scores"].values())]
        refused = [row for row in own if any("refused" in each for each in row["scores"].values())]
        lines.append(f"| {library} | {len(own)} | {len(scored)} | {len(equal)} | {len(refused)} |")
    lines += ["", "Not scored, or otherwise than by plain torch:", ""]
    for row in rows:
        for name, each in row.get("scores", {}).items():
            if "refused" in each:
                lines.append(f"- {row['name']} {row['variant']}, {name}: {each['refused']}")
            elif not each.get("equal", False):
                beside = row.get("plain_failed", each.get("plain"))
                lines.append(f"- {row['name']} {row['variant']}, {name}: {each['score']}, plain torch {beside}")
    lines += ["", "Left out:", ""]
    lines += [f"- {row['name']}: {row['left_out']}" for row in rows if "left_out" in row]
    lines += ["", "Scored as by plain torch:", ""]
    good = [r for r in rows if "scores" in r and all(each.get("equal") for each in r["scores"].values())]
    lines.append(", ".join(f"{row['name']} {row['variant']}".strip() for row in good) + ".")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Scores the chosen models, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", nargs="+", choices=["transformers", "timm"], default=["transformers", "timm"])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only names that contain one of these words")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/benchmarks/foreign.jsonl"), help="file of completed work"
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    declare_operators()
    options.work.parent.mkdir(parents=True, exist_ok=True)
    done = {}
    if options.work.exists():
        kept = [json.loads(line) for line in options.work.read_text().splitlines()]
        done = {(row["library"], row["name"], row["variant"]): row for row in kept}
    for library in options.libraries:
        for candidate in candidates(library):
            key = (library, candidate.name, candidate.variant)
            wanted = options.only is None or any(word in candidate.name for word in options.only)
            if not wanted or (options.only is None and key in done):
                continue
            start = time.monotonic()
            done[key] = judged(candidate)
            said = done[key].get("left_out") or " ".join(
                f"{name} {'equal' if each.get('equal') else each.get('refused', each)}"
                for name, each in done[key]["scores"].items()
            )
            print(
                f"{library} {candidate.name} {candidate.variant} {time.monotonic() - start:.1f} s: {said}", flush=True
            )
            options.work.write_text("".join(json.dumps(row) + "\n" for row in done.values()))
    RESULTS.mkdir(exist_ok=True)
    rows = list(done.values())
    document = {"command": "python benchmarks/quality/foreign.py", "torch": torch.__version__, "models": rows}
    (RESULTS / "foreign.json").write_text(json.dumps(document, indent=1) + "\n")
    (RESULTS / "foreign.md").write_text(markdown(rows))
    print(markdown(rows))


if __name__ == "__main__":
    main()
