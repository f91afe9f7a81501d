// Products on weights in tiles: which template, which tile, for which GPUs.
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// One product of a launch, or two whose sums meet in one epilogue.
struct ProductPart {
  SmallVector<std::string, 2> Weights; ///< parameters
  std::string Result, Output;
  int64_t N;
};

/// What a launch computes: M rows of K by each part.
struct TileProduct {
  AffineExpr M;
  int64_t K, MaxRows, Sums = 1;
  std::string A, Element;
  std::vector<ProductPart> Parts;

  /// Tiles of so many columns, of all parts.
  int64_t countColumnTiles(int64_t width) const {
    int64_t count = 0;
    for (const ProductPart &part : Parts)
      count += llvm::divideCeil(part.N, width);
    return count;
  }
  /// The templates' parameter `Outputs`.
  std::string printOutputs() const {
    if (Sums == 2)
      return "Dual<" + Parts[0].Output + ">";
    if (Parts.size() == 1)
      return Parts[0].Output;
    return "Joined<" + llvm::join(llvm::map_range(Parts, [](const ProductPart &part) { return part.Output; }), ", ") +
           ">";
  }
};

/// A tile of mma_tile.cuh or packed_matmul_sm90.cuh: M x N results, 64 along K a stage.
struct ProductTile {
  StringRef Name;
  int64_t M, N, Stages, Threads;
};
} // namespace

// The templates have the same numbers; a kernel that disagrees does not compile.
static constexpr ProductTile LargeTile = {"PackedLargeTile", 128, 128, 3, 256},
                             MediumTile = {"PackedMediumTile", 64, 64, 3, 128},
                             SmallTile = {"PackedSmallTile", 16, 64, 4, 128};
static constexpr ProductTile WideTile = {"PackedWideTile", 128, 256, 4, 384},
                             RowsTile = {"PackedRowsTile", 64, 128, 8, 256},
                             ThinTile = {"PackedThinTile", 64, 32, 16, 256};

// Multiprocessors of the GPUs that matter most. Kernels of sm_90a have no more blocks; of other tiles with fewer some
// have nothing to do.
static constexpr int64_t Multiprocessors = 132;

static void setBlocks(int64_t tiles, TemplateUse &use, MLIRContext *context) {
  use.Tiles = getAffineConstantExpr(std::min(Multiprocessors, tiles), context);
}

static void usePortableFewRows(const TileProduct &product, TemplateUse &use) {
  int64_t rows = llvm::PowerOf2Ceil(product.MaxRows);
  use.Header = "packed_matmul.cuh";
  use.Type = llvm::formatv("PackedMatmulFewRows<{0}, {1}, {2}>", product.Element, product.printOutputs(), rows);
  use.Config = llvm::formatv("few rows, up to {0}", rows);
  use.Threads = 128;
  use.SharedBytes = 256 * rows * product.Sums;
  use.Tiles = getAffineConstantExpr(product.countColumnTiles(16), product.M.getContext());
}

static void usePortableTiles(const TileProduct &product, TemplateUse &use) {
  int64_t large = llvm::divideCeil(product.MaxRows, LargeTile.M) * product.countColumnTiles(LargeTile.N);
  // Two sums an element are more registers than a thread of the large tile has left.
  bool useLarge = product.MaxRows > 128 && large >= Multiprocessors && product.Sums == 1;
  ProductTile tile = product.MaxRows <= 32 ? SmallTile : useLarge ? LargeTile : MediumTile;
  use.Header = "packed_matmul.cuh";
  use.Type = llvm::formatv("PackedMatmul<{0}, {1}, {2}>", product.Element, product.printOutputs(), tile.Name);
  use.Config = llvm::formatv("tiles of {0} x {1} x 64, {2} stages", tile.M, tile.N, tile.Stages);
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + product.Sums * tile.N) * 128;
  use.Tiles = product.M.ceilDiv(tile.M) * product.countColumnTiles(tile.N);
}

static void useHopperFewRows(const TileProduct &product, TemplateUse &use) {
  constexpr int64_t StageBytes = 16384, Kilobyte = 1024;
  int64_t rows = llvm::PowerOf2Ceil(product.MaxRows), rowBytes = llvm::divideCeil(product.K, 64) * rows * 128;
  bool resident = rowBytes <= 120 * Kilobyte;
  int64_t fixed = (resident ? rowBytes : 0) + 2 * 512 * rows + 256;
  int64_t room = (fixed + 3 * StageBytes <= 113 * Kilobyte ? 113 : 227) * Kilobyte - fixed; // of two blocks or one
  int64_t stages = std::min<int64_t>(room / StageBytes, 12);
  use.Header = "packed_matmul_few_sm90.cuh";
  use.Type = llvm::formatv("PackedMatmulFewRowsSm90<{0}, {1}, {2}, {3}>", product.Element, product.printOutputs(), rows,
                           product.K);
  use.Config = llvm::formatv("few rows, up to {0}, bulk copies in {1} stages", rows, stages);
  use.Threads = 288;
  use.SharedBytes = stages * StageBytes + fixed;
  setBlocks(product.countColumnTiles(16), use, product.M.getContext());
}

