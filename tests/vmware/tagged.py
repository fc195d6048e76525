"""A vCenter whose tags a test makes, over REST and without the client that is tested."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import Any

from providers.secrets import Credentials
from providers.vmware.collector import Collector, plain
from providers.vmware.source import VSphereSource
from providers.vmware.tls import Endpoint, context


@dataclass
class Subject:
    """A vCenter in which a test may make tags; `lab` where it is ours."""

    endpoint: Endpoint
    credentials: Credentials
    lab: bool = False

    def rest(self, method: str, path: str, body: Any = None, session: str = "", basic: str = "") -> Any:
        """Without the client that is tested."""
        connection = HTTPSConnection(self.endpoint.host, self.endpoint.port, context=context(self.endpoint), timeout=20)
        headers = {"Content-Type": "application/json"}
        headers |= {"vmware-api-session-id": session} if session else {}
        headers |= {"Authorization": basic} if basic else {}
        connection.request(method, f"/rest/com/vmware/cis/{path}", json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, (answer.status, text)
        return json.loads(text).get("value") if text.strip() else None

    def session(self) -> str:
        word = base64.b64encode(f"{self.credentials.user}:{self.credentials.password}".encode()).decode()
        return str(self.rest("POST", "session", basic=f"Basic {word}"))

    def category(self, name: str) -> str:
        spec = {"name": name, "description": "", "cardinality": "MULTIPLE", "associable_types": []}
        return str(self.rest("POST", "tagging/category", {"create_spec": spec}, self.session()))

    def tag(self, category: str, name: str, *carriers: tuple[str, str]) -> str:
        spec = {"name": name, "description": "", "category_id": category}
        tag = str(self.rest("POST", "tagging/tag", {"create_spec": spec}, self.session()))
        for kind, ref in carriers:
            target = {"object_id": {"id": ref, "type": kind}}
            self.rest("POST", f"tagging/tag-association/id:{tag}?~action=attach", target, self.session())
        return tag

    def all(self, kind: str, path: str) -> dict[str, str]:
        """Managed object ref of everything of a kind -> a property of it."""
        source = VSphereSource(self.endpoint, lambda: self.credentials)
        try:
            return dict(Collector(source.session).all({kind: (path,)}, lambda _, ref, found: (ref, plain(found, path))))
        finally:
            source.close()

    def refs(self) -> dict[str, str]:
        """Managed object ref of every VM -> its instance uuid."""
        return self.all("VirtualMachine", "config.instanceUuid")

    def folder(self) -> str:
        return min(self.all("Folder", "name"))
