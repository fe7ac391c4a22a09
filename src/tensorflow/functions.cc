// TensorFlow functions for tfjs's addon: a graph is registered under a name and then runs as an op of that name.
// Each entry throws a JavaScript error where TensorFlow refuses; what it made until then is freed.

#include <memory>
#include <string>
#include <vector>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/eager/c_api_experimental.h"
#include "tf_auto_status.h"
#include "tfjs_backend.h"
#include "utils.h"

namespace tfnodejs {

namespace {

template <typename T, void (*Delete)(T *)>
struct Deleter {
  void operator()(T *object) const { Delete(object); }
};
template <typename T, void (*Delete)(T *)>
using Owned = std::unique_ptr<T, Deleter<T, Delete>>;

// AttrValue{b: true}
constexpr char kTrue[] = {0x28, 0x01};

bool ReadString(napi_env env, napi_value value, std::string *text) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text->resize(length + 1);
  if (napi_get_value_string_utf8(env, value, &(*text)[0], length + 1, &length) != napi_ok) return false;
  text->resize(length);
  return true;
}

bool ReadStrings(napi_env env, napi_value value, std::vector<std::string> *texts) {
  uint32_t length;
  if (napi_get_array_length(env, value, &length) != napi_ok) return false;
  texts->resize(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (napi_get_element(env, value, i, &element) != napi_ok || !ReadString(env, element, &(*texts)[i])) return false;
  }
  return true;
}

// Finds "node" or "node:2", its third output.
bool FindOutputs(napi_env env, TF_Graph *graph, const std::vector<std::string> &names, std::vector<TF_Output> *outputs) {
  for (const std::string &name : names) {
    const size_t colon = name.find(':');
    const int index = colon == std::string::npos ? 0 : std::atoi(name.c_str() + colon + 1);
    TF_Operation *operation = TF_GraphOperationByName(graph, name.substr(0, colon).c_str());
    if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
      NAPI_THROW_ERROR(env, "No output %s in the graph", name.c_str());
      return false;
    }
    outputs->push_back({operation, index});
  }
  return true;
}

// The arguments of a call, and the backend; nullptr after a JavaScript error.
template <size_t Count>
TFJSBackend *Arguments(napi_env env, napi_callback_info info, napi_value (&values)[Count]) {
  size_t count = Count;
  void *backend = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < Count) {
    NAPI_THROW_ERROR(env, "Expected %zu arguments", Count);
    return nullptr;
  }
  ENSURE_NAPI_OK_RETVAL(env, napi_get_instance_data(env, &backend), nullptr);
  return static_cast<TFJSBackend *>(backend);
}

}  // namespace

