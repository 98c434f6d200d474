"""`accelerate launch` as a child of ours: it hands SIGTERM on to what it started, waits for that, and says no more."""

import signal
import subprocess
import sys

import psutil
from accelerate.commands.launch import main as launch
from torch.distributed.elastic.multiprocessing.api import SignalException


def _hand_on(number: int, _frame: object) -> None:
    children = psutil.Process().children()
    for child in children:
        child.send_signal(number)
    if not children:
        sys.exit(128 + number)


def main() -> None:
    """Ends with the code of the script; its own words are in its output already."""
    signal.signal(signal.SIGTERM, _hand_on)  # with several processes torch's launcher puts its own in place of it
    try:
        launch()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode if error.returncode > 0 else 128 - error.returncode)
    except SignalException as asked:
        sys.exit(128 + asked.sigval)


if __name__ == "__main__":
    main()
