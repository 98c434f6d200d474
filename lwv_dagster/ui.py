"""What `make ui` does before `dagster dev` starts: the instance is made, killed runs' checks are settled, and it says
where to look."""

import sys

from assets.steps import STEPS
from lwv_dagster.definitions import check_keys
from lwv_dagster.instance import end_dead_runs, open_instance
from lwv_dagster.settled_checks import settle_checks
from resources.failures import StorageError
from resources.home import require_home
from resources.locks import LockingError
from resources.settings import SettingError, Settings
from resources.store import Store


def main() -> None:
    """Argument: the UI's port. `dagster dev` opens the instance without a lock, so it is made or migrated here."""
    port = sys.argv[1]
    try:
        home = Settings().absolute().home
        require_home(home)
        with open_instance(home) as instance:
            end_dead_runs(instance, home)
            settle_checks(instance, Store(home), check_keys)
    except (LockingError, SettingError, StorageError) as error:
        sys.exit(f"make ui cannot start: {error}")
    sys.stdout.write(
        f"The UI: http://127.0.0.1:{port} (stop with Ctrl+C)\n"
        f"The whole lineage, its groups unfolded: {lineage_address(port)}\n"
    )


def lineage_address(port: str) -> str:
    """Dagster has no setting for groups that open unfolded, and keeps them as the address has them."""
    groups = dict.fromkeys(step.group for step in STEPS)
    expanded = ",".join(f"global@global:{group}" for group in groups)
    return f"http://127.0.0.1:{port}/asset-groups?expanded={expanded}"


if __name__ == "__main__":
    main()
