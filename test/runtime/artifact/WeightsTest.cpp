// Artifacts whose weights are not all in their section.
#include "runtime/Program.h"
#include "runtime/artifact/MadeUpWeights.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/MatrixTiles.h"
#include "test/runtime/TestArtifact.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace lathe;
using artifact::WeightPlace;
using test::Outcome;

namespace {

/// The tensor program, whose one weight is behind four bytes of a file beside it.
class WeightsInFiles : public testing::Test {
protected:
  WeightsInFiles() : source(test::scaleSource()) {
    write({1, 2, 3, 4});
    source.files = {{path.substr(path.rfind('/') + 1), 20}};
    source.weights[0].place = WeightPlace::File;
    source.weights[0].fileOffset = 4;
  }
  ~WeightsInFiles() override { unlink(path.c_str()); }

  void write(const std::vector<float> &values) {
    std::ofstream(path, std::ios::binary)
        .write("head", 4)
        .write(reinterpret_cast<const char *>(values.data()), std::streamsize(values.size() * sizeof(float)));
  }
  /// What reading the weights comes to.
  Outcome check() {
    std::string file = test::writeTemporary(source);
    return test::outcome(lathe_program_check_weights(test::load(file).get()));
  }

  std::string path = testing::TempDir() + "weights-" + std::to_string(getpid()) + ".bin";
  artifact::ArtifactSource source;
};

TEST_F(WeightsInFiles, AreReadFromBesideTheArtifact) {
  EXPECT_EQ(check().message, "");
  std::string manifest = lathe_program_manifest(test::load(test::writeTemporary(source)).get());
  EXPECT_NE(manifest.find(R"("source":"file","file":0,"file_offset":4)"), std::string::npos) << manifest;
  EXPECT_NE(manifest.find(R"("weight_storage":{"bytes":16,"files":[)"), std::string::npos) << manifest;
}

TEST_F(WeightsInFiles, StandBesideThoseOfTheSection) {
  source.weights.push_back(test::scaleSource().weights[0]);
  source.weights[1].name = "second";
  source.weights[1].offset = 256;
  EXPECT_EQ(check().message, "");
  test::Program program = test::load(test::writeTemporary(source));
  EXPECT_NE(std::string(lathe_program_manifest(program.get())).find(R"("stored":0)"), std::string::npos);
}

TEST_F(WeightsInFiles, AreRefusedWhenTheyChanged) {
  std::string file = test::writeTemporary(source);
  write({1, 2, 3, 5});
  Outcome result = test::outcome(lathe_program_check_weights(test::load(file).get()));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("weight 'scale' hashes to "), std::string::npos) << result.message;
  EXPECT_NE(result.message.find(" but the artifact was compiled when it was "), std::string::npos) << result.message;
}

TEST_F(WeightsInFiles, AreRefusedWhenTheFileGrew) {
  write({1, 2, 3, 4, 5});
  Outcome result = check();
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("has 24 bytes but the artifact was compiled when it had 20; compile it again"),
            std::string::npos)
      << result.message;
}

TEST_F(WeightsInFiles, AreRefusedWithoutTheFile) {
  unlink(path.c_str());
  Outcome result = check();
  EXPECT_EQ(result.code, LATHE_NOT_FOUND);
  EXPECT_NE(result.message.find("which cannot be opened: No such file or directory"), std::string::npos)
      << result.message;
}

TEST(WeightsLeftOut, AreMadeUpAndPassTheCheck) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights[0].place = WeightPlace::None;
  std::string file = test::writeTemporary(source), bytes = test::readFile(file);
  EXPECT_EQ(bytes.find("weights\0\0", 0, 9), std::string::npos); // no such section
  EXPECT_EQ(test::outcome(lathe_program_check_weights(test::load(file).get())).message, "");
}

// A number that ranks differ in is there, however small the artifact.
TEST(WeightsLeftOut, LeaveRanksTheSlicesThatAreThere) {
  artifact::ArtifactSource source = test::rankedToySource(2);
  uint64_t begin = artifact::nextSliceOffset(4);
  source.weights.push_back({"bulk", "f32", {4096}, begin + 256, 16384, nullptr, WeightPlace::None});
  source.weights.back().writeSlice = [](size_t, const artifact::ByteSink &) { return "is left out"; };
  std::string file = test::writeTemporary(source);
  EXPECT_LT(test::readFile(file).find("\"weights\"") - runtime::SectionAlignment, 3 * runtime::SectionAlignment);
  EXPECT_EQ(test::outcome(lathe_program_check_weights(test::load(file).get())).message, "");
  for (int rank : {0, 1}) {
    runtime::Program program(file);
    program.setRank(rank);
    std::span<const unsigned char> bytes = program.weights();
    ASSERT_EQ(bytes.size(), begin + 5 * 4096);
    float head[4], wanted[2][4] = {{1, -1, 0.5, 2}, {0, 3, -2, 0.25}};
    std::memcpy(head, bytes.data() + begin, sizeof(head));
    EXPECT_TRUE(std::equal(head, head + 4, wanted[rank]));
  }
}

