"""The audit log: who did what is in it, tampering is found, and a check that shares no code with tagwire agrees."""

import hashlib
import json
import re
import signal

import pytest
from asyncua import Client, ua

from harness import certificates
from harness.process import wait_until
from harness.product import Tagwire, command, sim_device
from harness.session import Session

PASSWORD, WRONG = "correct horse battery", "wrong horse battery 77"
TAGS = sim_device("note static i32 rw\ntext static string rw\nfixed static i32 ro\nlist static f64[40] rw")


def tagwire(server, *words, **environment):
    return command(*words, "--config", server.file, cwd=server.folder, **environment)


def records(server, *words) -> list[dict]:
    done = tagwire(server, "audit", "show", "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def verify(server, *words) -> dict:
    done = tagwire(server, "audit", "verify", "--json", *words)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["good"] else 1), done.stdout + done.stderr
    return report


def check_by_the_document(folder):
    """docs/formats/audit.md, read by a program of its own: every hash, every link, every number."""
    files = sorted(folder.glob("audit-*.jsonl"), key=lambda path: int(path.name[6:-6]))
    before, seen = None, {}
    for path in files:
        data = path.read_bytes()
        assert data.endswith(b"\n")
        for number, line in enumerate(data.split(b"\n")[:-1]):
            record = json.loads(line)
            fields = list(record)
            assert fields[:3] == ["seq", "time", "what"] and fields[-2:] == ["prev", "hash"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", record["time"])
            assert hashlib.sha256(line[:-75] + b"}").hexdigest() == record["hash"]
            assert record["seq"] == (before["seq"] + 1 if before else record["seq"])
            assert record["prev"] == (before["hash"] if before else record["prev"])
            if record["seq"] == 1:
                assert record["prev"] == "0" * 64
            if number == 0:
                assert record["what"] == "log-file" and path.name == f"audit-{record['file']:06}.jsonl"
            before = record
            seen[record["seq"]] = record["hash"]
    head = json.loads((folder / "head").read_text())
    assert seen[head["seq"]] == head["hash"]
    return before["seq"]


@pytest.fixture
def server(tmp_path):
    server = Tagwire(tmp_path, TAGS, security=("none", "basic256sha256"), anonymous="none")
    server.configure(TAGS + '[access]\nusers = "users.toml"\n')
    added = tagwire(server, "user", "add", "anna", "--role", "operator", TAGWIRE_PASSWORD=PASSWORD)
    assert added.returncode == 0, added.stderr
    with server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
        yield server


def folder_of(server):
    return server.folder / "data" / "audit"


async def connect(server, password=PASSWORD) -> Client:
    client = Client(server.url, timeout=10)
    client.application_uri = "urn:plant:desk"
    client.set_user("anna")
    client.set_password(password)
    await client.connect()
    return client


async def test_who_did_what_is_told_and_a_stranger_can_check_it(server, tmp_path):
    client = await connect(server)
    node = client.get_node("ns=2;s=mem.all.note")
    await node.write_value(ua.DataValue(ua.Variant(5, ua.VariantType.Int32)))
    await node.write_value(ua.DataValue(ua.Variant(7, ua.VariantType.Int32)))
    text, fixed = client.get_node("ns=2;s=mem.all.text"), client.get_node("ns=2;s=mem.all.fixed")
    await text.write_value(ua.DataValue(ua.Variant("x" * 5000, ua.VariantType.String)))
    with pytest.raises(ua.UaError):
        await fixed.write_value(ua.DataValue(ua.Variant(1, ua.VariantType.Int32)))
    await client.get_node("ns=2;s=mem.all.list").write_value(ua.DataValue(ua.Variant([0.5] * 40, ua.VariantType.Double)))
    with pytest.raises(ua.UaError):
        await client.nodes.server.call_method(ua.NodeId(11492), ua.Variant(99, ua.VariantType.UInt32))
    with pytest.raises(ua.UaError):
        await client.nodes.server.call_method(ua.NodeId(14304, 0), ua.Variant("a secret of a method", ua.VariantType.String))
    await client.disconnect()
    with pytest.raises(Exception):  # noqa: B017 asyncua raises many kinds when a log-in is refused
        await connect(server, WRONG)
    assert tagwire(server, "user", "add", "emma", "--role", "observer", TAGWIRE_PASSWORD="another secret 5").returncode == 0
    assert tagwire(server, "user", "add", "emma", "--role", "operator", TAGWIRE_PASSWORD="yet another 66").returncode == 0
    assert tagwire(server, "user", "remove", "emma").returncode == 0
    identity = certificates.make(tmp_path / "client", name="press hall")
    dropped = server.folder / "data" / "pki" / "trusted" / "client.der"
    dropped.write_bytes(identity.certificate_der.read_bytes())
    listed = json.loads(tagwire(server, "trust", "list", "--json").stdout)
    digits = listed["trusted"][0]["certificate"]
    assert tagwire(server, "trust", "block", digits).returncode == 0
    server.configure(TAGS + sim_device("more static i32 rw", link="second") + '[access]\nusers = "users.toml"\n')
    server.reload()

    writes = records(server, "--kind", "write")
    assert [(w["user"], w["application"], w["face"]) for w in writes] == [("anna", "urn:plant:desk", "opc-ua")] * 5
    assert writes[0]["items"] == [{"node": "ns=2;s=mem.all.note", "old": 0, "new": 5, "result": "Good"}]
    assert writes[1]["items"] == [{"node": "ns=2;s=mem.all.note", "old": 5, "new": 7, "result": "Good"}]
    assert writes[2]["items"][0]["new"] == {"text": "x" * 256, "length": 5000}
    assert writes[3]["items"][0]["result"] == "BadNotWritable" and writes[3]["n_failed"] == 1
    assert writes[4]["items"][0]["new"] == {"list": [0.5] * 16, "length": 40}
    [created] = [r for r in records(server, "--kind", "session-created") if r["session"] == writes[0]["session"]]
    assert created["mode"] == "none" and created["channel"] == writes[0]["channel"]
    first, second = records(server, "--kind", "call")
    assert first["calls"][0]["arguments"] == [99] and first["calls"][0]["result"] == "BadSubscriptionIdInvalid"
    assert second["calls"][0]["n_arguments"] == 1 and "arguments" not in second["calls"][0]
    kinds = [r["what"] for r in records(server, "--user", "anna")]
    assert kinds[0] == "user-added", "also what is done while no server runs"
    assert kinds[1:3] == ["session-activated", "write"] and "session-closed" in kinds
    [refused] = records(server, "--kind", "session-refused")
    assert refused["claimed"] == "anna" and refused["reason"] == "the password is wrong or cannot be decrypted"
    assert refused["result"] == "BadIdentityTokenRejected" and refused["peer"].startswith("127.0.0.1:")
    emma = records(server, "--user", "emma")
    assert [r["what"] for r in emma] == ["user-added", "user-changed", "user-removed"]
    assert all(isinstance(r["uid"], int) and r["face"] == "control" for r in emma)
    trust = records(server, "--kind", "trust")
    assert [r["change"] for r in trust] == ["file came into trusted", "blocked"], trust
    assert trust[1]["certificate"].startswith(digits)
    [reload] = records(server, "--kind", "reload")
    assert reload["links"] == "second" and reload["tags"] == "1 added, 0 removed, 0 changed"
    assert [r["what"] for r in records(server, "--kind", "server")] == ["server-started"]
    assert records(server, "--since", "2100-01-01T00:00:00Z") == [] and records(server, "--since", "1h") != []

    done = tagwire(server, "audit", "show", "--kind", "write")
    assert "anna@127.0.0.1" in done.stdout and "ns=2;s=mem.all.note 5 -> 7 Good" in done.stdout
    report = verify(server)
    assert report["good"] and report["records"] == check_by_the_document(folder_of(server))
    assert verify(server, "--head", report["head"])["good"]
    everything = b"".join(path.read_bytes() for path in folder_of(server).iterdir())
    hashes = (server.folder / "users.toml").read_text()
    for secret in (PASSWORD, WRONG, "another secret 5", "yet another 66", "a secret of a method", "argon2"):
        assert secret.encode() not in everything, secret
    assert "argon2" in hashes
    assert folder_of(server).stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder_of(server).iterdir())


