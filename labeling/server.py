"""A Label Studio server: the parts that we use, which are projects, tasks and annotations.

Everything goes through `label_studio_sdk`, which takes personal access tokens and legacy tokens. A request that fails
for a passing reason is tried again. Any other failure is one `ServerError` that says what was being done, what the
server answered and what to do. It never contains the token.
"""

import json
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from labeling.errors import AccessDenied, ServerError, ServerUnreachable

TIMEOUT_S = 300.0
ATTEMPTS = 4
PAGE = 2000
"""Tasks listed with one request: memory stays bounded, and a page is a second's work for the server."""
LISTED = "id,data,drafts,total_annotations,cancelled_annotations"
PASSING = (429, 500, 502, 503, 504)
"""Status codes that may be gone the next time; 500 is what SQLite's «database is locked» becomes."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Project:
    """A project on the server.

    description: where we note what config we gave it. maximum_annotations, overlap_cohort_percentage: how many people
    answer a task, and on how many of the tasks.
    """

    id: int
    title: str
    label_config: str
    description: str
    maximum_annotations: int = 1
    overlap_cohort_percentage: int = 100


@dataclass(frozen=True)
class Present:
    """A task that is on the server. touched: somebody has answered, skipped or begun it."""

    id: int
    data: dict[str, Any]
    touched: bool


class Server:
    """One server and whoever the token belongs to."""

    def __init__(self, url: str, token: str, *, attempts: int = ATTEMPTS) -> None:
        self.url = without_secrets(url)
        token = token.strip()  # a line end from a file of settings
        if not (token and token.isascii() and token.isprintable()):
            raise AccessDenied(f"the token for {self.url} is empty or has characters that no token has. {NEW_TOKEN}")
        self.attempts = attempts
        try:
            session = httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)
            weakref.finalize(self, session.close)
            self.client: Any = LabelStudio(base_url=url.rstrip("/"), api_key=token, httpx_client=session)  # type: ignore[no-untyped-call]
        except ApiError as error:
            raise AccessDenied(f"the token for {self.url} cannot be used: {_said(error)}. {NEW_TOKEN}") from error

    def version(self) -> str:
        """The server's release, such as "1.23.0"."""
        return str(self._ask("asking for its version", self.client.versions.get).release)

    def projects(self, title: str) -> list[Project]:
        """The projects of exactly this title, oldest first."""
        found = self._ask("looking for the project", lambda: list(self.client.projects.list(title=title)))
        same = [project for project in found if project.title == title]
        return [self._project(project) for project in sorted(same, key=lambda project: project.id)]

    def create_project(self, title: str, config: str, description: str, **settings: Any) -> Project:
        """Make a project; `settings` are Label Studio's own."""
        made = self._ask(
            f"making the project {title!r}",
            lambda: self.client.projects.create(
                title=title, label_config=config, description=description, show_skip_button=False, **settings
            ),
        )
        return self._project(made)

    def delete_project(self, project: Project) -> None:
        """Delete a project with all that is in it."""
        self._ask(f"deleting the project {project.title!r}", lambda: self.client.projects.delete(id=project.id))

    def update_project(self, project: Project, **changes: Any) -> None:
        """Change a project's label_config, description or settings."""
        self._ask(
            f"updating the project {project.title!r}", lambda: self.client.projects.update(id=project.id, **changes)
        )

    def serve_folder(self, project: Project, folder: str) -> None:
        """Let Label Studio show the files of a folder on its own disk (only a server started for it will)."""
        storages = self.client.import_storage.local
        listed = self._ask("asking for its folders", lambda: storages.list(project=project.id))
        if not any(storage.path == folder for storage in listed):
            self._ask(
                f"connecting {folder}",
                lambda: storages.create(project=project.id, path=folder, title="pictures", use_blob_urls=True),
            )

    def tasks(self, project: Project) -> Iterator[Present]:
        """Every task of a project, in the order in which annotators meet them."""
        page = 1
        while True:
            params = {"project": project.id, "page": page, "page_size": PAGE, "include": LISTED}
            answer = self._ask("listing tasks", partial(self._get, "api/tasks/", params))
            for task in answer["tasks"]:
                touched = task["total_annotations"] or task["cancelled_annotations"] or task["drafts"]
                yield Present(int(task["id"]), dict(task["data"]), bool(touched))
            if page * PAGE >= int(answer["total"]):
                return
            page += 1

    def add_tasks(self, project: Project, tasks: Sequence[dict[str, Any]]) -> None:
        """Import tasks, with their predictions. Where the answer gets lost, some may be there twice: see `push`."""
        self._ask(
            "adding tasks",
            lambda: self.client.projects.import_tasks(
                project.id, request=list(tasks), return_task_ids=False, request_options={"max_retries": 0}
            ),
        )

    def remove_untouched(self, project: Project, ids: Sequence[int]) -> None:
        """Delete tasks by id, but none that has an annotation by the time the server gets to it."""
        if not ids:
            return  # Label Studio takes no ids for all tasks
        unanswered = [
            {"filter": f"filter:tasks:{name}", "operator": "equal", "type": "Number", "value": 0}
            for name in ("total_annotations", "cancelled_annotations")
        ]
        self._ask(
            "removing tasks",
            lambda: self.client.actions.create(
                id="delete_tasks",
                project=project.id,
                filters={"conjunction": "and", "items": unanswered},
                selected_items={"all": False, "included": list(ids)},
            ),
        )

    def annotated(self, project: Project) -> Any:
        """Label Studio's JSON export of the tasks that somebody has annotated."""
        exports = self.client.projects.exports
        content = self._ask(
            f"exporting {project.title!r}",
            lambda: b"".join(exports.download_sync(project.id, export_type="JSON", download_all_tasks=False)),
        )
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ServerError(f"{self.url} exported {project.title!r} as something that is no JSON ({error})") from None

    def people(self) -> dict[int, str]:
        """E-mail addresses by user id."""
        return {int(user.id): str(user.email) for user in self._ask("asking who is there", self.client.users.list)}

    def invitation(self) -> str:
        """The address at which others make themselves an account."""
        invite = self._ask("asking for the invitation", lambda: self._get("api/invite", {}))
        return self.url + str(invite["invite_url"])

    def _get(self, path: str, params: dict[str, Any]) -> Any:
        """A plain GET with the SDK's own session: its models take longer to fill than the server to answer."""
        response = self.client._client_wrapper.httpx_client.request(path, method="GET", params=params)
        if response.status_code >= 400:
            raise ApiError(status_code=response.status_code, body=response.text)
        return response.json()

    @staticmethod
    def _project(found: Any) -> Project:
        return Project(
            int(found.id), str(found.title), str(found.label_config or ""), str(found.description or ""),
            int(found.maximum_annotations or 1), int(found.overlap_cohort_percentage or 0),
        )  # fmt: skip

    def _ask(self, doing: str, request: Callable[[], Result]) -> Result:
        for attempt in range(1, self.attempts + 1):
            try:
                return request()
            except ApiError as error:
                if error.status_code in (401, 403):
                    raise AccessDenied(f"{self.url} refuses the token ({doing}): {_said(error)}. {NEW_TOKEN}") from None
                if error.status_code not in PASSING or attempt == self.attempts:
                    raise ServerError(f"{self.url} failed at {doing}: {_said(error)}") from None
            except (httpx.TransportError, json.JSONDecodeError) as error:
                if attempt == self.attempts:
                    raise ServerUnreachable(
                        f"{self.url} does not answer ({doing}: {error or type(error).__name__}). Check that Label "
                        "Studio runs at this address (`toonset label serve` starts it here), then run the same command "
                        "again: it goes on where this one stopped"
                    ) from None
            time.sleep(0.5 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


NEW_TOKEN = (
    "Sign in there, take a token from Account & Settings and put it into LABEL_STUDIO_API_KEY; for our own server, "
    "`toonset label serve` keeps it in .labelstudio/"
)


def without_secrets(url: str) -> str:
    """The address without a user and password that may stand in it, for messages and receipts."""
    parts = urlsplit(url.rstrip("/"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _said(error: ApiError) -> str:
    """What the server says is wrong, on one line."""
    body = error.body
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except json.JSONDecodeError:
            body = {"detail": body}
    if not isinstance(body, dict):
        return f"status {error.status_code}"
    details = body.get("validation_errors") or body.get("detail") or ""
    text = json.dumps(details, ensure_ascii=False) if isinstance(details, dict | list) else str(details)
    return f"status {error.status_code}, {' '.join(text.split())[:300] or 'no details'}"
