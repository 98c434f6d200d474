"""What calls cost, and when a run has spent enough."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.failures import EndpointError

TABLE = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens. cached: prompt tokens that the server had in its prefix cache."""

    prompt: float
    cached: float
    completion: float

    def of(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
        """US dollars for one call; `prompt_tokens` counts the cached ones too, as the API reports them."""
        cached = min(cached_tokens, prompt_tokens)
        return (
            (prompt_tokens - cached) * self.prompt + cached * self.cached + completion_tokens * self.completion
        ) / 1e6


def read_prices(path: Path) -> dict[str, Price]:
    """Model name -> Price, from a TOML file of lines `"model" = [prompt, cached, completion]`.

    Raises EndpointError naming the file where it cannot be read.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Price(*map(float, numbers)) for name, numbers in found.items()}
    except (OSError, ValueError, TypeError) as error:
        raise EndpointError(
            f"The price table {path} (LWV_PRICES) cannot be read: {error}. Each line has the form "
            '"model" = [prompt, cached, completion], US dollars for a million tokens.'
        ) from error


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The model's price; a dated name such as gpt-4o-2024-11-20 has that of the name without its date, if any."""
    return prices.get(model) or prices.get(re.sub(r"-\d{4}-?\d{2}-?\d{2}$", "", model))


@dataclass
class Budget:
    """What one run may spend, over all its steps; None: no limit."""

    usd: float | None = None
    tokens: int | None = None
    spent_usd: float = 0.0
    spent_tokens: int = 0

    def spend(self, usd: float, tokens: int) -> None:
        """Add what one or several calls cost."""
        self.spent_usd += usd
        self.spent_tokens += tokens

    def spent(self) -> str | None:
        """Why no further call may be made, or None."""
        if self.usd is not None and self.spent_usd >= self.usd:
            return f"the budget of ${self.usd:g} (LWV_BUDGET_USD) is spent"
        if self.tokens is not None and self.spent_tokens >= self.tokens:
            return f"the budget of {self.tokens:,} tokens (LWV_BUDGET_TOKENS) is spent"
        return None
