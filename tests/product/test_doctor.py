"""`tagwire doctor`: what is wrong is told in one line with the remedy, and the remedy helps."""

import asyncio
import contextlib
import datetime
import json
import os
import re
import socket
import threading

import pytest
from asyncua import Server, ua
from asyncua.server import internal_server

from harness import certificates
from harness.plant import CONFIG, PASSWORD, USER
from harness.process import free_port, wait_until
from harness.product import Tagwire, command, sim_device

POLICIES = ("basic256sha256", "aes256-sha256-rsapss")
TAG = sim_device("note static i32 rw")


@pytest.fixture
def person(tmp_path):
    """Environment of a person whose command has contacted no server yet."""
    return {"XDG_DATA_HOME": str(tmp_path / "person")}


def doctor(*words, code=None, **environment):
    """The checks by name, each as a list of findings."""
    done = command("doctor", *words, "--json", **environment)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    if code is not None:
        assert done.returncode == code, done.stdout
    checks = {}
    for finding in report["checks"]:
        assert finding["fix"] or finding["state"] == "good", finding
        checks.setdefault(finding["check"], []).append(finding)
    return checks


def told(checks, check, state):
    return " | ".join(f"{one['text']}; {one['fix']}" for one in checks.get(check, []) if one["state"] == state)


