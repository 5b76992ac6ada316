"""curl, with all messages in one session."""

import subprocess

from ..job import Job
from ..measure import measure_children


def fetch(job: Job) -> None:
    user = ["--user", f"{job.user}:{job.password}"]
    url = f"pop3://{job.host}:{job.port}/[{job.numbers[0]}-{job.numbers[-1]}]"
    command = ["curl", "--disable", "--silent", "--show-error", "--fail-early", *user]
    _ = subprocess.run([*command, "--output", "/dev/null", url], check=True)


if __name__ == "__main__":
    measure_children(fetch)
