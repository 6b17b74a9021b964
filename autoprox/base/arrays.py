"""Types of arrays that many rooms use."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""Float64 array of any shape."""
