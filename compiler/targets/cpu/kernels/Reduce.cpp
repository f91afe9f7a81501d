// Reductions over any dimensions: sum, mean, prod, max, min, and, or, arg_max, arg_min.
//
// The input's dimensions come in groups: neighbours that are all kept or all reduced are one. `sizes` has the groups
// from the outermost in, kept and reduced by turns: [K0, R0, K1, R1, ..., Kn], with sizes of 1 where there is none. Kn
// = 1 says that the innermost elements are combined with each other.
//
// A tile is `block` results, at most Results. The order in which elements meet follows from the sizes alone: along an
// innermost dimension of `Lanes` and more over so many partial results that meet in order, else one after the other.
// Floats add and multiply in f64, integers in 64 bits.
#include "compiler/targets/cpu/kernels/Kernel.h"

using namespace lathe::cpu;

namespace {

constexpr int64_t Results = 256, MaxReduced = 8;

template <typename T> struct LanesOf {
  using Type = T __attribute__((vector_size(Lanes * sizeof(T))));
  struct [[gnu::packed, gnu::may_alias]] Unaligned {
    Type lanes;
  };
};

// A kind: what it accumulates in, where it begins, how two meet, what comes out for a count of elements.
template <typename T, typename Wide> struct Sum {
  using Accumulator = Wide;
  static constexpr Wide Identity = 0;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return a + b; }
  LATHE_INLINE static T finish(Wide value, int64_t) { return static_cast<T>(value); }
};
template <typename T, typename Wide> struct Mean : Sum<T, Wide> {
  LATHE_INLINE static T finish(Wide value, int64_t count) {
    if constexpr (Wide(0.5) != Wide(0))
      return static_cast<T>(value / static_cast<Wide>(count));
    if (count == 0)
      return T(0);
    return T(-1) < T(0) ? static_cast<T>(static_cast<int64_t>(value) / count)
                        : static_cast<T>(static_cast<uint64_t>(value) / static_cast<uint64_t>(count));
  }
};
template <typename T, typename Wide> struct Prod {
  using Accumulator = Wide;
  static constexpr Wide Identity = 1;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return a * b; }
  LATHE_INLINE static T finish(Wide value, int64_t) { return static_cast<T>(value); }
};
template <typename T, T Lowest> struct Max {
  using Accumulator = T;
  static constexpr T Identity = Lowest;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return ((a > b) | (a != a)) ? a : b; }
  LATHE_INLINE static T finish(T value, int64_t) { return value; }
};
template <typename T, T Highest> struct Min {
  using Accumulator = T;
  static constexpr T Identity = Highest;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return ((a < b) | (a != a)) ? a : b; }
  LATHE_INLINE static T finish(T value, int64_t) { return value; }
};
template <typename T, T AllBits> struct And {
  using Accumulator = T;
  static constexpr T Identity = AllBits;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return a & b; }
  LATHE_INLINE static T finish(T value, int64_t) { return value; }
};
template <typename T, T> struct Or {
  using Accumulator = T;
  static constexpr T Identity = 0;
  template <typename V> LATHE_INLINE static V combine(V a, V b) { return a | b; }
  LATHE_INLINE static T finish(T value, int64_t) { return value; }
};

/// The input: elements of T, or of another type that `unpack` makes f32 of.
template <typename T> struct Source {
  const void *base;
  Unpack unpack; ///< null: elements are read where they lie

  LATHE_INLINE const T *read(int64_t first, int64_t count, T *buffer) const {
    if constexpr (__is_same(T, float))
      if (unpack) {
        unpack(base, first, count, buffer);
        return buffer;
      }
    return static_cast<const T *>(base) + first;
  }
};

/// The groups of the input, with the distance between neighbours in each.
struct Groups {
  int64_t reduced; ///< number of reduced groups
  const int64_t *sizes;
  int64_t strides[2 * MaxReduced + 1];

  LATHE_INLINE Groups(int64_t count, const int64_t *list) : reduced(count), sizes(list) {
    int64_t stride = 1;
    for (int64_t i = 2 * reduced; i >= 0; --i) {
      strides[i] = stride;
      stride *= sizes[i];
    }
  }

  LATHE_INLINE int64_t countReduced() const {
    int64_t count = 1;
    for (int64_t i = 0; i < reduced; ++i)
      count *= sizes[2 * i + 1];
    return count;
  }

  /// Where the elements of result `index` begin.
  LATHE_INLINE int64_t locate(int64_t index) const {
    int64_t offset = 0;
    for (int64_t i = reduced; i >= 0; --i) {
      offset += index % sizes[2 * i] * strides[2 * i];
      index /= sizes[2 * i];
    }
    return offset;
  }

