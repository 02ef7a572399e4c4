"""Byte ranges of a file that hold data: sorted, inclusive, not touching each other."""

Span = tuple[int, int]
SECTOR = 512  # clearing frees whole sectors; the ends of the range are overwritten with zeros


def add(spans: list[Span], start: int, end: int) -> list[Span]:
    """Return the ranges with `start`..`end` written too."""
    result: list[Span] = []
    for first, last in spans:
        if last + 1 < start or end + 1 < first:
            result.append((first, last))
        else:
            start, end = min(start, first), max(end, last)
    result.append((start, end))
    return sorted(result)


def remove(spans: list[Span], start: int, end: int) -> list[Span]:
    """Return the ranges without `start`..`end`."""
    result: list[Span] = []
    for first, last in spans:
        if first < start:
            result.append((first, min(last, start - 1)))
        if last > end:
            result.append((max(first, end + 1), last))
    return [span for span in result if span[0] <= span[1] and not start <= span[0] <= span[1] <= end]


def clear(spans: list[Span], start: int, end: int, size: int) -> list[Span]:
    """Return the ranges after clearing `start`..`end`: whole sectors are freed, up to the end of the file."""
    first = -(-start // SECTOR) * SECTOR
    last = size - 1 if end == size - 1 else (end + 1) // SECTOR * SECTOR - 1
    return remove(spans, first, last) if first <= last else spans


def clip(spans: list[Span], start: int, end: int) -> list[Span]:
    """Return what of the ranges lies in `start`..`end`."""
    return [(max(first, start), min(last, end)) for first, last in spans if first <= end and last >= start]


def intersect(spans: list[Span], others: list[Span]) -> list[Span]:
    """Return what of the ranges lies in the others."""
    return [part for start, end in others for part in clip(spans, start, end)]


def subtract(spans: list[Span], others: list[Span]) -> list[Span]:
    """Return what of the ranges lies outside the others."""
    for start, end in others:
        spans = remove(spans, start, end)
    return spans
