// The reductions of row_reduction.cuh against loops in f64.
#include "KernelTest.h"
#include "row_reduction_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

template <class Input> struct Rows {
  const Input *X;
  float *Y;
  int64_t Cols;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
};

template <class Input> struct RmsNorm : Rows<Input> {
  static constexpr bool Stores = true;
  struct Row {
    float Scale;
  };
  __device__ Row finish(const SumOfSquares::Summary &s, int64_t, bool) const {
    return {rsqrtf(s.Sum / float(this->Cols) + 1e-5f)};
  }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = x[i] * r.Scale;
    storeVector(this->Y, row * this->Cols + col, y);
  }
  static void reference(const std::vector<double> &x, double *y) {
    double sum = 0;
    for (double value : x)
      sum += value * value;
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = x[i] / std::sqrt(sum / double(x.size()) + 1e-5);
  }
};

/// With a gain for each column, fetched early: 1 + col / 64.
template <class Input> struct GainedNorm : Rows<Input> {
  static constexpr bool Stores = true;
  using Row = typename RmsNorm<Input>::Row;
  __device__ Row finish(const SumOfSquares::Summary &s, int64_t, bool) const {
    return {rsqrtf(s.Sum / float(this->Cols) + 1e-5f)};
  }
  template <int N> __device__ void fetch(int64_t col, float (&gains)[N]) const {
#pragma unroll
    for (int i = 0; i < N; ++i)
      gains[i] = 1 + float(col + i) / 64;
  }
  template <int N>
  __device__ void store(int64_t row, int64_t col, const float (&x)[N], const float (&gains)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = x[i] * r.Scale * gains[i];
    storeVector(this->Y, row * this->Cols + col, y);
  }
  static void reference(const std::vector<double> &x, double *y) {
    RmsNorm<Input>::reference(x, y);
    for (size_t i = 0; i < x.size(); ++i)
      y[i] *= 1 + double(i) / 64;
  }
};

template <class Input> struct LayerNorm : Rows<Input> {
  static constexpr bool Stores = true;
  struct Row {
    float Mean, Scale;
  };
  __device__ Row finish(const MeanVariance::Summary &s, int64_t, bool) const {
    return {s.Mean, rsqrtf(s.Squares / s.Count + 1e-5f)};
  }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = (x[i] - r.Mean) * r.Scale;
    storeVector(this->Y, row * this->Cols + col, y);
  }
  static void reference(const std::vector<double> &x, double *y) {
    double mean = 0, variance = 0;
    for (double value : x)
      mean += value / double(x.size());
    for (double value : x)
      variance += (value - mean) * (value - mean) / double(x.size());
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = (x[i] - mean) / std::sqrt(variance + 1e-5);
  }
};

template <class Input> struct Softmax : Rows<Input> {
  static constexpr bool Stores = true;
  struct Row {
    float Max, Scale;
  };
  __device__ Row finish(const SoftmaxSum::Summary &s, int64_t, bool) const { return {s.Max, 1.0f / s.Sum}; }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = expf(x[i] - r.Max) * r.Scale;
    storeVector(this->Y, row * this->Cols + col, y);
  }
  static void reference(const std::vector<double> &x, double *y) {
    double top = *std::max_element(x.begin(), x.end()), sum = 0;
    for (double value : x)
      sum += std::exp(value - top);
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = std::exp(x[i] - top) / sum;
  }
};

