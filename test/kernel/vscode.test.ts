// What VS Code's Jupyter extension asks of a kernel, in its order, as read in its sources (2026.6.1; see docs/notebooks.md): the editor
// itself is no part of the tests.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { python, root } from "../support/python.js";

test("the kernel answers what VS Code asks", () => {
  const answers = python(
    `
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="tslab")
manager.start_kernel(cwd=input)
client = manager.client()
client.start_channels()
def control(kind):
    client.control_channel.send(client.session.msg(kind))
def answer(channel):
    message = getattr(client, f"get_{channel}_msg")()
    return [channel, message["header"]["msg_type"], message["content"].get("status")]
answers = []
for _ in range(2):
    control("kernel_info_request")
    client.kernel_info()
for channel in ["control", "shell", "control", "shell"]:
    answers.append(answer(channel))
client.complete("__file__.", 9)
answers.append(answer("shell"))
client.inspect("console", 7, 0)
answers.append(answer("shell"))
client.comm_info()
answers.append(answer("shell"))
client.execute("console.log('running'); while (true) {}")
while client.get_iopub_msg()["header"]["msg_type"] != "stream":
    pass
control("interrupt_request")
answers += [answer("control"), answer("shell")]
client.shutdown()
answers.append(answer("control"))
manager.cleanup_resources()
print(json.dumps(answers))
`,
    join(root, "notebooks"),
  );
  assert.deepEqual(answers, [
    ["control", "kernel_info_reply", "ok"],
    ["shell", "kernel_info_reply", "ok"],
    ["control", "kernel_info_reply", "ok"],
    ["shell", "kernel_info_reply", "ok"],
    ["shell", "complete_reply", "ok"],
    ["shell", "inspect_reply", "ok"],
    ["shell", "comm_info_reply", "ok"],
    ["control", "interrupt_reply", "ok"],
    ["shell", "execute_reply", "error"],
    ["control", "shutdown_reply", "ok"],
  ]);
});
