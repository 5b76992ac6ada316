"""The three ways to secure a connection, as every pair of client and server is tried with them."""

import pytest

from pop3_proto import TlsPolicy

MODES = [TlsPolicy.NONE, TlsPolicy.STLS, TlsPolicy.IMPLICIT]

every_mode = pytest.mark.parametrize("mode", MODES, ids=[mode.value for mode in MODES])
