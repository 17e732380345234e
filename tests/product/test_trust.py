"""The trust flow as a new user meets it, rows X02 and X12: refused, one sentence, one command, connected."""

import datetime
import json
import time

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from harness import certificates
from harness.plant import CONFIG, PASSWORD, USER
from harness.process import wait_until
from harness.product import Tagwire, command

POLICIES = ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss")


@pytest.fixture
def server(tmp_path):
    """A server that nobody has trusted a client on."""
    server = Tagwire(tmp_path / "server", CONFIG + '[access]\nusers = "users.toml"\n', security=POLICIES, anonymous="none")
    added = tagwire(server, "user", "add", USER, "--role", "operator", TAGWIRE_PASSWORD=PASSWORD)
    assert added.returncode == 0, added.stdout + added.stderr
    with server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
        yield server


def tagwire(server, *words, **environment):
    return command(*words, "--config", server.file, cwd=server.folder, **environment)


def trust(server, *words):
    done = tagwire(server, "trust", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed(server):
    return json.loads(trust(server, "list", "--json"))


async def connect(server, identity) -> Client:
    client = Client(server.url, timeout=10)
    client.application_uri = certificates.CLIENT_URI
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(identity.certificate_der),
        str(identity.key_pem),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    client.set_user(USER)
    client.set_password(PASSWORD)
    await client.connect()
    return client


async def refused(server, identity) -> bool:
    try:
        client = await connect(server, identity)
    except Exception:  # noqa: BLE001 asyncua raises many kinds when a channel is refused
        return True
    await client.disconnect()
    return False


async def test_an_untrusted_client_is_connected_after_one_command(server, tmp_path):
    identity = certificates.make(tmp_path / "client", name="press hall")
    for _ in range(3):
        assert await refused(server, identity)
    [waiting] = listed(server)["pending"]
    assert waiting["reason"] == "Untrusted" and waiting["count"] >= 3 and waiting["peer"] == "127.0.0.1"
    assert "press hall" in waiting["subject"] and waiting["uri"] == certificates.CLIENT_URI
    advice = f"type: tagwire trust accept {waiting['certificate']}"
    assert advice in waiting["fix"] and advice in trust(server, "list")
    sentence = [line for line in server.process.output.splitlines() if waiting["certificate"] in line]
    assert sentence and advice in sentence[0] and "not trusted" in sentence[0], server.process.output

    trust(server, "accept", waiting["certificate"])
    client = await connect(server, identity)
    assert await client.get_node("i=2258").read_value()
    after = listed(server)
    assert after["pending"] == [] and len(after["trusted"]) == 1
    await client.disconnect()


@pytest.mark.parametrize("decision", ["reject", "block"])
async def test_x12_taken_trust_ends_the_live_session_at_once(server, tmp_path, decision):
    identity = certificates.make(tmp_path / "client")
    other = certificates.make(tmp_path / "other", name="other")
    digits = {}
    for one in (identity, other):
        assert await refused(server, one)
        digits[one.certificate_der] = listed(server)["pending"][0]["certificate"]
        trust(server, "accept", digits[one.certificate_der])
    client, witness = await connect(server, identity), await connect(server, other)
    trust(server, decision, digits[identity.certificate_der])
    with pytest.raises(Exception):  # noqa: B017 the connection is gone, however the client says so
        for _ in range(20):
            await client.get_node("i=2258").read_value()
    assert await witness.get_node("i=2258").read_value(), "another client is left alone"
    await witness.disconnect()
    client.disconnect_socket()
    assert await refused(server, identity)
    after = listed(server)
    names = {state: [entry["certificate"] for entry in after[state]] for state in ("pending", "trusted", "blocked")}
    assert digits[identity.certificate_der] in names["pending" if decision == "reject" else "blocked"]
    assert digits[identity.certificate_der] not in names["trusted"]
    if decision == "block":
        assert names["pending"] == [], "a blocked certificate is not listed again"
    trust(server, "accept", digits[identity.certificate_der])
    client = await connect(server, identity)
    await client.disconnect()


async def test_trust_taken_by_hand_counts_too(server, tmp_path):
    identity = certificates.make(tmp_path / "client")
    dropped = server.folder / "data" / "pki" / "trusted" / "client.pem"
    dropped.write_bytes(identity.certificate_pem.read_bytes())
    client = await connect(server, identity)
    dropped.unlink()
    wait_until(lambda: "not trusted any more" in server.process.output, 10, "the session is closed")
    client.disconnect_socket()


def own_certificate(server) -> x509.Certificate:
    return x509.load_der_x509_certificate((server.folder / "data" / "pki" / "own" / "cert.der").read_bytes())


def facts(certificate):
    """What stays when a certificate is renewed."""
    key = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return key, set(names), certificate.subject


async def test_the_own_certificate_is_listed_and_renewed_with_its_key(server, tmp_path):
    """Who is connected stays connected; who comes anew sees the new certificate."""
    identity = certificates.make(tmp_path / "client")
    assert await refused(server, identity)
    trust(server, "accept", listed(server)["pending"][0]["certificate"])
    before = own_certificate(server)
    (own,) = listed(server)["own"]
    assert own["fingerprint"] == before.fingerprint(hashes.SHA256()).hex()
    assert own["fingerprint"] in trust(server, "list") and own["words"] in trust(server, "list")
    client = await connect(server, identity)
    told = trust(server, "renew")
    after = own_certificate(server)
    assert after.fingerprint(hashes.SHA256()).hex() in told and own["certificate"] in told
    assert facts(after) == facts(before) and after.serial_number != before.serial_number
    assert (after.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)).days > 3600
    former = server.folder / "data" / "pki" / "own" / f"former-{own['fingerprint']}.der"
    assert x509.load_der_x509_certificate(former.read_bytes()) == before
    assert await client.get_node("i=2258").read_value(), "its session goes on"
    endpoints = await client.get_endpoints()
    shown = {x509.load_der_x509_certificate(bytes(endpoint.ServerCertificate)) for endpoint in endpoints}
    assert shown == {after}
    other = await connect(server, identity)
    assert await other.get_node("i=2258").read_value()
    await other.disconnect()
    await client.disconnect()
    (record,) = [json.loads(line) for line in audited(server, "certificate-replaced")]
    assert record["former"] == own["fingerprint"] and record["certificate"] == listed(server)["own"][0]["fingerprint"]
    server.stop()
    told = trust(server, "renew")
    assert own_certificate(server) != after and facts(own_certificate(server)) == facts(after)
    assert listed(server)["own"][0]["fingerprint"] in told
    server.start()
    other = await connect(server, identity)
    await other.disconnect()