/// Every number that a pattern of this type holds, in the steps of its size.
template <typename Number> std::vector<Number> numbersOf(const std::string &type) {
  std::vector<unsigned char> bytes = runtime::makeUpBytes(type);
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

TEST(WeightsLeftOut, AreSmallNumbersOfEitherSign) {
  double sum = 0, squares = 0;
  std::vector<float> numbers = numbersOf<float>("f32");
  for (float number : numbers) {
    sum += number;
    squares += double(number) * number;
    ASSERT_LT(std::abs(number), 0.1f);
  }
  EXPECT_NEAR(sum / double(numbers.size()), 0, 1e-4);
  EXPECT_NEAR(std::sqrt(squares / double(numbers.size())), 0.02, 1e-4);
}

TEST(WeightsLeftOut, HaveScalesThatAreFinite) {
  for (const char *type : {"q4_k", "q6_k", "q8_0"})
    for (uint16_t word : numbersOf<uint16_t>(type)) {
      float scale = std::abs(gguf::halfToFloat(word));
      ASSERT_TRUE(scale >= 0x1p-7f && scale < 0x1p-3f) << type << ": " << word;
    }
}

TEST(WeightsLeftOut, AreNotRunUnasked) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights[0].place = WeightPlace::None;
  test::Program program = test::load(test::writeTemporary(source));
  test::Device device = test::cpu();
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  lathe_session *session = nullptr;
  test::Outcome refused = test::outcome(lathe_session_create(program.get(), device.get(), &options, &session));
  EXPECT_EQ(refused.code, LATHE_UNSUPPORTED);
  EXPECT_NE(refused.message.find("was compiled without its weights"), std::string::npos) << refused.message;
  options.made_up_weights = 1;
  EXPECT_EQ(test::outcome(lathe_session_create(program.get(), device.get(), &options, &session)).message, "");
  lathe_session_release(session);
}

/// Two panels of 2 rows and 3 columns, the second with 2 columns and nothing behind, from rows of 5 numbers.
artifact::ArtifactSource packedSource() {
  artifact::ArtifactSource source = test::scaleSource();
  source.sources.push_back({"numbers", "f32", {2, 5}, 0, 40, [](const artifact::ByteSink &sink) {
                              for (float number = 0; number != 10; ++number)
                                sink(&number, sizeof(number));
                              return std::string();
                            }});
  source.weights.push_back({"panels", "f32", {2, 2, 3}, 256, 48, nullptr, WeightPlace::Packed});
  source.weights[1].packing = {0, 4, {2, 2, 3}, {3, 5, 1}, 0, 5};
  return source;
}

TEST(PackedWeights, AreCopiedFromTheirSource) {
  std::string file = test::writeTemporary(packedSource());
  runtime::Artifact artifact(file);
  runtime::Manifest manifest(artifact);
  for (int64_t step : {1, 3, 100}) { // rows at a time, the last ones first
    runtime::Weights weights(artifact, manifest, 0, [&](int64_t count, auto body, void *argument) {
      for (int64_t begin = (count - 1) / step * step; begin >= 0; begin -= step)
        body(argument, begin, std::min(begin + step, count));
    });
    std::vector<float> panels(12);
    std::memcpy(panels.data(), weights.bytes().data() + 256, 48);
    EXPECT_EQ(panels, (std::vector<float>{0, 1, 2, 5, 6, 7, 3, 4, 0, 8, 9, 0})) << step;
  }
  EXPECT_EQ(test::outcome(lathe_program_check_weights(test::load(file).get())).message, "");
}

/// Two panels of 20 rows of two blocks.
artifact::ArtifactSource blockSource() {
  artifact::ArtifactSource source = test::scaleSource();
  source.sources.push_back({"blocks", "q8_0", {20, 64}, 0, 20 * 68, [](const artifact::ByteSink &sink) {
                              for (int i = 0; i != 20 * 68; ++i)
                                sink(&i, 1);
                              return std::string();
                            }});
  source.weights.push_back({"panels", "q8_0", {32, 64}, 256, 32 * 68, nullptr, WeightPlace::Packed});
  source.weights[1].packing.matrix = {"q8_0", 20, 64, false};
  return source;
}

