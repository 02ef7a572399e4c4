"""Functions of network ranges."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError
from aca_local.templates.machine import Function

if TYPE_CHECKING:
    from aca_local.templates.values import Value

TEXT = ("String",)
WHOLE = ("Integer",)
LARGEST = 2**31 - 1
CLASSFUL = 8
OLD_BITS = 32


@dataclass(frozen=True)
class Range:
    """A network: the number of its first address, the bits of its prefix and of an address."""

    first: int
    prefix: int
    bits: int

    @property
    def size(self) -> int:
        """How many addresses."""
        return 1 << self.bits - self.prefix

    def text(self, number: int) -> str:
        """Write an address."""
        return str(IPv4Address(number) if self.bits == OLD_BITS else IPv6Address(number))


def read(cidr: str) -> Range:
    """Read "address/prefix". Raises TemplateError."""
    address, slash, prefix = cidr.partition("/")
    old = _old_address(address) if ":" not in address else None
    try:
        number = int(ip_address(address)) if old is None else old
    except ValueError as error:
        raise _invalid(cidr) from error
    bits = OLD_BITS if old is not None else 128
    length = (
        int(prefix) if re.fullmatch(r"\d{1,3}", prefix) else CLASSFUL if not slash and old is not None else -1
    )
    if not 0 <= length <= bits:
        raise _invalid(cidr)
    first = number >> bits - length << bits - length
    return Range(first, length, bits)


def _old_address(text: str) -> int | None:
    """Read an IPv4 address, with the short forms that .NET reads too."""
    parts = text.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"\d{1,3}", part) for part in parts):  # noqa: PLR2004 - bytes
        return None
    try:
        return int.from_bytes(socket.inet_aton(text), "big")
    except OSError:
        return None


def _invalid(cidr: str) -> TemplateError:
    return TemplateError(f"The specified CIDR '{cidr}' is not valid.")


def parse_cidr(cidr: str) -> Value:
    """`parseCidr(cidr)`."""
    found = read(cidr)
    last = found.first + found.size - 1
    mask = (1 << found.bits) - found.size
    made: dict[str, Value] = {"network": found.text(found.first), "netmask": found.text(mask)}
    if found.bits == OLD_BITS:
        made["broadcast"] = found.text(last)
        spare = found.bits - found.prefix >= 2  # noqa: PLR2004 - two addresses are not for hosts
        made["firstUsable"] = found.text(found.first + spare)
        made["lastUsable"] = found.text(last - 1 if spare else found.first)
    else:
        made["firstUsable"] = found.text(found.first)
        made["lastUsable"] = found.text(last)
    made["cidr"] = found.prefix
    return made


def cidr_subnet(cidr: str, prefix: int, index: int) -> str:
    """`cidrSubnet(cidr, prefix, index)`."""
    _fits(prefix)
    _fits(index)
    found = read(cidr)
    if not found.prefix <= prefix <= found.bits:
        raise TemplateError(f"Could not generate subnet for network '{cidr}' and CIDR value '{prefix}'.")
    count = 1 << prefix - found.prefix
    if not 0 <= index < count:
        raise TemplateError(
            f"The specified subnetIndex '{index}' is not a valid index of the subnet size '{count}'."
        )
    return f"{found.text(found.first + (index << found.bits - prefix))}/{prefix}"


def cidr_host(cidr: str, index: int) -> str:
    """`cidrHost(cidr, index)`."""
    _fits(index)
    found = read(cidr)
    number = found.first + index + 1
    if not found.first <= number < found.first + found.size - 1 or found.size <= 2:  # noqa: PLR2004 - no host
        raise TemplateError(
            f"Could not calculate the CidrHost for network '{cidr}' and CIDR value '{index}'."
        )
    return found.text(number)


def _fits(number: int) -> None:
    if not -LARGEST - 1 <= number <= LARGEST:
        raise TemplateError(
            f"The value '{number}' cannot be used as a number because it is either too large or too small. "
            f"The value must be between {-LARGEST - 1} and {LARGEST}."
        )


TABLE = {
    "parsecidr": Function(parse_cidr, 1, 1, (TEXT,)),
    "cidrsubnet": Function(cidr_subnet, 3, 3, (TEXT, WHOLE)),
    "cidrhost": Function(cidr_host, 2, 2, (TEXT, WHOLE)),
}
