"""What the engine decides, apart from sockets and clocks: properties that hold for every state."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.endpoints import Endpoint, Wire
from resources.engine.limiter import Limit
from resources.engine.money import Budget, Price, price_of, read_prices, require_prices
from resources.engine.order import Waiting, next_call, open_samples
from resources.engine.progress import Progress, Tally, duration
from resources.engine.retries import Trouble, next_try
from resources.engine.server import Server, choose
from resources.engine.server_memory import ServerMemory
from resources.failures import EndpointError
from resources.ledger import Ledger

waiting = st.lists(st.builds(Waiting, place=st.integers(0, 999), left=st.none() | st.integers(1, 40)), min_size=1)
kinds = st.sampled_from(["pushed_back", "server_error", "unreachable", "timeout"])


@given(waiting)
def test_the_oldest_sample_goes_first_while_others_wait_to_be_opened(calls: list[Waiting]) -> None:
    assert calls[next_call(calls, tail=False)].place == min(call.place for call in calls)


@given(waiting)
def test_in_the_tail_no_call_passes_one_whose_sample_needs_more(calls: list[Waiting]) -> None:
    chosen = calls[next_call(calls, tail=True)]
    if any(call.left is None for call in calls):
        assert chosen.left is None  # a sample without a plan may be the longest of all
    else:
        assert chosen.left == max(call.left or 0 for call in calls)


@given(st.floats(1, 8), st.integers(1, 512))
def test_the_window_is_never_smaller_than_the_slots(window: float, slots: int) -> None:
    assert open_samples(window, slots) >= slots


@given(st.integers(1, 128), st.lists(st.booleans(), max_size=2000))
def test_the_limit_stays_between_one_and_what_the_user_allows(most: int, pushed_back: list[bool]) -> None:
    limit = Limit(most)
    for outcome in pushed_back:
        limit.record(limit.generation, outcome)
        assert 1 <= limit.value <= most


def test_a_burst_of_refusals_lowers_the_limit_once() -> None:
    limit = Limit(64)
    sent_under = limit.generation
    for _ in range(64):
        limit.record(sent_under, True)
    assert limit.value == 48


def settled(takes: int) -> Limit:
    """One that has found what a server takes, by refusals of all calls over it."""
    limit = Limit(64)
    for call in range(20_000):
        limit.record(limit.generation, call % limit.value >= takes)
    assert near(limit, takes)
    return limit


def near(limit: Limit, takes: int) -> bool:
    """Within a tenth, and the one step above that a limit tries now and then."""
    return abs(limit.value - takes) <= 1 + takes / 10


@given(st.integers(8, 40))
def test_one_moment_of_silence_does_not_lower_a_limit_that_was_quiet_and_a_second_does(most: int) -> None:
    limit = Limit(most)
    for _ in range(200):
        limit.record(limit.generation, False)
    for expected in (most, int(0.9 * most)):
        sent_under = limit.generation
        for _ in range(most):
            limit.record(sent_under, True)
        assert limit.value == expected


@given(st.integers(8, 40))
def test_a_server_that_takes_half_of_what_it_did_is_followed(takes: int) -> None:
    limit = settled(takes)
    for call in range(20_000):
        limit.record(limit.generation, call % limit.value >= takes // 2)
    assert near(limit, takes // 2)


def test_one_unlucky_window_on_the_way_down_does_not_hide_what_a_server_takes() -> None:
    limit = Limit(48)
    while limit.value > 15:
        limit.record(limit.generation, True)
    for call in range(2000):  # 7 of the first 100 at 15 are pushed back, then only what is over 16
        limit.record(limit.generation, call < 98 and call % 14 == 0 if limit.value <= 16 else True)
    assert limit.value == 16


def test_a_settled_limit_outlasts_chance() -> None:
    """2.5 % of calls are pushed back whatever is sent, as in the benchmark's faults; a run is 2,900 calls."""
    means = []
    for seed in range(200):
        limit, draw, seen = Limit(48), random.Random(seed), []
        for _ in range(2900):
            limit.record(limit.generation, draw.random() < 0.025 + 0.975 * max(0, limit.value - 16) / limit.value)
            seen.append(limit.value)
        means.append(sum(seen[1450:]) / 1450)
    assert sum(abs(mean - 16) <= 1.6 for mean in means) >= 198


@pytest.mark.parametrize("takes", [1, 3, 8, 16, 40])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_limit_settles_within_a_tenth_of_what_the_server_takes(takes: int, noise: float) -> None:
    limit, draw, seen = Limit(64), random.Random(takes), []
    for call in range(60_000):
        over = draw.random() < max(0.0, limit.value - takes) / limit.value  # the share that stands in the server's way
        limit.record(limit.generation, over or draw.random() < noise)
        if call > 20_000:
            seen.append(limit.value)
    near = sum(abs(value - takes) <= max(1, 0.1 * takes) for value in seen) / len(seen)
    assert abs(sum(seen) / len(seen) - takes) <= max(0.5, 0.1 * takes)
    assert near > 0.8, (takes, near, sorted(set(seen)))


