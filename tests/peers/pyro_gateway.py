"""A gateway of the kind that runs on Windows: the daemon of Pyro4 or Pyro5, with a client that has a few tags."""

import sys
import time

PORT, VERSION = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4
if VERSION == 4:
    import Pyro4 as Pyro

    Pyro.config.SERIALIZERS_ACCEPTED = {"serpent"}
    expose, Daemon = Pyro.expose, Pyro.Daemon
else:
    import Pyro5.api as Pyro

    expose, Daemon = Pyro.expose, Pyro.Daemon

VALUES = {"Random.Int4": 41, "Random.Real8": 0.5, "Random.Bytes": b"\x00\xff", "Random.Mixed": (1, "a", None)}
STAMP = "2022-11-22 13:58:58+00:00"
# What OpenOPC tells about an error on Python 3: the number of COM.
UNKNOWN_ITEM, BAD_RIGHTS = "-1073479673", "-1073479674"


@expose
class Client:
    def __init__(self):
        self.groups_made = {}

    def connect(self, server=None, host="localhost"):
        if server == "Wrong":
            raise RuntimeError("Connect: no such server")

    def servers(self, host="localhost"):
        return ["Matrikon.OPC.Simulation.1"]

    def list(self, paths="*", recursive=False, flat=False, include_type=False):
        rows = {"*": [("Simulation Items", "Branch")], "Simulation Items": [("Random", "Branch")]}
        leaves = [(tag, "Leaf") for tag in VALUES]
        found = rows.get(paths, leaves if paths == "Simulation Items.Random" else [])
        return found if include_type else [name for name, _ in found]

    def read(self, tags=None, group=None, include_error=False, rebuild=False, **named):
        if isinstance(tags, str):
            return VALUES[tags], "Good", STAMP
        if group is not None:
            if tags is not None and (rebuild or group not in self.groups_made):
                self.groups_made[group] = list(tags)
            if group not in self.groups_made:
                raise RuntimeError("read: no such group")
            tags = self.groups_made[group]
        rows = []
        for tag in tags:
            is_known = tag in VALUES
            row = (tag, VALUES[tag], "Good", STAMP) if is_known else (tag, None, "Error", None)
            rows.append((*row, "" if is_known else UNKNOWN_ITEM) if include_error else row)
        return rows

    def iread(self, tags=None, **named):
        yield from self.read(tags)

    def write(self, pairs, include_error=False, **named):
        if isinstance(pairs, tuple):
            VALUES[pairs[0]] = pairs[1]
            return "Success"
        rows = []
        for tag, value in pairs:
            is_taken = tag in VALUES and tag != "Random.Bytes"
            if is_taken:
                VALUES[tag] = value
            row = (tag, "Success" if is_taken else "Error")
            text = "" if is_taken else UNKNOWN_ITEM if tag not in VALUES else BAD_RIGHTS
            rows.append((*row, text) if include_error else row)
        return rows

    def properties(self, tags, id=None):
        if isinstance(tags, str):
            tags = [tags]
        unknown = [tag for tag in tags if tag not in VALUES]
        if unknown:
            raise RuntimeError(f"properties: {UNKNOWN_ITEM}")
        known = (1, "Type", "VT_I4"), (5, "Rights", "Read/Write"), (6, "Rate", 100.0), (100, "EU Units", "bar")
        return [(tag, number, text, value) for tag in tags for number, text, value in known]

    def groups(self):
        return list(self.groups_made)

    def remove(self, groups):
        for group in groups:
            self.groups_made.pop(group, None)

    def ping(self):
        return True

    def close(self):
        pass


@expose
class Service:
    def get_clients(self):
        return [("PYRO:obj_1@h:1", time.time(), time.time())]

    def create_client(self):
        client = Client()
        self._pyroDaemon.register(client)
        return client

    def release_client(self, client):
        pass


with Daemon(host="127.0.0.1", port=PORT) as daemon:
    daemon.register(Service(), "opc" if VERSION == 4 else "OpenOpcGatewayServer")
    if VERSION == 5:
        daemon.register(Client, "OpcDaClient")
    print("READY", flush=True)
    daemon.requestLoop()
