"""Bi-level training of a network and of the pooling behind its mixers, with decisions at the end of each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.datasets import Dataset
from autoprox.metapool._chosen import ChosenPooling, ChosenStage
from autoprox.metapool._decisions import Decision, decide
from autoprox.metapool._metapool_plan import MetaPoolPlan
from autoprox.metapool._mixtures import mixed_network
from autoprox.spaces import Space
from autoprox.spaces.mixer import MixerSpace
from autoprox.spaces.space import Candidate
from autoprox.training.step_state import restore_step_state, step_state


class MetaPoolTrainer:
    """Searches the pooling of each stage while the network trains (PMPL, first order).

    Each step moves the architecture weights by a batch of the odd training images, and then all other weights by a
    batch of the even ones. When all stages are decided, only the latter is left.

    The same arguments give the same result, bit for bit, also if the training went through `state` and `restore`.

    Args:
        space: A space of the mixer family.
        arch: The architecture whose gene `enhancer` is searched; the values that it has are not used.
        data: Source of the images.
        plan: Plan of the training.

    Attributes:
        network: The network that is trained.
        mixtures: The mixtures of each stage.
        done: Steps so far.

    Raises:
        SpecError: If the space is of another family, does not allow the architecture or does not take the images, or
            there is only one training image.

    Example:
        >>> from autoprox.datasets import dataset
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("mixer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> trainer = MetaPoolTrainer(micro, arch, dataset("digits"), MetaPoolPlan(epochs=1, batch_size=100))
        >>> [done for done in trainer.steps()]
        [1, 2]
        >>> len(micro.genes(trainer.chosen().arch)["enhancer"])
        3
    """

    def __init__(self, space: Space, arch: Candidate, data: Dataset, plan: MetaPoolPlan) -> None:
        if not isinstance(space, MixerSpace):
            raise SpecError(
                f"The space '{space.name}' has no pooling behind its mixers. Give a space of the mixer family, such as "
                "mixer-micro."
            )
        if len(data.train_labels) < 2:
            raise SpecError(f"The data set '{data.name}' needs at least two training images.")
        self.plan, self._space, self._start = plan, space, space.arch(arch)
        task = space.check_task(data.num_classes, data.img_size, data.in_chans)
        self.network, self.mixtures = mixed_network(space, self._start, task, plan.ops, plan.seed)
        self.network.train()
        self._images = torch.from_numpy(data.normalised(data.train_images))
        self._labels = torch.tensor(data.train_labels)
        self._per_epoch = -(-len(self._labels[::2]) // plan.batch_size)
        self._alphas = [stage.alpha for stage in self.mixtures if stage.alpha is not None]
        own = {id(alpha) for alpha in self._alphas}
        self._weights = [value for value in self.network.parameters() if id(value) not in own]
        recipe = plan.recipe
        self._rates = recipe.learning_rates(self.last)
        self._criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self._arch_optimizer = torch.optim.Adam(
            self._alphas, lr=plan.arch_learning_rate, betas=(0.5, 0.999), weight_decay=1e-3
        )
        self._probabilities: list[list[dict[str, float]]] = [[] for _ in self.mixtures]
        self._decisions: list[list[Decision]] = [[] for _ in self.mixtures]
        self.done = 0

    @property
    def last(self) -> int:
        """Steps that are made in all."""
        return self.plan.epochs * self._per_epoch

    def steps(self) -> Iterator[int]:
        """Makes the steps that are left; yields the steps so far after each.

        Raises:
            SpecError: If the training diverges.
        """
        while self.done < self.last:
            with single_threaded(), isolated(seed=derived_seed("metapool step", self.plan.seed, self.done) % 2**63):
                self._step()
            yield self.done

    def chosen(self) -> ChosenPooling:
        """The result.

        Raises:
            SpecError: If steps are left.
        """
        if self.done < self.last:
            raise SpecError(f"{self.done} of {self.last} steps are made; make the others first.")
        rows = zip(self.mixtures, self._probabilities, self._decisions, strict=True)
        stages = [ChosenStage(mixture.ops, tuple(found), tuple(decided)) for mixture, found, decided in rows]
        genes = {**self._space.genes(self._start), "enhancer": [stage.op for stage in stages]}
        return ChosenPooling(self._space.arch(genes), self._start, stages)

    def _step(self) -> None:
        if undecided := [stage.alpha for stage in self.mixtures if len(stage.kept) > 1 and stage.alpha is not None]:
            self._arch_optimizer.zero_grad()
            self._loss(1).backward(inputs=undecided)  # type: ignore[no-untyped-call]
            self._arch_optimizer.step()
        self._optimizer.param_groups[0]["lr"] = self._rates[self.done]
        self._optimizer.zero_grad()
        self._loss(0).backward(inputs=self._weights)  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._weights, self.plan.clip)
        self._optimizer.step()
        self.done += 1
        if self.done % self._per_epoch == 0:
            self._decide(self.done // self._per_epoch)

    def _loss(self, half: int) -> Tensor:
        """Loss of the batch of this step, of the even (0) or the odd (1) training images."""
        batch = self._batch(half, self.done)
        loss: Tensor = self._criterion(self.network(self._images[batch]), self._labels[batch])
        if not bool(torch.isfinite(loss)):
            raise SpecError(
                f"The training diverged after {self.done} steps: a loss is not finite. Give a lower `learning_rate`."
            )
        return loss

    def _batch(self, half: int, number: int) -> Tensor:
        """Indices of the images of a step: each epoch has a separate order."""
        places = np.arange(half, len(self._labels), 2)
        size = self.plan.batch_size
        epoch, place = divmod(number, -(-len(places) // size))
        order = np.random.default_rng(derived_seed("metapool", "order", self.plan.seed, half, epoch)).permutation(
            places
        )
        return torch.from_numpy(order[place * size : (place + 1) * size])

    def _decide(self, epoch: int) -> None:
        for place, stage in enumerate(self.mixtures):
            if len(stage.kept) > 1:
                probabilities = stage.probabilities()
                self._probabilities[place].append(probabilities)
                decision = decide(probabilities, epoch, self.plan)
                if decision is not None:
                    self._keep(place, decision)

    def _keep(self, place: int, decision: Decision) -> None:
        self._decisions[place].append(decision)
        self.mixtures[place].keep(decision.kept)

    def state(self) -> bytes:
        """All that later steps depend on, as the content of a safetensors file."""
        facts = {
            "done": self.done,
            "probabilities": self._probabilities,
            "decisions": [[asdict(each) for each in decided] for decided in self._decisions],
        }
        return step_state(self._parameters, self._optimizers, facts)

    def restore(self, state: bytes) -> None:
        """Restores a state of a training with the same arguments, before its first step.

        Raises:
            Exception: Any error that a foreign state leads to; call it inside `autoprox.base.foreign.guarded`.
        """
        facts = restore_step_state(state, self._parameters, self._optimizers)
        self._probabilities = [[dict(each) for each in found] for found in facts["probabilities"]]
        for place, decided in enumerate(facts["decisions"]):
            for each in decided:
                self._keep(place, Decision(int(each["epoch"]), tuple(each["kept"]), str(each["reason"])))
        self.done = int(facts["done"])

    @property
    def _parameters(self) -> Sequence[nn.Parameter]:
        return [*self._weights, *self._alphas]

    @property
    def _optimizers(self) -> Sequence[torch.optim.Optimizer]:
        return [self._optimizer, self._arch_optimizer]
