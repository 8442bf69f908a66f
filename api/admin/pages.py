"""All pages of the platform's administrators."""

from api.admin import (
    accounts,
    audit,
    calls,
    health,
    home,
    identity,
    looking,
    messages,
    money,
    network,
    notices,
    outgoing,
    reconciliation,
    senders,
    tariffs,
    tickets,
)
from api.web.page import Page

PAGES: tuple[Page, ...] = (
    *home.page.all,
    *accounts.page.all,
    *money.page.all,
    *identity.page.all,
    *senders.page.all,
    *tariffs.page.all,
    *tickets.page.all,
    *calls.page.all,
    *messages.page.all,
    *health.page.all,
    *notices.page.all,
    *outgoing.page.all,
    *looking.page.all,
    *reconciliation.page.all,
    *audit.page.all,
    *network.page.all,
)
