#include "test/runtime/TestArtifact.h"

#include <filesystem>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

TEST(ArtifactWriter, SameSourceSameBytes) {
  std::string first = test::readFile(test::writeTemporary(test::toySource("cuda")));
  EXPECT_EQ(first, test::readFile(test::writeTemporary(test::toySource("cuda"))));
}

TEST(ArtifactWriter, WeightsStandAtTheirOffsets) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights.push_back(source.weights[0]);
  source.weights[1].name = "second";
  source.weights[1].offset = artifact::nextWeightOffset(source.weights[0].bytes);
  EXPECT_EQ(source.weights[1].offset, 256u);
  std::string path = test::writeTemporary(source), bytes = test::readFile(path);
  EXPECT_EQ(bytes.substr(131072, 16), bytes.substr(131072 + 256, 16));
  test::Program program = test::load(path);
  EXPECT_EQ(test::outcome(lathe_program_check_weights(program.get())).message, "");
  EXPECT_NE(std::string(lathe_program_manifest(program.get()))
                .find(R"("name":"second","type":"f32","shape":[4],"offset":256,"bytes":16)"),
            std::string::npos);
}

/// The message of a source that cannot be written; nothing may be left behind.
std::string refusal(const artifact::ArtifactSource &source) {
  std::string path = testing::TempDir() + "refused.lathe", message = artifact::writeArtifact(path, source);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  return message.substr(path.size());
}

TEST(ArtifactWriter, WeightOffsetNotAligned) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights[0].offset = 100;
  EXPECT_EQ(refusal(source), ": weight 'scale' is at offset 100, which is not a multiple of 256");
}

TEST(ArtifactWriter, WeightsOverlap) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights.push_back(source.weights[0]);
  EXPECT_EQ(refusal(source), ": cannot write: a weight starts at byte 131072 of the file but what is before it ends at "
                             "131088");
}

TEST(ArtifactWriter, WeightOfAnotherSize) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights[0].bytes = 20;
  EXPECT_EQ(refusal(source), ": cannot write: weight 'scale' wrote 16 bytes but has 20");
}

TEST(ArtifactWriter, WeightThatCannotBeRead) {
  artifact::ArtifactSource source = test::scaleSource();
  source.weights[0].write = [](const artifact::ByteSink &) { return std::string("the file is gone"); };
  EXPECT_EQ(refusal(source), ": cannot write: weight 'scale': the file is gone");
}

TEST(ArtifactWriter, LongSectionName) {
  artifact::ArtifactSource source = test::scaleSource();
  source.sections[0].name = std::string(24, 'a');
  EXPECT_NE(refusal(source).find("has 24 bytes but must have 1 to 23"), std::string::npos);
}

TEST(ArtifactWriter, FolderThatIsNotThere) {
  EXPECT_EQ(artifact::writeArtifact("/nowhere/x.lathe", test::scaleSource()),
            "/nowhere/x.lathe: cannot write: No such file or directory");
}

} // namespace
