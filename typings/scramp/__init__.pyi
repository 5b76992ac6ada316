# What pop3_adapters.scram uses of it.
from collections.abc import Callable

from scramp.core import ScramServer
from scramp.utils import ScramException as ScramException

class ScramClient:
    gs2_header: object
    def __init__(
        self, mechanisms: list[str], username: str, password: str, *, c_nonce: str | None = None
    ) -> None: ...
    def get_client_first(self) -> str: ...
    def set_server_first(self, message: str) -> None: ...
    def get_client_final(self) -> str: ...
    def set_server_final(self, message: str) -> None: ...

class ScramMechanism:
    def __init__(self, mechanism: str = "SCRAM-SHA-256") -> None: ...
    def make_auth_info(
        self, password: str, iteration_count: int | None = None, salt: bytes | None = None
    ) -> tuple[bytes, bytes, bytes, int]: ...
    def make_server(
        self,
        auth_fn: Callable[[str], tuple[bytes, bytes, bytes, int] | None],
        *,
        s_nonce: str | None = None,
    ) -> ScramServer: ...
