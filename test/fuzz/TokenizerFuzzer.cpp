// Reads bytes as a GGUF file, then as a tokenizer, and takes a text through it and back.
//
// The first byte is how many of the following are text; the rest is the file.
#include "runtime/Failure.h"
#include "runtime/gguf/GgufParser.h"
#include "runtime/tokenizer/TextDecoder.h"
#include "runtime/tokenizer/Utf8.h"

#include <cstring>

using namespace lathe;
using namespace lathe::runtime;

namespace {

void require(bool holds) {
  if (!holds)
    __builtin_trap();
}

/// Decodes the first block of each tensor: what the reader lets through lies in the file.
void decodeTensors(const gguf::ParsedFile &file) {
  for (const gguf::Tensor &tensor : file.tensors) {
    std::vector<float> values(tensor.format->weights);
    gguf::dequantize(*tensor.format, tensor.data, tensor.format->weights, values.data());
  }
}

void useTokenizer(const Tokenizer &tokenizer, std::string_view text) {
  for (bool special : {false, true}) {
    std::vector<int32_t> ids;
    tokenizer.encode(text, special, special, ids);
    TextDecoder decoder(tokenizer, special, false);
    auto checkShown = [](std::string_view shown) {
      for (; !shown.empty(); shown.remove_prefix(readCharacter(shown).bytes))
        require(readCharacter(shown).isValid);
    };
    for (int32_t id : ids) {
      require(id >= 0 && id < tokenizer.size());
      checkShown(decoder.push(id));
    }
    checkShown(decoder.finish());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size_t(data[0]) + 1 > size)
    return 0;
  std::string_view text(reinterpret_cast<const char *>(data) + 1, data[0]);
  // A copy of its own, so that a read behind its end is seen.
  std::vector<unsigned char> bytes(data + 1 + data[0], data + size);
  gguf::ParsedFile file;
  std::string error;
  if (!gguf::parseGguf(bytes.data(), bytes.size(), file, error)) {
    require(!error.empty());
    return 0;
  }
  decodeTensors(file);
  try {
    useTokenizer(Tokenizer(Metadata::fromBytes("file", bytes, nullptr)), text);
  } catch (const Failure &failure) {
    require(!failure.message().empty()); // refused: what damage must come to
  }
  return 0;
}
