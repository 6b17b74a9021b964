"""Label kinds: the origins of the values of a table.

Kinds are different tasks and are never pooled. A new kind takes one file that registers it. Tables may then hold it,
and `bench build` can make it if the kind has a maker.
"""

from dataclasses import dataclass

from autoprox.base.registry import Registry


@dataclass(frozen=True)
class LabelKind:
    """Origin of a label.

    Args:
        name: Name in the column `label_kind`.
        description: Origin of a value in words, for reports.
        trained: True if the tested parameters were trained for this label, False if they were only evaluated.
        maker: An `autoprox.training.LabelMaker`, or its place as `my_package.labels:Maker`, which is imported when a
            label is made. None for a kind that only imported tables have.
        seeds: Default number of labels per architecture; None for the default of its stratum.

    Example:
        >>> LABEL_KINDS["supernet"].trained, str(KD)
        (False, 'kd')
    """

    name: str
    description: str
    trained: bool
    maker: object | str | None = None
    seeds: int | None = None

    def __str__(self) -> str:
        return self.name


LABEL_KINDS: Registry[LabelKind] = Registry("label kind")
"""All label kinds by name."""


def register_label_kind(kind: LabelKind) -> LabelKind:
    """Adds a label kind under its name.

    Raises:
        RegistryError: If the name is taken.
    """
    return LABEL_KINDS.register(kind.name, kind)


SCRATCH = register_label_kind(
    LabelKind("scratch", "trained from a fresh initialisation", trained=True, maker="autoprox.training:Scratch")
)
KD = register_label_kind(
    LabelKind("kd", "trained beside a teacher", trained=True, maker="autoprox.training:Distilled", seeds=2)
)
for _by, _what in (
    ("logits", "a teacher's logits"),
    ("relation", "a teacher, by the relations of images (DisWOT)"),
    ("semantic", "a teacher, by the correlations of channels (DisWOT)"),
):
    register_label_kind(
        LabelKind(f"kd-{_by}", f"trained beside {_what}", trained=True, maker=f"autoprox.training:by_{_by}", seeds=2)
    )
SUPERNET = register_label_kind(LabelKind("supernet", "inherited from a supernet", trained=False))
COMPRESSED = register_label_kind(
    LabelKind(
        "compressed",
        "of a trained network whose weights were quantised or factorised, without further training; each repetition is "
        "tested on a part of the test images",
        trained=False,
        maker="autoprox.compress:Compressed",
        seeds=2,
    )
)
TUNED = register_label_kind(
    LabelKind(
        "tuned",
        "of a trained network whose weights were quantised or factorised, after a short training",
        trained=True,
        maker="autoprox.compress:FineTuned",
        seeds=1,
    )
)
