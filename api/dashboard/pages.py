"""All pages of signing in and of the dashboard."""

from api.dashboard import (
    audit,
    call,
    caller_ids,
    calls,
    confirm,
    events,
    home,
    identity,
    key_limits,
    keys,
    limits,
    messages,
    numbers,
    phone,
    phones,
    register,
    replies,
    requests,
    security,
    send,
    senders,
    sign_in,
    signature,
    team,
    tickets,
    wallet,
    webhooks,
)
from api.web.page import Page

# A fixed path stands before one that names something, such as `/dashboard/messages/{id}`.
PAGES: tuple[Page, ...] = (
    *sign_in.page.all, *register.page.all, *confirm.page.all, *home.page.all,
    *security.page.all, *team.page.all, *audit.page.all, *keys.page.all, *wallet.page.all,
    *send.page.all, *senders.page.all, *replies.page.all, *messages.page.all, *requests.page.all,
    *signature.page.all, *events.page.all, *webhooks.page.all,
    *key_limits.page.all, *limits.page.all, *identity.page.all,
    *tickets.page.all,
    *phones.page.all, *phone.page.all, *calls.page.all, *call.page.all,
    *numbers.page.all, *caller_ids.page.all,
)  # fmt: skip
