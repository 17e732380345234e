"""The published client object of OpenOPC-Python3x behind Pyro4's daemon, over a server of OPC Classic that is made up."""

import datetime
import sys
import time
import types

import OpenOPC
import Pyro4

Pyro4.config.SERIALIZERS_ACCEPTED = {"serpent"}
UNKNOWN_ITEM, BAD_RIGHTS = -1073479673, -1073479674
TEXTS = {
    0: "The operation completed successfully.\r\n",
    UNKNOWN_ITEM: "The item is not available in the server address space.\r\n",
    BAD_RIGHTS: "The item's access rights do not allow the operation.\r\n",
}
STAMP = datetime.datetime(2023, 5, 6, 6, 33, 16, 142000, tzinfo=datetime.timezone.utc)
GOOD = 0xC0
TREE = {(): ["Simulation Items", "Folder [A]"], ("Simulation Items",): ["Random"], ("Simulation Items", "Random"): []}
LEAVES = {("Simulation Items", "Random"): ["Int4", "Real8", "Fixed"], ("Folder [A]",): ["Word"]}
VALUES = {"Random.Int4": 41, "Random.Real8": 0.5, "Random.Fixed": 7, "Folder [A].Word": "text"}


class ComError(Exception):
    pass


class Group:
    def __init__(self, name):
        self.Name = name
        self.OPCItems = self
        self.items = {}
        self.hook = None

    def __iter__(self):
        return iter([types.SimpleNamespace(ServerHandle=handle) for handle in self.items])

    def Validate(self, n, names):
        return [0 if name in VALUES else UNKNOWN_ITEM for name in names[1:]]

    def AddItems(self, n, names, handles):
        made = []
        for name, handle in zip(names[1:], handles[1:]):
            made.append(1000 + len(self.items))
            self.items[made[-1]] = (name, handle)
        return made, [0] * n

    def Remove(self, n, handles):
        for handle in handles[1:]:
            del self.items[handle]
        return [0] * n

    def SyncRead(self, source, n, handles):
        names = [self.items[handle][0] for handle in handles[1:]]
        return [VALUES[name] for name in names], [0] * n, [GOOD] * n, [STAMP] * n

    def AsyncRefresh(self, source, number):
        items = list(self.items.values())
        n = len(items)
        values = [VALUES[name] for name, _ in items]
        self.hook.OnDataChange(number, n, [handle for _, handle in items], values, [GOOD] * n, [STAMP] * n)

    def SyncWrite(self, n, handles, values):
        errors = []
        for handle, value in zip(handles[1:], values[1:]):
            name = self.items[handle][0]
            errors.append(BAD_RIGHTS if name == "Random.Fixed" else 0)
            if name != "Random.Fixed":
                VALUES[name] = value
        return errors


class Groups:
    DefaultGroupUpdateRate = -1

    def __init__(self):
        self.made = {}

    def Add(self, name=None):
        name = name or f"Group{len(self.made)}"
        return self.made.setdefault(name, Group(name))

    def GetOPCGroup(self, name):
        if name not in self.made:
            raise ComError(-1)
        return self.made[name]

    def Remove(self, name):
        del self.made[name]


class Browser:
    Filter = ""

    def __init__(self):
        self.place, self.shown = (), []

    def __iter__(self):
        return iter(self.shown)

    def __len__(self):
        return len(self.shown)

    def MoveToRoot(self):
        self.place = ()

    def ShowBranches(self):
        self.shown = TREE.get(self.place, [])

    def ShowLeafs(self, flat=False):
        self.shown = list(VALUES) if flat else LEAVES.get(self.place, [])

    def MoveDown(self, name):
        if name not in TREE.get(self.place, []):
            raise ComError(-1)
        self.place += (name,)

    def GetItemID(self, name):
        return f"{self.place[-1]}.{name}"


class Server:
    def __init__(self):
        self.OPCGroups = Groups()

    def Connect(self, name, host):
        if name != "Matrikon.OPC.Simulation.1":
            raise ComError(-2147221005, "no such server", None, None)

    def Disconnect(self):
        pass

    def GetErrorString(self, code):
        return TEXTS[code]

    def CreateBrowser(self):
        return Browser()

    def QueryAvailableProperties(self, tag):
        if tag not in VALUES:
            raise ComError(UNKNOWN_ITEM, "unknown item", None, None)
        return 4, [1, 3, 5, 100], ["Type", "Quality", "Rights", "EU Units"], [0] * 4

    def GetItemProperties(self, tag, n, numbers):
        known = {1: 3, 3: GOOD, 5: 1 if tag == "Random.Fixed" else 3, 100: "bar"}
        return [known[number] for number in numbers[1:]], [0] * n


def with_events(group, kind):
    group.hook = kind()
    group.hook.close = lambda: None
    return group.hook


OpenOPC.pythoncom = types.SimpleNamespace(
    CoInitialize=lambda: None, com_error=ComError, PumpWaitingMessages=lambda: time.sleep(0.001)
)
dispatch = types.SimpleNamespace(EnsureDispatch=lambda name, _: Server())
OpenOPC.win32com = types.SimpleNamespace(client=types.SimpleNamespace(gencache=dispatch, WithEvents=with_events))
OpenOPC.win32event = types.SimpleNamespace(CreateEvent=lambda *_: None)
OpenOPC.pywintypes = types.SimpleNamespace(TimeType=datetime.datetime)
OpenOPC.vt = {3: "VT_I4"}


@Pyro4.expose
class Service:
    def get_clients(self):
        return []

    def create_client(self):
        made = OpenOPC.client()
        self._pyroDaemon.register(made)
        return made

    def release_client(self, made):
        self._pyroDaemon.unregister(made)


with Pyro4.Daemon(host="127.0.0.1", port=int(sys.argv[1])) as daemon:
    daemon.register(Service(), "opc")
    print("READY", flush=True)
    daemon.requestLoop()
