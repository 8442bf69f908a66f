"""A person with a browser that runs no scripts: cookies, links, forms."""

import re
from html import unescape
from urllib.parse import urlsplit

import httpx

from tests.users.world import PASSWORD, URL, codes

FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
INPUT = re.compile(r'<input type="hidden" name="([\w.:-]+)" value="([^"]*)"')


class Visitor:
    """Follows redirections like a browser; `page` is the last answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = httpx.Response(200)

    async def open(self, path: str, status: int = 200) -> str:
        """The text of a page, after redirections."""
        self.page = await self.client.get(path, follow_redirects=True)
        assert self.page.status_code == status, (path, self.page.status_code, self.page.text)
        return unescape(self.page.text)

    async def send(self, action: str, status: int = 200, nth: int = 0, **fields: str) -> str:
        """Send the form of the present page that has this action, with its hidden fields; the
        text of what follows."""
        forms = [body for name, body in FORM.findall(self.page.text) if unescape(name) == action]
        assert forms, (action, FORM.findall(self.page.text))
        hidden = {name: unescape(value) for name, value in INPUT.findall(forms[nth])}
        headers = {"Origin": URL, "Referer": str(self.page.url)}
        self.page = await self.client.post(
            action, data=hidden | fields, headers=headers, follow_redirects=True
        )
        assert self.page.status_code == status, (action, self.page.status_code, self.page.text)
        return unescape(self.page.text)

    async def confirm(self, password: str = PASSWORD, status: int = 200) -> str:
        """Give the password where it is asked for instead of what was wanted; what follows."""
        assert 'name="confirm_password"' in self.page.text, self.page.text
        return await self.send(self.actions()[-2], status, confirm_password=password)

    async def form(self, action: str, fields: dict[str, str], status: int = 200) -> str:
        """Send fields with any names, by the token of the present page, where no form of it need
        go there."""
        token = dict(INPUT.findall(self.page.text))["csrf"]
        headers = {"Origin": URL, "Referer": str(self.page.url)}
        self.page = await self.client.post(
            action, data={"csrf": token, **fields}, headers=headers, follow_redirects=True
        )
        assert self.page.status_code == status, (action, self.page.status_code, self.page.text)
        return unescape(self.page.text)

    async def sign_in(self, email: str, password: str = PASSWORD) -> str:
        """Open the page and sign in, an administrator with a code; the page after it."""
        said = await self.give_password(email, password)
        return await self.give_code() if self.at == "/sign-in/code" else said

    async def give_password(self, email: str, password: str = PASSWORD) -> str:
        """Open the page and send what is asked first; the page after it."""
        await self.open("/sign-in")
        return await self.send("/sign-in", email=email, password=password)

    async def give_code(self) -> str:
        """The next code that was not used; each is taken once."""
        asked = self.page
        for code in codes():
            self.page = asked
            fields = {name: unescape(value) for name, value in INPUT.findall(asked.text)}
            self.page = await self.client.post(
                "/sign-in/code", data=fields | {"code": code}, follow_redirects=True,
                headers={"Origin": URL, "Referer": str(asked.url)},
            )  # fmt: skip
            if self.page.status_code == 200:
                break
        assert self.page.status_code == 200, self.page.text
        return unescape(self.page.text)

    @property
    def at(self) -> str:
        """The path of the present page."""
        return urlsplit(str(self.page.url)).path

    def actions(self) -> list[str]:
        """Where the forms of the present page go."""
        return [unescape(action) for action, _ in FORM.findall(self.page.text)]