async def test_refused_certificates_and_channels_are_told_with_the_true_reason(server, tmp_path):
    identity = certificates.make(tmp_path / "client", name="press hall")
    client = Client(server.url, timeout=10)
    client.application_uri = certificates.CLIENT_URI
    with pytest.raises(Exception):  # noqa: B017 asyncua raises many kinds when a channel is refused
        await client.set_security_string(f"Basic256Sha256,SignAndEncrypt,{identity.certificate_der},{identity.key_pem}")
        await client.connect()
    [refused] = records(server, "--kind", "certificate-refused")
    assert refused["code"] == "Untrusted" and len(refused["certificate"]) == 64
    assert [r["what"] for r in records(server, "--kind", "channel")] == ["channel-refused"]


def test_a_thousand_values_are_one_record_of_bounded_size(tmp_path):
    many = sim_device("\n".join(f"t{number} static f64 rw" for number in range(1000)))
    with Tagwire(tmp_path, many) as server:
        session = Session(server.port)
        items = [(f"ns=2;s=mem.all.t{number}", ua.Variant(float(number), ua.VariantType.Double)) for number in range(1000)]
        assert session.write_values(items) == ["Good"] * 1000
        [write] = records(server, "--kind", "write")
        assert write["n_items"] == 1000 and len(write["items"]) == 20 and write["n_failed"] == 0
        assert [item["new"] for item in write["items"]] == [float(number) for number in range(20)]
        assert write["user"] == "anonymous"


