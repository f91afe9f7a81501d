#include "tools/lathe/TensorProto.h"

#include "tools/lathe/CommandFailure.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace lathe::tools;

namespace {

std::string path() { return testing::TempDir() + "lathe-tensor-" + std::to_string(getpid()) + ".pb"; }

void put(const std::string &bytes) { std::ofstream(path(), std::ios::binary) << bytes; }
template <size_t N> std::string text(const char (&bytes)[N]) { return {bytes, N - 1}; }

/// The elements as text; the message holds shape [2].
std::vector<std::string> elements(const std::string &rest) {
  put(text("\x08\x02") + rest);
  Array array = readTensorProto(path());
  EXPECT_EQ(array.shape, std::vector<int64_t>{2});
  std::vector<std::string> list;
  for (size_t i = 0; i != array.count(); ++i)
    list.push_back(elementText(array, i));
  return list;
}

void expectRefused(const std::string &bytes, const std::string &problem) {
  put(bytes);
  try {
    readTensorProto(path());
    ADD_FAILURE() << "was read, wanted: " << problem;
  } catch (const CommandFailure &failure) {
    EXPECT_EQ(failure.what(), path() + ": " + problem);
    EXPECT_EQ(failure.code, LATHE_INVALID_ARGUMENT);
  }
}

TEST(TensorProto, EveryTypeAndRankComesBack) {
  for (int type = LATHE_F32; type <= LATHE_U64; ++type)
    for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {3}, {2, 300}, {1, 0, 4}}) {
      std::mt19937_64 engine(7);
      Array array = randomArray(lathe_type(type), shape, engine, 0, 100);
      writeArray(path(), array, "x");
      Array read = readArray(path());
      EXPECT_EQ(read.type, array.type);
      EXPECT_EQ(read.shape, array.shape);
      EXPECT_EQ(read.bytes, array.bytes);
    }
}

TEST(TensorProto, TypedFields) {
  using List = std::vector<std::string>;
  EXPECT_EQ(elements(text("\x10\x01\x22\x08\0\0\x80\x3f\0\0\0\xc0")), (List{"1", "-2"})); // float_data, packed
  EXPECT_EQ(elements(text("\x10\x01\x25\0\0\x80\x3f\x25\0\0\0\xc0")), (List{"1", "-2"})); // the same one by one
  EXPECT_EQ(elements(text("\x10\x06\x2a\x0b\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), (List{"5", "-1"})); // int32
  EXPECT_EQ(elements(text("\x10\x0a\x2a\x04\x80\x78\x80\x7c")), (List{"1", "1.5"})); // f16 bits in int32_data
  EXPECT_EQ(elements(text("\x10\x09\x2a\x02\x01\x00")), (List{"1", "0"}));           // bool
  EXPECT_EQ(elements(text("\x10\x07\x3a\x03\x03\xac\x02")), (List{"3", "300"}));     // int64_data
  EXPECT_EQ(elements(text("\x10\x0b\x52\x10\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40")), (List{"1", "2"})); // double_data
  EXPECT_EQ(elements(text("\x10\x0d\x5a\x02\x07\x08")), (List{"7", "8"}));                               // uint64_data
}

TEST(TensorProto, FieldsThatMeanNothingHereAreSkipped) {
  EXPECT_EQ(elements(text("\x42\x01x\x62\x03"
                          "doc\x10\x02\x2a\x02\x01\x02")),
            (std::vector<std::string>{"1", "2"}));
}

TEST(TensorProto, Refusals) {
  expectRefused(text("\x08\x02\x10\x01\x4a\x08 cut"),
                "a field has 8 bytes but 4 are left; this is no whole TensorProto");
  expectRefused(text("\x08\x02\x10\x08"), "the elements are of ONNX's type 8, which no model takes");
  expectRefused(text("\x08\x02\x10\x01\x4a\x04 4by"), "the shape needs 8 bytes but the file has 4");
  expectRefused(text("\x08\x01\x10\x01\x2a\x01\x05"), "elements of f32 stand in field 5 but belong in field 4");
  expectRefused(text("\x08\x01\x10\x01\x70\x01"), "its data is in another file; save the tensor with its data inside");
  expectRefused(text("\x10\x08\x32\x01x"), "it holds strings, which no model takes");
  expectRefused(text("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01"),
                "the shape has size -1, which no tensor has");
  expectRefused(text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
                "a number has more than 10 bytes; this is no TensorProto");
  expectRefused(text("\x0b"), "a field has wire type 3; this is no TensorProto");
}

} // namespace
