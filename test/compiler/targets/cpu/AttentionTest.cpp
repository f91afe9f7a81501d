// Rope, dense attention, append_kv and paged attention against the reference, over ragged batches.
#include "runtime/gguf/EncodeBlocks.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

TEST(CpuRope, AgreesWithTheReference) {
  struct Case {
    int64_t Width, Dimensions;
    std::string Pairing;
    bool Factors;
  };
  for (const Case &c : {Case{64, 64, "adjacent", false}, Case{64, 64, "halves", true}, Case{80, 32, "adjacent", true},
                        Case{600, 600, "halves", false}, Case{6, 2, "halves", false}}) {
    std::string t = "tensor<?x3x" + std::to_string(c.Width) + "xf32>", pairs = std::to_string(c.Dimensions / 2);
    LaunchText launch{1,
                      {{t, "s0, 3, " + std::to_string(c.Width)}, {"tensor<?x1xi32>", "s0, 1"}},
                      {{t, "s0, 3, " + std::to_string(c.Width)}},
                      ""};
    std::string factors = "tensor<" + pairs + "xf32>";
    if (c.Factors)
      launch.Inputs.push_back({factors, pairs});
    launch.Body = "%0 = lathe.rope %a0, %a1 " + (c.Factors ? "factors %a2 : " + factors + " " : std::string()) +
                  c.Pairing + " base 1.0e+04 dimensions " + std::to_string(c.Dimensions) +
                  (c.Factors ? " magnitude 1.5 : " : " : ") + t + ", tensor<?x1xi32>\nlathe.yield %0 : " + t;
    std::vector<float> values(c.Dimensions / 2);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = 1.0f + float(i) / 8;
    ImageRunner::Call call{{4}, {toBytes(randomFloats(4 * 3 * c.Width, 1))}, {}, {}, {}};
    call.Inputs.push_back(copyBytes(std::vector<int32_t>{0, 1, 77, 131071}));
    if (c.Factors)
      call.Inputs.push_back(toBytes(values));
    checkAgainstReference(launch, call, 5e-7);
  }
}

/// Attention of 4 heads over `keyHeads`, keys of width 24 and values of width 40; s0 sequences of s1 queries and s2
/// keys.
LaunchText makeAttention(int keyHeads, const std::string &element, const std::string &mask,
                         const std::string &options) {
  bool tokensFirst = options.find("tokens_first") != std::string::npos;
  auto port = [&](const std::string &tokens, int heads, int width, const std::string &type) {
    std::string h = std::to_string(heads), w = std::to_string(width);
    return tokensFirst ? Port{"tensor<?x?x" + h + "x" + w + "x" + type + ">", "s0, " + tokens + ", " + h + ", " + w}
                       : Port{"tensor<?x" + h + "x?x" + w + "x" + type + ">", "s0, " + h + ", " + tokens + ", " + w};
  };
  LaunchText launch{3,
                    {port("s1", 4, 24, element), port("s2", keyHeads, 24, element), port("s2", keyHeads, 40, element)},
                    {port("s1", 4, 40, "f32")},
                    "%0 = lathe.attention %a0, %a1, %a2 "};
  if (!mask.empty()) {
    launch.Inputs.push_back({mask, mask[7] == '1' ? "1, 1, 1, s2" : "s0, 4, s1, s2"});
    launch.Body += "mask %a3 : " + mask;
  }
  launch.Body += " scale 0.3 " + options + " : " + launch.Inputs[0].Type + ", " + launch.Inputs[1].Type + ", " +
                 launch.Inputs[2].Type + " -> " + launch.Outputs[0].Type +
                 "\nlathe.yield %0 : " + launch.Outputs[0].Type;
  return launch;
}

TEST(CpuAttention, AgreesWithTheReference) {
  // Around 64 queries and 128 keys, which are taken at a time.
  const std::vector<std::vector<int64_t>> sizes = {{1, 1, 1}, {2, 3, 5}, {1, 65, 129}, {2, 64, 128}, {1, 17, 300}};
  struct Case {
    int KeyHeads;
    std::string Element, Mask, Options;
  };
  for (const Case &c : {Case{4, "f32", "", ""}, Case{2, "f32", "tensor<1x1x1x?xf32>", "tokens_first"},
                        Case{1, "f32", "tensor<?x4x?x?xf32>", ""}, Case{4, "f32", "", "causal"},
                        Case{2, "f16", "tensor<1x1x1x?xf16>", "causal tokens_first"}}) {
    std::vector<ImageRunner::Call> calls;
    for (const std::vector<int64_t> &values : sizes)
      calls.push_back({values, {}, {}, {}, {}});
    checkAgainstReference(makeAttention(c.KeyHeads, c.Element, c.Mask, c.Options), calls, 2e-6);
  }
}

