#include "test/runtime/gguf/GgufBytes.h"

using namespace lathe::gguf;
using namespace lathe::gguf::test;

namespace {

/// Two tensors and an entry of every type.
GgufBytes validFile(uint32_t version = 3) {
  GgufBytes file;
  file.header(2, 16, version);
  file.key("general.architecture", ValueType::String).text("llama");
  file.key("u8", ValueType::U8).number<uint8_t>(200);
  file.key("i8", ValueType::I8).number<int8_t>(-3);
  file.key("u16", ValueType::U16).number<uint16_t>(65535);
  file.key("i16", ValueType::I16).number<int16_t>(-300);
  file.key("u32", ValueType::U32).u32(4000000000u);
  file.key("i32", ValueType::I32).number<int32_t>(-70000);
  file.key("f32", ValueType::F32).number(0.5f);
  file.key("bool", ValueType::Bool).number<uint8_t>(1);
  file.key("u64", ValueType::U64).u64(1ull << 63);
  file.key("i64", ValueType::I64).number<int64_t>(-5);
  file.key("f64", ValueType::F64).number(0.25);
  file.key("numbers", ValueType::Array).u32(uint32_t(ValueType::I16)).u64(3);
  file.number<int16_t>(1).number<int16_t>(-2).number<int16_t>(3);
  file.key("words", ValueType::Array).u32(uint32_t(ValueType::String)).u64(2).text("one").text("");
  file.key("nested", ValueType::Array).u32(uint32_t(ValueType::Array)).u64(2);
  file.u32(uint32_t(ValueType::Bool)).u64(1).number<uint8_t>(1);
  file.u32(uint32_t(ValueType::U8)).u64(0);
  file.key("general.alignment", ValueType::U32).u32(64);
  file.tensor("table", {256, 2}, 12, 0).tensor("bias", {3}, 0, 320).pad(64);
  return file.zeros(320).number(1.0f).number(2.0f).number(3.0f);
}

TEST(GgufFile, ReadsEveryValueType) {
  std::string error;
  auto file = GgufFile::open(validFile().write(), error);
  ASSERT_TRUE(file) << error;
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->entries().size(), 16u);
  EXPECT_EQ(file->findEntry("general.architecture")->asString(), "llama");
  EXPECT_EQ(file->findEntry("u8")->asUnsigned(), 200u);
  EXPECT_EQ(file->findEntry("i8")->asSigned(), -3);
  EXPECT_EQ(file->findEntry("i8")->asUnsigned(), std::nullopt);
  EXPECT_EQ(file->findEntry("u16")->asUnsigned(), 65535u);
  EXPECT_EQ(file->findEntry("i16")->asSigned(), -300);
  EXPECT_EQ(file->findEntry("u32")->asUnsigned(), 4000000000u);
  EXPECT_EQ(file->findEntry("i32")->asSigned(), -70000);
  EXPECT_EQ(file->findEntry("f32")->asNumber(), 0.5);
  EXPECT_EQ(file->findEntry("f32")->asUnsigned(), std::nullopt);
  EXPECT_EQ(file->findEntry("bool")->asBool(), true);
  EXPECT_EQ(file->findEntry("u64")->asUnsigned(), 1ull << 63);
  EXPECT_EQ(file->findEntry("u64")->asSigned(), std::nullopt);
  EXPECT_EQ(file->findEntry("i64")->asSigned(), -5);
  EXPECT_EQ(file->findEntry("f64")->asNumber(), 0.25);
  EXPECT_EQ(file->findEntry("numbers")->element(1).asSigned(), -2);
  EXPECT_EQ(file->findEntry("words")->element(0).asString(), "one");
  EXPECT_EQ(file->findEntry("nested")->element(0).element(0).asBool(), true);
  EXPECT_EQ(file->findEntry("nested")->element(1).count, 0u);
  EXPECT_EQ(file->findEntry("absent"), nullptr);
}

TEST(GgufFile, ReversesShapesAndPlacesTensors) {
  std::string error;
  auto file = GgufFile::open(validFile(2).write(), error);
  ASSERT_TRUE(file) << error;
  EXPECT_EQ(file->version(), 2u);
  const Tensor *table = file->findTensor("table"), *bias = file->findTensor("bias");
  ASSERT_TRUE(table && bias);
  EXPECT_EQ(table->shape, (std::vector<int64_t>{2, 256}));
  EXPECT_STREQ(table->format->name, "q4_k");
  EXPECT_EQ(table->bytes, 288u);
  EXPECT_EQ(table->offset % 64, 0u);
  EXPECT_EQ(static_cast<const float *>(bias->data)[2], 3.0f);
}

TEST(GgufFile, JoinsSplitFiles) {
  auto writePart = [](uint16_t number, const std::string &name, uint64_t tensorCount = 2) {
    GgufBytes part;
    part.header(1, 3).key("split.no", ValueType::U16).number(number);
    part.key("split.count", ValueType::U16).number<uint16_t>(2);
    part.key("split.tensors.count", ValueType::I32).number<int32_t>(int32_t(tensorCount));
    part.tensor("t" + std::to_string(number), {1}, 0, 0).pad().number(float(number) + 1);
    return part.write(name);
  };
  std::string first = writePart(0, "s-00001-of-00002.gguf"), second = writePart(1, "s-00002-of-00002.gguf"), error;
  auto file = GgufFile::open(first, error);
  ASSERT_TRUE(file) << error;
  EXPECT_EQ(file->paths(), (std::vector<std::string>{first, second}));
  EXPECT_EQ(file->findTensor("t1")->file, 1u);
  EXPECT_EQ(*static_cast<const float *>(file->findTensor("t1")->data), 2.0f);

  EXPECT_FALSE(GgufFile::open(second, error));
  EXPECT_EQ(error, second + ": 'split.no' is 1 but 0 is needed; name the first file of the model");
  EXPECT_FALSE(GgufFile::open(writePart(0, "first.gguf"), error));
  EXPECT_NE(error.find("its name does not end in '-00001-of-00002.gguf'"), std::string::npos) << error;
  EXPECT_FALSE(GgufFile::open(writePart(0, "s-00001-of-00002.gguf", 3), error));
  EXPECT_EQ(error, first + ": 'split.tensors.count' is 3 but the files hold 2 tensors");
  writePart(0, "s-00001-of-00002.gguf");
  writePart(0, "s-00002-of-00002.gguf");
  EXPECT_FALSE(GgufFile::open(first, error));
  EXPECT_EQ(error, second + ": 'split.no' is 0 but 1 is needed; the parts are mixed up");
}

// A reader that trusts a length would crash or succeed on one of these.
TEST(GgufFile, RefusesEveryTruncation) {
  GgufBytes file = validFile();
  for (size_t length = 1; length < file.bytes.size(); ++length) {
    GgufBytes cut;
    cut.bytes = file.bytes.substr(0, length);
    std::string error;
    EXPECT_FALSE(GgufFile::open(cut.write(), error)) << length;
    EXPECT_FALSE(error.empty()) << length;
  }
}

TEST(GgufFile, SurvivesEveryChangedByte) {
  GgufBytes file = validFile();
  for (size_t i = 0; i < file.bytes.size() - 332; ++i)
    for (unsigned char value : {0x00, 0x7F, 0x80, 0xFF}) {
      GgufBytes changed = file;
      changed.bytes[i] = char(value);
      std::string error;
      auto opened = GgufFile::open(changed.write(), error);
      EXPECT_EQ(opened == nullptr, !error.empty()) << i;
    }
}

} // namespace
