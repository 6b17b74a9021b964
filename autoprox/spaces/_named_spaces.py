"""Spaces by name, and references to spaces defined by users."""

from autoprox.base.errors import RegistryError, suggestion
from autoprox.base.references import absolute, is_reference
from autoprox.spaces.space import SPACES, Space, referenced
from autoprox.spaces.trained_spaces import EMBEDDED_SPACES


def load_space(reference: Space | str) -> Space:
    """Loads a space by name or reference.

    Args:
        reference: The name of a space of autoprox, or the place of your space, such as `my_package.spaces:space` or
            `my_file.py:space`, which is imported. A space is returned unchanged.

    Raises:
        RegistryError: If the name is unknown; the message gives the nearest name and all of them.
        SpecError: If the module or file does not exist or cannot be imported, or the object is not a space.

    Example:
        >>> load_space("pit-micro").default_img_size
        28
        >>> load_space("pit-mikro")
        Traceback (most recent call last):
        ...
        autoprox.base.errors.RegistryError: Unknown space 'pit-mikro'. Did you mean 'pit-micro'? Allowed: \
autoformer-micro, autoformer-ti, lr-autoformer-digits, lr-autoformer-patches, lr-pit-digits, lr-pit-patches, \
mixer-micro, mq-autoformer-digits, mq-autoformer-patches, mq-pit-digits, mq-pit-patches, pit-micro, pit-ti. Name a \
space in your code as my_package.spaces:space or my_file.py:space.
    """
    if isinstance(reference, Space):
        return reference
    if reference in SPACES:
        return SPACES[reference]
    if reference in EMBEDDED_SPACES:
        return referenced(reference, EMBEDDED_SPACES[reference])
    if not is_reference(reference):
        raise RegistryError(
            f"Unknown space '{reference}'. {suggestion(reference, space_names())} Name a space in your code "
            "as my_package.spaces:space or my_file.py:space."
        )
    return referenced(reference, absolute(reference))


def space_names() -> list[str]:
    """Lists the names of all spaces of autoprox; spaces around trained networks are last.

    Example:
        >>> space_names()[0], space_names()[-1]
        ('autoformer-ti', 'lr-pit-patches')
    """
    return [*SPACES, *EMBEDDED_SPACES]
