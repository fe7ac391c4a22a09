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

/** What TensorFlow's fused ops need and the addon of tfjs can't pass: attributes that are lists of strings or of types. */
export const ADDITIONS: Record<string, string> = {
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

/** Writes the backend's source with the additions and returns its path. `binding` is the folder of tfjs's C++ files. */
export function extendedBackend(binding: string): string {
  let source = readFileSync(join(binding, "tfjs_backend.cc"), "utf8");
  for (const [place, addition] of Object.entries(ADDITIONS)) {
    const parts = source.split(place);
    if (parts.length !== 2) {
      throw new SetupError(
        `TensorFlow addon: tfjs_backend.cc isn't the one of tfjs 4.22.0: run npm ci, then the same command again`,
      );
    }
    source = parts.join(place + addition);
  }
  const folder = join(root, "build/binding");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "tfjs_backend.cc");
  writeFileSync(path, source);
  return path;
}
