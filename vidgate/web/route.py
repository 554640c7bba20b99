"""One row of the table of routes."""

from dataclasses import dataclass
from enum import Enum

from pydantic import BaseModel

from vidgate.model.user import Permission
from vidgate.web.problems import Handler

API = "/api/v1"


class Access(Enum):
    """The few routes that ask for no permission say so by name; forgetting is not possible."""

    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, who may call it, and what it takes and gives (for OpenAPI).

    `body` and `answer` are a model, a media type, or None for nothing. A route without `summary`
    is not part of the API's description. `grace`: seconds that an expired ticket still works.
    """

    method: str
    path: str
    handler: Handler
    access: Permission | Access
    summary: str = ""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | str | None = None
    answer: type[BaseModel] | str | None = None
    status: int = 200
    grace: float = 0.0

    @property
    def permission(self) -> Permission | None:
        """What it asks for; None where it is open to all."""
        return None if isinstance(self.access, Access) else self.access

    @property
    def tag(self) -> str:
        """Its noun: the module of its handler."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """A unique name: noun and verb."""
        return f"{self.tag}_{self.handler.__name__.strip('_')}"