/// Codes of f8E4M3FN, with a scale for each row; with a norm of gains 1 + col / 64 before it, or without.
template <class Input, bool Norm> struct RoundedRows {
  using Reduction = std::conditional_t<Norm, SquaresAndLargest, LargestMagnitude>;
  static constexpr bool Stores = true;
  struct Row {
    float Factor;
  };
  const Input *X;
  Float8 *Codes;
  float *Scales;
  int64_t Cols;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  static __host__ __device__ float gain(int64_t col) { return Norm ? 1 + float(col) / 64 : 1; }
  __device__ Row finish(const Reduction::Summary &s, int64_t row, bool leader) const {
    float factor = 1;
    if constexpr (Norm)
      factor = rsqrtf(s.Squares / float(Cols) + 1e-5f);
    float scale = s.Most * factor * (1.0f / 448.0f);
    scale = scale < 0x1p-100f ? 0x1p-100f : scale;
    if (leader)
      Scales[row] = scale;
    return {factor * (1.0f / scale)};
  }
  template <int N> __device__ void fetch(int64_t col, float (&gains)[N]) const {
#pragma unroll
    for (int i = 0; i < N; ++i)
      gains[i] = gain(col + i);
  }
  template <int N>
  __device__ void store(int64_t row, int64_t col, const float (&x)[N], const float (&gains)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = x[i] * gains[i] * r.Factor;
    storeVector(Codes, row * Cols + col, y);
  }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float gains[N];
    fetch(col, gains);
    store(row, col, x, gains, r);
  }
};

/// The six summaries that are results themselves, one number a row.
template <class Reduction, class Input> struct Summarize : Rows<Input> {
  static constexpr bool Stores = false;
  struct Row {};
  static __device__ float value(const SumReduction::Summary &s) { return s.Sum; }
  static __device__ float value(const MaxReduction::Summary &s) { return s.Value; }
  static __device__ float value(const MinReduction::Summary &s) { return s.Value; }
  static __device__ float value(const ProductReduction::Summary &s) { return s.Product; }
  static __device__ float value(const ArgMaxReduction::Summary &s) { return float(s.Index); }
  __device__ Row finish(const typename Reduction::Summary &s, int64_t row, bool leader) const {
    if (leader)
      this->Y[row] = value(s);
    return {};
  }
  static double reference(const std::vector<double> &x) {
    if constexpr (IsSame<Reduction, MaxReduction>)
      return *std::max_element(x.begin(), x.end());
    if constexpr (IsSame<Reduction, MinReduction>)
      return *std::min_element(x.begin(), x.end());
    if constexpr (IsSame<Reduction, ArgMaxReduction>)
      return double(std::max_element(x.begin(), x.end()) - x.begin());
    double sum = 0, product = 1;
    for (double value : x) {
      sum += value;
      product *= value;
    }
    return IsSame<Reduction, ProductReduction> ? product : sum;
  }
};

struct Case {
  int64_t Rows, Cols;
  size_t Shift;
  double Offset; ///< added to every input: far from zero, variance cancels
};

template <class Reduction, class Kernel, class Input, template <class> class Body>
void normalizeBy(Suite &suite, const std::string &name, const Case &c) {
  auto x = randomVector<Input>(c.Rows * c.Cols, c.Offset - 1, c.Offset + 1);
  Buffer<Input> in(x, c.Shift);
  auto out = Buffer<float>::poisoned(c.Rows * c.Cols, c.Shift);
  Body<Input> body{};
  body.X = in.data(), body.Y = out.data(), body.Cols = c.Cols;
  std::string title =
      name + " " + std::to_string(c.Rows) + "x" + std::to_string(c.Cols) + " shift " + std::to_string(c.Shift);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>({c.Rows, c.Cols}, body, blocks); });
  std::vector<double> want(c.Rows * c.Cols), slack(c.Rows * c.Cols);
  for (int64_t row = 0; row < c.Rows; ++row) {
    std::vector<double> values(c.Cols);
    for (int64_t i = 0; i < c.Cols; ++i)
      values[i] = number(x[row * c.Cols + i]);
    Body<Input>::reference(values, &want[row * c.Cols]);
  }
  // The factor of a row carries the error of its sum. A mean carries some roundings of the largest element, which count
  // against the deviation of these inputs, 0.3 at the least with 7 columns and more.
  double mean = IsSame<Reduction, MeanVariance> ? 8 * Rounding<float> * (std::fabs(c.Offset) + 1) / 0.3 : 0;
  for (size_t i = 0; i < want.size(); ++i)
    slack[i] = (8 * Rounding<float> + accumulation(c.Cols)) * std::fabs(want[i]) + mean;
  suite.compare(title, got, want, slack);
}

