"""Why a server that was started did not come up, or ended: its log's last words, as one sentence."""

import re
from pathlib import Path

from resources.secrets import mask
from resources.text.shown import visible

TAIL_BYTES = 200_000
MOST_SHOWN = 400  # characters of the log's words
PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)
FULL = r"out of memory|less than desired GPU memory utilization|No available memory for the cache"
SMALL = r"KV cache is needed, which is larger|larger than the maximum number of tokens that can be stored"
UNKNOWN = r"Model architectures? .{0,200}(not supported|failed to be inspected)|does not recognize this architecture"
AWAY = r"Repo id must be|is not a local folder and is not a valid|LocalEntryNotFound|offline mode is enabled"
REASONS = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (
            FULL,
            "the GPU is full: end what else is on it, or set LWV_VLLM_ARGS='--gpu-memory-utilization 0.7'",
        ),
        (
            SMALL,
            "its cache cannot hold one whole context: set LWV_VLLM_CONTEXT lower",
        ),
        (UNKNOWN, "vLLM does not know this model: name one of an architecture that it serves"),
        (AWAY, "the model is not on this machine: name its folder, or fetch it with `hf download`"),
        (r"unrecognized arguments?:", "vLLM does not take an argument: see LWV_VLLM_ARGS"),
    )
)
TELLING = re.compile(r"(Error|Exception|error:|ERROR|not supported|Invalid|Killed)")
PREFIX = re.compile(r"^(\(\w+ pid=\d+\)\s*)?([A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\]\s*)?")


def why_it_ended(log: Path) -> str:
    """A clause: a known reason with what to do, and the words that say so."""
    text = log_tail(log)
    lines = [PREFIX.sub("", line).strip() for line in text.splitlines()]
    for pattern, advice in REASONS:
        if found := next((line for line in reversed(lines) if pattern.search(line)), None):
            return f'{advice}. It said "{shown(found)}"'
    telling = [line for line in lines if TELLING.search(line) and not line.startswith(("Traceback", "File "))]
    last = (telling or [line for line in lines if line])[-1:]
    return f'it said "{shown(last[0])}"' if last else "it said nothing"


def port_was_taken(log: Path) -> bool:
    """Whether another process took the port meanwhile."""
    return bool(PORT_TAKEN.search(log_tail(log)))


def log_tail(log: Path) -> str:
    """The end of the log, from the last start on."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace").rpartition(STARTED)[2]
    except OSError:
        return ""


STARTED = "==== a server is started ===="


def shown(line: str) -> str:
    """A line of the log as people may see it."""
    return visible(mask(line))[:MOST_SHOWN]
