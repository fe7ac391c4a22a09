"""Drives a kernel through jupyter_client: reads steps as JSON from stdin, prints what happened as one line of JSON.

A step is [action, …]: ["send", code, options?] sends a cell; ["wait", n?] waits until cell n (default: all) has its
reply and its idle; ["text", bytes?] waits until the cell sent last has written that much (default: anything); ["error", n]
waits until cell n shows an error; ["sleep", s]; ["interrupt"]; ["restart"]; ["shutdown"]; ["request", type, content] asks on the shell
channel; ["answer", text] answers the kernel's question; ["ended"] waits until the kernel has ended; ["pids"] lists the kernel's processes; ["alive", pids] tells which of these run.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

from jupyter_client.manager import KernelManager
from jupyter_client.session import Session


def descendants(pid):
    """The process and everything below it, threads not counted."""
    found = [pid]
    for child in os.listdir("/proc"):
        if not child.isdigit():
            continue
        try:
            with open(f"/proc/{child}/stat", encoding="utf-8") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found += descendants(int(child))
    return found


def runs(pid):
    """Whether a process runs; one that has ended may stay in the list until the system looks for it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Drive:
    def __init__(self, folder):
        self.start = time.monotonic()
        self.begin(folder)
        self.cells = []
        self.results = []

    def begin(self, folder):
        """Starts a kernel. As Jupyter does: with other ports if another program took one of them meanwhile."""
        # Not this program's own pipes: Node makes the pipes that it inherits non-blocking.
        errors = tempfile.TemporaryFile()
        self.manager = KernelManager(kernel_name="tslab")
        self.manager.start_kernel(cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            self.connect()
        except RuntimeError:
            self.client.stop_channels()
            errors.seek(0)
            text = errors.read().decode()
            if "EADDRINUSE" not in text:
                raise RuntimeError(text) from None
            self.begin(folder)

    def connect(self):
        # A session of its own: the manager's would count its messages from one again after a restart.
        self.client = self.manager.client(session=Session(key=self.manager.session.key))
        self.client.start_channels()
        self.client.wait_for_ready()
        self.client.allow_stdin = True
        self.ready = time.monotonic()

    def send(self, code, options=None):
        options = options or {}
        self.client.allow_stdin = options.pop("allow_stdin", True)
        message = self.client.execute(code, **options)
        self.cells.append({"id": message, "sent": time.monotonic(), "outputs": [], "reply": None, "idle": False})

    def poll(self, timeout=0.02):
        """Takes what has arrived on both channels."""
        got = False
        for channel in (self.client.iopub_channel, self.client.shell_channel):
            while True:
                try:
                    message = channel.get_msg(timeout=timeout if not got else 0.001)
                except queue.Empty:
                    break
                got = True
                self.note(message)

    def note(self, message):
        cell = next((c for c in self.cells if c["id"] == message["parent_header"].get("msg_id")), None)
        if cell is None:
            return
        kind, content = message["msg_type"], message["content"]
        if kind == "execute_reply":
            cell["reply"] = content
            cell["seconds"] = time.monotonic() - cell["sent"]
        elif kind == "status":
            cell["idle"] = content["execution_state"] == "idle" or cell["idle"]
        else:
            cell["outputs"].append({"type": kind, **content})

    def until(self, reached):
        """Waits for what the kernel sends, as long as it lives."""
        while not reached():
            if not self.manager.is_alive():
                raise RuntimeError("the kernel ended")
            self.poll()

    def wait(self, number=None):
        cells = self.cells if number is None else [self.cells[number]]
        self.until(lambda: all(c["reply"] and c["idle"] for c in cells))

    def text(self, size=1):
        outputs = self.cells[-1]["outputs"]
        self.until(lambda: sum(len(o["text"]) for o in outputs if o["type"] == "stream") >= size)

    def error(self, number):
        outputs = self.cells[number]["outputs"]
        self.until(lambda: any(o["type"] == "error" for o in outputs))

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.poll()

    def interrupt(self):
        self.interrupted = time.monotonic()
        self.manager.interrupt_kernel()

    def restart(self):
        start = time.monotonic()
        self.client.stop_channels()
        self.manager.restart_kernel(now=False)
        self.connect()
        self.results.append(time.monotonic() - start)

    def shutdown(self):
        start = time.monotonic()
        self.manager.shutdown_kernel(now=False)
        self.results.append(time.monotonic() - start)

    def request(self, kind, content):
        message = self.client.session.msg(kind, content)
        start = time.monotonic()
        self.client.shell_channel.send(message)
        while True:
            try:
                answer = self.client.shell_channel.get_msg(timeout=1)
            except queue.Empty:
                if not self.manager.is_alive():
                    raise RuntimeError("the kernel ended") from None
                continue
            if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                self.results.append({"type": answer["msg_type"], "seconds": time.monotonic() - start, **answer["content"]})
                return
            self.note(answer)

    def answer(self, value):
        """Waits for the kernel's next question and answers it; the question is a result."""
        while True:
            self.poll()
            try:
                question = self.client.stdin_channel.get_msg(timeout=0.02)
            except queue.Empty:
                if not self.manager.is_alive():
                    raise RuntimeError("the kernel ended") from None
                continue
            self.results.append(question["content"]["prompt"])
            return self.client.input(value)

    def ended(self):
        """Waits until the kernel's process is gone by itself."""
        while self.manager.is_alive():
            time.sleep(0.02)
        self.results.append(True)

    def pids(self):
        self.results.append(descendants(self.manager.provisioner.pid))

    def alive(self, pids):
        self.results.append([pid for pid in pids if runs(pid)])


def end_with_parent():
    """The test keeps the other end of stdin open as long as it lives."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    drive = Drive(given["folder"])
    try:
        for action, *arguments in given["steps"]:
            getattr(drive, action)(*arguments)
        drive.poll()
    finally:
        if drive.manager.is_alive():
            drive.manager.shutdown_kernel(now=True)
    print(json.dumps({"cells": drive.cells, "results": drive.results, "ready": drive.ready - drive.start}))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
