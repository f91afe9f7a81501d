// Verifiers and shapes of Linear.td.
#include "dialects/lathe/DimArithmetic.h"
#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/RowBlocks.h"
#include "dialects/lathe/Windows.h"
#include "mlir/Dialect/Traits.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/MatrixTiles.h"

using namespace mlir;
using namespace lathe;

/// What the leading dimensions of both operands broadcast to, or nothing when they do not.
static std::optional<SmallVector<int64_t>> broadcastBatch(RankedTensorType lhs, RankedTensorType rhs) {
  SmallVector<int64_t> shape;
  if (!OpTrait::util::getBroadcastedShape(lhs.getShape().drop_back(2), rhs.getShape().drop_back(2), shape))
    return std::nullopt;
  return shape;
}

LogicalResult MatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(), result = getResult().getType();
  int64_t lhsRank = lhs.getRank(), rhsRank = rhs.getRank(), rank = result.getRank();
  // (C1)
  if (lhsRank < 2 || rhsRank < 2 || rank != std::max(lhsRank, rhsRank))
    return emitOpError() << "ranks of lhs, rhs and result are " << lhsRank << ", " << rhsRank << " and " << rank
                         << ", needed 2 or more, and the larger one for the result";
  // (C2)
  bool transposed = getTransposeRhs();
  int64_t rows = rhs.getDimSize(rhsRank - 2), columns = rhs.getDimSize(rhsRank - 1);
  int64_t k = transposed ? columns : rows, n = transposed ? rows : columns;
  if (!dimsAgree(lhs.getShape().back(), k))
    return emitOpError() << "k is " << lhs.getShape().back() << " in lhs but " << k << " in rhs";
  if (!dimsAgree(lhs.getDimSize(lhsRank - 2), result.getDimSize(rank - 2)) ||
      !dimsAgree(n, result.getDimSize(rank - 1)))
    return emitOpError() << "result is " << result << " but lhs is " << lhs << " and rhs " << rhs;
  // (C3)
  bool quantized = isa<QuantizedTypeInterface>(rhs.getElementType());
  if (quantized && !transposed)
    return emitOpError() << "rhs is " << rhs << " without 'transpose_rhs', but its blocks run along the last dimension";
  bool widens = lhs.getElementType().isF32() && (rhs.getElementType().isF16() || rhs.getElementType().isBF16());
  if (!quantized && !widens && lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "lhs has elements of type " << lhs.getElementType() << " but rhs of "
                         << rhs.getElementType() << ", needed one type, or f16 or bf16 beside f32";
  // (C4)
  if (quantized && rhsRank != 2)
    return emitOpError() << "rhs is " << rhs << ", but quantized blocks have no batch dimensions";
  std::optional<SmallVector<int64_t>> batch = broadcastBatch(lhs, rhs);
  if (!batch || !llvm::all_of(llvm::zip_equal(*batch, result.getShape().drop_back(2)),
                              [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); }))
    return emitOpError() << "batch dimensions of lhs " << lhs << " and rhs " << rhs << " do not broadcast to "
                         << result;
  return success();
}

LogicalResult MatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  const DimList &lhs = operands[0], &rhs = operands[1];
  results.push_back(joinMatrixDims(lhs, rhs, rhs[rhs.size() - (getTransposeRhs() ? 2 : 1)]));
  return success();
}

static bool shapesAgree(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return a.size() == b.size() &&
         llvm::all_of(llvm::zip(a, b), [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); });
}

static bool is16Bit(Type element) { return element.isF16() || element.isBF16(); }

static gguf::MatrixTiles getTiles(Type element) { return {element.getIntOrFloatBitWidth() / 8}; }

/// The shape of the tiles of `element`, of 16 bits or f32, that hold a matrix.
static SmallVector<int64_t> getTileShape(Type element, int64_t rows, int64_t columns) {
  constexpr int64_t Rows = gguf::MatrixTiles::Rows;
  gguf::MatrixTiles tiles = getTiles(element);
  return {ShapedType::isDynamic(rows) ? rows : int64_t(llvm::divideCeil(rows, Rows)),
          ShapedType::isDynamic(columns) ? columns : tiles.count(columns), Rows, tiles.columns()};
}

