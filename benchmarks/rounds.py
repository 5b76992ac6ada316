"""Runs the contenders of a case in turn, A B A B, each in a process of its own."""

import subprocess
import sys
from contextlib import ExitStack
from typing import Final

from .case import Case
from .contender import Contender
from .endpoint import Endpoint
from .figures import Figures, Run
from .job import Job, Result
from .mail import Batch, message
from .peers import missing
from .servers import SERVERS, Unavailable, delayed

__all__ = ["run_case"]

SECONDS: Final = 900
"""For one contender in one round; what takes longer hangs."""


def run_case(case: Case, drop: tuple[Batch, ...], rounds: int) -> Figures:
    """Run a case with this mail. Raises RuntimeError where a contender fails, or loses octets."""
    figures = Figures(case, drop)
    octets = [len(message(batch)) for batch in drop]
    with ExitStack() as stack:
        endpoints = _start_servers(case, drop, figures, stack)
        for number in range(rounds):
            for contender in case.contenders:
                if contender.name not in figures.missing:
                    _say(f"{case.name}, round {number + 1}: {contender.name}")
                    endpoint = endpoints[contender.server]
                    job = _job(contender, drop, endpoint)
                    run = _run(contender, job, octets[contender.batch], endpoint, case)
                    figures.add(contender.name, run)
    return figures


def _start_servers(
    case: Case, drop: tuple[Batch, ...], figures: Figures, stack: ExitStack
) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {}
    unavailable: dict[str, str] = {}
    for name in dict.fromkeys(contender.server for contender in case.contenders):
        try:
            endpoint = stack.enter_context(SERVERS[name](drop, case.tls))
        except Unavailable as error:
            unavailable[name] = f"{name}: {error}"
            continue
        if case.delay:
            endpoint = stack.enter_context(delayed(endpoint, case.delay))
        endpoints[name] = endpoint
    for contender in case.contenders:
        if reason := unavailable.get(contender.server) or missing(contender.program):
            figures.missing[contender.name] = reason
    return endpoints


def _job(contender: Contender, drop: tuple[Batch, ...], endpoint: Endpoint) -> Job:
    first = 1 + sum(batch.count for batch in drop[: contender.batch])
    return Job(
        endpoint.port,
        endpoint.user,
        endpoint.password,
        first,
        drop[contender.batch].count,
        contender.style,
        str(endpoint.ca_file) if endpoint.ca_file else None,
    )


def _run(contender: Contender, job: Job, octets: int, endpoint: Endpoint, case: Case) -> Run:
    command = [sys.executable, "-m", f"benchmarks.programs.{contender.program}", job.to_json()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{contender.name} failed:\n{done.stderr}")
    result = Result.from_json(done.stdout)
    if result.fetched is not None and result.fetched < job.count * octets:
        sent = f"{job.count} messages of {octets} octets"
        raise RuntimeError(f"{contender.name} has fetched {result.fetched} octets of {sent}")
    server = endpoint.figures(result.sessions)
    seconds = server.fetching if server and case.delay else result.seconds
    cpu = server.cpu if server else None
    return Run(seconds, result.cpu, result.peak, job.count, octets, cpu)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
