"""Discovery of a proxy in one call."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from torch import nn

from autoprox.api._bars import bar, unwrapped
from autoprox.api._given import problem
from autoprox.base.progress import progress as counting
from autoprox.bench import DEFAULT_TABLE, Table
from autoprox.evolve import DEFAULT_BUDGET, DEFAULT_STRATEGY, Discoverer, Discovery, EvolutionPlan, Stop
from autoprox.spaces import Space
from autoprox.training import teachers_of

__all__ = ["discover"]


def discover(
    table: Table | str | Path = DEFAULT_TABLE,
    *,
    spaces: Sequence[str | Space] | None = None,
    datasets: Sequence[str] | None = None,
    label_kind: str | None = None,
    images: Mapping[str, Path] | None = None,
    budget: int = DEFAULT_BUDGET,
    seed: int = 0,
    strategy: str = DEFAULT_STRATEGY,
    islands: int = 1,
    seed_zoo: bool = False,
    beyond_size: float = 0.0,
    teacher: str | nn.Module | None = None,
    sealed: bool = False,
    jobs: int = 1,
    journal: Path | None = None,
    progress: bool = True,
) -> Discovery:
    """Discovers a zero-cost proxy: evolves it on the fit split of a table and chooses it on the select split.

    Args:
        table: A table, the path of one, or the name of an embedded one.
        spaces: Only these spaces of the table; all if None. Give your own space as an object or by its location
            (`my_file.py:space`).
        datasets: Only these data sets; all if None.
        label_kind: The label kind; `scratch` if None and the table has it.
        images: Folders with images to compute statistics on, by data set.
        budget: Distinct valid candidates in total.
        seed: The same seed gives the same proxy, for any number of jobs.
        strategy: Search strategy, a name of `autoprox.evolve.STRATEGIES`.
        islands: Number of populations that exchange members.
        seed_zoo: Starts from the graphs of the zoo if true.
        beyond_size: Weight, in the fitness, of the correlation among architectures of one size.
        teacher: Lets candidates compare networks with a teacher: one of `autoprox.training.TEACHERS`, for each data
            set, or a network for all of them, as a module or by its location (`my_file.py:model`). The same search
            without it runs as well, to see what the teacher adds.
        sealed: Also scores the winner on the sealed split if true. The search never saw that split. Each scoring is
            counted per table and user, since repeated scorings make its figures less reliable.
        jobs: Number of processes.
        journal: File that records all candidates; an existing one of the same arguments is resumed.
        progress: Shows progress bars if true.

    Returns:
        The discovery: `proxy`, `verdicts`, `margins`, `hall` and more.

    Raises:
        TableError: If the table is missing or invalid, or too small to judge a proxy.
        RegistryError: If there is no such strategy.
        SpecError: If a number is out of range, or there is no such teacher.
        StoreMismatchError: If the journal belongs to another run.

    Example:
        >>> found = discover(spaces=["pit-micro"], datasets=["digits"], budget=60, progress=False)
        >>> found.judged_on.value, found.outcome.evaluated
        ('select', 60)
    """
    plan = EvolutionPlan(seed, strategy, None, islands, seed_zoo, beyond_size)
    chosen = problem(table, spaces, datasets, label_kind, images)
    if teacher is not None:
        chosen = replace(chosen, teachers=teachers_of(teacher, chosen.table, chosen.blocks))
    networks = bar("statistics", "network", shown=progress) or unwrapped
    with ExitStack() as stack:
        discoverer = Discoverer(chosen, jobs=jobs, network_progress=networks)
        if progress:
            reach = stack.enter_context(counting(budget, "candidate", name="search"))
            discoverer.candidate_progress = lambda count, best: reach(count, f"best {best:.3f}")
        return discoverer.run(plan, Stop(budget), journal, sealed=sealed)
