"""What every space promises, as tests: for the spaces that come with autoprox, and for yours.

    # test_my_space.py
    from autoprox.testing import SpaceLaws
    from my_package.spaces import space

    class TestMySpace(SpaceLaws):
        space = space

pytest runs every law; `SpaceLaws.check` runs them without it.
"""

import hashlib
import json
import pickle
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError, SpecError, UndefinedScoreError
from autoprox.inspect import find_nodes
from autoprox.inspect.nodes import Site
from autoprox.networks.measuring import parameters_and_macs
from autoprox.scorers import ZOO
from autoprox.search import Constraints, run
from autoprox.spaces import Arch, Space, TaskShape
from autoprox.spaces.task import noise_task
from autoprox.statistics import STATISTICS, collect


class SpaceLaws:
    """The laws of one space; a subclass names it, and may name smaller tasks.

    Attributes:
        space: The space.
        num_classes: Classes of the networks that are built.
        in_chans: Channels of their images.
        draws: Architectures that each law is tried on.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(SpaceLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        >>> TestPit().test_variation_stays_in_the_space()
    """

    space: ClassVar[Space]
    num_classes: ClassVar[int] = 7
    in_chans: ClassVar[int] = 1
    draws: ClassVar[int] = 8

    @classmethod
    def check(cls) -> list[str]:
        """Runs all laws; an AssertionError says which one is broken, and the result names those that hold."""
        names = sorted(name for name in dir(cls) if name.startswith("test_"))
        for name in names:
            getattr(cls(), name)()
        return names

    # --- architectures ------------------------------------------------------------------------------------------------

    def test_samples_are_allowed_and_read_back(self) -> None:
        """What is drawn is allowed, and JSON, pickle and genes written otherwise give it back."""
        for arch, _ in self._drawn():
            assert self.space.why_not(arch) == self.space.why_not(arch.genes) == []
            travelled = pickle.loads(pickle.dumps(arch))  # noqa: S301
            assert self.space.arch(arch.genes) == self.space.parse(arch.json) == travelled == arch
            reordered = dict(reversed(arch.genes.items()))
            assert Arch(self.space.name, reordered) == arch
            assert hash(Arch(self.space.name, reordered)) == hash(arch)
            # Whole numbers written as floats, and floats as whole numbers, are the same architecture.
            assert self.space.arch(json.loads(arch.json, parse_int=float)).arch_id == arch.arch_id

    def test_samples_reach_every_choice(self) -> None:
        """Every allowed value of every gene is drawn, unless `valid` may forbid it."""
        if self.space.layout.valid is not None:
            return
        rng = np.random.default_rng(0)
        drawn = [self.space.sample(rng).genes for _ in range(400)]
        for gene in self.space.layout.genes:
            values = [genes[gene.name] for genes in drawn]
            flat = values if gene.along is None else [each for value in values for each in value]
            assert {json.dumps(each) for each in flat} == {json.dumps(choice) for choice in gene.choices}, gene.name

    def test_variation_stays_in_the_space(self) -> None:
        """Mutants, children and neighbours are allowed, and depend on the generator alone."""
        random.seed(0)
        state = random.getstate()
        for arch, rng in self._drawn():
            mutant, other = self.space.mutate(arch, rng), self.space.sample(rng)
            child, near = self.space.crossover(arch, other, rng), self.space.neighbours(arch)
            for each in (mutant, child, *near):
                assert self.space.why_not(each.genes) == []
            assert len(set(near)) == len(near)
            assert arch not in near
            assert mutant != arch or not near, "a mutant differs where anything can"
            assert self.space.crossover(arch, arch, rng) == arch
            assert self._same_lists(arch, mutant) is False or mutant in (arch, *near)
            again = [self.space.mutate(arch, np.random.default_rng(4)) for _ in range(2)]
            assert again[0] == again[1]
        assert random.getstate() == state

    def test_what_is_not_allowed_is_refused_with_sentences(self) -> None:
        """Missing, unknown and wrong genes are named, each in a sentence."""
        good = self.space.sample(np.random.default_rng(0)).genes
        bad: list[tuple[str, Any]] = [("mapping", [1, 2]), ("mapping", None)]
        bad.append(("no_such_gene", {**good, "no_such_gene": 1}))
        for gene in self.space.layout.genes:
            bad.append((gene.name, {name: value for name, value in good.items() if name != gene.name}))
            wrong: tuple[Any, ...] = (-(10**9), True, None, {}, float("nan"), "no such choice")
            bad += [(gene.name, {**good, gene.name: each}) for each in wrong]
            if gene.along is not None:
                bad += [(gene.name, {**good, gene.name: [*good[gene.name], value]}) for value in good[gene.name][:1]]
        for word, genes in bad:
            reasons = self.space.why_not(genes)
            assert any(word in reason for reason in reasons), (word, genes)
            assert all(reason[0].isupper() and reason.endswith(".") and "\n" not in reason for reason in reasons)
            self._refused(genes, self.space.name)
        self._refused(Arch("another-space", good), "another-space")

    # --- networks -----------------------------------------------------------------------------------------------------

    def test_counts_are_those_of_the_network(self) -> None:
        """Parameters and multiply-accumulates are those that torch counts, at several sizes."""
        for arch, rng in self._drawn():
            for size in {self.space.img_sizes[0], self.space.default_img_size}:
                task = TaskShape(int(rng.integers(2, 99)), size, self.in_chans)
                counts = self.space.counts(arch, *task)
                assert counts == self.space.counts(arch.genes, *task)
                model = self.space.build(arch, *task)
                assert (counts.params, counts.macs) == parameters_and_macs(model, task), arch
            assert self.space.backbone_params(arch) == self.space.counts(arch, 2).backbone_params > 0

    def test_features_are_finite_and_the_same_in_name(self) -> None:
        """Every architecture has the same features, as finite floats, and coordinates of one length."""
        space, archs = self.space, [arch for arch, _ in self._drawn()]
        found = [(space.features(arch), space.outline(arch), space.spread(arch)) for arch in archs]
        for features, outline, spread in found:
            assert list(features) == list(found[0][0])
            assert all(type(value) is float and np.isfinite(value) for value in features.values())
            assert (len(outline), len(spread)) == (len(found[0][1]), len(found[0][2]))
            assert np.isfinite([*outline, *spread]).all()

    def test_networks_run_and_learn(self) -> None:
        """Images of the least size give finite logits in evaluation mode, and every parameter gets a gradient."""
        for arch, _ in self._drawn():
            model = self._built(arch)
            assert not any(module.training for module in model.modules())
            logits = _logits(model(self._images()))
            assert logits.shape == (len(self._images()), self.num_classes)
            assert logits.isfinite().all()
            torch.autograd.backward(nn.functional.cross_entropy(logits, self._labels()))
            for name, parameter in model.named_parameters():
                gradient = parameter.grad
                assert not parameter.requires_grad or (gradient is not None and gradient.isfinite().all()), name

    def test_an_image_does_not_see_the_others(self) -> None:
        """In evaluation mode the logits of an image do not depend on its batch."""
        for arch, _ in self._drawn(2):
            model, images = self._built(arch).double(), self._images().double()
            with torch.no_grad():
                alone, together = _logits(model(images[1:2])), _logits(model(images))[1:2]
            torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-11)

    def test_parameters_depend_on_the_seed_alone(self) -> None:
        """Same seed, same parameters, whatever the generator or the default device is, which stay as they are."""
        for arch, _ in self._drawn(2):
            torch.manual_seed(99)
            state, size = torch.get_rng_state(), self.space.img_sizes[0]
            first = _digest(self._built(arch, 3))
            assert torch.equal(torch.get_rng_state(), state)
            torch.manual_seed(1)
            with torch.device("meta"):
                assert _digest(self.space.build(arch, self.num_classes, size, self.in_chans, 3)) == first
            assert _digest(self._built(arch, 4)) != first

    # --- statistics, scores, search -----------------------------------------------------------------------------------

    def test_every_statistic_is_taken_or_undefined(self) -> None:
        """Each statistic has a finite value at every node of its site; a site that the network lacks has none."""
        arch, _ = next(self._drawn())
        model = self._built(arch)
        nodes = find_nodes(model, lambda _: self._images())
        assert any(node.site is Site.LINEAR for node in nodes), "a network needs a linear layer or a convolution"
        for name, statistic in STATISTICS.items():
            if statistic.pass_.name == "synflow":
                continue  # its values may be beyond single precision
            found = collect(model, self._images(), self._labels(), [name])
            count = sum(node.site is statistic.site for node in nodes)
            values = found.tensors[name] if name in found.tensors else found.counts[name]
            assert len(values) == count, name
            plain = [each.detach().numpy() if isinstance(each, Tensor) else each for each in values]
            assert all(np.isfinite(each).all() for each in plain), name

    def test_every_proxy_scores_or_says_why_not(self) -> None:
        """Each proxy of the zoo gives a finite score, or an error of its own with a sentence."""
        arch, _ = next(self._drawn())
        model = self._built(arch)
        scored, reasons = [], []
        for name, proxy in ZOO.items():
            try:
                value = proxy.score(model, self._images(), self._labels())
            except (CollectionError, UndefinedScoreError) as error:
                reasons.append(str(error))
            else:
                assert np.isfinite(value), name
                scored.append(name)
        assert all(reason.endswith(".") for reason in reasons)
        assert {"params", "macs", "snip", "grad_norm", "l2_norm"} <= set(scored)

    def test_a_search_keeps_its_bounds(self) -> None:
        """A search under a bound gives networks within it, and counts them right."""
        sizes = sorted(self._params(arch) for arch, _ in self._drawn())
        task = noise_task("noise", self.num_classes, self.space.img_sizes[0], self.in_chans)
        bounds = Constraints(max_params=sizes[len(sizes) // 2])

        def size(model: nn.Module, *_: Any) -> int:
            return sum(each.numel() for each in model.parameters())

        found = run(size, self.space, bounds, np.random.default_rng(0), task=task, budget=6)
        for candidate in found.candidates:
            assert candidate.params == candidate.score == self._params(candidate.arch) <= sizes[len(sizes) // 2]

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _drawn(self, count: int | None = None) -> Iterator[tuple[Arch, np.random.Generator]]:
        for seed in range(count or self.draws):
            rng = np.random.default_rng(seed)
            yield self.space.sample(rng), rng

    def _built(self, arch: Arch, seed: int = 0) -> nn.Module:
        return self.space.build(arch, self.num_classes, self.space.img_sizes[0], self.in_chans, seed)

    def _params(self, arch: Arch) -> int:
        return self.space.counts(arch, self.num_classes, self.space.img_sizes[0], self.in_chans).params

    def _images(self) -> Tensor:
        size = self.space.img_sizes[0]
        values = np.random.default_rng(0).standard_normal((8, self.in_chans, size, size), dtype=np.float32)
        return torch.from_numpy(values)

    def _labels(self) -> Tensor:
        return torch.arange(8) % self.num_classes

    def _same_lists(self, first: Arch, second: Arch) -> bool:
        lengths = [[len(value) for value in arch.genes.values() if isinstance(value, list)] for arch in (first, second)]
        return lengths[0] == lengths[1]

    def _refused(self, candidate: Any, word: str) -> None:
        said = ""
        try:
            self.space.features(candidate)
        except SpecError as error:
            said = str(error)
        assert word in said, f"{candidate!r} was taken"


def _logits(output: Any) -> Tensor:
    logits: Tensor = output if isinstance(output, Tensor) else output.logits
    return logits


def _digest(model: nn.Module) -> str:
    return hashlib.sha256(b"".join(each.detach().numpy().tobytes() for each in model.parameters())).hexdigest()
