"""What members of an account may do, by role; and who may administer the platform."""

from enum import StrEnum


class Right(StrEnum):
    """What a page or an action needs."""

    look = "look"
    build = "build"
    """Keys, phones, webhooks, messages, calls."""
    pay = "pay"
    """Wallets, thresholds, invoices."""
    manage = "manage"
    """The team, its roles, the audit log, the account itself."""


RIGHTS: dict[str, frozenset[Right]] = {
    "owner": frozenset(Right),
    "developer": frozenset({Right.look, Right.build}),
    "billing": frozenset({Right.look, Right.pay}),
    "read_only": frozenset({Right.look}),
}
SHOWN = {"owner": "Owner", "developer": "Developer", "billing": "Billing",
         "read_only": "Read only"}  # fmt: skip

PLATFORM_ADMIN = "platform_admin"
PLATFORM_SUPPORT = "platform_support"
PLATFORM = (PLATFORM_ADMIN, PLATFORM_SUPPORT)
"""Support looks; only an administrator changes things."""
USER = "user"


def having(right: Right) -> tuple[str, ...]:
    """The roles that have a right, as pages declare them."""
    return tuple(role for role, rights in RIGHTS.items() if right in rights)
