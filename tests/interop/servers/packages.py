"""Debian packages, downloaded and unpacked into a cache, never installed."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.interop.servers import Unavailable

# Top-level folders that are links into /usr on a running system, and plain folders in packages.
MERGED_INTO_USR = ("bin", "sbin", "lib", "lib64")
# The folders of a package that its server sees laid over the machine's.
OVERLAID = ("usr", "etc", "var")
VERSIONS = "versions"
CACHE_VARIABLE = "POP3_PROTO_TESTS_CACHE"


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """The folder `name` in the cache, with the files of `packages` and of what they depend on.

    A dependency that the machine has already is left out. The first call downloads, later ones
    find the folder; calls in several processes wait for one another.

    Raises:
        Unavailable: the packages cannot be had.
    """
    cache = cache_folder()
    folder = cache / name
    with _locked(cache / f"{name}.lock"):
        if not folder.exists():
            _unpack_into(folder, packages)
    return folder


def cache_folder() -> Path:
    """Where unpacked packages are kept: $POP3_PROTO_TESTS_CACHE, or a folder under ~/.cache."""
    named = os.environ.get(CACHE_VARIABLE)
    folder = Path(named or Path.home() / ".cache" / "pop3-proto-tests").resolve()
    if any(folder.is_relative_to(f"/{name}") for name in OVERLAID):
        raise Unavailable(f"packages cannot be laid over {folder}: set {CACHE_VARIABLE} elsewhere")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def version(folder: Path, package: str) -> str:
    """The version of `package` among those unpacked in `folder`."""
    lines = (folder / VERSIONS).read_text().splitlines()
    return dict(line.split("\t") for line in lines)[package]


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack_into(folder: Path, packages: Sequence[str]) -> None:
    with TemporaryDirectory(dir=folder.parent) as scratch:
        archives, tree = Path(scratch, "archives"), Path(scratch, "tree")
        (archives / "partial").mkdir(parents=True)
        _download(packages, archives)
        for name in OVERLAID:
            (tree / name).mkdir(parents=True)
        for archive in sorted(archives.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", archive, tree], check=True)
        _merge_into_usr(tree)
        _write_versions(archives, tree / VERSIONS)
        tree.chmod(0o755)
        # The name appears last: a fetch that is interrupted leaves no folder with half the files.
        tree.rename(folder)


def _download(packages: Sequence[str], archives: Path) -> None:
    command = ["apt-get", "--yes", "--quiet", "--download-only", "--no-install-recommends"]
    # Also what is installed is fetched, and no other apt-get is kept waiting meanwhile.
    command += ["--reinstall", "-o", "Debug::NoLocking=1"]
    # The cache may be where apt's own user cannot go.
    command += ["-o", "APT::Sandbox::User=root", "-o", f"Dir::Cache::archives={archives}"]
    command += ["-o", "Acquire::Retries=5"]
    done = subprocess.run([*command, "install", *packages], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(
            f"apt-get could not fetch {' '.join(packages)}: "
            f"run `apt-get update` and try again. It said:\n{done.stderr}"
        )


def _merge_into_usr(tree: Path) -> None:
    for name in MERGED_INTO_USR:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)


def _write_versions(archives: Path, file: Path) -> None:
    show = ["dpkg-deb", "--show", "--showformat=${Package}\t${Version}\n"]
    with file.open("w") as output:
        for archive in archives.glob("*.deb"):
            subprocess.run([*show, archive], check=True, stdout=output)
