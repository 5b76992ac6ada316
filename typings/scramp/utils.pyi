from enum import Enum

class ServerError(Enum):
    INVALID_PROOF = "invalid-proof"

class ScramException(Exception):
    server_error: ServerError | None

def saslprep(source: str) -> str: ...
