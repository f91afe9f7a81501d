// Tensor data: every place it may stand in, and each check on it.
#include "test/frontends/onnx/OnnxBytes.h"

#include <unistd.h>

using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

std::string errorOfTensor(const Bytes &tensor) { return errorOf(model(Bytes().bytes(5, tensor))); }

Bytes packed(std::initializer_list<uint64_t> values) {
  Bytes bytes;
  for (uint64_t value : values)
    bytes.varint(value);
  return bytes;
}

/// The bytes of the only initializer.
std::string dataOf(const Bytes &tensor) {
  TemporaryModel file(model(Bytes().bytes(5, tensor)));
  auto read = readModel(file.path.string());
  if (!read) {
    ADD_FAILURE() << llvm::toString(read.takeError());
    return "";
  }
  return llvm::toStringRef(read->bytes(read->graph.initializers.at(0))).str();
}

TEST(OnnxTensor, TypedFieldsGiveTheBytesOfRawData) {
  using namespace std::string_literals;
  EXPECT_EQ(dataOf(tensor("w", DataType::Float, {1}).bytes(4, "\0\0\x80\x3f"s)), "\0\0\x80\x3f"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Double, {1}).bytes(10, "\0\0\0\0\0\0\xf0\x3f"s)), "\0\0\0\0\0\0\xf0\x3f"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Int64, {2}).bytes(7, packed({1, uint64_t(-2)}))),
            "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Int32, {1}).bytes(5, packed({uint64_t(-2)}))), "\xfe\xff\xff\xff"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Uint32, {1}).bytes(11, packed({0xfffffffe}))), "\xfe\xff\xff\xff"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Uint64, {1}).bytes(11, packed({3}))), "\3\0\0\0\0\0\0\0"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Float16, {2}).bytes(5, packed({0x3c00, 0x4000}))), "\0\x3c\0\x40"s);
  EXPECT_EQ(dataOf(tensor("w", DataType::Bool, {2}).bytes(5, packed({1, 0}))), "\1\0"s);
  // Four bits each, two in a byte, a byte in a number.
  EXPECT_EQ(dataOf(tensor("w", DataType::Int4, {3}).bytes(5, packed({0x21, 0x03}))), "\x21\x03"s);
}

TEST(OnnxTensor, ExternalDataIsFoundInItsFile) {
  TemporaryModel file(model(Bytes()
                                .bytes(5, external("a", {{"location", "w.bin"}}))
                                .bytes(5, external("b", {{"location", "w.bin"}, {"offset", "24"}, {"length", "24"}}))));
  file.write("w.bin", std::string(24, 'a') + std::string(24, 'b') + "rest");
  auto read = readModel(file.path.string());
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  ASSERT_EQ(read->paths.size(), 2u);
  EXPECT_EQ(read->paths[1], (file.folder / "w.bin").string());
  EXPECT_EQ(llvm::toStringRef(read->bytes(read->graph.initializers[0])), std::string(24, 'a'));
  EXPECT_EQ(read->graph.initializers[1].file, 1);
  EXPECT_EQ(read->graph.initializers[1].offset, 24u);
  EXPECT_EQ(llvm::toStringRef(read->bytes(read->graph.initializers[1])), std::string(24, 'b'));
}

TEST(OnnxTensor, ExternalDataOverTwoGigabytesIsMappedNotRead) {
  // [2^20, 768] floats: 3 GiB. The file has no blocks on disk; a read would make them memory of this process.
  constexpr uint64_t Size = uint64_t(3) << 30;
  Bytes weight = Bytes().number(1, 1 << 20).number(1, 768).number(2, uint64_t(DataType::Float)).bytes(8, "w");
  weight.number(14, 1).bytes(13, entry("location", "w.bin"));
  TemporaryModel file(model(Bytes().bytes(5, weight)));
  file.write("w.bin", "");
  std::filesystem::resize_file(file.folder / "w.bin", Size);
  auto resident = [] {
    uint64_t total = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> total >> pages;
    return pages * uint64_t(sysconf(_SC_PAGESIZE));
  };
  uint64_t before = resident();
  auto read = readModel(file.path.string());
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  llvm::ArrayRef<uint8_t> bytes = read->bytes(read->graph.initializers[0]);
  EXPECT_EQ(bytes.size(), Size);
  EXPECT_EQ(bytes.back(), 0);
  EXPECT_LT(resident() - before, uint64_t(64) << 20);
}

TEST(OnnxTensor, ExternalDataBeyondTheEnd) {
  TemporaryModel file(model(Bytes().bytes(5, external("a", {{"location", "w.bin"}, {"offset", "8"}}))));
  file.write("w.bin", std::string(31, 'a'));
  auto read = readModel(file.path.string());
  ASSERT_FALSE(bool(read));
  EXPECT_EQ(llvm::toString(read.takeError()), "initializer 'a': external data is 24 bytes at offset 8 of '" +
                                                  (file.folder / "w.bin").string() + "', which has 31");
}