TEST(CpuAttention, AQueryThatSeesNoKeyGivesZeros) {
  // Three queries, two keys, causal: the first query sees none. Then a mask that hides all keys of one sequence.
  ImageRunner causal(makePlan(makeAttention(4, "f32", "", "causal")));
  Bytes queries = toBytes(randomFloats(4 * 3 * 24, 1)), keys = toBytes(randomFloats(4 * 2 * 24, 2));
  Bytes values = toBytes(randomFloats(4 * 2 * 40, 3));
  for (const ImageRunner::Call &call :
       causal.run({{1, 3, 2}, {queries, keys, values}, {Bytes(4 * 3 * 40 * 4, 1)}, {}, {}})) {
    std::vector<float> found = fromBytes(call.Outputs[0]);
    for (int64_t i = 0; i < 3 * 40; ++i)
      EXPECT_EQ(found[i] == 0.0f, i < 40) << i;
  }
  ImageRunner masked(makePlan(makeAttention(4, "f32", "tensor<1x1x1x?xf32>", "")));
  Bytes mask = toBytes(std::vector<float>(2, -INFINITY));
  for (const ImageRunner::Call &call :
       masked.run({{1, 3, 2}, {queries, keys, values, mask}, {Bytes(4 * 3 * 40 * 4, 1)}, {}, {}}))
    EXPECT_EQ(fromBytes(call.Outputs[0]), std::vector<float>(4 * 3 * 40, 0.0f));
}

/// A model's state: 3 layers, 2 heads of keys, values wider than keys, both of whole blocks where there are blocks.
struct Cache {
  std::string Element;
  int64_t Window = 0;
  int64_t KeyWidth = Element == "q8_0" ? 32 : 40, ValueWidth = Element == "q8_0" ? 64 : 48;

  std::string type() const {
    std::string element = Element == "q8_0" ? "!lathe.gguf<q8_0>" : Element;
    return "!lathe.state<paged, 3x2x" + std::to_string(KeyWidth + ValueWidth) + "x" + element +
           (Window ? ", window = " + std::to_string(Window) : "") + ">";
  }
  int64_t elements(int64_t pages) const { return pages * 3 * 2 * 16 * (KeyWidth + ValueWidth); }
  Bytes random(int64_t pages) const {
    std::vector<float> values = randomFloats(elements(pages), 5);
    Bytes bytes;
    if (Element == "q8_0") {
      bytes.resize(values.size() / 32 * 34);
      for (size_t i = 0; i != values.size() / 32; ++i)
        gguf::encodeQ8_0(&values[i * 32], &bytes[i * 34]);
    } else if (Element == "f8E4M3FN") { // any code of a number up to 1
      for (float value : values)
        bytes.push_back(uint8_t(int(std::abs(value) * 0x38) | (value < 0 ? 0x80 : 0)));
    } else {
      bytes = toBytes(values, Element);
    }
    return bytes;
  }
};

/// Appends s0 tokens to one layer; values are f16 in any case.
LaunchText makeAppend(const Cache &cache, int layer) {
  std::string keyWidth = std::to_string(cache.KeyWidth), valueWidth = std::to_string(cache.ValueWidth);
  std::string key = "tensor<?x2x" + keyWidth + "xf32>", value = "tensor<?x2x" + valueWidth + "xf16>";
  std::string state = cache.type();
  return {1,
          {{key, "s0, 2, " + keyWidth}, {value, "s0, 2, " + valueWidth}, {state, ""}, {"tensor<?xi32>", "s0"}},
          {{state, ""}},
          "%0 = lathe.append_kv %a0, %a1, %a2, %a3 layer " + std::to_string(layer) + " : " + key + ", " + value + ", " +
              state + ", tensor<?xi32>\nlathe.yield %0 : " + state};
}

