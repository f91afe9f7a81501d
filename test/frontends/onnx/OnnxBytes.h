// Writes protobuf messages field by field, so that tests can make each part of a model wrong.
#ifndef LATHE_TEST_FRONTENDS_ONNX_ONNXBYTES_H
#define LATHE_TEST_FRONTENDS_ONNX_ONNXBYTES_H

#include "frontends/onnx/OnnxReader.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lathe::onnx::test {

/// One message. Field numbers are those of onnx-ml.proto.
struct Bytes : std::string {
  Bytes &varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      push_back(char(value | 0x80));
    push_back(char(value));
    return *this;
  }
  Bytes &number(uint64_t field, uint64_t value) { return varint(field << 3).varint(value); }
  Bytes &bytes(uint64_t field, const std::string &value) {
    varint(field << 3 | 2).varint(value.size()).append(value);
    return *this;
  }
};

inline Bytes tensor(const std::string &name, DataType type, std::initializer_list<int64_t> dims) {
  Bytes message;
  for (int64_t dim : dims)
    message.number(1, dim);
  return message.number(2, uint64_t(type)).bytes(8, name);
}

/// An entry of TensorProto.external_data.
inline Bytes entry(const std::string &key, const std::string &value) { return Bytes().bytes(1, key).bytes(2, value); }

inline Bytes external(const std::string &name, std::initializer_list<std::pair<std::string, std::string>> entries) {
  Bytes message = tensor(name, DataType::Float, {2, 3}).number(14, 1);
  for (const auto &[key, value] : entries)
    message.bytes(13, entry(key, value));
  return message;
}

inline Bytes node(const std::string &opType, const std::string &input, const std::string &output) {
  return Bytes().bytes(1, input).bytes(2, output).bytes(4, opType);
}

inline Bytes value(const std::string &name, std::initializer_list<int64_t> dims, DataType type = DataType::Float) {
  Bytes shape;
  for (int64_t dim : dims)
    shape.bytes(1, Bytes().number(1, dim));
  return Bytes().bytes(1, name).bytes(2, Bytes().bytes(1, Bytes().number(1, uint64_t(type)).bytes(2, shape)));
}

/// A model around what is in `graph`.
inline Bytes model(const std::string &graph, int64_t opset = 17) {
  return Bytes().number(1, 8).bytes(7, graph).bytes(8, Bytes().number(2, opset));
}

/// `bytes` in a file of a folder of its own, which goes away with this object.
struct TemporaryModel {
  explicit TemporaryModel(const std::string &bytes) {
    std::string pattern = ::testing::TempDir() + "onnx-XXXXXX";
    folder = mkdtemp(pattern.data());
    path = folder / "m.onnx";
    write("m.onnx", bytes);
  }
  ~TemporaryModel() { std::filesystem::remove_all(folder); }
  TemporaryModel(const TemporaryModel &) = delete;

  void write(const std::string &name, const std::string &bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }

  std::filesystem::path folder, path;
};

/// The error of reading a model; empty if it reads.
inline std::string errorOf(const std::string &bytes) {
  TemporaryModel file(bytes);
  auto read = readModel(file.path.string());
  return read ? "" : llvm::toString(read.takeError());
}

} // namespace lathe::onnx::test

#endif // LATHE_TEST_FRONTENDS_ONNX_ONNXBYTES_H
