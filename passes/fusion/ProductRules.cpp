#include "passes/fusion/ProductRules.h"
#include "dialects/lathe/RowBlocks.h"
#include "runtime/gguf/BlockTiles.h"

using namespace mlir;
using namespace lathe;

KernelChoice lathe::chooseProduct(RankedTensorType lhs, RankedTensorType rhs, bool transposeRhs, int64_t maxRows,
                                  int64_t fewRows, bool tf32) {
  bool quantized = isa<QuantizedTypeInterface>(rhs.getElementType());
  std::string name = quantized ? "quantized_matmul" : "matmul";
  bool batched = rhs.getRank() > 2, both = lhs.getElementType().isF32() && rhs.getElementType().isF32();
  if (tf32 && both && (maxRows > fewRows || batched || !transposeRhs))
    return {name, "tf32", llvm::formatv("up to {0} rows fill tensor core tiles, rounded to tf32", maxRows)};
  if (!transposeRhs)
    return {name, "simt", "weights are not laid out along k"};
  if (maxRows <= fewRows && !batched)
    return {name, "few_rows", llvm::formatv("at most {0} rows: bound by reading the weights once", maxRows)};
  if (lhs.getElementType().isF32())
    return {name, "simt", "f32 operands have no tensor core product"};
  return {name, "tiles", llvm::formatv("up to {0} rows fill tensor core tiles", maxRows)};
}

KernelChoice lathe::chooseTileProduct(int64_t maxRows, int64_t fewRows) {
  if (fewRows == 0)
    return {"tile_matmul", "unsplit", "each sum is one block's, from the first to the last along k"};
  if (maxRows <= fewRows)
    return {"tile_matmul", "few_rows", llvm::formatv("at most {0} rows: bound by reading the weights once", maxRows)};
  return {"tile_matmul", "tiles", llvm::formatv("up to {0} rows fill tensor core tiles", maxRows)};
}

static bool is16Bit(Type element) { return element.isF16() || element.isBF16(); }

bool lathe::hasTiles(RankedTensorType blocks) {
  if (auto gguf = dyn_cast<GgufType>(blocks.getElementType()))
    return gguf::findBlockTiles(*gguf::findBlockFormat(std::string_view(gguf.getFormat())));
  auto blocked = dyn_cast<BlockedType>(blocks.getElementType());
  return blocked && findRowTiles(blocked, blocks.getShape().back());
}

std::string lathe::findTileObstacle(RankedTensorType lhs, RankedTensorType rhs, bool tf32) {
  if (rhs.getRank() != 2 || !rhs.hasStaticShape())
    return "its right operand is not one matrix of known size";
  bool codes = isa<Float8E4M3FNType>(lhs.getElementType());
  if (!is16Bit(lhs.getElementType()) && !codes && !tf32)
    return "its rows are f32, which tensor cores do not take";
  if (lhs.getElementType().isF32() && isa<QuantizedTypeInterface>(rhs.getElementType()))
    return "its rows are f32, which tensor cores do not take beside blocks";
  if (hasTiles(rhs))
    return ""; // blocks lie along k
  if (isa<QuantizedTypeInterface>(rhs.getElementType()))
    return "its blocks are of a kind that is read as it is";
  return rhs.getElementType() == lhs.getElementType() ? "" : "its weights are of another type than its rows";
}

bool lathe::canUnpack(RankedTensorType lhs, RankedTensorType blocks) {
  return is16Bit(lhs.getElementType()) && blocks.getRank() == 2 && blocks.hasStaticShape() &&
         isa<GgufType, BlockedType>(blocks.getElementType());
}

RankedTensorType lathe::getBlockTiles(RankedTensorType blocks) {
  StringRef format;
  if (auto blocked = dyn_cast<BlockedType>(blocks.getElementType()))
    format = findRowTiles(blocked, blocks.getShape().back())->name;
  else
    format = cast<GgufType>(blocks.getElementType()).getFormat();
  auto element = GgufTilesType::get(blocks.getContext(), format);
  auto [rows, columns] = element.getBlockShape();
  int64_t shape[] = {int64_t(llvm::alignTo(blocks.getDimSize(0), rows)),
                     int64_t(llvm::alignTo(blocks.getDimSize(1), columns))};
  return RankedTensorType::get(shape, element);
}

bool lathe::fillsTiles(int64_t tiledColumns, int64_t columns) {
  return llvm::divideCeil(tiledColumns, PackTilesOp::Size) == llvm::divideCeil(columns, PackTilesOp::Size);
}