TEST(PackedWeights, AreBlocksOfSixteenRowsSideBySide) {
  std::string file = test::writeTemporary(blockSource());
  runtime::Artifact artifact(file);
  runtime::Manifest manifest(artifact);
  std::vector<unsigned char> blocks(20 * 68), wanted(32 * 68);
  for (size_t i = 0; i != blocks.size(); ++i)
    blocks[i] = static_cast<unsigned char>(i);
  gguf::packPanels(*gguf::findBlockPanels(*gguf::findBlockFormat("q8_0")), 20, 64, blocks.data(), wanted.data(), 0, 2);
  for (int64_t step : {1, 2}) {
    runtime::Weights weights(artifact, manifest, 0, [&](int64_t count, auto body, void *argument) {
      ASSERT_EQ(count, 2);
      for (int64_t begin = 0; begin < count; begin += step)
        body(argument, begin, begin + step);
    });
    EXPECT_EQ(std::memcmp(weights.bytes().data() + 256, wanted.data(), wanted.size()), 0) << step;
  }
}

/// The same matrix as tiles of blocks, and as one of 20 rows of 34 numbers of 16 bits, and of 20 rows of 17 of 32.
TEST(PackedWeights, AreTiles) {
  artifact::ArtifactSource source = blockSource();
  source.weights[1] = {"tiles", "q8_0", {32, 128}, 256, 2 * 2176, nullptr, WeightPlace::Packed};
  source.weights[1].packing.matrix = {"q8_0", 20, 64, true};
  source.weights.push_back({"numbers", "f16", {1, 1, 64, 64}, 8192, 8192, nullptr, WeightPlace::Packed});
  source.weights[2].packing.matrix = {"bf16", 20, 34, true};
  source.weights.push_back({"rounded", "f32", {1, 1, 64, 32}, 16384, 8192, nullptr, WeightPlace::Packed});
  source.weights[3].packing.matrix = {"tf32", 20, 17, true};
  std::string file = test::writeTemporary(source);
  runtime::Artifact artifact(file);
  runtime::Manifest manifest(artifact);
  std::vector<unsigned char> blocks(20 * 68), wanted(2 * 2176), numbers(8192), rounded(8192);
  for (size_t i = 0; i != blocks.size(); ++i)
    blocks[i] = static_cast<unsigned char>(i);
  gguf::packTiles(*gguf::findBlockTiles(*gguf::findBlockFormat("q8_0")), 20, 64, blocks.data(), wanted.data(), 0, 2);
  gguf::packMatrixTiles({2}, 20, 34, blocks.data(), numbers.data(), 0, 1);
  gguf::packMatrixTiles({4}, 20, 17, blocks.data(), rounded.data(), 0, 1);
  runtime::Weights weights(artifact, manifest, 0, [&](int64_t count, auto body, void *argument) {
    for (int64_t i = 0; i < count; ++i)
      body(argument, i, i + 1);
  });
  EXPECT_EQ(std::memcmp(weights.bytes().data() + 256, wanted.data(), wanted.size()), 0);
  EXPECT_EQ(std::memcmp(weights.bytes().data() + 8192, numbers.data(), numbers.size()), 0);
  EXPECT_EQ(std::memcmp(weights.bytes().data() + 16384, rounded.data(), rounded.size()), 0);
  // Row 1, columns 4 to 7 come first; 0x57565554 is rounded up.
  uint32_t first;
  std::memcpy(&first, rounded.data() + 128, 4);
  EXPECT_EQ(first, 0x57566000u);
  // Row 1, columns 8 and 0: their pieces have changed places.
  EXPECT_EQ(std::memcmp(numbers.data() + 128, blocks.data() + 68 + 16, 16), 0);
  EXPECT_EQ(std::memcmp(numbers.data() + 144, blocks.data() + 68, 16), 0);
}

TEST(PackedWeights, AreRefusedWhenTheSourceIsDamaged) {
  std::string bytes = test::readFile(test::writeTemporary(packedSource()));
  float numbers[2] = {8, 9};
  size_t at = bytes.find(std::string(reinterpret_cast<const char *>(numbers), sizeof(numbers)));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  std::string file = test::writeTemporary(bytes);
  Outcome result = test::outcome(lathe_program_check_weights(test::load(file).get()));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("weight 'numbers' hashes to "), std::string::npos) << result.message;
}

struct BrokenPlace {
  const char *found, *written; ///< what stands in the manifest, and what takes its place, of the same length
  const char *text;
};

class BrokenWeightPlace : public testing::TestWithParam<BrokenPlace> {};

/// Loads `bytes` with a text of theirs replaced.
Outcome loadBroken(std::string bytes, const BrokenPlace &broken) {
  size_t at = bytes.find(broken.found);
  EXPECT_NE(at, std::string::npos) << broken.found;
  if (at != std::string::npos)
    bytes.replace(at, std::strlen(broken.written), broken.written);
  lathe_program *program = nullptr;
  return test::outcome(lathe_program_load(test::writeTemporary(test::repairHashes(bytes)).c_str(), &program));
}

