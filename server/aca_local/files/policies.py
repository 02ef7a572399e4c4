"""XML bodies: stored access policies and service properties."""

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aca_local.files.clock import iso, parse_iso
from aca_local.files.errors import FilesError
from aca_local.files.records import AccessPolicy

MAX_POLICIES = 5
MAX_CORS_RULES = 5
NO_RETENTION = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
METRICS_OFF = f"<Version>1.0</Version><Enabled>false</Enabled>{NO_RETENTION}"
MULTICHANNEL_OFF = "<Multichannel><Enabled>false</Enabled></Multichannel>"
DEFAULT_SECTIONS = {
    "HourMetrics": f"<HourMetrics>{METRICS_OFF}</HourMetrics>",
    "MinuteMetrics": f"<MinuteMetrics>{METRICS_OFF}</MinuteMetrics>",
    "Cors": "<Cors />",
    "ProtocolSettings": f"<ProtocolSettings><SMB>{MULTICHANNEL_OFF}</SMB></ProtocolSettings>",
}


def parse(document: bytes, root: str) -> ET.Element:
    """Return the root element of a body; raises InvalidXmlDocument."""
    try:
        element = ET.fromstring(document)  # noqa: S314 - see the import
    except ET.ParseError:
        raise bad_document() from None
    if element.tag != root:
        raise bad_document()
    return element


def bad_document() -> FilesError:
    """Return the error for a body that is not the document that it should be."""
    return FilesError("InvalidXmlDocument", LineNumber="0", LinePosition="0", Reason="")


def read_policies(document: bytes) -> dict[str, AccessPolicy]:
    """Return the policies of a SignedIdentifiers document."""
    root = parse(document, "SignedIdentifiers") if document.strip() else ET.Element("SignedIdentifiers")
    found = {}
    for item in root:
        start, expiry = item.findtext("AccessPolicy/Start"), item.findtext("AccessPolicy/Expiry")
        found[item.findtext("Id") or ""] = AccessPolicy(
            iso(parse_iso(start)) if start else None,
            iso(parse_iso(expiry)) if expiry else None,
            item.findtext("AccessPolicy/Permission") or None,
        )
    if len(root) > MAX_POLICIES or "" in found:
        raise bad_document()
    return found


def policies_xml(policies: dict[str, AccessPolicy]) -> str:
    """Return the SignedIdentifiers document of policies."""
    items = ""
    for name, policy in policies.items():
        fields = {"Start": policy.start, "Expiry": policy.expiry, "Permission": policy.permission}
        inner = "".join(f"<{field}>{escape(value)}</{field}>" for field, value in fields.items() if value)
        access = f"<AccessPolicy>{inner}</AccessPolicy>" if inner else "<AccessPolicy />"
        items += f"<SignedIdentifier><Id>{escape(name)}</Id>{access}</SignedIdentifier>"
    return f"<SignedIdentifiers>{items}</SignedIdentifiers>" if items else "<SignedIdentifiers />"


def merge_service_properties(kept: str, document: bytes) -> str:
    """Return the service properties after a Set: sections that the body leaves out stay as they were."""
    body = parse(document, "StorageServiceProperties")
    sections = _sections(kept)
    for element in body:
        if element.tag not in DEFAULT_SECTIONS:
            raise FilesError("UnsupportedXmlNode", XmlNodeName=element.tag)
        if element.tag == "Cors" and len(element) > MAX_CORS_RULES:
            raise bad_document()
        sections[element.tag] = ET.tostring(element, encoding="unicode")
    return "".join(sections.values())


def service_properties_xml(kept: str) -> str:
    """Return the service properties' document."""
    return f"<StorageServiceProperties>{''.join(_sections(kept).values())}</StorageServiceProperties>"


def _sections(kept: str) -> dict[str, str]:
    sections = dict(DEFAULT_SECTIONS)
    for element in ET.fromstring(f"<kept>{kept}</kept>"):  # noqa: S314 - our own document
        sections[element.tag] = ET.tostring(element, encoding="unicode")
    return sections
