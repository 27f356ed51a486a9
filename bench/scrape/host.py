"""The Maek that is looked at: a process of its own, as `maek serve` runs it, that also measures its event loop.

    python -m bench.scrape.host CONFIG

Rules of this file
- It prints its address, then answers words on standard input: `settle` when all traffic has been, `cpu` with the CPU
  seconds of the whole process, `watch` begins to look how long the event loop is held, `held` ends that and tells the
  longest time: CPU, then real, in seconds.
- While it watches, the loop does nothing else than what was asked of it and to come round again. What it did in one
  round is the CPU time of its thread between two of them: what else the machine does takes nothing. The real time has
  that in it, and also what a thread keeps the loop from when it does not give the interpreter back.
"""

import asyncio
import gc
import sys
import time
from pathlib import Path

import uvloop

from router.app import running
from router.config_load import load
from router.logs import write_from
from router.serve import listening


class Watch:
    """The longest round of the event loop."""

    def __init__(self) -> None:
        self.cpu_seconds = self.real_seconds = 0.0

    async def run(self) -> None:
        """Watch, until cancelled."""
        cpu, real = time.thread_time(), time.perf_counter()
        while True:
            await asyncio.sleep(0)
            cpu_now, real_now = time.thread_time(), time.perf_counter()
            self.cpu_seconds = max(self.cpu_seconds, cpu_now - cpu)
            self.real_seconds = max(self.real_seconds, real_now - real)
            cpu, real = cpu_now, real_now


async def _serve(config: Path) -> None:
    read = load(config)
    write_from(read.router.log_level)
    async with running(read, ports=()) as house, listening(house) as url:
        print(url, flush=True)
        words = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
        watch, task = Watch(), None
        async for word in words:
            match word.strip():
                case b"settle":
                    gc.freeze()  # as `router.serve` does a minute after the start
                    print("ok", flush=True)
                case b"cpu":
                    print(time.process_time(), flush=True)
                case b"watch":
                    watch = Watch()
                    task = asyncio.create_task(watch.run())
                    print("ok", flush=True)
                case b"held":
                    if task is not None:
                        task.cancel()
                    print(watch.cpu_seconds, watch.real_seconds, flush=True)


if __name__ == "__main__":
    gc.freeze()  # as the command does
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1])))
