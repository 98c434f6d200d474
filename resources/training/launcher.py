"""How a training script is started: `accelerate launch`, its processes, and the environment they run in."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from resources.cpus import usable_cpus
from resources.dies_with_parent import parent_env
from resources.secret_values import withheld

CONFIGURATIONS = Path(__file__).parent / "accelerate"  # <sharding>.yaml
ONLINE = re.compile(r"(?i)HF_TOKEN|HUGGING_?FACE_?HUB_TOKEN|(https?|all)_proxy")  # what the hub needs


def launch_command(module: str, config: Path, gpus: int, sharding: str = "none") -> list[str]:
    """The command that runs `python -m <module> --config <config>` on `gpus` devices; 0 means the CPU.

    All of it ends with the process that starts it in the environment of `launch_env`.

    sharding: `fsdp2` or `zero3` shares the weights between several GPUs; `none`: each holds them all. The processes
    share the CPUs, unless OMP_NUM_THREADS says how many threads each has.
    """
    shared = ["--config_file", str(CONFIGURATIONS / f"{sharding}.yaml")] if sharding != "none" else ["--multi_gpu"]
    device = ["--cpu"] if gpus == 0 else shared if gpus > 1 else []
    return [
        sys.executable,
        "-m",
        "resources.dies_with_parent",
        "resources.training.launched",
        "--num_processes",
        str(max(1, gpus)),
        "--num_machines",
        "1",
        "--num_cpu_threads_per_process",
        os.environ.get("OMP_NUM_THREADS") or str(max(1, usable_cpus() // max(1, gpus))),
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        *device,
        "-m",
        "resources.dies_with_parent",
        module,
        "--config",
        str(config),
    ]


def launch_env() -> dict[str, str]:
    """Nothing is fetched or reported unless the user's own environment says so; the project is importable. No key
    is handed on: who trains asks nobody (but the hub, where that is allowed), and what it prints is kept."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        **kept_back(os.environ),
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        # A document is as long as it is: memory given out in pieces of one size would not fit the next.
        "PYTORCH_ALLOC_CONF": os.environ.get("PYTORCH_ALLOC_CONF", "expandable_segments:True"),
        "TOKENIZERS_PARALLELISM": "false",
        **waiting_threads(os.environ),
        **parent_env(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }


def waiting_threads(environ: Mapping[str, str]) -> dict[str, str]:
    """A thread of OpenMP that has nothing to do sleeps soon. By default it spins, and on a machine with other work it
    takes the CPU from the very thread it waits for: the tiny student's training took ten times as long. One that
    sleeps at once is woken late: a quarter slower on a quiet machine. GNU's OpenMP reads GOMP_SPINCOUNT first."""
    if "OMP_WAIT_POLICY" in environ:
        return {}
    return {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": environ.get("GOMP_SPINCOUNT", "1000")}


def kept_back(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of an environment, with nothing in their place; where the hub may be asked, not its token and the
    proxies' addresses."""
    online = environ.get("HF_HUB_OFFLINE", "1").lower() in ("0", "", "false", "no", "off")
    return {name: "" for name in withheld(environ) if not (online and ONLINE.fullmatch(name))}
