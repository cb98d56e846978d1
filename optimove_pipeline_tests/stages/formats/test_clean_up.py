"""Text that clean-up leaves alone without looking closer."""

import re
import unicodedata

from optimove_pipeline.stages.formats.clean_up import STABLE

PYTHON = re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: rf"\u{int(found[1], 16):04x}", STABLE)


def test_the_letters_taken_for_stable_are_so_whatever_stands_beside_them() -> None:
    letters = [chr(code) for code in range(0x10000) if re.match(f"[ -~{PYTHON}]", chr(code))]
    assert len(letters) > 900
    assert all(unicodedata.is_normalized("NFC", letter) and not unicodedata.combining(letter) for letter in letters)
    # Only a letter that follows can join the one before it; none of these is the second half of another.
    halves = {unicodedata.normalize("NFD", chr(code))[1:2] for code in range(0x110000) if not 0xD800 <= code < 0xE000}
    assert not halves & set(letters)


def test_no_letter_taken_for_stable_is_a_blank_or_a_control_character() -> None:
    letters = [chr(code) for code in range(0xA1, 0x10000) if re.match(f"[{PYTHON}]", chr(code))]
    assert not any(letter.isspace() or unicodedata.category(letter) == "Cc" for letter in letters)
