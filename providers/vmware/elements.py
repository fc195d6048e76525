"""Reading SOAP answers as XML elements: the quick way in for bulk reads.

pyVmomi builds a typed Python object for every device of a VM and costs milliseconds a VM; the planner wants a dozen values
of each. This reader keeps pyVmomi's request, connection, session and faults, and takes the answer's elements as they are.
"""

from __future__ import annotations

import zlib
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from providers.vmware import sdk

VIM = "{urn:vim25}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"


class ElementStub:
    """A pyVmomi stub whose methods answer with the response's element (None when the method answers nothing)."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def InvokeMethod(self, managed: Any, info: Any, args: tuple[Any, ...]) -> Element | None:
        """What pyVmomi calls for every method of a managed object; raises the typed fault that vCenter sent."""
        status, body = self._post(self._stub.SerializeRequest(managed, info, args))
        if status == 200:
            return _response(body)
        raise sdk.load().soap.SoapResponseDeserializer(self._stub).Deserialize(body, info.result)

    def _post(self, request: bytes) -> tuple[int, bytes]:
        stub = self._stub
        headers = {
            "Cookie": stub.cookie,
            "SOAPAction": stub.versionId,
            "Content-Type": "text/xml; charset=UTF-8",
            "Accept-Encoding": "gzip",
        }
        connection = stub.GetConnection()
        try:
            connection.request("POST", stub.path, request, headers)
            response = connection.getresponse()
            body = response.read()
        except BaseException:
            connection.close()
            raise
        if response.status not in (200, 500):
            connection.close()
            raise OSError(f"HTTP {response.status} {response.reason}")
        stub.ReturnConnection(connection)
        packed = response.getheader("Content-Encoding", "").lower() == "gzip"
        return response.status, zlib.decompress(body, 16 + zlib.MAX_WBITS) if packed else body


def _response(body: bytes) -> Element | None:
    soap_body = ElementTree.fromstring(body).find(_BODY)
    if soap_body is None or not len(soap_body):
        raise OSError("vCenter's answer has no SOAP body")
    return soap_body[0].find(VIM + "returnval")


# One step per look-up: a path with "/" would leave ElementTree's C code, and an inventory makes half a million look-ups.
def text(element: Element | None, name: str) -> str:
    """The text of the child `name`, "" where there is none."""
    return "" if element is None else element.findtext(VIM + name, "")


def number(element: Element | None, name: str) -> int:
    return 0 if element is None else int(element.findtext(VIM + name) or 0)


def truth(element: Element | None, name: str) -> bool:
    return text(element, name) in ("true", "1")


def child(element: Element | None, name: str) -> Element | None:
    return None if element is None else element.find(VIM + name)


def children(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else element.findall(VIM + name)


def kind(element: Element | None) -> str:
    """The vSphere type that the element names ("VirtualDisk"), "" when it names none."""
    return "" if element is None else element.get(_TYPE, "").rpartition(":")[2]
