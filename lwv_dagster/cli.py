"""The command `lwv`: what Dagster's own tools do not have."""

import sys

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lwv-dagster", prog_name="lwv")
def main() -> None:
    """The long-writing data factory. Everything else is done with Dagster's own commands and its UI."""


@main.command()
def demo() -> None:
    """Run the whole lineage on LWV_SOURCES (default: samples/) into LWV_HOME (default: .lwv/), and show the scores."""
    from lwv_dagster.demo import run_demo

    sys.exit(run_demo())


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


if __name__ == "__main__":
    main()
