"""Security descriptors: their text form (SDDL) and the binary one, [MS-DTYP] 2.4.4 to 2.4.6 and 2.5.1."""

import base64
import binascii
import re
import struct
from functools import reduce
from operator import or_

from aca_local.files.errors import FilesError

DESCRIPTOR = re.compile(
    r"(?:O:(?P<owner>[^:()]+?))?(?:G:(?P<group>[^:()]+?))?"
    r"(?:D:(?P<dacl>[A-Z_]*(?:\([^()]*\))*))?(?:S:(?P<sacl>[A-Z_]*(?:\([^()]*\))*))?"
)
DIGITS = re.compile(r"[0-9]{1,15}")
ACE = re.compile(r"\(([^()]*)\)")
SELF_RELATIVE, DACL_PRESENT, SACL_PRESENT = 0x8000, 0x0004, 0x0010
CONTROL = {"P": (0x1000, 0x2000), "AR": (0x0100, 0x0200), "AI": (0x0400, 0x0800)}  # of the DACL, of the SACL
NO_ACCESS_CONTROL = "NO_ACCESS_CONTROL"
TYPES = {"A": 0, "D": 1, "AU": 2}
FLAGS = {"OI": 0x01, "CI": 0x02, "NP": 0x04, "IO": 0x08, "ID": 0x10, "SA": 0x40, "FA": 0x80}
RIGHTS = {
    "FA": 0x1F01FF, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200A0, "GA": 0x10000000, "GX": 0x20000000,
    "GW": 0x40000000, "GR": 0x80000000, "RC": 0x20000, "SD": 0x10000, "WD": 0x40000, "WO": 0x80000,
}  # fmt: skip
SIDS = {
    "WD": "S-1-1-0", "CO": "S-1-3-0", "CG": "S-1-3-1", "OW": "S-1-3-4", "NU": "S-1-5-2", "IU": "S-1-5-4",
    "SU": "S-1-5-6", "AN": "S-1-5-7", "PS": "S-1-5-10", "AU": "S-1-5-11", "RC": "S-1-5-12", "SY": "S-1-5-18",
    "LS": "S-1-5-19", "NS": "S-1-5-20", "BA": "S-1-5-32-544", "BU": "S-1-5-32-545", "BG": "S-1-5-32-546",
    "PU": "S-1-5-32-547", "AO": "S-1-5-32-548", "SO": "S-1-5-32-549", "BO": "S-1-5-32-551",
}  # fmt: skip


def is_sddl(text: str) -> bool:
    """Return True if a text has the form of a security descriptor."""
    return bool(text) and DESCRIPTOR.fullmatch(text.strip()) is not None


def to_binary(text: str) -> str:
    """Return the base64 binary form of an SDDL text; raises InvalidInput for what it can't express."""
    match = DESCRIPTOR.fullmatch(text.strip())
    if match is None:
        raise FilesError("InvalidInput", "The permission is no security descriptor.")
    try:
        return base64.b64encode(_packed(match)).decode()
    except (struct.error, OverflowError):  # a number that has no room
        raise FilesError("InvalidInput", "The permission has a number that is too large.") from None


def _packed(match: re.Match[str]) -> bytes:
    control, body, offsets = SELF_RELATIVE, b"", {"sacl": 0, "dacl": 0, "owner": 0, "group": 0}
    for index, name in ((1, "sacl"), (0, "dacl")):
        part = match[name]
        if part is not None:
            control |= (SACL_PRESENT if index else DACL_PRESENT) | _control(part, index)
            if not part.startswith(NO_ACCESS_CONTROL):
                offsets[name] = 20 + len(body)
                entries = [_ace(text) for text in ACE.findall(part)]
                size = 8 + sum(map(len, entries))
                body += struct.pack("<BBHHH", 2, 0, size, len(entries), 0) + b"".join(entries)
    for name in ("owner", "group"):
        if match[name]:
            offsets[name] = 20 + len(body)
            body += _sid(match[name])
    ordered = (offsets[name] for name in ("owner", "group", "sacl", "dacl"))
    return struct.pack("<BBHIIII", 1, 0, control, *ordered) + body


def _control(part: str, index: int) -> int:
    flags = part.partition("(")[0].replace(NO_ACCESS_CONTROL, "")
    found = re.findall("AI|AR|P", flags)
    if "".join(found) != flags:
        raise FilesError("InvalidInput", "The permission has unknown flags.")
    return sum(CONTROL[flag][index] for flag in found)


def _ace(text: str) -> bytes:
    fields = text.split(";")
    try:
        kind, flags, rights, object_type, inherited, sid = fields
        number = TYPES[kind]
        bits = sum(FLAGS[flags[i : i + 2]] for i in range(0, len(flags), 2))
        named = (RIGHTS[rights[i : i + 2]] for i in range(0, len(rights), 2))
        mask = int(rights, 0) if rights[:1].isdigit() else reduce(or_, named, 0)
    except (ValueError, KeyError):
        raise FilesError("InvalidInput", "The permission has an unknown entry.") from None
    if object_type or inherited:
        raise FilesError("InvalidInput", "Object entries are not possible in a file's permission.")
    trustee = _sid(sid)
    return struct.pack("<BBHI", number, bits, 8 + len(trustee), mask) + trustee


def _sid(text: str) -> bytes:
    parts = SIDS.get(text, text).split("-")
    if parts[:2] != ["S", "1"] or not all(DIGITS.fullmatch(part) for part in parts[2:]) or len(parts) < 3:  # noqa: PLR2004 - S-1-x
        raise FilesError("InvalidInput", "The permission names an unknown account.")
    authority, *rest = (int(part) for part in parts[2:])
    return struct.pack("<BB6s", 1, len(rest), authority.to_bytes(6, "big")) + struct.pack(
        f"<{len(rest)}I", *rest
    )


def from_binary(text: str) -> str:
    """Return the SDDL text of a base64 binary form; raises InvalidInput for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
        _, _, control, owner, group, sacl, dacl = struct.unpack_from("<BBHIIII", data)
        parts = [f"O:{_name(data, owner)}" if owner else "", f"G:{_name(data, group)}" if group else ""]
        parts += [_acl_text("D", data, dacl, control, 0), _acl_text("S", data, sacl, control, 1)]
    except (binascii.Error, struct.error, KeyError):
        raise FilesError("InvalidInput", "The permission is no security descriptor.") from None
    return "".join(parts)


def _acl_text(letter: str, data: bytes, offset: int, control: int, index: int) -> str:
    if not control & (SACL_PRESENT if index else DACL_PRESENT):
        return ""
    text = f"{letter}:" + "".join(flag for flag, bits in CONTROL.items() if control & bits[index])
    if not offset:
        return text + NO_ACCESS_CONTROL
    types = {number: name for name, number in TYPES.items()}
    rights = {number: name for name, number in RIGHTS.items()}
    (count,) = struct.unpack_from("<H", data, offset + 4)
    at = offset + 8
    for _ in range(count):
        kind, bits, size, mask = struct.unpack_from("<BBHI", data, at)
        flags = "".join(flag for flag, bit in FLAGS.items() if bits & bit)
        text += f"({types[kind]};{flags};{rights.get(mask, f'0x{mask:x}')};;;{_name(data, at + 8)})"
        at += size
    return text


def _name(data: bytes, offset: int) -> str:
    _, count, authority = struct.unpack_from("<BB6s", data, offset)
    rest = struct.unpack_from(f"<{count}I", data, offset + 8)
    sid = "-".join(["S-1", str(int.from_bytes(authority, "big")), *map(str, rest)])
    return {text: alias for alias, text in SIDS.items()}.get(sid, sid)
