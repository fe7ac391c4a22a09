"""PyPI's jupyter-kernel-test against the project's kernel.

Not met, and so skipped there: clear_output (displays are replaced by their id instead) and pagers (Shift-Tab answers through
inspect_request). Beyond that suite: no comms (so no ipywidgets) and no debugger.
"""

import unittest

import jupyter_kernel_test

# What the suite waits for may take as long as the machine needs.
jupyter_kernel_test.TIMEOUT = None


class TypeScriptKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "tslab"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('to stderr')"
    completion_samples = [{"text": "proc", "matches": {"process"}}]
    complete_code_samples = ["1 + 1", "console.log('a')", "function f(n: number): number {\n  return n;\n}\n\n"]
    incomplete_code_samples = ["function f(n: number) {", "if (true) {", "const a = ["]
    code_generate_error = "throw new Error('wrong')"
    code_execute_result = [{"code": "1 + 2", "result": "3"}, {"code": "'a' + 'b'", "result": "'ab'"}]
    code_display_data = [
        {"code": "import { display } from 'tslab'; display.html('<b>x</b>')", "mime": "text/html"},
        {"code": "import * as t from 'tslab'; t.display.png(new Uint8Array(4))", "mime": "image/png"},
    ]
    code_inspect_sample = "process"
    code_history_pattern = "1*2"
    supported_history_operations = ("tail", "range", "search")

    def execute_helper(self, *args, **options):
        channel = self.kc.iopub_channel
        limited = channel.get_msg
        channel.get_msg = lambda timeout=None: limited(timeout=None)
        try:
            return super().execute_helper(*args, **{"timeout": None, **options})
        finally:
            channel.get_msg = limited


if __name__ == "__main__":
    unittest.main()
