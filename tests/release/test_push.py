"""`--push`: never without a token, one sentence where the hub refuses, and every file where it does not."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assets.release.markup import ReleaseRefused
from assets.release.push import push


class FakeHub(BaseHTTPRequestHandler):
    """The few calls of the hub's API that an upload of small files makes; `server.seen` holds them."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = self.path.split("?")[0]
        self.server.seen.append((path, body, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        if self.server.refuses:  # type: ignore[attr-defined]
            return self._answer(403, {"error": "You may not write here."})
        if path == "/api/repos/create":
            return self._answer(200, {"url": f"{self.server.url}/datasets/me/data", "id": "1"})  # type: ignore[attr-defined]
        if path.endswith("/preupload/main"):
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for file in json.loads(body)["files"]]
            return self._answer(200, {"files": files})
        return self._answer(200, {"success": True, "commitOid": "abc", "hookOutput": "",
                                  "commitUrl": f"{self.server.url}/datasets/me/data/commit/abc"})  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self._answer(200, {"id": "me/data", "sha": "0", "siblings": []})

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import huggingface_hub.constants as constants

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    server.seen, server.refuses, server.url = [], False, f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "ENDPOINT", server.url)      # what HF_ENDPOINT sets when the library is imported
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()


def test_without_a_token_nothing_is_sent(tmp_path: Path, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ReleaseRefused, match="HF_TOKEN is not set"):
        push(tmp_path, "me/data")
    assert hub.seen == []


def test_every_file_is_sent_to_a_private_data_set_repository(tmp_path: Path, hub: Any) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("# card")
    (tmp_path / "data" / "train-00000-of-00001.parquet").write_bytes(b"rows")
    assert push(tmp_path, "me/data") == f"{hub.url}/datasets/me/data/commit/abc"
    created = json.loads(next(body for path, body, _ in hub.seen if path == "/api/repos/create"))
    assert (created["type"], created["visibility"]) == ("dataset", "private")
    commit = next(body for path, body, _ in hub.seen if "/commit/" in path)
    sent = {line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in map(json.loads, commit.splitlines()) if line["key"] == "file"}
    assert sent == {"README.md": b"# card", "data/train-00000-of-00001.parquet": b"rows"}
    assert {token for _, _, token in hub.seen} == {"Bearer hf_secret"}


def test_a_refusal_is_one_sentence_without_the_token(tmp_path: Path, hub: Any) -> None:
    hub.refuses = True
    (tmp_path / "README.md").write_text("# card")
    with pytest.raises(ReleaseRefused, match="did not take me/data: ") as caught:
        push(tmp_path, "me/data")
    assert "\n" not in str(caught.value) and "hf_secret" not in str(caught.value)


def test_a_name_that_is_none_and_a_hub_that_is_not_there_are_one_sentence(tmp_path: Path, hub: Any) -> None:
    with pytest.raises(ReleaseRefused, match="did not take"):
        push(tmp_path, "not/a/name")
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ReleaseRefused, match="did not take me/data"):
        push(tmp_path, "me/data")
