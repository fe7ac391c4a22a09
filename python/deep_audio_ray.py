"""The driver of a job on a Ray cluster, which deep-audio-dataset submits: `generateRecords`, `check` and `audit` with `ray`.

    python deep_audio_ray.py DIST FOLDER [WORKERS]

DIST: the folder of the library's compiled code, FOLDER: that of the job; each machine of the cluster sees both. WORKERS: tasks at a time,
by default as many as the cluster has CPUs when the job begins. Needs Ray; `node` has to be found on every machine.

A Node process beside this one splits the work into tasks; each becomes a Ray task, which a Node process does that its Ray worker keeps
for the next ones. What a machine did (lost, out of memory, its disk) is tried again, `RETRIES` times; a task that takes much longer
than others is started once more as soon as a CPU is free, and the first answer counts: tasks are pure functions.
"""

import asyncio
import base64
import ctypes
import os
import socket
import statistics
import subprocess
import sys
import time

import ray

RETRIES = 3
# Seconds, and times the median task, after which a task counts as a straggler.
SLOW_SECONDS = 5
SLOW_TIMES = 3

node = None


@ray.remote(num_cpus=1, max_retries=0)
def perform(dist, task):
    """What this worker's Node process answers: `done OUTCOME` or `machine OUTCOME`."""
    global node
    if node is None or node.poll() is not None:
        node = start_node(dist)
    try:
        node.stdin.write(task + b"\n")
        node.stdin.flush()
        for line in node.stdout:
            if line.startswith(b"@"):
                return line[1:-1].split(b" ")
    except BrokenPipeError:
        pass
    raise RuntimeError(f"node ended with status {node.wait()} on {socket.gethostname()}")


def start_node(dist):
    """A Node process that ends with this worker, however that ends."""
    die = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    parent_death, kill = 1, 9
    with_worker = (lambda: die(parent_death, kill)) if die else None
    command = ["node", os.path.join(dist, "ray", "serve.js")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=with_worker)


class Driver:
    def __init__(self, dist, workers):
        self.dist = dist
        self.slots = asyncio.Semaphore(workers)
        self.seconds = []

    async def attempt(self, task):
        """Runs a task, twice at a time where it turns out a straggler."""
        start = time.monotonic()
        copies = self.submit(task)
        while True:
            ended, others = await asyncio.wait(copies, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            for copy in ended:
                error = copy.exception()
                if error and others:
                    del copies[copy]
                    continue
                for other in others:
                    ray.cancel(copies[other], force=True)
                if error:
                    return [b"lost", base64.b64encode(reason(error).encode())]
                self.seconds.append(time.monotonic() - start)
                return copy.result()
            if len(copies) == 1 and not self.slots.locked() and self.is_slow(time.monotonic() - start):
                copies.update(self.submit(task))

    def submit(self, task):
        ref = perform.options(scheduling_strategy="SPREAD").remote(self.dist, task)
        return {asyncio.wrap_future(ref.future()): ref}

    def is_slow(self, seconds):
        usual = statistics.median(self.seconds) if self.seconds else float("inf")
        return seconds > max(SLOW_SECONDS, SLOW_TIMES * usual)

    async def finish(self, number, task, say):
        """Runs a task until it is done or has failed too often, and says so."""
        async with self.slots:
            for retry in range(RETRIES + 1):
                verdict, text = await self.attempt(task)
                if verdict == b"done" or retry == RETRIES:
                    break
                say(b"retry", number, b"")
                await asyncio.sleep(retry)
            # What a machine says at last may be the data's fault after all: its own words tell.
            say(b"lost" if verdict == b"lost" else b"done", number, text)


def reason(error):
    """The last line of what Ray says, without a traceback."""
    return str(getattr(error, "cause", None) or error).strip().splitlines()[-1]


async def main(dist, folder, workers="0"):
    ray.init()
    count = int(workers) or max(1, int(ray.cluster_resources().get("CPU", 1)))
    driver = Driver(dist, count)
    command = ["node", os.path.join(dist, "ray", "coordinate.js"), folder, str(count)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "limit": 1 << 30}
    coordinator = await asyncio.create_subprocess_exec(*command, **pipes)

    def say(*words):
        coordinator.stdin.write(b" ".join(words) + b"\n")

    running = set()
    async for line in coordinator.stdout:
        if not line.startswith(b"@"):
            print(line.decode(), end="")
            continue
        one = asyncio.create_task(driver.finish(*line[1:-1].split(b" "), say))
        running.add(one)
        one.add_done_callback(running.discard)
    status = await coordinator.wait()
    for one in running:
        one.cancel()
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
