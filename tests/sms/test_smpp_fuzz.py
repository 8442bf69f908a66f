"""Whatever octets come: no hang, no error but the own ones, no growth of memory.

SMS_VOIP_FUZZ_INPUTS sets how many; the promise is for 1,000,000.
"""

import gc
import os
import random
import struct
import sys
import time
from collections.abc import Iterator
from functools import partial

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import Inbound, Receipt
from telephony.sms.providers.smpp_inbound import inbound_of
from telephony.sms.providers.smpp_options import IdBase, SmppOptions
from telephony.sms.providers.smpp_pdu import Framer, FramingError, Pdu, PduError
from telephony.sms.providers.smpp_receipts import is_receipt, normalized, receipt_of
from tests.sms.hostile import deliver_body

INPUTS = int(os.environ.get("SMS_VOIP_FUZZ_INPUTS", "20000"))
INPUT_SECONDS_MAX = 2.0  # of one input, on a machine that is busy with others
GROWTH_BLOCKS_MAX = 2_000  # caches and the PDU that is being joined; one leaked for each is more
WARM_UP = 2_000

OPTIONS = [
    SmppOptions(host="smsc", system_id="me", receipt_id_base=base, user_message_reference=True)
    for base in IdBase
]
RECEIPT = (
    "id:{} sub:001 dlvrd:001 submit date:2601122015 done date:2601122016 stat:{} err:00A text:x"
)
FIELDS = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text", "Text", "status")


def tlv(chance: random.Random) -> bytes:
    tags = (0x001E, 0x0427, 0x0423, 0x0424, 0x0204, 0x020C, 0x020E, 0x020F, chance.randrange(65536))
    value = chance.randbytes(chance.choice((0, 1, 2, 3, 8, 40)))
    length = len(value) if chance.random() < 0.9 else chance.randrange(65536)
    return struct.pack(">HH", chance.choice(tags), length) + value


def sound(chance: random.Random) -> bytes:
    """The body of a deliver_sm as it might come."""
    kind = chance.random()
    if kind < 0.4:
        text = RECEIPT.format(chance.randrange(10**9), chance.choice(("DELIVRD", "EXPIRED", "?")))
    elif kind < 0.6:
        words = (f"{chance.choice(FIELDS)}:{chance.choice(('', ' ', '1', 'ab:c', '2601122016'))}"
                 for _ in range(chance.randrange(12)))  # fmt: skip
        text = chance.choice((" ", ",", ";", "  ")).join(words)
    else:
        text = chance.randbytes(chance.randrange(160)).decode("latin-1")
    body = bytearray(deliver_body(text, esm_class=chance.choice((0, 4, 0x20, 0x40, 0x44))))
    body[-len(text) - 3] = chance.randrange(256) if chance.random() < 0.5 else 0  # data_coding
    return bytes(body) + b"".join(tlv(chance) for _ in range(chance.randrange(4)))


def damaged(chance: random.Random, body: bytes) -> bytes:
    octets = bytearray(body)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(octets) + 1)
        way = chance.random()
        if way < 0.5 and at < len(octets):
            octets[at] = chance.randrange(256)
        elif way < 0.7:
            del octets[at : at + chance.randrange(20)]
        elif way < 0.9:
            octets[at:at] = chance.randbytes(chance.randrange(20))
        else:
            del octets[at:]
    return bytes(octets)


def inputs(chance: random.Random) -> Iterator[bytes]:
    """Pieces of a stream: PDUs that are sound, damaged, cut or no PDUs at all."""
    while True:
        way = chance.random()
        if way < 0.05:
            yield chance.randbytes(chance.randrange(64))
            continue
        body = damaged(chance, sound(chance)) if way < 0.9 else chance.randbytes(40)
        length = 16 + len(body) if chance.random() < 0.98 else chance.randrange(2**32)
        command = chance.choice((5, 0x80000004, 0x80000009, 0x15, 0x103, chance.randrange(2**32)))
        head = struct.pack(">IIII", length, command, chance.randrange(2**32), chance.randrange(99))
        pdu = head + body
        cut = chance.randrange(len(pdu)) if chance.random() < 0.1 else len(pdu)
        yield pdu[:cut]
        if cut < len(pdu) and chance.random() < 0.8:
            yield pdu[cut:]


def decoded(pdu: Pdu, options: SmppOptions) -> Receipt | Inbound | str:
    """The way of a PDU through the codec; PduError is its only error."""
    normalized(wire.decode_message_id(pdu.body), options.response_id_base)
    message = wire.decode_deliver_sm(pdu.body)
    if is_receipt(message):
        return receipt_of(message, "smpp", options)
    return inbound_of(message, "smpp")


def check(report: Receipt | Inbound | str) -> None:
    """What every database stores."""
    if isinstance(report, Receipt):
        assert 0 < len(report.provider_message_id) <= 256
        for text in (report.raw, report.provider_message_id, report.error_code):
            assert "\0" not in text
            text.encode()
    if isinstance(report, Inbound):
        assert "\0" not in report.text + report.sender + report.recipient
        assert 1 <= report.part <= report.parts


class Fuzz:
    """One stream after the other; a new one wherever a peer would have to connect again."""

    def __init__(self) -> None:
        self.framer = Framer()
        self.seen = dict.fromkeys(("receipt", "inbound", "bad", "lost"), 0)

    def feed(self, octets: bytes, options: SmppOptions) -> None:
        try:
            for pdu in self.framer.feed(octets):
                self.one(pdu, options)
        except FramingError:
            self.seen["lost"] += 1
            self.framer = Framer()

    def one(self, pdu: Pdu, options: SmppOptions) -> None:
        try:
            report = decoded(pdu, options)
        except PduError:
            self.seen["bad"] += 1
            return
        check(report)
        self.seen["receipt" if isinstance(report, Receipt) else "inbound"] += 1


def blocks() -> int:
    """Of memory, that Python holds."""
    gc.collect()
    return sys.getallocatedblocks()


def test_the_codec_survives_whatever_comes() -> None:
    chance = random.Random(20260112)
    fuzz, stream = Fuzz(), inputs(chance)
    slowest = 0.0

    def run(count: int) -> None:
        nonlocal slowest
        for _ in range(count):
            octets = next(stream)
            began = time.thread_time()
            fuzz.feed(octets, chance.choice(OPTIONS))
            slowest = max(slowest, time.thread_time() - began)

    run(min(WARM_UP, INPUTS))
    growth = -blocks()
    run(INPUTS - WARM_UP)
    growth += blocks()
    print(f"{INPUTS} inputs: {fuzz.seen}, slowest {slowest:.4f} s, growth {growth} blocks")
    assert growth < GROWTH_BLOCKS_MAX
    assert slowest < INPUT_SECONDS_MAX
    assert min(fuzz.seen.values()) > INPUTS / 1000, "an input that is not tried proves nothing"


def test_a_long_pdu_in_single_octets_costs_no_more_than_its_length() -> None:
    pdu = wire.encode(wire.DELIVER_SM, 1, bytes(wire.PDU_OCTETS_MAX - wire.HEADER_OCTETS))
    framer, began = Framer(), time.thread_time()
    feed = partial(map, lambda octet: list(framer.feed(bytes((octet,)))))
    pdus = [one for found in feed(pdu) for one in found]
    assert [len(one.body) for one in pdus] == [wire.PDU_OCTETS_MAX - wire.HEADER_OCTETS]
    assert time.thread_time() - began < INPUT_SECONDS_MAX