LogicalResult ExpertMatmulOp::verify() {
  RankedTensorType input = getInput().getType(), weights = getWeights().getType(), experts = getExperts().getType();
  RankedTensorType result = getResult().getType();
  // (C1)
  if (input.getRank() != 3 || (weights.getRank() != 3 && weights.getRank() != 4) || experts.getRank() != 2 ||
      result.getRank() != 3)
    return emitOpError() << "ranks of input, weights, experts and result are " << input.getRank() << ", "
                         << weights.getRank() << ", " << experts.getRank() << " and " << result.getRank()
                         << ", needed 3, 3 or 4, 2 and 3";
  bool tiles = weights.getRank() == 4;
  if (tiles && (!is16Bit(input.getElementType()) || weights.getElementType() != input.getElementType() ||
                ShapedType::isDynamic(result.getDimSize(2)) || result.getDimSize(2) % gguf::MatrixTiles::Rows != 0))
    return emitOpError() << "input is " << input << ", weights are " << weights << " and result is " << result
                         << ", needed for tiles one 16-bit element type and a multiple of " << gguf::MatrixTiles::Rows
                         << " columns";
  // (C2)
  if (tiles && !shapesAgree({weights.getDimSize(0), getTileShape(weights.getElementType(), 0, input.getDimSize(2))[1],
                             gguf::MatrixTiles::Rows, getTiles(weights.getElementType()).columns()},
                            weights.getShape()))
    return emitOpError() << "k is " << input.getDimSize(2) << " in input but weights are the tiles " << weights;
  if (!tiles && !dimsAgree(input.getDimSize(2), weights.getDimSize(2)))
    return emitOpError() << "k is " << input.getDimSize(2) << " in input but " << weights.getDimSize(2)
                         << " in weights";
  if ((!tiles && !dimsAgree(result.getDimSize(2), weights.getDimSize(1))) ||
      !dimsAgree(result.getDimSize(0), experts.getDimSize(0)) ||
      !dimsAgree(result.getDimSize(1), experts.getDimSize(1)))
    return emitOpError() << "result is " << result << " but weights are " << weights << " and experts " << experts;
  // (C3)
  if (!dimsAgree(input.getDimSize(0), experts.getDimSize(0)) ||
      (input.getDimSize(1) != 1 && !dimsAgree(input.getDimSize(1), experts.getDimSize(1))))
    return emitOpError() << "input is " << input << " but experts are " << experts
                         << ", needed their rows, and 1 or their columns";
  return success();
}

LogicalResult ExpertMatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  AffineExpr columns = operands[1][1];
  if (getWeights().getType().getRank() == 4)
    columns = getAffineConstantExpr(getResult().getType().getDimSize(2), getContext());
  results.push_back({operands[2][0], operands[2][1], columns});
  return success();
}

LogicalResult ConvOp::verify() {
  RankedTensorType input = getInput().getType(), filter = getFilter().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || filter.getRank() != 4 || result.getRank() != 4)
    return emitOpError() << "ranks of input, filter and result are " << input.getRank() << ", " << filter.getRank()
                         << " and " << result.getRank() << ", needed 4";
  if (input.getElementType() != filter.getElementType() ||
      (result.getElementType() != input.getElementType() && !result.getElementType().isF32()))
    return emitOpError() << "element types are " << input.getElementType() << ", " << filter.getElementType() << " and "
                         << result.getElementType() << ", needed one type (the result may be f32)";
  // (C2)
  Windows windows{{filter.getDimSize(2), filter.getDimSize(3)}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  // (C3)
  int64_t groups = getGroups(), channels = input.getDimSize(1);
  if (groups <= 0 || channels % groups != 0 || result.getDimSize(1) % groups != 0 ||
      filter.getDimSize(1) != channels / groups || filter.getDimSize(0) != result.getDimSize(1))
    return emitOpError() << "groups is " << groups << ", the input has " << channels << " channels, the result "
                         << result.getDimSize(1) << " and the filter is " << filter;
  // (C4)
  return windows.verifyResult(*this, input, result);
}

