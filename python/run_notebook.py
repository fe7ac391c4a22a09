"""Runs notebooks without a front end, shows each cell as it goes, and writes the result as .ipynb and .html.

Stricter than `jupyter execute`: a cell that the kernel skipped, and an error that came late (after its cell had
ended, from a promise or a timer that nobody awaited), fail the run too.
"""

import argparse
import asyncio
import pathlib
import queue
import re
import signal
import sys
import time

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

LATE_SECONDS = 0.5  # how long late errors of the last cell are waited for
COLOURS = re.compile("\x1b\\[[0-9;]*m")


class Run:
    """One notebook on its way through the kernel."""

    def __init__(self, notebook, path, timeout):
        self.notebook = notebook
        self.errors = []  # (id of the request it answers, text)
        self.allowed = set()  # requests of cells tagged raises-exception
        self.problems = []
        self.interrupted = False
        self.client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "tslab"),
            resources={"metadata": {"path": str(path.parent)}},
            on_notebook_start=self.watch,
            on_cell_executed=self.after_cell,
        )

    def watch(self, notebook):
        """Notes every error message of the kernel, whichever cell it belongs to."""
        channel = self.client.kc.iopub_channel
        receive = channel.get_msg

        async def get_msg(*args, **options):
            message = await receive(*args, **options)
            if message["msg_type"] == "error":
                content = message["content"]
                text = "\n".join(content["traceback"]) or f"{content['ename']}: {content['evalue']}"
                self.errors.append((message["parent_header"].get("msg_id"), COLOURS.sub("", text)))
            return message

        channel.get_msg = get_msg

    def after_cell(self, cell, cell_index, execute_reply):
        status = execute_reply["content"].get("status")
        if "raises-exception" in cell.metadata.get("tags", []):
            self.allowed.add(execute_reply["parent_header"]["msg_id"])
        elif status != "ok" and not self.errors:
            self.problems.append(f"cell {cell_index + 1}: the kernel answered {status!r}, expected 'ok'")

    def interrupt(self, *_):
        """Ctrl+C interrupts the cell, as JupyterLab's button does; a second one ends everything."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop = asyncio.get_event_loop()
        loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self.client.km.interrupt_kernel()))
        self.interrupted = True

    async def drain(self):
        """Late errors of the last cell have no next cell that could show them."""
        end = time.monotonic() + LATE_SECONDS
        while (left := end - time.monotonic()) > 0:
            try:
                await self.client.kc.iopub_channel.get_msg(timeout=left)
            except (queue.Empty, asyncio.TimeoutError):
                return

    def execute(self):
        cells = [(i, c) for i, c in enumerate(self.notebook.cells) if c.cell_type == "code" and c.source.strip()]
        with self.client.setup_kernel():
            signal.signal(signal.SIGINT, self.interrupt)
            for number, (index, cell) in enumerate(cells, 1):
                if self.interrupted:
                    break
                title = next(line for line in cell.source.splitlines() if line.strip())[:70]
                print(f"  [{number}/{len(cells)}] {title} … ", end="", flush=True)
                start = time.monotonic()
                try:
                    self.client.execute_cell(cell, index)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    print("failed", flush=True)
                    if not isinstance(error, CellExecutionError):
                        self.problems.append(f"cell {index + 1}: {type(error).__name__}: {error}")
                    break
                print(f"{time.monotonic() - start:.1f} s", flush=True)
            else:
                run_sync(self.drain)()
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.problems += [text for request, text in self.errors if request not in self.allowed]
        return self.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the executed notebook and its html")
    parser.add_argument("--save", action="store_true", help="keep the outputs in the notebook itself as well")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds a cell may take")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in options.notebooks:
        path = path.resolve()
        print(path.name, flush=True)
        start = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        run = Run(notebook, path, options.timeout)
        problems = run.execute()
        executed = options.out / path.name
        html = executed.with_suffix(".html")
        nbformat.write(notebook, executed)
        html.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
        if options.save and not problems:
            nbformat.write(notebook, path)
        for problem in problems:
            print(problem, file=sys.stderr)
        failed += bool(problems)
        outcome = "interrupted" if run.interrupted else "failed" if problems else "ok"
        print(f"{outcome}: {path.name}, {time.monotonic() - start:.1f} s, see {html}", flush=True)
        if run.interrupted:
            sys.exit(130)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