def test_what_is_written_before_a_kill_is_there_after_it(tmp_path):
    server = Tagwire(tmp_path, TAGS)
    for round_ in range(3):
        server.start()
        session = Session(server.port)
        for value in range(20):
            assert session.write("ns=2;s=mem.all.note", value, ua.VariantType.Int32) == "Good"
        [newest] = folder_of(server).glob("audit-*.jsonl")
        if round_ == 1:
            wait_until(lambda: newest.read_bytes().count(b'"new":19') == 2, 10, "the writes are in the file")
        elif round_ == 0:
            wait_until(lambda: b'"new":19' in newest.read_bytes(), 10, "the writes are in the file")
        server.process.signal(signal.SIGKILL)
        server.process.wait(10)
        if round_ == 1:
            with newest.open("ab") as file:
                file.write(b'{"seq":999,"time":"2026-0')
    with server:
        assert verify(server)["good"]
        check_by_the_document(folder_of(server))
        [repaired] = records(server, "--kind", "log-repaired")
        assert repaired["cut_bytes"] == 25
        assert len(records(server, "--kind", "server-started")) >= 3, "one may have been too young to be in the file"
    assert [r["what"] for r in records(server, "--kind", "server")][-1] == "server-stopped"


TAMPERING = {
    "a changed byte": (lambda lines: lines[:9] + [lines[9].replace(b'"new":', b'"neu":')] + lines[10:], "changed"),
    "a removed line": (lambda lines: lines[:9] + lines[10:], "missing"),
    "swapped lines": (lambda lines: lines[:9] + [lines[10], lines[9]] + lines[11:], "misplaced"),
    "an added line": (lambda lines: lines[:9] + [lines[8]] + lines[9:], "misplaced"),
    "a cut off end": (lambda lines: lines[:-3], "truncated"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found_with_file_and_line(tmp_path, name):
    change, kind = TAMPERING[name]
    with Tagwire(tmp_path, TAGS) as server:
        session = Session(server.port)
        for value in range(20):
            session.write("ns=2;s=mem.all.note", value, ua.VariantType.Int32)
    assert verify(server)["good"]
    [path] = folder_of(server).glob("audit-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))
    report = verify(server)
    assert kind in [flaw["kind"] for flaw in report["flaws"]], report
    done = tagwire(server, "audit", "verify")
    assert done.returncode == 1 and path.name in done.stdout and "in the audit log" in done.stderr
    if kind != "truncated":
        assert re.search(r"line (10|11):", done.stdout), done.stdout


def test_files_follow_each_other_and_old_ones_go(tmp_path):
    with Tagwire(tmp_path, TAGS + "[audit]\nvalues = 100\nmax_file_mib = 1\nkeep = 2\n") as server:
        session = Session(server.port)
        items = [("ns=2;s=mem.all.text", ua.Variant("y" * 300, ua.VariantType.String))] * 100
        for _ in range(120):
            assert session.write_values(items)[0] == "Good"
        assert verify(server)["good"]
        names = sorted(path.name for path in folder_of(server).glob("audit-*.jsonl"))
        assert len(names) == 2 and names[0] > "audit-000001.jsonl", names
        check_by_the_document(folder_of(server))
    (folder_of(server) / names[0]).unlink()
    assert [flaw["kind"] for flaw in verify(server)["flaws"]] == ["missing-file"]


def test_it_can_be_switched_off_and_a_wrong_key_is_explained(tmp_path):
    with Tagwire(tmp_path, TAGS + "[audit]\nfile = false\n") as server:
        assert not folder_of(server).exists()
        done = tagwire(server, "audit", "show")
        assert done.returncode == 1 and "keeps no audit log" in done.stderr
    server.configure(TAGS + "[audit]\nkeep = 1\nvalue = 3\n")
    done = tagwire(server, "check")
    assert done.returncode == 3 and "allowed are 2 to 100000" in done.stdout + done.stderr
    assert "did you mean" in done.stdout + done.stderr
