#include "compiler/WeightPieces.h"
#include "dialects/lathe/BlockedPacking.h"
#include "dialects/lathe/RowBlocks.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/MatrixTiles.h"
#include "llvm/Support/FileSystem.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

namespace {
/// The smallest things of a tensor that are apart in memory: elements, or whole blocks of a quantized type.
struct Cells {
  int64_t bytes;
  SmallVector<int64_t> perDim; ///< elements along each dimension
  int64_t prefix = 0;          ///< bytes of what holds for all cells, in front of them and of any part of them
};
} // namespace

/// Nothing for a shape that holds no whole cells.
static std::optional<Cells> getCells(Type element, ArrayRef<int64_t> shape) {
  Cells cells{0, SmallVector<int64_t>(shape.size(), 1)};
  auto quantized = dyn_cast<QuantizedTypeInterface>(element);
  if (!quantized) {
    cells.bytes = getElementBytes(element);
    return cells;
  }
  cells.bytes = quantized.getBlockBytes();
  auto block = quantized.getBlockShape();
  if (shape.empty() || (shape.size() < 2 && block[0] != 1))
    return std::nullopt;
  cells.perDim.back() = block[1];
  if (shape.size() > 1)
    cells.perDim[shape.size() - 2] = block[0];
  int64_t count = 1;
  for (auto [size, unit] : llvm::zip_equal(shape, cells.perDim)) {
    if (size % unit)
      return std::nullopt;
    count *= size / unit;
  }
  FailureOr<int64_t> bytes = quantized.getByteSize(shape);
  if (failed(bytes))
    return std::nullopt;
  cells.prefix = *bytes - count * cells.bytes;
  return cells;
}

/// `box` with borders on those of cells.
static Box align(const Box &box, ArrayRef<int64_t> perDim) {
  Box aligned = box;
  for (auto [offset, size, unit] : llvm::zip_equal(aligned.offsets, aligned.sizes, perDim)) {
    int64_t end = llvm::alignTo(offset + size, unit);
    offset -= offset % unit;
    size = end - offset;
  }
  return aligned;
}

/// The part of a value in `box`, whose borders are those of cells. It borrows from `whole` where it lies in one piece.
static ReferenceValue slice(const ReferenceValue &whole, const Box &box, const Cells &cells) {
  ArrayRef<int64_t> shape = whole.getShape();
  SmallVector<int64_t> counts, starts, sizes;
  for (size_t d = 0; d < shape.size(); ++d) {
    counts.push_back(shape[d] / cells.perDim[d]);
    starts.push_back(box.offsets[d] / cells.perDim[d]);
    sizes.push_back(box.sizes[d] / cells.perDim[d]);
  }
  // Dimensions from `split` on are taken whole: they, and a range of the one before, lie in one piece.
  size_t split = shape.size();
  int64_t run = cells.bytes;
  while (split > 0 && sizes[split - 1] == counts[split - 1])
    run *= counts[--split];
  int64_t pitch = run, outer = 1;
  if (split > 0)
    run *= sizes[--split];
  for (size_t d = 0; d < split; ++d)
    outer *= sizes[d];
  SmallVector<int64_t> strides(shape.size(), pitch);
  for (int64_t d = int64_t(split) - 1; d >= 0; --d)
    strides[d] = strides[d + 1] * counts[d + 1];
  int64_t base = 0;
  for (size_t d = 0; d < split + (split < shape.size()); ++d)
    base += starts[d] * strides[d];
  if (outer == 1 && cells.prefix == 0)
    return ReferenceValue::borrowed(whole.getType(), box.sizes, whole.getBytes().slice(base, run));
  ReferenceValue part(whole.getType(), box.sizes, cells.prefix + outer * run);
  uint8_t *to = std::copy_n(whole.getBytes().data(), cells.prefix, part.mutableBytes().data());
  SmallVector<int64_t> index(split, 0);
  for (int64_t n = 0; n < outer; ++n) {
    int64_t from = cells.prefix + base;
    for (size_t d = 0; d < split; ++d)
      from += index[d] * strides[d];
    std::memcpy(to + n * run, whole.getBytes().data() + from, run);
    for (int64_t d = int64_t(split) - 1; d >= 0 && ++index[d] == sizes[d]; --d)
      index[d] = 0;
  }
  return part;
}

