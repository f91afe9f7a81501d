/* Writes texts of a compiled model alone, and then all of them together with what an engine does to them: chunks,
 * shared pages, preemption. Every logit must be the same to the bit: engine MODEL.lathe Prints how many there were, and
 * how often pages were found and lost. */
#include "lathe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS = 16, MAX_PROMPT = 90, MAX_TOKENS = 16 };

static void check(lathe_status status) {
  if (status) {
    fprintf(stderr, "engine: %s\n", lathe_status_message(status));
    exit(1);
  }
}

typedef struct text {
  int32_t prompt[MAX_PROMPT], written[MAX_TOKENS];
  size_t prompt_count, written_count;
  float *logits; /* [written_count, vocabulary] */
} text;

static size_t vocabulary;

/* Prompts that begin as others do, and part within pages. */
static void fill_prompt(text *one, size_t index) {
  one->prompt_count = 1 + index * 37 % MAX_PROMPT;
  for (size_t i = 0; i < one->prompt_count; ++i) {
    size_t branch = i < 24 ? 0 : i < 50 ? index % 3 : index;
    one->prompt[i] = (int32_t)((i * i * 31 + i * 17 + branch * 101 + 5) % vocabulary);
  }
}

static lathe_request *submit(lathe_engine *engine, const text *one, size_t index) {
  lathe_sampler sampler = {.struct_size = sizeof sampler, .temperature = index % 2 ? 0.8f : 0, .seed = index};
  lathe_request_options options = {.struct_size = sizeof options, .tokens = one->prompt, .logits = 1};
  options.token_count = one->prompt_count;
  options.max_tokens = MAX_TOKENS;
  options.sampler = &sampler;
  lathe_request *request;
  check(lathe_engine_submit(engine, &options, &request));
  return request;
}

static lathe_request_output poll(lathe_request *request) {
  lathe_request_output output = {.struct_size = sizeof output};
  check(lathe_request_poll(request, &output));
  return output;
}

static void step_all(lathe_engine *engine) {
  for (size_t unfinished = 1; unfinished;)
    check(lathe_engine_step(engine, &unfinished));
}

static lathe_engine *create(lathe_program *program, lathe_device *device, uint64_t pages, int32_t step_tokens,
                            int32_t no_sharing) {
  lathe_session_options session_options = {.struct_size = sizeof session_options, .max_sequences = 6};
  uint64_t page_bytes = 0;
  for (size_t i = 0; i < lathe_program_entry(program, 0)->state_count; ++i)
    page_bytes += (uint64_t)lathe_program_state(program, 0, i)->page_bytes;
  session_options.kv_cache_bytes = pages * page_bytes;
  lathe_session *session;
  check(lathe_session_create(program, device, &session_options, &session));
  lathe_engine_options options = {.struct_size = sizeof options, .max_step_tokens = step_tokens};
  options.no_prefix_sharing = no_sharing;
  lathe_engine *engine;
  check(lathe_engine_create(session, &options, &engine));
  lathe_session_release(session);
  return engine;
}

static void write_alone(lathe_engine *engine, text *one, size_t index) {
  lathe_request *request = submit(engine, one, index);
  step_all(engine);
  lathe_request_output output = poll(request);
  size_t bytes = output.token_count * vocabulary * sizeof(float);
  one->written_count = output.token_count;
  memcpy(one->written, output.tokens, output.token_count * sizeof(int32_t));
  one->logits = malloc(bytes);
  memcpy(one->logits, output.logits, bytes);
  lathe_request_release(request);
}

/* Whether each text is the same with all of them in one engine. */
static int write_together(lathe_engine *engine, const text *texts) {
  lathe_request *requests[REQUESTS];
  for (size_t i = 0; i < REQUESTS; ++i)
    requests[i] = submit(engine, &texts[i], i);
  step_all(engine);
  size_t rows = 0, different = 0;
  for (size_t i = 0; i < REQUESTS; ++i) {
    const text *one = &texts[i];
    lathe_request_output output = poll(requests[i]);
    int same = output.token_count == one->written_count &&
               !memcmp(output.tokens, one->written, output.token_count * sizeof(int32_t)) &&
               !memcmp(output.logits, one->logits, output.token_count * vocabulary * sizeof(float));
    if (!same)
      printf("text %zu is different\n", i);
    different += !same;
    rows += output.token_count;
    lathe_request_release(requests[i]);
  }
  lathe_engine_info info = {.struct_size = sizeof info};
  check(lathe_engine_inspect(engine, &info));
  printf("%zu rows of logits compared, %zu texts different, pages %s found, %s lost, %llu used at the end\n", rows,
         different, info.shared_tokens ? "were" : "were not", info.preemptions ? "were" : "were not",
         (unsigned long long)info.used_pages);
  return different == 0;
}

int main(int argc, char **argv) {
  static text texts[REQUESTS];
  if (argc != 2)
    return 2;
  lathe_program *program;
  lathe_device *device;
  check(lathe_program_load(argv[1], &program));
  lathe_device_options device_options = {.struct_size = sizeof device_options, .threads = 2};
  check(lathe_device_create(&device_options, &device));
  vocabulary = (size_t)lathe_program_output(program, 0, 0)->shape[1];
  lathe_engine *alone = create(program, device, 32, 0, 1);
  for (size_t i = 0; i < REQUESTS; ++i) {
    fill_prompt(&texts[i], i);
    write_alone(alone, &texts[i], i);
  }
  lathe_engine_release(alone);
  int same = 1;
  const struct {
    uint64_t pages;
    int32_t step_tokens, no_sharing;
  } setups[] = {{64, 0, 0}, {64, 9, 1}, {10, 0, 1}, {10, 5, 0}};
  for (size_t i = 0; i < sizeof setups / sizeof *setups; ++i) {
    lathe_engine *engine = create(program, device, setups[i].pages, setups[i].step_tokens, setups[i].no_sharing);
    same &= write_together(engine, texts);
    lathe_engine_release(engine);
  }
  for (size_t i = 0; i < REQUESTS; ++i)
    free(texts[i].logits);
  lathe_device_release(device);
  lathe_program_release(program);
  return !same;
}
