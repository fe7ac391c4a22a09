import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";
import { SetupError } from "./step.js";

/** Reads a JavaScript array into a C++ vector, element by element. */
const list = (type: string, read: string): string => `
      if (IsArray(env, nstatus, &js_value)) {
        uint32_t length;
        nstatus = napi_get_array_length(env, js_value, &length);
        ENSURE_NAPI_OK(env, nstatus);
        std::vector<${type}> list(length);
        for (uint32_t i = 0; i < length; i++) {
          napi_value element;
          nstatus = napi_get_element(env, js_value, i, &element);
          ENSURE_NAPI_OK(env, nstatus);
          ${read}
          ENSURE_NAPI_OK(env, nstatus);
        }`;

/** Keys are the places in a source that the values come after. */
type Additions = Record<string, string>;

/** Ops that a thread may have before it: the next one is waited for. Their inputs take memory. */
const MOST_BEGUN = 32;

/**
 * What tfjs's backend can't do: pass attributes that are lists of strings or of types, which TensorFlow's fused ops need;
 * run an op without waiting for it; say which attributes an op was run with.
 */
const BACKEND: Additions = {
  '#include "tensorflow/c/eager/c_api.h"\n': `#include "tensorflow/c/eager/c_api_experimental.h"
#include <mutex>
#include <thread>
#include <vector>

// A tensor made of a typed array shares its memory. JavaScript's own thread has to let go of the array, whichever thread
// was the last to use the tensor.
static const std::thread::id js_thread = std::this_thread::get_id();
static std::mutex unused_arrays_mutex;
static std::vector<tfnodejs::NapiAutoRef *> unused_arrays;

// TensorFlow's threads for ops that aren't waited for. Before memory goes, at the end of JavaScript or of the process, they
// are.
struct Threads {
  TFE_Executor *all[2] = {TFE_NewExecutor(true, false, ${MOST_BEGUN}), TFE_NewExecutor(true, false, ${MOST_BEGUN})};
  explicit Threads(napi_env env) {
    napi_add_env_cleanup_hook(env, [](void *threads) { static_cast<Threads *>(threads)->Wait(); }, this);
  }
  ~Threads() { Wait(); }
  void Wait() {
    TF_Status *status = TF_NewStatus();
    for (TFE_Executor *thread : all) TFE_ExecutorWaitForAllPendingNodes(thread, status);
    TF_DeleteStatus(status);
  }
};
`,
  "  NapiAutoRef *auto_ref = static_cast<NapiAutoRef *>(arg);\n": `  if (std::this_thread::get_id() != js_thread) {
    std::lock_guard<std::mutex> lock(unused_arrays_mutex);
    unused_arrays.push_back(auto_ref);
    return;
  }
`,
  "int32_t TFJSBackend::InsertHandle(TFE_TensorHandle *tfe_handle) {\n": `  {
    std::lock_guard<std::mutex> lock(unused_arrays_mutex);
    for (NapiAutoRef *array : unused_arrays) DeallocTensor(nullptr, 0, array);
    unused_arrays.clear();
  }
`,
  // Less than no outputs, -1 or -2: one, whose id comes back while TensorFlow's thread of that number still computes
  // it, in the order of the calls. Whatever takes the output as its input waits for it, and fails where it failed.
  "  nstatus = napi_get_value_int32(env, num_output_values, &num_outputs);\n": `  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  if (keeps_attributes) {
    KeepAttributes(tfe_op.op, tf_status.status);
    ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  }
  if (num_outputs < 0) {
    static Threads threads(env);
    // -3: none, but a wait for all ops of both threads.
    if (num_outputs == -3) {
      threads.Wait();
      return nullptr;
    }
    TFE_Executor *thread = threads.all[-num_outputs - 1];
    TFE_ExecutorClearError(thread);
    TFE_Executor *usual = TFE_ContextGetExecutorForThread(tfe_context_);
    TFE_ContextSetExecutorForThread(tfe_context_, thread);
    TFE_TensorHandle *handle = nullptr;
    int count = 1;
    TFE_Execute(tfe_op.op, &handle, &count, tf_status.status);
    TFE_ContextSetExecutorForThread(tfe_context_, usual);
    TFE_DeleteExecutor(usual);
    ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
    napi_value id;
    nstatus = napi_create_int32(env, InsertHandle(handle), &id);
    ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
    return id;
  }
`,
  "    case TF_ATTR_STRING: {\n": `${list("std::string", "nstatus = GetStringParam(env, element, list[i]);")}
        std::vector<const void *> texts(length);
        std::vector<size_t> lengths(length);
        for (uint32_t i = 0; i < length; i++) {
          texts[i] = list[i].data();
          lengths[i] = list[i].size();
        }
        TFE_OpSetAttrStringList(tfe_op, attr_name, texts.data(), lengths.data(), length);
        break;
      }
`,
  "    case TF_ATTR_TYPE: {\n": `${list("TF_DataType", "nstatus = napi_get_value_int32(env, element, reinterpret_cast<int32_t *>(&list[i]));")}
        TFE_OpSetAttrTypeList(tfe_op, attr_name, list.data(), length);
        break;
      }
`,
};

/** What functions.cc needs of the backend, and where its entries join those of the addon. */
const HEADER: Additions = {
  "  napi_value GetNumOfTensors(napi_env env);\n": `
  // functions.cc: another id for a tensor's data, with shape and type; and the attributes of the op that ran last.
  napi_value ShareTensor(napi_env env, napi_value tensor_id_value);
  void KeepAttributes(TFE_Op *op, TF_Status *status);
  TFE_Context *context() { return tfe_context_; }
  bool keeps_attributes = false;
  std::string attributes;
`,
  "  bool is_gpu_device;\n};\n": `
void DefineFunctions(napi_env env, napi_value exports);
`,
};

const ENTRIES: Additions = {
  "  // Export TF property types to JS\n": "  DefineFunctions(env, exports);\n",
};

/** What is added to tfjs's C++ files, by their names. */
export const ADDITIONS: Record<string, Additions> = {
  "tfjs_backend.cc": BACKEND,
  "tfjs_backend.h": HEADER,
  "tfjs_binding.cc": ENTRIES,
};

/** Writes tfjs's C++ files with the additions and returns their folder. `binding` is the folder of the files as they are. */
export function extendedBinding(binding: string): string {
  const folder = join(root, "build/binding");
  mkdirSync(folder, { recursive: true });
  for (const [file, additions] of Object.entries(ADDITIONS)) {
    let source = readFileSync(join(binding, file), "utf8");
    for (const [place, addition] of Object.entries(additions)) {
      const parts = source.split(place);
      if (parts.length !== 2) {
        throw new SetupError(
          `TensorFlow addon: ${file} isn't the one of tfjs 4.22.0: run npm ci, then the same command again`,
        );
      }
      source = parts.join(place + addition);
    }
    writeFileSync(join(folder, file), source);
  }
  return folder;
}
