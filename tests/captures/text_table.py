"""Records of sflowtool's text beside records of the capture, a row for each capture.

python -m tests.captures.text_table
"""

from __future__ import annotations

from tests.captures.test_sflowtool import EXPLAINED, NAMES, decoded, is_given_up, pairs

HEADINGS = (
    "capture",
    "datagrams",
    "refused",
    "equal",
    "skipped by sflowtool",
    "given up by sflowtool",
    "explained",
    "other",
)


def row(name: str) -> tuple[str, ...]:
    """The counts of one capture; "other" is what strings that were cut or injected make differ."""
    wanted = decoded(name)
    counts = dict.fromkeys(HEADINGS[3:], 0)
    for i, text, binary in pairs(name, ".txt"):
        if text == binary:
            counts["equal"] += 1
        elif i in EXPLAINED.get(name, {}):
            counts["explained"] += 1
        elif is_given_up(text):
            counts["given up by sflowtool"] += 1
        elif any(event.code == "text_line_skipped" and event.severity == "info" for event in text.notices):
            counts["skipped by sflowtool"] += 1
        else:
            counts["other"] += 1
    return (name, str(len(wanted)), str(sum(each is None for each in wanted)), *map(str, counts.values()))


def main() -> None:
    rows = [HEADINGS, *map(row, NAMES)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
