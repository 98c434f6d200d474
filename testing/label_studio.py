"""A real Label Studio as `make annotate` starts it, and people who answer through its API."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / ".label-studio" / "bin" / "label-studio"  # `make test-annotate` installs it
SERVING = "lwv_dagster.annotate.label_studio.annotate_server"


class Person:
    """An account, by its token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self._client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Token {token}"}, timeout=120, trust_env=False
        )

    def ask(self, method: str, path: str, **how: Any) -> Any:
        """The JSON of an answer. Raises where it is no success."""
        answer = self._client.request(method, path, **how)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def all_tasks(self, project: int) -> list[dict[str, Any]]:
        """Every task with its answers and drafts."""
        asked = {"project": project, "fields": "all", "page_size": 1000}
        found: list[dict[str, Any]] = self.ask("GET", "/api/tasks", params=asked)["tasks"]
        return found

    def tasks(self, project: int) -> dict[str, dict[str, Any]]:
        """segment -> its task; fails where a segment has two."""
        rows = self.all_tasks(project)
        found = {row["data"]["segment"]: row for row in rows}
        assert len(found) == len(rows), "a segment has two tasks"
        return found

    def answer(self, task: Mapping[str, Any], *results: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Submit these results."""
        body = {"result": list(results), "lead_time": 12.5, **fields}
        made: dict[str, Any] = self.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=body)
        return made


def text_result(text: str, **changed: Any) -> dict[str, Any]:
    """As the page sends the text of its box."""
    return {"from_name": "text", "to_name": "draft", "type": "textarea", "value": {"text": [text]}, **changed}


def choices_result(name: str, *chosen: str) -> dict[str, Any]:
    """As the page sends what is ticked."""
    return {"from_name": name, "to_name": "draft", "type": "choices", "value": {"choices": list(chosen)}}


@dataclass(frozen=True)
class Started:
    """A running server. said: what it told on the terminal; process: of `make annotate`."""

    lead: Person
    said: str
    process: "subprocess.Popen[str]"

    def invited(self, email: str) -> Person:
        """Somebody who joined by the invitation, as a browser does it."""
        path = self.lead.ask("GET", "/api/invite")["invite_url"]
        with httpx2.Client(base_url=self.lead.url, follow_redirects=True, timeout=120, trust_env=False) as browser:
            form = browser.get(path).text
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
            assert found is not None
            person = {"csrfmiddlewaretoken": found[1], "email": email, "password": "pass-word-2"}
            browser.post(path, data=person, headers={"Referer": self.lead.url}).raise_for_status()
            return Person(self.lead.url, browser.get("/api/current-user/token").raise_for_status().json()["token"])


@contextmanager
def label_studio(home: Path) -> Iterator[Started]:
    """Started for a factory, until the block ends. Its first start takes a minute or two."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command: Sequence[str] = [sys.executable, "-m", SERVING, str(PROGRAM), str(port)]
    with subprocess.Popen(
        command, env={**os.environ, "LWV_HOME": str(home)}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        try:
            while "invitation" not in said:
                line = process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
            url, token = re.search(r"LWV_LABEL_STUDIO_URL=(\S+) LWV_LABEL_STUDIO_TOKEN=(\S+)", said).groups()  # type: ignore[union-attr]
            yield Started(Person(url, token), said, process)
        finally:
            process.terminate()
            process.wait(60)
