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

constexpr uint32_t Singles[] = {0x00000000, 0x80000000, 0x00000001, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000};

const std::map<std::string, std::vector<int>> ScaleOffsets = {
    {"f16", {0}},       {"q4_0", {0}},   {"q4_1", {0, 2}}, {"q5_0", {0}},    {"q5_1", {0, 2}}, {"q8_0", {0}},
    {"q2_k", {80, 82}}, {"q3_k", {108}}, {"q4_k", {0, 2}}, {"q5_k", {0, 2}}, {"q6_k", {208}},  {"iq4_nl", {0}},
    {"iq4_xs", {0}},    {"tq1_0", {52}}, {"tq2_0", {64}},  {"q1_0", {0}},    {"q2_0", {0}},    {"iq1_s", {0}},
    {"iq2_xxs", {0}},   {"iq2_xs", {0}}, {"iq2_s", {0}},   {"iq3_xxs", {0}}, {"iq3_s", {0}},   {"q8_1", {0}}};
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
  if (std::string(format.name) == "iq1_m" && index < 3 * int(std::size(Halves))) // a nibble of the scale in each u16
    for (int i = 0; i < 4; ++i)
      block[49 + i * 2] = uint8_t((block[49 + i * 2] & 15) | (Halves[index % std::size(Halves)] >> i * 4 & 15) << 4);
  if (std::string(format.name) == "q8_k" && index < int(std::size(Singles)))
    std::memcpy(block.data(), &Singles[index], 4);
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
    ASSERT_TRUE(format) << name;
    std::vector<float> values(format->weights);
    dequantize(*format, makeBlock(*format, index).data(), format->weights, values.data());
    EXPECT_EQ(hashValues(values), std::stoull(hash, nullptr, 16))
        << name << " block " << index << ", first value " << values[0];
    ++blocks[name];
  }
  // Every format that is not a plain machine number has goldens.
  for (const BlockFormat &format : blockFormats())
    if ((format.isBlocked || format.bytes == 2) && std::string(format.name) != "i16") {
      EXPECT_EQ(blocks[format.name], 40) << format.name;
    }
}

std::vector<float> decodeBlock(const char *name, const std::vector<uint8_t> &block) {
  const BlockFormat &format = *findBlockFormat(name);
  EXPECT_EQ(block.size(), format.bytes) << name;
  std::vector<float> values(format.weights);
  dequantize(format, block.data(), format.weights, values.data());
  return values;
}

// The reference package lacks these; each block is worked by hand from the table of the format.

TEST(Dequantize, DecodesQ1_0ByHand) {
  std::vector<uint8_t> block(18, 0);
  block[1] = 0x40;        // d = 2
  block[2] = 0b00000101;  // values 0 and 2
  block[17] = 0b10000000; // value 127
  std::vector<float> values = decodeBlock("q1_0", block), wanted(128, -2.0f);
  wanted[0] = wanted[2] = wanted[127] = 2.0f;
  EXPECT_EQ(values, wanted);
}

TEST(Dequantize, DecodesQ2_0ByHand) {
  std::vector<uint8_t> block(18, 0);
  block[1] = 0x38;        // d = 0.5
  block[2] = 0b11100100;  // codes 0, 1, 2, 3
  block[17] = 0b11000000; // value 63
  std::vector<float> values = decodeBlock("q2_0", block), wanted(64, -0.5f);
  wanted[1] = 0.0f;
  wanted[2] = 0.5f;
  wanted[3] = wanted[63] = 1.0f;
  EXPECT_EQ(values, wanted);
}

TEST(Dequantize, DecodesQ8_1ByHand) {
  std::vector<uint8_t> block(36, 0);
  block[1] = 0x34; // d = 0.25
  block[3] = 0x7C; // the sum, which decoding does not read
  block[4] = 0x80;
  block[35] = 0x7F;
  std::vector<float> values = decodeBlock("q8_1", block), wanted(32, 0.0f);
  wanted[0] = -32.0f;
  wanted[31] = 31.75f;
  EXPECT_EQ(values, wanted);
}

TEST(Dequantize, DecodesQ8KByHand) {
  std::vector<uint8_t> block(292, 0);
  block[2] = 0x80;
  block[3] = 0x3E; // d = 0.25
  block[4] = 0x80;
  block[259] = 0x7F;
  block[260] = 0xFF; // a sum, which decoding does not read
  std::vector<float> values = decodeBlock("q8_k", block), wanted(256, 0.0f);
  wanted[0] = -32.0f;
  wanted[255] = 31.75f;
  EXPECT_EQ(values, wanted);
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
}

} // namespace
