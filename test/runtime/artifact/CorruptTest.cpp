// One case for each check of the artifact's header, table and hashes. A case changes bytes and repairs the hashes that
// cover them, so that the check it is about is the one that speaks.
#include "test/runtime/TestArtifact.h"

#include "runtime/artifact/Sha256.h"

#include <cstring>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace lathe;
using namespace lathe::runtime;
using test::Outcome;

namespace {

class CorruptArtifact : public testing::Test {
protected:
  void SetUp() override { bytes = test::readFile(test::writeTemporary(test::scaleSource())); }

  FileHeader &header() { return *reinterpret_cast<FileHeader *>(bytes.data()); }
  /// Sections of the file: 0 host image, 1 weights, 2 manifest.
  SectionEntry &entry(int index) { return reinterpret_cast<SectionEntry *>(bytes.data() + sizeof(FileHeader))[index]; }

  void repairHeader() {
    std::memset(header().headerSha256, 0, 32);
    std::memcpy(header().headerSha256, sha256(&header(), sizeof(FileHeader)).data(), 32);
  }
  void repairTable() {
    size_t size = header().sectionCount * sizeof(SectionEntry);
    std::memcpy(header().tableSha256, sha256(&entry(0), size).data(), 32);
    repairHeader();
  }

  void expect(int code, const std::string &text) {
    lathe_program *program = nullptr;
    Outcome result = test::outcome(lathe_program_load(test::writeTemporary(bytes).c_str(), &program));
    EXPECT_EQ(program, nullptr);
    EXPECT_EQ(result.code, code) << result.message;
    EXPECT_NE(result.message.find(text), std::string::npos) << result.message;
  }

