"""A client that minds its own business: `python -m harness.bystander PORT` reads ten tags every 10 ms.

For each read it prints when it began and how long it took, in seconds of the monotonic clock, whether every value was
good, and how old the value of the polled counter was, in seconds. It is a process of its own, so that a busy test does not make it look slow.
"""

import sys
import time

from datetime import datetime, timezone

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from .session import Session, tag

INTERVAL = 0.01
DECODE_EVERY = 4
TAGS = ["sig.d.counter", "sig.d.sine", "mem.all.readonly", *(f"mem.all.w{number}" for number in range(7))]


def main(port: int):
    session = Session(port, timeout_ms=600_000.0)
    session.socket.settimeout(120)
    request = ua.ReadRequest()
    for name in TAGS:
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = tag(name), 13
        request.Parameters.NodesToRead.append(item)
    request.RequestHeader = session.header()
    body = struct_to_binary(request)
    age, number = 0.0, 0
    due = time.monotonic()
    while True:
        due = max(due + INTERVAL, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        session.send(session.message(body))
        answer = session.answer(session.request)
        took = time.monotonic() - begun
        if number % DECODE_EVERY == 0:
            # A good answer has always the same length: the same tags, of fixed size, without a status.
            expected = len(answer)
            results = struct_from_binary(ua.ReadResponse, Buffer(answer)).Results
            assert all(result.StatusCode.is_good() for result in results), results
            stamp = results[0].SourceTimestamp.replace(tzinfo=timezone.utc)
            age = (datetime.now(timezone.utc) - stamp).total_seconds()
        number += 1
        print(f"{begun:.6f} {took:.6f} {int(len(answer) == expected)} {age:.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
