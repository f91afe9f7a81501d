#include "compiler/targets/cuda/MatrixProduct.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

// mma_tile.cuh has the same numbers; a kernel that disagrees does not compile.
static constexpr MmaTile LargeTile = {"LargeTile", 128, 128, 32, 4, 256},
                         MediumTile = {"MediumTile", 64, 64, 32, 4, 128}, SmallTile = {"SmallTile", 16, 64, 64, 4, 128};

// Those for f32, in elements of it.
static constexpr MmaTile Tf32LargeTile = {"Tf32LargeTile", 128, 128, 32, 3, 256},
                         Tf32MediumTile = {"Tf32MediumTile", 64, 64, 32, 4, 128},
                         Tf32SmallTile = {"Tf32SmallTile", 16, 64, 32, 4, 128};

report::KernelWork cuda::describeMmaTile(int64_t m, int64_t n, int64_t k, int64_t stages, int64_t threads,
                                         double weightBytes, double columns) {
  report::KernelWork work;
  // Weights come from memory once, and from the cache for all but the first of the rows of tiles.
  work.StepBytes = double(n * k) * weightBytes;
  work.StepOtherBytes = double(m * k * 2);
  work.Columns = columns;
  work.StepFlops = double(m * n * k * 2);
  work.Unit = report::Multiplier::Warps;
  work.InFlight = stages - 1;
  // As measured on an H200: a warp's multiplications wait for their operands, and each for the one before.
  static constexpr double OfStep = 100, OfMma = 21, FlopsOfMma = 16 * 8 * 16 * 2;
  work.StepInstructions = OfStep + work.StepFlops / FlopsOfMma / double(threads / 32) * OfMma;
  work.StepThreads = threads;
  return work;
}

double cuda::getBytesOfElement(Type element) {
  auto blocks = dyn_cast<QuantizedTypeInterface>(element);
  if (!blocks)
    return double(getElementBytes(element));
  auto [rows, columns] = blocks.getBlockShape();
  return double(blocks.getBlockBytes()) / double(rows * columns);
}

/// Of three tiles the largest that rows fill and that leaves every multiprocessor some work. All products of a launch
/// have one: `product.MaxColumns` is the number of their columns together.
static MmaTile chooseTile(const MatrixProduct &product, const MmaTile &small, const MmaTile &medium,
                          const MmaTile &large) {
  if (product.MaxRows <= 32)
    return small;
  int64_t tiles = llvm::divideCeil(product.MaxRows, large.M) * llvm::divideCeil(product.MaxColumns, large.N);
  return !product.Dual && product.MaxRows > 128 && tiles >= Multiprocessors ? large : medium;
}

MmaTile cuda::chooseMmaTile(int64_t rows, int64_t columns, bool mayBeLarge) {
  MatrixProduct product;
  product.MaxRows = rows;
  product.MaxColumns = columns;
  return chooseTile(product, SmallTile, MediumTile, mayBeLarge ? LargeTile : MediumTile);
}

// Instructions of a thread for a code that it takes apart, and for an element of a row that meets a weight. Where codes
// go to shared memory on their way to tensor cores, an H200 takes as long as for many more.
static constexpr double OfCode = 8, OfFewRows = 1.5, OfTiledCode = 48;

static MatrixUse useFewRows(const MatrixProduct &product) {
  MatrixUse use;
  int64_t rows = llvm::PowerOf2Ceil(product.MaxRows), cols = product.Quantized ? 2 : 4;
  // MatmulFewRows names the weights first, QuantizedMatmulFewRows their format.
  use.Type = llvm::formatv("{0}MatmulFewRows<{1}, {2}, {3}, {4}>", product.Quantized ? "Quantized" : "", product.Rhs,
                           product.Lhs, product.Output, rows);
  use.Config = llvm::formatv("few rows, up to {0}", rows);
  use.Threads = 128;
  use.SharedBytes = use.Threads / 32 * rows * cols * 4;
  use.Tiles = product.N.ceilDiv(cols);
  use.MostResident = rows < 8 ? 4 : 3;
  // Each thread has elements that lie together, of all columns.
  int64_t elements = product.Quantized ? 32 : int64_t(16 / product.WeightBytes);
  report::KernelWork work;
  work.StepBytes = double(cols * use.Threads * elements) * product.WeightBytes;
  work.StepInstructions = double(cols * elements) * ((product.Quantized ? OfCode : 1) + double(rows) * OfFewRows);
  work.StepThreads = use.Threads;
  work.InFlight = 1;
  use.setWork(work, use.Tiles, product.K.ceilDiv(use.Threads * elements));
  return use;
}