template <class Reduction, int Group, class Input, template <class> class Body, bool Early = false>
void normalize(Suite &suite, const std::string &name, const Case &c) {
  normalizeBy<Reduction, RowReduction<Reduction, Group, 4, Early>, Input, Body>(
      suite, name + " group " + std::to_string(Group), c);
}

/// Codes are the nearest to what they stand for, and scales make the largest of a row 448. The last row is all zeros,
/// the one before it has a NaN where there are three.
template <int Group, class Input, bool Norm, int Vector = 4, int Kept = 16>
void roundRows(Suite &suite, const Case &c) {
  using Body = RoundedRows<Input, Norm>;
  using Kernel = RowReduction<typename Body::Reduction, Group, Vector, Norm, Kept>;
  auto x = randomVector<Input>(c.Rows * c.Cols, c.Offset - 1, c.Offset + 1);
  std::fill_n(x.end() - c.Cols, c.Rows > 1 ? c.Cols : 0, element<Input>(0));
  if (c.Rows > 2)
    x[(c.Rows - 2) * c.Cols + c.Cols / 2] = element<Input>(NAN);
  Buffer<Input> in(x, c.Shift);
  auto codes = Buffer<Float8>::poisoned(x.size(), c.Shift);
  auto scales = Buffer<float>::poisoned(c.Rows);
  Body body{in.data(), codes.data(), scales.data(), c.Cols};
  std::string title = std::string(Norm ? "rounded norm" : "rounded rows") + " group " + std::to_string(Group) + " " +
                      std::to_string(c.Rows) + "x" + std::to_string(c.Cols) + " shift " + std::to_string(c.Shift);
  auto run = [&](int64_t blocks) { launch<Kernel>({c.Rows, c.Cols}, body, blocks); };
  auto gotScales = suite.twice(title, scales, run);
  auto got = suite.twice(title, codes, run);
  std::vector<double> want(x.size()), slack(x.size()), wantScales(c.Rows), scaleSlack(c.Rows);
  double rounding = 12 * Rounding<float> + (Norm ? accumulation(c.Cols) : 0);
  for (int64_t row = 0; row < c.Rows; ++row) {
    double squares = 0, most = 0;
    for (int64_t i = 0; i < c.Cols; ++i) {
      double value = number(x[row * c.Cols + i]);
      squares += value * value;
      most = std::isnan(value) ? NAN : std::max(std::fabs(value * Body::gain(i)), most);
      if (std::isnan(most))
        break;
    }
    double factor = Norm ? 1 / std::sqrt(squares / double(c.Cols) + 1e-5f) : 1;
    wantScales[row] = std::isnan(most) ? NAN : std::max(most * factor / 448, 0x1p-100);
    scaleSlack[row] = rounding * wantScales[row];
    for (int64_t i = 0; i < c.Cols; ++i) {
      double value = number(x[row * c.Cols + i]) * Body::gain(i) * factor / wantScales[row];
      want[row * c.Cols + i] = value;
      slack[row * c.Cols + i] = rounding * std::fabs(value);
    }
  }
  suite.compare(title + ", scales", gotScales, wantScales, scaleSlack);
  suite.compare(title + ", codes", got, want, slack);
}

