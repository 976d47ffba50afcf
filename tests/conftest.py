"""What holds for every room's tests."""

from __future__ import annotations

import os

# Read when NumPy is imported, and inherited by the processes that tests start. The matrices are
# small: two threads take half as much processor time again, and spin where the cores are shared.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
