"""Laws of architectures and their networks."""

import json
import pickle
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from autoprox.inspect import find_nodes
from autoprox.inspect.nodes import Role, Site
from autoprox.networks.measuring import parameters, parameters_and_macs
from autoprox.spaces import Arch, TaskShape
from autoprox.spaces.genes import Gene, Genes
from autoprox.testing._base import AbstractLaws, digest_of, logits_of


class SpaceLaws(AbstractLaws):
    """Laws of the architectures and networks of a space.

    Example:
        >>> from autoprox.spaces import load_space
        >>> class TestPit(SpaceLaws):
        ...     space = load_space("pit-micro")
        ...     draws = 2
        >>> TestPit().test_samples_are_allowed_and_read_back()
    """

    # --- architectures ------------------------------------------------------------------------------------------------

    def test_the_space_is_declared_as_a_whole(self) -> None:
        """A space has a name, ascending image sizes, a default among them, and an identity that JSON can represent."""
        sizes = list(self.space.img_sizes)
        assert self.space.name
        assert sizes == sorted(set(sizes))
        assert self.space.default_img_size in sizes
        assert json.loads(json.dumps(self.space.identity)) == self.space.identity

    def test_samples_are_allowed_and_read_back(self) -> None:
        """Every draw is allowed, and can be restored from JSON, pickle and reordered genes."""
        for arch, _ in self.drawn():
            assert self.space.why_not(arch) == self.space.why_not(arch.genes) == []
            travelled = pickle.loads(pickle.dumps(arch))  # noqa: S301
            assert self.space.arch(arch.genes) == self.space.parse(arch.json) == travelled == arch
            reordered = dict(reversed(arch.genes.items()))
            assert Arch(self.space.name, reordered) == arch
            assert self.space.parse(json.dumps(reordered, indent=1)) == arch
            assert hash(Arch(self.space.name, reordered)) == hash(arch)
            # Whole numbers written as floats, and floats as whole numbers, are the same architecture.
            assert self.space.arch(json.loads(arch.json, parse_int=float)).arch_id == arch.arch_id

    def test_genes_are_a_fresh_copy(self) -> None:
        """Changing returned genes does not change the architecture."""
        for arch, _ in self.drawn(1):
            for genes in (arch.genes, self.space.genes(arch)):
                for value in genes.values():
                    if isinstance(value, list):
                        value.clear()
                genes.clear()
            assert self.space.why_not(arch) == []

    def test_samples_reach_every_choice(self) -> None:
        """Every allowed value of every gene is drawn; skipped for spaces with `valid`."""
        if self.space.layout.valid is not None:
            return
        rng = np.random.default_rng(0)
        drawn = [self.space.sample(rng).genes for _ in range(400)]
        for gene in self.space.layout.genes:
            flat = {json.dumps(each) for genes in drawn for each in _values(gene, genes)}
            assert flat == {json.dumps(choice) for choice in gene.choices}, gene.name

    def test_mutants_are_one_gene_away(self) -> None:
        """A mutant is allowed and differs in one gene, if any gene can change; its parent is unchanged."""
        for arch, rng in self.drawn():
            before, near = arch.json, self.space.neighbours(arch)
            for _ in range(5):
                mutant = self.space.mutate(arch, rng)
                assert self.space.why_not(mutant.genes) == []
                assert self._differences(arch, mutant) == (1 if near else 0), f"{arch} became {mutant}"
            assert arch.json == before

    def test_mutation_reaches_every_gene(self) -> None:
        """Every gene with alternatives is changed by some mutant; skipped for spaces with `valid`."""
        if self.space.layout.valid is not None:
            return
        changed = set()
        for arch, rng in self.drawn():
            for _ in range(100):
                mutant = self.space.mutate(arch, rng)
                changed |= {gene.name for gene in self.space.layout.genes if _differ(gene, arch.genes, mutant.genes)}
        assert changed == {gene.name for gene in self.space.layout.genes if len(gene.choices) > 1}

    def test_children_have_genes_of_their_parents(self) -> None:
        """A child is allowed, and takes every value from a parent that has one at that place."""
        for first, rng in self.drawn():
            second = self.space.sample(rng)
            child = self.space.crossover(first, second, rng)
            assert self.space.why_not(child.genes) == []
            for gene in self.space.layout.genes:
                own, *others = (_values(gene, each.genes) for each in (child, first, second))
                for place, value in enumerate(own):
                    held = [values[place] for values in others if place < len(values)]
                    assert value in held or not held, f"{gene.name} of {child} is from neither {first} nor {second}"
            assert self.space.crossover(first, first, rng) == first

    def test_neighbours_are_all_that_is_one_gene_away(self) -> None:
        """Neighbours are allowed, distinct and complete, and the relation is symmetric."""
        for arch, rng in self.drawn():
            near = self.space.neighbours(arch)
            assert len(set(near)) == len(near)
            assert all(self.space.why_not(each) == [] and self._differences(arch, each) == 1 for each in near)
            if self.space.layout.valid is None:
                choices = [(len(gene.choices) - 1) * len(_values(gene, arch.genes)) for gene in self.space.layout.genes]
                assert len(near) == sum(choices)
            mutant = self.space.mutate(arch, rng)
            if mutant != arch and _lengths(mutant) == _lengths(arch):
                assert mutant in near
                assert arch in self.space.neighbours(mutant)

    def test_variation_depends_on_the_generator_alone(self) -> None:
        """Equal generators give equal mutants and children; Python's generator is unchanged."""
        state = random.getstate()
        for arch, rng in self.drawn(2):
            other = self.space.sample(rng)
            for vary in (self.space.mutate, partial(self.space.crossover, other)):
                assert vary(arch, np.random.default_rng(4)) == vary(arch, np.random.default_rng(4))
        assert random.getstate() == state

    # --- refusals -----------------------------------------------------------------------------------------------------

    def test_what_is_not_allowed_is_refused_with_sentences(self) -> None:
        """Missing, unknown and invalid genes are named, each in a sentence."""
        good = self.space.sample(np.random.default_rng(0)).genes
        for word, genes in self._bad(good):
            reasons = self.space.why_not(genes)
            assert any(word in reason for reason in reasons), (word, genes)
            assert all(reason[0].isupper() and reason.endswith(".") and "\n" not in reason for reason in reasons)
            assert reasons[0] in self.refusal(self.space.arch, genes)

    def test_architectures_of_another_space_are_refused(self) -> None:
        """Architectures of another space give an error that names that space, in every method."""
        arch = next(self.drawn(1))[0]
        stranger, unchecked = Arch("another-space", arch.genes), Arch(self.space.name, {"no_such_gene": 3})
        for action in (
            self.space.features,
            self.space.neighbours,
            self.space.backbone_params,
            lambda each: self.space.counts(each, 10),
            lambda each: self.space.build(each, 10),
            lambda each: self.space.mutate(each, np.random.default_rng(0)),
            lambda each: self.space.crossover(each, each, np.random.default_rng(0)),
        ):
            assert "belongs to the space 'another-space'" in self.refusal(action, stranger)
            assert "no_such_gene" in self.refusal(action, unchecked)

    def test_texts_that_are_no_architecture_are_refused(self) -> None:
        """The message names the space."""
        for text in ("", "{", "[1]", "3", "null", '{"depth": NaN}', '{"no_such_gene": 1}'):
            assert self.space.name in self.refusal(self.space.parse, text), text

    def test_tasks_that_do_not_fit_are_refused(self) -> None:
        """Invalid image sizes, numbers of classes or channels, and seeds give errors that name them."""
        arch, size = next(self.drawn(1))[0], self.task.img_size
        counts, build = partial(self.space.counts, arch), partial(self.space.build, arch)
        sizes = 0, -8, min(self.space.img_sizes) - 1, max(self.space.img_sizes) + 1, float(size), True, "28"
        cases: dict[str, tuple[tuple[Callable[..., Any], ...], str, tuple[Any, ...]]] = {
            "img_size": ((counts, build), " px", sizes),
            "num_classes": ((counts, build), "classes", (1, 0, -1, 10.0, True)),
            "in_chans": ((counts, build), "channel", (0, -1, 1.0)),
            "seed": ((build,), "seed", (-1, 2**63, 1.0, True, None)),
        }
        for argument, (actions, word, values) in cases.items():
            for value in values:
                given = {**self.task._asdict(), argument: value}
                for action in actions:
                    assert word in self.refusal(action, **given), f"{argument}={value!r} was accepted"

    # --- networks -----------------------------------------------------------------------------------------------------

    def test_counts_are_those_of_the_network(self) -> None:
        """Parameters and multiply-accumulates equal torch's counts in the network, at several sizes."""
        sizes = {self.task.img_size, self.space.default_img_size, self.space.img_sizes[len(self.space.img_sizes) // 2]}
        for arch, rng in self.drawn(self.networks):
            for size in sorted(sizes):
                task = self.space.own_task or TaskShape(int(rng.integers(2, 99)), size, self.in_chans)
                counts = self.space.counts(arch, *task)
                of_numpy: list[Any] = [np.int64(each) for each in task]
                assert counts == self.space.counts(arch.genes, *of_numpy)
                model = self.space.build(arch, *task)
                params = parameters(model)  # shared weights count once here, but several times on the meta device
                # Counts from the meta device are compared with a real network, and closed forms with the meta device.
                model = model.to("meta") if self.space.has_closed_form else model
                macs = parameters_and_macs(model, task)[1]
                assert (counts.params, counts.macs) == (params, macs), f"{arch} at {size} px"
            usual = self.space.counts(arch, *(self.space.own_task or (2,)))
            assert self.space.backbone_params(arch) == usual.backbone_params > 0

    def test_features_are_finite_and_the_same_in_name(self) -> None:
        """Every architecture has the same features, as finite floats, and coordinates of the same length."""
        space, archs = self.space, [arch for arch, _ in self.drawn()]
        found = [(space.features(arch), space.outline(arch), space.spread(arch)) for arch in archs]
        for features, outline, spread in found:
            assert list(features) == list(found[0][0])
            assert all(type(value) is float and np.isfinite(value) for value in features.values())
            assert (len(outline), len(spread)) == (len(found[0][1]), len(found[0][2]))
            assert np.isfinite([*outline, *spread]).all()

    def test_networks_run_and_learn(self) -> None:
        """Images give finite and distinct logits in evaluation mode, and every parameter gets a gradient."""
        for arch, _ in self.drawn(self.networks):
            model = self.built(arch)
            assert not any(module.training for module in model.modules())
            logits = logits_of(model(self.images()))
            assert logits.shape == (len(self.images()), self.task.num_classes)
            assert logits.isfinite().all()
            assert len({tuple(row) for row in logits.tolist()}) == len(logits), "different images, different logits"
            torch.autograd.backward(nn.functional.cross_entropy(logits, self.labels()))
            for name, parameter in model.named_parameters():
                gradient = parameter.grad
                assert not parameter.requires_grad or (gradient is not None and gradient.isfinite().all()), name

    def test_an_image_does_not_see_the_others(self) -> None:
        """In evaluation mode, the logits of an image do not depend on its batch."""
        for arch, _ in self.drawn(1):
            model, images = self.built(arch).double(), self.images().double()
            with torch.no_grad():
                alone, together = logits_of(model(images[1:2])), logits_of(model(images))[1:2]
            torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-11)

    def test_parameters_depend_on_the_seed_alone(self) -> None:
        """Parameters depend only on the seed, not on generators or the default device, which are unchanged."""
        for arch, _ in self.drawn(1):
            torch.manual_seed(99)
            state, of_python = torch.get_rng_state(), random.getstate()
            first = digest_of(self.built(arch, 3))
            assert torch.equal(torch.get_rng_state(), state)
            assert random.getstate() == of_python
            torch.manual_seed(1)
            with torch.device("meta"):
                assert digest_of(self.built(arch, np.int64(3))) == first  # type: ignore[arg-type]
            if self.space.own_task is None:  # otherwise the parameters come from a trained network
                assert digest_of(self.built(arch, 4)) != first
            assert digest_of(self.space.build(arch, *self.task)) == digest_of(self.built(arch, 0))

    def test_nodes_are_found(self) -> None:
        """Every node has a unique name, a site and a role, and at least one is a linear layer or a convolution."""
        for arch, _ in self.drawn(1):
            found = find_nodes(self.built(arch), lambda _: self.images())
            assert len({node.name for node in found}) == len(found)
            assert all(node.site in Site and node.role in Role for node in found)
            assert any(node.site is Site.LINEAR for node in found), "a network needs a linear layer or a convolution"

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _differences(self, first: Arch, second: Arch) -> int:
        """Counts differing values; values in only one of two lists count once, with the gene of the length."""
        return sum(_differ(gene, first.genes, second.genes) for gene in self.space.layout.genes)

    def _bad(self, good: Genes) -> Iterator[tuple[str, Any]]:
        """Yields invalid genes, each with a word that must appear in the reasons."""
        yield from (("mapping", [1, 2]), ("mapping", None), ("mapping", "text"))
        yield "no_such_gene", {**good, "no_such_gene": 1}
        for gene in self.space.layout.genes:
            yield gene.name, {name: value for name, value in good.items() if name != gene.name}
            wrong: tuple[Any, ...] = (-(10**9), True, None, {}, float("nan"), "no such choice", [None])
            yield from ((gene.name, {**good, gene.name: each}) for each in wrong)
            if gene.along is not None and good[gene.name]:
                first, *others = good[gene.name]
                yield gene.name, {**good, gene.name: [first, first, *others]}
                yield "Value 1", {**good, gene.name: [-(10**9), *others]}
                if not isinstance(first, list):
                    yield gene.name, {**good, gene.name: first}


def _values(gene: Gene, genes: Genes) -> list[Any]:
    """Returns the values of a gene as a list."""
    return [genes[gene.name]] if gene.along is None else list(genes[gene.name])


def _differ(gene: Gene, first: Genes, second: Genes) -> int:
    """Counts differing values of a gene at common places."""
    return sum(one != other for one, other in zip(_values(gene, first), _values(gene, second), strict=False))


def _lengths(arch: Arch) -> list[int]:
    return [len(value) for value in arch.genes.values() if isinstance(value, list)]
