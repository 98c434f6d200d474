"""A process that writes its pid into a folder, starts one like itself until there are so many, and stays."""

import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """argv: the folder, how many."""
    folder, many = sys.argv[1], int(sys.argv[2])
    if many > 1:
        subprocess.Popen(
            [sys.executable, "-m", "resources.dies_with_parent", "testing.family", folder, str(many - 1)],
            start_new_session=True,
        )
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


if __name__ == "__main__":
    main()
