/* Classifies one image of a digit with a model that is linked into this program.
 *
 *   lathec test/models/digits.onnx --emit=obj -o digits.o
 *   cc -I. -Iruntime/include docs/examples/classify.c digits.o -Lbuild/release/lib -llathe -o classify
 *   ./classify < image.f32      # 64 floats from 0 to 1, row by row
 */
#include "digits.h"

#include <stdio.h>

static int failed(lathe_status status) {
  if (!status)
    return 0;
  fprintf(stderr, "%s\n", lathe_status_message(status));
  lathe_status_release(status);
  return 1;
}

int main(void) {
  float pixels[64], probabilities[10];
  if (fread(pixels, sizeof(float), 64, stdin) != 64) {
    fprintf(stderr, "classify: standard input is shorter than 64 floats\n");
    return 1;
  }

  lathe_program *program = NULL;
  lathe_device *device = NULL;
  lathe_session *session = NULL;
  lathe_device_options options = {.struct_size = sizeof options, .kind = LATHE_DEVICE_CPU};
  if (failed(lathe_program_load_embedded(&digits_program, &program)) ||
      failed(lathe_device_create(&options, &device)) || failed(lathe_session_create(program, device, NULL, &session)))
    return 1;

  lathe_tensor image = {
      .name = "image", .data = pixels, .bytes = sizeof pixels, .type = LATHE_F32, .rank = 4, .shape = {1, 1, 8, 8}};
  lathe_tensor result = {.name = "probabilities", .data = probabilities, .bytes = sizeof probabilities};
  lathe_run_options run = {
      .struct_size = sizeof run, .inputs = &image, .input_count = 1, .outputs = &result, .output_count = 1};
  if (failed(lathe_session_run(session, &run)))
    return 1;

  int digit = 0;
  for (int i = 1; i < 10; ++i)
    if (probabilities[i] > probabilities[digit])
      digit = i;
  printf("%d (probability %.3f)\n", digit, probabilities[digit]);

  lathe_session_release(session);
  lathe_device_release(device);
  lathe_program_release(program);
  return 0;
}
