// Encoders: the error of what they write against that of ggml's, on the same values (quantize.golden, written by
// quantize_golden.py, which says how values are made), and values that no scale is made for.
#include "runtime/gguf/Quantize.h"
#include "runtime/gguf/EncodeBlocks.h"
#include "runtime/gguf/GgufFile.h"
#include "runtime/gguf/QuantizeBlocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

using namespace lathe::gguf;

namespace {

constexpr int64_t Columns = 1024, Rows = 64, Count = Columns * Rows;

uint64_t randomWord(uint64_t seed, uint64_t index) {
  uint64_t z = seed + 0x9E3779B97F4A7C15 * (index + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double normal(uint64_t word) {
  int64_t sum = 0;
  for (int shift = 0; shift < 64; shift += 16)
    sum += int64_t(word >> shift & 0xFFFF);
  return double(sum - 131070) * (0.02 / 37837.0);
}

double uniform(uint64_t word) { return double((word >> 40) + 1) * 0x1p-24; }

std::vector<float> makeValues(const std::string &name) {
  std::vector<float> values(Count);
  if (name == "trained") {
    std::string error;
    std::unique_ptr<GgufFile> model = GgufFile::open(MODEL_FILE, error);
    EXPECT_TRUE(model) << error;
    for (const Tensor &tensor : model->tensors())
      if (tensor.bytes / tensor.format->bytes * tensor.format->weights >= uint64_t(Count)) {
        dequantize(*tensor.format, tensor.data, Count, values.data());
        return values;
      }
  }
  for (int64_t i = 0; i < Count; ++i) {
    double value = normal(randomWord(1, i)), tail = std::sqrt(uniform(randomWord(2, i)));
    values[i] = float(name == "heavy" ? value / tail : name == "light" ? value / std::sqrt(tail) : value);
  }
  return values;
}

std::vector<float> makeImportance() {
  std::vector<float> importance(Columns);
  for (int64_t i = 0; i < Columns; ++i)
    importance[i] = float(1.0 / uniform(randomWord(3, i)));
  return importance;
}

std::vector<uint8_t> encode(const BlockFormat &format, const std::vector<float> &values,
                            const float *importance = nullptr) {
  std::vector<uint8_t> blocks(values.size() / format.weights * format.bytes);
  quantize(format, values.data(), int64_t(values.size()), importance, blocks.data());
  return blocks;
}

std::vector<float> decode(const BlockFormat &format, const std::vector<uint8_t> &blocks) {
  std::vector<float> values(blocks.size() / format.bytes * format.weights);
  dequantize(format, blocks.data(), int64_t(values.size()), values.data());
  return values;
}

std::vector<float> roundTrip(const BlockFormat &format, const std::vector<float> &values) {
  return decode(format, encode(format, values));
}

double relativeError(const std::vector<float> &values, const std::vector<float> &decoded, const float *importance) {
  double error = 0, all = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double weight = importance ? importance[i % Columns] : 1.0, rest = double(values[i]) - double(decoded[i]);
    error += weight * rest * rest;
    all += weight * double(values[i]) * double(values[i]);
  }
  return error / all;
}

std::vector<const BlockFormat *> writableFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &format : blockFormats())
    if (canQuantize(format))
      formats.push_back(&format);
  return formats;
}

TEST(Quantize, ErrorIsAtMostThatOfGgml) {
  std::ifstream golden(GOLDEN_ERRORS);
  std::string name, set, ggml, package;
  int weighted, lines = 0;
  std::vector<float> importance = makeImportance();
  while (golden >> name >> set >> weighted >> ggml >> package) {
    const BlockFormat *format = findBlockFormat(name);
    ASSERT_TRUE(format && canQuantize(*format)) << name;
    std::vector<float> values = makeValues(set), decoded;
    for (int64_t row = 0; row < Rows; ++row) {
      std::vector<float> part(values.begin() + row * Columns, values.begin() + (row + 1) * Columns);
      std::vector<float> back = decode(*format, encode(*format, part, weighted ? importance.data() : nullptr));
      decoded.insert(decoded.end(), back.begin(), back.end());
    }
    double error = relativeError(values, decoded, weighted ? importance.data() : nullptr);
    EXPECT_LE(error, std::stod(ggml)) << name << " " << set << " weighted " << weighted;
    EXPECT_GE(error, 0.25 * std::stod(ggml)) << "too good to be true: " << name << " " << set;
    if (package != "-") {
      EXPECT_LE(error, std::stod(package)) << name << " " << set << " weighted " << weighted;
    }
    ++lines;
  }
  EXPECT_EQ(lines, int(writableFormats().size()) * 8);
}

