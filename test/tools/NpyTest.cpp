#include "tools/lathe/Npy.h"

#include "tools/lathe/CommandFailure.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace lathe::tools;

namespace {

std::string path() { return testing::TempDir() + "lathe-npy-" + std::to_string(getpid()) + ".npy"; }

/// A file of version 1 with this dictionary and these data.
void put(const std::string &dictionary, const std::string &data) {
  std::ofstream file(path(), std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  file.put(char(dictionary.size())).put(0);
  file << dictionary << data;
}

void expectRefused(const std::string &text) {
  try {
    readNpy(path());
    ADD_FAILURE() << "was read, wanted: " << text;
  } catch (const CommandFailure &failure) {
    EXPECT_EQ(failure.what(), path() + ": " + text);
    EXPECT_EQ(failure.code, LATHE_INVALID_ARGUMENT);
  }
}

TEST(Npy, EveryTypeAndRankComesBack) {
  for (int type = LATHE_F32; type <= LATHE_U64; ++type)
    for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {3}, {2, 3}, {1, 0, 4}}) {
      size_t bytes = typeNames(lathe_type(type)).bytes;
      for (int64_t size : shape)
        bytes *= size_t(size);
      Array array = {lathe_type(type), shape, std::vector<char>(bytes, 'x')};
      writeNpy(path(), array);
      Array read = readNpy(path());
      EXPECT_EQ(read.type, type == LATHE_BF16 ? LATHE_U16 : array.type);
      EXPECT_EQ(read.shape, array.shape);
      EXPECT_EQ(read.bytes, array.bytes);
    }
}

TEST(Npy, DataBeginsAtAMultipleOf64) {
  writeNpy(path(), {LATHE_U8, {5}, std::vector<char>(5, 'd')});
  std::ifstream file(path(), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(bytes.size() % 64, 5u);
  EXPECT_EQ(bytes[bytes.size() - 6], '\n');
}

TEST(Npy, KeysInAnyOrder) {
  put("{'shape': (2, 1), 'fortran_order': False, 'descr': '|u1'}", "ab");
  EXPECT_EQ(readNpy(path()).shape, (std::vector<int64_t>{2, 1}));
}

TEST(Npy, Refusals) {
  std::ofstream(path()) << "PK\3\4 something else";
  expectRefused("not a NumPy file");
  std::ofstream(path()) << "\x93NUMPY\x04 something else";
  expectRefused("the file has version 4 but versions 1 to 3 are read");
  put("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", "abcd");
  expectRefused("the array is in column-major order; save numpy.ascontiguousarray of it");
  put("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "abcd");
  expectRefused("the elements are '>f4', which no model takes; convert them");
  put("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "abcd");
  expectRefused("the shape needs 8 bytes but the file has 4");
  put("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}", "abcd");
  expectRefused("the shape has more elements than any file");
  put("{'descr': '<f4', 'fortran_order': False, 'shape': (x,)}", "abcd");
  expectRefused("'shape' has a size that is not a number");
  put("{'descr': '<f4', 'fortran_order': False}", "abcd");
  expectRefused("the header has no 'shape'");
}

} // namespace
