"""All pages of the platform's administrators."""

from api.admin import home
from api.web.page import Page

PAGES: tuple[Page, ...] = (*home.page.all,)
