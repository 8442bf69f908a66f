"""A real Asterisk speaks a code to the number that is to be verified."""

import json
from typing import Any

from db.connection import Conn
from telephony.clock import now
from telephony.voice.caller_ids import start, tell
from telephony.voice.place import Asker
from tests.voice.real_pbx import Voice

ECHOES, BUSY = "+15550704711", "+15550700002"


async def test_the_code_is_spoken_to_whoever_answers(voice: Voice) -> None:
    who = await voice.customer()
    by = Asker(who.account_id, who.mode, who.key_id)

    def begin(conn: Conn, number: str) -> Any:
        return start(conn, voice.settings, voice.vault, by, number, now())

    said = voice.settings.var_dir / "asterisk/log/messages.log"
    before = len(said.read_text())
    spoken = await voice.database.write(begin, ECHOES)
    busy = await voice.database.write(begin, BUSY)
    await voice.reached(spoken.call_id, "answered")
    row = await voice.ended(spoken.call_id, 60)
    assert (row["status"], row["hangup_cause"], row["billsec"]) == ("completed", "time_limit", 30)
    assert row["cost"] == 12_000
    assert (await voice.outcome(busy.call_id))[:2] == ("busy", "user_busy")
    lines = [json.loads(line) for line in voice.settings.cdr_file.read_text().splitlines()]
    (speaker,) = [one for one in lines if one["uniqueid"] == f"{spoken.call_id};2"]
    assert speaker["lastapp"] in ("SayDigits", "Wait")
    assert "digits/" not in said.read_text()[before:]  # no file was missing
    args = (voice.vault, who.account_id, who.mode, ECHOES)
    assert await voice.database.write(tell, *args, spoken.code, now()) is None
