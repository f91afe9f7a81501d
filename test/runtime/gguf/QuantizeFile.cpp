// gguf-quantize FORMAT VALUES BLOCKS: writes the f32 numbers of one file as blocks to another, for
// quantize_with_package.py.
#include "runtime/gguf/Quantize.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

int main(int count, char **arguments) {
  using namespace lathe::gguf;
  const BlockFormat *format = count == 4 ? findBlockFormat(arguments[1]) : nullptr;
  if (!format || !canQuantize(*format)) {
    std::fprintf(stderr, "usage: gguf-quantize FORMAT VALUES BLOCKS\n");
    return 1;
  }
  std::ifstream input(arguments[2], std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(input), {}};
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char *>(values.data()));
  std::vector<uint8_t> blocks(values.size() / format->weights * format->bytes);
  quantize(*format, values.data(), int64_t(blocks.size() / format->bytes * format->weights), nullptr, blocks.data());
  std::ofstream(arguments[3], std::ios::binary).write(reinterpret_cast<const char *>(blocks.data()), blocks.size());
}
