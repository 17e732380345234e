"""A hundred clients that stop reading: nobody else waits for them, neither a client nor a driver."""

import json
import os
import time
from pathlib import Path

import pytest
from asyncua import ua

from harness.abuse import rounds
from harness.process import SLOW
from harness.session import Session, tag

N_CLIENTS = 100


def stop_reading(session):
    """Subscribes to much, asks for more, and never reads again."""
    made = session.subscribe(interval=10.0, lifetime=1_500).SubscriptionId
    items = [session.item(tag(f"bulk.d.m{n}"), handle=n, queue=100) for n in range(200)]
    items += [session.item(tag("sig.d.counter"), handle=n, queue=100) for n in range(50)]
    session.monitor(made, items)
    request = ua.ReadRequest()
    for _ in range(500):
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = tag("mem.all.string"), 13
        request.Parameters.NodesToRead.append(item)
    publish, read = session.encode(ua.PublishRequest()), session.encode(request)
    session.socket.settimeout(0.02)
    try:
        # What comes after these is left in the socket once too much waits to be sent.
        for body in [*[publish] * 60, *[read] * 30]:
            session.send(session.message(body))
    except TimeoutError:
        pass


@pytest.mark.remains(rest_kb=90_000, peak_kb=400_000)
def test_a_hundred_clients_that_stop_reading(arena, target):
    """They ask for 7 GB, keep the connection and read nothing; half of them come back in the end, the others vanish."""
    clients = []
    with Session(target.port) as writer:
        assert writer.write(tag("mem.all.string"), "x" * 5_000, ua.VariantType.String) == "Good"
        for _ in range(N_CLIENTS):
            clients.append(Session(target.port, timeout_ms=10_000.0))
        for client in clients:
            stop_reading(client)
        number, end = 0, time.monotonic() + rounds(40, 4)
        most = arena.quotas()
        while time.monotonic() < end:
            number += 1
            value = ua.Variant(float(number), ua.VariantType.Double)
            writer.write_values([(tag(f"bulk.d.m{n}"), value) for n in range(300)])
            time.sleep(0.05)
            if number % 20 == 0:
                most = {name: max(most[name], now) for name, now in arena.quotas().items()}
        writer.write(tag("mem.all.string"), "plain", ua.VariantType.String)
        writer.close_session()
    assert number > 20 / SLOW
    assert most["unsent_bytes"] <= (64 << 20) + N_CLIENTS * (4 << 20)
    if figures := os.environ.get("TAGWIRE_ABUSE_FIGURES"):
        with Path(figures).open("a") as file:
            print(json.dumps({"clients": N_CLIENTS, "writes": number, "rss_kb": arena.rss_kb(), **most}), file=file)
    for client in clients[::2]:
        # Closing with unread bytes resets the connection.
        client.close()
    for client in clients[1::2]:
        come_back(client)


def come_back(client):
    """Reads everything that waits, closes the session and goes."""
    client.socket.settimeout(10 * SLOW)
    closing = client.message(client.encode(ua.CloseSessionRequest()))
    client.socket.setblocking(False)
    sent, end = 0, time.monotonic() + 10 * SLOW
    # A request that was cut in the middle spoils the stream: then the server closes, which is as good.
    while time.monotonic() < end:
        try:
            if sent < len(closing):
                sent += client.socket.send(closing[sent:])
        except BlockingIOError:
            pass
        except ConnectionError:
            break
        try:
            if not client.socket.recv(1 << 20):
                break
        except BlockingIOError:
            if sent == len(closing):
                break
            time.sleep(0.005)
        except ConnectionError:
            break
    client.close()
