"""Spaces by name: those that come with autoprox, and references to spaces of users."""

from autoprox.base.errors import RegistryError, suggestion
from autoprox.base.references import absolute, is_reference
from autoprox.spaces.space import SPACES, Space, referenced
from autoprox.spaces.trained_spaces import EMBEDDED_SPACES


def load_space(reference: Space | str) -> Space:
    """Finds a space.

    Args:
        reference: The name of a space that comes with autoprox; or the place of your space, as
            `my_package.spaces:space` or `my_file.py:space`, which is then imported. A space is returned as it is.

    Raises:
        RegistryError: If there is no space of this name; the message gives the nearest name and all of them.
        SpecError: If there is no such module or file, it cannot be imported, or what it holds is not a space.

    Example:
        >>> load_space("pit-micro").default_img_size
        28
        >>> load_space("pit-mikro")
        Traceback (most recent call last):
        ...
        autoprox.base.errors.RegistryError: Unknown space 'pit-mikro'. Did you mean 'pit-micro'? Allowed: \
autoformer-micro, autoformer-ti, lr-autoformer-digits, lr-autoformer-patches, lr-pit-digits, lr-pit-patches, \
mixer-micro, mq-autoformer-digits, mq-autoformer-patches, mq-pit-digits, mq-pit-patches, pit-micro, pit-ti. A space \
in your code is named as my_package.spaces:space or my_file.py:space.
    """
    if isinstance(reference, Space):
        return reference
    if reference in SPACES:
        return SPACES[reference]
    if reference in EMBEDDED_SPACES:
        return referenced(reference, EMBEDDED_SPACES[reference])
    if not is_reference(reference):
        raise RegistryError(
            f"Unknown space '{reference}'. {suggestion(reference, space_names())} A space in your code is named as "
            "my_package.spaces:space or my_file.py:space."
        )
    return referenced(reference, absolute(reference))


def space_names() -> list[str]:
    """The names of all spaces that come with autoprox, those around trained networks last.

    Example:
        >>> space_names()[0], space_names()[-1]
        ('autoformer-ti', 'lr-pit-patches')
    """
    return [*SPACES, *EMBEDDED_SPACES]
