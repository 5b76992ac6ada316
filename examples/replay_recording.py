"""A recorded conversation through a machine again: the same events, and no network.

    python examples/replay_recording.py [RECORDING.jsonl]

recording.jsonl lies beside this file. `connect(host, trace=TraceFile(path))` records, and so does
`pop3 fetch --trace PATH`: a recording has no secrets in it, but it has the mail.
"""

import sys
from pathlib import Path

import pop3_proto as pop3

RECORDING = Path(__file__).with_name("recording.jsonl")


def main(path: str | Path = RECORDING) -> None:
    with open(path, encoding="ascii") as file:
        records = [pop3.parse_record(line) for line in file]
    for event in pop3.replay_client(pop3.ClientConnection(), records):
        match event:
            case pop3.Greeting():
                print("greeting:", event.text)
            case pop3.Reply():
                print(event.command, "+OK" if event.ok else "-ERR", event.text)
            case pop3.BodyChunk():
                print(f"    {event.data!r}")
            case _:
                print(type(event).__name__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, pop3.Pop3Error) as error:
        sys.exit(f"{type(error).__name__}: {error}")
