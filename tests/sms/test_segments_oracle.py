"""Counts against a third party's counter: the npm package sms-segments-calculator, run by node."""

import json
import random
import subprocess
from pathlib import Path

from telephony.sms.alphabets import BASIC, ESCAPE, EXTENSION
from telephony.sms.segments import split

FOLDER = Path(__file__).parents[1] / "smsc"
TEXTS = 10_000
GSM = [char for char in BASIC if char not in (ESCAPE, "\r")]
# It keeps what a reader sees as one character together, which no standard asks for: so no marks
# that combine, and no CR before an LF.
ALPHABETS = (
    GSM,
    GSM + list(EXTENSION) * 5,
    list("abcdefghij €[]{}|~^\\"),
    list("жщъыэюя абвгд"),
    list("汉字漢語的一是"),
    list("😀🎉🚀👍🔥abc "),
    [*GSM, "ж", "😀", "`", "ç"],
)


def texts() -> list[str]:
    """Of every alphabet and length, many of them about the boundaries."""
    draw = random.Random(2338)
    edges = [limit * parts for limit in (67, 70, 153, 160) for parts in (1, 2, 3, 7)]
    lengths = [*range(8), *(edge + off for edge in edges for off in (-2, -1, 0, 1, 2))]
    found = []
    for _ in range(TEXTS):
        length = draw.choice(lengths) if draw.random() < 0.7 else draw.randrange(1200)
        found.append("".join(draw.choices(draw.choice(ALPHABETS), k=length)))
    return found


def test_counts_agree_with_an_independent_counter() -> None:
    given = texts()
    counted = json.loads(
        subprocess.run(
            ["node", "count.js"], cwd=FOLDER, input=json.dumps(given), text=True,
            capture_output=True, check=True,
        ).stdout
    )  # fmt: skip
    names = {"gsm7": "GSM-7", "ucs2": "UCS-2"}
    ours = [(names[cut.encoding], cut.count) for cut in map(split, given)]
    # Nothing at all is no message to it, and one part to us.
    theirs = [(name, max(1, parts)) for name, parts in counted]
    different = [(text, our, their) for text, our, their in zip(given, ours, theirs, strict=True)
                 if our != their]  # fmt: skip
    assert different == []
    assert len({parts for _, parts in ours}) > 10
