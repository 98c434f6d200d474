"""The whole lineage with a real vLLM as teacher, critic, judge and student."""

from collections import defaultdict

import pytest

from assets.drafts.schema import DRAFTS
from assets.long_outputs.schema import LONG_OUTPUTS
from resources.ledger import Ledger
from resources.ledger_calls import call_facts
from resources.vllm.own_servers import OWN_SERVERS
from testing.vllm_processes import group_of
from tests.training.test_preference_round import metadata_of
from tests.vllm.slow.conftest import LONG_DECK, Said, Served

pytestmark = pytest.mark.slow
LEAST_HITS = 0.88  # of the prompt tokens of a long deck's section calls


def test_every_step_of_the_lineage_is_made_by_servers_of_ours(made: list[Said], served: Served) -> None:
    assert {name for said in made for name in said} >= {"long_outputs", "drafts", "dpo_checkpoint", "benchmark_scores"}
    with Ledger.at(served.factory.home).connected() as connection:
        found = connection.exec_driver_sql(
            "select distinct role, endpoint from calls where status = 'ok' and step != 'plan'"
        ).fetchall()
    assert {role for role, _ in found} == {"teacher", "critic", "judge", "student"}
    assert all(endpoint.startswith("vllm:") for _, endpoint in found)
    assert {endpoint for role, endpoint in found if role == "student"} >= {"vllm:sft/" + checkpoint(served, "sft")}


def checkpoint(served: Served, kind: str) -> str:
    return next(path.name for path in (served.factory.home / "checkpoints" / kind).iterdir() if path.is_dir())


def test_the_cache_serves_all_but_the_end_of_each_section_call(made: list[Said], served: Served) -> None:
    assert made
    ledger = Ledger.at(served.factory.home)
    (deck,) = (row for row in served.factory.store.rows(LONG_OUTPUTS, served.shard) if len(row["images"]) == LONG_DECK)
    records = [ledger.get(section["call_id"]) for section in deck["sections"]]
    prompts = sum(record.prompt_tokens for record in records if record)
    hits = sum(record.cached_tokens for record in records if record)
    print(f"{LONG_DECK} pages: {hits:,} of {prompts:,} prompt tokens from the cache, {hits / prompts:.1%}")
    assert len(records) == LONG_DECK
    assert hits / prompts >= LEAST_HITS


def test_drafts_of_one_example_differ(made: list[Said], served: Served) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    for row in served.factory.store.rows(DRAFTS, served.shard):
        texts[row["example_id"]].append(row["output"])
    assert made
    assert texts
    for drafts in texts.values():
        assert len(set(drafts)) == len(drafts) == 3


def test_what_the_servers_did_stands_in_the_metadata(made: list[Said]) -> None:
    steps = {"long_outputs": made[0], "corrected_segments": made[0], "drafts": made[2]}
    for name, said in steps.items():
        assert said[name]["vllm_generated_tokens"] > 0
        assert said[name]["vllm_tokens_per_second"] > 0
        assert 0 <= said[name]["vllm_prefix_hit_share"] <= 1
    assert made[4]["benchmark_scores"]["student_vllm_generated_tokens"] > 0


def test_the_same_again_makes_no_call_and_starts_no_server(made: list[Said], served: Served) -> None:
    assert made
    OWN_SERVERS.let_go()
    said = metadata_of(served.factory.run("shard_job", served.shard))
    assert all(facts.get("calls_made", 0) == 0 for facts in said.values())
    assert group_of(served.factory.home) == {}
    ids = [
        section["call_id"]
        for row in served.factory.store.rows(LONG_OUTPUTS, served.shard)
        for section in row["sections"]
    ]
    assert {facts.server.split(":")[0] for facts in call_facts(Ledger.at(served.factory.home), ids).values()} == {
        "vllm"
    }
