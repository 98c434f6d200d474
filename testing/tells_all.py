"""A training script that prints its environment, and fails with it: `python -m testing.tells_all --config <json>`."""

import logging
import os
import sys
from collections.abc import Callable

from resources.training.run import run_script
from resources.training.run_config import GenerationRun


def tell(_run: GenerationRun, say: Callable[[str], None]) -> None:
    held = " ".join(f"{name}={value!r}" for name, value in os.environ.items())
    print(held, flush=True)
    print(held, file=sys.stderr, flush=True)
    logging.getLogger("talkative").warning(held)
    say(held)
    raise RuntimeError("it failed") from ValueError(held)


if __name__ == "__main__":
    run_script("telling", GenerationRun, tell)
