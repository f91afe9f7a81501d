// A program linked into the executable, stood in for by code in memory that is mapped executable.
#include "test/runtime/TestArtifact.h"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>

using namespace lathe;
using test::Outcome;

namespace {

class Embedded : public testing::Test {
protected:
  void SetUp() override {
    artifact::ArtifactSource source = test::scaleSource();
    std::string file = test::readFile(test::writeTemporary(source));
    artifactBytes = file.size();
    artifact = copy(file, PROT_READ);
    std::string text = source.sections[0].bytes;
    code = copy(text, PROT_READ | PROT_EXEC);
    image = {"x86-64-v3", code, text.size()};
    embedded = {sizeof(embedded), artifact, artifactBytes, 1, &image};
  }

  static void *copy(const std::string &bytes, int protection) {
    void *memory = mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(memory, bytes.data(), bytes.size());
    mprotect(memory, bytes.size(), protection);
    return memory;
  }

  Outcome load() {
    lathe_program *raw = nullptr;
    Outcome result = test::outcome(lathe_program_load_embedded(&embedded, &raw));
    program.reset(raw);
    return result;
  }

  void *artifact, *code;
  size_t artifactBytes;
  lathe_embedded_image image;
  lathe_embedded_program embedded;
  test::Program program;
};

TEST_F(Embedded, Runs) {
  ASSERT_EQ(load().message, "");
  test::Session session = test::openSession(program, test::cpu(1));
  float x[4] = {1, 0, 0, 0.5f}, total = 0;
  lathe_tensor input = {"x", x, sizeof(x), LATHE_F32, LATHE_MEMORY_HOST, 2, {1, 4}};
  lathe_tensor output = {"total", &total, sizeof(total), LATHE_F32, LATHE_MEMORY_HOST, 0, {}};
  lathe_run_options options = {sizeof(options), nullptr, &input, 1, &output, 1, nullptr};
  ASSERT_EQ(test::outcome(lathe_session_run(session.get(), &options)).message, "");
  EXPECT_EQ(total, 3);
}

TEST_F(Embedded, CodeThatDiffers) {
  mprotect(code, image.bytes, PROT_READ | PROT_WRITE);
  static_cast<char *>(code)[0] ^= 1;
  Outcome result = load();
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("the code of image 'x86-64-v3' differs from its section"), std::string::npos);
}

TEST_F(Embedded, CodeOfAnotherSize) {
  --image.bytes;
  EXPECT_NE(load().message.find("image 'x86-64-v3' has "), std::string::npos);
}

TEST_F(Embedded, ImageThatTheArtifactLacks) {
  image.section = "x86-64-v4";
  EXPECT_NE(load().message.find("image 'x86-64-v4' is linked in but the artifact has no such host image"),
            std::string::npos);
}

TEST_F(Embedded, CodeThatIsNotLinkedIn) {
  embedded.image_count = 0;
  ASSERT_EQ(load().message, "");
  lathe_session *session = nullptr;
  test::Device device = test::cpu(1);
  Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), nullptr, &session));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("the code of image 'x86-64-v3' is not linked in"), std::string::npos);
}

TEST_F(Embedded, OlderCaller) {
  embedded.struct_size = 0;
  EXPECT_EQ(load().code, LATHE_INVALID_ARGUMENT);
}

} // namespace