// addFunction(name, graph: Uint8Array, inputs: string[], outputs: string[], controls: string[], compile: boolean): a
// GraphDef whose placeholders `inputs` become the arguments, in this order. `controls` are the ops that run for what
// they do, not for an output. `compile` asks for XLA.
static napi_value AddFunction(napi_env env, napi_callback_info info) {
  napi_value args[6];
  TFJSBackend *backend = Arguments(env, info, args);
  if (!backend) return nullptr;
  std::string name;
  std::vector<std::string> inputs, outputs, controls;
  void *bytes;
  size_t length;
  bool compile;
  if (!ReadString(env, args[0], &name) ||
      napi_get_typedarray_info(env, args[1], nullptr, &length, &bytes, nullptr, nullptr) != napi_ok ||
      !ReadStrings(env, args[2], &inputs) || !ReadStrings(env, args[3], &outputs) ||
      !ReadStrings(env, args[4], &controls) || napi_get_value_bool(env, args[5], &compile) != napi_ok) {
    NAPI_THROW_ERROR(env, "addFunction: expected name, graph, inputs, outputs, controls, compile");
    return nullptr;
  }
  TF_AutoStatus status;
  Owned<TF_Graph, TF_DeleteGraph> graph(TF_NewGraph());
  {
    Owned<TF_Buffer, TF_DeleteBuffer> buffer(TF_NewBufferFromString(bytes, length));
    Owned<TF_ImportGraphDefOptions, TF_DeleteImportGraphDefOptions> options(TF_NewImportGraphDefOptions());
    TF_GraphImportGraphDef(graph.get(), buffer.get(), options.get(), status.status);
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
  }
  std::vector<TF_Output> in, out, run;
  if (!FindOutputs(env, graph.get(), inputs, &in) || !FindOutputs(env, graph.get(), outputs, &out)) return nullptr;
  std::vector<const TF_Operation *> control;
  for (const std::string &op : controls) {
    control.push_back(TF_GraphOperationByName(graph.get(), op.c_str()));
    if (control.back() == nullptr) {
      NAPI_THROW_ERROR(env, "No op %s in the graph", op.c_str());
      return nullptr;
    }
  }
  Owned<TF_Function, TF_DeleteFunction> function(TF_GraphToFunctionWithControlOutputs(
      graph.get(), name.c_str(), 0, -1, nullptr, in.size(), in.data(), out.size(), out.data(), nullptr, control.size(),
      control.data(), nullptr, nullptr, nullptr, status.status));
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  if (compile) {
    TF_FunctionSetAttrValueProto(function.get(), "_XlaMustCompile", kTrue, sizeof(kTrue), status.status);
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
  }
  TFE_ContextAddFunction(backend->context(), function.get(), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return nullptr;
}

// removeFunction(name)
static napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  napi_value args[1];
  TFJSBackend *backend = Arguments(env, info, args);
  if (!backend) return nullptr;
  std::string name;
  if (!ReadString(env, args[0], &name)) {
    NAPI_THROW_ERROR(env, "removeFunction: expected a name");
    return nullptr;
  }
  TF_AutoStatus status;
  TFE_ContextRemoveFunction(backend->context(), name.c_str(), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return nullptr;
}

// keepAttributes(on: boolean): whether executeOp keeps the attributes of the op it ran last, those that TensorFlow
// inferred included.
static napi_value KeepAttributes(napi_env env, napi_callback_info info) {
  napi_value args[1];
  TFJSBackend *backend = Arguments(env, info, args);
  if (!backend) return nullptr;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_bool(env, args[0], &backend->keeps_attributes), nullptr);
  backend->attributes.clear();
  return nullptr;
}

// opAttributes(): Uint8Array, a NameAttrList of the op that ran last.
static napi_value OpAttributes(napi_env env, napi_callback_info info) {
  void *backend = nullptr;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_instance_data(env, &backend), nullptr);
  const std::string &attributes = static_cast<TFJSBackend *>(backend)->attributes;
  napi_value buffer;
  ENSURE_NAPI_OK_RETVAL(env, napi_create_buffer_copy(env, attributes.size(), attributes.data(), nullptr, &buffer), nullptr);
  return buffer;
}

// tensorInfo(id): {id, shape, dtype}, the tensor's as TensorFlow has it, under an id of its own.
static napi_value ShareTensor(napi_env env, napi_callback_info info) {
  napi_value args[1];
  TFJSBackend *backend = Arguments(env, info, args);
  if (!backend) return nullptr;
  return backend->ShareTensor(env, args[0]);
}

void TFJSBackend::KeepAttributes(TFE_Op *op, TF_Status *status) {
  Owned<TF_Buffer, TF_DeleteBuffer> buffer(TF_NewBuffer());
  TFE_OpAttrsSerialize(TFE_OpGetAttrs(op), buffer.get(), status);
  if (TF_GetCode(status) == TF_OK) attributes.assign(static_cast<const char *>(buffer->data), buffer->length);
}

napi_value TFJSBackend::ShareTensor(napi_env env, napi_value id_value) {
  int32_t id;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_int32(env, id_value, &id), nullptr);
  auto entry = tfe_handle_map_.find(id);
  if (entry == tfe_handle_map_.end()) {
    NAPI_THROW_ERROR(env, "No tensor %d", id);
    return nullptr;
  }
  TF_AutoStatus status;
  TFE_TensorHandle *copy = TFE_TensorHandleCopySharingTensor(entry->second, status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return GenerateOutputTensorInfo(env, copy);
}

void DefineFunctions(napi_env env, napi_value exports) {
  auto method = [](const char *name, napi_callback call) {
    return napi_property_descriptor{name, nullptr, call, nullptr, nullptr, nullptr, napi_default, nullptr};
  };
  const napi_property_descriptor properties[] = {
      method("addFunction", AddFunction),       method("removeFunction", RemoveFunction),
      method("keepAttributes", tfnodejs::KeepAttributes), method("opAttributes", OpAttributes),
      method("shareTensor", tfnodejs::ShareTensor),
  };
  ENSURE_NAPI_OK(env, napi_define_properties(env, exports, ARRAY_SIZE(properties), properties));
}

}  // namespace tfnodejs
