"""Good files made bad, the same way for the same seed."""

import io
import zipfile
from random import Random

BYTES = [0x00, 0xFF, 0x7F, 0x80, 0x20, 0x3C, 0x28]


def mutated(data: bytes, other: bytes, random: Random) -> bytes:
    """``data`` with bytes changed, cut, doubled, or taken from ``other``; of a zip often one part alone."""
    if data.startswith(b"PK") and random.random() < 0.7:
        return _part_mutated(data, other, random)
    return _bytes_mutated(data, other, random)


def _bytes_mutated(data: bytes, other: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if not changed:
            break
        at, length = random.randrange(len(changed)), random.randint(1, max(1, len(changed) // 8))
        match random.randrange(7):
            case 0:
                for _ in range(random.randint(1, 20)):
                    changed[random.randrange(len(changed))] = random.choice(BYTES)
            case 1:
                del changed[at:]
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length]
            case 4:
                changed[at : at + length] = bytes([random.choice(BYTES)]) * length
            case 5:
                begin = random.randrange(len(other))
                changed[at:at] = other[begin : begin + length]
            case _:
                # Numbers that are too large for what they count.
                for digit in range(at, min(at + 200, len(changed))):
                    if 0x30 <= changed[digit] <= 0x39:
                        changed[digit] = 0x39
    return bytes(changed)


def _part_mutated(data: bytes, other: bytes, random: Random) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as made,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        names = made.namelist()
        chosen = random.choice([name for name in names if name.endswith((".xml", ".xhtml", ".rels", ".opf"))])
        for name in names:
            part = made.read(name)
            if name != chosen:
                changed.writestr(name, part)
            elif random.random() < 0.8:
                changed.writestr(name, _bytes_mutated(part, other, random))
    return out.getvalue()