TEST(Quantize, LevelsOfTheHostWriteTheSameBytes) {
  std::vector<QuantizeBlocks *> levels = {baseline::quantizeBlocks};
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.push_back(avx2::quantizeBlocks);
  if (__builtin_cpu_supports("x86-64-v4"))
    levels.push_back(avx512::quantizeBlocks);
#endif
  std::vector<float> values = makeValues("heavy"), importance = makeValues("light");
  for (float &weight : importance)
    weight *= weight;
  for (const BlockFormat *format : writableFormats())
    for (const float *weights : {static_cast<const float *>(nullptr), static_cast<const float *>(importance.data())}) {
      std::vector<uint8_t> expected = encode(*format, values, weights);
      for (size_t i = 0; i < levels.size(); ++i) {
        std::vector<uint8_t> blocks(expected.size());
        levels[i](format->id, values.data(), Count, weights, blocks.data());
        EXPECT_EQ(blocks, expected) << format->name << " level " << i;
      }
    }
}

TEST(Quantize, BlockDependsOnNothingBesideIt) {
  std::vector<float> values = makeValues("heavy");
  values.resize(21 * 256); // not whole batches
  values[3000] = std::numeric_limits<float>::quiet_NaN();
  for (const BlockFormat *format : writableFormats()) {
    std::vector<uint8_t> all = encode(*format, values), single;
    for (size_t i = 0; i < values.size(); i += format->weights) {
      std::vector<uint8_t> block =
          encode(*format, std::vector<float>(values.begin() + i, values.begin() + i + format->weights));
      single.insert(single.end(), block.begin(), block.end());
    }
    EXPECT_EQ(single, all) << format->name;
  }
}

TEST(Quantize, ImportanceOfAllAlikeIsNone) {
  std::vector<float> values = makeValues("normal"), ones(Count, 1.0f), zeros(Count, 0.0f), tiny(Count, 0x1p-140f);
  for (const BlockFormat *format : writableFormats()) {
    double error = relativeError(values, roundTrip(*format, values), nullptr);
    for (const std::vector<float> &importance : {ones, zeros, tiny}) {
      // A search may look at more candidates where errors are weighted.
      double weighted = relativeError(values, decode(*format, encode(*format, values, importance.data())), nullptr);
      EXPECT_NEAR(weighted / error, 1.0, 0.05) << format->name << " importance " << importance[0];
    }
  }
}

TEST(Quantize, WhatWasQuantizedBeforeIsKept) {
  // A model that was trained on a grid, or comes from another file, keeps its numbers where the format has one scale.
  std::vector<float> values = makeValues("light"), ones(Count, 1.0f);
  for (const char *name : {"q4_0", "q5_0", "q8_0", "iq4_nl", "mxfp4"}) {
    const BlockFormat &format = *findBlockFormat(name);
    std::vector<uint8_t> blocks = encode(format, values);
    if (std::string(name) == "q8_0") // as files have it: the largest magnitude has the code 127
      for (int64_t i = 0; i < Count / 32; ++i)
        encodeQ8_0(&values[i * 32], &blocks[i * 34]);
    std::vector<float> once = decode(format, blocks);
    EXPECT_TRUE(roundTrip(format, once) == once) << name;
    EXPECT_TRUE(decode(format, encode(format, once, ones.data())) == once) << name << " weighted";
  }
}

TEST(Quantize, IntegersTimesAnF16AreKept) {
  // Whatever codes a block leaves out: codes of a larger block, or of another encoder.
  for (auto [name, lowest] : {std::pair("q4_0", -8), std::pair("q5_0", -16)})
    for (int most = 0; most < -lowest; ++most)
      for (float scale : {0.25f, -0.0101013184f}) {
        std::vector<float> values(64 * 32);
        for (size_t i = 0; i < values.size(); ++i) {
          int span = 2 * most + 1 + (most == -lowest - 1);
          values[i] = scale * float(int(randomWord(5, i) % uint64_t(span)) + (most == -lowest - 1 ? lowest : -most));
        }
        EXPECT_TRUE(roundTrip(*findBlockFormat(name), values) == values) << name << " codes up to " << most;
      }
}