LogicalResult ConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  RankedTensorType filter = getFilter().getType();
  Windows windows{{filter.getDimSize(2), filter.getDimSize(3)}, getStrides(), getPads(), getDilations()};
  results.push_back(
      {operands[0][0], operands[1][0], windows.resultDim(0, operands[0][2]), windows.resultDim(1, operands[0][3])});
  return success();
}

LogicalResult PackColumnsOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() < 2 || result.getRank() != input.getRank() + 1 ||
      input.getElementType() != result.getElementType())
    return emitOpError() << "input is " << input << " and result " << result
                         << ", needed rank 2 or more, one dimension more, and one element type";
  // (C2)
  SmallVector<int64_t> shape(input.getShape().drop_back(2));
  int64_t rows = input.getShape().drop_back().back(), columns = input.getShape().back();
  if (getTransposed())
    std::swap(rows, columns);
  int64_t panels = ShapedType::isDynamic(columns) ? columns : int64_t(llvm::divideCeil(columns, Columns));
  shape.append({panels, rows, Columns});
  if (!shapesAgree(shape, result.getShape()))
    return emitOpError() << "packs " << input << (getTransposed() ? " transposed" : "") << " into " << result
                         << ", needed the shape [" << shape << "]";
  return success();
}

LogicalResult PackColumnsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  AffineExpr columns = dims.pop_back_val(), rows = dims.pop_back_val();
  if (getTransposed())
    std::swap(rows, columns);
  dims.append({columns.ceilDiv(Columns), rows, getAffineConstantExpr(Columns, getContext())});
  results.push_back(std::move(dims));
  return success();
}

/// `rows` rounded up to those of a panel.
static int64_t roundUpToPanel(int64_t rows) {
  return ShapedType::isDynamic(rows) ? rows : int64_t(llvm::alignTo(rows, gguf::BlockPanels::Rows));
}

/// The format of packed blocks and how many columns theirs are rounded up to; none where `type` is not packed.
static std::optional<std::pair<StringRef, int64_t>> getPacked(Type type) {
  if (auto panels = dyn_cast<GgufPanelsType>(type))
    return std::pair(panels.getFormat(), panels.getBlockShape()[1]);
  if (auto tiles = dyn_cast<GgufTilesType>(type))
    return std::pair(tiles.getFormat(), tiles.getBlockShape()[1]);
  return std::nullopt;
}

LogicalResult PackBlocksOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  auto blocked = dyn_cast<BlockedType>(input.getElementType());
  // (C3)
  if (blocked && !isa<GgufTilesType>(result.getElementType())) {
    bool known = input.hasStaticShape() && input.getRank() > 0 && result.getShape() == input.getShape();
    BlockedType rows = known ? getRowBlocks(blocked, input.getShape().back()) : BlockedType();
    std::optional<GgufBlocks> gguf = known ? findGgufBlocks(blocked, input.getShape().back()) : std::nullopt;
    if (known && isa<Float8E4M3FNType>(result.getElementType()) && isFloat8Rows(blocked, input.getShape().back()))
      return success();
    bool isRows = rows && rows != blocked && result.getElementType() == rows;
    if (!isRows && !(gguf && result.getElementType() == GgufType::get(getContext(), gguf->format)))
      return emitOpError()
             << "packs " << input << " into " << result
             << ", needed its row blocks where they are others, its GGUF format, or its codes where they are "
                "f8E4M3FN with one scale for a row";
    return success();
  }
  // (C1)
  StringRef format;
  if (auto blocks = dyn_cast<GgufType>(input.getElementType()))
    format = blocks.getFormat();
  else if (blocked && input.hasStaticShape() && input.getRank() == 2)
    if (const gguf::RowTiles *tiles = findRowTiles(blocked, input.getDimSize(1)))
      format = tiles->name;
  auto packed = getPacked(result.getElementType());
  if (format.empty() || !packed || format != packed->first || input.getRank() != 2 || result.getRank() != 2)
    return emitOpError() << "packs " << input << " into " << result
                         << ", needed a matrix of GGUF blocks or of row blocks that have tiles, and one of panels or "
                            "tiles of the same format";
  // (C2)
  int64_t columns = input.getDimSize(1), rows = roundUpToPanel(input.getDimSize(0));
  if (!ShapedType::isDynamic(columns))
    columns = llvm::alignTo(columns, packed->second);
  if (!dimsAgree(columns, result.getDimSize(1)) || !dimsAgree(rows, result.getDimSize(0)))
    return emitOpError() << "packs " << input << " into " << result << ", needed " << columns << " columns and " << rows
                         << " rows";
  return success();
}

