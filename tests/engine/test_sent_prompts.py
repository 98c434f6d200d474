"""Prompts are kept as they were sent: a message once for all chats that begin alike, gone with the last call that had
it, and for old calls once they are asked again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from resources.endpoints import Endpoint
from resources.ledger import CALLS, PROMPTS, Ledger
from resources.ledger_forget import LedgerCleaner, Which, forget_unsent
from resources.messages import Image, Message, assistant, system, user
from resources.secrets import keep_secret
from resources.sent_prompts import PromptKeeper, messages_of, prompt_ids, prompt_tree
from resources.store import Store
from testing.openai_server import scripted_server
from tests.engine.test_engine import ask, question
from tests.engine.test_ledger import ANSWERED, postgres, url

__all__ = ["postgres", "url"]  # fixtures
PAGE = "a" * 64
CHAT = (
    system("You write."),
    user(Image(PAGE), Image("b" * 64), "A lecture, please.", "Plan it."),
    assistant("1. 水"),
    user("Write section 1."),
    assistant("## Slide 1\n\nWater."),
    user("Write section 2."),
)


def kept(ledger: Ledger) -> int:
    with ledger.connected() as connection:
        return int(connection.execute(select(func.count()).select_from(PROMPTS)).scalar_one())


def sent_messages(ledger: Ledger, prompt: str) -> list[tuple[str, tuple[str | Image, ...]]]:
    return [(message.speaker, message.parts) for message in messages_of(prompt_tree(ledger, [prompt]), prompt)]


def as_sent(messages: Sequence[Message]) -> list[tuple[str, tuple[str | Image, ...]]]:
    return [(message.speaker, message.parts) for message in messages]


def test_each_call_of_a_chat_has_its_prompt_and_each_message_is_there_once(url: str) -> None:
    ledger = Ledger(url)
    with ledger.connected() as connection:
        connection.execute(PROMPTS.delete())
    asked = {f"{end:064d}": CHAT[:end] for end in (2, 4, 6)}
    for _ in range(2):  # another process writes it again
        keeper = PromptKeeper(ledger)
        for call_id, messages in asked.items():
            keeper.put(replace(ANSWERED, call_id=call_id), messages)
    assert kept(ledger) == len(CHAT)
    for call_id, messages in asked.items():
        record = ledger.get(call_id)
        assert record is not None
        assert sent_messages(ledger, record.prompt) == as_sent(messages)
    assert sent_messages(ledger, "") == []
    with ledger.connected() as connection:
        connection.execute(CALLS.delete().where(CALLS.c.call_id == f"{6:064d}"))
        forget_unsent(connection)
    assert kept(ledger) == 4
    ledger.close()


def test_what_is_forgotten_takes_what_was_sent_with_it_alone(tmp_path: Path) -> None:
    ledger = Ledger.at(tmp_path)
    keeper = PromptKeeper(ledger)
    other = (CHAT[0], user(Image("c" * 64), "A poem."))
    keeper.put(replace(ANSWERED, call_id="1" * 64, template="plan@1"), CHAT[:2])
    keeper.put(replace(ANSWERED, call_id="2" * 64), CHAT[:4])
    keeper.put(replace(ANSWERED, call_id="3" * 64, sample="s-2"), other)
    cleaner = LedgerCleaner(tmp_path)
    assert cleaner.forget(Which(template="plan")) == 1
    assert kept(ledger) == 5  # the section was sent all of it
    assert cleaner.forget(Which(sample="s-1")) == 1
    left = ledger.get("3" * 64)
    assert left is not None and sent_messages(ledger, left.prompt) == as_sent(other)
    assert kept(ledger) == 2
    assert cleaner.forget(Which(sample="s-2")) == 1
    assert kept(ledger) == 0
    cleaner.close()
    ledger.close()


def test_a_secret_in_a_prompt_is_masked_and_half_a_character_is_replaced(tmp_path: Path) -> None:
    keep_secret("sk-prompt-0123456789abcdef")
    ledger = Ledger.at(tmp_path)
    messages = (user("The key sk-prompt-0123456789abcdef, and \ud83d."),)
    PromptKeeper(ledger).put(ANSWERED, messages)
    record = ledger.get(ANSWERED.call_id)
    assert record is not None
    assert sent_messages(ledger, record.prompt)[0][1] == ("The key ***, and \ufffd.",)
    ledger.close()


@given(st.lists(st.builds(user, st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=4), st.data())
def test_two_chats_have_the_same_id_where_they_are_the_same_so_far_and_nowhere_else(
    messages: list[Message], data: st.DataObject
) -> None:
    others = data.draw(st.lists(st.builds(user, st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=4))
    alike = 0
    while alike < min(len(messages), len(others)) and messages[alike] == others[alike]:
        alike += 1
    mine, theirs = prompt_ids(messages), prompt_ids(others)
    assert mine[:alike] == theirs[:alike]
    assert not {*mine[alike:]} & {*theirs[alike:]}


def test_a_call_from_before_prompts_were_kept_has_its_prompt_once_it_is_asked_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    call = question()
    with scripted_server(lambda body: "Answered.") as server:
        endpoint = Endpoint("teacher", server.url, "m")
        ask(store, endpoint, call)
        ledger = Ledger.at(tmp_path)
        with ledger.connected() as connection:
            connection.execute(update(CALLS).values(prompt=""))
            connection.execute(PROMPTS.delete())
        for _ in range(2):
            (reply,) = ask(store, endpoint, call)
            assert getattr(reply, "replayed", False)
            record = ledger.get(call.key("m", endpoint.wire.extra))
            assert record is not None
            assert sent_messages(ledger, record.prompt) == as_sent(call.messages)
        assert len(server.requests) == 1
    ledger.close()
