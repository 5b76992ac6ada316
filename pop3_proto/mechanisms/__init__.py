"""The mechanisms of AUTH for which the standard library suffices, for clients and for servers."""

from .anonymous import Anonymous, AnonymousServer
from .cram_md5 import CramMd5, CramMd5Server
from .external import External, ExternalServer
from .login import Login, LoginServer
from .oauth import TokenMechanism, TokenRefusal
from .oauthbearer import OAuthBearer, OAuthBearerServer
from .plain import Plain, PlainServer
from .xoauth2 import XOAuth2, XOAuth2Server

__all__ = [
    "Anonymous",
    "AnonymousServer",
    "CramMd5",
    "CramMd5Server",
    "External",
    "ExternalServer",
    "Login",
    "LoginServer",
    "OAuthBearer",
    "OAuthBearerServer",
    "Plain",
    "PlainServer",
    "TokenMechanism",
    "TokenRefusal",
    "XOAuth2",
    "XOAuth2Server",
]
