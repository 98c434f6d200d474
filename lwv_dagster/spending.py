"""What one command spends on model calls, over all its runs: they are counted in one budget."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from resources.dagster import BUDGET_TAG
from resources.ledger import Ledger


class Spending:
    """One command's calls. `tags`: for each of its runs."""

    def __init__(self, command: str) -> None:
        self.label = f"{command}-{uuid.uuid4().hex}"

    @property
    def tags(self) -> Mapping[str, str]:
        """By which the runs' calls are counted together."""
        return {BUDGET_TAG: self.label}

    def says(self, home: Path) -> str:
        """ "12,345 tokens, $0.27". Raises LedgerError."""
        ledger = Ledger.at(home)
        try:
            usd, tokens = ledger.spent(self.label)
        finally:
            ledger.close()
        return f"{tokens:,} tokens, ${usd:,.2f}"
