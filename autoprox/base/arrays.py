"""Array types shared by all packages."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""Float64 array of any shape."""
