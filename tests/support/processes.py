"""What the scripts beside the suite share: processes of an unprivileged user, started and stopped."""

import os
import pwd
import signal
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOPCTL = os.environ.get("SHOPCTL", os.path.join(ROOT, "target", "debug", "shopctl"))


def shopctl(url, folder, *arguments):
    """Starts shopctl on a database, in a group of its own."""
    env = environment() | {"HOME": folder, "USER": "tester", "DATABASE_URL": url}
    return subprocess.Popen([SHOPCTL, *arguments], env=env, cwd=folder, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(process, code):
    out, said = process.communicate(timeout=90)
    expect(process.returncode == code, f"{' '.join(process.args)}: exit {process.returncode}\n{out}\n{said}")
    return out


def expect(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def environment():
    return {"PATH": os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin", "LC_ALL": "C"}


def unprivileged(*names):
    """The first of these users that exists, when we are root."""
    return next((name for name in names if exists(name)), None) if os.getuid() == 0 else None


def exists(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def as_user(user, command):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", *command] if user else command


def run_as(user, command, folder):
    done = subprocess.run(as_user(user, command), cwd=folder, capture_output=True, text=True, env=environment())
    expect(done.returncode == 0, f"{command[0]}: {done.stderr}{done.stdout}")


def stop(server):
    """Exactly this server, and what it started for itself: it leads a session of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=20)
            return
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
