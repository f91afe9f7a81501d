/* The public header alone, as C11, against the shared library. */
#include "runtime/include/lathe.h"

#include <stdio.h>
#include <string.h>

static int failures = 0;

static void check(int holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

int main(void) {
  lathe_program *program = (lathe_program *)&failures;
  lathe_status status = lathe_program_load("/nowhere", &program);
  check(status != NULL && lathe_status_code(status) == LATHE_NOT_FOUND, "a missing file is LATHE_NOT_FOUND");
  check(program == NULL, "out_program is NULL on failure");
  check(strstr(lathe_status_message(status), "lathe_program_load: /nowhere: ") != NULL, "the message names the file");
  lathe_status_release(status);
  lathe_status_release(NULL);
  lathe_program_release(NULL);
  lathe_device_release(NULL);
  lathe_session_release(NULL);
  lathe_sequence_release(NULL);
  lathe_engine_release(NULL);
  lathe_request_release(NULL);
  lathe_tokenizer_release(NULL);
  lathe_text_decoder_release(NULL);

  lathe_tokenizer *tokenizer = (lathe_tokenizer *)&failures;
  status = lathe_tokenizer_load("/nowhere", &tokenizer);
  check(status != NULL && lathe_status_code(status) == LATHE_NOT_FOUND, "a missing tokenizer is LATHE_NOT_FOUND");
  check(tokenizer == NULL, "out_tokenizer is NULL on failure");
  lathe_status_release(status);

  lathe_device_options options;
  memset(&options, 0, sizeof(options));
  lathe_device *device = NULL;
  status = lathe_device_create(&options, &device);
  check(status != NULL && lathe_status_code(status) == LATHE_INVALID_ARGUMENT, "struct_size 0 is refused");
  lathe_status_release(status);

  options.struct_size = sizeof(options);
  options.threads = 1;
  status = lathe_device_create(&options, &device);
  check(status == NULL && device != NULL, "a CPU device is created");
  check(strstr(lathe_device_description(device), "1 thread") != NULL, "the description names the threads");
  lathe_device_release(device);

  options.kind = (lathe_device_kind)7;
  status = lathe_device_create(&options, &device);
  check(status != NULL && lathe_status_code(status) == LATHE_INVALID_ARGUMENT, "an unknown device kind is refused");
  check(device == NULL, "out_device is NULL on failure");
  lathe_status_release(status);

  struct {
    lathe_device_options options;
    int later;
  } newer;
  memset(&newer, 0, sizeof(newer));
  newer.options.struct_size = sizeof(newer);
  newer.later = 1;
  status = lathe_device_create(&newer.options, &device);
  check(status != NULL && lathe_status_code(status) == LATHE_UNSUPPORTED, "a later field that is set is refused");
  lathe_status_release(status);

  lathe_session *session = NULL;
  status = lathe_session_create(NULL, NULL, NULL, &session);
  check(status != NULL && lathe_status_code(status) == LATHE_INVALID_ARGUMENT, "a NULL program is refused");
  lathe_status_release(status);
  check(lathe_version()[0] != 0, "there is a version");
  return failures != 0;
}