TEST_P(BrokenWeightPlace, IsRefused) {
  artifact::ArtifactSource source = test::scaleSource();
  source.files = {{"/nowhere", 20}};
  source.weights[0].place = WeightPlace::File;
  source.weights[0].fileOffset = 4;
  source.weights.push_back(test::scaleSource().weights[0]);
  source.weights[1].offset = 256;
  Outcome result = loadBroken(test::readFile(test::writeTemporary(source)), GetParam());
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find(GetParam().text), std::string::npos) << result.message;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenWeightPlace,
    testing::Values(
        BrokenPlace{R"("source":"file")", R"("source":"fire")", R"(source is "fire" but must be file, none or packed)"},
        BrokenPlace{R"("file":0,)", R"("file":1,)", "file is 1 but must be an integer from 0 to 0"},
        BrokenPlace{R"("file_offset":4)", R"("file_offset":5)", "bytes is 16 but must be what is left of the file"},
        BrokenPlace{R"("stored":0)", R"("stored":9)", "stored is 9 but must be a multiple of 256"},
        BrokenPlace{R"("weight_storage":{"bytes":272)", R"("weight_storage":{"bytes":271)", "bytes is 16 but must be"},
        BrokenPlace{R"("path":"/nowhere")", R"("path":7,  "x":"")", "path is 7 but must be a string"}),
    [](const testing::TestParamInfo<BrokenPlace> &info) { return "Field" + std::to_string(info.index); });

class BrokenPacking : public testing::TestWithParam<BrokenPlace> {};

TEST_P(BrokenPacking, IsRefused) {
  Outcome result = loadBroken(test::readFile(test::writeTemporary(packedSource())), GetParam());
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find(GetParam().text), std::string::npos) << result.message;
}

class BrokenBlocks : public testing::TestWithParam<BrokenPlace> {};

TEST_P(BrokenBlocks, AreRefused) {
  Outcome result = loadBroken(test::readFile(test::writeTemporary(blockSource())), GetParam());
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find(GetParam().text), std::string::npos) << result.message;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenBlocks,
    testing::Values(BrokenPlace{R"("blocks":"q8_0")", R"("blocks":"q8_9")",
                                "blocks is \"q8_9\" but must be a block format that has panels"},
                    BrokenPlace{R"("blocks":"q8_0")", R"("blocks":"q5_0")", "must be a block format that has panels"},
                    BrokenPlace{R"("rows":20)", R"("rows":21)", "rows is 21 but must be the rows of the source"},
                    BrokenPlace{R"("rows":20)", R"("rows":16)", "rows is 16 but must be the rows of the source"},
                    BrokenPlace{R"("rows":20)", R"("rows":00)", "JSON"},
                    BrokenPlace{R"("columns":64)", R"("columns":65)",
                                "columns is 65 but must be a multiple of the 32 columns"},
                    BrokenPlace{R"("columns":64)", R"("columns":96)", "must be the rows of the source"}),
    [](const testing::TestParamInfo<BrokenPlace> &info) { return "Field" + std::to_string(info.index); });

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenPacking,
    testing::Values(
        BrokenPlace{R"("from":0)", R"("from":1)", "from is 1 but must be an integer from 0 to 0"},
        BrokenPlace{R"("element_bytes":4)", R"("element_bytes":9)", "element_bytes is 9 but must be"},
        BrokenPlace{R"("sizes":[2,2,3])", R"("sizes":[2,2,2])", "must be 1 to 16 sizes of as many elements"},
        BrokenPlace{R"("sizes":[2,2,3])", R"("sizes":[2,9,3])", "sizes[1] is 9 but must be an integer from 1 to 6"},
        BrokenPlace{R"("strides":[3,5,1])", R"("strides":[3,6,1])", "must be strides within the 10 elements"},
        BrokenPlace{R"("strides":[3,5,1])", R"("strides":[3,5,3])", "must be strides within the 10 elements"},
        BrokenPlace{R"("strides":[3,5,1])", R"("strides":[3,510])", "must be 1 to 16 sizes of as many elements"},
        BrokenPlace{R"("panels":0)", R"("panels":2)", "panels is 2 but must be an integer from 0 to 1"},
        BrokenPlace{R"("columns":5)", R"("columns":7)", "columns is 7 but must be an integer from 1 to 6"},
        BrokenPlace{R"("columns":5)", R"("columns":6)", "must be strides within the 10 elements"},
        BrokenPlace{R"("source":"packed")", R"("source":"pocked")", "must be file, none or packed"}),
    [](const testing::TestParamInfo<BrokenPlace> &info) { return "Field" + std::to_string(info.index); });

} // namespace
