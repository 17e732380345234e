"""Abuse of certificates: circles, floods, look-alikes, names that are paths. What each certificate is worth is rows X01
to X12; here the concern is what the check costs others, and what stays on disk."""

import pytest

from harness import certificates
from harness.abuse import outcome, rounds
from harness.certificates import CLIENT_URI, issue
from harness.secured import SecureSession

HIDDEN = ("BadSecurityChecksFailed", "BadTcpMessageTooLarge")


@pytest.fixture(scope="module")
def key():
    """One key for many certificates: keys are what takes time."""
    return issue("key").key


def rejected(target):
    folder = target.folder / "data" / "pki" / "rejected"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("shape", ["a circle of two", "its own issuer", "a chain of 100"])
def test_a13_chains_without_end(target, key, shape):
    if shape == "a circle of two":
        first = issue("circle a", authority=True, issuer_name="circle b", key=key)
        second = issue("circle b", authority=True, issuer=first, key=key)
        first = issue("circle a", authority=True, issuer=second, key=key)
        chain = [first.der, second.der] * 4
        client = issue("in a circle", issuer=first, key=key)
    elif shape == "its own issuer":
        first = issue("myself", authority=True, key=key)
        chain, client = [first.der] * 20, issue("of myself", issuer=first, key=key)
    else:
        links = [issue("link 100", authority=True, key=key)]
        for number in range(99, 0, -1):
            links.insert(0, issue(f"link {number}", authority=True, issuer=links[0], key=key))
        chain, client = [link.der for link in links], issue("deep", issuer=links[0], key=key)
    client.chain = chain
    for _ in range(rounds(500, 200)):
        assert outcome(lambda: SecureSession(target, client)) in HIDDEN


def test_a29_a_part_of_the_application_uri_is_not_the_uri(target):
    for claimed in (CLIENT_URI[:-1], CLIENT_URI + "x", "x" + CLIENT_URI, CLIENT_URI.upper(), "urn", ""):
        with SecureSession(target, create=False) as session:
            session.application_uri = claimed
            assert outcome(session.create) == "BadCertificateUriInvalid", claimed


def test_a30_a_look_alike_of_a_trusted_certificate_is_a_stranger(target):
    """The same name, serial number, URI and times, or even the same key, and yet another certificate."""
    trusted = target.identity
    name = trusted.certificate.subject.rfc4514_string().removeprefix("CN=")
    same_key = issue(name, key=trusted.key)
    same_name = issue(name)
    longer = issue(name, key=trusted.key)
    longer.forged = trusted.der + b"\0"
    flipped = issue(name, key=trusted.key)
    flipped.forged = trusted.der[:-1] + bytes([trusted.der[-1] ^ 1])
    for what, client in (("key", same_key), ("name", same_name), ("longer", longer), ("flipped", flipped)):
        assert outcome(lambda: SecureSession(target, client)) not in ("Good", "closed"), what
    with SecureSession(target) as session:
        session.close_session()


NAMES = ["../../../../escaped", "/etc/escaped", "..\\..\\escaped", "a/../../escaped", "nul\0escaped", ".", "..", "con", "x" * 60, "\u202eescaped", "line\nbreak"]


def test_a31_a_name_in_a_certificate_is_never_a_path(target, key):
    before = {file for file in target.folder.rglob("*")}
    for number, name in enumerate(NAMES):
        try:
            client = issue(name, uri=f"urn:escape:{number}", key=key)
        except ValueError:
            continue
        assert outcome(lambda: SecureSession(target, client)) in HIDDEN, name
    folder = target.folder / "data" / "pki" / "rejected"
    new = {file for file in target.folder.rglob("*")} - before
    assert new and all(file.parent == folder or file == folder for file in new), new
    for file in new - {folder}:
        assert "escaped" not in file.name or "/" not in file.name
        assert file.resolve().parent == folder.resolve() and file.name.isprintable(), file
    assert not list(target.folder.parent.glob("escaped*"))


def test_a32_strangers_do_not_fill_the_disk(target, key):
    """However many certificates come, a bounded number of small files is kept."""
    n = rounds(2_000, 150)
    for number in range(n):
        client = issue(f"stranger {number}", uri=f"urn:stranger:{number}", key=key)
        assert outcome(lambda: SecureSession(target, client)) in HIDDEN
    kept = rejected(target)
    assert 0 < len(kept) <= 128, len(kept)
    assert sum(file.stat().st_size for file in kept) < 1 << 20


@pytest.mark.row("A32")
def test_one_stranger_who_knocks_again_is_kept_once(target, key):
    client = issue("knocks again", key=key)
    for _ in range(rounds(1_000, 300)):
        assert outcome(lambda: SecureSession(target, client)) in HIDDEN
    assert sum(file.read_bytes() == client.der for file in rejected(target)) <= 1
    assert certificates.DER
