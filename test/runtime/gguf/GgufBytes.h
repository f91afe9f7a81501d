// Writes GGUF files byte by byte, right or wrong, for the reader's tests.
#ifndef LATHE_TEST_RUNTIME_GGUF_GGUFBYTES_H
#define LATHE_TEST_RUNTIME_GGUF_GGUFBYTES_H

#include "runtime/gguf/GgufFile.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace lathe::gguf::test {

class GgufBytes {
public:
  template <typename T> GgufBytes &number(T value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(T));
    return *this;
  }
  GgufBytes &u32(uint32_t value) { return number(value); }
  GgufBytes &u64(uint64_t value) { return number(value); }
  GgufBytes &text(const std::string &value) {
    u64(value.size());
    bytes += value;
    return *this;
  }
  GgufBytes &header(uint64_t tensorCount, uint64_t entryCount, uint32_t version = 3) {
    bytes += "GGUF";
    return u32(version).u64(tensorCount).u64(entryCount);
  }
  GgufBytes &key(const std::string &name, ValueType type) { return text(name).u32(uint32_t(type)); }
  /// Dimensions innermost first, as in the file.
  GgufBytes &tensor(const std::string &name, std::initializer_list<uint64_t> dimensions, uint32_t format,
                    uint64_t offset) {
    text(name).u32(uint32_t(dimensions.size()));
    for (uint64_t dimension : dimensions)
      u64(dimension);
    return u32(format).u64(offset);
  }
  GgufBytes &pad(size_t alignment = 32) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  GgufBytes &zeros(size_t count) {
    bytes.append(count, '\0');
    return *this;
  }

  /// Writes the bytes as `name` and returns the path, which no other test shares.
  std::string write(const std::string &name = "model.gguf") const {
    const testing::TestInfo *test = testing::UnitTest::GetInstance()->current_test_info();
    std::string path = testing::TempDir() + test->test_suite_name() + "." + test->name() + "." + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  std::string bytes;
};

} // namespace lathe::gguf::test

#endif