static void useHopperTiles(const TileProduct &product, TemplateUse &use) {
  auto count = [&](const ProductTile &tile) {
    return llvm::divideCeil(product.MaxRows, tile.M) * product.countColumnTiles(tile.N / product.Sums);
  };
  // The largest tile that rows fill and that leaves nine of ten multiprocessors some work.
  ProductTile tile = ThinTile;
  for (const ProductTile &larger : {RowsTile, WideTile})
    if ((larger.M == 64 || product.MaxRows > 64) && count(larger) * 10 >= Multiprocessors * 9)
      tile = larger;
  use.Header = "packed_matmul_sm90.cuh";
  use.Type = llvm::formatv("PackedMatmulSm90<{0}, {1}, {2}>", product.Element, product.printOutputs(), tile.Name);
  use.Config = llvm::formatv("warpgroup tiles of {0} x {1} x 64, {2} stages", tile.M, tile.N, tile.Stages);
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * 128 + 256;
  setBlocks(count(tile), use, product.M.getContext());
}

static LogicalResult useVariant(const LaunchBody &body, const TileProduct &product, TemplateUse &use) {
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  StringRef name = variant ? variant.getValue() : "";
  bool hopper = body.getTarget() == HopperTarget;
  if (name == "tiles") {
    hopper ? useHopperTiles(product, use) : usePortableTiles(product, use);
    return success();
  }
  if (name != "few_rows")
    return body.getRoot()->emitOpError() << "has the kernel variant '" << name << "', needed few_rows or tiles";
  if (product.MaxRows > 8)
    return body.getRoot()->emitOpError() << "has up to " << product.MaxRows
                                         << " rows, but the variant 'few_rows' takes 8; choose 'tiles'";
  hopper ? useHopperFewRows(product, use) : usePortableFewRows(product, use);
  return success();
}

/// Adds what `body` computes to `product`, and its epilogue to `use` and `epilogues`.
static LogicalResult addPart(const LaunchBody &body, TileProduct &product, TemplateUse &use,
                             SmallVectorImpl<std::string> &epilogues) {
  auto op = cast<TileMatmulOp>(body.getRoot());
  FailureOr<std::string> output = getElementType(op, body.getYielded()[0].getType());
  if (failed(output))
    return failure();
  ProductPart &part = product.Parts.emplace_back();
  part.Output = *output;
  part.Result = "p" + std::to_string(body.getOutputPort(0));
  part.N = op.getResult().getType().getShape().back();
  for (Operation *root : body.getRoots()) {
    FailureOr<std::string> weights = getParameter(body, cast<TileMatmulOp>(root).getRhs());
    if (failed(weights))
      return failure();
    part.Weights.push_back(*weights);
  }
  TemplateUse own;
  if (failed(addEpilogue(body, /*split=*/body.getDims(op.getResult()).size() - 1, own)))
    return failure();
  use.Functors += own.Functors;
  epilogues.push_back(own.Body);
  return success();
}

static std::string printPart(const ProductPart &part) {
  std::string n = std::to_string(part.N);
  return "{.W = {" + llvm::join(part.Weights, ", ") + "}, .C = " + part.Result + ", .N = " + n + ", .LdC = " + n + "}";
}

FailureOr<TemplateUse> cuda::printTileMatmuls(ArrayRef<LaunchBody> parts) {
  const LaunchBody &body = parts.front();
  auto op = cast<TileMatmulOp>(body.getRoot());
  FailureOr<std::string> a = getParameter(body, op.getLhs()), element = getElementType(op, op.getLhs().getType());
  if (failed(a) || failed(element))
    return failure();
  TileProduct product;
  product.M = LaunchBody::getProduct(body.getDims(op.getResult()).drop_back(), op.getContext());
  product.K = op.getLhs().getType().getShape().back();
  product.MaxRows = body.getMax(product.M);
  product.Sums = body.getRoots().size();
  product.A = *a;
  product.Element = *element;
  TemplateUse use;
  SmallVector<std::string> epilogues, places;
  for (const LaunchBody &part : parts) {
    for (Operation *root : part.getRoots())
      if (cast<TileMatmulOp>(root).getLhs() != op.getLhs() || part.getRoots().size() != size_t(product.Sums) ||
          (product.Sums == 2 && parts.size() > 1))
        return root->emitOpError() << "shares a launch with products that its CUDA kernel cannot compute too; put them "
                                      "into two fusions";
    if (failed(addPart(part, product, use, epilogues)))
      return failure();
    places.push_back(printPart(product.Parts.back()));
  }
  if (failed(useVariant(body, product, use)))
    return failure();
  use.Params = {{"A", product.A},
                {"M", printSize(product.M)},
                {"K", std::to_string(product.K)},
                {"LdA", std::to_string(product.K)},
                {"Blocks", std::to_string(Multiprocessors)},
                {"Parts", "{" + llvm::join(places, ", ") + "}"}};
  use.Body = epilogues.size() == 1 ? epilogues.front() : "joinEpilogues(" + llvm::join(epilogues, ", ") + ")";
  return use;
}
