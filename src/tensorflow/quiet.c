/* Turns what is written to stderr into a file and back, in one step each, so that no other thread can get its number. */
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;

/* redirect(path): true when it worked. */
static napi_value redirect(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value path, result;
  char text[4096];
  int file = -1, done = 0;
  napi_get_cb_info(env, info, &count, &path, NULL, NULL);
  if (saved < 0 && napi_get_value_string_utf8(env, path, text, sizeof text, &length) == napi_ok) {
    file = open(text, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    saved = file < 0 ? -1 : fcntl(2, F_DUPFD_CLOEXEC, 3);
    done = saved >= 0 && dup2(file, 2) == 2;
    if (file >= 0) close(file);
  }
  napi_get_boolean(env, done, &result);
  return result;
}

/* restore(): stderr is what it was. */
static napi_value restore(napi_env env, napi_callback_info info) {
  if (saved >= 0) {
    dup2(saved, 2);
    close(saved);
    saved = -1;
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "redirect", NAPI_AUTO_LENGTH, redirect, NULL, &function);
  napi_set_named_property(env, exports, "redirect", function);
  napi_create_function(env, "restore", NAPI_AUTO_LENGTH, restore, NULL, &function);
  napi_set_named_property(env, exports, "restore", function);
  return exports;
}