/// Of a tile, whose shared bytes are known, what all that have tiles share.
static void setTile(const MatrixProduct &product, const MmaTile &tile, MatrixUse &use) {
  use.Threads = tile.Threads;
  use.Tiles = product.Batch * product.M.ceilDiv(tile.M) * product.N.ceilDiv(tile.N);
  use.MostResident = 512 / tile.Threads;
  use.SumsOfThread = tile.M * tile.N / tile.Threads;
  report::KernelWork work = describeMmaTile(tile.M, tile.N, tile.K, tile.Stages, tile.Threads, product.WeightBytes,
                                            double(llvm::divideCeil(product.MaxColumns, tile.N)));
  if (product.Quantized) { // taken apart for each tile of rows, straight from where they come
    work.StepInstructions += double(tile.N * tile.K) / double(tile.Threads) * OfTiledCode;
    work.InFlight = 0; // that is slower than what they come from
  }
  addEpilogue(product.Epilogue, double(use.SumsOfThread), work);
  use.setWork(work, use.Tiles, product.K.ceilDiv(tile.K));
}

static MatrixUse useTiles(const MatrixProduct &product, const MmaTile &tile) {
  MatrixUse use;
  StringRef layout = product.TransposedRhs ? "Rhs::NK" : "Rhs::KN";
  if (product.Quantized) {
    use.Type = llvm::formatv("QuantizedMatmul<{0}, {1}, {2}, {3}{4}>", product.Rhs, product.Lhs, product.Output,
                             tile.Name, product.Left.Type.empty() ? "" : ", " + product.Left.Type);
    use.SharedBytes = (tile.Stages * tile.M + 2 * tile.N) * tile.K * 2 + (product.Left.Type.empty() ? 0 : tile.M * 4);
  } else {
    use.Type = llvm::formatv("Matmul<{0}, {1}, {2}, {3}>", product.Lhs, product.Output, tile.Name, layout);
    use.SharedBytes = tile.Stages * (tile.M + tile.N) * tile.K * 2;
  }
  use.Config = llvm::formatv("tiles of {0} x {1} x {2}, {3} stages", tile.M, tile.N, tile.K, tile.Stages);
  setTile(product, tile, use);
  return use;
}

/// Operands of f32 that tensor cores take rounded.
static MatrixUse useTf32(const MatrixProduct &product, const MmaTile &tile) {
  MatrixUse use;
  use.Type = llvm::formatv("Matmul<Tf32, {0}, {1}, {2}>", product.Output, tile.Name,
                           product.TransposedRhs ? "Rhs::NK" : "Rhs::KN");
  use.Config = llvm::formatv("tf32, tiles of {0} x {1} x {2}, {3} stages", tile.M, tile.N, tile.K, tile.Stages);
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * tile.K * 4;
  setTile(product, tile, use);
  return use;
}

static MatrixUse useSimt(const MatrixProduct &product) {
  static constexpr int64_t Size = 64, Depth = 16;
  MatrixUse use;
  if (product.Quantized)
    use.Type = llvm::formatv("QuantizedMatmulSimt<{0}, {1}, {2}>", product.Rhs, product.Lhs, product.Output);
  else
    use.Type = llvm::formatv("MatmulSimt<{0}, {1}, {2}, {3}>", product.Lhs, product.Rhs, product.Output,
                             product.TransposedRhs ? "Rhs::NK" : "Rhs::KN");
  use.Config = "f32 tiles of 64 x 64 x 16";
  use.Threads = 256;
  use.SharedBytes = 8704;
  use.Tiles = product.Batch * product.M.ceilDiv(Size) * product.N.ceilDiv(Size);
  use.MostResident = product.Quantized ? 1 : 2;
  use.SumsOfThread = Size * Size / use.Threads;
  report::KernelWork work = describeMmaTile(Size, Size, Depth, /*stages=*/2, use.Threads, product.WeightBytes,
                                            double(llvm::divideCeil(product.MaxColumns, Size)));
  work.Unit = report::Multiplier::Threads;
  work.StepInstructions = product.Quantized ? double(Size * Depth) / double(use.Threads) * OfCode : 0;
  addEpilogue(product.Epilogue, double(use.SumsOfThread), work);
  use.setWork(work, use.Tiles, product.K.ceilDiv(Depth));
  return use;
}

MatrixUse cuda::useMatrixProduct(const MatrixProduct &product, StringRef variant) {
  auto choose = [&](const MmaTile &small, const MmaTile &medium, const MmaTile &large) {
    return chooseTile(product, small, medium, large);
  };
  MatrixUse use;
  if (variant == "few_rows")
    use = product.ReadsTiles ? useTiles(product, SmallTile) // what few rows have a template for is Hopper's
                             : useFewRows(product);
  else if (variant == "tf32")
    use = useTf32(product, choose(Tf32SmallTile, Tf32MediumTile, Tf32LargeTile));
  else if (variant == "simt")
    use = useSimt(product);
  else
    use = useTiles(product, choose(SmallTile, MediumTile, LargeTile));
  use.Header = product.Quantized ? "quantized_matmul.cuh" : "matmul.cuh";
  return use;
}
