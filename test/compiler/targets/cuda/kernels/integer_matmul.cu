// The products of integer_matmul.cuh against a loop in 64 bits: equal, whatever codes and zeros.
#include "KernelTest.h"
#include "integer_matmul.cuh"
#include <limits>

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Sizes {
  int64_t M, N, K, Batch = 1;
  bool SharedRight = false; ///< one matrix for all of the batch
  size_t Shift = 0;         ///< codes that the operands are off alignment
};

/// How many zeros an operand has.
enum class Zeros { None, One, Rows };

template <class Left, class Right, bool One> struct Operands {
  static constexpr bool OneLeftZero = One, OneRightZero = One;
  const Left *A, *LeftZeros;
  const Right *W, *RightZeros;
  bool OneLeft, OneRight;
  int64_t LeftStride, RightStride, M, N; ///< codes from one matrix to the next, rows of one

  __device__ const Left *left(int64_t batch) const { return A + batch * LeftStride; }
  __device__ const Right *right(int64_t batch) const { return W + batch * RightStride; }
  __device__ int32_t leftZero(int64_t batch, int64_t row) const { return LeftZeros[OneLeft ? 0 : batch * M + row]; }
  __device__ int32_t rightZero(int64_t batch, int64_t col) const {
    return RightZeros[OneRight ? 0 : (RightStride ? batch * N : 0) + col];
  }
};

/// acc ^ row ^ col << 8, as integers: wrong indices show.
struct MixIndices {
  __device__ int32_t operator()(int32_t acc, int64_t row, int64_t col) const { return acc ^ int32_t(row ^ col << 8); }
};

/// Codes of the whole range, the least and the largest often.
template <class Code> std::vector<Code> randomCodes(size_t count) {
  std::vector<Code> codes(count);
  for (Code &code : codes) {
    unsigned draw = unsigned(randomness()() >> 40);
    code = Code(draw % 8 == 0   ? std::numeric_limits<Code>::min()
                : draw % 8 == 1 ? std::numeric_limits<Code>::max()
                                : int(draw >> 8 & 255));
  }
  return codes;
}

template <class Code> std::vector<Code> makeZeros(Zeros kind, int64_t rows) {
  if (kind == Zeros::None)
    return {Code(0)};
  return randomCodes<Code>(kind == Zeros::One ? 1 : rows);
}

/// In place of a tile.
struct FewRows {};

template <class Left, class Right, class Tile, class From> struct KernelWith {
  using Type = IntegerMatmul<Left, Right, int32_t, Tile, From>;
};
template <class Left, class Right, class From> struct KernelWith<Left, Right, FewRows, From> {
  using Type = IntegerMatmulFewRows<Left, Right, int32_t, From>;
};
template <class Left, class Right, class Tile, class From>
using KernelOf = typename KernelWith<Left, Right, Tile, From>::Type;

template <bool One, class Left, class Right, class Tile>
void runTyped(Suite &suite, const std::string &name, Zeros leftKind, Zeros rightKind, const Sizes &s) {
  bool oneLeft = leftKind != Zeros::Rows, oneRight = rightKind != Zeros::Rows;
  using From = Operands<Left, Right, One>;
  using Kernel = KernelOf<Left, Right, Tile, From>;
  int64_t rights = s.SharedRight ? 1 : s.Batch;
  auto a = randomCodes<Left>(s.Batch * s.M * s.K), x = makeZeros<Left>(leftKind, s.Batch * s.M);
  auto w = randomCodes<Right>(rights * s.N * s.K), y = makeZeros<Right>(rightKind, rights * s.N);
  Buffer<Left> deviceA(a, s.Shift), deviceX(x);
  Buffer<Right> deviceW(w, s.Shift), deviceY(y);
  auto out = Buffer<int32_t>::poisoned(s.Batch * s.M * s.N);
  From from{deviceA.data(),
            deviceX.data(),
            deviceW.data(),
            deviceY.data(),
            oneLeft,
            oneRight,
            s.M * s.K,
            s.SharedRight ? 0 : s.N * s.K,
            s.M,
            s.N};
  std::string title = name + " " + std::to_string(s.Batch) + "x" + std::to_string(s.M) + "x" + std::to_string(s.N) +
                      "x" + std::to_string(s.K) + " zeros " + std::to_string(int(leftKind)) + " " +
                      std::to_string(int(rightKind)) + " shift " + std::to_string(s.Shift);
  typename Kernel::Params params{from, out.data(), s.M, s.N, s.K, s.Batch};
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, MixIndices{}, blocks); });
  std::vector<double> want(s.Batch * s.M * s.N), exact(want.size());
  for (int64_t b = 0; b < s.Batch; ++b)
    for (int64_t m = 0; m < s.M; ++m)
      for (int64_t n = 0; n < s.N; ++n) {
        int64_t matrix = s.SharedRight ? 0 : b, sum = 0;
        int64_t leftZero = x[oneLeft ? 0 : b * s.M + m], rightZero = y[oneRight ? 0 : matrix * s.N + n];
        for (int64_t k = 0; k < s.K; ++k)
          sum += (a[(b * s.M + m) * s.K + k] - leftZero) * (w[(matrix * s.N + n) * s.K + k] - rightZero);
        want[(b * s.M + m) * s.N + n] = int32_t(sum) ^ int32_t((b * s.M + m) ^ n << 8);
      }
  suite.compare(title, got, want, exact);
}

