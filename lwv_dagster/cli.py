"""The command `lwv`: what Dagster's own tools do not have."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from resources.messages import ROLES, Role
from resources.stopping import STOP, Stopped


class _Commands(click.Group):
    """A disk or a database that fails ends a command with one sentence, exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from resources.settings import SettingError, Settings
            from resources.storage_faults import why

            says = str(error) if isinstance(error, SettingError) else why(error, Settings().absolute().home)
            if says is None:
                raise
            click.echo(f"lwv {ctx.invoked_subcommand}: {says}")
            sys.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lwv-dagster", prog_name="lwv")
def main() -> None:
    """The long-writing data factory. Everything else is done with Dagster's own commands and its UI."""


@main.command()
def demo() -> None:
    """Run the whole lineage on LWV_SOURCES (default: samples/) into LWV_HOME (default: .lwv/), and show the scores."""

    def work() -> int:
        from lwv_dagster.demo import run_demo

        return run_demo()

    sys.exit(until_stopped(work, "`lwv demo` goes on where it stopped, nothing is paid twice"))


@main.command()
@click.option(
    "--wait", "wait_s", type=click.FloatRange(1), default=45, show_default=True, help="Seconds for an answer."
)
def check(wait_s: float) -> None:
    """Ask each role's server a few questions: what it takes and costs, whether it sees images, and what to set."""
    from lwv_dagster.check import run_check

    sys.exit(run_check(wait_s))


@main.command()
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["hub", "trl", "llamafactory", "ms-swift"]),
    default="hub",
    show_default=True,
    help="Who is to read it.",
)
@click.option("--out", type=click.Path(file_okay=False), help="The folder to write; LWV_HOME/releases/FORMAT if unset.")
@click.option("--push", "repo_id", metavar="REPO_ID", help="Also upload it to the Hugging Face hub (needs HF_TOKEN).")
def release(format_name: str, out: str | None, repo_id: str | None) -> None:
    """Write the data sets that the quality gates let through last into a folder that can be shared."""
    from lwv_dagster.release.command import run_release

    sys.exit(run_release(format_name, out, repo_id))


@main.command()
@click.option("--role", type=click.Choice((*ROLES, "student")), help="Who was asked.")
@click.option("--model", help="The model that was asked for.")
@click.option("--template", help="The prompt, or how its version begins: write, plan@1f3a.")
@click.option("--status", help="What became of it: ok, truncated, empty, refused …")
@click.option("--sample", help="The example or document; with * behind, all that begin so.")
@click.option("--before", metavar="TIME", help="Made before: 2026-11-26, 2026-11-26T18:30, or so long ago: 2h, 3d.")
@click.option("--since", metavar="TIME", help="Made since.")
@click.option("--yes", is_flag=True, help="Delete them; otherwise they are only shown.")
def forget(
    role: Role | None,
    model: str | None,
    template: str | None,
    status: str | None,
    sample: str | None,
    before: str | None,
    since: str | None,
    yes: bool,
) -> None:
    """Take calls out of the ledger, so that they are made again. All that is given has to hold."""
    from lwv_dagster.forget import moment, run_forget
    from resources.ledger_forget import Which

    times = {}
    for name, said in (("--before", before), ("--since", since)):
        try:
            times[name] = moment(said) if said is not None else None
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=name) from error
    which = Which(role, model, template, status, sample, times["--before"], times["--since"])
    given = {
        "--role": role,
        "--model": model,
        "--template": template,
        "--status": status,
        "--sample": sample,
        "--before": before,
        "--since": since,
    }
    asked = [part for name, value in given.items() if value is not None for part in (name, value)]
    sys.exit(run_forget(which, asked, yes))


@main.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON, prompts in full.")
@click.option("--prompts", is_flag=True, help="Show in full what was sent with each call.")
def trace(id_: str, as_json: bool, prompts: bool) -> None:
    """Follow ID back to its files, pages, licences, prompts and costs, and on to what was made of it.

    ID: of a file (path or sha256), document, page (DOCUMENT#3), example, segment, call, pair, row of a data set
    (DATASET:ROW), data set, checkpoint, score (MODEL:ITEM) or decision.
    """
    from lwv_dagster.trace.trace_command import run_trace

    sys.exit(run_trace(id_, as_json, prompts))


@main.command()
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
def diff(a: str, b: str, as_json: bool) -> None:
    """Say what data set B has otherwise than A: rows, distributions, cost, recipe, the worst and best of each.

    A, B: the id of a data set, the path of another LWV_HOME (its current data sets), or PATH:ID.
    """
    from lwv_dagster.diff.diff_command import run_diff

    sys.exit(run_diff(a, b, as_json))


@main.group()
def annotate() -> None:
    """What people decide about texts: out as JSON lines, and back in (docs/decisions.md)."""


@annotate.command("export")
@click.option("--shard", help="Only this one.")
def annotate_export(shard: str | None) -> None:
    """Write what can be decided, and what was, a JSON object a line, to the standard output."""
    from lwv_dagster.annotate.exporting import run_export

    sys.exit(run_export(shard))


@annotate.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Save them; otherwise only what they do is shown.")
def annotate_import(file: Path, yes: bool) -> None:
    """Read decisions from FILE, show which rows they make new, change or take away, and with --yes save them."""
    from lwv_dagster.annotate.importing import run_import

    sys.exit(run_import(file, yes))


@annotate.command("push")
@click.argument("words", metavar="[FILTER]...", nargs=-1)
def annotate_push(words: tuple[str, ...]) -> None:
    """Make tasks in Label Studio of the segments that FILTER names, the most doubtful first, each once.

    FILTER: shard=, rule=, kind=, error=, language=, split=, model=, prompt=, part=, most=N,
    decided=yes|no|contested|stale.
    """
    from lwv_dagster.annotate.label_studio.pushing import run_push

    sys.exit(run_push(words))


@annotate.command("pull")
def annotate_pull() -> None:
    """Save what people answered in Label Studio as decisions, each once (the sensor answered_tasks does the same)."""
    from lwv_dagster.annotate.label_studio.pulling import run_pull

    sys.exit(run_pull())


@annotate.command("agreement")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def annotate_agreement(as_json: bool) -> None:
    """How much people agree with each other and with the critic, on the segments that they decided about."""
    from lwv_dagster.annotate.agreement_command import run_agreement

    sys.exit(run_agreement(as_json))


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="LWV_LOOK_PORT (3001) if unset.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another than this machine needs LWV_LOOK_TOKEN.")
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Serve nothing: write up to 200 segments into this HTML file, which can be mailed.",
)
@click.argument("words", metavar="[NAME=VALUE]...", nargs=-1)
def look(port: int | None, host: str, file: Path | None, words: tuple[str, ...]) -> None:
    """Look at what LWV_HOME holds, and decide about texts, in the browser (docs/look.md).

    NAME=VALUE: the queue's filters, of what is exported.
    """
    from lwv_dagster.look.mailed_samples import run_export
    from lwv_dagster.look.serving import run_look
    from resources.settings import Settings

    if words and file is None:
        raise click.UsageError("Filters are for --export FILE; in the browser they are in the address of the queue.")
    sys.exit(run_look(host, port or Settings().look_port) if file is None else run_export(file.resolve(), words))


def until_stopped(work: Callable[[], int], how: str) -> int:
    """The exit code of `work`, or of the signal that ended it, with a line that says how to go on."""
    try:
        with STOP.listening():
            return work()
    except Stopped:
        click.echo(f"stopped by {STOP.name}; {how}")
        return STOP.exit_code


if __name__ == "__main__":
    main()
