// Products of rows that are rounded to 8 bits with weights in panels of blocks:
//
//   result[m, n] = sum_g xd[m, g] * (ws[n, g] * sum_i x[m, g, i] * q[n, g, i] - wm[n, g] * sum_i x[m, g, i])
//
// g counts groups of 32 elements of k, i the elements of a group; x are the row's codes and xd their scale
// (`lathe.int8_matmul` says how rows are rounded), q unsigned codes of the weights, ws their scale, wm their minimum.
// Formats with signed codes have no minimum: the sum of integers begins at minus their offset times the sum of x. Q6_K
// has a scale for each half of a group.
//
// A panel is 16 columns (runtime/gguf/BlockPanels.h): a vector holds four codes of each of them, one lane a column. Few
// rows read weights from where they lie, so that memory is the limit. Of many rows, a run of two panels is unpacked
// once and passes by all rows of a block, six at a time, whose sums stay in registers over a group.
//
// What is added to one element, and in which order, depends on k alone: sums over groups go from first to last.
#include "compiler/targets/cpu/kernels/Products.h"
#include <immintrin.h>

using namespace lathe::cpu;

namespace {

using Codes = uint8_t __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));
using Halves = _Float16 __attribute__((vector_size(32)));
template <typename T> struct [[gnu::packed, gnu::may_alias]] Unaligned {
  T value;
};
template <typename T> LATHE_INLINE T load(const void *p) { return static_cast<const Unaligned<T> *>(p)->value; }
LATHE_INLINE Codes loadCodes(const void *p) { return load<Codes>(p); }
LATHE_INLINE Vector loadHalves(const void *p) { return __builtin_convertvector(load<Halves>(p), Vector); }
LATHE_INLINE Vector toFloat(Ints v) { return __builtin_convertvector(v, Vector); }
LATHE_INLINE Ints splat(int32_t x) { return Ints{} + x; }

/// Elements that share a scale of the row, and the codes of a column in one vector.
constexpr int64_t Group = 32, Quad = 4, Quads = Group / Quad, PanelColumns = Lanes;
constexpr int64_t VectorBytes = 64;
/// Few rows: at most so many, over runs of so many steps of k.
constexpr int64_t FewRows = 4, FewRun = 8192;
/// Many: rows and columns of a span, and steps of k in a run; a run of two panels stays in the first cache.
constexpr int64_t ManyRows = 132, ManyRun = 512, SpanColumns = 512;
constexpr int64_t MostGroups =
    FewRows * FewRun / Group > ManyRows *ManyRun / Group ? FewRows *FewRun / Group : ManyRows *ManyRun / Group;

//===- Formats ----------------------------------------------------------------------------------------------------===//
//
// A cell is what blocks of 16 columns are in a panel. Its codes come out in steps of two vectors for each quad: those
// of two groups, 2 * step and the next, or, where a cell is one group (`OneGroup`), of its first and of its second
// half.

struct Q4_0 {
  static constexpr int64_t Weights = 32, Bytes = 16 * 18, Steps = 1;
  static constexpr bool OneGroup = true, HalfScales = false, HasMinimum = false, IsSigned = false;
  static constexpr int32_t Offset = 8, PrefetchBytes = 0;
  Vector d;

  LATHE_INLINE explicit Q4_0(const uint8_t *cell) : d(loadHalves(cell + 4 * VectorBytes)) {}
  LATHE_INLINE static void unpack(const uint8_t *cell, int64_t, int64_t quad, Codes &a, Codes &b) {
    Codes both = loadCodes(cell + quad * VectorBytes);
    a = both & 15;
    b = both >> 4;
  }
  LATHE_INLINE Vector getScale(int64_t, int64_t) const { return d; }
};

struct Q8_0 {
  static constexpr int64_t Weights = 32, Bytes = 16 * 34, Steps = 1;
  static constexpr bool OneGroup = true, HalfScales = false, HasMinimum = false, IsSigned = true;
  static constexpr int32_t PrefetchBytes = 0, Offset = 128; // where signed codes are made unsigned
  Vector d;