def audited(server, kind) -> list[str]:
    done = tagwire(server, "audit", "show", "--json", "--kind", kind)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_wrong_name_of_a_certificate_is_explained(server):
    done = tagwire(server, "trust", "accept", "0123abcd")
    assert done.returncode == 1 and "tagwire trust list" in done.stderr


def test_the_lists_can_be_seen_while_no_server_runs(tmp_path):
    server = Tagwire(tmp_path, CONFIG, security=POLICIES, anonymous="none")
    assert "waiting for a decision: none" in trust(server, "list")


async def gone(client) -> bool:
    try:
        await client.get_node("i=2258").read_value()
        return False
    except Exception:  # noqa: BLE001 the connection is gone, however the client says so
        return True


async def test_trust_for_a_time_ends_by_itself_and_with_it_the_session(server, tmp_path):
    identity = certificates.make(tmp_path / "client")
    assert await refused(server, identity)
    digits = listed(server)["pending"][0]["certificate"]
    assert "is trusted until" in trust(server, "accept", digits, "--for", "4s")
    assert listed(server)["trusted"][0]["until"]
    client = await connect(server, identity)
    for _ in range(100):
        if await gone(client):
            break
        time.sleep(0.1)
    assert await gone(client), "the session outlived the trust"
    client.disconnect_socket()
    assert await refused(server, identity)
    after = listed(server)
    assert after["trusted"] == [] and [entry["certificate"] for entry in after["pending"]] == [digits]


async def test_trust_for_a_day_outlives_a_restart_and_can_become_trust_for_good(server, tmp_path):
    identity = certificates.make(tmp_path / "client")
    assert await refused(server, identity)
    digits = listed(server)["pending"][0]["certificate"]
    trust(server, "accept", digits, "--for", "24h")
    server.stop()
    server.start()
    [entry] = listed(server)["trusted"]
    assert entry["until"] and f"until {entry['until']}" in trust(server, "list")
    client = await connect(server, identity)
    await client.disconnect()
    trust(server, "accept", digits)
    [entry] = listed(server)["trusted"]
    assert entry["until"] is None
    assert len(list((server.folder / "data" / "pki" / "trusted").iterdir())) == 1