TEST(Quantize, ZerosAndWhatIsTooSmallBecomeZeros) {
  for (const BlockFormat *format : writableFormats())
    for (float value : {0.0f, -0.0f, 0x1p-149f, -0x1p-140f}) {
      if (value != 0.0f && std::string(format->name) == "mxfp4")
        continue; // reaches further down: see below
      for (float back : roundTrip(*format, std::vector<float>(512, value)))
        EXPECT_EQ(back, 0.0f) << format->name << " " << value;
    }
}

TEST(Quantize, ReachesTheSmallestScales) {
  // Values whose scale is a subnormal f16 (and E4M3), in steps of which the scale is coarse.
  for (const BlockFormat *format : writableFormats()) {
    std::string name = format->name;
    float step = name == "mxfp4" ? 0x1p-124f : name == "nvfp4" ? 0x1p-8f : 0x1p-19f;
    std::vector<float> values(512);
    for (int i = 0; i < 512; ++i)
      values[i] = step * float(normal(randomWord(4, i)) / 0.02);
    EXPECT_LT(relativeError(values, roundTrip(*format, values), nullptr), 0.2) << name;
  }
}

TEST(Quantize, SaturatesWhereAValueIsOutOfReach) {
  constexpr float Largest = std::numeric_limits<float>::max();
  for (const BlockFormat *format : writableFormats())
    for (float sign : {1.0f, -1.0f}) {
      std::vector<float> values(512, 0.5f);
      values[100] = sign * Largest;
      std::vector<float> back = roundTrip(*format, values);
      for (int i = 0; i < 512; ++i)
        EXPECT_TRUE(std::isfinite(back[i])) << format->name << " value " << i;
      EXPECT_GT(back[100] * sign, 1000.0f) << format->name;
      if (std::string(format->name) == "mxfp4") {
        EXPECT_GT(back[100] * sign, Largest / 2);
      }
      EXPECT_EQ(back[256 + 100], roundTrip(*format, std::vector<float>(256, 0.5f))[100])
          << "the next block has no outlier";
    }
}

TEST(Quantize, NumbersThatAreNotFinite) {
  constexpr float Infinity = std::numeric_limits<float>::infinity();
  for (const BlockFormat *format : writableFormats())
    for (float special : {std::numeric_limits<float>::quiet_NaN(), Infinity, -Infinity}) {
      bool hasNaN = std::string(format->name) != "mxfp4" && std::string(format->name) != "nvfp4";
      std::vector<float> values(1024, 0.25f);
      values[300] = special;
      std::vector<float> back = roundTrip(*format, values);
      for (int64_t i = 0; i < 1024; ++i) {
        bool inBlock = i / format->weights == 300 / format->weights;
        EXPECT_EQ(std::isnan(back[i]), hasNaN && inBlock) << format->name << " value " << i;
        EXPECT_FALSE(std::isinf(back[i])) << format->name << " value " << i;
      }
      if (!hasNaN) {
        EXPECT_EQ(back[300] > 1.0f, special > 0) << format->name;
        EXPECT_EQ(back[300] < -1.0f, special < 0) << format->name;
      }
    }
}

TEST(Quantize, ConstantBlocksAreMet) {
  // A group of one value leaves nothing to search, and least squares for two unknowns no answer.
  for (const BlockFormat *format : writableFormats())
    for (float value : {1.0f, -1.0f, 0.02f, -30000.0f})
      for (float back : roundTrip(*format, std::vector<float>(512, value))) {
        bool isPower = std::string(format->name) == "mxfp4", isSmall = std::string(format->name) == "nvfp4";
        if (isSmall && std::abs(value) > 2688.0f)
          continue;
        EXPECT_NEAR(back, value, std::abs(value) * (isPower ? 0.25f : isSmall ? 0.05f : 0.01f)) << format->name;
      }
}

TEST(Quantize, OthersCannotBeWritten) {
  for (const char *name : {"f32", "bf16", "q8_1", "q8_k", "iq2_xxs", "tq1_0"})
    EXPECT_FALSE(canQuantize(*findBlockFormat(name))) << name;
}

} // namespace
