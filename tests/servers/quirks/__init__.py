"""The quirks, a module for each group of them."""

from tests.servers.case import Case
from tests.servers.quirks import limits, roles, sampling, streams, structure

CASES: tuple[Case, ...] = (*limits.CASES, *sampling.CASES, *structure.CASES, *roles.CASES, *streams.CASES)
