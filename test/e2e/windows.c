/* Writes texts longer than the window of a model's layers, and looks at the pages they hold: windows MODEL.lathe WINDOW
 * LENGTH. First each text goes in at once, so that no page is missing. Then all go together, in parts of many sizes;
 * the pages given back by one are the next ones of the others. Every logit must be the same to the bit. Prints how many
 * rows were compared and the most window pages that a text kept. */
#include "lathe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 3, MAX_LENGTH = 512, PAGE_TOKENS = 16 };

/* Tokens that a text gets in a step; the texts begin at different places of this. */
static const int32_t Parts[] = {1, 1, 7, 1, 16, 2, 33, 1, 5};
enum { PARTS = sizeof Parts / sizeof *Parts };

static lathe_program *program;
static lathe_device *device;
static size_t length, vocabulary;
static int sees_all; /* whether there are layers without a window */

static void check(lathe_status status) {
  if (status) {
    fprintf(stderr, "windows: %s\n", lathe_status_message(status));
    exit(1);
  }
}

static int32_t token(size_t which, size_t at) {
  return (int32_t)((at * at * 31 + at * 17 + which * 101 + 5) % vocabulary);
}

static lathe_session *open_session(int32_t sequences) {
  lathe_session_options options = {.struct_size = sizeof options, .max_sequences = sequences};
  lathe_session *session;
  check(lathe_session_create(program, device, &options, &session));
  return session;
}

/* Appends `counts[s]` tokens to each sequence that has any, of the text `first` on, and returns the logits of all. */
static void append(lathe_session *session, lathe_sequence *const *all, const int32_t *wanted, size_t first,
                   size_t count, float *logits) {
  static int32_t tokens[MAX_LENGTH], rows[MAX_LENGTH];
  lathe_sequence *sequences[TEXTS];
  int32_t counts[TEXTS];
  size_t some = 0, total = 0;
  for (size_t s = 0; s < count; ++s) {
    if (!wanted[s])
      continue;
    size_t begin = (size_t)lathe_sequence_length(all[s]);
    sequences[some] = all[s];
    counts[some++] = wanted[s];
    for (int32_t i = 0; i < wanted[s]; ++i, ++total) {
      tokens[total] = token(first + s, begin + (size_t)i);
      rows[total] = (int32_t)total;
    }
  }
  lathe_step_options step = {.struct_size = sizeof step,
                             .sequence_count = some,
                             .sequences = sequences,
                             .token_counts = counts,
                             .tokens = tokens,
                             .rows = rows,
                             .row_count = total,
                             .logits = logits,
                             .logits_bytes = total * vocabulary * sizeof(float)};
  check(lathe_session_step(session, &step));
}

/* Pages that sequences hold beside those of layers that see all, if there are such: one for every 16 tokens. */
static size_t window_pages(lathe_engine *engine, lathe_sequence *const *sequences) {
  lathe_engine_info info = {.struct_size = sizeof info};
  check(lathe_engine_inspect(engine, &info));
  size_t pages = (size_t)info.used_pages;
  for (size_t s = 0; sees_all && s < TEXTS; ++s)
    pages -= ((size_t)lathe_sequence_length(sequences[s]) + PAGE_TOKENS - 1) / PAGE_TOKENS;
  return pages;
}

static void write_alone(float *logits) {
  lathe_session *session = open_session(1);
  for (size_t s = 0; s < TEXTS; ++s) {
    lathe_sequence *sequence;
    int32_t count = (int32_t)length;
    check(lathe_sequence_create(session, &sequence));
    append(session, &sequence, &count, s, 1, logits + s * length * vocabulary);
    lathe_sequence_release(sequence);
  }
  lathe_session_release(session);
}

/* How many rows are not as `wanted` says. */
static size_t write_together(const float *wanted, size_t *compared, size_t *most_pages) {
  static int32_t counts[TEXTS];
  lathe_session *session = open_session(TEXTS);
  lathe_sequence *sequences[TEXTS];
  lathe_engine *engine; /* tells how many pages are used */
  float *logits = malloc(TEXTS * MAX_LENGTH * vocabulary * sizeof(float));
  size_t different = 0, left = 1;
  check(lathe_engine_create(session, NULL, &engine));
  for (size_t s = 0; s < TEXTS; ++s)
    check(lathe_sequence_create(session, &sequences[s]));
  for (size_t step = 0; left; ++step) {
    left = 0;
    for (size_t s = 0; s < TEXTS; ++s) {
      size_t most = length - (size_t)lathe_sequence_length(sequences[s]);
      int32_t part = Parts[(step + 3 * s) % PARTS];
      counts[s] = (size_t)part < most ? part : (int32_t)most;
      left += (size_t)counts[s];
    }
    if (!left)
      break;
    size_t row = 0;
    append(session, sequences, counts, 0, TEXTS, logits);
    for (size_t s = 0; s < TEXTS; ++s) {
      size_t begin = (size_t)(lathe_sequence_length(sequences[s]) - counts[s]);
      for (size_t i = 0; i < (size_t)counts[s]; ++i, ++row, ++*compared)
        different += memcmp(logits + row * vocabulary, wanted + (s * length + begin + i) * vocabulary,
                            vocabulary * sizeof(float)) != 0;
    }
    size_t pages = window_pages(engine, sequences);
    *most_pages = pages > *most_pages ? pages : *most_pages;
  }
  for (size_t s = 0; s < TEXTS; ++s)
    lathe_sequence_release(sequences[s]);
  lathe_engine_release(engine);
  lathe_session_release(session);
  free(logits);
  return different;
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  size_t window = strtoul(argv[2], NULL, 10), compared = 0, pages = 0;
  length = strtoul(argv[3], NULL, 10);
  lathe_device_options options = {.struct_size = sizeof options, .threads = 2};
  check(lathe_program_load(argv[1], &program));
  check(lathe_device_create(&options, &device));
  vocabulary = (size_t)lathe_program_output(program, 0, 0)->shape[1];
  for (size_t i = 0; i < lathe_program_entry(program, 0)->state_count; ++i)
    sees_all |= lathe_program_state(program, 0, i)->window == 0;
  float *wanted = malloc(TEXTS * length * vocabulary * sizeof(float));
  write_alone(wanted);
  size_t different = write_together(wanted, &compared, &pages);
  /* The window may begin and end within pages, and one page more is kept. */
  size_t allowed = TEXTS * ((window + PAGE_TOKENS - 2) / PAGE_TOKENS + 2);
  printf("%zu rows compared, %zu different, %zu window pages of %zu allowed, %s\n", compared, different, pages, allowed,
         pages <= allowed ? "good" : "TOO MANY");
  free(wanted);
  lathe_device_release(device);
  lathe_program_release(program);
  return different || pages > allowed;
}
