"""The command `lwv`: what Dagster's own tools do not have."""

import sys

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The long-writing data factory. Everything else is done with Dagster's own commands and its UI."""


@main.command()
def demo() -> None:
    """Run the whole lineage on LWV_SOURCES (default: samples/) into LWV_HOME (default: .lwv/), and show the scores."""
    from lwv_dagster.demo import run_demo

    sys.exit(run_demo())


if __name__ == "__main__":
    main()