template <class Kernel, class Reduction>
void summarizeBy(Suite &suite, const std::string &kernel, int64_t rows, int64_t cols) {
  bool product = IsSame<Reduction, ProductReduction>;
  auto x = randomVector<float>(rows * cols, product ? 0.9 : -1, product ? 1.1 : 1);
  Buffer<float> in(x);
  auto out = Buffer<float>::poisoned(rows);
  Summarize<Reduction, float> body{};
  body.X = in.data(), body.Y = out.data(), body.Cols = cols;
  std::string title = kernel + " " + std::to_string(rows) + "x" + std::to_string(cols);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>({rows, cols}, body, blocks); });
  std::vector<double> want(rows), slack(rows);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> values(x.begin() + row * cols, x.begin() + (row + 1) * cols);
    want[row] = Summarize<Reduction, float>::reference(values);
    double magnitude = product ? std::fabs(want[row]) : double(cols) / 2;
    bool exact = !product && !IsSame<Reduction, SumReduction>;
    slack[row] = exact ? 0 : magnitude * accumulation(cols);
  }
  suite.compare(title, got, want, slack);
}

template <class Reduction, int Group>
void summarize(Suite &suite, const std::string &name, int64_t rows, int64_t cols) {
  summarizeBy<RowReduction<Reduction, Group>, Reduction>(suite, name + " group " + std::to_string(Group), rows, cols);
}

template <int Group> void cases(Suite &suite) {
  const int64_t cached = Group * 16;
  for (const Case &c : {Case{1, 1, 0, 0}, Case{9, 7, 1, 0}, Case{3, 10, 0, 0}, Case{2, cached - 1, 0, 0},
                        Case{2, cached, 0, 100}, Case{3, cached + 1, 1, 0}, Case{2, cached * 2 + 9, 0, 0}}) {
    normalize<SumOfSquares, Group, float, RmsNorm>(suite, "rms norm f32", c);
    normalize<SumOfSquares, Group, Half, RmsNorm>(suite, "rms norm f16", {c.Rows, c.Cols, c.Shift, 0});
    normalize<SumOfSquares, Group, float, GainedNorm, true>(suite, "rms norm with gains", c);
    normalize<MeanVariance, Group, float, LayerNorm>(suite, "layer norm f32", c);
    normalize<SoftmaxSum, Group, float, Softmax>(suite, "softmax f32", {c.Rows, c.Cols, c.Shift, 0});
    roundRows<Group, Half, false>(suite, {c.Rows, c.Cols, c.Shift, 0});
    roundRows<Group, float, true>(suite, c);
  }
  for (int64_t cols : {int64_t(1), int64_t(5), cached - 1, cached + 3}) {
    summarize<SumReduction, Group>(suite, "sum", 5, cols);
    summarize<MaxReduction, Group>(suite, "max", 5, cols);
    summarize<MinReduction, Group>(suite, "min", 5, cols);
    summarize<ProductReduction, Group>(suite, "product", 5, cols);
    summarize<ArgMaxReduction, Group>(suite, "arg max", 5, cols);
  }
}

/// Rows that softmax meets after masking: some -inf, all but one; and one with a NaN, one with infinity: all NaN.
void specialRows(Suite &suite) {
  const int64_t rows = 4, cols = 37;
  auto x = randomVector<float>(rows * cols);
  for (int64_t i = 0; i < cols; ++i) {
    if (i % 3)
      x[i] = -INFINITY;
    if (i != 20)
      x[cols + i] = -INFINITY;
  }
  x[2 * cols + 36] = NAN;
  x[3 * cols + 11] = INFINITY;
  Buffer<float> in(x);
  auto out = Buffer<float>::poisoned(x.size());
  Softmax<float> body{};
  body.X = in.data(), body.Y = out.data(), body.Cols = cols;
  auto got = suite.twice("softmax of masked rows", out,
                         [&](int64_t blocks) { launch<RowReduction<SoftmaxSum, 128>>({rows, cols}, body, blocks); });
  std::vector<double> want(x.size(), NAN);
  for (int64_t row = 0; row < 2; ++row)
    Softmax<float>::reference({x.begin() + row * cols, x.begin() + (row + 1) * cols}, &want[row * cols]);
  suite.compare("softmax of masked rows", got, want, std::vector<double>(x.size(), 4 * Rounding<float>));
}

