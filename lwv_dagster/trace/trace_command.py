"""`lwv trace`: the trail of an id on the terminal, or as JSON."""

import json

import click

from lwv_dagster.trace.trail_text import trail_lines
from lwv_dagster.trace.walking import UnknownIdError, trace
from resources.failures import LedgerError
from resources.secrets import mask
from resources.settings import Settings
from resources.store import Store
from resources.text.shown import visible


def run_trace(text: str, as_json: bool, prompts: bool) -> int:
    """Exit code 0 where there is such an id, 1 where there is none, 2 where the ledger cannot be read."""
    try:
        trail = trace(Store(Settings().absolute().home), text)
    except (UnknownIdError, LedgerError) as error:
        click.echo(f"lwv trace: {visible(mask(str(error)))}", err=as_json)
        return 1 if isinstance(error, UnknownIdError) else 2
    if as_json:
        click.echo(mask(json.dumps(trail.as_json(), ensure_ascii=False, indent=1)))
    else:
        for line in trail_lines(trail, prompts):
            click.echo(visible(mask(line)))
    return 0
