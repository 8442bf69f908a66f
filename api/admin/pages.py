"""All pages of the platform's administrators."""

from api.admin import accounts, home, identity, money, senders, tariffs
from api.web.page import Page

PAGES: tuple[Page, ...] = (
    *home.page.all,
    *accounts.page.all,
    *money.page.all,
    *identity.page.all,
    *senders.page.all,
    *tariffs.page.all,
)