  LATHE_INLINE explicit Q8_0(const uint8_t *cell) : d(loadHalves(cell + 8 * VectorBytes)) {}
  LATHE_INLINE static void unpack(const uint8_t *cell, int64_t, int64_t quad, Codes &a, Codes &b) {
    a = loadCodes(cell + quad * VectorBytes);
    b = loadCodes(cell + (quad + Quads / 2) * VectorBytes);
  }
  LATHE_INLINE Vector getScale(int64_t, int64_t) const { return d; }
};

struct Q4K {
  static constexpr int64_t Weights = 256, Bytes = 16 * 144, Steps = 4;
  static constexpr bool OneGroup = false, HalfScales = false, HasMinimum = true, IsSigned = false;
  static constexpr int32_t Offset = 0, PrefetchBytes = 0;
  Vector d, dmin;
  Ints scales[2], minima[2]; ///< four groups each, a byte a group

  LATHE_INLINE explicit Q4K(const uint8_t *cell)
      : d(loadHalves(cell + 35 * VectorBytes)), dmin(loadHalves(cell + 35 * VectorBytes + 32)) {
    Ints a = load<Ints>(cell + 32 * VectorBytes), b = load<Ints>(cell + 33 * VectorBytes),
         c = load<Ints>(cell + 34 * VectorBytes);
    scales[0] = a & 0x3F3F3F3F;
    minima[0] = b & 0x3F3F3F3F;
    scales[1] = (c & 0x0F0F0F0F) | (a >> 2 & 0x30303030);
    minima[1] = (c >> 4 & 0x0F0F0F0F) | (b >> 2 & 0x30303030);
  }
  LATHE_INLINE static void unpack(const uint8_t *cell, int64_t step, int64_t quad, Codes &a, Codes &b) {
    Codes both = loadCodes(cell + (step * Quads + quad) * VectorBytes);
    a = both & 15;
    b = both >> 4;
  }
  LATHE_INLINE Vector getScale(int64_t group, int64_t) const {
    return d * toFloat(scales[group / 4] >> int32_t(group % 4 * 8) & 63);
  }
  LATHE_INLINE Vector getMinimum(int64_t group) const {
    return dmin * toFloat(minima[group / 4] >> int32_t(group % 4 * 8) & 63);
  }
};

struct Q6K {
  static constexpr int64_t Weights = 256, Bytes = 16 * 210, Steps = 4;
  static constexpr bool OneGroup = false, HalfScales = true, HasMinimum = false, IsSigned = false;
  static constexpr int32_t Offset = 32, PrefetchBytes = 4096;
  Vector d;
  const uint8_t *cell;

  LATHE_INLINE explicit Q6K(const uint8_t *cell) : d(loadHalves(cell + 52 * VectorBytes)), cell(cell) {}
  LATHE_INLINE static void unpack(const uint8_t *cell, int64_t step, int64_t quad, Codes &a, Codes &b) {
    // Two steps share a quad of low nibbles of each of their groups, and one with two bits for all four.
    const uint8_t *place = cell + (step / 2 * Quads + quad) * 3 * VectorBytes;
    Codes lowA = loadCodes(place), lowB = loadCodes(place + VectorBytes);
    // Shifted as words, since there are no shifts of bytes; masks drop what comes from the neighbour.
    Ints high = load<Ints>(place + 2 * VectorBytes);
    if (step % 2 == 0) {
      a = (lowA & 15) | (Codes(high << 4) & 48);
      b = (lowB & 15) | (Codes(high << 2) & 48);
    } else {
      a = (lowA >> 4) | (Codes(high) & 48);
      b = (lowB >> 4) | (Codes(high >> 2) & 48);
    }
  }
  LATHE_INLINE Vector getScale(int64_t group, int64_t half) const {
    Ints four = load<Ints>(cell + (48 + group / 2) * VectorBytes);
    int32_t byte = int32_t(group % 2 * 2 + half);
    return d * toFloat((four << (24 - 8 * byte)) >> 24);
  }
};

//===- Rows -------------------------------------------------------------------------------------------------------===//