@contextlib.contextmanager
def listening(host, serve):
    """Somebody who listens at the host and has every connection served by a thread."""
    with socket.create_server((host, 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def answering(answer):
    """Somebody who answers everything the same."""

    def serve(client):
        with client, contextlib.suppress(OSError):
            while client.recv(65536):
                client.sendall(answer)

    return listening("127.0.0.1", serve)


def forwarded(host, port):
    """The server at another address."""

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve(client):
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
            pump(server, client)

    return listening(host, serve)


@pytest.fixture
def installation(tmp_path):
    """A server with security that knows one user, and does not run."""
    config = CONFIG + '[access]\nusers = "users.toml"\n'
    server = Tagwire(tmp_path / "server", config, security=POLICIES, anonymous="none")
    added = command("user", "add", USER, "--config", server.file, TAGWIRE_PASSWORD=PASSWORD)
    assert added.returncode == 0, added.stderr
    return server


@pytest.fixture
def secured(installation):
    """The same server while it runs."""
    with installation as server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
        yield server


def test_a_good_installation_is_good_before_the_start(installation):
    checks = doctor("--config", installation.file, code=0)
    assert "it does not run" in told(checks, "server", "good")
    assert "could listen" in told(checks, "port", "good")
    assert "the first start of the server makes it" in told(checks, "certificate", "good")


def test_a_good_installation_is_good_while_it_runs(secured):
    checks = doctor("--config", secured.file, code=0)
    assert "it runs and answers" in told(checks, "server", "good")
    assert "takes connections" in told(checks, "port", "good")
    assert "RSA with 3072 bits" in told(checks, "certificate", "good")
    assert "1 user can log in" in told(checks, "users", "good")


def test_an_installation_in_which_nobody_can_log_in_is_told(tmp_path):
    server = Tagwire(tmp_path, TAG, security=POLICIES, anonymous="none")
    checks = doctor("--config", server.file, code=1)
    assert "tagwire user add NAME" in told(checks, "users", "problem")
    with socket.create_server(("127.0.0.1", server.port)):
        assert "in use" in told(doctor("--config", server.file, code=1), "port", "problem")


def test_a_broken_configuration_is_told_with_line_and_fix(tmp_path):
    server = Tagwire(tmp_path, "[ua2]\n")
    assert "ua2" in told(doctor("--config", server.file, code=1), "configuration", "problem")


def test_rights_that_are_too_wide_are_told(tmp_path):
    server = Tagwire(tmp_path, TAG)
    with server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
    data = tmp_path / "data"
    key = data / "pki" / "own" / "key.pem"
    os.chmod(data, 0o755)
    os.chmod(key, 0o644)
    checks = doctor("--config", server.file, code=1)
    assert f"chmod 600 {key}" in told(checks, "data folder", "problem")
    assert f"chmod 700 {data}" in told(checks, "data folder", "warning")
    key.write_text("no key")
    assert "PKCS#8" in told(doctor("--config", server.file, code=1), "certificate", "problem")


def test_what_is_wrong_in_the_trust_lists_is_told(tmp_path):
    server = Tagwire(tmp_path / "server", TAG)
    pki = tmp_path / "server" / "data" / "pki"
    for name in ("trusted", "issuer"):
        (pki / name).mkdir(parents=True)
    authority = certificates.issue("plant authority", authority=True)
    authority.save(tmp_path)
    old = certificates.make(tmp_path, "old client", days=(-30, -1))
    (pki / "trusted" / "authority.der").write_bytes(authority.der)
    (pki / "trusted" / "old.der").write_bytes(old.der)
    (pki / "trusted" / "notes.txt").write_text("nothing")
    checks = doctor("--config", server.file, code=1)
    assert "plant authority is missing" in told(checks, "trust", "problem")
    warnings = told(checks, "trust", "warning")
    assert "old client expired" in warnings and "notes.txt" in warnings
    (pki / "issuer" / "old.crl").write_bytes(certificates.revocation_list(authority, days=-3))
    assert "is out of date" in told(doctor("--config", server.file, code=1), "trust", "problem")
    (pki / "issuer" / "authority.crl").write_bytes(certificates.revocation_list(authority))
    assert told(doctor("--config", server.file, code=0), "trust", "problem") == ""
    assert not (pki / "rejected").exists(), "the doctor changes nothing"


def test_a_name_that_is_missing_in_the_certificate_is_told(tmp_path):
    server = Tagwire(tmp_path, TAG)
    with server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
    server.ua = 'hosts = ["press-hall.example"]'
    server.configure(TAG)
    assert "press-hall.example" in told(doctor("--config", server.file, code=0), "certificate", "warning")


def test_an_own_certificate_that_ends_soon_is_told_by_doctor_and_by_the_server(tmp_path):
    authority = certificates.issue("plant authority", authority=True)
    own = tmp_path / "data" / "pki" / "own"
    server = Tagwire(tmp_path, TAG)
    for days, state, words, said in (
        ((-1, 10), "warning", "expires in 9 days", "expires in 9 days"),
        ((-9, -2), "problem", "expired on", "expired on"),
        ((3, 90), "problem", "not valid before", None),
    ):
        identity = certificates.issue("own", "urn:plant:own", issuer=authority, days=days)
        identity.name = "made"
        identity.save(tmp_path)
        own.mkdir(parents=True, exist_ok=True)
        (own / "cert.der").write_bytes(identity.certificate_der.read_bytes())
        (own / "key.pem").write_bytes(identity.key_pem.read_bytes())
        os.chmod(own / "key.pem", 0o600)
        checks = doctor("--config", server.file, code=1 if state == "problem" else 0)
        assert words in told(checks, "certificate", state)
        if said:
            with server:
                wait_until(lambda: f"certificate of this server {said}" in server.process.output, 10, "the log tells it")


def test_a_certificate_without_its_key_is_told(tmp_path):
    server = Tagwire(tmp_path, TAG)
    own = tmp_path / "data" / "pki" / "own"
    for name in ("one", "two"):
        certificates.make(tmp_path, name)
    own.mkdir(parents=True)
    (own / "cert.der").write_bytes((tmp_path / "one.der").read_bytes())
    (own / "key.pem").write_bytes((tmp_path / "two.key.pem").read_bytes())
    assert "does not belong to the key" in told(doctor("--config", server.file, code=1), "certificate", "problem")


def test_trust_in_both_directions_is_explained_until_it_works(secured, person, tmp_path):
    checks = doctor(secured.url, code=1, **person)
    assert "speaks OPC UA" in told(checks, "connection", "good")
    assert "4 endpoints" in told(checks, "endpoints", "good")
    assert "Aes256_Sha256_RsaPss sign-and-encrypt" in checks["endpoints"][0]["details"][0]
    fingerprint = secured.process.output.split("certificate ")[-1].split()[0]
    problem = told(checks, "our trust", "problem")
    assert fingerprint in problem and f"tagwire doctor {secured.url} --trust" in problem

    checks = doctor(secured.url, "--trust", code=1, **person)
    assert "from now on" in told(checks, "our trust", "good")
    problem = told(checks, "their trust", "problem")
    digits = problem.split("tagwire trust accept ")[1].split(",")[0]
    assert digits in told(doctor("--config", secured.file, code=0), "trust", "warning")
    accepted = command("trust", "accept", digits, "--config", secured.file)
    assert accepted.returncode == 0, accepted.stderr

    checks = doctor(secured.url, code=0, **person)
    assert "trusts us" in told(checks, "their trust", "good")
    assert "--user NAME" in told(checks, "session", "warning")
    assert "ours" in told(checks, "clock", "good")
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    checks = doctor(secured.url, "--user", USER, "--password-file", password, code=0, **person)
    assert "Aes256_Sha256_RsaPss sign-and-encrypt" in told(checks, "session", "good")
    assert "ours" in told(checks, "clock", "good")
    password.write_text("wrong password")
    checks = doctor(secured.url, "--user", USER, "--password-file", password, code=1, **person)
    assert "check the user name" in told(checks, "session", "problem")


def test_security_that_is_not_offered_is_told(secured, person):
    words = (secured.url, "--user", USER, "--security")
    for word, check in (("aes128-sha256-rsaoaep", "endpoints"), ("none", "session")):
        checks = doctor(*words, word, code=1, TAGWIRE_PASSWORD=PASSWORD, **person)
        assert "leave --security out" in told(checks, check, "problem"), checks


def test_a_host_name_that_the_certificate_does_not_hold_is_told(secured, person):
    checks = doctor(f"opc.tcp://127.0.0.2:{secured.port}", code=1, **person)
    assert "nothing listens" in told(checks, "connection", "problem")
    with forwarded("127.0.0.2", secured.port) as port:
        checks = doctor(f"opc.tcp://127.0.0.2:{port}", code=1, **person)
    warning = told(checks, "certificate", "warning")
    assert "does not name the host 127.0.0.2" in warning and 'hosts = ["127.0.0.2"]' in warning


def test_nothing_or_something_else_at_the_address_is_told(person):
    assert "nothing listens" in told(doctor(f"opc.tcp://127.0.0.1:{free_port()}", code=1, **person), "connection", "problem")
    assert "no address" in told(doctor("opc.tcp://no-such-host.invalid", code=1, **person), "name", "problem")
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "OPC UA" in told(doctor(f"opc.tcp://127.0.0.1:{port}", code=1, **person), "connection", "problem")
    with answering(b"") as port:
        url = f"opc.tcp://127.0.0.1:{port}"
        assert "says nothing" in told(doctor(url, "--timeout", "300ms", code=1, **person), "connection", "problem")


def test_a_server_without_security_is_told(plant, person):
    checks = doctor(plant.url, code=0, **person)
    assert "no endpoint has security" in told(checks, "endpoints", "warning")
    assert "lets us in without a user" in told(checks, "session", "good")


async def test_a_clock_that_is_off_is_told(person, monkeypatch):
    class Tomorrow(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + datetime.timedelta(days=1)

    monkeypatch.setattr(internal_server, "datetime", Tomorrow)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        checks = await asyncio.to_thread(doctor, server.endpoint.geturl(), code=1, **person)
    assert "ahead of ours" in told(checks, "clock", "problem")


def test_a_new_installation_reads_like_this(tmp_path):
    server = Tagwire(tmp_path, TAG, security=POLICIES, anonymous="none")
    done = command("doctor", "--config", "tagwire.toml", cwd=tmp_path)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", done.stdout).replace(str(server.port), "PORT")
    text = re.sub(r"may open .* files", "may open N files", text)
    assert done.returncode == 1 and done.stderr == ""
    assert text == (
        'warning  configuration: tagwire.toml:9: [ua]: nobody can log in: there is no users.toml, and anonymous is "none"; '
        "add a user with: tagwire user add NAME --config FILE\n"
        "good     configuration: tagwire.toml has 1 link and 1 tag\n"
        "good     clock: it is TIME\n"
        "good     server: it does not run\n"
        "good     data folder: data is not there yet; the first start of the server makes it\n"
        "good     certificate: there is none yet; the first start of the server makes it\n"
        "good     trust: 0 application certificates trusted, 0 issuers\n"
        "problem  users: nobody can log in: there is no user, no certificate of a user is trusted, and [ua] anonymous "
        "is none; type: tagwire user add NAME --config tagwire.toml\n"
        "good     port: the server could listen on 127.0.0.1:PORT\n"
        "good     open files: a program started here may open N files, and needs up to 666\n"
        "8 good, 1 warning, 1 problem\n"
    )


def test_the_lines_are_for_people(secured, person):
    done = command("doctor", secured.url, **person)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert all(line.startswith(("good     ", "warning  ", "problem  ")) for line in lines[:-1]), done.stdout
    assert lines[-1].endswith("1 problem"), done.stdout


def test_a_password_file_makes_a_user(tmp_path):
    server = Tagwire(tmp_path / "server", TAG)
    password = tmp_path / "password"
    password.write_text("short\n")
    words = ("user", "add", "anna", "--password-file", password, "--config", server.file)
    refused = command(*words, TAGWIRE_PASSWORD="not this one")
    assert refused.returncode == 1 and "8 characters" in refused.stderr
    password.write_text("long enough now\n")
    assert command(*words).returncode == 0
