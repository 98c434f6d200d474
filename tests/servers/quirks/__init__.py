"""The quirks, a module for each group of them."""

from tests.servers.case import Case
from tests.servers.quirks import accounts, answers, contexts, errors, limits, roles, sampling, sizes, streams, structure

CASES: tuple[Case, ...] = (
    *limits.CASES,
    *contexts.CASES,
    *sampling.CASES,
    *structure.CASES,
    *roles.CASES,
    *streams.CASES,
    *answers.CASES,
    *errors.CASES,
    *accounts.CASES,
    *sizes.CASES,
)