TEST(CpuAppendKv, WritesSlotsAndLeavesTheRest) {
  for (std::string element : {"f32", "f16", "bf16", "f8E4M3FN", "q8_0"})
    for (int layer : {0, 2}) {
      Cache cache{element};
      // The reference wants keys and values; the slots are not the last input that is made up.
      ImageRunner::Call call{{5}, {}, {}, {cache.random(3)}, {}};
      call.Inputs.push_back(toBytes(randomFloats(5 * 2 * cache.KeyWidth, 1)));
      call.Inputs.push_back(toBytes(randomFloats(5 * 2 * cache.ValueWidth, 2), "f16"));
      call.Inputs.push_back(copyBytes(std::vector<int32_t>{0, 37, -1, 15, 16}));
      checkAgainstReference(makeAppend(cache, layer), call, 0);
    }
}

// Halves between two codes, subnormal ones, what rounds up to the next power, too large numbers, no numbers.
TEST(CpuAppendKv, RoundsExtremesAsTheReferenceDoes) {
  const std::vector<float> extremes = {0.0f,       -0.0f,    1.0625f,       1.1875f,  0x1p-9f,  0x1p-10f, 0x1.8p-9f,
                                       0x1.4p-10f, 0x1p-11f, 0x1.fp-7f,     0x1p-6f,  447.0f,   448.0f,   464.0f,
                                       465.0f,     1e30f,    -INFINITY,     INFINITY, -1e-30f,  3.4e38f,  -463.9f,
                                       15.5f,      -15.5f,   0x1.0ffffep0f, 0x1.1p0f, 0x1.3p0f, 1e-40f,   127.5f};
  for (std::string element : {"f8E4M3FN", "q8_0"}) {
    Cache cache{element};
    ImageRunner::Call call{{8}, {}, {}, {cache.random(1)}, {}};
    std::vector<float> keys(8 * 2 * cache.KeyWidth), values = randomFloats(8 * 2 * cache.ValueWidth, 2);
    // Each row has other neighbours, so that some blocks hold what is not finite, some small numbers alone.
    for (size_t i = 0; i != keys.size(); ++i) {
      size_t row = i / size_t(cache.KeyWidth);
      float value = extremes[(i * (row % 3 + 1)) % extremes.size()];
      keys[i] = row < 4 || std::abs(value) < 1e4f ? value : 0.25f;
      keys[i] = row == 9 ? keys[i] * 0x1p-120f : keys[i];
    }
    keys[5 * cache.KeyWidth] = NAN;
    call.Inputs = {toBytes(keys), toBytes(values, "f16"), copyBytes(std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 15})};
    checkAgainstReference(makeAppend(cache, 1), call, 0);
  }
}

LaunchText makeAttention(const Cache &cache, int64_t heads, int layer, const std::string &type = "f32",
                         const std::string &limits = "", bool shared = false) {
  int64_t keyWidth = cache.KeyWidth + (shared ? cache.ValueWidth : 0); // where keys begin with their values
  auto tensor = [&](int64_t width) {
    return "tensor<?x" + std::to_string(heads) + "x" + std::to_string(width) + "x" + type + ">";
  };
  auto dims = [&](int64_t width) { return "s0, " + std::to_string(heads) + ", " + std::to_string(width); };
  std::string query = tensor(keyWidth), result = tensor(cache.ValueWidth), state = cache.type();
  return {3,
          {{query, dims(keyWidth)},
           {state, ""},
           {"tensor<?xi32>", "s1 + 1"},
           {"tensor<?xi32>", "s1"},
           {"tensor<?x?xi32>", "s1, s2"}},
          {{result, dims(cache.ValueWidth)}},
          "%0 = lathe.paged_attention %a0, %a1, %a2, %a3, %a4 layer " + std::to_string(layer) + " scale 1.5e-01 " +
              limits + " : " + query + ", " + state + ", tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> " + result +
              "\nlathe.yield %0 : " + result};
}

