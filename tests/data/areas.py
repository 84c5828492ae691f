"""Masks of a few areas."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

few = settings(max_examples=40, deadline=None)


SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


MASKS = SIDES.flatmap(lambda size: hnp.arrays(np.uint8, size))
