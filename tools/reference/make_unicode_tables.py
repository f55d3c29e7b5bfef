"""Writes src/engine/tokenizers/unicode_tables.inc: what the reference's tokenizer library knows of Unicode.

Every code point is put through the `tokenizers` package (classes, lower case, decomposition, composition);
only the canonical combining classes come from Python's unicodedata, because the package does not show them.
"""

import unicodedata
from pathlib import Path

from tokenizers import Regex, __version__, normalizers

TARGET = Path(__file__).parents[2] / "src/engine/tokenizers/unicode_tables.inc"
HANGUL = range(0xAC00, 0xAC00 + 11172)
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def members(pattern):
    """Code points that match a one-character class."""
    gone = normalizers.Replace(Regex(f"[^{pattern}]"), "")
    found = []
    for first in range(0, len(CODE_POINTS), 4096):
        found += map(ord, gone.normalize_str("".join(map(chr, CODE_POINTS[first:first + 4096]))))
    return found


def ranges(code_points):
    runs = []
    for c in sorted(code_points):
        if runs and runs[-1][1] + 1 == c:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def write_rows(out, comment, kind, name, rows):
    out.append(f"// {comment}")
    out.append(f"constexpr {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        cell = " {" + ", ".join(f"0x{v:x}" if v > 9 else str(v) for v in row) + "},"
        if len(line) + len(cell) > 100:
            out.append(line)
            line = "   "
        line += cell
    out += [line, "};", ""]


def main():
    lower, nfd, nfc = normalizers.Lowercase(), normalizers.NFD(), normalizers.NFC()
    out = [
        f"// Made by tools/reference/make_unicode_tables.py from tokenizers {__version__} and Unicode "
        f"{unicodedata.unidata_version} (combining classes).",
        "",
    ]
    for name, pattern in (("kLetters", r"\p{L}"), ("kNumbers", r"\p{N}"), ("kSpaces", r"\s")):
        write_rows(out, f"First and last of each run of {pattern}.", "CodePointRange", name,
                   ranges(members(pattern)))

    lowered = [(c, lower.normalize_str(chr(c))) for c in CODE_POINTS]
    write_rows(out, "Upper case, lower case (up to two code points).", "CaseEntry", "kLowerCase",
               [(c, *map(ord, low), *[0] * (2 - len(low))) for c, low in lowered if low != chr(c)])

    decomposed = [(c, nfd.normalize_str(chr(c))) for c in CODE_POINTS if c not in HANGUL]
    decomposed = [(c, parts) for c, parts in decomposed if parts != chr(c)]
    assert max(len(parts) for _, parts in decomposed) <= 4
    write_rows(out, "A code point and its full canonical decomposition (up to four).", "Decomposition",
               "kDecompositions",
               [(c, *map(ord, parts), *[0] * (4 - len(parts))) for c, parts in decomposed])

    pairs = []
    for c, parts in decomposed:
        if nfc.normalize_str(chr(c)) != chr(c):
            continue  # excluded from composition
        first = nfc.normalize_str(parts[:-1])
        assert len(first) == 1 and nfc.normalize_str(first + parts[-1]) == chr(c), hex(c)
        pairs.append((ord(first), ord(parts[-1]), c))
    write_rows(out, "First, second, composed; sorted by the first two.", "Composition", "kCompositions",
               sorted(pairs))

    classes = []
    for c in CODE_POINTS:
        value = unicodedata.combining(chr(c))
        if not value:
            continue
        if classes and classes[-1][1] + 1 == c and classes[-1][2] == value:
            classes[-1][1] = c
        else:
            classes.append([c, c, value])
    write_rows(out, "First and last of each run of one canonical combining class.", "CombiningRange",
               "kCombiningClasses", classes)
    TARGET.write_text("\n".join(out))


if __name__ == "__main__":
    main()