// Five sequences: a long prefill, one token at the end of a page, one padded, one at the start of a page, a first
// token; two rows behind them belong to nobody.
ImageRunner::Call makeStep(const Cache &cache, int64_t heads, const std::string &type = "f32", bool shared = false) {
  ImageRunner::Call call{{46, 5, 4}, {}, {}, {cache.random(12)}, {}};
  int64_t keyWidth = cache.KeyWidth + (shared ? cache.ValueWidth : 0);
  call.Inputs.push_back(toBytes(randomFloats(46 * heads * keyWidth, 3), type));
  call.Inputs.push_back(copyBytes(std::vector<int32_t>{0, 41, 42, 42, 43, 44}));
  call.Inputs.push_back(copyBytes(std::vector<int32_t>{50, 32, 0, 33, 1}));
  call.Inputs.push_back(
      copyBytes(std::vector<int32_t>{7, 2, 9, 0, 11, 4, 0, 0, -5, -5, -5, -5, 3, 8, 1, 0, 10, 99, 99, 99}));
  return call;
}

TEST(CpuPagedAttention, AgreesWithTheReferenceOnARaggedBatch) {
  for (auto [element, window] : {std::pair<std::string, int64_t>{"f32", 0},
                                 {"f32", 20},
                                 {"f16", 0},
                                 {"bf16", 16},
                                 {"f8E4M3FN", 0},
                                 {"q8_0", 20}})
    for (int64_t heads : {2, 6, 12}) {
      Cache cache{element, window};
      checkAgainstReference(makeAttention(cache, heads, 1), makeStep(cache, heads), 1e-6);
    }
}

TEST(CpuPagedAttention, TakesKeysThatBeginWithTheirValues) {
  for (std::string element : {"f32", "f16", "q8_0"}) {
    Cache cache{element};
    checkAgainstReference(makeAttention(cache, 6, 1, "f32", "window 20", /*shared=*/true),
                          makeStep(cache, 6, "f32", /*shared=*/true), 1e-6);
  }
}

TEST(CpuPagedAttention, LimitsScoresAndWindowsOfItsOwn) {
  Cache cache{"f32"};
  for (const char *limits : {"cap 2.0", "window 20", "cap 5.0e-01 window 16"})
    checkAgainstReference(makeAttention(cache, 6, 2, "f32", limits), makeStep(cache, 6), 1e-6);
}

TEST(CpuPagedAttention, CountsSinksWithoutValues) {
  Cache cache{"f16"};
  LaunchText launch = makeAttention(cache, 4, 1);
  launch.Inputs.push_back({"tensor<4xf32>", "4"});
  size_t at = launch.Body.find(" layer");
  launch.Body.insert(at, " sinks %a5 : tensor<4xf32>");
  ImageRunner::Call call = makeStep(cache, 4);
  call.Inputs.push_back(toBytes({-1.0f, 0.0f, 3.0f, 40.0f}));
  checkAgainstReference(launch, call, 1e-6);
}

TEST(CpuPagedAttention, TakesNarrowQueries) {
  Cache cache{"f16"};
  checkAgainstReference(makeAttention(cache, 4, 2, "f16"), makeStep(cache, 4, "f16"), 1e-3);
}

TEST(CpuPagedAttention, GivesARowTheSameBitsAloneAndInABatch) {
  for (std::string element : {"f32", "f16", "bf16", "f8E4M3FN", "q8_0"}) {
    Cache cache{element};
    ImageRunner runner(makePlan(makeAttention(cache, 6, 0)));
    ImageRunner::Call batch = makeStep(cache, 6), alone = batch;
    int64_t rowBytes = 6 * cache.KeyWidth * 4, resultBytes = 6 * cache.ValueWidth * 4;
    batch.Outputs.push_back(Bytes(46 * resultBytes));
    // Row 30 of the first sequence, as decoding would compute it: 40 tokens long, pages under another sequence's
    // number.
    alone.Symbols = {1, 1, 4};
    alone.Inputs[0] = Bytes(batch.Inputs[0].begin() + 30 * rowBytes, batch.Inputs[0].begin() + 31 * rowBytes);
    alone.Inputs[1] = copyBytes(std::vector<int32_t>{0, 1});
    alone.Inputs[2] = copyBytes(std::vector<int32_t>{40});
    alone.Outputs.push_back(Bytes(resultBytes));
    std::vector<ImageRunner::Call> all = runner.run(batch), one = runner.run(alone);
    for (size_t i = 0; i < all.size(); ++i)
      EXPECT_TRUE(
          std::equal(one[i].Outputs[0].begin(), one[i].Outputs[0].end(), all[i].Outputs[0].begin() + 30 * resultBytes))
          << element;
  }
}

