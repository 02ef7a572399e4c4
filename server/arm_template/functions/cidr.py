"""Functions of network ranges.

The engine reads them with IPNetwork2 (lduchosal/ipnetwork), which takes more than "address/prefix": what
cannot belong to an address is left out first, a netmask may stand for the prefix, and none means that of the
class.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from arm_template.dotnet.numbers import check_int32
from arm_template.errors import TemplateError
from arm_template.scope import Function

if TYPE_CHECKING:
    from arm_template.values import Value

TEXT = ("String",)
WHOLE = ("Integer",)
FOREIGN = re.compile(r"[^0-9a-fA-F./\s:]+")
OLD_BITS, NEW_BITS = 32, 128
NEW_CLASS = 64  # the prefix of an IPv6 address that has none
CLASSES = ((128, 8), (192, 16), (256, 24))  # first bytes below, and the prefix of their class
LARGEST_BYTE = 255
EMBEDDED = {
    0xFFFF: "::ffff:",
    0xFFFF0000: "::ffff:0:",
}  # the first 96 bits of addresses that hold an IPv4 one
ISATAP = 0x5EFE


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

    @property
    def usable(self) -> tuple[int, int]:
        """The first and last address that a host can have."""
        last = self.first + self.size - 1
        if self.bits == NEW_BITS:
            return self.first, last
        spare = self.bits - self.prefix >= 2  # noqa: PLR2004 - two addresses are not for hosts
        return self.first + spare, last - 1 if spare else self.first

    def text(self, number: int) -> str:
        """Write an address; numbers past the last one begin again."""
        number %= 1 << self.bits
        if self.bits == OLD_BITS:
            return str(IPv4Address(number))
        return _new_text(number)

    def __str__(self) -> str:
        return f"{self.text(self.first)}/{self.prefix}"


def _new_text(number: int) -> str:
    """Write an IPv6 address as .NET does: those that hold an IPv4 address show it."""
    high, low = number >> OLD_BITS, number & (1 << OLD_BITS) - 1
    if high in EMBEDDED:
        return EMBEDDED[high] + (str(IPv4Address(low)) if low >> 16 else f"0:{low:x}")
    if high == 0 and low >> 16:
        return f"::{IPv4Address(low)}"
    if high & (1 << OLD_BITS) - 1 == ISATAP:
        return str(IPv6Address(high << OLD_BITS | 0x10001)).removesuffix("1:1") + str(IPv4Address(low))
    return str(IPv6Address(number))


def read(cidr: str) -> Range:
    """Read a network. Raises TemplateError."""
    parts = re.split("[ /]+", re.sub(r"\s{2,}", " ", FOREIGN.sub("", cidr)).strip().strip("/ "))
    number, bits = _address(parts[0])
    if len(parts) > 1:
        prefix = _prefix(parts[1], bits)
    elif number is None or bits == NEW_BITS:
        prefix = NEW_CLASS
    else:
        prefix = next(one for limit, one in CLASSES if number >> 24 < limit)
    if number is None or not 0 <= prefix <= bits:
        raise TemplateError(f"The specified CIDR '{cidr}' is not valid.")
    return Range(number >> bits - prefix << bits - prefix, prefix, bits)


def _address(text: str) -> tuple[int | None, int]:
    """Read an address: its number, None where it is none, and its bits."""
    if ":" not in text:
        return _old_address(text), OLD_BITS
    try:
        return int(IPv6Address(text)), NEW_BITS
    except AddressValueError:
        return None, NEW_BITS


def _old_address(text: str) -> int | None:
    """Read an IPv4 address, with the short and octal forms that .NET reads too."""
    if not re.fullmatch(r"\d{1,10}(\.\d{1,10}){0,3}", text, re.ASCII):
        return None
    try:
        return int.from_bytes(socket.inet_aton(text), "big")
    except OSError:
        return None


def _prefix(text: str, bits: int) -> int:
    """Read a prefix or a netmask; -1 where it is neither."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return int(text)
    mask, width = _address(text)
    if mask is None or width != bits:
        return -1
    hosts = mask ^ (1 << bits) - 1
    return bits - hosts.bit_length() if hosts & hosts + 1 == 0 else -1


def parse_cidr(cidr: str) -> Value:
    """`parseCidr(cidr)`."""
    found = read(cidr)
    made: dict[str, Value] = {
        "network": found.text(found.first),
        "netmask": found.text((1 << found.bits) - found.size),
    }
    if found.bits == OLD_BITS:
        made["broadcast"] = found.text(found.first + found.size - 1)
    made["firstUsable"], made["lastUsable"] = (found.text(number) for number in found.usable)
    made["cidr"] = found.prefix
    return made


def cidr_subnet(cidr: str, prefix: int, index: int) -> str:
    """`cidrSubnet(cidr, prefix, index)`."""
    check_int32(prefix)
    if not 0 <= prefix <= LARGEST_BYTE:
        raise TemplateError(f"The specified byte '{prefix}' is not a valid byte value (0-255).")
    found = read(cidr)
    if not found.prefix <= prefix <= found.bits:
        raise TemplateError(f"Could not generate subnet for network '{found}' and CIDR value '{prefix}'.")
    check_int32(index)
    count = 1 << prefix - found.prefix
    if not 0 <= index < count:
        raise TemplateError(
            f"The specified subnetIndex '{index}' is not a valid index of the subnet size '{count}'."
        )
    return f"{found.text(found.first + (index << found.bits - prefix))}/{prefix}"


def cidr_host(cidr: str, index: int) -> str:
    """`cidrHost(cidr, index)`: 0 is the first address after that of the network; negative ones count back."""
    found = read(cidr)
    check_int32(index)
    number = found.first + index + 1
    if number > max(found.first, found.first + found.size - 2):
        raise TemplateError(
            f"Could not calculate the CidrHost for network '{found}' and CIDR value '{index}'."
        )
    return found.text(number)


TABLE = {
    "parsecidr": Function(parse_cidr, 1, 1, (TEXT,)),
    "cidrsubnet": Function(cidr_subnet, 3, 3, (TEXT, WHOLE)),
    "cidrhost": Function(cidr_host, 2, 2, (TEXT, WHOLE)),
}
