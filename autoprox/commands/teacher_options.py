"""The teacher as an option of a command."""

import argparse
from collections.abc import Iterable
from dataclasses import replace

from autoprox.base.errors import SpecError
from autoprox.bench.problem import Problem
from autoprox.commands.searchtask import NOISE, local_images, opened
from autoprox.commands.values import Text
from autoprox.scorers import Scorer
from autoprox.spaces import Space
from autoprox.spaces.task import Task
from autoprox.training import TEACHERS, named_teacher, teachers_of


def add_teacher_option(options: argparse._ActionsContainer, purpose: str, remark: str) -> None:
    """Adds --teacher.

    Args:
        options: Options of a command, or a group of them.
        purpose: Start of the help: the use of the teacher.
        remark: End of the help: a consequence of a teacher.
    """
    options.add_argument(
        "--teacher",
        metavar="T",
        help=f"{purpose}: {' or '.join(TEACHERS)}, for each data set; or your own, as my_file.py:model. {remark}",
        type=Text(TEACHERS, files=True),
    )


def with_teachers(problem: Problem, options: argparse.Namespace) -> Problem:
    """A problem with the teachers that the options name, if they do.

    Raises:
        SpecError: If there is no such teacher.
        TableError: If there are no images to train it on.
        AutoproxError: If it cannot be trained.
    """
    if options.teacher is None:
        return problem
    return replace(problem, teachers=teachers_of(options.teacher, problem.table, problem.blocks))


def check_teacher(scorers: Iterable[Scorer], options: argparse.Namespace) -> None:
    """Checks that the options name a teacher if, and only if, a scorer compares with one.

    Raises:
        SpecError: If they do not.
    """
    names = {each.name: each.needs.teacher for each in scorers}
    if options.teacher is None:
        for name in (name for name, compares in names.items() if compares):
            raise SpecError(f"'{name}' compares networks with a teacher; name one with --teacher.")
    elif not any(names.values()):
        listed = ", ".join(f"'{name}'" for name in names)
        raise SpecError(f"--teacher {options.teacher}: no comparison with a teacher in {listed}; leave it out.")


def taught(scorer: Scorer, options: argparse.Namespace, task: Task, space: Space) -> Scorer:
    """A scorer with the teacher that the options name, if there is one.

    Raises:
        SpecError: If a required teacher is missing, a teacher is given to a scorer without one, or it does not exist.
        AutoproxError: If it cannot be trained.
    """
    check_teacher([scorer], options)
    if options.teacher is None:
        return scorer
    name = options.teacher
    data = None
    if name in TEACHERS:
        if task.dataset == NOISE:
            raise SpecError(
                f"--teacher {name} is trained on a data set; name one with --dataset, or give my_file.py:model."
            )
        data = opened(local_images(options, task.dataset, space), task.dataset)
    return scorer.taught_by(named_teacher(name, data))
