// out[i, c] = epilogue(table[index[i], c], i, c): rows of a table, as for embeddings.
//
//   Gather<Table, Index, Output>
//   Table   float, Half, BFloat16, or a block format of formats.cuh
//   Index   int32_t or int64_t
//
// Table [TableRows, Cols]: plain rows have LdTable elements between them; block rows are Cols / Block blocks without
// gaps, 16-byte aligned base. Out [Rows, Cols] with LdOut. A negative index counts from the end; one still outside the
// table is reported and reads as zeros.
// Grid: ceil(Rows * ceil(Cols / 8) / 256). Block: 256. Shared: 0.
#ifndef LATHE_KERNELS_GATHER_CUH
#define LATHE_KERNELS_GATHER_CUH

#include "faults.cuh"
#include "formats.cuh"

namespace lathe::kernels {

template <class Table> struct GatherTable {
  static constexpr bool Blocks = true;
  using Element = uint8_t;
};
template <FloatElement Table> struct GatherTable<Table> {
  static constexpr bool Blocks = false;
  using Element = Table;
};

template <class Table, class Index, class Output> struct Gather {
  static constexpr int Threads = 256, MinBlocks = 4, SharedBytes = 0;
  using Element = typename GatherTable<Table>::Element;
  struct Params {
    const Element *Data;
    const Index *Indices;
    Output *Out;
    int64_t Rows, Cols, TableRows;
    int64_t LdTable, LdOut; ///< LdTable is not used with blocks
    FaultReport Faults;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.Rows * ceilDiv<int64_t>(p.Cols, 8), Threads);
  }

  template <int N, class Epilogue>
  static __device__ void store(const Params &p, int64_t row, int64_t col, float (&x)[N], const Epilogue &epilogue) {
#pragma unroll
    for (int i = 0; i < N; ++i)
      x[i] = epilogue(x[i], row, col + i);
    storeVector(p.Out + row * p.LdOut, col, x);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *, const Epilogue &epilogue) {
    int64_t vectors = ceilDiv<int64_t>(p.Cols, 8), id = tile * Threads + threadIdx.x;
    int64_t row = id / vectors, col = id % vectors * 8;
    if (row >= p.Rows)
      return;
    int64_t index = int64_t(p.Indices[row]);
    index = index < 0 ? index + p.TableRows : index;
    bool inside = index >= 0 && index < p.TableRows;
    if (!inside)
      p.Faults(runtime::HostIndexOutOfRange);
    if (col + 8 <= p.Cols) {
      float x[8] = {};
      if constexpr (GatherTable<Table>::Blocks) {
        if (inside)
          unpackRow8<Table>(p.Data + index * (p.Cols / Table::Block) * Table::BlockBytes, col, x);
      } else {
        if (inside)
          loadVector(p.Data + index * p.LdTable, col, x);
      }
      store(p, row, col, x, epilogue);
      return;
    }
    if constexpr (!GatherTable<Table>::Blocks)
      for (; col < p.Cols; ++col) {
        float x[1] = {inside ? toValue(p.Data[index * p.LdTable + col]) : 0.0f};
        store(p, row, col, x, epilogue);
      }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_GATHER_CUH