static ArrayRef<int64_t> getShape(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

LogicalResult WeightPieces::keep(Value value, llvm::function_ref<LogicalResult(llvm::raw_ostream &)> write) {
  int fd;
  SmallString<128> path;
  std::error_code error = llvm::sys::fs::createTemporaryFile("lathe", "weight", fd, path);
  if (!error)
    error = llvm::sys::fs::remove(path);
  if (error)
    return value.getDefiningOp()->emitOpError() << "needs a temporary file: " << error.message();
  llvm::raw_fd_ostream stream(fd, /*shouldClose=*/true);
  if (failed(write(stream)))
    return failure();
  stream.flush();
  auto mapped = llvm::MemoryBuffer::getOpenFile(fd, path, stream.tell(), /*RequiresNullTerminator=*/false);
  if (stream.has_error() || !mapped) {
    error = stream.has_error() ? stream.error() : mapped.getError();
    stream.clear_error();
    return value.getDefiningOp()->emitOpError() << "needs a temporary file: " << error.message();
  }
  auto type = cast<RankedTensorType>(value.getType());
  const auto *bytes = reinterpret_cast<const uint8_t *>((*mapped)->getBufferStart());
  Kept[value] =
      ReferenceValue::borrowed(type.getElementType(), type.getShape(), ArrayRef(bytes, (*mapped)->getBufferSize()));
  Mappings.push_back(std::move(*mapped));
  return success();
}

LogicalResult WeightPieces::computeWhole(Operation *op) {
  SmallVector<ReferenceValue> operands, results;
  for (Value operand : op->getOperands()) {
    FailureOr<std::optional<ReferenceValue>> mapped = findMapped(operand);
    if (failed(mapped))
      return failure();
    if (!*mapped) {
      auto write = [&](llvm::raw_ostream &stream) {
        return this->write(operand, [&](ArrayRef<uint8_t> bytes) { stream << llvm::toStringRef(bytes); });
      };
      if (failed(keep(operand, write)))
        return failure();
      mapped = std::optional(Kept[operand]);
    }
    operands.push_back(**mapped);
  }
  auto reference = dyn_cast<ReferenceOpInterface>(op);
  if (!reference)
    return op->emitOpError() << "has no reference meaning, so no weight can be computed with it";
  if (failed(reference.evaluate(operands, results)))
    return failure();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    if (failed(keep(result, [&](llvm::raw_ostream &stream) {
          stream << llvm::toStringRef(value.getBytes());
          return success();
        })))
      return failure();
  return success();
}

FailureOr<std::optional<ReferenceValue>> WeightPieces::findMapped(Value value) {
  if (auto known = Kept.find(value); known != Kept.end())
    return std::optional(known->second);
  if (auto weight = value.getDefiningOp<WeightOp>()) {
    FailureOr<ReferenceValue> read = Files.readWeight(weight);
    if (failed(read))
      return failure();
    return std::optional(Kept[value] = *read);
  }
  if (auto constant = value.getDefiningOp<ConstantOp>(); constant && !constant.getValue().isSplat())
    return std::optional(Kept[value] = ReferenceValue::fromElements(constant.getValue()));
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return std::optional<ReferenceValue>();
  FailureOr<std::optional<ReferenceValue>> input = findMapped(reshape.getInput());
  if (failed(input) || !*input)
    return input;
  return std::optional(ReferenceValue::borrowed((*input)->getType(), getShape(value), (*input)->getBytes()));
}

WeightPieces::Result WeightPieces::evaluateElementwise(Operation *op, const Box &box) {
  ArrayRef<int64_t> shape = getShape(op->getResult(0));
  SmallVector<ReferenceValue> operands, results;
  Box computed = box;
  for (Value operand : op->getOperands())
    if (auto cells = getCells(getElementTypeOrSelf(operand), getShape(operand)))
      if (isa<QuantizedTypeInterface>(getElementTypeOrSelf(operand)))
        computed = align(box, cells->perDim);
  for (Value operand : op->getOperands()) {
    ArrayRef<int64_t> sizes = getShape(operand);
    Box part = Box::whole(sizes);
    for (size_t d = 0; d < sizes.size(); ++d)
      if (size_t from = d + shape.size() - sizes.size(); sizes[d] != 1 || shape[from] == 1) {
        part.offsets[d] = computed.offsets[from];
        part.sizes[d] = computed.sizes[from];
      }
    Result value = evaluate(operand, part);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  if (failed(cast<ReferenceOpInterface>(op).evaluate(operands, results)))
    return failure();
  if (computed.sizes == box.sizes)
    return results[0];
  Box inside = box;
  for (auto [offset, base] : llvm::zip_equal(inside.offsets, computed.offsets))
    offset -= base;
  ReferenceValue part = slice(results[0], inside, *getCells(results[0].getType(), computed.sizes));
  (void)part.mutableBytes(); // what it may borrow from goes
  return part;
}

WeightPieces::Result WeightPieces::evaluateTranspose(TransposeOp op, const Box &box) {
  Box input = box;
  for (auto [d, from] : llvm::enumerate(op.getPermutation())) {
    input.offsets[from] = box.offsets[d];
    input.sizes[from] = box.sizes[d];
  }
  FailureOr<ReferenceValue> value = evaluate(op.getInput(), input);
  SmallVector<ReferenceValue> results;
  if (failed(value) || failed(op.evaluate(*value, results)))
    return failure();
  return results[0];
}

LogicalResult WeightPieces::copyRun(Value value, int64_t first, int64_t count, uint8_t *to) {
  // The smallest box with the run in it: one place of the leading dimensions, a range of one, all of the rest.
  ArrayRef<int64_t> shape = getShape(value);
  Box box = Box::whole(shape);
  int64_t inner = ShapedType::getNumElements(shape), start = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    inner /= shape[d];
    int64_t begin = (first - start) / inner, end = llvm::divideCeil(first + count - start, inner);
    box.offsets[d] = begin;
    box.sizes[d] = end - begin;
    start += begin * inner;
    if (end - begin > 1)
      break;
  }
  Result part = evaluate(value, box);
  if (failed(part))
    return failure();
  int64_t bytes = getElementBytes(part->getType());
  std::memcpy(to, part->getBytes().data() + (first - start) * bytes, count * bytes);
  return success();
}

WeightPieces::Result WeightPieces::evaluateReshape(ReshapeOp op, const Box &box) {
  ArrayRef<int64_t> shape = getShape(op.getResult());
  Type element = op.getResult().getType().getElementType();
  // Runs of elements that lie one behind the other, of which `outer` make up the box.
  size_t split = shape.size();
  int64_t run = 1, outer = 1;
  while (split > 0 && box.sizes[split - 1] == shape[split - 1])
    run *= shape[--split];
  if (split > 0)
    run *= box.sizes[--split];
  for (size_t d = 0; d < split; ++d)
    outer *= box.sizes[d];
  ReferenceValue result = ReferenceValue::tensor(element, box.sizes);
  uint8_t *to = result.mutableBytes().data();
  SmallVector<int64_t> index(split, 0);
  for (int64_t n = 0; n < outer; ++n, to += run * getElementBytes(element)) {
    int64_t first = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      first = first * shape[d] + box.offsets[d] + (d < split ? index[d] : 0);
    if (failed(copyRun(op.getInput(), first, run, to)))
      return failure();
    for (int64_t d = int64_t(split) - 1; d >= 0 && ++index[d] == box.sizes[d]; --d)
      index[d] = 0;
  }
  return result;
}

/// The part of a rank. Where parts are no tensors of their type, all of them have what holds for all blocks.
WeightPieces::Result WeightPieces::evaluateShard(TakeShardOp op, const Box &box) {
  Grid grid = Grid::of(op);
  int64_t dim = op.getDim(), parts = op.getParts();
  int64_t part = grid.getCoordinate(Rank, op.getAxis()) * parts / grid.getSize(op.getAxis());
  ArrayRef<int64_t> shape = getShape(op.getInput());
  if (!getCells(getElementTypeOrSelf(op.getInput()), shape)) {
    Result whole = evaluate(op.getInput(), Box::whole(shape));
    if (failed(whole))
      return failure();
    return takePart(*whole, dim, parts, part);
  }
  Box input = box;
  input.offsets[dim] += part * getShape(op.getResult())[dim];
  return evaluate(op.getInput(), input);
}

WeightPieces::Result WeightPieces::evaluatePack(PackColumnsOp op, const Box &box) {
  ArrayRef<int64_t> shape = getShape(op.getInput());
  constexpr int64_t Width = PackColumnsOp::Columns;
  size_t batch = shape.size() - 2, rowDim = batch + op.getTransposed(), columnDim = batch + !op.getTransposed();
  int64_t panels = box.sizes[batch], rows = box.sizes[batch + 1], width = box.sizes[batch + 2];
  int64_t first = box.offsets[batch] * Width;
  Box input{SmallVector<int64_t>(box.offsets), SmallVector<int64_t>(box.sizes)};
  input.offsets.pop_back();
  input.sizes.pop_back();
  input.offsets[rowDim] = box.offsets[batch + 1];
  input.sizes[rowDim] = rows;
  input.offsets[columnDim] = first;
  input.sizes[columnDim] = std::min(panels * Width, shape[columnDim] - first);
  FailureOr<ReferenceValue> value = evaluate(op.getInput(), input);
  if (failed(value))
    return failure();
  int64_t columns = input.sizes[columnDim], bytes = getElementBytes(value->getType());
  int64_t rowStep = (op.getTransposed() ? 1 : columns) * bytes, columnStep = (op.getTransposed() ? rows : 1) * bytes;
  ReferenceValue result = ReferenceValue::tensor(value->getType(), box.sizes);
  const uint8_t *from = value->getBytes().data();
  uint8_t *to = result.mutableBytes().data();
  for (int64_t left = result.getNumElements(); left > 0; left -= panels * rows * width, from += rows * columns * bytes)
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t j = box.offsets.back(); j < box.offsets.back() + width; ++j, to += bytes)
          if (int64_t column = panel * Width + j; column < columns)
            std::memcpy(to, from + row * rowStep + column * columnStep, bytes);
  return result;
}

