"""Makes the state diagram of `docs/sms.md` from the transition table itself."""

from db.messages import TRANSITIONS, MessageStatus
from db.states import terminal

BEGINNINGS = (MessageStatus.queued, MessageStatus.scheduled)


def diagram() -> str:
    """The Mermaid text: one line for each move, in the order of the states."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {state}" for state in BEGINNINGS)]
    for source in MessageStatus:
        lines += [f"    {source} --> {target}" for target in MessageStatus
                  if source in TRANSITIONS[target]]  # fmt: skip
    lines += [f"    {state} --> [*]" for state in MessageStatus if state in terminal(TRANSITIONS)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(diagram(), end="")
