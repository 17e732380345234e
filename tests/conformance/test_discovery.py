"""Discovery, rows D01 to D06 of the conformance list."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asyncua import ua

from harness.process import SLOW
from harness.secured import SecureSession
from harness.session import Session
from harness.wire import Channel, Fault


POLICIES = (
    *("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"),
    *("ECC_nistP256_AesGcm", "ECC_nistP384_AesGcm", "ECC_nistP256", "ECC_nistP384"),
)


def endpoints(channel, url, profiles=()):
    request = ua.GetEndpointsRequest()
    request.Parameters.EndpointUrl = url
    request.Parameters.ProfileUris = list(profiles)
    return channel.call(request).Endpoints


def test_d01_any_endpoint_url_gets_the_full_list(secure_plant):
    with Channel(secure_plant.port) as channel:
        for url in (channel.url, "opc.tcp://no-such-host.invalid:4840/", "not a url", None, ""):
            found = endpoints(channel, url)
            modes = {(e.SecurityPolicyUri.split("#")[1], e.SecurityMode.name) for e in found}
            assert modes == {
                ("None", "None_"),
                *((policy, mode) for policy in POLICIES for mode in ("Sign", "SignAndEncrypt")),
            }, url
            assert all(e.EndpointUrl.startswith("opc.tcp://") for e in found)


def test_d01_the_host_is_one_that_the_client_used(secure_plant):
    with Channel(secure_plant.port) as channel:
        for endpoint in endpoints(channel, f"opc.tcp://localhost:{secure_plant.port}"):
            assert endpoint.EndpointUrl.startswith((f"opc.tcp://localhost:{secure_plant.port}", "opc.tcp://127.0.0.1:"))


def test_d02_profiles_filter_the_list(secure_plant):
    binary = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
    with Channel(secure_plant.port) as channel:
        assert len(endpoints(channel, channel.url, [binary])) == 15
        assert endpoints(channel, channel.url, ["http://example.com/nothing"]) == []


def test_d03_ctt06_policies_are_unique_certificates_equal_and_passwords_encrypted(secure_plant):
    with Channel(secure_plant.port) as channel:
        found = endpoints(channel, channel.url)
    # Each kind of key has one certificate of its own, which all its endpoints show (Part 12, 7.8.4).
    by_kind = {}
    for endpoint in found:
        name = endpoint.SecurityPolicyUri.rsplit("#")[-1]
        kind = name[:12] if name.startswith("ECC_") else "RSA"
        by_kind.setdefault(kind, set()).add(endpoint.ServerCertificate)
    assert sorted(by_kind) == ["ECC_nistP256", "ECC_nistP384", "RSA"]
    assert all(len(shown) == 1 for shown in by_kind.values()) and len(set.union(*by_kind.values())) == 3
    for endpoint in found:
        ids = [policy.PolicyId for policy in endpoint.UserIdentityTokens]
        assert len(ids) == len(set(ids)) and all(ids)
        for policy in endpoint.UserIdentityTokens:
            if policy.TokenType == ua.UserTokenType.UserName:
                effective = policy.SecurityPolicyUri or endpoint.SecurityPolicyUri
                assert not effective.endswith("#None"), "a password would cross the wire in the clear"


def test_d04_find_servers_knows_itself_and_filters(secure_plant):
    with Channel(secure_plant.port) as channel:
        request = ua.FindServersRequest()
        request.Parameters.EndpointUrl = channel.url
        found = channel.call(request).Servers
        assert len(found) == 1 and found[0].ApplicationType == ua.ApplicationType.Server
        assert found[0].DiscoveryUrls
        request.Parameters.ServerUris = [found[0].ApplicationUri]
        assert len(channel.call(request).Servers) == 1
        request.Parameters.ServerUris = ["urn:nobody"]
        assert channel.call(request).Servers == []


def test_d05_ten_thousand_discoveries_disturb_nobody(plant):
    """One host asks over a hundred connections, many requests at a time; another client measures its answers."""
    each, connections = 100, 100

    def ask(_):
        with Channel(plant.port) as channel:
            request = ua.GetEndpointsRequest()
            request.Parameters.EndpointUrl = channel.url
            body = channel.encode(request)
            channel.send(b"".join(channel.message(body) for _ in range(each)))
            last = channel.request
            return sum(len(channel.answer(number)) > 100 for number in range(last - each + 1, last + 1))

    begun, waits = time.monotonic(), []
    with ThreadPoolExecutor(4) as pool, Session(plant.port) as witness:
        body = witness.encode(ua.GetEndpointsRequest())
        answers = [pool.submit(ask, number) for number in range(connections)]
        while not all(answer.done() for answer in answers):
            asked = time.monotonic()
            witness.send(witness.message(body))
            witness.answer(witness.request)
            waits.append(time.monotonic() - asked)
            time.sleep(0.01)
        witness.close_session()
    assert sum(answer.result() for answer in answers) == each * connections
    assert time.monotonic() - begun < 60
    waits.sort()
    assert waits[len(waits) * 9 // 10] < 0.05 * SLOW, waits[-10:]


REGISTRATIONS = (ua.RegisterServer2Request, ua.RegisterServerRequest)


def register(channel, service) -> str:
    """Registers a server of somebody else's; returns the refusal's name."""
    request = service()
    server = request.Parameters.Server if service is ua.RegisterServer2Request else request.Server
    server.ServerUri, server.DiscoveryUrls = "urn:somebody", ["opc.tcp://127.0.0.1:4840"]
    server.ServerNames, server.ProductUri, server.IsOnline = [ua.LocalizedText("somebody")], "urn:product", True
    with pytest.raises(Fault) as fault:
        channel.call(request)
    return fault.value.name


@pytest.mark.parametrize("service", REGISTRATIONS)
def test_d06_nobody_can_register_here(secure_plant, service):
    """Over no channel, and nothing of it is told to others afterwards."""
    with Channel(secure_plant.port) as channel:
        assert register(channel, service) == "BadServiceUnsupported"
        found = ua.FindServersRequest()
        found.Parameters.EndpointUrl = channel.url
        assert [server.ApplicationUri for server in channel.call(found).Servers] == [secure_plant.endpoints()[0].Server.ApplicationUri]
    with SecureSession(secure_plant) as session:
        assert register(session, service) == "BadServiceUnsupported"
        session.close_session()
