/* Feeds prefixes of one text as sequences of ragged batches and compares every logit with those of the text alone:
 * ragged MODEL.lathe LOGITS TOKEN... where LOGITS is float32 [tokens, vocabulary], raw. Prints the largest difference.
 */
#include "lathe.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEQUENCES = 3, MAX_TOKENS = 512 };

/* Tokens that each sequence gets in each step: prompts of different lengths, then chunks and single tokens. */
static const int32_t Steps[][SEQUENCES] = {{24, 10, 17}, {1, 6, 1}, {1, 1, 3}, {2, 1, 1}};

static void check(lathe_status status) {
  if (status) {
    fprintf(stderr, "ragged: %s\n", lathe_status_message(status));
    exit(1);
  }
}

static double compare(const float *found, const float *wanted, size_t count) {
  double worst = 0;
  for (size_t i = 0; i < count; ++i) {
    double difference = fabs((double)found[i] - wanted[i]);
    if (!(difference <= worst)) /* NaN too */
      worst = difference;
  }
  return worst;
}

int main(int argc, char **argv) {
  static int32_t text[MAX_TOKENS], tokens[MAX_TOKENS], rows[MAX_TOKENS];
  size_t length = (size_t)argc - 3;
  if (argc < 4 || length > MAX_TOKENS)
    return 2;
  for (size_t i = 0; i < length; ++i)
    text[i] = (int32_t)strtol(argv[3 + i], NULL, 10);
  FILE *file = fopen(argv[2], "rb");
  if (!file || fseek(file, 0, SEEK_END))
    return 2;
  size_t bytes = (size_t)ftell(file), vocabulary = bytes / sizeof(float) / length;
  float *wanted = malloc(bytes), *found = malloc(bytes * SEQUENCES);
  rewind(file);
  if (fread(wanted, 1, bytes, file) != bytes)
    return 2;

  lathe_program *program;
  lathe_device *device;
  lathe_session *session;
  lathe_sequence *sequences[SEQUENCES];
  lathe_session_options options = {.struct_size = sizeof options, .max_sequences = SEQUENCES};
  check(lathe_program_load(argv[1], &program));
  check(lathe_device_create(NULL, &device));
  check(lathe_session_create(program, device, &options, &session));
  for (int s = 0; s < SEQUENCES; ++s)
    check(lathe_sequence_create(session, &sequences[s]));

  double worst = 0;
  for (size_t step = 0; step < sizeof Steps / sizeof *Steps; ++step) {
    size_t count = 0, starts[SEQUENCES];
    for (int s = 0; s < SEQUENCES; ++s) {
      starts[s] = (size_t)lathe_sequence_length(sequences[s]);
      for (int32_t i = 0; i < Steps[step][s]; ++i, ++count) {
        tokens[count] = text[starts[s] + (size_t)i];
        rows[count] = (int32_t)count;
      }
    }
    lathe_step_options call = {.struct_size = sizeof call,
                               .sequence_count = SEQUENCES,
                               .sequences = sequences,
                               .token_counts = Steps[step],
                               .tokens = tokens,
                               .rows = rows,
                               .row_count = count,
                               .logits = found,
                               .logits_bytes = count * vocabulary * sizeof(float)};
    check(lathe_session_step(session, &call));
    const float *next = found;
    for (int s = 0; s < SEQUENCES; ++s) {
      size_t values = (size_t)Steps[step][s] * vocabulary;
      double difference = compare(next, wanted + starts[s] * vocabulary, values);
      worst = difference <= worst ? worst : difference;
      next += values;
    }
  }
  printf("%g\n", worst);
  for (int s = 0; s < SEQUENCES; ++s)
    lathe_sequence_release(sequences[s]);
  lathe_session_release(session);
  lathe_device_release(device);
  lathe_program_release(program);
  free(wanted);
  free(found);
  return 0;
}