  std::string bytes;
};

TEST_F(CorruptArtifact, NothingChanged) { EXPECT_TRUE(test::load(test::writeTemporary(bytes))); }

/// Loads what may be no artifact; returns the code of the failure, 0 for none.
int codeOf(const std::string &file) {
  std::string path = test::writeTemporary(file);
  lathe_program *program = nullptr;
  int code = test::outcome(lathe_program_load(path.c_str(), &program)).code;
  EXPECT_EQ(program == nullptr, code != 0);
  lathe_program_release(program);
  unlink(path.c_str());
  return code;
}

TEST_F(CorruptArtifact, CutAnywhere) {
  std::vector<size_t> lengths = {0, 1, 127, 128, 129, 65535, 65536, 131071, 131072, 196607, 196608, bytes.size() - 1};
  for (size_t i = 1; i != 40; ++i)
    lengths.push_back(bytes.size() * i / 40);
  for (size_t length : lengths)
    EXPECT_EQ(codeOf(bytes.substr(0, length)), LATHE_CORRUPT) << length << " bytes";
}

TEST_F(CorruptArtifact, EveryBitOfHeaderAndTable) {
  size_t end = sizeof(FileHeader) + header().sectionCount * sizeof(SectionEntry);
  for (size_t bit = 0; bit != end * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= char(1 << bit % 8);
    bool version = bit / 8 >= 8 && bit / 8 < 12;
    EXPECT_EQ(codeOf(damaged), version ? LATHE_UNSUPPORTED : LATHE_CORRUPT) << "bit " << bit;
  }
}

TEST_F(CorruptArtifact, BitsOfTheRest) {
  size_t begin = sizeof(FileHeader) + header().sectionCount * sizeof(SectionEntry);
  for (size_t at = begin; at < bytes.size(); at += 997) {
    std::string damaged = bytes;
    damaged[at] ^= 16;
    bool weight = at >= entry(1).offset && at < entry(1).offset + entry(1).bytes;
    EXPECT_EQ(codeOf(damaged), weight ? 0 : LATHE_CORRUPT) << "byte " << at;
  }
}

TEST_F(CorruptArtifact, NoSuchFile) {
  lathe_program *program = nullptr;
  Outcome result = test::outcome(lathe_program_load("/nowhere/model.lathe", &program));
  EXPECT_EQ(result.code, LATHE_NOT_FOUND);
  EXPECT_EQ(result.message, "lathe_program_load: /nowhere/model.lathe: cannot open: No such file or directory");
}

TEST_F(CorruptArtifact, ShorterThanHeader) {
  bytes.resize(100);
  expect(LATHE_CORRUPT, "the file has 100 bytes but a header alone has 128");
}

TEST_F(CorruptArtifact, Magic) {
  header().magic[0] = 'G';
  expect(LATHE_CORRUPT, "the first bytes are 4741544845000d0a, a .lathe file begins with 4c41544845000d0a");
}

TEST_F(CorruptArtifact, Version) {
  header().formatVersion = 2;
  repairHeader();
  expect(LATHE_UNSUPPORTED, "the file has format version 2 but this runtime reads version 1");
}

TEST_F(CorruptArtifact, HeaderHash) {
  header().sectionCount = 2;
  expect(LATHE_CORRUPT, "but the header hashes to");
}

TEST_F(CorruptArtifact, CutShort) {
  size_t size = bytes.size();
  bytes.pop_back();
  expect(LATHE_CORRUPT, "file_bytes is " + std::to_string(size) + " but the file has " + std::to_string(size - 1));
}

TEST_F(CorruptArtifact, BytesBehindTheEnd) {
  bytes.push_back('x');
  expect(LATHE_CORRUPT, "but the file has " + std::to_string(bytes.size()));
}

TEST_F(CorruptArtifact, BytesBehindTheLastSection) {
  bytes.push_back('x');
  ++header().fileBytes;
  repairHeader();
  expect(LATHE_CORRUPT, "the last section ends at " + std::to_string(bytes.size() - 1) + " but the file has " +
                            std::to_string(bytes.size()));
}

TEST_F(CorruptArtifact, ReservedHeaderBytes) {
  header().reserved[39] = 1;
  repairHeader();
  expect(LATHE_CORRUPT, "the reserved bytes of the header are not zero");
}

TEST_F(CorruptArtifact, SectionCount) {
  header().sectionCount = 5000;
  repairHeader();
  expect(LATHE_CORRUPT, "section_count is 5000 but at most");
}

TEST_F(CorruptArtifact, TableHash) {
  entry(0).bytes -= 1;
  expect(LATHE_CORRUPT, "but the section table hashes to");
}

TEST_F(CorruptArtifact, SectionName) {
  std::memset(entry(0).name, 'a', sizeof(entry(0).name));
  repairTable();
  expect(LATHE_CORRUPT, "the name of section 0 is not 1 to 23 bytes followed by zeros");
}

TEST_F(CorruptArtifact, SectionNamePadding) {
  entry(0).name[20] = 'a';
  repairTable();
  expect(LATHE_CORRUPT, "the name of section 0 is not 1 to 23 bytes followed by zeros");
}

TEST_F(CorruptArtifact, SectionKind) {
  entry(0).kind = 8;
  repairTable();
  expect(LATHE_CORRUPT, "section 'x86-64-v3' is of kind 8, known are 1 to 7");
}

TEST_F(CorruptArtifact, SectionTwice) {
  entry(2) = entry(0);
  repairTable();
  expect(LATHE_CORRUPT, "section 'x86-64-v3' of kind 2 is there twice");
}

TEST_F(CorruptArtifact, SectionFlags) {
  entry(1).flags = 1;
  repairTable();
  expect(LATHE_CORRUPT, "section 'weights' has flags or reserved bytes that are not zero");
}

TEST_F(CorruptArtifact, SectionReservedBytes) {
  entry(1).reserved[0] = 1;
  repairTable();
  expect(LATHE_CORRUPT, "section 'weights' has flags or reserved bytes that are not zero");
}

TEST_F(CorruptArtifact, SectionAlignment) {
  entry(0).offset += 256;
  repairTable();
  expect(LATHE_CORRUPT, "section 'x86-64-v3' starts at 65792, which is not a multiple of 65536");
}

TEST_F(CorruptArtifact, SectionsOverlap) {
  entry(1).offset = entry(0).offset;
  repairTable();
  expect(LATHE_CORRUPT, "section 'weights' starts at 65536 but what is before it ends at");
}

TEST_F(CorruptArtifact, SectionPastTheEnd) {
  entry(2).bytes += 1;
  repairTable();
  expect(LATHE_CORRUPT, "section 'manifest' has " + std::to_string(entry(2).bytes) + " bytes at 196608");
}

TEST_F(CorruptArtifact, SectionSizeThatOverflows) {
  entry(2).bytes = ~uint64_t(0);
  repairTable();
  expect(LATHE_CORRUPT, "section 'manifest' has 18446744073709551615 bytes at 196608");
}

TEST_F(CorruptArtifact, Gap) {
  bytes[60000] = 1;
  expect(LATHE_CORRUPT, "the gap before section 'x86-64-v3' is not zero");
}

TEST_F(CorruptArtifact, Code) {
  bytes[entry(0).offset] ^= 1;
  expect(LATHE_CORRUPT, "section 'x86-64-v3' hashes to");
}

TEST_F(CorruptArtifact, ManifestBytes) {
  bytes[entry(2).offset + 10] ^= 1;
  expect(LATHE_CORRUPT, "section 'manifest' hashes to");
}

TEST_F(CorruptArtifact, HashOfWeights) {
  entry(1).sha256[0] = 1;
  repairTable();
  expect(LATHE_CORRUPT, "section 'weights' holds weights, whose sha256 field must be zero");
}

TEST_F(CorruptArtifact, ManifestThatIsNotJson) {
  bytes[entry(2).offset] = 'x';
  std::memcpy(entry(2).sha256, sha256(&bytes[entry(2).offset], entry(2).bytes).data(), 32);
  repairTable();
  expect(LATHE_CORRUPT, ": manifest is not JSON");
}

TEST_F(CorruptArtifact, NoManifest) {
  entry(2).kind = uint32_t(SectionKind::Tokenizer);
  repairTable();
  expect(LATHE_CORRUPT, "there is no manifest section");
}

TEST_F(CorruptArtifact, PtxWithoutItsZero) {
  entry(0).kind = uint32_t(SectionKind::Ptx);
  entry(0).bytes = 5;
  bytes.replace(entry(0).offset, entry(1).offset - entry(0).offset, entry(1).offset - entry(0).offset, '\0');
  std::memcpy(bytes.data() + entry(0).offset, "// x\n", 5);
  std::memcpy(entry(0).sha256, sha256("// x\n", 5).data(), 32);
  repairTable();
  expect(LATHE_CORRUPT, "section 'x86-64-v3' does not end with a zero byte");
}

TEST_F(CorruptArtifact, EveryPtxEndsWithAZero) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.push_back({SectionKind::Ptx, "sm_90a", "// for sm_90a"});
  bytes = test::readFile(test::writeTemporary(source));
  expect(LATHE_CORRUPT, "section 'sm_90a' does not end with a zero byte");
}

TEST_F(CorruptArtifact, CubinWithoutCode) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.push_back({SectionKind::Cubin, "sm_100", ""});
  bytes = test::readFile(test::writeTemporary(source));
  expect(LATHE_CORRUPT, "section 'sm_100' is to hold machine code, but is empty");
}

TEST_F(CorruptArtifact, WeightsAreCheckedOnRequest) {
  bytes[entry(1).offset + 5] ^= 1;
  test::Program program = test::load(test::writeTemporary(bytes));
  Outcome result = test::outcome(lathe_program_check_weights(program.get()));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("weight 'scale' hashes to"), std::string::npos) << result.message;
}

} // namespace
