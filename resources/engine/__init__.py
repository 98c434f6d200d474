"""The model engine: every question to a model goes through it, is paid once, and is in the ledger before it is used.

No Dagster here: it runs, is tested and is measured alone. What it decides (`order`, `limiter`, `retries`, `money`) is
plain functions of state; what it does with sockets and clocks is in `engine` and `server`.
"""

from resources.engine.engine import ModelEngine, Reply
from resources.engine.loop import run
from resources.failures import StoppedError

__all__ = ["ModelEngine", "Reply", "StoppedError", "run"]