/// The part of a matrix of `shape` that `box` covers, which may reach behind its end.
static Box clip(const Box &box, ArrayRef<int64_t> shape) {
  Box inside = box;
  for (auto [offset, size, end] : llvm::zip_equal(box.offsets, inside.sizes, shape))
    size = std::max<int64_t>(0, std::min(size, end - offset));
  return inside;
}

/// `box` begins and ends on the borders of panels or tiles.
WeightPieces::Result WeightPieces::evaluatePack(PackBlocksOp op, const Box &box) {
  Box input = clip(box, getShape(op.getInput()));
  FailureOr<ReferenceValue> value = evaluate(op.getInput(), input);
  if (failed(value))
    return failure();
  auto type = cast<QuantizedTypeInterface>(op.getResult().getType().getElementType());
  StringRef name = cast<GgufType>(op.getInput().getType().getElementType()).getFormat();
  const gguf::BlockFormat &format = *gguf::findBlockFormat(std::string_view(name));
  ReferenceValue result(type, box.sizes, *type.getByteSize(box.sizes));
  const uint8_t *from = value->getBytes().data();
  uint8_t *to = result.mutableBytes().data();
  int64_t packedRows = box.sizes[0] / type.getBlockShape()[0];
  if (isa<GgufTilesType>(type))
    gguf::packTiles(*gguf::findBlockTiles(format), input.sizes[0], input.sizes[1], from, to, 0, packedRows);
  else
    gguf::packPanels(*gguf::findBlockPanels(format), input.sizes[0], input.sizes[1], from, to, 0, packedRows);
  return result;
}