  /// Calls `body` with the offset of each combination of the first `levels` reduced groups.
  template <typename Body> LATHE_INLINE void forEach(int64_t levels, int64_t offset, Body body) const {
    int64_t total = 1, index[MaxReduced] = {};
    for (int64_t i = 0; i < levels; ++i)
      total *= sizes[2 * i + 1];
    for (int64_t done = 0; done < total; ++done) {
      body(offset);
      for (int64_t i = levels - 1; i >= 0; --i) {
        offset += strides[2 * i + 1];
        if (++index[i] < sizes[2 * i + 1])
          break;
        offset -= index[i] * strides[2 * i + 1];
        index[i] = 0;
      }
    }
  }
};

/// Lanes elements as the accumulator's type.
template <typename Kind, typename T> LATHE_INLINE auto loadWide(const T *values) {
  using Wide = typename LanesOf<typename Kind::Accumulator>::Type;
  return __builtin_convertvector(reinterpret_cast<const typename LanesOf<T>::Unaligned *>(values)->lanes, Wide);
}

/// One result whose elements lie side by side in runs.
template <typename Kind, typename T>
LATHE_INLINE T reduceRuns(const Source<T> &source, const Groups &groups, int64_t result) {
  using Accumulator = typename Kind::Accumulator;
  typename LanesOf<Accumulator>::Type lanes = {};
  lanes += Kind::Identity;
  int64_t length = groups.sizes[2 * groups.reduced - 1];
  groups.forEach(groups.reduced - 1, groups.locate(result), [&](int64_t offset) {
    alignas(64) T buffer[Chunk];
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first), whole = count / Lanes * Lanes;
      const T *values = source.read(offset + first, count, buffer);
      for (int64_t i = 0; i < whole; i += Lanes)
        lanes = Kind::combine(lanes, loadWide<Kind>(values + i));
      for (int64_t i = whole; i < count; ++i)
        lanes[i - whole] = Kind::combine(lanes[i - whole], static_cast<Accumulator>(values[i]));
    }
  });
  for (int64_t width = Lanes / 2; width > 0; width /= 2)
    for (int64_t i = 0; i < width; ++i)
      lanes[i] = Kind::combine(lanes[i], lanes[i + width]);
  return Kind::finish(lanes[0], groups.countReduced());
}

/// The same where runs are shorter than Lanes: one element after the other.
template <typename Kind, typename T>
LATHE_INLINE T reduceShortRuns(const Source<T> &source, const Groups &groups, int64_t result) {
  typename Kind::Accumulator value = Kind::Identity;
  int64_t length = groups.sizes[2 * groups.reduced - 1];
  groups.forEach(groups.reduced - 1, groups.locate(result), [&](int64_t offset) {
    T buffer[Lanes];
    const T *values = source.read(offset, length, buffer);
    for (int64_t i = 0; i < length; ++i)
      value = Kind::combine(value, static_cast<typename Kind::Accumulator>(values[i]));
  });
  return Kind::finish(value, groups.countReduced());
}

/// `count` results side by side, whose elements lie side by side too.
template <typename Kind, typename T>
LATHE_INLINE void reduceColumns(const Source<T> &source, const Groups &groups, int64_t result, int64_t count,
                                T *results) {
  using Accumulator = typename Kind::Accumulator;
  typename LanesOf<Accumulator>::Type columns[Results / Lanes];
  Accumulator rest[Lanes];
  int64_t whole = count / Lanes;
  for (int64_t i = 0; i < whole; ++i)
    columns[i] = typename LanesOf<Accumulator>::Type{} + Kind::Identity;
  for (int64_t i = 0; i < Lanes; ++i)
    rest[i] = Kind::Identity;
  groups.forEach(groups.reduced, groups.locate(result), [&](int64_t offset) {
    T buffer[Results];
    const T *values = source.read(offset, count, buffer);
    for (int64_t i = 0; i < whole; ++i)
      columns[i] = Kind::combine(columns[i], loadWide<Kind>(values + i * Lanes));
    for (int64_t i = whole * Lanes; i < count; ++i)
      rest[i - whole * Lanes] = Kind::combine(rest[i - whole * Lanes], static_cast<Accumulator>(values[i]));
  });
  int64_t combined = groups.countReduced();
  for (int64_t i = 0; i < count; ++i)
    results[i] = Kind::finish(i < whole * Lanes ? columns[i / Lanes][i % Lanes] : rest[i % Lanes], combined);
}

template <typename Kind, typename T>
LATHE_INLINE void reduce(const void *input, int64_t reduced, const int64_t *sizes, int64_t total, int64_t block,
                         Unpack unpack, Store store, const Launch *launch, int64_t begin, int64_t end) {
  Source<T> source{input, unpack};
  Groups groups(reduced, sizes);
  int64_t columns = sizes[2 * reduced];
  for (int64_t tile = begin; tile < end; ++tile) {
    T results[Results];
    int64_t first = tile * block, count = smaller(block, total - first);
    if (columns == 1 && sizes[2 * reduced - 1] < Lanes)
      for (int64_t i = 0; i < count; ++i)
        results[i] = reduceShortRuns<Kind>(source, groups, first + i);
    else if (columns == 1)
      for (int64_t i = 0; i < count; ++i)
        results[i] = reduceRuns<Kind>(source, groups, first + i);
    else
      for (int64_t i = 0, width; i < count; i += width) {
        width = smaller(count - i, columns - (first + i) % columns);
        reduceColumns<Kind>(source, groups, first + i, width, results + i);
      }
    store(launch, results, first, count);
  }
}

