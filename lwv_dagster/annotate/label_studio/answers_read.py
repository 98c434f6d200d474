"""What people answered in Label Studio, as lines that decisions are read from; of what is not as it was asked for, a
sentence. Pure: the server checks nothing, so everything is checked here and by `decision_faults`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lwv_dagster.annotate.label_studio.labelling_project import (
    CONTROLS,
    KINDS_OF_ERROR,
    OBJECT,
    REASON,
    TEXT,
    VERDICT,
    VERDICTS,
)
from lwv_dagster.annotate.label_studio.task_plan import NOTHING, key_of
from resources.decisions.decision import text_hash
from resources.json_types import Json
from resources.text.shown import in_line


class AnswerLine(NamedTuple):
    """A line as `decision_of` reads it, and what it is called in a sentence."""

    name: str
    line: dict[str, object]


@dataclass
class TaskAnswers:
    """Of some tasks: lines, and a sentence for each answer that is not taken."""

    lines: list[AnswerLine] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class _AnswerError(ValueError):
    """Why an answer is not taken, without its name."""


def read_task(task: Mapping[str, Json], people: Mapping[int, str], found: TaskAnswers) -> None:
    """Add what people said of one task. people: account -> its address. Skips and half-done drafts are no answers."""
    key, number = key_of(task), task.get("id")
    answers = task.get("annotations")
    if key is None or not isinstance(answers, list):
        found.refused.append(f"Task {_short(number)}: nobody pushed it.")
        return
    for answer in answers:
        if not isinstance(answer, dict):
            found.refused.append(f"Task {_short(number)}: an answer is no JSON object.")
            continue
        name = f"Task {_short(number)}, answer {_short(answer.get('id'))}"
        if answer.get("was_cancelled") is True:
            continue
        try:
            line = _line(task, answer, people)
        except _AnswerError as fault:
            found.refused.append(f"{name}: {fault}")
        else:
            found.lines.append(AnswerLine(name, {**line, "target": key.segment, "seen": key.seen}))


def _line(task: Mapping[str, Json], answer: Mapping[str, Json], people: Mapping[int, str]) -> dict[str, object]:
    draft = _draft_shown(task)
    if answer.get("task", task.get("id")) != task.get("id"):
        raise _AnswerError(f"it is of another task ({_short(answer.get('task'))}).")
    said = _controls(answer.get("result"))
    verdicts, text = said.get(VERDICT, []), said.get(TEXT)
    line: dict[str, object] = {
        "kind": "segment",
        "who": _who(answer.get("completed_by"), people),
        "at": _time(answer.get("updated_at")),
        "seconds": answer.get("lead_time"),
        "reason": " ".join(said.get(REASON, [])),
    }
    if verdicts:
        if len(verdicts) > 1 or verdicts[0] not in VERDICTS:
            raise _AnswerError(f"`{_short(verdicts[0])}` is no verdict of the project: {', '.join(VERDICTS)} are.")
        return {**line, "verdict": verdicts[0]}
    if text is None or len(text) != 1:
        raise _AnswerError("it has no text and no verdict: a text in the box, `fine` or `drop` is an answer.")
    kinds = said.get(KINDS_OF_ERROR, [])
    if text[0].strip() == draft.strip() and draft and not kinds:
        return {**line, "verdict": "fine"}
    return {**line, "verdict": "corrected", "text": text[0], "errors": kinds}


def _draft_shown(task: Mapping[str, Json]) -> str:
    """The draft that the task shows, if it and the critic's text are those that its hash was made of."""
    data = task.get("data")
    draft, critic = (data.get("draft"), data.get("critic")) if isinstance(data, dict) else (None, None)
    if not isinstance(draft, str) or not isinstance(critic, str) or not isinstance(data, dict):
        raise _AnswerError("its task shows no texts.")
    originals = (draft, "") if draft == NOTHING else (draft,)
    for original in originals:
        if text_hash(original, critic) == data.get("seen"):
            return original
    raise _AnswerError("its task shows other texts than were pushed.")


def _controls(result: Json) -> dict[str, list[str]]:
    """Control -> what was said with it."""
    if not isinstance(result, list):
        raise _AnswerError("it is no list of results.")
    said = dict[str, list[str]]()
    for each in result:
        if not isinstance(each, dict):
            raise _AnswerError("a result is no JSON object.")
        name, kind = each.get("from_name"), each.get("type")
        if not isinstance(name, str) or name not in CONTROLS:
            raise _AnswerError(f"`{_short(name)}` is no control of the project: {', '.join(CONTROLS)} are.")
        if kind != CONTROLS[name] or each.get("to_name") != OBJECT or name in said:
            raise _AnswerError(f"`{name}` is not used as the project has it.")
        value = each.get("value")
        found = value.get("text" if kind == "textarea" else "choices") if isinstance(value, dict) else None
        texts = [found] if isinstance(found, str) else found
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise _AnswerError(f"`{name}` holds no texts.")
        said[name] = [str(text) for text in texts]
    return said


def _who(account: Json, people: Mapping[int, str]) -> str:
    number = account.get("id") if isinstance(account, dict) else account
    if not isinstance(number, int) or isinstance(number, bool) or number not in people:
        raise _AnswerError(f"nobody is known as account {_short(number)}.")
    return people[number]


def _time(said: Json) -> float:
    try:
        moment = datetime.fromisoformat(said) if isinstance(said, str) else None
        at = moment.timestamp() if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None or at < 0:
        raise _AnswerError(f"`{_short(said)}` is no time.")
    return at


def _short(value: Json) -> str:
    return in_line(str(value))[:60]
