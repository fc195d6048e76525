"""Operations on the account's blob service: its properties, user delegation keys, account information."""

from __future__ import annotations

import base64
import datetime
import json

from lab.azure.blob import xml
from lab.azure.blob.call import Call
from lab.azure.blob.errors import BlobError, authentication_failed
from lab.azure.blob.signing import delegation_key
from lab.http import Response

_NOBODY = "00000000-0000-0000-0000-000000000000"
_LONGEST_KEY = 7 * 86400


def get_service_properties(call: Call) -> Response:
    days = call.storage.accounts.service(call.key.account).delete_retention_days
    off = "<Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
    retention = f"<Enabled>true</Enabled><Days>{days}</Days>" if days else "<Enabled>false</Enabled>"
    body = (
        "<StorageServiceProperties><Logging><Version>1.0</Version><Read>false</Read><Write>false</Write>"
        "<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>"
        f"<HourMetrics>{off}</HourMetrics><MinuteMetrics>{off}</MinuteMetrics><Cors />"
        f"<DeleteRetentionPolicy>{retention}</DeleteRetentionPolicy>"
        "<StaticWebsite><Enabled>false</Enabled></StaticWebsite></StorageServiceProperties>"
    )
    return Response(200, {"Content-Type": "application/xml"}, xml.document(body))


def set_service_properties(call: Call) -> Response:
    """Soft delete for blobs can be set; switching on what the lab does not have is refused."""
    for item in xml.parse(call.request.body, "StorageServiceProperties"):
        texts = [(one.text or "").strip().lower() for one in item.iter()]
        if item.tag == "DeleteRetentionPolicy":
            _set_retention(call, item.findtext("Enabled", "false"), item.findtext("Days", ""))
        elif "true" in texts or item.find("CorsRule") is not None:
            raise BlobError(400, "InvalidXmlNodeValue", f"The lab has no {item.tag}; it can only be off.")
    return Response(202)


def _set_retention(call: Call, enabled: str, days: str) -> None:
    number = 0
    if enabled.lower() == "true":
        if not days.isdigit() or not 1 <= int(days) <= 365:
            raise BlobError(400, "InvalidXmlNodeValue", f"Blobs are kept for 1 to 365 days, not {days!r}.")
        number = int(days)
    call.storage.accounts.set_service(call.key.account, delete_retention_days=number)


def get_user_delegation_key(call: Call) -> Response:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise authentication_failed("A user delegation key is given for a bearer token only.")
    asked = xml.parse(call.request.body, "KeyInfo")
    start = asked.findtext("Start") or xml.utc(call.now)
    expiry = asked.findtext("Expiry", "")
    if not call.now < _moment(expiry) <= call.now + _LONGEST_KEY + 60 or _moment(start) >= _moment(expiry):
        raise BlobError(
            400, "InvalidXmlNodeValue", "A user delegation key ends after it starts, within seven days."
        )
    claims = _claims(token.strip())
    fields = {
        "skoid": str(claims.get("oid", _NOBODY)),
        "sktid": str(claims.get("tid", _NOBODY)),
        "skt": start,
        "ske": expiry,
        "sks": "b",
        "skv": call.headers["x-ms-version"],
    }
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    value = delegation_key(call.storage.accounts.delegation_secret(call.key.account), call.key.account, fields)
    body = "".join(xml.tag(name, text) for name, text in zip(names, fields.values(), strict=True))
    return Response(
        200,
        {"Content-Type": "application/xml"},
        xml.document(f"<UserDelegationKey>{body}{xml.tag('Value', value)}</UserDelegationKey>"),
    )


def get_account_information(call: Call) -> Response:
    return Response(
        200, {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": "false"}
    )


def _moment(text: str) -> float:
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise BlobError(400, "InvalidXmlNodeValue", f"{text!r} is not a time.") from None


def _claims(token: str) -> dict[str, object]:
    """What a token says about its owner (the caller has checked it); {} when it is opaque."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