/// The place of the element that `better` prefers in one row of `length` elements, `stride` apart.
template <typename T, bool Largest>
LATHE_INLINE int64_t findBest(const Source<T> &source, int64_t offset, int64_t length, int64_t stride, bool last) {
  int64_t place = 0;
  T best = 0;
  for (int64_t i = 0; i < length; ++i) {
    T buffer, value = *source.read(offset + i * stride, 1, &buffer);
    bool better = best == best && (value != value || (Largest ? value > best : value < best));
    bool equal = value == best || (value != value && best != best);
    if (i == 0 || better || (last && equal)) {
      best = value;
      place = i;
    }
  }
  return place;
}

template <typename T, bool Largest>
LATHE_INLINE void findAll(const void *input, int64_t length, int64_t columns, bool last, int64_t total, int64_t block,
                          Unpack unpack, Store store, const Launch *launch, int64_t begin, int64_t end) {
  Source<T> source{input, unpack};
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t results[Results], first = tile * block, count = smaller(block, total - first);
    for (int64_t i = 0; i < count; ++i) {
      int64_t row = (first + i) / columns, column = (first + i) % columns;
      results[i] = findBest<T, Largest>(source, row * length * columns + column, length, columns, last);
    }
    store(launch, results, first, count);
  }
}

} // namespace

#define LATHE_REDUCE(kind, name, T, ...)                                                                               \
  LATHE_TEMPLATE void lathe_reduce_##kind##_##name(const void *input, int64_t reduced, const int64_t *sizes,           \
                                                   int64_t total, int64_t block, Unpack unpack, Store store,           \
                                                   const Launch *launch, int64_t begin, int64_t end) {                 \
    reduce<__VA_ARGS__, T>(input, reduced, sizes, total, block, unpack, store, launch, begin, end);                    \
  }
#define LATHE_ARG(op, name, T, largest)                                                                                \
  LATHE_TEMPLATE void lathe_##op##_##name(const void *input, int64_t length, int64_t columns, bool last,               \
                                          int64_t total, int64_t block, Unpack unpack, Store store,                    \
                                          const Launch *launch, int64_t begin, int64_t end) {                          \
    findAll<T, largest>(input, length, columns, last, total, block, unpack, store, launch, begin, end);                \
  }
#define LATHE_BITS(name, T, allBits)                                                                                   \
  LATHE_REDUCE(and, name, T, And<T, allBits>)                                                                          \
  LATHE_REDUCE(or, name, T, Or<T, 0>)
#define LATHE_NUMBERS(name, T, Wide, lowest, highest)                                                                  \
  LATHE_REDUCE(sum, name, T, Sum<T, Wide>)                                                                             \
  LATHE_REDUCE(mean, name, T, Mean<T, Wide>)                                                                           \
  LATHE_REDUCE(prod, name, T, Prod<T, Wide>)                                                                           \
  LATHE_REDUCE(max, name, T, Max<T, lowest>)                                                                           \
  LATHE_REDUCE(min, name, T, Min<T, highest>)                                                                          \
  LATHE_ARG(arg_max, name, T, true)                                                                                    \
  LATHE_ARG(arg_min, name, T, false)
#define LATHE_INTEGERS(name, T, Wide, lowest, highest)                                                                 \
  LATHE_NUMBERS(name, T, Wide, lowest, highest)                                                                        \
  LATHE_BITS(name, T, T(-1))

LATHE_NUMBERS(f32, float, double, -__builtin_inff(), __builtin_inff())
LATHE_NUMBERS(f64, double, double, -__builtin_inf(), __builtin_inf())
LATHE_INTEGERS(i8, int8_t, uint64_t, INT8_MIN, INT8_MAX)
LATHE_INTEGERS(i16, int16_t, uint64_t, INT16_MIN, INT16_MAX)
LATHE_INTEGERS(i32, int32_t, uint64_t, INT32_MIN, INT32_MAX)
LATHE_INTEGERS(i64, int64_t, uint64_t, INT64_MIN, INT64_MAX)
LATHE_INTEGERS(ui8, uint8_t, uint64_t, 0, UINT8_MAX)
LATHE_INTEGERS(ui16, uint16_t, uint64_t, 0, UINT16_MAX)
LATHE_INTEGERS(ui32, uint32_t, uint64_t, 0, UINT32_MAX)
LATHE_INTEGERS(ui64, uint64_t, uint64_t, 0, UINT64_MAX)
LATHE_BITS(i1, uint8_t, 1)