template <class Left, class Right, class Tile>
void runCase(Suite &suite, const std::string &name, Zeros leftKind, Zeros rightKind, const Sizes &s) {
  if (leftKind != Zeros::Rows && rightKind != Zeros::Rows)
    runTyped<true, Left, Right, Tile>(suite, name, leftKind, rightKind, s);
  else
    runTyped<false, Left, Right, Tile>(suite, name, leftKind, rightKind, s);
}

template <class Left, class Right, class Tile> void tileCases(Suite &suite, const std::string &name) {
  const Sizes sizes[] = {{1, 1, 1},      {3, 5, 7},     {17, 33, 16},        {16, 64, 128},
                         {65, 63, 129},  {64, 128, 64}, {127, 130, 48},      {129, 129, 272},
                         {5, 24, 80, 3}, {2, 3, 0},     {7, 9, 33, 4, true}, {33, 40, 64, 1, false, 1}};
  for (const Sizes &s : sizes)
    runCase<Left, Right, Tile>(suite, name, Zeros::One, Zeros::Rows, s);
  runCase<Left, Right, Tile>(suite, name, Zeros::None, Zeros::None, {34, 66, 144});
  runCase<Left, Right, Tile>(suite, name, Zeros::One, Zeros::None, {34, 66, 144});
  runCase<Left, Right, Tile>(suite, name, Zeros::None, Zeros::One, {34, 66, 144});
  runCase<Left, Right, Tile>(suite, name, Zeros::Rows, Zeros::One, {35, 65, 130, 2});
  if constexpr (!Emulated)
    runCase<Left, Right, Tile>(suite, name, Zeros::Rows, Zeros::Rows, {257, 1031, 4097});
}

template <class Left, class Right> void fewRowsCases(Suite &suite, const std::string &name) {
  const Sizes sizes[] = {{1, 1, 1},     {8, 8, 64},     {3, 5, 7}, {5, 17, 130},        {1, 9, 1040},
                         {2, 12, 1023}, {7, 24, 80, 3}, {2, 3, 0}, {7, 9, 33, 4, true}, {8, 16, 64, 1, false, 1}};
  for (const Sizes &s : sizes) {
    runCase<Left, Right, FewRows>(suite, name, Zeros::One, Zeros::Rows, s);
    runCase<Left, Right, FewRows>(suite, name, Zeros::None, Zeros::None, s);
  }
  runCase<Left, Right, FewRows>(suite, name, Zeros::Rows, Zeros::One, {5, 65, 130, 2});
  if constexpr (!Emulated)
    runCase<Left, Right, FewRows>(suite, name, Zeros::Rows, Zeros::Rows, {8, 1031, 4097});
}

template <class Tile>
void timeCase(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k, bool zeros) {
  using From = Operands<uint8_t, int8_t, true>;
  using Kernel = KernelOf<uint8_t, int8_t, Tile, From>;
  double bytes = double(m * k) + double(n * k) + double(m * n) * 4;
  int copies = int(300e6 / bytes) + 1; // five times the L2 of an H200
  Buffer<uint8_t> a(randomCodes<uint8_t>(m * k)), x({uint8_t(zeros ? 3 : 0)});
  Buffer<int8_t> y({int8_t(0)});
  auto c = Buffer<int32_t>::poisoned(m * n);
  std::vector<int8_t> values = randomCodes<int8_t>(n * k);
  std::vector<Buffer<int8_t>> w;
  for (int i = 0; i < copies; ++i)
    w.emplace_back(values);
  std::string title = name + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) +
                      (zeros ? " with a zero" : "");
  suite.time(title, copies, bytes, 2.0 * double(m) * double(n) * double(k), [&](int i) {
    launch<Kernel>({{a.data(), x.data(), w[i].data(), y.data(), true, true, 0, 0, m, n}, c.data(), m, n, k, 1},
                   StoreAsIs{});
  });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("integer_matmul", argc, argv);
  tileCases<uint8_t, int8_t, SmallTile>(suite, "u8*s8 small");
  tileCases<int8_t, int8_t, MediumTile>(suite, "s8*s8 medium");
  tileCases<uint8_t, uint8_t, MediumTile>(suite, "u8*u8 medium");
  tileCases<int8_t, uint8_t, LargeTile>(suite, "s8*u8 large");
  fewRowsCases<uint8_t, int8_t>(suite, "u8*s8 few");
  fewRowsCases<int8_t, uint8_t>(suite, "s8*u8 few");
  if (suite.Time) {
    for (bool zeros : {false, true}) {
      timeCase<FewRows>(suite, "few rows", 1, 14336, 4096, zeros);
      timeCase<FewRows>(suite, "few rows", 8, 14336, 4096, zeros);
      timeCase<SmallTile>(suite, "small", 16, 14336, 4096, zeros);
      timeCase<MediumTile>(suite, "medium", 64, 14336, 4096, zeros);
      timeCase<LargeTile>(suite, "large", 512, 14336, 4096, zeros);
      timeCase<LargeTile>(suite, "large", 4096, 4096, 4096, zeros);
    }
  }
  return suite.finish();
}
