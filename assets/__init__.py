"""One folder per lineage step: a thin Dagster asset over plain domain code, its schema, its checks, its prompts."""
