"""mpop, which delivers to nowhere."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ..job import Job
from ..measure import measure_children

CONFIG: Final = """
account default
host {job.host}
port {job.port}
user {job.user}
password {job.password}
auth user
tls off
received_header off
uidls_file {folder}/uidls
delivery mbox /dev/null
keep on
"""


def fetch(job: Job) -> None:
    with TemporaryDirectory() as folder:
        config = Path(folder, "config")
        config.touch(mode=0o600)
        _ = config.write_text(CONFIG.format(job=job, folder=folder))
        _ = subprocess.run(["mpop", f"--file={config}", "--quiet"], check=True)


if __name__ == "__main__":
    measure_children(fetch)
