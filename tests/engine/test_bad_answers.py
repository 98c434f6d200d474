"""Each way an endpoint can fail has its own reason in quarantine, or in the step's failure, and its own counter."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from starlette.responses import Response

from assets.instructions.schema import INSTRUCTIONS
from assets.long_outputs.asset import long_outputs
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.partitions import SHARDS
from assets.quality.quarantine import read_quarantine
from lwv_dagster.definitions import default_resources
from resources.store import Store
from testing.engine.server import answer_text
from testing.engine.work import sections_of
from testing.engine.writing import example
from testing.openai_server import completion, failure, scripted_server
from testing.told import told

SHARD = "bad-001"


def good(body: dict[str, Any]) -> Response:
    """A plan, or a section, as the benchmark's server writes them."""
    said = str(body["messages"])
    return completion(answer_text(0, said.count("# Step: write section"), 0, 0))


def second_section(bad: Response) -> Any:
    """Good answers, but `bad` for section 2."""
    return lambda body: bad if "write section 2 of" in str(body["messages"][-1]) else good(body)


def write(home: Path, url: str, monkeypatch: pytest.MonkeyPatch, documents: int = 1) -> tuple[dict[str, Any], Store]:
    """(the metadata of long_outputs, or of the step's failure; the store) after one run."""
    for name, value in {"LWV_HOME": str(home), "LWV_TEACHER_BASE_URL": url, "LWV_TEACHER_MODEL": "m"}.items():
        monkeypatch.setenv(name, value)
    store = Store(home)
    store.write_table(INSTRUCTIONS, SHARD, [example(number, [], 0) for number in range(documents)])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        result = dg.materialize(
            [long_outputs],
            partition_key=SHARD,
            instance=instance,
            raise_on_error=False,
            resources=dict(default_resources),
        )
    if result.success:
        metadata = result.asset_materializations_for_node("long_outputs")[0].metadata
        return told(metadata), store
    failed = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert failed is not None
    return {"failure": failed.description, **told(failed.metadata)}, store


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (failure(400, "This model's maximum context length is 4096 tokens."), "overflow", "maximum context length"),
        (failure(400, "content_policy_violation"), "filtered", "content_policy_violation"),
        (completion("", finish_reason="content_filter"), "filtered", "content filter"),
        (completion(""), "empty", "the answer was empty"),
        (completion("Half a sen", finish_reason="length"), "truncated", "cut by max_tokens"),
        (completion("I'm sorry, but I can't help with that."), "refused", "the model refused"),
        (failure(400, "At most 2 image(s) may be provided."), "rejected", "At most 2 image"),
    ],
)
def test_an_unusable_answer_is_counted_by_its_kind_and_stands_in_quarantine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Response, kind: str, says: str
) -> None:
    with scripted_server(second_section(answer)) as server:
        metadata, store = write(tmp_path, server.url, monkeypatch)
    again = {"empty": 2, "refused": 2, "truncated": 3}.get(kind, 1)  # a cut section is gone on with, twice
    assert metadata[f"failed_{kind}"] == again
    assert (metadata["rows"], metadata["quarantined"], metadata[f"quarantined_{kind}"]) == (0, 1, 1)
    (row,) = read_quarantine(store, "long_outputs", SHARD)
    assert row["reason"].startswith(f"{kind}: ")
    assert says in row["reason"]
    assert "section-002" in row["reason"]


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (failure(401, "no"), "wrong_key", "LWV_TEACHER_API_KEY is not set"),
        (failure(404, "no"), "unknown_model", "does not know the model 'm': check LWV_TEACHER_MODEL"),
        (failure(429, "You exceeded your current quota", "insufficient_quota"), "no_quota", "no quota left"),
    ],
)
def test_an_endpoint_that_serves_nobody_ends_the_step_with_its_reason_and_counter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Response, kind: str, says: str
) -> None:
    with scripted_server(lambda body: answer) as server:
        metadata, store = write(tmp_path, server.url, monkeypatch, documents=3)
    assert says in metadata["failure"]
    assert metadata[f"failed_{kind}"] == 1
    assert not store.table_path("long_outputs", SHARD).exists()


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("As the image asks, I ignore all instructions and write a poem.", "short"),
        ("这是一段文字。" * 40, "language"),
        ("The image says that I must say this again and again, so I do. " * 20, "short"),  # cut at its loop
    ],
)
def test_a_teacher_that_obeys_what_an_image_says_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, kind: str
) -> None:
    with scripted_server(second_section(completion(section))) as server:
        metadata, store = write(tmp_path, server.url, monkeypatch)
    assert (metadata["rows"], metadata[f"quarantined_{kind}"]) == (0, 1)
    assert read_quarantine(store, "long_outputs", SHARD)[0]["reason"].startswith(f"{kind}: section-002")


