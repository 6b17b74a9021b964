"""Laws of every space: registered ones, what users may write, and degenerate ones.

The laws stand in `autoprox.testing`; a new space is taken up by its registration.
"""

import os
import subprocess
import sys
from pathlib import Path

from autoprox.spaces import SPACES
from autoprox.testing import SpaceLaws
from tests.conformance.spaces import ODD, REGISTERED, USERS, on

USER = Path(__file__).parents[1] / "spaces" / "conv_mixer.py"


class TestSpaces(SpaceLaws):
    space_given = on([*REGISTERED.values(), *USERS.values(), *ODD.values()])
    draws = 20


def test_there_are_the_four_spaces():
    assert {"autoformer-ti", "autoformer-micro", "pit-ti", "pit-micro"} <= set(SPACES)


def test_a_registered_space_has_the_name_that_it_is_found_by():
    assert all(space.name == space.reference == name for name, space in SPACES.items())


STABLE = """
import hashlib, sys
import numpy as np
from autoprox.spaces import SPACES, load_space
for s in SPACES.values():
    rng = np.random.default_rng(7)
    a, b = s.sample(rng), s.sample(rng)
    found = [a, b, s.mutate(a, rng), s.crossover(a, b, rng), *s.neighbours(a)]
    print(s.name, *(arch.arch_id for arch in found))
assert "torch" not in sys.modules, "spaces must not import torch"
import torch
for user in map(load_space, sys.argv[1:]):
    print(user.identity)
for name, s in SPACES.items():
    if name.endswith("-micro"):
        model = s.build(s.sample(np.random.default_rng(3)), 10, 8, 1, seed=5)
        print(name, hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest())
"""


def test_identities_and_parameters_are_the_same_in_fresh_processes():
    def output(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", STABLE, f"{USER}:space"], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert output("1") == output("2022")
