"""A small server that answers as a real Label Studio 1.23.0 did (tests/stored/label-studio), or as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lwv_dagster.annotate.label_studio.labelling_project import title_of

STORED = Path(__file__).resolve().parents[1] / "tests" / "stored" / "label-studio"
TOKEN = "recorded-token-1"
Answer = Callable[[str, str], tuple[int, bytes, dict[str, str]] | None]


def stored(name: str) -> Any:
    return json.loads((STORED / f"{name}.json").read_text())


class FakeLabelStudio:
    """tasks: what it holds; asked: (method, path) of each request; tokens: their own; other: an answer by method and
    path, in place of the recorded one."""

    def __init__(self, home: Path) -> None:
        self.tasks: list[dict[str, Any]] = stored("tasks")["tasks"]
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.other: Answer = lambda _method, _path: None
        self._home, self.url = home, ""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["api", "users"]:
                return 200, stored("users")
            case "GET", ["api", "projects"]:
                found = stored("projects")
                found["results"][0]["title"] = title_of(self._home)
                return 200, found
            case "GET", ["api", "storages", "localfiles"]:
                return 200, [{**stored("storages")[0], "path": str(self._home / "images")}]
            case "GET", ["api", "tasks"]:
                return self._list(query)
            case "GET", ["api", "tasks", number]:
                return next(((200, task) for task in self.tasks if str(task["id"]) == number), (404, {}))
            case "DELETE", ["api", "tasks", number]:
                self.tasks = [task for task in self.tasks if str(task["id"]) != number]
                return 204, None
            case "POST", ["api", "projects", _, "import"]:
                first = max((task["id"] for task in self.tasks), default=0) + 1
                self.tasks += [
                    {**stored("tasks")["tasks"][0], **task, "id": first + at, "annotations": [], "drafts": []}
                    for at, task in enumerate(body)
                ]
                return 201, {"task_count": len(body)}
            case "PATCH", ["api", "projects", _]:
                return 200, stored("projects")["results"][0]
        return 404, {"detail": "Not found."}

    def _list(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        asked, size, page = json.loads(query["query"][0]), int(query["page_size"][0]), int(query["page"][0])
        rows = list(self.tasks)
        for item in asked.get("filters", {"items": []})["items"]:
            column = item["filter"].rpartition(":")[2]
            least = item["operator"] == "greater_or_equal"
            rows = [row for row in rows if row[column] > item["value"] or (least and row[column] == item["value"])]
        rows.sort(key=lambda row: row[asked["ordering"][0].rpartition(":")[2]])
        some = rows[(page - 1) * size : page * size]
        return (200, {"total": len(rows), "tasks": some}) if some or page == 1 else (404, stored("no_page"))


@contextmanager
def fake_label_studio(home: Path) -> Iterator[FakeLabelStudio]:
    """It answers in a thread while the block runs."""
    fake = FakeLabelStudio(home)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            address = urlsplit(self.path)
            fake.asked.append((self.command, address.path))
            fake.tokens.add(self.headers.get("Authorization", ""))
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if (other := fake.other(self.command, address.path)) is not None:
                status, said, headers = other
            elif self.headers.get("Authorization") != f"Token {TOKEN}":
                status, said, headers = 401, json.dumps(stored("unauthorised")).encode(), {}
            else:
                status, found = fake.answer(
                    self.command, address.path, parse_qs(address.query), json.loads(data) if data else None
                )
                said, headers = json.dumps(found).encode() if found is not None else b"", {}
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815 (as the library calls them)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