/// Rounded rows of a run.
struct Rows {
  alignas(64) int8_t codes[MostGroups * Group + ManyRows * VectorBytes];
  alignas(64) float scales[MostGroups];
  /// Where the sums of integers begin, a number for each half of a group; or minus the minima's factor, one a group.
  alignas(64) union {
    int32_t starts[2 * MostGroups];
    float minima[2 * MostGroups];
  };
  int64_t codeStep; ///< from one row to the next
  int64_t groups;   ///< of a row
};

/// Signed codes are made unsigned where the machine multiplies unsigned ones by signed ones alone.
template <typename Format> LATHE_INLINE int32_t getOffset() {
  return Format::IsSigned && !lathe_has_vnni ? 0 : Format::Offset;
}

/// Rounds one group as `lathe.int8_matmul` says.
template <typename Format> LATHE_INLINE void roundGroup(const float *values, Rows &rows, int64_t row, int64_t group) {
  Vector a = loadVector(values), b = loadVector(values + Lanes);
  Ints sizes = Ints(a) & 0x7FFFFFFF, others = Ints(b) & 0x7FFFFFFF;
  float most = __builtin_bit_cast(float, __builtin_reduce_max(sizes > others ? sizes : others));
  float inverse = most < 0x1p-100f ? 0.0f : 127.0f / most;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  constexpr float Shift = 12582912.0f;
  Ints low = Ints(a * inverse + Shift) - __builtin_bit_cast(int32_t, Shift);
  Ints high = Ints(b * inverse + Shift) - __builtin_bit_cast(int32_t, Shift);
  using Bytes = int8_t __attribute__((vector_size(16)));
  int8_t *codes = rows.codes + row * rows.codeStep + group * Group;
  reinterpret_cast<Unaligned<Bytes> *>(codes)->value = __builtin_convertvector(low, Bytes);
  reinterpret_cast<Unaligned<Bytes> *>(codes + Lanes)->value = __builtin_convertvector(high, Bytes);
  int64_t place = row * rows.groups + group;
  float scale = most / 127.0f;
  rows.scales[place] = scale;
  if (Format::HasMinimum) {
    rows.minima[place] = -(scale * float(__builtin_reduce_add(low + high)));
  } else if (Format::HalfScales) {
    rows.starts[2 * place] = -getOffset<Format>() * __builtin_reduce_add(low);
    rows.starts[2 * place + 1] = -getOffset<Format>() * __builtin_reduce_add(high);
  } else {
    rows.starts[place] = -getOffset<Format>() * __builtin_reduce_add(low + high);
  }
}

//===- Sums of integers -------------------------------------------------------------------------------------------===//

/// Codes as the machine multiplies them.
template <typename Format> LATHE_INLINE Codes prepare(Codes codes) {
  return Format::IsSigned && lathe_has_vnni ? codes ^ 128 : codes;
}

using Half = int32_t __attribute__((vector_size(32)));
LATHE_INLINE Half lower(Ints v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
LATHE_INLINE Half upper(Ints v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }

/// Sums of neighbouring products as 16-bit numbers. Signed codes lend their sign to the row's.
template <bool IsSigned> LATHE_INLINE __m256i multiplyPairs(Half weights, Half row) {
  __m256i w = __m256i(weights), x = __m256i(row);
  return IsSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
}

LATHE_INLINE Half addPairs(__m256i pairs) { return Half(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))); }

/// sum += four products of each lane, of two quads. Codes below 64 times 127 leave room for two sums of pairs in 16
/// bits.
template <bool IsSigned> LATHE_INLINE Half multiplyQuads(Half sum, Half w0, Half x0, Half w1, Half x1) {
  __m256i p = multiplyPairs<IsSigned>(w0, x0), q = multiplyPairs<IsSigned>(w1, x1);
  return IsSigned ? sum + addPairs(p) + addPairs(q) : sum + addPairs(_mm256_add_epi16(p, q));
}