TEST(OnnxTensor, ExternalFileMissing) {
  std::string error = errorOfTensor(external("a", {{"location", "gone.bin"}}));
  EXPECT_NE(error.find("gone.bin' cannot be read: No such file or directory"), std::string::npos) << error;
}

TEST(OnnxTensor, ExternalFileOutsideOfTheFolder) {
  EXPECT_EQ(errorOfTensor(external("a", {{"location", "../w.bin"}})),
            "initializer 'a': external data is in '../w.bin', needed a path below the model's folder");
  EXPECT_EQ(errorOfTensor(external("a", {{"location", "/etc/passwd"}})),
            "initializer 'a': external data is in '/etc/passwd', needed a path below the model's folder");
}

TEST(OnnxTensor, ExternalWithoutLocation) {
  EXPECT_EQ(errorOfTensor(external("a", {{"offset", "0"}})), "initializer 'a': external data has no 'location'");
}

TEST(OnnxTensor, ExternalNumberMalformed) {
  EXPECT_EQ(errorOfTensor(external("a", {{"location", "w.bin"}, {"offset", "-4"}})),
            "initializer 'a': external data offset is '-4', needed a number of bytes");
}

TEST(OnnxTensor, ExternalLengthOfAnotherShape) {
  EXPECT_EQ(errorOfTensor(external("a", {{"location", "w.bin"}, {"length", "20"}})),
            "initializer 'a': external data length is 20 but a tensor of float [2, 3] takes 24 bytes");
}

TEST(OnnxTensor, RawDataOfAnotherShape) {
  std::string error = errorOfTensor(tensor("w", DataType::Float, {2, 3}).bytes(9, "abcd"));
  EXPECT_EQ(error, "initializer 'w': raw_data at byte 17 holds 4 bytes but a tensor of float [2, 3] takes 24");
}

TEST(OnnxTensor, TypedDataOfAnotherShape) {
  EXPECT_EQ(errorOfTensor(tensor("w", DataType::Int64, {2}).bytes(7, packed({1}))),
            "initializer 'w': int64_data holds 8 bytes but a tensor of int64 [2] takes 16");
}

TEST(OnnxTensor, DimensionNegative) {
  EXPECT_EQ(errorOfTensor(tensor("w", DataType::Float, {2, -3})),
            "initializer 'w': dimension 1 is -3, needed at least 0");
}

TEST(OnnxTensor, TooManyElements) {
  EXPECT_EQ(errorOfTensor(tensor("w", DataType::Float, {int64_t(1) << 40, int64_t(1) << 40})),
            "initializer 'w': shape [1099511627776, 1099511627776] has more elements than 64 bits can count");
}

TEST(OnnxTensor, TypeUnknown) {
  EXPECT_EQ(errorOfTensor(tensor("w", DataType(99), {1})),
            "initializer 'w': data type is 99, which names no type of ONNX");
}

TEST(OnnxTensor, ExternalFileIsALinkOutOfTheFolder) {
  TemporaryModel other(std::string(24, 'a'));
  TemporaryModel file(model(Bytes().bytes(5, external("a", {{"location", "w.bin"}}))));
  std::filesystem::create_symlink(other.path, file.folder / "w.bin");
  auto read = readModel(file.path.string());
  ASSERT_FALSE(bool(read));
  EXPECT_EQ(llvm::toString(read.takeError()),
            "initializer 'a': external data file '" + (file.folder / "w.bin").string() + "' is a link to '" +
                std::filesystem::canonical(other.path).string() + "', needed a file below the model's folder");
}

TEST(OnnxTensor, ExternalFileIsALinkWithinTheFolder) {
  TemporaryModel file(model(Bytes().bytes(5, external("a", {{"location", "w.bin"}}))));
  file.write("data", std::string(24, 'a'));
  std::filesystem::create_symlink("data", file.folder / "w.bin");
  auto read = readModel(file.path.string());
  EXPECT_TRUE(bool(read)) << llvm::toString(read.takeError());
}

TEST(OnnxTensor, ExternalFileIsAFolder) {
  TemporaryModel file(model(Bytes().bytes(5, external("a", {{"location", "w"}}))));
  std::filesystem::create_directory(file.folder / "w");
  auto read = readModel(file.path.string());
  ASSERT_FALSE(bool(read));
  EXPECT_NE(llvm::toString(read.takeError()).find("cannot be read: it is no regular file"), std::string::npos);
}

TEST(OnnxTensor, Segments) {
  EXPECT_EQ(errorOfTensor(tensor("w", DataType::Float, {1}).bytes(3, Bytes().number(1, 0).number(2, 1))),
            "initializer 'w': data comes in segments, which are not supported; save the model with whole tensors");
}

TEST(OnnxTensor, NameMissing) {
  EXPECT_EQ(errorOfTensor(tensor("", DataType::Float, {0})), "initializer 0 has no name");
}

TEST(OnnxTensor, NameTwice) {
  Bytes empty = tensor("w", DataType::Float, {0});
  EXPECT_EQ(errorOf(model(Bytes().bytes(5, empty).bytes(5, empty))),
            "initializer 'w': name is given to two initializers");
}

} // namespace
