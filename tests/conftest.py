"""Servers that many tests share, and the options of the fault suite."""

import pytest
from asyncua import ua

from harness.abuse import Arena
from harness.product import Tagwire
from harness.session import Session
from harness.plant import CONFIG, SecuredServer


def pytest_addoption(parser):
    parser.addoption("--fault-seeds", type=int, default=20, help="seeds of the real-time fault suite")


@pytest.fixture(autouse=True)
def own_types():
    """Classes that a test has asyncua make of a server's types are gone after it: another server gives their numbers again."""
    known = [vars(ua), *(of for name, of in vars(ua.uatypes).items() if isinstance(of, dict) and "_by_" in name)]
    before = [dict(of) for of in known]
    yield
    for of, was in zip(known, before, strict=True):
        for new in of.keys() - was.keys():
            del of[new]
        of.update(was)


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    """A server with one tag of every kind; tests leave it as they found it."""
    with Tagwire(tmp_path_factory.mktemp("plant"), CONFIG) as server:
        yield server


@pytest.fixture
def session(plant):
    """A fresh anonymous session on the shared server."""
    with Session(plant.port) as session:
        yield session
        session.close_session()


@pytest.fixture(scope="session")
def secure_plant(tmp_path_factory):
    """The same server with every security mode, one user, and the tests' client certificate trusted."""
    with SecuredServer(tmp_path_factory.mktemp("secured")) as server:
        yield server


@pytest.fixture(scope="session")
def arena(tmp_path_factory):
    """A server for hostile clients, with a bystander."""
    with Arena(tmp_path_factory.mktemp("arena")) as arena:
        yield arena


@pytest.fixture
def target(arena, request, record_testsuite_property):
    """The server in the arena; what the test does to it must not be felt by anybody else."""
    remains = request.node.get_closest_marker("remains")

    def note(name, value):
        record_testsuite_property(f"{request.node.name} {name}", value)

    with arena.siege(note, **remains.kwargs if remains else {}):
        yield arena.server