@given(kinds, st.integers(1, 2000), st.floats(0, 1e5), st.booleans(), st.none() | st.floats(0, 1e6))
def test_every_call_ends_and_one_call_stops_the_run_only_where_the_server_answers_nobody(
    kind, tries, waited, others, retry_after
) -> None:
    decision = next_try(Trouble(kind, "", retry_after), tries, waited, others, patience_s=600)
    if waited > 600:
        assert decision in ("give up", "stop")
    if others:
        assert decision != "stop"
    else:
        assert decision != "give up"
    if not isinstance(decision, str):
        assert 0 <= decision <= 600


def test_what_the_server_asks_for_is_waited_for() -> None:
    assert next_try(Trouble("pushed_back", "", 7.5), 1, 0, False, 600) == 7.5


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_cached_token_is_paid_as_a_cached_one_and_never_twice(prompt: int, cached: int, completion: int) -> None:
    price = Price(prompt=2.0, cached=0.5, completion=8.0)
    cost = price.of(prompt, cached, completion)
    assert price.of(prompt, 0, completion) >= cost >= 0
    cached = min(cached, prompt)
    assert cost == pytest.approx(((prompt - cached) * 2 + cached * 0.5 + completion * 8) / 1e6)


def test_a_table_of_ones_own_comes_before_what_is_known_and_its_lines_hold_for_dated_names(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('"my-own-model" = [1, 0.5, 2]\n"gpt-4o" = [7, 7, 7]\n')
    own = read_prices(tmp_path / "own.toml")
    assert price_of("gpt-4o-2024-11-20", {}) == Price(2.5, 1.25, 10)
    assert price_of("gpt-4o-2024-11-20", own) == price_of("gpt-4o", own) == Price(7, 7, 7)
    assert price_of("my-own-model", {}) is None
    assert price_of("my-own-model", own) == Price(1, 0.5, 2)
    assert price_of("gpt-4o-mine", own) is None
    assert read_prices(None) == {}


@pytest.mark.parametrize(
    "text",
    ['"m" = [1, 2]', '"m" = "cheap"', '"m" = "123"', "not toml", '"m" = [1, 2, nan]', '"m" = [1, -2, 3]', '"m" = 3'],
)
def test_a_price_table_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(EndpointError, match=r"own\.toml \(LWV_PRICES\) cannot be read"):
        read_prices(tmp_path / "own.toml")


def test_a_budget_in_dollars_is_refused_where_a_price_is_unknown_with_the_line_to_write() -> None:
    url = "http://127.0.0.1:8000/v1"
    endpoints = {"teacher": Endpoint("teacher", url, "my/model"), "critic": Endpoint("critic", url, "gpt-4o")}
    with pytest.raises(EndpointError) as refused:
        require_prices(endpoints, {}, 2.5)
    assert "no price is known for 'my/model' (teacher): write `\"my/model\" = [prompt, cached" in str(refused.value)
    assert "$2.5" in str(refused.value) and "LWV_PRICES" in str(refused.value) and "gpt-4o" not in str(refused.value)
    require_prices(endpoints, {"my/model": Price(0, 0, 0)}, 2.5)
    require_prices(endpoints, {}, None)
    require_prices({"judge": Endpoint("judge")}, {}, 2.5)  # the embedded model costs nothing


def test_a_budget_is_spent_when_either_limit_is_reached() -> None:
    budget = Budget(usd=1.0, tokens=100)
    budget.spend(0.5, 99)
    assert budget.spent() is None
    budget.spend(0.0, 1)
    assert "100 tokens" in str(budget.spent())
    assert "$1" in str(Budget(usd=1.0, spent_usd=1.0).spent())


def test_a_sample_stays_with_its_server_and_moves_only_while_that_is_down() -> None:
    endpoint = Endpoint("teacher", "http://a/v1,http://b/v1,http://c/v1", "m")
    memory = ServerMemory(Ledger("sqlite://"), "", "m", Wire())
    servers = [Server(endpoint, url, memory) for url in endpoint.urls]
    home = {sample: choose(servers, sample, now=0.0) for sample in map(str, range(300))}
    share = [list(home.values()).count(server) for server in servers]
    assert min(share) > 60
    servers[0].down_until = 10.0
    for sample, server in home.items():
        moved = choose(servers, sample, now=5.0)
        assert moved is not servers[0]
        assert moved is server or server is servers[0]
        assert choose(servers, sample, now=11.0) is server
    assert all(choose(servers[:2], sample, 11.0) is server for sample, server in home.items() if server in servers[:2])


def test_progress_names_what_is_done_the_speed_the_cost_and_the_time_left() -> None:
    tally = Tally()
    progress = Progress("long_outputs a-001", 10, tally, calls=100)
    tally.made, tally.completion_tokens, tally.cost_usd, progress.done = 50, 5000, 1.5, 4
    assert progress.line(100.0) == "long_outputs a-001: 4 of 10, 50 calls, 50 tokens/s, $1.50, about 2 min left"
    tally.replayed = 10
    assert "4 of 10, 60 calls (10 answered before), 50 tokens/s" in progress.line(100.0)
    assert [duration(seconds) for seconds in (45, 720, 12_000)] == ["45 s", "12 min", "3 h 20 min"]
