"""How a training script is started: `accelerate launch`, its processes, and the environment they run in."""

import os
import sys
from pathlib import Path

CONFIGURATIONS = Path(__file__).parent / "accelerate"  # <sharding>.yaml


def launch_command(module: str, config: Path, gpus: int, sharding: str = "none") -> list[str]:
    """The command that runs `python -m <module> --config <config>` on `gpus` devices; 0 means the CPU.

    sharding: `fsdp2` or `zero3` shares the weights between several GPUs; `none`: each holds them all.
    """
    shared = ["--config_file", str(CONFIGURATIONS / f"{sharding}.yaml")] if sharding != "none" else ["--multi_gpu"]
    device = ["--cpu"] if gpus == 0 else shared if gpus > 1 else []
    return [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--num_processes",
        str(max(1, gpus)),
        "--num_machines",
        "1",
        "--num_cpu_threads_per_process",
        str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        *device,
        "-m",
        module,
        "--config",
        str(config),
    ]


def launch_env() -> dict[str, str]:
    """Nothing is fetched or reported unless the user's own environment says so; the project is importable."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        # A document is as long as it is: memory given out in pieces of one size would not fit the next.
        "PYTORCH_ALLOC_CONF": os.environ.get("PYTORCH_ALLOC_CONF", "expandable_segments:True"),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }
