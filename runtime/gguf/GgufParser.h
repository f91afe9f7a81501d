// The bytes of one GGUF file, checked and taken apart. What a file means as part of a model is GgufFile's.
#ifndef LATHE_RUNTIME_GGUF_GGUFPARSER_H
#define LATHE_RUNTIME_GGUF_GGUFPARSER_H

#include "runtime/gguf/GgufFile.h"

namespace lathe::gguf {

struct ParsedFile {
  uint32_t version = 0;
  std::vector<std::pair<std::string, Value>> entries;
  std::vector<Tensor> tensors; ///< `file` is 0, `offset` from the start of the file
};

/// Parses `size` bytes at `data`. On failure returns false with "byte N: what is wrong" in `error`.
bool parseGguf(const uint8_t *data, uint64_t size, ParsedFile &file, std::string &error);

} // namespace lathe::gguf

#endif
