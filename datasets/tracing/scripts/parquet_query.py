"""A filter and a grouped sum over a Parquet file, COUNT times; `make` writes the file."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

path, what = sys.argv[1], sys.argv[2]
if what == "make":
    rng = np.random.default_rng(1)
    rows = 2_000_000
    columns = {
        "group": rng.integers(0, 1000, rows),
        "price": rng.random(rows),
        "amount": rng.integers(0, 50, rows),
        "unused": rng.random(rows),
    }
    pq.write_table(pa.table(columns), path, row_group_size=200_000)
else:
    for _ in range(int(what)):
        table = pq.read_table(
            path, columns=["group", "price", "amount"], filters=pc.field("amount") > 10
        )
        table.group_by("group").aggregate([("price", "sum"), ("amount", "mean")])
