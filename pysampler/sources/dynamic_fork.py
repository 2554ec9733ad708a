"""Forks of a process whose other threads may be in the middle of an update: the child gets whole tables, locks free.

The thread that forks waits until nobody holds a table, and lets go of all in parent and child.
"""

from __future__ import annotations

import os
import threading
import weakref

from pysampler import _core
from pysampler.sources.dynamic_log import UpdateLog

_PATIENCE_SECONDS = 10.0  # a signal handler may fork in the middle of an update

_logs: weakref.WeakSet[UpdateLog] = weakref.WeakSet()
_held: list[UpdateLog] = []
_forking = threading.RLock()


def watch(log: UpdateLog) -> None:
    """Makes forks wait for those who write to this log."""
    with _forking:
        _logs.add(log)


def _before() -> None:
    _forking.acquire()
    _held[:] = [log for log in list(_logs) if log.lock.acquire(timeout=_PATIENCE_SECONDS)]
    _core.hold_locks()


def _after_in_parent() -> None:
    _core.release_locks_in_parent()
    _release()


def _after_in_child() -> None:
    _core.release_locks_in_child()
    _release()


def _release() -> None:
    for log in _held:
        log.lock.release()
    _held.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
