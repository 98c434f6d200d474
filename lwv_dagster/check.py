"""`lwv check`: a few calls to each role's server before a run, and what they show."""

import asyncio
from collections.abc import Sequence

from rich.markup import escape

from assets.long_outputs.context_need import Context
from assets.long_outputs.largest_deck import why_no_deck
from lwv_dagster.preflight import preflight
from lwv_dagster.preflight import show as show_found
from lwv_dagster.terminal import console
from resources.endpoints import Endpoint, endpoints_from_env
from resources.engine.money import read_prices
from resources.engine.profile import Profile, differences
from resources.engine.server_check import Checked, Finding, check, same_server
from resources.engine.server_memory import ServerMemory
from resources.failures import EndpointError
from resources.ledger import Ledger
from resources.recipe.read import read_recipe
from resources.settings import Settings
from resources.stopping import STOP
from resources.vllm.asked_of_servers import GivenUpError
from resources.vllm.served_endpoints import Serving
from resources.vllm.served_model import replica_of

WAIT_S = 45.0
NEEDED = {"settings", "home", "recipe", "endpoints"}  # to ask a server
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: " "}


def run_check(wait_s: float = WAIT_S) -> int:
    """Look at everything that a run needs, then ask every server; exit code 0 where a run can use them all, 1 where a
    server cannot be used, 2 where something is to be set first."""
    looked = preflight()
    show_found(looked)
    refused = {found.name for found in looked if found.grade == "refused"}
    if refused & NEEDED:
        console.print("[red]lwv check cannot start:[/] see the lines marked ✗; no server was asked.")
        return 2
    settings, endpoints = Settings().absolute(), list(endpoints_from_env().values())
    good = True
    if all(endpoint.embedded for endpoint in endpoints):
        console.print("All roles are the embedded model, in process: there is no server to check.")
    else:
        good = check_servers(settings, endpoints, wait_s)
    return 2 if refused else int(not good)


def check_servers(settings: Settings, endpoints: Sequence[Endpoint], wait_s: float = WAIT_S) -> bool:
    """Check these endpoints' servers and print what is found; true where all can be used.

    Raises EndpointError where the price table cannot be read, LedgerError where the ledger cannot be used, RecipeError.
    """
    prices, ledger, recipe = read_prices(settings.prices), Ledger.at(settings.home), read_recipe()
    good, own = True, Serving(settings.home, settings)
    for group in same_server(endpoints):
        roles = ", ".join(endpoint.role for endpoint in group)
        for url in group[0].urls:
            console.print(f"[bold]{roles}[/]: {escape(f'{group[0].model} at {url}')}", soft_wrap=True)
            with console.status("  asking …"):
                try:
                    address = own.address(group[0], replica=replica_of(url)) if group[0].served else url
                except EndpointError as error:
                    console.print(f"  [red]✗ {escape(str(error))}[/]", soft_wrap=True)
                    good = False
                    continue
                found = asyncio.run(check(group[0], url, ledger, prices, wait_s, address))
            if found.context and any(endpoint.role == "teacher" for endpoint in group):
                context = Context(found.context, "see above")
                if says := why_no_deck(recipe, group[0].model, settings.max_side, context):
                    found.findings.append(Finding("too small for", None, f"the largest deck of the recipe: {says}"))
            show(group[0], found)
            good = good and not found.problem
    return good


def start_servers(settings: Settings, endpoints: Sequence[Endpoint]) -> bool:
    """Start each server of ours once; true where all serve. A model that vLLM does not know, a GPU that is full: it is
    said before another server was paid for an answer."""
    own = Serving(settings.home, settings)
    for group in same_server(endpoints):
        with console.status(f"  vLLM loads {escape(group[0].model)} …"):
            try:
                own.start(group[0])
            except EndpointError as error:
                console.print(f"  [red]✗ {escape(str(error))}[/]", soft_wrap=True)
                return False
            except GivenUpError:
                STOP.check()
    return True


def never_answered(settings: Settings, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Those of which a server has never answered: a run begins with their check."""
    ledger = Ledger.at(settings.home)
    return [
        endpoint
        for endpoint in endpoints
        if not endpoint.embedded
        and not all(ServerMemory(ledger, url, endpoint.model, endpoint.wire).memory.answered for url in endpoint.urls)
    ]


def show(endpoint: Endpoint, found: Checked) -> None:
    """What was found, a line each, then what to set."""
    for name, good, says in found.findings:
        console.print(f"  {MARKS[good]} {name:<18} {escape(says)}", soft_wrap=True)
    if changed := differences(found.first, found.profile):
        said = "; ".join(sent_as(name, value) for name, value in changed.items())
        console.print(f"    {'is sent':<18} {escape(said)}", soft_wrap=True)
    if "thinking" in changed:
        console.print(
            f"    {'to set':<18} {endpoint.prefix}_REASONING_TOKENS={found.profile.thinking}: room for its thoughts "
            f"from the first call on; or turn them off with {endpoint.prefix}_EXTRA (docs/servers.md)",
            soft_wrap=True,
        )
    if found.problem:
        console.print(f"  [red]✗ {escape(found.problem)}[/]", soft_wrap=True)


def sent_as(knob: str, value: object) -> str:
    """What a learnt change of the profile means, in words."""
    says = {
        "limit": f"{value} in place of {Profile().limit}" if value else "no token limit",
        "temperature": "no temperature" if value is None else f"a temperature within {value}",
        "seed": "no seed",
        "system": "the system turn as the beginning of the first user turn",
        "structure": f"structured output: {value}",
        "stream": "as a stream" if value else "in one piece",
        "usage": "streams without stream_options",
        "most_tokens": f"at most {value} tokens an answer",
        "most_images": f"at most {value} images a request",
        "most_bytes": f"at most {value} bytes a request",
        "context": f"what the context leaves {value}",
        "thinking": f"{value} tokens of room for thoughts",
    }
    return says[knob]
