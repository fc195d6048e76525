"""Imported by the process that commands are forked from, after the SDKs: fills what Python remembers of abstract classes.

Whether a `dict` is a `MutableMapping` is found out once for each class and then remembered. With Azure's models loaded that
first answer asks some 5,000 subclasses: a fifth of a second in every command, unless it has been asked before the fork.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, KeysView, Mapping, MutableMapping, MutableSequence, Sequence, Set, ValuesView
from datetime import datetime
from types import GeneratorType, MappingProxyType

from azure.core.rest._requests_basic import _CaseInsensitiveDict
from azure.core.utils import CaseInsensitiveDict as AzuresDict
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict

ABSTRACT = (Iterable, Mapping, MutableMapping, MutableSequence, Sequence, Set)
CONCRETE = (
    *(bool, bytes, bytearray, dict, float, frozenset, int, list, set, str, tuple, type(None), zip, map, type),
    *(type({}.items()), type({}.keys()), type({}.values()), ItemsView, KeysView, ValuesView),
    *(type(OrderedDict().items()), type(OrderedDict().keys()), type(OrderedDict().values())),
    *(AzuresDict, _CaseInsensitiveDict),
    *(GeneratorType, MappingProxyType, OrderedDict, type(os.environ), datetime),
    *(CaseInsensitiveDict, HTTPHeaderDict, RequestsCookieJar),
)

for _abstract in ABSTRACT:
    for _concrete in CONCRETE:
        issubclass(_concrete, _abstract)