/// Row blocks become tiles: blocks may be whole rows, so whole rows are read.
WeightPieces::Result WeightPieces::evaluateRowTiles(PackBlocksOp op, const Box &box) {
  auto type = cast<QuantizedTypeInterface>(op.getResult().getType().getElementType());
  Box rows{{box.offsets[0], 0}, {box.sizes[0], getShape(op.getResult())[1]}};
  Box input = clip(rows, getShape(op.getInput()));
  Result value = evaluate(op.getInput(), input);
  if (failed(value))
    return failure();
  ReferenceValue result(type, rows.sizes, *type.getByteSize(rows.sizes));
  packRowTiles(cast<BlockedType>(value->getType()), input.sizes, value->getBytes(), result.mutableBytes());
  if (rows.sizes == box.sizes)
    return result;
  ReferenceValue part = slice(result, {{0, box.offsets[1]}, box.sizes}, *getCells(type, rows.sizes));
  (void)part.mutableBytes(); // what it may borrow from goes
  return part;
}

/// Blocked types become GGUF blocks or row blocks row by row: `box` has whole rows.
WeightPieces::Result WeightPieces::evaluateRows(PackBlocksOp op, const Box &box) {
  Result value = evaluate(op.getInput(), box);
  SmallVector<ReferenceValue> results;
  if (failed(value) || failed(op.evaluate(*value, results)))
    return failure();
  return results[0];
}