/// Texts of s0 rows together, s1 - 1 texts; keys of width 24 and values of width 40.
LaunchText makeRagged(int heads, int keyHeads, const std::string &element, const std::string &options) {
  auto port = [&](int count, int width, const std::string &type) {
    std::string h = std::to_string(count), w = std::to_string(width);
    return Port{"tensor<?x" + h + "x" + w + "x" + type + ">", "s0, " + h + ", " + w};
  };
  LaunchText launch{
      2,
      {port(heads, 24, element), port(keyHeads, 24, element), port(keyHeads, 40, element), {"tensor<?xi32>", "s1"}},
      {port(heads, 40, "f32")},
      "%0 = lathe.ragged_attention %a0, %a1, %a2, %a3 scale 0.3 " + options + " : "};
  for (const Port &input : launch.Inputs)
    launch.Body += input.Type + (&input == &launch.Inputs.back() ? " -> " : ", ");
  launch.Body += launch.Outputs[0].Type + "\nlathe.yield %0 : " + launch.Outputs[0].Type;
  return launch;
}

ImageRunner::Call makeTexts(int64_t rows, const std::vector<int32_t> &offsets, int heads, int keyHeads,
                            const std::string &element) {
  ImageRunner::Call call{{rows, int64_t(offsets.size())}, {}, {}, {}, {}};
  call.Inputs = {toBytes(randomFloats(rows * heads * 24, 1), element),
                 toBytes(randomFloats(rows * keyHeads * 24, 2), element),
                 toBytes(randomFloats(rows * keyHeads * 40, 3), element), copyBytes(offsets)};
  return call;
}

TEST(CpuRaggedAttention, AgreesWithTheReference) {
  // Around tiles of 64 rows and blocks of 128 keys; texts without rows, rows of no text.
  struct Batch {
    int64_t Rows;
    std::vector<int32_t> Offsets;
  };
  const Batch batches[] = {{1, {0, 1}},   {7, {0, 3, 4, 4, 7}},           {70, {0, 5, 64, 70}},
                           {64, {0, 64}}, {300, {0, 129, 130, 258, 290}}, {140, {0, 63, 65, 65}},
                           {3, {0, 0}}};
  struct Case {
    int Heads, KeyHeads;
    std::string Element, Options;
  };
  for (const Case &c :
       {Case{4, 4, "f32", ""}, Case{4, 2, "f32", "causal"}, Case{3, 1, "f16", ""}, Case{2, 2, "bf16", "causal"}}) {
    std::vector<ImageRunner::Call> calls;
    for (const Batch &batch : batches)
      calls.push_back(makeTexts(batch.Rows, batch.Offsets, c.Heads, c.KeyHeads, c.Element));
    checkAgainstReference(makeRagged(c.Heads, c.KeyHeads, c.Element, c.Options), calls, 2e-6);
  }
}

TEST(CpuRaggedAttention, GivesATextTheSameBitsAloneAndInABatch) {
  for (std::string options : {"", "causal"}) {
    ImageRunner runner(makePlan(makeRagged(4, 2, "f32", options)));
    ImageRunner::Call batch = makeTexts(300, {0, 41, 200, 300}, 4, 2, "f32"),
                      alone = makeTexts(159, {0, 159}, 4, 2, "f32");
    const int64_t rowBytes[] = {4 * 24 * 4, 2 * 24 * 4, 2 * 40 * 4}, resultBytes = 4 * 40 * 4;
    for (size_t i = 0; i != 3; ++i)
      alone.Inputs[i] = Bytes(batch.Inputs[i].begin() + 41 * rowBytes[i], batch.Inputs[i].begin() + 200 * rowBytes[i]);
    batch.Outputs.push_back(Bytes(300 * resultBytes));
    alone.Outputs.push_back(Bytes(159 * resultBytes));
    std::vector<ImageRunner::Call> all = runner.run(batch), one = runner.run(alone);
    for (size_t i = 0; i < all.size(); ++i)
      EXPECT_TRUE(
          std::equal(one[i].Outputs[0].begin(), one[i].Outputs[0].end(), all[i].Outputs[0].begin() + 41 * resultBytes));
  }
}

} // namespace
