"""SQLite on a file: COUNT operations of one KIND on a table of ten thousand rows."""

import random
import sqlite3
import sys
import time

ROWS = 10_000

path, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
database = sqlite3.connect(path, isolation_level=None)
database.execute("CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, v TEXT)")
if not database.execute("SELECT count(*) FROM t").fetchone()[0]:
    rows = ((k, "x" * 100) for k in range(ROWS))
    database.execute("BEGIN")
    database.executemany("INSERT INTO t VALUES (?, ?)", rows)
    database.execute("COMMIT")
numbers = random.Random(1)
# SQLite writes nothing where a value stays as it is, so each run brings its own.
value = f"{time.time_ns():>100}"
for _ in range(count):
    k = numbers.randrange(ROWS)
    if kind == "select":
        database.execute("SELECT v FROM t WHERE k = ?", (k,)).fetchone()
    elif kind == "update":  # its own transaction: a journal, two fsyncs or more
        database.execute("UPDATE t SET v = ? WHERE k = ?", (value, k))
    else:  # a batch of a hundred in one transaction
        database.execute("BEGIN")
        changes = ((value, numbers.randrange(ROWS)) for _ in range(100))
        database.executemany("UPDATE t SET v = ? WHERE k = ?", changes)
        database.execute("COMMIT")