LogicalResult PackBlocksOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  if (!getPacked(getResult().getType().getElementType())) {
    results.push_back(operands[0]);
    return success();
  }
  constexpr int64_t Rows = gguf::BlockPanels::Rows;
  int64_t columns = getPacked(getResult().getType().getElementType())->second;
  results.push_back({operands[0][0].ceilDiv(Rows) * Rows, operands[0][1].ceilDiv(columns) * columns});
  return success();
}

LogicalResult RowScalesOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  auto blocked = dyn_cast<BlockedType>(input.getElementType());
  std::optional<GgufBlocks> gguf;
  bool isMatrix = blocked && input.hasStaticShape() && input.getRank() == 2;
  if (isMatrix)
    gguf = findGgufBlocks(blocked, input.getShape().back());
  if ((!gguf || !gguf->hasRowScales) && !(isMatrix && isFloat8Rows(blocked, input.getShape().back())))
    return emitOpError() << "input is " << input
                         << ", needed a matrix of a blocked type whose rows have a factor in their GGUF format, or of "
                            "f8E4M3FN with one scale for a row";
  // (C2)
  if (result.getDimSize(0) != input.getDimSize(0))
    return emitOpError() << "result is " << result << ", needed " << input.getDimSize(0) << " numbers";
  return success();
}

LogicalResult RowScalesOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back({operands[0][0]});
  return success();
}

static DimList inferTileDims(Type element, ArrayRef<AffineExpr> matrix) {
  constexpr int64_t Rows = gguf::MatrixTiles::Rows;
  int64_t columns = getTiles(element).columns();
  MLIRContext *context = matrix[0].getContext();
  return {matrix[0].ceilDiv(Rows), matrix[1].ceilDiv(columns), getAffineConstantExpr(Rows, context),
          getAffineConstantExpr(columns, context)};
}

/// What pack_tiles and unpack_tiles have in common.
static LogicalResult verifyTiles(Operation *op, RankedTensorType input, RankedTensorType result) {
  SmallVector<int64_t> shape = getTileShape(result.getElementType(), input.getDimSize(0), input.getDimSize(1));
  if (!shapesAgree(shape, result.getShape()))
    return op->emitOpError() << "packs " << input << " into " << result << ", needed the shape [" << shape << "]";
  return success();
}

LogicalResult PackTilesOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 2 || result.getRank() != 4 || input.getElementType() != result.getElementType())
    return emitOpError() << "packs " << input << " into " << result
                         << ", needed a matrix and rank 4 of the same element type";
  // (C2)
  return verifyTiles(*this, input, result);
}

LogicalResult PackTilesOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferTileDims(getResult().getType().getElementType(), operands[0]));
  return success();
}

LogicalResult UnpackTilesOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (isa<GgufPanelsType>(input.getElementType()) || input.getRank() != 2 || result.getRank() != 4 ||
      !is16Bit(result.getElementType()))
    return emitOpError() << "unpacks " << input << " into " << result
                         << ", needed a matrix of blocks or of tiles of them, and rank 4 of f16 or bf16";
  // (C2)
  return verifyTiles(*this, input, result);
}

LogicalResult UnpackTilesOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferTileDims(getResult().getType().getElementType(), operands[0]));
  return success();
}