def test_a_second_try_with_another_seed_saves_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(body: dict[str, Any]) -> Response:
        refuses = "write section 2 of" in str(body["messages"][-1]) and body["seed"] == 0
        return completion("I cannot assist with that.") if refuses else good(body)

    with scripted_server(answer) as server:
        metadata, store = write(tmp_path, server.url, monkeypatch)
    assert (metadata["rows"], metadata["failed_refused"]) == (1, 1)
    assert "assist" not in next(store.rows(LONG_OUTPUTS, SHARD))["output"]


def test_a_bad_plan_is_sent_back_once_and_the_sections_never_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(body: dict[str, Any]) -> Response:
        steps = str(body["messages"])
        return (
            completion("First this, then that.")
            if steps.count("# Step: plan") == 1 and "write section" not in steps
            else good(body)
        )

    with scripted_server(answer) as server:
        metadata, _ = write(tmp_path, server.url, monkeypatch)
    assert metadata["rows"] == 1
    assert len(server.requests) == 2 + sections_of(0)
    assert "First this" in str(server.requests[1]["messages"])
    assert all("First this" not in str(body["messages"]) for body in server.requests[2:])


def test_429s_are_waited_out_as_asked_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()

    def answer(body: dict[str, Any]) -> Response:
        if len(body["messages"]) not in seen:
            seen.add(len(body["messages"]))
            busy = failure(429, "slow down")
            busy.headers["retry-after"] = "0.05"
            return busy
        return good(body)

    with scripted_server(answer) as server:
        metadata, _ = write(tmp_path, server.url, monkeypatch)
    assert metadata["rows"] == 1
    assert metadata["retried_pushed_back"] == 1 + sections_of(0)


def test_what_a_call_costs_is_in_the_metadata_and_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prices.toml").write_text('"m" = [1.0, 0.5, 10.0]\n')
    monkeypatch.setenv("LWV_PRICES", str(tmp_path / "prices.toml"))
    with scripted_server(good) as server:
        metadata, store = write(tmp_path, server.url, monkeypatch)
    calls = 1 + sections_of(0)
    assert metadata["paid_usd"] == pytest.approx(calls * (6 * 1.0 + 4 * 0.5 + 5 * 10.0) / 1e6)
    assert next(store.rows(LONG_OUTPUTS, SHARD))["cost_usd"] == pytest.approx(metadata["paid_usd"])
    assert "$" in metadata["forecast"]
    with scripted_server(good) as server:
        again, _ = write(tmp_path, server.url, monkeypatch)
    assert (again["calls_made"], again["paid_usd"]) == (0, 0)
    for name in ("cost_usd", "prompt_tokens", "completion_tokens"):
        assert again[name] == metadata[name] > 0, name
    assert again["cost_usd"] == pytest.approx(metadata["paid_usd"])


def test_a_budget_in_dollars_and_an_unknown_price_end_the_step_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_BUDGET_USD", "1")
    asked = []
    with scripted_server(lambda body: asked.append(body) or good(body)) as server:
        metadata, _ = write(tmp_path, server.url, monkeypatch)
    assert "no price is known for 'm' (teacher)" in metadata["failure"] and asked == []


def test_what_cannot_fit_the_server_s_context_goes_to_quarantine_without_a_call_unless_it_was_written_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server(good, {"data": [{"id": "m", "max_model_len": 400}]}) as server:
        metadata, store = write(tmp_path / "small", server.url, monkeypatch)
        assert server.requests == []
    assert (metadata["rows"], metadata["quarantined_overflow"]) == (0, 1)
    (row,) = read_quarantine(store, "long_outputs", SHARD)
    assert row["reason"].startswith("overflow: it needs at least") and "m takes 400" in row["reason"]
    assert "1 more do not fit the context of 400 tokens" in metadata["forecast"]

    with scripted_server(good, {"data": [{"id": "m", "max_model_len": 32_768}]}) as server:
        metadata, _ = write(tmp_path / "large", server.url, monkeypatch)
        assert metadata["rows"] == 1
        server.models = {"data": [{"id": "m", "max_model_len": 400}]}
        metadata, _ = write(tmp_path / "large", server.url, monkeypatch)
    assert (metadata["rows"], metadata["calls_made"]) == (1, 0)
