"""Spoilt requests in great number: the client of `tests/src/bin/tagwire-mutate` against the real server."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from harness.abuse import FULL
from harness.samples import SERVICES
from harness.session import Session, node

BATCHES = int(os.environ.get("TAGWIRE_ABUSE_BATCHES", 2))
MESSAGES = int(os.environ.get("TAGWIRE_ABUSE_MESSAGES", 20_000))
"""Each batch sends so many messages with a seed of its own; `cargo xtask soak` asks for more."""
FIRST_SEED = int(os.environ.get("TAGWIRE_ABUSE_SEED", 1))
PEERS = Path(os.environ.get("TAGWIRE_PEERS_RUST", Path(__file__).parents[3] / "target" / "ci"))


def header():
    made = ua.RequestHeader()
    made.AuthenticationToken = ua.NodeId(b"T" * 32, 0, ua.NodeIdType.ByteString)
    made.TimeoutHint = 2_000
    return made


def further_requests():
    """Services that nobody serves, and those whose samples need more than the usual."""
    yield ua.HistoryReadRequest()
    yield ua.HistoryUpdateRequest()
    yield ua.AddNodesRequest()
    yield ua.QueryFirstRequest()
    yield ua.RegisterServerRequest()
    yield ua.FindServersOnNetworkRequest()
    request = ua.CreateSubscriptionRequest()
    request.Parameters.RequestedPublishingInterval, request.Parameters.RequestedLifetimeCount = 10.0, 30
    request.Parameters.RequestedMaxKeepAliveCount, request.Parameters.PublishingEnabled = 3, True
    yield request
    request = ua.BrowseRequest()
    item = ua.BrowseDescription()
    item.NodeId, item.IncludeSubtypes, item.ResultMask = node("ns=2;s=mem.all"), True, 63
    request.Parameters.RequestedMaxReferencesPerNode, request.Parameters.NodesToBrowse = 3, [item, item]
    yield request


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """One valid request of every service, as a foreign encoder writes it."""
    requests = [make() for make in SERVICES.values()]
    requests += further_requests()
    lines = []
    for request in requests:
        request.RequestHeader = header()
        if isinstance(request, ua.CreateSessionRequest):
            request.Parameters.RequestedSessionTimeout = 10_000.0
        lines.append(struct_to_binary(request).hex())
    file = tmp_path_factory.mktemp("mutations") / "samples"
    file.write_text("\n".join(lines))
    return file


def push_out_strangers(target):
    """Sessions that nobody activated make way for new ones, whatever time they asked for."""
    with Session(target.port, create=False) as session:
        tokens = []
        for _ in range(499):
            session.create(timeout_ms=10_000.0)
            tokens.append(session.authentication)
        for token in tokens:
            session.authentication = token
            session.fault_of(session.close_session)


@pytest.mark.remains(rest_kb=32_000)
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + BATCHES))
def test_spoilt_requests_do_no_harm(arena, target, samples, seed, tmp_path):
    """In chunks and around them, with a session, without one, and within signed and encrypted messages."""
    (tmp_path / "server.der").write_bytes(target.certificate())
    identity = target.identity
    words = [PEERS / "tagwire-mutate", target.port, MESSAGES, seed, samples]
    words += [tmp_path / "server.der", identity.certificate_der, identity.key_der]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=280 if not FULL else 3_000)
    assert done.returncode == 0, done.stderr[-4000:] + target.process.output[-2000:]
    figures = json.loads(done.stdout)
    assert figures["messages"] >= MESSAGES and figures["answers"] > MESSAGES // 20, figures
    assert "panicked" not in target.process.output
    if file := os.environ.get("TAGWIRE_ABUSE_FIGURES"):
        with Path(file).open("a") as out:
            print(json.dumps({**figures, "rss_kb": arena.rss_kb(), "peak_kb": arena.peak_kb()}), file=out)
    push_out_strangers(target)