LogicalResult TileMatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(), result = getResult().getType();
  // (C1)
  Type element = lhs.getElementType();
  if (lhs.getRank() < 1 || result.getRank() != lhs.getRank())
    return emitOpError() << "lhs is " << lhs << " and result " << result << ", needed one rank of 1 or more";
  // (C2)
  auto blocks = dyn_cast<GgufTilesType>(rhs.getElementType());
  if (blocks ? rhs.getRank() != 2 || !is16Bit(element) : rhs.getRank() != 4 || rhs.getElementType() != element)
    return emitOpError() << "lhs is " << lhs << " and rhs " << rhs
                         << ", needed a matrix of tiles of blocks and lhs of 16 bits, or rank 4 and the element type "
                            "of lhs";
  // (C3)
  int64_t n = result.getShape().back(), k = lhs.getShape().back();
  if (ShapedType::isDynamic(n) || ShapedType::isDynamic(k) ||
      !shapesAgree(lhs.getShape().drop_back(), result.getShape().drop_back()))
    return emitOpError() << "lhs is " << lhs << " and result " << result
                         << ", needed known sizes at the end and agreement before";
  SmallVector<int64_t> shape = {roundUpToPanel(n), k};
  if (blocks)
    shape[1] = int64_t(llvm::alignTo(k, blocks.getBlockShape()[1]));
  else
    shape = getTileShape(element, n, k);
  if (!shapesAgree(shape, rhs.getShape()))
    return emitOpError() << "rhs is " << rhs << ", needed the shape [" << shape << "] for " << n << " rows of " << k
                         << " columns";
  return success();
}

LogicalResult TileMatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  dims.back() = getAffineConstantExpr(getResult().getType().getShape().back(), getContext());
  results.push_back(std::move(dims));
  return success();
}

LogicalResult Int8MatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(), result = getResult().getType();
  // (C1)
  if (lhs.getRank() < 1 || result.getRank() != lhs.getRank() || rhs.getRank() != 2 ||
      !isa<GgufType, GgufPanelsType>(rhs.getElementType()))
    return emitOpError() << "lhs is " << lhs << ", rhs " << rhs << " and result " << result
                         << ", needed one rank for lhs and result, and a matrix of GGUF blocks or panels for rhs";
  // (C2)
  int64_t k = rhs.getDimSize(1);
  if (!dimsAgree(lhs.getShape().back(), k) || (!ShapedType::isDynamic(k) && k % Group != 0) ||
      !shapesAgree(lhs.getShape().drop_back(), result.getShape().drop_back()))
    return emitOpError() << "sizes of lhs " << lhs << ", rhs " << rhs << " and result " << result
                         << " do not fit, needed one k, a multiple of " << Group;
  // (C3)
  int64_t n = result.getShape().back(), rows = isa<GgufPanelsType>(rhs.getElementType()) ? roundUpToPanel(n) : n;
  if (ShapedType::isDynamic(n) || !dimsAgree(rhs.getDimSize(0), rows))
    return emitOpError() << "result is " << result << " but rhs has " << rhs.getDimSize(0) << " rows";
  return success();
}

LogicalResult Int8MatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  dims.back() = getAffineConstantExpr(getResult().getType().getShape().back(), getContext());
  results.push_back(std::move(dims));
  return success();
}

LogicalResult PanelMatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), panels = getPanels().getType(), result = getResult().getType();
  // (C1)
  if (lhs.getRank() < 1 || result.getRank() != lhs.getRank() || panels.getRank() != 3)
    return emitOpError() << "lhs is " << lhs << ", panels " << panels << " and result " << result
                         << ", needed one rank for lhs and result, and rank 3 for panels";
  // (C2)
  if (!dimsAgree(lhs.getShape().back(), panels.getDimSize(1)) || panels.getDimSize(2) != PackColumnsOp::Columns ||
      !shapesAgree(lhs.getShape().drop_back(), result.getShape().drop_back()))
    return emitOpError() << "sizes of lhs " << lhs << ", panels " << panels << " and result " << result
                         << " do not fit";
  // (C3)
  int64_t n = result.getShape().back();
  if (ShapedType::isDynamic(n) || int64_t(llvm::divideCeil(n, PackColumnsOp::Columns)) != panels.getDimSize(0))
    return emitOpError() << "result is " << result << " but there are " << panels.getDimSize(0) << " panels of "
                         << PackColumnsOp::Columns << " columns";
  return success();
}

LogicalResult PanelMatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  dims.back() = getAffineConstantExpr(getResult().getType().getShape().back(), getContext());
  results.push_back(std::move(dims));
  return success();
}