/// Whether `evaluateRows` can take it apart: what it reads has blocks of one row.
static bool isOfRows(PackBlocksOp op, const Box &box) {
  auto input = cast<BlockedType>(op.getInput().getType().getElementType());
  return getCells(input, getShape(op.getInput())) && input.getBlockShape()[0] == 1 &&
         box.sizes.back() == getShape(op.getInput()).back();
}

WeightPieces::Result WeightPieces::evaluatePack(PackTilesOp op, const Box &box) {
  gguf::MatrixTiles tiles{getElementBytes(op.getResult().getType().getElementType())};
  constexpr int64_t Rows = gguf::MatrixTiles::Rows;
  int64_t columns = tiles.columns();
  if (box.sizes[2] != Rows || box.sizes[3] != columns) { // a part of tiles
    Box whole{{box.offsets[0], box.offsets[1], 0, 0}, {box.sizes[0], box.sizes[1], Rows, columns}};
    Result all = evaluatePack(op, whole);
    if (failed(all))
      return failure();
    Result part =
        slice(*all, {{0, 0, box.offsets[2], box.offsets[3]}, box.sizes}, *getCells(all->getType(), whole.sizes));
    ReferenceValue own = ReferenceValue::tensor(all->getType(), box.sizes); // `part` may point into `all`
    llvm::copy(part->getBytes(), own.mutableBytes().begin());
    return own;
  }
  Box input{{box.offsets[0] * Rows, box.offsets[1] * columns}, {box.sizes[0] * Rows, box.sizes[1] * columns}};
  input = clip(input, getShape(op.getInput()));
  FailureOr<ReferenceValue> value = evaluate(op.getInput(), input);
  if (failed(value))
    return failure();
  ReferenceValue result = ReferenceValue::tensor(value->getType(), box.sizes);
  gguf::packMatrixTiles(tiles, input.sizes[0], input.sizes[1], value->getBytes().data(), result.mutableBytes().data(),
                        0, box.sizes[0]);
  return result;
}

static LogicalResult refuse(QuantizeOp op) {
  return op.emitOpError() << "packs no values into blocks of " << op.getResult().getType().getElementType()
                          << "; have all of them finite";
}

/// The whole tensor is read for it, once or a few times, and nothing of it kept.
FailureOr<float> WeightPieces::findOuter(QuantizeOp op, BlockedType type) {
  if (auto known = Outers.find(op); known != Outers.end())
    return known->second;
  Type element = op.getInput().getType().getElementType();
  int64_t elementBytes = getElementBytes(element), step = PieceBytes / elementBytes + 1;
  bool isRead = true;
  auto read = [&](ValueSink sink) {
    LogicalResult taken = success();
    isRead = succeeded(write(op.getInput(), [&](ArrayRef<uint8_t> bytes) {
      // What is mapped comes as a whole.
      for (int64_t first = 0, count = bytes.size() / elementBytes; first < count && succeeded(taken); first += step) {
        int64_t size = std::min(step, count - first);
        auto piece = ReferenceValue::borrowed(element, size, bytes.slice(first * elementBytes, size * elementBytes));
        taken = sink(*piece.toFloats());
      }
    }));
    return success(isRead && succeeded(taken));
  };
  FailureOr<float> outer = findOuterScale(type, read);
  if (failed(outer))
    return isRead ? refuse(op) : failure();
  return Outers[op] = *outer;
}

/// `box` begins and ends on the borders of blocks.
WeightPieces::Result WeightPieces::evaluateQuantize(QuantizeOp op, const Box &box) {
  auto type = dyn_cast<BlockedType>(op.getResult().getType().getElementType());
  bool hasOuter = type && !isa<NoneType>(type.getOuterScale());
  FailureOr<float> outer = hasOuter ? findOuter(op, type) : FailureOr<float>(1.0f);
  if (failed(outer))
    return failure();
  Result value = evaluate(op.getInput(), box);
  SmallVector<ReferenceValue> results;
  if (failed(value))
    return failure();
  if (hasOuter) {
    ReferenceValue &part = results.emplace_back(type, box.sizes, *type.getByteSize(box.sizes));
    if (failed(packWithOuterScale(type, *outer, box.sizes, *value->toFloats(), part.mutableBytes())))
      return refuse(op);
  } else if (failed(op.evaluate(*value, results))) {
    return failure();
  }
  if (Observer)
    Observer(op, *value->toFloats(), *results[0].toFloats());
  return results[0];
}

