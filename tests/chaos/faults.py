"""What goes wrong, and how it goes right again.

A fault says how it is made and mended, how long it lasts, and what a caller may be told meanwhile. Does not own the
load, nor the judgement.
"""

import os
import signal
import time
from dataclasses import dataclass

from stage import must


@dataclass(frozen=True)
class Fault:
    name: str
    inject: callable
    heal: callable
    hold_s: tuple  # quick, long
    times: tuple = (1, 3)  # quick, long
    reads_wait: bool = False  # no read may be refused: it waits until the fault is over
    recovery_s: float = 5.0  # how long after the end of the fault a refusal may come
    away: bool = False  # the services stand beyond a network that can be cut
    forbidden: bool = False  # a caller may be told 403: the login has lost its rights
    needs: str = ""  # "root": namespaces and a small disk; "clock"


def nothing(world):
    pass


def restart(world):
    world.pg_ctl("restart", "-m", "immediate")


def kill_postmaster(world):
    os.kill(world.postmaster(), signal.SIGKILL)


def kill_backend(world):
    """The kernel's way out when memory is short: the server restarts all its processes."""
    pid = world.psql("SELECT pid FROM pg_stat_activity WHERE usename = 'rates' LIMIT 1")
    if pid:
        os.kill(int(pid), signal.SIGKILL)


def stop(world):
    world.pg_ctl("stop", "-m", "fast")




def freeze(world):
    world.frozen = world.processes_of_postgres()
    # The postmaster first: it cannot start what is not stopped yet.
    for pid in world.frozen:
        os.kill(pid, signal.SIGSTOP)


def thaw(world):
    for pid in reversed(world.frozen):
        os.kill(pid, signal.SIGCONT)


def crowd(world):
    """Takes every connection there is, until the services have none."""
    world.psql("DO $$ BEGIN CREATE ROLE hog LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    for _ in range(50):
        world.terminate()
        while world.hold_connection():
            pass
        if world.psql("SELECT count(*) FROM pg_stat_activity WHERE usename IN ('rates', 'ledger')") == "0":
            return
    raise RuntimeError("the services keep their connections")


def fill_disk(world):
    with (world.small / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


def empty_disk(world):
    (world.small / "filler").unlink()


def drop_roles(world):
    for name in ("rates", "ledger"):
        world.psql(f"DROP ROLE {name}")
    world.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname IN ('rates', 'ledger')")


def make_roles(world):
    for name in ("rates", "ledger"):
        world.make_role(name)


def change_passwords(world):
    for name in ("rates", "ledger"):
        world.psql(f"ALTER ROLE {name} PASSWORD 'another'")
    world.terminate()


def restore_passwords(world):
    for name in ("rates", "ledger"):
        world.psql(f"ALTER ROLE {name} PASSWORD '{world.passwords[name]}'")


def link(state):
    return lambda world: must(["ip", "link", "set", "db", state])


def swallow(world):
    """Both ends send to a neighbour who is not there: nothing arrives, and nobody is told."""
    must(["ip", "neigh", "replace", "10.77.0.2", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "db"])
    world.inside("ip", "neigh", "replace", "10.77.0.1", "lladdr", "02:00:00:00:00:98", "nud", "permanent", "dev", "db-in")


def deliver(world):
    must(["ip", "neigh", "del", "10.77.0.2", "dev", "db"])
    world.inside("ip", "neigh", "del", "10.77.0.1", "dev", "db-in")


def jump(seconds):
    def set_clock(world):
        for clock in world.clocks:
            clock.write_text(f"{seconds:+d}\n")
        # The library looks into its file once a second.
        time.sleep(1.2)
    return set_clock


FAULTS = (
    Fault("restarted (`pg_ctl restart -m immediate`)", restart, nothing, (0.5, 1), (2, 10), reads_wait=True, recovery_s=1.5),
    Fault("killed with -9, started again", kill_postmaster, lambda world: world.start_again(), (0.5, 1), reads_wait=True, recovery_s=1.5),
    Fault("one backend killed with -9", kill_backend, nothing, (1, 2), reads_wait=True, recovery_s=3),
    Fault("stopped for longer than reads wait", stop, lambda world: world.pg_ctl("start"), (7, 15), recovery_s=1.5),
    Fault("frozen (SIGSTOP)", freeze, thaw, (6, 15)),
    Fault("out of connections", crowd, lambda world: world.let_go(), (2, 8)),
    Fault("disk full", fill_disk, empty_disk, (2, 8), needs="root"),
    Fault("roles dropped", drop_roles, make_roles, (2, 8), forbidden=True, recovery_s=6),
    Fault("passwords changed", change_passwords, restore_passwords, (2, 8), recovery_s=6),
    Fault("network cut (cable pulled)", link("down"), link("up"), (2, 10), away=True, needs="root"),
    Fault("network black-holed", swallow, deliver, (4, 20), away=True, needs="root"),
    Fault("clock an hour ahead", jump(3600), jump(0), (1, 3), reads_wait=True, needs="clock"),
    Fault("clock an hour behind", jump(-3600), jump(0), (1, 3), reads_wait=True, needs="clock"),
)
