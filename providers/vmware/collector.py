"""The property collector: all reads of vCenter's objects go through here, in one call where one is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

from providers.vmware import sdk
from providers.vmware.elements import VIM, ElementStub, text
from providers.vmware.pause import cycle_collector_paused
from providers.vmware.session import Session

T = TypeVar("T")

Properties = dict[str, Element]
"""Property path -> its `val` element; an unset property is not there."""

_PROPERTY = VIM + "propSet"

PAGE = 250
"""Objects an answer. A VM with its devices is some 20 KiB of XML: a page is a few MiB."""


def plain(properties: Mapping[str, Element], path: str) -> str:
    """The text of a simple property (a number, a name, a managed object's ref), "" when it is unset."""
    value = properties.get(path)
    return (value.text or "") if value is not None else ""


class Collector:
    """Reads properties through `session`; every method may raise the port errors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def objects(self, wanted: Mapping[Any, Sequence[str]], *, subject: str = "") -> dict[str, Properties]:
        """Properties of single managed objects: {object: paths} -> {ref: properties}. A missing object is `NotFound`."""
        query = sdk.load().vmodl.query.PropertyCollector
        alike: dict[tuple[Any, tuple[str, ...]], list[Any]] = {}
        for target, paths in wanted.items():
            alike.setdefault((type(target), tuple(paths)), []).append(query.ObjectSpec(obj=target, skip=False))
        specs = [
            query.FilterSpec(objectSet=targets, propSet=[query.PropertySpec(type=kind, pathSet=list(paths), all=False)])
            for (kind, paths), targets in alike.items()
        ]
        doing = "reading its properties"
        return self._session.call(
            doing, lambda content: {ref: found for _, ref, found in self._walk(content, specs)}, subject=subject
        )

    def all(self, wanted: Mapping[str, Sequence[str]], take: Callable[[str, str, Properties], T]) -> list[T]:
        """`take(type, ref, properties)` of every object of these types ({"VirtualMachine": paths}), in vCenter's order.

        `take` is called while pages arrive, so that the elements of 10,000 VMs never live at once; when a connection broke,
        all is read and taken again.
        """
        api = sdk.load()
        query = api.vmodl.query.PropertyCollector

        def read(content: Any) -> list[T]:
            types = [getattr(api.vim, name) for name in wanted]
            view = content.viewManager.CreateContainerView(content.rootFolder, types, True)
            try:
                walk = query.TraversalSpec(name="all", type=api.vim.view.ContainerView, path="view", skip=False)
                spec = query.FilterSpec(
                    objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
                    propSet=[
                        query.PropertySpec(type=getattr(api.vim, name), pathSet=list(paths), all=False)
                        for name, paths in wanted.items()
                    ],
                )
                with cycle_collector_paused():
                    return [take(*found) for found in self._walk(content, [spec])]
            finally:
                view.DestroyView()

        return self._session.call("reading the inventory", read)

    def _walk(self, content: Any, specs: list[Any]) -> Iterator[tuple[str, str, Properties]]:
        """Page by page; the next one is on its way while this one is taken apart."""
        query = sdk.load().vmodl.query.PropertyCollector
        # `_moId` is pyVmomi's documented way to a managed object's id.
        collector = query(content.propertyCollector._moId, ElementStub(self._session.stub))
        page = collector.RetrievePropertiesEx(specSet=specs, options=query.RetrieveOptions(maxObjects=PAGE))
        if not (token := text(page, "token")):
            yield from _objects(page)
            return
        with ThreadPoolExecutor(1, "inventory-page") as ahead:
            while token:
                coming = ahead.submit(collector.ContinueRetrievePropertiesEx, token)
                yield from _objects(page)
                page = coming.result()
                token = text(page, "token")
        yield from _objects(page)


def _objects(page: Element | None) -> Iterator[tuple[str, str, Properties]]:
    """ObjectContent is a sequence: obj, then propSet entries, each with name and then val."""
    for entry in () if page is None else page.findall(VIM + "objects"):
        target, *pairs = entry
        properties = {pair[0].text or "": pair[1] for pair in pairs if pair.tag == _PROPERTY}
        yield target.get("type", "").rpartition(":")[2], target.text or "", properties
