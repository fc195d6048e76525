"""The wire: SOAP requests to Python values and back, with pyVmomi's own serialiser on both sides.

A request's body has one element, whose name is the method; `_this` names the object, the other children are the
parameters. Answers are serialised for the API version that the client names in `SOAPAction`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from lab.vcenter.vimtypes import SERVED_VERSION, VIM_NAMESPACE, Fault, soap, support, vim, vmodl

_NS_MAP = {**soap.SOAP_NSMAP, VIM_NAMESPACE: ""}
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope '
    'xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
)
_ENVELOPE_END = "</soapenv:Body></soapenv:Envelope>"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, parsed. `parameters` has every parameter of the method; what the client left out is None."""

    method: str
    kind: str  # of the object, as on the wire
    moid: str
    parameters: dict[str, Any]
    result: Any  # pyVmomi's type of the answer
    version: str


class Raw(str):
    """An answer that is XML already: the content of the Response element."""

    __slots__ = ()


class WireError(Exception):
    """Not a SOAP request that this server understands."""


def version_of(action: str) -> str:
    """pyVmomi's version object for a SOAPAction header; an unknown or missing one counts as the newest served."""
    uri = action.strip().strip('"').removeprefix("urn:")
    return str(support.versionMap.get(uri) or support.versionMap[f"vim25/{SERVED_VERSION}"])


def parse(body: bytes, action: str) -> Call:
    """Raises WireError for anything that is not a call of a method that vSphere has."""
    reader = _Reader(version_of(action))
    try:
        return reader.read(body)
    except ExpatError as error:
        raise WireError(f"not XML: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WireError(f"{reader.method or 'request'}: {error!r}") from error


class _Reader:
    """Finds method and parameters, and lets pyVmomi's deserialiser read each of them from the same parser."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.method = ""
        self._names: dict[str | None, list[str]] = {}
        self._depth = 0
        self._in_body = False
        self._info: Any = None
        self._this: Any = None
        self._values: list[tuple[Any, Any]] = []  # (parameter, its deserialiser)

    def read(self, body: bytes) -> Call:
        self._parser = ParserCreate(namespace_separator=soap.NS_SEP)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = lambda text: None
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.EndNamespaceDeclHandler = lambda prefix: self._names[prefix].pop()
        self._parser.Parse(body, True)
        if self._info is None or self._this is None:
            raise WireError("the SOAP body has no method, or the method no _this")
        this = self._this.GetResult()
        parameters: dict[str, Any] = {entry.name: None for entry in self._info.params}
        for info, reader in self._values:
            if issubclass(info.type, list):
                parameters[info.name] = [*(parameters[info.name] or []), reader.GetResult()]
            else:
                parameters[info.name] = reader.GetResult()
        kind = support.GetWsdlName(type(this))
        return Call(self.method, kind, this._moId, parameters, self._info.result, self.version)

    def _declare(self, prefix: str | None, uri: str) -> None:
        self._names.setdefault(prefix, []).append(uri)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        name = tag.rpartition(soap.NS_SEP)[2]
        if self._depth == 2:
            self._in_body = name == "Body"
        elif self._depth == 3 and self._in_body:
            self.method = name
            self._info = _method(name)
        elif self._depth == 4 and self._in_body:
            self._parameter(name, tag, attributes)

    def _end(self, tag: str) -> None:
        self._depth -= 1

    def _parameter(self, name: str, tag: str, attributes: dict[str, str]) -> None:
        reader = soap.SoapDeserializer(None, self.version)
        if name == "_this":
            self._this, kind = reader, support.ManagedObject
        else:
            info = next(entry for entry in self._info.params if entry.name == name)
            self._values.append((info, reader))
            kind = info.type.Item if issubclass(info.type, list) else info.type
        reader.Deserialize(self._parser, kind, False, self._names)
        reader.StartElementHandler(tag, attributes)
        self._depth -= 1  # pyVmomi takes the end of this element and gives the parser back


class _Fetch:
    """The method that reads one property; it is not in pyVmomi's tables."""

    params = (support.Object(name="prop", type=str, version=support.BASE_VERSION, flags=0),)
    result = object


def _method(name: str) -> Any:
    if name == "Fetch":
        return _Fetch
    return support.GetWsdlMethod(VIM_NAMESPACE, name).info


def serialise(name: str, value: Any, kind: Any, version: str) -> str:
    """One value as `<name>…</name>`, without namespace declarations of its own; "" for None."""
    if value is None:
        return ""
    if isinstance(value, list) and not value and kind is not object:
        return ""
    info = support.Object(name=name, type=kind, version=version, flags=support.F_OPTIONAL)
    writer = soap.StringIO()
    serialiser = soap.SoapSerializer(writer, version, _NS_MAP)
    serialiser.outermostAttrs = ""
    serialiser.Serialize(value, info)
    text: str = writer.getvalue()
    return text


def value_xml(value: Any, version: str) -> str:
    """A property's value as `<val …>`, "" when unset. Plain values take a short cut past pyVmomi's serialiser."""
    kind = type(value)
    if kind is str:
        return f'<val xsi:type="xsd:string">{escape(value)}</val>'
    if kind is bool:
        return f'<val xsi:type="xsd:boolean">{"true" if value else "false"}</val>'
    if kind is int:
        return f'<val xsi:type="xsd:int">{value}</val>'
    return serialise("val", value, object, version)


def answer(call: Call, value: Any) -> bytes:
    """The body of a successful answer."""
    inner = value if isinstance(value, Raw) else serialise("returnval", value, call.result, call.version)
    text = f'<{call.method}Response xmlns="{VIM_NAMESPACE}">{inner}</{call.method}Response>'
    return (_ENVELOPE + text + _ENVELOPE_END).encode()


def fault(error: Fault, version: str) -> bytes:
    """The body of a fault (HTTP status 500): the text, and the typed detail."""
    name = support.GetWsdlName(type(error.fault)) + "Fault"
    info = support.Object(name=name, type=object, version=version, flags=0)
    error.fault.msg = None
    detail = soap.SerializeFaultDetail(error.fault, info, version, _NS_MAP)
    detail = detail.replace(f"<{name}", f'<{name} xmlns="{VIM_NAMESPACE}"', 1)
    error.fault.msg = str(error)
    text = (
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
        f"<faultstring>{escape(str(error))}</faultstring><detail>{detail}</detail></soapenv:Fault>"
    )
    return (_ENVELOPE + text + _ENVELOPE_END).encode()


def service_versions() -> bytes:
    """`/sdk/vimServiceVersions.xml`: what SmartConnect asks first."""
    newest = support.versionMap[f"vim25/{SERVED_VERSION}"]
    ids = [support.versionIdMap[version] for version in support.GetServiceVersions("vim25")]
    served = ids[ids.index(support.versionIdMap[newest]) :]
    prior = "".join(f"<version>{entry}</version>" for entry in served[1:] if entry)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<namespaces version="1.0"><namespace>'
        f"<name>{VIM_NAMESPACE}</name><version>{served[0]}</version>"
        f"<priorVersions>{prior}</priorVersions></namespace></namespaces>"
    ).encode()


def method_not_found(call: Call) -> Fault:
    detail = vmodl.fault.MethodNotFound(receiver=vim.ServiceInstance("ServiceInstance"), method=call.method)
    return Fault(detail, f"The lab's vCenter does not have {call.kind}.{call.method}.")