template <typename Format>
LATHE_INLINE Ints multiplyQuads(Ints sum, Codes w0, const int8_t *x0, Codes w1, const int8_t *x1) {
  Ints a = splat(load<int32_t>(x0)), b = splat(load<int32_t>(x1));
  if (lathe_has_vnni) {
    sum = Ints(_mm512_dpbusd_epi32(__m512i(sum), __m512i(w0), __m512i(a)));
    return Ints(_mm512_dpbusd_epi32(__m512i(sum), __m512i(w1), __m512i(b)));
  }
  constexpr bool IsSigned = Format::IsSigned;
  Half low = multiplyQuads<IsSigned>(lower(sum), lower(Ints(w0)), lower(a), lower(Ints(w1)), lower(b));
  Half high = multiplyQuads<IsSigned>(upper(sum), upper(Ints(w0)), upper(a), upper(Ints(w1)), upper(b));
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/// Adds a group to the sums of one row: `first` and `second` are the sums of its halves, or all of it and nothing.
template <typename Format>
LATHE_INLINE Vector addGroup(Vector sum, Ints first, Ints second, Vector scale, Vector secondScale, Vector minimum,
                             const Rows &rows, int64_t place) {
  Vector value = toFloat(first) * scale;
  if (Format::HalfScales)
    value = multiplyAdd(toFloat(second), secondScale, value);
  sum = multiplyAdd(value, broadcast(rows.scales[place]), sum);
  return Format::HasMinimum ? multiplyAdd(minimum, broadcast(rows.minima[place]), sum) : sum;
}

template <typename Format> LATHE_INLINE Ints getStart(const Rows &rows, int64_t place, int64_t half) {
  if (Format::HasMinimum)
    return Ints{};
  return splat(rows.starts[Format::HalfScales ? 2 * place + half : place]);
}

//===- Few rows ---------------------------------------------------------------------------------------------------===//

/// Adds cell number `index` of a run to the sums of R rows.
template <typename Format, int R>
LATHE_INLINE void addCell(const uint8_t *cell, const Rows &rows, int64_t index, Vector (&sums)[R]) {
  Format format(cell);
  constexpr int64_t Groups = Format::Weights / Group;
#pragma clang loop unroll(full)
  for (int64_t step = 0; step < Format::Steps; ++step) {
    if constexpr (Format::PrefetchBytes > 0) {
      constexpr int64_t StepBytes = Format::Bytes / Format::Steps;
#pragma clang loop unroll(full)
      for (int64_t byte = 0; byte < StepBytes; byte += VectorBytes)
        __builtin_prefetch(cell + Format::PrefetchBytes + step * StepBytes + byte);
    }
    // Of each row and each of the two vectors: sums of the halves of its group, or of the whole.
    constexpr int H = Format::HalfScales ? 2 : 1, Both = Format::OneGroup ? 1 : 2;
    Ints integers[R][Both][H];
    int64_t first = index * Groups + 2 * step, group[2] = {first, Format::OneGroup ? first : first + 1};
    for (int r = 0; r < R; ++r)
      for (int which = 0; which < Both; ++which)
        for (int h = 0; h < H; ++h)
          integers[r][which][h] = getStart<Format>(rows, r * rows.groups + group[which], h);
    constexpr int64_t Ends = Format::OneGroup ? Quads / 2 : Quads;
#pragma clang loop unroll(full)
    for (int64_t quad = 0; quad < Ends; quad += 2) {
      Codes w[2][2]; // [quad][vector]
      for (int q = 0; q < 2; ++q) {
        Format::unpack(cell, step, quad + q, w[q][0], w[q][1]);
        w[q][0] = prepare<Format>(w[q][0]);
        w[q][1] = prepare<Format>(w[q][1]);
      }
      for (int r = 0; r < R; ++r) {
        const int8_t *x = rows.codes + r * rows.codeStep;
        for (int which = 0; which < 2; ++which) {
          Ints &sum = integers[r][Format::OneGroup ? 0 : which][H == 2 && quad >= Quads / 2];
          const int8_t *codes = x + group[which] * Group + quad * Quad + (Format::OneGroup ? which * Group / 2 : 0);
          sum = multiplyQuads<Format>(sum, w[0][which], codes, w[1][which], codes + Quad);
        }
      }
    }
    for (int which = 0; which < Both; ++which) {
      int64_t own = group[which] - index * Groups;
      Vector scale = format.getScale(own, 0), second = H == 2 ? format.getScale(own, 1) : scale, minimum{};
      if constexpr (Format::HasMinimum)
        minimum = format.getMinimum(own);
      for (int r = 0; r < R; ++r)
        sums[r] = addGroup<Format>(sums[r], integers[r][which][0], integers[r][which][H - 1], scale, second, minimum,
                                   rows, r * rows.groups + group[which]);
    }
  }
}

/// sums[r][j] += R rows of a run times the panels of a span, which are `panelBytes` apart.
template <typename Format, int R>
[[gnu::noinline]] void multiplyFew(const uint8_t *weights, int64_t panelBytes, int64_t panels, const Rows &rows,
                                   float *sums) {
  int64_t cells = rows.groups * Group / Format::Weights;
  for (int64_t panel = 0; panel < panels; ++panel, weights += panelBytes, sums += PanelColumns) {
    Vector own[R];
    for (int r = 0; r < R; ++r)
      own[r] = loadVector(sums + r * SpanColumns);
#pragma clang loop unroll(disable)
    for (int64_t i = 0; i < cells; ++i)
      addCell<Format, R>(weights + i * Format::Bytes, rows, i, own);
    for (int r = 0; r < R; ++r)
      storeVector(sums + r * SpanColumns, own[r]);
  }
}

//===- Many rows --------------------------------------------------------------------------------------------------===//

/// A run of two panels, unpacked. Of each group 8 vectors of codes, then its scales and minima.
struct Unpacked {
  static constexpr int64_t Panels = 2, Groups = ManyRun / Group;
  alignas(64) uint8_t codes[Panels][Groups * Quads * VectorBytes];
  alignas(64) float scales[Panels][2 * Groups * Lanes];
  alignas(64) float minima[Panels][Groups * Lanes];
};

template <typename Format>
[[gnu::noinline]] void unpackPanel(const uint8_t *weights, int64_t cells, uint8_t *codes, float *scales,
                                   float *minima) {
  constexpr int64_t Groups = Format::Weights / Group, H = Format::HalfScales ? 2 : 1;
  for (int64_t i = 0; i < cells; ++i, weights += Format::Bytes) {
    Format format(weights);
#pragma clang loop unroll(full)
    for (int64_t step = 0; step < Format::Steps; ++step) {
      int64_t first = i * Groups + 2 * step, ends = Format::OneGroup ? Quads / 2 : Quads;
#pragma clang loop unroll(full)
      for (int64_t quad = 0; quad < ends; ++quad) {
        Codes a, b;
        Format::unpack(weights, step, quad, a, b);
        *reinterpret_cast<Codes *>(codes + (first * Quads + quad) * VectorBytes) = prepare<Format>(a);
        *reinterpret_cast<Codes *>(codes + (first * Quads + quad + ends) * VectorBytes) = prepare<Format>(b);
      }
    }
#pragma clang loop unroll(full)
    for (int64_t group = 0; group < Groups; ++group) {
      for (int64_t h = 0; h < H; ++h)
        storeVector(scales + ((i * Groups + group) * H + h) * Lanes, format.getScale(group, h));
      if constexpr (Format::HasMinimum)
        storeVector(minima + (i * Groups + group) * Lanes, format.getMinimum(group));
    }
  }
}

/// Sums of integers of quads [begin, end) of a group, for R rows and P panels.
template <typename Format, int R, int P>
LATHE_INLINE void multiplyGroup(Ints (&integers)[R][P], const uint8_t *codes, const int8_t *x, int64_t step,
                                int64_t begin, int64_t end) {
  constexpr int64_t PanelBytes = Unpacked::Groups * Quads * VectorBytes;
#pragma clang loop unroll(full)
  for (int64_t quad = begin; quad < end; quad += 2) {
    Codes w[2][P];
    for (int q = 0; q < 2; ++q)
      for (int p = 0; p < P; ++p)
        w[q][p] = *reinterpret_cast<const Codes *>(codes + p * PanelBytes + (quad + q) * VectorBytes);
    for (int r = 0; r < R; ++r) {
      const int8_t *row = x + r * step + quad * Quad;
      for (int p = 0; p < P; ++p)
        integers[r][p] = multiplyQuads<Format>(integers[r][p], w[0][p], row, w[1][p], row + Quad);
    }
  }
}

/// sums[r][j] += rows [row, row + R) of a run times P unpacked panels, beginning with number `panel`.
template <typename Format, int R, int P>
[[gnu::noinline]] void multiplyMany(const Unpacked &weights, int64_t panel, const Rows &rows, int64_t row,
                                    float *sums) {
  constexpr int H = Format::HalfScales ? 2 : 1;
  Vector own[R][P];
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p)
      own[r][p] = loadVector(sums + r * SpanColumns + p * PanelColumns);
  const int8_t *x = rows.codes + row * rows.codeStep;
  int64_t place = row * rows.groups;
#pragma clang loop unroll(disable)
  for (int64_t g = 0; g < rows.groups; ++g, ++place, x += Group) {
    const uint8_t *codes = weights.codes[panel] + g * Quads * VectorBytes;
    Ints integers[H][R][P];
    for (int h = 0; h < H; ++h) {
      for (int r = 0; r < R; ++r)
        for (int p = 0; p < P; ++p)
          integers[h][r][p] = getStart<Format>(rows, place + r * rows.groups, h);
      multiplyGroup<Format, R, P>(integers[h], codes, x, rows.codeStep, h * Quads / 2,
                                  H == 2 ? (h + 1) * Quads / 2 : Quads);
    }
    for (int p = 0; p < P; ++p) {
      const float *scales = weights.scales[panel + p] + g * H * Lanes;
      Vector scale = loadVector(scales), second = loadVector(scales + (H - 1) * Lanes), minimum{};
      if (Format::HasMinimum)
        minimum = loadVector(weights.minima[panel + p] + g * Lanes);
      for (int r = 0; r < R; ++r)
        own[r][p] = addGroup<Format>(own[r][p], integers[0][r][p], integers[H - 1][r][p], scale, second, minimum, rows,
                                     place + r * rows.groups);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p)
      storeVector(sums + r * SpanColumns + p * PanelColumns, own[r][p]);
}

/// multiplyMany<rows, P> for 1 <= rows <= Most.
template <typename Format, int Most, int P>
LATHE_INLINE void multiplyRows(int64_t count, const Unpacked &weights, int64_t panel, const Rows &rows, int64_t row,
                               float *sums) {
  if (count == Most)
    return multiplyMany<Format, Most, P>(weights, panel, rows, row, sums);
  if constexpr (Most > 1)
    multiplyRows<Format, Most - 1, P>(count, weights, panel, rows, row, sums);
}

/// All rows of a block, in equal parts of at most `Most`, times the two unpacked panels.
template <typename Format, int Most, int P>
LATHE_INLINE void multiplyBlock(const Unpacked &weights, const Rows &rows, int64_t count, float *sums) {
  int64_t parts = (count + Most - 1) / Most;
  for (int64_t panel = 0; panel < Unpacked::Panels; panel += P)
    for (int64_t i = 0; i < parts; ++i) {
      int64_t row = getPart(count, parts, i), end = getPart(count, parts, i + 1);
      multiplyRows<Format, Most, P>(end - row, weights, panel, rows, row,
                                    sums + row * SpanColumns + panel * PanelColumns);
    }
}

//===- Spans ------------------------------------------------------------------------------------------------------===//

struct Scratch {
  Rows rows;
  Unpacked weights;
  alignas(64) float sums[ManyRows * SpanColumns];
};

/// Adds the products of a run, whose rows are rounded, to the sums of a span of `panels` panels.
template <typename Format>
LATHE_INLINE void multiplySpan(const uint8_t *weights, int64_t panelBytes, int64_t panels, int64_t count,
                               Scratch &scratch) {
  if (count == 1)
    return multiplyFew<Format, 1>(weights, panelBytes, panels, scratch.rows, scratch.sums);
  if (lathe_has_vnni && count == 2)
    return multiplyFew<Format, 2>(weights, panelBytes, panels, scratch.rows, scratch.sums);
  if (lathe_has_vnni && count <= FewRows) {
    // Rows that are not there give sums that nobody reads.
    return multiplyFew<Format, FewRows>(weights, panelBytes, panels, scratch.rows, scratch.sums);
  }
  int64_t cells = scratch.rows.groups * Group / Format::Weights;
  for (int64_t panel = 0; panel < panels; panel += Unpacked::Panels) {
    // A last panel without a neighbour is taken twice; sums of the second one are not read.
    for (int64_t p = 0; p < Unpacked::Panels; ++p)
      unpackPanel<Format>(weights + smaller(panel + p, panels - 1) * panelBytes, cells, scratch.weights.codes[p],
                          scratch.weights.scales[p], scratch.weights.minima[p]);
    float *sums = scratch.sums + panel * PanelColumns;
    if (lathe_has_vnni)
      multiplyBlock<Format, 6, 2>(scratch.weights, scratch.rows, count, sums);
    else
      multiplyBlock<Format, 3, 1>(scratch.weights, scratch.rows, count, sums);
  }
}

template <typename Format>
[[gnu::noinline]] void roundRow(const float *values, int64_t count, Rows &rows, int64_t row) {
  for (int64_t group = 0; group < count / Group; ++group)
    roundGroup<Format>(values + group * Group, rows, row, group);
}

template <typename Format>
LATHE_INLINE void multiply(const void *lhs, const void *panels, int64_t m, int64_t n, int64_t k, int64_t lhsRowBytes,
                           Unpack lhsUnpack, bool lhsIsF32, Store store, const Launch *launch, int64_t begin,
                           int64_t end) {
  Scratch scratch;
  int64_t panelBytes = k / Format::Weights * Format::Bytes;
  int64_t run = lathe_has_vnni ? (m <= FewRows ? FewRun : ManyRun) : (m == 1 ? FewRun : ManyRun);
  forEachSpan({m, n, ManyRows, SpanColumns}, begin, end, [&](const ProductSpan &span) {
    const char *rows = static_cast<const char *>(lhs) + span.row * lhsRowBytes;
    int64_t count = (span.columns + PanelColumns - 1) / PanelColumns;
    for (int64_t r = 0; r < span.rows; ++r)
      for (int64_t j = 0; j < count * PanelColumns; j += Lanes)
        storeVector(scratch.sums + r * SpanColumns + j, Vector{});
    for (int64_t first = 0; first < k; first += run) {
      int64_t steps = smaller(run, k - first);
      scratch.rows.groups = steps / Group;
      scratch.rows.codeStep = steps + VectorBytes; // rows fall onto different sets of the cache
      for (int64_t r = 0; r < span.rows; ++r) {
        const char *row = rows + r * lhsRowBytes;
        if (lhsIsF32) {
          roundRow<Format>(reinterpret_cast<const float *>(row) + first, steps, scratch.rows, r);
          continue;
        }
        alignas(64) float values[FewRun];
        lhsUnpack(row, first, steps, values);
        roundRow<Format>(values, steps, scratch.rows, r);
      }
      const auto *weights = static_cast<const uint8_t *>(panels) + span.column / PanelColumns * panelBytes +
                            first / Format::Weights * Format::Bytes;
      multiplySpan<Format>(weights, panelBytes, count, span.rows, scratch);
    }
    for (int64_t r = 0; r < span.rows; ++r)
      store(launch, scratch.sums + r * SpanColumns, (span.row + r) * n + span.column, span.columns);
  });
}

} // namespace

/// lhs [m, k], panels of n columns rounded up to 16. A tile is TileColumns columns of up to ManyRows rows.
#define LATHE_INT8_MATMUL(format, Format)                                                                              \
  LATHE_TEMPLATE void lathe_int8_matmul_##format(const void *lhs, const void *panels, int64_t m, int64_t n, int64_t k, \
                                                 int64_t lhsRowBytes, Unpack lhsUnpack, bool lhsIsF32, Store store,    \
                                                 const Launch *launch, int64_t begin, int64_t end) {                   \
    multiply<Format>(lhs, panels, m, n, k, lhsRowBytes, lhsUnpack, lhsIsF32, store, launch, begin, end);               \
  }
LATHE_INT8_MATMUL(q4_0, Q4_0)
LATHE_INT8_MATMUL(q8_0, Q8_0)
LATHE_INT8_MATMUL(q4_k, Q4K)
LATHE_INT8_MATMUL(q6_k, Q6K)