/// The largest element where two are equal, where all are -inf, and where two are NaN.
template <class Kernel> void specialLargest(Suite &suite, const std::string &name, int64_t cols) {
  std::vector<float> x(3 * cols, 0.5f);
  x[cols - 7] = x[cols / 2] = 2;
  std::fill_n(x.begin() + cols, cols, -INFINITY);
  x[2 * cols] = INFINITY;
  x[3 * cols - 4] = x[2 * cols + cols / 3] = NAN;
  Buffer<float> in(x);
  auto out = Buffer<float>::poisoned(3);
  Summarize<ArgMaxReduction, float> body{};
  body.X = in.data(), body.Y = out.data(), body.Cols = cols;
  std::string title = name + " of special rows";
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>({3, cols}, body, blocks); });
  suite.compare(title, got, {double(cols / 2), 0, double(cols / 3)}, {0, 0, 0});
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("row_reduction", argc, argv);
  cases<32>(suite);
  cases<256>(suite);
  cases<1024>(suite);
  for (const Case &c : {Case{1, 7, 0, 0}, Case{9, 64, 0, 10}, Case{17, 100, 3, 0}, Case{8, 767, 0, 0},
                        Case{21, 768, 0, 100}, Case{3, 1021, 1, 0}, Case{5, 1024, 0, 0}}) {
    normalizeBy<MeanVariance, CenteredRows<4>, float, LayerNorm>(suite, "layer norm f32 a warp", c);
    normalizeBy<MeanVariance, CenteredRows<8>, Half, LayerNorm>(suite, "layer norm f16 a warp",
                                                                {c.Rows, c.Cols, c.Shift, 0});
  }
  for (const Case &c : {Case{9, 7, 1, 0}, Case{3, 4096, 0, 0}, Case{3, 8195, 3, 0}, Case{2, 16391, 0, 0}}) {
    roundRows<256, Half, false, 8, 32>(suite, c);
    roundRows<256, Half, false, 8, 64>(suite, c);
    roundRows<32, BFloat16, false, 8>(suite, c);
  }
  specialRows(suite);
  specialLargest<RowReduction<ArgMaxReduction, 32>>(suite, "arg max", 37);
  specialLargest<RowReductionCluster<ArgMaxReduction, 8>>(suite, "arg max cluster", 50001);
  specialLargest<RowReductionCluster<ArgMaxReduction, 4>>(suite, "arg max smaller cluster", 40003);
  for (int64_t cols : {1, 31, 4097, 40003}) {
    summarizeBy<RowReductionCluster<ArgMaxReduction, 8>, ArgMaxReduction>(suite, "arg max cluster", 3, cols);
    summarizeBy<RowReductionCluster<SumReduction, 4>, SumReduction>(suite, "sum cluster", 2, cols);
  }
  if (suite.Time)
    for (int64_t rows : {1, 64, 16384}) {
      const int64_t cols = 4096;
      Buffer<Half> in(randomVector<Half>(rows * cols));
      auto out = Buffer<float>::poisoned(rows * cols);
      RmsNorm<Half> body{};
      body.X = in.data(), body.Y = out.data(), body.Cols = cols;
      auto codes = Buffer<Float8>::poisoned(rows * cols);
      auto scales = Buffer<float>::poisoned(rows);
      RoundedRows<Half, false> rounded{in.data(), codes.data(), scales.data(), cols};
      suite.time("rounded rows f16 " + std::to_string(rows) + "x4096", 1, 3.0 * double(rows * cols), 0,
                 [&](int) { launch<RowReduction<LargestMagnitude, 256>>({rows, cols}, rounded); });
      suite.time("rms norm f16 to f32 " + std::to_string(rows) + "x4096", 1, 6.0 * double(rows * cols), 0,
                 [&](int) { launch<RowReduction<SumOfSquares, 256>>({rows, cols}, body); });
    }
  return suite.finish();
}
