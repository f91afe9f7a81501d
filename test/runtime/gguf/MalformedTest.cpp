// One case for each check of the reader, with the whole message.
#include "test/runtime/gguf/GgufBytes.h"

using namespace lathe::gguf;
using namespace lathe::gguf::test;

namespace {

void expectError(const GgufBytes &file, const std::string &wanted) {
  std::string path = file.write("malformed.gguf"), error;
  EXPECT_FALSE(GgufFile::open(path, error)) << wanted;
  EXPECT_EQ(error, path + ": " + wanted);
}

GgufBytes oneEntry(ValueType type) { return GgufBytes().header(0, 1).key("k", type); }

TEST(Malformed, File) {
  std::string error, path = testing::TempDir();
  EXPECT_FALSE(GgufFile::open(path + "absent.gguf", error));
  EXPECT_EQ(error, path + "absent.gguf: cannot be opened: No such file or directory");
  EXPECT_FALSE(GgufFile::open(path, error));
  EXPECT_EQ(error, path + ": is not a regular file");
  expectError(GgufBytes(), "is empty; a GGUF file is needed");
}

TEST(Malformed, Header) {
  GgufBytes other;
  other.bytes = "GGML0000";
  expectError(other, "byte 0: magic is not 'GGUF'; this is not a GGUF file");
  expectError(GgufBytes().header(0, 0, 4), "byte 4: version is 4, only 2 and 3 are supported");
  expectError(GgufBytes().header(0, 0, 1), "byte 4: version is 1, only 2 and 3 are supported");
  expectError(GgufBytes().header(0, 0, 0x03000000), "byte 4: the file is big-endian, only little-endian is supported; "
                                                    "convert it again for this machine");
  expectError(GgufBytes().header(1ull << 60, 0), "byte 8: tensor count is 1152921504606846976 but only 0 bytes follow");
  expectError(GgufBytes().header(0, 2).zeros(25), "byte 16: metadata entry count is 2 but only 25 bytes follow");
}

TEST(Malformed, Keys) {
  GgufBytes twice = oneEntry(ValueType::U8).number<uint8_t>(0).key("k", ValueType::U8).number<uint8_t>(0);
  twice.bytes[16] = 2;
  expectError(twice, "byte 38: key 'k' stands in the file twice");
  expectError(GgufBytes().header(0, 1).text("").zeros(5), "byte 24: key of metadata entry 0 is empty");
  expectError(GgufBytes().header(0, 1).u64(65536).zeros(5),
              "byte 24: key of metadata entry 0 has 65536 bytes, at most 65535 are allowed");
  expectError(GgufBytes().header(0, 1).u64(9).zeros(5),
              "byte 32: key of metadata entry 0 needs 9 bytes but the file has 5 left; the file is cut short or its "
              "length is wrong");
}

TEST(Malformed, Values) {
  expectError(oneEntry(ValueType(13)), "byte 33: type of value of 'k' is 13, only 0 to 12 are known");
  expectError(oneEntry(ValueType::Bool).number<uint8_t>(2),
              "byte 37: value of 'k' is a bool of 2, only 0 and 1 are bools");
  expectError(oneEntry(ValueType::U32).zeros(3),
              "byte 37: value of 'k' needs 4 bytes but the file has 3 left; the file "
              "is cut short or its length is wrong");
  expectError(
      oneEntry(ValueType::String).u64(~0ull),
      "byte 45: value of 'k' needs 18446744073709551615 bytes but the file has 0 left; the file is cut short or "
      "its length is wrong");
}

TEST(Malformed, Arrays) {
  auto array = [](uint32_t type, uint64_t count) { return oneEntry(ValueType::Array).u32(type).u64(count); };
  expectError(array(13, 1), "byte 37: type of elements of value of 'k' is 13, only 0 to 12 are known");
  expectError(array(4, 1ull << 62),
              "byte 41: value of 'k' claims 4611686018427387904 elements of type u32 but only 0 bytes follow");
  expectError(array(8, 2).u64(0), "byte 41: value of 'k' claims 2 elements of type string but only 8 bytes follow");
  expectError(array(7, 2).number<uint8_t>(1).number<uint8_t>(3),
              "byte 50: element 1 of value of 'k' is a bool of 3, only 0 and 1 are bools");
  GgufBytes deep = oneEntry(ValueType::Array);
  for (int i = 0; i < 9; ++i)
    deep.u32(9).u64(1);
  expectError(deep, "byte 133: value of 'k' nests arrays deeper than 8");
}

TEST(Malformed, Alignment) {
  auto aligned = [](ValueType type) { return GgufBytes().header(0, 1).key("general.alignment", type); };
  expectError(aligned(ValueType::U64).u64(32), "byte 53: 'general.alignment' is of type u64, u32 is needed");
  expectError(aligned(ValueType::U32).u32(12), "byte 53: 'general.alignment' is 12, a multiple of 8 is needed");
  expectError(aligned(ValueType::U32).u32(0), "byte 53: 'general.alignment' is 0, a multiple of 8 is needed");
}

TEST(Malformed, TensorInfos) {
  auto one = [](const std::string &name, std::initializer_list<uint64_t> dimensions, uint32_t format, uint64_t offset) {
    return GgufBytes().header(1, 0).tensor(name, dimensions, format, offset).pad().zeros(64);
  };
  expectError(one(std::string(65, 'n'), {1}, 0, 0), "byte 24: name of tensor 0 has 65 bytes, at most 64 are allowed");
  expectError(one("", {1}, 0, 0), "byte 24: name of tensor 0 is empty");
  expectError(one("t", {1, 1, 1, 1, 1}, 0, 0), "byte 33: tensor 't' has 5 dimensions, at most 4 are supported");
  expectError(one("t", {0}, 0, 0), "byte 37: dimension 0 of tensor 't' is 0, 1 to 2^63-1 is needed");
  expectError(one("t", {1}, 4, 0), "byte 45: tensor 't' is stored in format number 4, which is not known");
  expectError(one("t", {255}, 12, 0), "byte 45: rows of tensor 't' have 255 values but q4_k blocks hold 256; a row is "
                                      "whole blocks");
  expectError(one("t", {1ull << 40, 1ull << 40}, 0, 0), "byte 53: the size of tensor 't' does not fit in 63 bits");
  expectError(one("t", {1}, 0, 16), "byte 49: offset of tensor 't' is 16, a multiple of the alignment 32 is needed");
}

TEST(Malformed, TensorData) {
  auto two = [](uint64_t second) {
    return GgufBytes().header(2, 0).tensor("a", {16}, 0, 0).tensor("b", {8}, 0, second).pad().zeros(96);
  };
  std::string error;
  EXPECT_TRUE(GgufFile::open(two(64).write(), error)) << error;
  expectError(two(32), "byte 128: tensor 'b' begins inside tensor 'a'");
  expectError(two(96), "byte 96: tensor 'b' takes 32 bytes at offset 96 of the data but the data has 96 bytes; the "
                       "file is cut short");
  expectError(two(~31ull), "byte 96: tensor 'b' takes 32 bytes at offset 18446744073709551584 of the data but the data "
                           "has 96 bytes; the file is cut short");
  expectError(GgufBytes().header(1, 0).tensor("a", {1}, 0, 0),
              "byte 57: the data begins at byte 64 but the file has 57; the file is cut short");
  GgufBytes twice = GgufBytes().header(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).pad().zeros(64);
  expectError(twice, "tensor 'a' stands in the model twice");
}

} // namespace
