"""Threads are as many as there are CPUs to run them, and those that wait do not keep one busy."""

import os
from pathlib import Path

import pytest

from resources.cpus import usable_cpus
from resources.training import launcher

V1 = "3:memory:/jobs\n2:cpu,cpuacct:/jobs/7\n0::/\n"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 64),
        ({"proc/self/cgroup": "0::/\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "9900000 100000\n"}, 64),
        ({"proc/self/cgroup": V1, "sys/fs/cgroup/cpu/jobs/7/cpu.cfs": "400000 100000"}, 4),
        ({"proc/self/cgroup": V1, "sys/fs/cgroup/cpu/cpu.cfs": "50000 10000"}, 5),  # the host's path, in a container
        ({"proc/self/cgroup": V1, "sys/fs/cgroup/cpu/jobs/7/cpu.cfs": "-1 100000"}, 64),
        ({"proc/self/cgroup": V1, "sys/fs/cgroup/memory/jobs/cpu.cfs": "100000 100000"}, 64),
    ],
)
def test_a_quota_of_a_control_group_or_of_one_above_it_counts(
    files: dict[str, str], cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "cpu.cfs":
            for part, number in zip(("quota", "period"), text.split(), strict=True):
                path.with_name(f"cpu.cfs_{part}_us").write_text(f"{number}\n")
        else:
            path.write_text(text)
    assert usable_cpus(tmp_path) == cpus


def test_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 6}, raising=False)
    assert usable_cpus(tmp_path) == 3


@pytest.mark.parametrize(
    ("gpus", "own", "threads"), [(0, "", "16"), (1, "", "16"), (8, "", "2"), (64, "", "1"), (0, "3", "3")]
)
def test_the_processes_of_a_run_share_the_cpus_unless_the_user_says_otherwise(
    gpus: int, own: str, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "usable_cpus", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", own)
    command = launcher.launch_command("module", Path("config.json"), gpus)
    assert command[command.index("--num_cpu_threads_per_process") + 1] == threads


@pytest.mark.parametrize(
    ("environment", "added"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}),
        ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {}),
    ],
)
def test_threads_that_wait_sleep_soon_unless_the_user_says_otherwise(
    environment: dict[str, str], added: dict[str, str]
) -> None:
    assert launcher.waiting_threads(environment) == added