WeightPieces::Result WeightPieces::evaluate(Value value, const Box &box) {
  FailureOr<std::optional<ReferenceValue>> mapped = findMapped(value);
  if (failed(mapped))
    return failure();
  Operation *op = value.getDefiningOp();
  Type element = getElementTypeOrSelf(value);
  if (!*mapped) {
    if (auto constant = dyn_cast<ConstantOp>(op))
      return ReferenceValue::fromElements(
          cast<DenseElementsAttr>(constant.getValue()).resizeSplat(RankedTensorType::get(box.sizes, element)));
    bool sliceable = llvm::all_of(op->getOperands(), [](Value operand) {
      return getCells(getElementTypeOrSelf(operand), getShape(operand)).has_value();
    });
    if (isElementwise(op) && sliceable)
      return evaluateElementwise(op, box);
    if (auto transpose = dyn_cast<TransposeOp>(op))
      return evaluateTranspose(transpose, box);
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      return evaluateReshape(reshape, box);
    if (auto shard = dyn_cast<TakeShardOp>(op))
      return evaluateShard(shard, box);
    if (auto pack = dyn_cast<PackColumnsOp>(op))
      return evaluatePack(pack, box);
    if (auto pack = dyn_cast<PackBlocksOp>(op)) {
      if (!isa<BlockedType>(pack.getInput().getType().getElementType()))
        return evaluatePack(pack, box);
      if (isa<GgufTilesType>(element))
        return evaluateRowTiles(pack, box);
      if (isOfRows(pack, box))
        return evaluateRows(pack, box);
    }
    if (auto pack = dyn_cast<PackTilesOp>(op))
      return evaluatePack(pack, box);
    if (auto quantize = dyn_cast<QuantizeOp>(op))
      return evaluateQuantize(quantize, box);
    if (failed(computeWhole(op)))
      return failure();
    mapped = std::optional(Kept[value]);
  }
  if (box.sizes == getShape(value))
    return **mapped;
  std::optional<Cells> cells = getCells(element, getShape(value));
  assert(cells && "only whole values are asked for of a type whose parts are no tensors");
  return slice(**mapped, box, *cells);
}

LogicalResult WeightPieces::write(Value value, llvm::function_ref<void(ArrayRef<uint8_t>)> sink) {
  FailureOr<std::optional<ReferenceValue>> mapped = findMapped(value);
  if (failed(mapped))
    return failure();
  ArrayRef<int64_t> shape = getShape(value);
  std::optional<Cells> cells = getCells(getElementTypeOrSelf(value), shape);
  if (*mapped || !cells) {
    Result whole = evaluate(value, Box::whole(shape));
    if (failed(whole))
      return failure();
    sink(whole->getBytes());
    return success();
  }
  // Dimensions from `split` on fit into a piece; a piece is a range of the one before.
  int64_t inner = cells->bytes, outer = 1;
  size_t split = shape.size();
  while (split > 0 && inner * (shape[split - 1] / cells->perDim[split - 1]) <= PieceBytes)
    --split, inner *= shape[split] / cells->perDim[split];
  for (size_t d = 0; d + 1 < split; ++d)
    outer *= shape[d] / cells->perDim[d];
  int64_t step = split ? std::max<int64_t>(1, PieceBytes / inner) * cells->perDim[split - 1] : 1;
  Box box = Box::whole(shape);
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t n = 0; n < outer; ++n) {
    for (size_t d = 0; d + 1 < split; ++d) {
      box.offsets[d] = index[d];
      box.sizes[d] = cells->perDim[d];
    }
    for (int64_t at = 0, size = split ? shape[split - 1] : 1; at < size; at += step) {
      if (split) {
        box.offsets[split - 1] = at;
        box.sizes[split - 1] = std::min(step, size - at);
      }
      Result piece = evaluate(value, box);
      if (failed(piece))
        return failure();
      // What holds for all cells is in front of the first one alone.
      bool isFirst = llvm::all_of(box.offsets, [](int64_t offset) { return offset == 0; });
      sink(piece->getBytes().drop_front(isFirst ? 0 : cells->prefix));
    }
    for (int64_t d = int64_t(split) - 2; d >= 0 && (index[d] += cells->perDim[d]) == shape[d]; --d)
      index[d] = 0;
  }
  return success();
}
