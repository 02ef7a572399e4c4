"""What the server can take at most: the same requests, by the bare load generator of this repository.

    python -m benchmarks.sync.ceiling PORT SHARE CREATES SIZE LARGE_FILES LARGE_SIZE CONNECTIONS

Small files are signed beforehand, each is one create with its content; a large file is a create and its
ranges of 4 MiB. Prints the seconds.
"""

import asyncio
import sys
from collections.abc import Iterator

from benchmarks.files_load import create_request, empty_file_request, range_request, send_all
from benchmarks.sync.place import ACCOUNT, KEY

PIECE = 4 << 20


def ranges(base: str, files: int, size: int) -> Iterator[bytes]:
    """The ranges of large files, made when they are sent: together they fill a memory."""
    data = bytes(PIECE)
    for offset in range(0, size, PIECE):
        for number in range(files):
            yield range_request(f"{base}/large{number}", offset, data[: size - offset], KEY)


async def main(port: int, share: str, *numbers: int) -> float:
    creates, size, large_files, large_size, connections = numbers
    base = f"/{ACCOUNT}/{share}"
    small = [create_request(f"{base}/c{number:05}", b"x" * size, KEY) for number in range(creates)]
    large = [empty_file_request(f"{base}/large{n}", large_size, KEY) for n in range(large_files)]
    seconds = await send_all(port, [*large, *small], connections=min(connections, len(large) + creates))
    if large_files:
        seconds += await send_all(port, ranges(base, large_files, large_size), connections=connections)
    return seconds


if __name__ == "__main__":
    print(asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))))
