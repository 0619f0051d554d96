"""The addresses of WeChat's server API that the sandbox answers."""

from __future__ import annotations

LEGACY_TOKEN = "/cgi-bin/token"
STABLE_TOKEN = "/cgi-bin/stable_token"
LOGIN = "/sns/jscode2session"
PHONE_NUMBER = "/wxa/business/getuserphonenumber"
TEXT_CHECK = "/wxa/msg_sec_check"
SUBSCRIBE_SEND = "/cgi-bin/message/subscribe/send"
CODE_IMAGE = "/wxa/getwxacodeunlimit"
URL_LINK = "/wxa/generate_urllink"
SCHEME = "/wxa/generatescheme"
CHECK_SESSION = "/wxa/checksession"
RESET_SESSION = "/wxa/resetusersessionkey"

TOKENS = (LEGACY_TOKEN, STABLE_TOKEN)
WITH_SECRET = (*TOKENS, LOGIN)
WITH_TOKEN = (PHONE_NUMBER, TEXT_CHECK, SUBSCRIBE_SEND, CODE_IMAGE, URL_LINK, SCHEME, CHECK_SESSION, RESET_SESSION)

# In a fault rule: not a request of ours to WeChat, but a push of WeChat to us.
PUSH = "push"
