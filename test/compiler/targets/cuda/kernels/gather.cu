// Rows of a table, plain and in blocks.
#include "KernelTest.h"
#include "gather.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct ScaleByCol {
  __device__ float operator()(float x, int64_t row, int64_t col) const {
    return x * 2.0f + float(col) * 0.5f - float(row);
  }
};

template <class Index> std::vector<Index> indices(int64_t rows, int64_t tableRows) {
  auto result = randomVector<Index>(rows, 0, double(tableRows));
  result[0] = Index(tableRows - 1);
  if (rows > 3) {
    result[1] = -1;
    result[2] = Index(tableRows);      // outside
    result[3] = Index(-tableRows - 1); // outside
  }
  return result;
}

/// A launch says that an index is outside of the table, and nothing where none is or where an earlier one has spoken.
void reports(Suite &suite) {
  const std::vector<float> table(12, 1.0f);
  Buffer<float> data(table);
  for (int32_t index : {0, 3, -4, 4, -5, INT32_MAX})
    for (uint64_t before : {uint64_t(0), uint64_t(77)}) {
      const uint64_t node = 0x7f1234567890;
      Buffer<int32_t> indices(std::vector<int32_t>{1, index});
      Buffer<uint64_t> word(std::vector<uint64_t>{before});
      auto out = Buffer<float>::poisoned(6);
      using Kernel = Gather<float, int32_t, float>;
      Kernel::Params params{data.data(), indices.data(), out.data(), 2, 3, 4, 3, 3, {word.data(), node}};
      launch<Kernel>(params, StoreAsIs{});
      synchronize();
      bool inside = index >= -4 && index < 4;
      uint64_t want = before || inside ? before : uint64_t(lathe::runtime::HostIndexOutOfRange) << 56 | node;
      suite.report("index " + std::to_string(index) + " behind " + std::to_string(before), word.read()[0] == want);
    }
}

/// Row of the table or -1 for zeros.
int64_t place(int64_t index, int64_t tableRows) {
  index = index < 0 ? index + tableRows : index;
  return index >= 0 && index < tableRows ? index : -1;
}

template <class Table, class Index, class Output>
void plain(Suite &suite, const std::string &name, int64_t rows, int64_t cols, size_t shift) {
  const int64_t tableRows = 50;
  auto table = randomVector<Table>(tableRows * (cols + 3));
  auto index = indices<Index>(rows, tableRows);
  Buffer<Table> data(table, shift);
  Buffer<Index> deviceIndex(index);
  auto out = Buffer<Output>::poisoned(rows * cols, shift);
  using Kernel = Gather<Table, Index, Output>;
  typename Kernel::Params params{data.data(), deviceIndex.data(), out.data(), rows, cols,
                                 tableRows,   cols + 3,           cols,       {}};
  std::string title =
      name + " " + std::to_string(rows) + "x" + std::to_string(cols) + " shift " + std::to_string(shift);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, ScaleByCol{}, blocks); });
  std::vector<double> want(rows * cols);
  for (int64_t i = 0; i < rows * cols; ++i) {
    int64_t row = place(index[i / cols], tableRows), col = i % cols;
    want[i] = (row < 0 ? 0 : number(table[row * (cols + 3) + col])) * 2 + double(col) * 0.5 - double(i / cols);
  }
  suite.compare(title, got, want, std::vector<double>(rows * cols, 1e-4));
}

/// Q8_0, whose definition is one product; the other formats are covered where they are unpacked.
void blocks(Suite &suite, int64_t rows, int64_t cols) {
  const int64_t tableRows = 20;
  std::vector<uint8_t> table(tableRows * cols / 32 * 34);
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = uint8_t(randomness()());
  for (size_t i = 0; i < table.size(); i += 34)
    table[i] = 0, table[i + 1] = uint8_t(0x20 + i / 34 % 16); // a positive scale of moderate size
  auto index = indices<int32_t>(rows, tableRows);
  Buffer<uint8_t> data(table);
  Buffer<int32_t> deviceIndex(index);
  auto out = Buffer<float>::poisoned(rows * cols);
  using Kernel = Gather<Q8_0, int32_t, float>;
  Kernel::Params params{data.data(), deviceIndex.data(), out.data(), rows, cols, tableRows, 0, cols, {}};
  std::string title = "q8_0 " + std::to_string(rows) + "x" + std::to_string(cols);
  auto got = suite.twice(title, out, [&](int64_t grid) { launch<Kernel>(params, StoreAsIs{}, grid); });
  std::vector<double> want(rows * cols);
  for (int64_t i = 0; i < rows * cols; ++i) {
    int64_t row = place(index[i / cols], tableRows), col = i % cols;
    const uint8_t *block = row < 0 ? nullptr : &table[(row * (cols / 32) + col / 32) * 34];
    want[i] = block ? halfValue(uint16_t(block[0] | block[1] << 8)) * double(int8_t(block[2 + col % 32])) : 0;
  }
  suite.compare(title, got, want, std::vector<double>(rows * cols));
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("gather", argc, argv);
  for (int64_t rows : {int64_t(1), int64_t(5), int64_t(257), large(4099, 300)})
    for (int64_t cols : {1, 7, 8, 9, 64, 2049})
      for (size_t shift : {0, 1}) {
        plain<Half, int64_t, float>(suite, "f16", rows, cols, shift);
        plain<float, int32_t, BFloat16>(suite, "f32", rows, cols, shift);
      }
  reports(suite);
  for (int64_t rows : {1, 6, 130})
    for (int64_t cols : {32, 96, 2048})
      blocks(suite, rows, cols);
  return suite.finish();
}
