"""Tags that begin with @: how the machine is that runs the client, or the gateway."""

from __future__ import annotations

import math
import os
import re
import time
from typing import Any, Dict, List, Optional, Tuple

__all__ = ["is_health", "read_health"]

_CALL = re.compile(r"@(\w+)(?:\((.*)\))?$")


def is_health(tag: str) -> bool:
    """Whether a tag tells about the machine."""
    return tag.startswith("@")


def read_health(tag: str) -> Tuple[Any, str, Optional[str]]:
    """Value, quality and time of a health tag; an unknown one is an error in place."""
    stamp = time.strftime("%x %H:%M:%S")
    found = _CALL.match(tag)
    name, argument = (found.group(1).lower(), found.group(2) or "") if found else ("", "")
    try:
        value = _value(name, argument)
    except (OSError, ValueError, KeyError):
        value = None
    return (None, "Error", None) if value is None else (value, "Good", stamp)


def _value(name: str, argument: str) -> Any:
    if name.startswith("mem"):
        total, free = _memory()
        return {
            "memfree": free,
            "memused": total - free,
            "memtotal": total,
            "mempercent": round(100 * (total - free) / total),
        }[name]
    if name == "diskfree":
        disk = os.statvfs(argument or "/")
        return disk.f_bavail * disk.f_frsize
    if name == "sinewave":
        return math.sin(2 * math.pi * (time.time() % 60) / 60) * 100
    if name == "sawwave":
        return time.time() % 60 / 60 * 100
    if name == "cpuusage":
        return _cpu()
    if name == "taskexists":
        return bool(_tasks(argument))
    if name == "taskmem":
        return sum(_task_memory(pid) for pid in _tasks(argument))
    if name == "taskcpu":
        return _task_cpu(argument)
    return None


def _memory() -> Tuple[int, int]:
    with open("/proc/meminfo", encoding="ascii") as file:
        found: Dict[str, int] = {}
        for line in file:
            key, _, rest = line.partition(":")
            found[key] = int(rest.split()[0]) * 1024
    return found["MemTotal"], found["MemAvailable"]


def _cpu_times() -> Tuple[int, int]:
    with open("/proc/stat", encoding="ascii") as file:
        times = [int(word) for word in file.readline().split()[1:]]
    return sum(times), times[3] + times[4]


def _cpu() -> int:
    total, idle = _cpu_times()
    time.sleep(0.1)
    total_now, idle_now = _cpu_times()
    passed = max(total_now - total, 1)
    return round(100 * (passed - (idle_now - idle)) / passed)


def _tasks(name: str) -> List[int]:
    wanted = name.lower().removesuffix(".exe") if hasattr(str, "removesuffix") else name.lower()
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm", encoding="utf-8", errors="replace") as file:
                    if file.read().strip().lower() == wanted[:15]:
                        found.append(int(entry))
            except OSError:
                continue
    return found


def _task_memory(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _task_cpu(name: str) -> int:
    def used() -> int:
        total = 0
        for pid in _tasks(name):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
            total += int(words[11]) + int(words[12])
        return total

    before, begun = used(), time.monotonic()
    time.sleep(0.1)
    ticks = os.sysconf("SC_CLK_TCK") * (time.monotonic() - begun)
    return round(100 * max(used() - before, 0) / ticks)
