"""How many CPUs this process may keep busy: those that it may run on, or fewer where its control group has a quota."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cpus(root: Path = Path("/")) -> int:
    """At least 1. root: where /proc and /sys are."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """CPUs that the process's control groups grant, version 1 or 2, those above its own included."""
    memberships = root / "proc/self/cgroup"
    for line in memberships.read_text().splitlines() if memberships.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the path can be the host's, and only the topmost group is mounted: it is tried as well.
        for group in (PurePosixPath(path), *PurePosixPath(path).parents):
            yield from _quota(root / "sys/fs/cgroup" / ("cpu" if controllers else "") / group.relative_to("/"))


def _quota(group: Path) -> Iterator[float]:
    """CPUs that one control group grants; nothing where it sets no limit."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return
    if quota not in ("max", "-1"):
        yield int(quota) / int(period)
