"""positions_of where memory runs out: MemoryError, and no crash."""

from __future__ import annotations

from processes import output_of

_TRIALS = """
    import os, resource, torch
    from pysampler import AliasTable, positions_of
    torch.set_num_threads(1)
    items = 60_000
    table = AliasTable(torch.ones(items))
    everything = list(range(items))
    positions_of(everything[:10], table, seed=0, epochs=2)
    page = resource.getpagesize()

    def trial(megabytes):
        child = os.fork()
        if child:
            status = os.waitpid(child, 0)[1]
            return os.waitstatus_to_exitcode(status)
        used = int(open("/proc/self/statm").read().split()[0]) * page
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)
        try:
            found = len(positions_of(everything, table, seed=0, epochs=2))
            os._exit(0 if found == items else 9)
        except MemoryError:
            os._exit(1)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(9)

    print([trial(megabytes) for megabytes in (*range(0, 60, 3), 2000)])
"""


def test_where_memory_runs_out_there_is_a_memory_error() -> None:
    codes = eval(output_of(_TRIALS).splitlines()[-1])
    assert set(codes) == {0, 1}, codes  # negative: a signal
    assert codes[0] == 1
    assert codes[-1] == 0
