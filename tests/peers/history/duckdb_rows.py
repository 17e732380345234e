"""One row per sample in DuckDB, one thread: `duckdb_rows.py FILE ROWS TAGS`; ROWS is a file of the load."""

import json
import os
import sys
import time

import duckdb
import numpy

PIECE = 100_000
ROW = numpy.dtype([("tag", "<u4"), ("status", "<u4"), ("source", "<i8"), ("server", "<i8"), ("value", "<f8")])


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def main(file, rows, tags):
    load = numpy.memmap(rows, dtype=ROW, mode="r")
    database = duckdb.connect(file, config={"threads": 1})
    database.execute("create table samples (tag uinteger, status uinteger, source bigint, server bigint, value double)")
    cpu, memory = 0.0, 0
    for first in range(0, len(load), PIECE):
        part = load[first : first + PIECE]
        piece = {name: numpy.ascontiguousarray(part[name]) for name in ROW.names}  # noqa: F841 (read by name in SQL)
        begun = time.process_time()
        database.execute("insert into samples select tag, status, source, server, value from piece")
        cpu += time.process_time() - begun
        memory = max(memory, resident())
    begun = time.process_time()
    database.execute("checkpoint")
    sealing = time.process_time() - begun
    scanned, best = 0, float("inf")
    for _ in range(10):
        scanned, begun = 0, time.process_time()
        for tag in range(0, tags, -(-tags // 20)):
            found = database.execute(
                "select source, server, status, value from samples where tag = ? order by source", [tag]
            ).fetchnumpy()
            scanned += len(found["value"])
        best = min(best, time.process_time() - begun)
    database.close()
    begun = time.monotonic()
    duckdb.connect(file).execute("select source from samples limit 1").fetchall()
    opened = time.monotonic() - begun
    size = os.path.getsize(file)
    print(
        json.dumps(
            {
                "samples": len(load),
                "ingest_cpu_s": cpu,
                "sealing_cpu_s": sealing,
                "bytes": size,
                "files": size,
                "scanned": scanned,
                "scan_cpu_s": best,
                "memory": memory,
                "open_s": opened,
            }
        )
    )


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