async def test_fingerprints_are_shown_in_words_and_refusals_are_recorded_with_the_reason_of_the_list(server, tmp_path):
    wanted = {}
    for name, days in (("expired", (-9, -2)), ("not yet valid", (2, 9)), ("stranger", (-1, 9))):
        identity = certificates.make(tmp_path / name, name=name, days=days)
        (server.folder / "data" / "pki" / "trusted" / f"{name}.der").write_bytes(identity.der if name != "stranger" else b"")
        wanted[identity.fingerprint] = await refused(server, identity)
    assert all(wanted.values())
    waiting = {entry["fingerprint"]: entry for entry in listed(server)["pending"]}
    assert set(waiting) == set(wanted)
    text = trust(server, "list")
    for entry in waiting.values():
        words = entry["words"].split(" ")
        assert len(words) == 10 and entry["words"] in text
    shown = tagwire(server, "audit", "show", "--json", "--kind", "certificate-refused").stdout.splitlines()
    recorded = {record["certificate"]: record for record in map(json.loads, shown)}
    for fingerprint, entry in waiting.items():
        assert (recorded[fingerprint]["code"], recorded[fingerprint]["reason"]) == (entry["reason"], entry["why"])


async def test_a_declared_fingerprint_is_trusted_at_the_first_contact_and_no_longer_than_declared(server, tmp_path):
    identity = certificates.make(tmp_path / "client")
    plain = server.file.read_text()
    server.file.write_text(plain.replace("[ua]", f'[ua]\ntrusted_fingerprints = ["{identity.fingerprint}"]', 1))
    server.reload()
    client = await connect(server, identity)
    after = listed(server)
    assert after["declared"] == [identity.fingerprint] and after["trusted"] == after["pending"] == []
    assert identity.fingerprint in trust(server, "list")
    server.file.write_text(plain)
    server.reload()
    for _ in range(50):
        if await gone(client):
            break
        time.sleep(0.1)
    assert await gone(client), "the session outlived its declaration"
    client.disconnect_socket()
    assert await refused(server, identity)
    server.file.write_text(plain.replace("[ua]", '[ua]\ntrusted_fingerprints = ["12:34"]', 1))
    done = tagwire(server, "check")
    assert done.returncode != 0 and "which is no fingerprint" in done.stdout + done.stderr


async def test_an_authority_of_the_plant_issues_and_revokes(server, tmp_path):
    def ca(*words):
        done = tagwire(server, "ca", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    made = json.loads(ca("init", "--name", "hall 3", "--json"))
    assert tagwire(server, "ca", "init").returncode != 0, "an authority is never overwritten"
    assert (server.folder / "data" / "ca" / "key.pem").stat().st_mode & 0o777 == 0o600
    asking = certificates.make(tmp_path / "client")
    names = asking.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    request = x509.CertificateSigningRequestBuilder().subject_name(certificates.named("../../press"))
    request = request.add_extension(names, critical=False).sign(asking.key, hashes.SHA256())
    (tmp_path / "request.pem").write_bytes(request.public_bytes(certificates.PEM))
    issued = json.loads(ca("sign", tmp_path / "request.pem", "--out", asking.certificate_der, "--json"))
    certificate = x509.load_der_x509_certificate(asking.certificate_der.read_bytes())
    authority = x509.load_der_x509_certificate((server.folder / "data" / "ca" / "cert.der").read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert certificate.subject == request.subject and issued["uri"] == certificates.CLIENT_URI
    assert issued["fingerprint"][:8] in ca("list")
    client = await connect(server, asking)
    ca("revoke", issued["fingerprint"][:8])
    for _ in range(50):
        if await gone(client):
            break
        time.sleep(0.1)
    assert await gone(client), "the session outlived its certificate"
    client.disconnect_socket()
    assert await refused(server, asking)
    [waiting] = listed(server)["pending"]
    assert waiting["reason"] == "Revoked"
    assert made["fingerprint"] in {entry["fingerprint"] for entry in listed(server)["trusted"]}
    broken = tmp_path / "broken.der"
    broken.write_bytes(request.public_bytes(certificates.DER)[:-1] + b"!")
    done = tagwire(server, "ca", "sign", broken, "--out", tmp_path / "none.der")
    assert done.returncode != 0 and not (tmp_path / "none.der").exists()


async def test_one_authority_can_be_taken_without_a_revocation_list(server, tmp_path):
    authority = certificates.issue("foreign authority", authority=True)
    (server.folder / "data" / "pki" / "trusted" / "foreign.der").write_bytes(authority.der)
    identity = certificates.issue("foreign client", issuer=authority)
    identity.save(tmp_path / "client")
    assert await refused(server, identity)
    [waiting] = listed(server)["pending"]
    assert waiting["reason"] == "RevocationUnknown" and "without_revocation_list" in waiting["fix"]
    plain = server.file.read_text()
    server.file.write_text(plain.replace("[ua]", f'[ua]\nwithout_revocation_list = ["{authority.fingerprint}"]', 1))
    server.reload()
    client = await connect(server, identity)
    await client.disconnect()
    assert authority.fingerprint in trust(server, "list")
