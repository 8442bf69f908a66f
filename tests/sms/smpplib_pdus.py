"""PDUs and their fields as smpplib writes them, an encoder independent of ours."""

from hypothesis import strategies as st
from smpplib.smpp import make_pdu

NUMBER = st.text("0123456789", min_size=1, max_size=20)
OCTETS = st.binary(max_size=254)


class FixedSequence:
    """What smpplib asks of its client when it numbers a PDU."""

    sequence = 42

    def next_sequence(self) -> int:
        return self.sequence


def smpplib_pdu(command: str, **fields: object) -> bytes:
    pdu = make_pdu(command, client=FixedSequence(), **fields)  # type: ignore[no-untyped-call]
    octets: bytes = pdu.generate()
    return octets
