"""What a machine needs before a real server can run on it."""

import os
import shutil
import subprocess

from tests.interop.servers import Unavailable

TRY_TO_MOUNT = (
    *("unshare", "--mount", "--pid", "--fork", "--mount-proc"),
    *("mount", "-t", "overlay", "-o", "lowerdir=/etc:/usr", "overlay", "/boot"),
)


def check_machine() -> None:
    """Raise Unavailable unless this is a Debian, or like one, on which we may mount."""
    if shutil.which("apt-get") is None:
        raise Unavailable(
            "the real servers come from Debian's packages and apt-get is not here: "
            "use Debian 12 or Ubuntu 24.04, for example `docker run --privileged debian:12`"
        )
    if os.geteuid() != 0:
        raise Unavailable("a real server needs namespaces, and they need root: `sudo make test`")
    tried = subprocess.run(TRY_TO_MOUNT, capture_output=True, text=True)
    if tried.returncode != 0:
        raise Unavailable(
            "a real server needs a namespace with an overlayfs: run the tests outside a container, "
            f"or with `docker run --privileged`. What failed: {tried.stderr}"
        )
