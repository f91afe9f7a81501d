// Blocks decode to the bit as the reference package decodes them: dequantize.golden has one hash a block, and
// dequantize_golden.py, which wrote it, says how a block is made and prints one.
#include "runtime/gguf/BlockFormat.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <vector>

using namespace lathe::gguf;

namespace {

constexpr uint16_t Halves[] = {0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00,
                               0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00};

const std::map<std::string, std::vector<int>> ScaleOffsets = {
    {"f16", {0}},       {"q4_0", {0}},   {"q4_1", {0, 2}}, {"q5_0", {0}},    {"q5_1", {0, 2}}, {"q8_0", {0}},
    {"q2_k", {80, 82}}, {"q3_k", {108}}, {"q4_k", {0, 2}}, {"q5_k", {0, 2}}, {"q6_k", {208}},  {"iq4_nl", {0}},
    {"iq4_xs", {0}},    {"tq1_0", {52}}, {"tq2_0", {64}},  {"q1_0", {0}},    {"q2_0", {0}}};
const std::map<std::string, std::vector<uint8_t>> Exponents = {{"mxfp4", {0, 1, 2, 254, 255}},
                                                               {"nvfp4", {0, 1, 7, 8, 0x7E, 0x7F, 0x80, 0xFF}}};

std::vector<uint8_t> makeBlock(const BlockFormat &format, int index) {
  std::vector<uint8_t> block(format.bytes);
  uint64_t seed = index + 1;
  for (size_t at = 0; at < block.size(); at += 8) {
    uint64_t z = seed += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    std::memcpy(block.data() + at, &z, std::min<size_t>(8, block.size() - at));
  }
  if (auto found = ScaleOffsets.find(format.name); found != ScaleOffsets.end() && index < 3 * int(std::size(Halves)))
    for (size_t i = 0; i < found->second.size(); ++i) {
      int pace = i == 0 ? index : index * 5 + 3;
      std::memcpy(block.data() + found->second[i], &Halves[pace % std::size(Halves)], 2);
    }
  if (auto found = Exponents.find(format.name); found != Exponents.end())
    block[0] = found->second[index % found->second.size()];
  return block;
}

uint64_t hashValues(const std::vector<float> &values) {
  uint64_t state = 0xCBF29CE484222325;
  for (float value : values)
    state = (state ^ (std::isnan(value) ? 0x7FC00000u : std::bit_cast<uint32_t>(value))) * 0x100000001B3;
  return state;
}

TEST(Dequantize, AgreesWithTheReferencePackage) {
  std::ifstream golden(GOLDEN_FILE);
  std::string name, hash;
  int index;
  std::map<std::string, int> blocks;
  while (golden >> name >> index >> hash) {
    const BlockFormat *format = findBlockFormat(name);
    ASSERT_TRUE(format && format->isDecodable) << name;
    std::vector<float> values(format->weights);
    dequantize(*format, makeBlock(*format, index).data(), format->weights, values.data());
    EXPECT_EQ(hashValues(values), std::stoull(hash, nullptr, 16))
        << name << " block " << index << ", first value " << values[0];
    ++blocks[name];
  }
  // Every decodable format that is not a plain machine number has goldens.
  for (const BlockFormat &format : blockFormats())
    if (format.isDecodable && (format.isBlocked || format.bytes == 2) && std::string(format.name) != "i16") {
      EXPECT_EQ(blocks[format.name], 40) << format.name;
    }
}

TEST(Dequantize, DecodesSeveralBlocksInOrder) {
  const BlockFormat &format = *findBlockFormat("q8_0");
  std::vector<uint8_t> bytes = makeBlock(format, 5), second = makeBlock(format, 6);
  bytes.insert(bytes.end(), second.begin(), second.end());
  std::vector<float> values(64), wanted(32);
  dequantize(format, bytes.data(), 64, values.data());
  dequantize(format, second.data(), 32, wanted.data());
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), values.begin() + 32));
}

template <typename T> float decodeOne(const char *name, T value) {
  float decoded;
  dequantize(*findBlockFormat(name), &value, 1, &decoded);
  return decoded;
}

TEST(Dequantize, ConvertsPlainNumbers) {
  EXPECT_EQ(decodeOne("f32", 0x1p-149f), 0x1p-149f);
  EXPECT_EQ(decodeOne("f64", 0.1), 0.1f);
  EXPECT_EQ(decodeOne<int8_t>("i8", -128), -128.0f);
  EXPECT_EQ(decodeOne<int16_t>("i16", -32768), -32768.0f);
  EXPECT_EQ(decodeOne<int32_t>("i32", 1 << 30), 0x1p30f);
  EXPECT_EQ(decodeOne<int64_t>("i64", std::numeric_limits<int64_t>::min()), -0x1p63f);
}

TEST(Dequantize, ConvertsEveryHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float wanted = float(std::bit_cast<_Float16>(uint16_t(bits))), found = halfToFloat(uint16_t(bits));
    if (std::isnan(wanted))
      EXPECT_TRUE(std::isnan(found)) << bits;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(found), std::bit_cast<uint32_t>(wanted)) << bits;
  }
}

TEST(BlockFormat, IsFoundByIdAndName) {
  uint32_t last = 0;
  for (const BlockFormat &format : blockFormats()) {
    EXPECT_EQ(findBlockFormat(format.id), &format);
    EXPECT_EQ(findBlockFormat(format.name), &format);
    EXPECT_TRUE(format.id == 0 || format.id > last) << "lookup by id is a binary search";
    last = format.id;
  }
  EXPECT_EQ(findBlockFormat(4u), nullptr);
  EXPECT_EQ(findBlockFormat("q4_k_m"), nullptr);
  EXPECT_FALSE(findBlockFormat("iq2_xs")->isDecodable);
}

} // namespace
