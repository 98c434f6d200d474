"""Label Studio's HTTP API, as far as it is used here: nothing that it answers is believed to have any form."""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from resources.bounded_answers import MOST_ANSWER_BYTES
from resources.json_types import Json
from resources.secrets import mask
from resources.settings import Settings
from resources.text.shown import in_line

if TYPE_CHECKING:
    import httpx2

TASKS_AT_ONCE = 100
MOST_PAGES = 100_000
WAIT_S = 120.0  # for an answer: hundreds of tasks with their texts are written in one
CONNECT_S = 10.0


class LabelStudioError(RuntimeError):
    """Label Studio cannot be used; the sentence says why and what to set."""


class LabelStudio:
    """One server, with the token of one account. Use as `with LabelStudio(url, token) as studio`.

    Each method raises LabelStudioError.
    """

    def __init__(self, url: str, token: str) -> None:
        import httpx2

        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise LabelStudioError(
                f"LWV_LABEL_STUDIO_URL is {mask(url)!r}: an address starts with http:// or https://."
            )
        self.url = url.rstrip("/")
        # No proxy and no redirect: the token goes to this address and to no other.
        self._client = httpx2.Client(
            headers={"Authorization": f"Token {token}"},
            timeout=httpx2.Timeout(WAIT_S, connect=CONNECT_S),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def people(self) -> dict[int, str]:
        """Account -> its address, by which the ledger knows the person."""
        found = self._ask("GET", "/api/users/")
        rows = found if isinstance(found, list) else []
        named = ((row.get("id"), row.get("email")) for row in rows if isinstance(row, dict))
        return {number: name for number, name in named if isinstance(number, int) and isinstance(name, str)}

    def project(self, title: str) -> int | None:
        """The project of exactly this title; the first, where there are several."""
        for row in self._pages("/api/projects/", {"title": title}, "results"):
            if row.get("title") == title and isinstance(number := row.get("id"), int):
                return number
        return None

    def make_project(self, fields: Mapping[str, Json]) -> int:
        """A new project's number."""
        made = self._ask("POST", "/api/projects/", dict(fields))
        if not isinstance(made, dict) or not isinstance(number := made.get("id"), int):
            raise LabelStudioError(f"Label Studio at {self.url} made no project: {_shown(made)}.")
        return number

    def change_project(self, project: int, fields: Mapping[str, Json]) -> None:
        """Set some of its fields."""
        self._ask("PATCH", f"/api/projects/{project}/", dict(fields))

    def storages(self, project: int) -> list[str]:
        """The folders of its local storages."""
        found = self._ask("GET", "/api/storages/localfiles/", params={"project": project})
        rows = found if isinstance(found, list) else []
        return [str(row.get("path")) for row in rows if isinstance(row, dict)]

    def add_storage(self, project: int, path: str) -> None:
        """A folder whose files its tasks may show."""
        self._ask("POST", "/api/storages/localfiles/", {"project": project, "path": path, "use_blob_urls": False})

    def tasks(self, project: int) -> Iterator[dict[str, Json]]:
        """Its tasks with their annotations and drafts."""
        query = json.dumps({"ordering": ["tasks:id"]})
        return self._pages("/api/tasks", {"project": str(project), "fields": "all", "query": query}, "tasks")

    def answered_tasks(self, project: int, since: str | None = None) -> Iterator[dict[str, Json]]:
        """Its tasks that have an answer which is no skip, those that changed longest ago first. since: that changed at
        this time or later, as the server writes it.

        It goes on from the time of the last one, not from a page's number: an answer that comes meanwhile moves its
        task to the end, where it is read again, and no other is passed over.
        """
        page, read = 1, set[tuple[str, str]]()
        while page < MOST_PAGES:
            items = [_filter("total_annotations", "greater", "Number", 0)]
            items += [_filter("updated_at", "greater_or_equal", "Datetime", since)] if since else []
            query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:updated_at"]}
            asked = {"project": str(project), "fields": "all", "query": json.dumps(query)}
            rows = self._page("/api/tasks", asked, "tasks", page)
            for row in rows:
                name = str(row.get("id")), str(row.get("updated_at"))
                if name not in read:
                    read.add(name)
                    yield row
            if len(rows) < TASKS_AT_ONCE:
                return
            last = rows[-1].get("updated_at")
            page = page + 1 if last == since or not isinstance(last, str) else 1
            since = last if isinstance(last, str) else since

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Json]]) -> None:
        """New tasks, all or none."""
        self._ask("POST", f"/api/projects/{project}/import", [dict(each) for each in tasks])

    def delete_untouched(self, task: int) -> bool:
        """Delete a task unless somebody has worked on it by now; whether it is gone."""
        found = self._ask("GET", f"/api/tasks/{task}/", gone=True)
        if isinstance(found, dict) and (found.get("annotations") or found.get("drafts")):
            return False
        self._ask("DELETE", f"/api/tasks/{task}/", gone=True)
        return True

    def _pages(self, path: str, asked: Mapping[str, str], name: str) -> Iterator[dict[str, Json]]:
        """The rows of a list that comes in pages."""
        for page in range(1, MOST_PAGES):
            rows = self._page(path, asked, name, page)
            yield from rows
            if len(rows) < TASKS_AT_ONCE:
                return

    def _page(self, path: str, asked: Mapping[str, str], name: str, page: int) -> list[dict[str, Json]]:
        """One page of them, each row an object; behind the last page there is none."""
        found = self._ask("GET", path, params={**asked, "page": page, "page_size": TASKS_AT_ONCE}, gone=page > 1)
        rows = found.get(name) if isinstance(found, dict) else None
        if not isinstance(rows, list):
            if page > 1:
                return []
            raise LabelStudioError(f"{mask(self.url)} does not answer as Label Studio does: {_shown(found)}.")
        return [row if isinstance(row, dict) else {} for row in rows]

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        params: Mapping[str, str | int] | None = None,
        gone: bool = False,
    ) -> Json:
        """The answer's JSON. gone: a 404 is an answer too, with nothing in it."""
        import httpx2

        try:
            with self._client.stream(method, f"{self.url}{path}", json=body, params=params) as response:
                data = _bounded(response)
        except httpx2.InvalidURL as error:
            raise LabelStudioError(
                f"LWV_LABEL_STUDIO_URL is {mask(self.url)!r}, which is no address: {error}."
            ) from None
        except httpx2.HTTPError as error:
            why = in_line(mask(str(error))) or type(error).__name__
            raise LabelStudioError(
                f"Label Studio at {mask(self.url)} cannot be reached ({why}): start it (`make annotate`), or set "
                "LWV_LABEL_STUDIO_URL to where it is."
            ) from None
        return self._read(response.status_code, data, f"{method} {path}", gone)

    def _read(self, status: int, data: bytes, what: str, gone: bool) -> Json:
        if status in (401, 403):
            raise LabelStudioError(
                f"Label Studio at {mask(self.url)} refuses the token in LWV_LABEL_STUDIO_TOKEN (HTTP {status}): "
                "it takes the legacy token of an account (Account & Settings), where it was started with "
                "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN=true."
            )
        if status == 404 and gone:
            return None
        if not 200 <= status < 300:
            says = in_line(mask(data[:300].decode("utf-8", "replace")))
            raise LabelStudioError(f"Label Studio at {mask(self.url)} answers {what} with HTTP {status}: {says}")
        if not data:
            return None
        try:
            found: Json = json.loads(data)
        except (ValueError, RecursionError):
            raise LabelStudioError(
                f"{mask(self.url)} does not answer as Label Studio does ({what} is no JSON): check "
                "LWV_LABEL_STUDIO_URL."
            ) from None
        return found


def label_studio_of(settings: Settings) -> LabelStudio:
    """The server that the environment names. Raises LabelStudioError."""
    token = settings.label_studio_token.get_secret_value().strip() if settings.label_studio_token else ""
    if not settings.label_studio_url or not token:
        raise LabelStudioError(
            "No Label Studio is set: LWV_LABEL_STUDIO_URL and LWV_LABEL_STUDIO_TOKEN name one (`make annotate` starts "
            "one)."
        )
    if not token.isascii() or not token.isprintable():
        raise LabelStudioError("LWV_LABEL_STUDIO_TOKEN has characters that no token has.")
    return LabelStudio(settings.label_studio_url, token)


def _bounded(response: "httpx2.Response") -> bytes:
    pieces, size = list[bytes](), 0
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            raise LabelStudioError(
                f"Label Studio's answer has more than {MOST_ANSWER_BYTES / 1e6:.0f} MB: no {TASKS_AT_ONCE} tasks have."
            )
    return b"".join(pieces)


def _filter(column: str, operator: str, kind: str, value: Json) -> Json:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _shown(found: Json) -> str:
    return in_line(mask(json.dumps(found, ensure_ascii=False)))[:200]
