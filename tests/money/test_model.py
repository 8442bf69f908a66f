"""The ledger does what a plain book does, whatever comes in whatever order.

`SMS_VOIP_MODEL_STEPS` and `SMS_VOIP_MODEL_SEED` make a longer or another run, for example
`SMS_VOIP_MODEL_STEPS=1000000 python -m pytest tests/money/test_model.py -k sqlite -s`.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from db import chain
from tests.factories import seed_platform
from tests.money.connections import Bare
from tests.money.machine import Money, drift

STEPS = int(os.environ.get("SMS_VOIP_MODEL_STEPS", "10000"))
SEED = int(os.environ.get("SMS_VOIP_MODEL_SEED", "20261123"))
STEPS_PER_EXAMPLE = 50
EXAMPLES_PER_ROUND = 210


def _round() -> type[Money]:
    """A class of its own, since Hypothesis keeps the seed on it."""

    class Round(Money):
        pass

    return Round


def test_random_deeds_agree_with_the_book(database_url: str) -> None:
    Money.bare, Money.steps, began = Bare(database_url), 0, time.monotonic()
    Money.bare.write(seed_platform)
    Money.bare.write(lambda conn: chain.activate(conn, "test", True))
    options = settings(
        max_examples=EXAMPLES_PER_ROUND, stateful_step_count=STEPS_PER_EXAMPLE, deadline=None,
        database=None, suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    rounds = 0
    while Money.steps < STEPS:
        run_state_machine_as_test(seed(SEED + rounds)(_round()), settings=options)
        rounds += 1
    assert drift(Money.bare) == {}
    Money.bare.close()
    seconds = time.monotonic() - began
    print(f"{Money.steps} steps, seeds {SEED} to {SEED + rounds - 1}, {seconds:.0f} s")
    assert Money.steps >= STEPS


@pytest.mark.parametrize("field", ["balance", "held"])
def test_the_machine_would_notice(database_url: str, field: str) -> None:
    """A ledger that loses a millionth now and then is found out."""
    Money.bare = Bare(database_url)
    Money.bare.write(seed_platform)
    machine = Money()
    machine.fund(5)
    machine.place((3, "wallet", True, None))
    machine.the_pots_are_as_in_the_book()
    sql = f"UPDATE ledger_account SET {field} = {field} - 1 WHERE account_id = :id AND {field} > 0"
    Money.bare.write(lambda conn: conn.run(sql, id=machine.who.account_id))
    with pytest.raises(AssertionError):
        machine.the_pots_are_as_in_the_book()
    assert drift(Money.bare)
    Money.bare.close()
