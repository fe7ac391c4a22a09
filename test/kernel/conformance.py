"""PyPI's jupyter-kernel-test against the project's kernel.

Not asked, because the kernel does not do it: code_execute_result by stdin (input_request is not supported, so nothing
can be typed into a cell), history (the front end keeps its own), pagers (Shift-Tab answers through inspect_request),
clear_output (the display functions replace their output by its id instead), and a debugger.
"""

import unittest

import jupyter_kernel_test


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


if __name__ == "__main__":
    unittest.main()
