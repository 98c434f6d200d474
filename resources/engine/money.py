"""What calls cost, and when a run has spent enough."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.endpoints import Endpoint
from resources.engine.known_models import known, spellings
from resources.failures import EndpointError
from resources.messages import Role


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


def read_prices(path: Path | None) -> dict[str, Price]:
    """Model name -> Price, from the TOML file of lines `"model" = [prompt, cached, completion]` that LWV_PRICES names.

    Empty where it names none. Raises EndpointError naming the file where it cannot be read.
    """
    if path is None:
        return {}
    try:
        found = tomllib.loads(_text(path))
        return {name: _price(name, numbers) for name, numbers in found.items()}
    except (OSError, ValueError, TypeError) as error:
        raise EndpointError(
            f"The price table {path} (LWV_PRICES) cannot be read: {error}. Each line has the form "
            '"model" = [prompt, cached, completion], US dollars for a million tokens.'
        ) from error


def price_of(model: str, own: Mapping[str, Price], url: str = "") -> Price | None:
    """The price of `model` at `url`: the line of one's own table, of its name with or without its date, comes first."""
    for name in spellings(model):
        if name in own:
            return own[name]
    found = known(model, url)
    return Price(*found.price) if found and found.price else None


def require_prices(endpoints: Mapping[Role, Endpoint], own: Mapping[str, Price], usd: float | None) -> None:
    """Raise EndpointError where a budget of `usd` dollars cannot be kept, because the price of a model is unknown."""
    unknown = {
        endpoint.model: role
        for role, endpoint in endpoints.items()
        if usd is not None
        and not (endpoint.embedded or endpoint.served)
        and price_of(endpoint.model, own, endpoint.base_url) is None
    }
    if unknown:
        models = ", ".join(f"'{model}' ({role})" for model, role in unknown.items())
        lines = ", ".join(f"`{json.dumps(model)} = [prompt, cached, completion]`" for model in unknown)
        raise EndpointError(
            f"LWV_BUDGET_USD is ${usd:g}, but no price is known for {models}: write {lines}, US dollars for a million "
            "tokens (zeros for a server of your own), into a file and name it in LWV_PRICES, or set LWV_BUDGET_TOKENS "
            "in its place."
        )


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():  # a pipe, which nobody may ever write to
        raise ValueError("it is no file")
    return path.read_text(encoding="utf-8")


def _price(name: str, numbers: object) -> Price:
    if not isinstance(numbers, list) or len(numbers) != 3:
        raise ValueError(f"{name!r} has {numbers!r}")
    price = Price(*map(float, numbers))
    if not all(math.isfinite(number) and number >= 0 for number in vars(price).values()):
        raise ValueError(f"{name!r} has a price that is none: {numbers!r}")
    return price


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
