// The meaning of Linear.td: products accumulate in f64 and round once.
#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/RowBlocks.h"
#include "dialects/lathe/Windows.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/MatrixTiles.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;

/// For each matrix of the result the number of the operand's matrix that it is made from: sizes of 1 repeat.
static std::vector<int64_t> numberMatrices(ArrayRef<int64_t> operand, ArrayRef<int64_t> result) {
  int64_t count = 1;
  for (int64_t size : result)
    count *= size;
  std::vector<int64_t> numbers(count);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, stride = 1;
    for (size_t d = 0; d < operand.size(); ++d) {
      int64_t size = operand[operand.size() - 1 - d], place = rest % result[result.size() - 1 - d];
      numbers[i] += size == 1 ? 0 : place * stride;
      rest /= result[result.size() - 1 - d];
      stride *= size;
    }
  }
  return numbers;
}

static SmallVector<int64_t> broadcastShapes(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()), 1);
  for (ArrayRef<int64_t> operand : {a, b})
    for (auto [i, size] : llvm::enumerate(operand))
      if (size != 1)
        shape[shape.size() - operand.size() + i] = size;
  return shape;
}

LogicalResult MatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  bool transposed = getTransposeRhs();
  ArrayRef<int64_t> lhsShape = operands[0].getShape(), rhsShape = operands[1].getShape();
  int64_t m = lhsShape.drop_back().back(), k = lhsShape.back();
  int64_t rhsRows = rhsShape.drop_back().back(), rhsColumns = rhsShape.back(), n = transposed ? rhsRows : rhsColumns;
  if ((transposed ? rhsColumns : rhsRows) != k)
    return emitOpError() << "k is " << k << " in lhs but " << (transposed ? rhsColumns : rhsRows) << " in rhs";
  FailureOr<std::vector<float>> lhs = operands[0].toFloats(), rhs = operands[1].toFloats();
  if (failed(lhs) || failed(rhs))
    return emitOpError() << "rhs has " << operands[1].getBytes().size() << " bytes, which are not the blocks of "
                         << getRhs().getType();
  SmallVector<int64_t> shape = broadcastShapes(lhsShape.drop_back(2), rhsShape.drop_back(2));
  std::vector<int64_t> lhsMatrices = numberMatrices(lhsShape.drop_back(2), shape);
  std::vector<int64_t> rhsMatrices = numberMatrices(rhsShape.drop_back(2), shape);
  shape.append({m, n});
  int64_t columnStride = transposed ? k : 1, rowStride = transposed ? 1 : n, next = 0;
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  for (auto [left, right] : llvm::zip_equal(lhsMatrices, rhsMatrices))
    for (int64_t row = 0; row < m; ++row)
      for (int64_t column = 0; column < n; ++column) {
        const float *a = lhs->data() + (left * m + row) * k, *b = rhs->data() + right * k * n + column * columnStride;
        double sum = 0;
        for (int64_t i = 0; i < k; ++i)
          sum += double(a[i]) * b[i * rowStride];
        result.setFloat(next++, sum);
      }
  results.push_back(std::move(result));
  return success();
}

static gguf::MatrixTiles getTiles(TypedValue<RankedTensorType> tiles) {
  return {tiles.getType().getElementTypeBitWidth() / 8};
}

LogicalResult ExpertMatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> inputShape = operands[0].getShape(), weightShape = operands[1].getShape();
  int64_t rows = operands[2].getShape()[0], choices = operands[2].getShape()[1];
  bool tiled = weightShape.size() == 4;
  int64_t n = tiled ? getResult().getType().getDimSize(2) : weightShape[1], k = inputShape[2];
  gguf::MatrixTiles tiles = tiled ? getTiles(getWeights()) : gguf::MatrixTiles{2};
  int64_t count = tiled ? weightShape[0] * gguf::MatrixTiles::Rows / n : weightShape[0];
  if (inputShape[0] != rows || (inputShape[1] != 1 && inputShape[1] != choices) ||
      (tiled ? weightShape[1] != tiles.count(k) : weightShape[2] != k))
    return emitOpError() << "input is " << formatShape(inputShape) << ", weights " << formatShape(weightShape)
                         << " and experts " << formatShape(operands[2].getShape()) << ", which do not fit";
  FailureOr<std::vector<float>> input = operands[0].toFloats(), weights = operands[1].toFloats();
  if (failed(input) || failed(weights))
    return emitOpError() << "weights have " << operands[1].getBytes().size() << " bytes, which are not the blocks of "
                         << getWeights().getType();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), {rows, choices, n});
  for (int64_t pair = 0; pair < rows * choices; ++pair) {
    int64_t expert = operands[2].getInt(pair);
    const float *row = input->data() + (inputShape[1] == 1 ? pair / choices : pair) * k;
    for (int64_t column = 0; column < n && expert >= 0 && expert < count; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum +=
            double(row[i]) * (*weights)[tiled ? tiles.place(expert * n + column, i, k) : (expert * n + column) * k + i];
      result.setFloat(pair * n + column, sum);
    }
  }
  results.push_back(std::move(result));
  return success();
}

namespace {
/// Sizes of one convolution and its operands' values.
struct Convolution {
  std::vector<float> Input, Filter;
  ArrayRef<int64_t> InputShape, FilterShape;
  int64_t Groups;
  Windows Geometry;

  double evaluate(int64_t image, int64_t channel, int64_t y, int64_t x) const;
};
} // namespace

double Convolution::evaluate(int64_t image, int64_t channel, int64_t y, int64_t x) const {
  int64_t channels = FilterShape[1], firstChannel = channel / (FilterShape[0] / Groups) * channels;
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < FilterShape[2]; ++i)
      for (int64_t j = 0; j < FilterShape[3]; ++j) {
        int64_t inY = y * Geometry.strides[0] + i * Geometry.dilations[0] - Geometry.pads[0];
        int64_t inX = x * Geometry.strides[1] + j * Geometry.dilations[1] - Geometry.pads[1];
        if (inY < 0 || inY >= InputShape[2] || inX < 0 || inX >= InputShape[3])
          continue;
        int64_t input = ((image * InputShape[1] + firstChannel + c) * InputShape[2] + inY) * InputShape[3] + inX;
        int64_t filter = ((channel * channels + c) * FilterShape[2] + i) * FilterShape[3] + j;
        sum += double(Input[input]) * Filter[filter];
      }
  return sum;
}

LogicalResult ConvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape(), filter = operands[1].getShape();
  Convolution convolution{*operands[0].toFloats(),
                          *operands[1].toFloats(),
                          input,
                          filter,
                          int64_t(getGroups()),
                          Windows{{filter[2], filter[3]}, getStrides(), getPads(), getDilations()}};
  const Windows &windows = convolution.Geometry;
  if (input[1] != filter[1] * int64_t(getGroups()))
    return emitOpError() << "input has " << input[1] << " channels, needed " << filter[1] << " in each of "
                         << getGroups() << " groups";
  if (failed(checkFits(*this, windows, input)))
    return failure();
  int64_t height = windows.resultSize(0, input[2]), width = windows.resultSize(1, input[3]), next = 0;
  ReferenceValue result =
      ReferenceValue::tensor(getEvaluatedElementType(getResult()), {input[0], filter[0], height, width});
  for (int64_t image = 0; image < input[0]; ++image)
    for (int64_t channel = 0; channel < filter[0]; ++channel)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          result.setFloat(next++, convolution.evaluate(image, channel, y, x));
  results.push_back(std::move(result));
  return success();
}

LogicalResult PackColumnsOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  SmallVector<int64_t> shape(input.getShape());
  int64_t last = shape.pop_back_val(), before = shape.pop_back_val();
  int64_t rows = getTransposed() ? last : before, columns = getTransposed() ? before : last, next = 0;
  int64_t panels = llvm::divideCeil(columns, Columns),
          matrices = input.getNumElements() / std::max<int64_t>(1, rows * columns);
  shape.append({panels, rows, Columns});
  ReferenceValue result = ReferenceValue::tensor(getResult().getType().getElementType(), shape);
  for (int64_t matrix = 0; matrix < matrices; ++matrix)
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t j = 0; j < Columns; ++j, ++next)
          if (int64_t column = panel * Columns + j; column < columns)
            result.setFloat(next, input.getFloat(matrix * rows * columns +
                                                 (getTransposed() ? column * rows + row : row * columns + column)));
  results.push_back(std::move(result));
  return success();
}

LogicalResult PackBlocksOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape();
  Type element = getResult().getType().getElementType();
  if (isa<Float8E4M3FNType>(element)) {
    ReferenceValue codes = ReferenceValue::tensor(element, input);
    writeFloat8Codes(cast<BlockedType>(operands[0].getType()), input, operands[0].getBytes(), codes.mutableBytes());
    results.push_back(std::move(codes));
    return success();
  }
  auto type = cast<QuantizedTypeInterface>(element);
  auto blocked = dyn_cast<BlockedType>(operands[0].getType());
  if (blocked && !isa<GgufTilesType>(type)) {
    ReferenceValue result(type, input, *type.getByteSize(input));
    auto write = isa<GgufType>(type) ? writeGgufBlocks : spreadRowBlocks;
    write(blocked, input, operands[0].getBytes(), result.mutableBytes());
    results.push_back(std::move(result));
    return success();
  }
  auto [rows, columns] = type.getBlockShape();
  int64_t shape[] = {int64_t(llvm::alignTo(input[0], rows)), int64_t(llvm::alignTo(input[1], columns))};
  ReferenceValue result(type, shape, *type.getByteSize(shape));
  if (blocked) {
    packRowTiles(blocked, input, operands[0].getBytes(), result.mutableBytes());
    results.push_back(std::move(result));
    return success();
  }
  const uint8_t *from = operands[0].getBytes().data();
  uint8_t *to = result.mutableBytes().data();
  StringRef name = cast<GgufType>(getInput().getType().getElementType()).getFormat();
  const auto *format = gguf::findBlockFormat(std::string_view(name));
  if (isa<GgufTilesType>(type))
    gguf::packTiles(*gguf::findBlockTiles(*format), input[0], input[1], from, to, 0, shape[0] / rows);
  else
    gguf::packPanels(*gguf::findBlockPanels(*format), input[0], input[1], from, to, 0, shape[0] / rows);
  results.push_back(std::move(result));
  return success();
}

LogicalResult RowScalesOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape();
  std::vector<float> scales(input[0]);
  readRowScales(cast<BlockedType>(operands[0].getType()), input, operands[0].getBytes(), scales);
  ReferenceValue result = ReferenceValue::tensor(getResult().getType().getElementType(), input[0]);
  for (auto [row, scale] : llvm::enumerate(scales))
    result.setFloat(int64_t(row), scale);
  results.push_back(std::move(result));
  return success();
}

/// The shape of a matrix in tiles.
static std::array<int64_t, 4> getTileShape(gguf::MatrixTiles tiles, ArrayRef<int64_t> matrix) {
  constexpr int64_t Rows = gguf::MatrixTiles::Rows;
  return {int64_t(llvm::divideCeil(matrix[0], Rows)), tiles.count(matrix[1]), Rows, tiles.columns()};
}

LogicalResult PackTilesOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape();
  gguf::MatrixTiles tiles = getTiles(getResult());
  std::array<int64_t, 4> shape = getTileShape(tiles, input);
  ReferenceValue result = ReferenceValue::tensor(getResult().getType().getElementType(), shape);
  gguf::packMatrixTiles(tiles, input[0], input[1], operands[0].getBytes().data(), result.mutableBytes().data(), 0,
                        shape[0]);
  results.push_back(std::move(result));
  return success();
}

LogicalResult UnpackTilesOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape();
  FailureOr<std::vector<float>> values = operands[0].toFloats();
  if (failed(values))
    return emitOpError() << "input has " << operands[0].getBytes().size() << " bytes, which are not the tiles of "
                         << getInput().getType();
  gguf::MatrixTiles tiles = getTiles(getResult());
  ReferenceValue result = ReferenceValue::tensor(getResult().getType().getElementType(), getTileShape(tiles, input));
  for (int64_t row = 0; row < input[0]; ++row)
    for (int64_t column = 0; column < input[1]; ++column)
      result.setFloat(tiles.place(row, column, input[1]), (*values)[row * input[1] + column]);
  results.push_back(std::move(result));
  return success();
}

/// result[row, column] = the sum over i < k of lhs[row, i] * right(column, i), in f64.
template <typename Right>
static void multiplyRows(ReferenceValue &result, ArrayRef<float> lhs, int64_t rows, int64_t columns, int64_t k,
                         Right right) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += double(lhs[row * k + i]) * right(column, i);
      result.setFloat(row * columns + column, sum);
    }
}

LogicalResult TileMatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  SmallVector<int64_t> shape(operands[0].getShape());
  int64_t k = shape.back(), n = getResult().getType().getShape().back(),
          rows = operands[0].getNumElements() / std::max<int64_t>(1, k);
  FailureOr<std::vector<float>> lhs = operands[0].toFloats(), rhs = operands[1].toFloats();
  if (failed(lhs) || failed(rhs))
    return emitOpError() << "rhs has " << operands[1].getBytes().size() << " bytes, which are not the tiles of "
                         << getRhs().getType();
  bool blocks = isa<GgufTilesType>(getRhs().getType().getElementType());
  int64_t columns = operands[1].getShape()[1];
  gguf::MatrixTiles tiles = blocks ? gguf::MatrixTiles{2} : getTiles(getRhs());
  if (columns * (blocks ? 1 : tiles.columns()) < k)
    return emitOpError() << "lhs is " << formatShape(shape) << " and rhs " << formatShape(operands[1].getShape())
                         << ", which do not fit";
  shape.back() = n;
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  multiplyRows(result, *lhs, rows, n, k, [&](int64_t column, int64_t i) {
    return (*rhs)[blocks ? column * columns + i : tiles.place(column, i, k)];
  });
  results.push_back(std::move(result));
  return success();
}

/// Rounds a group of elements as the description of `lathe.int8_matmul` says.
static void roundToInt8(MutableArrayRef<float> group) {
  // The largest magnitude by its bits, so that a NaN is the largest of all and makes the whole group NaN.
  uint32_t bits = 0;
  for (float value : group)
    bits = std::max(bits, llvm::bit_cast<uint32_t>(value) & 0x7FFFFFFF);
  float most = llvm::bit_cast<float>(bits), scale = most / 127, inverse = most < 0x1p-100f ? 0 : 127 / most;
  for (float &value : group)
    value = scale * float(std::nearbyint(value * inverse));
}

LogicalResult Int8MatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  SmallVector<int64_t> shape(operands[0].getShape());
  int64_t k = shape.back(), n = getResult().getType().getShape().back();
  FailureOr<std::vector<float>> lhs = operands[0].toFloats(), rhs = operands[1].toFloats();
  if (failed(lhs) || failed(rhs))
    return emitOpError() << "rhs has " << operands[1].getBytes().size() << " bytes, which are not the blocks of "
                         << getRhs().getType();
  if (operands[1].getShape()[1] != k || operands[1].getShape()[0] < n || k % Group != 0)
    return emitOpError() << "lhs is " << formatShape(shape) << " and rhs " << formatShape(operands[1].getShape())
                         << ", which do not fit";
  for (size_t i = 0; i < lhs->size(); i += Group)
    roundToInt8(MutableArrayRef(*lhs).slice(i, Group));
  int64_t rows = lhs->size() / std::max<int64_t>(1, k);
  shape.back() = n;
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  multiplyRows(result, *lhs, rows, n, k, [&](int64_t column, int64_t i) { return (*rhs)[column * k + i]; });
  results.push_back(std::move(result));
  return success();
}

LogicalResult PanelMatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  SmallVector<int64_t> shape(operands[0].getShape());
  int64_t k = shape.back(), n = getResult().getType().getShape().back(),
          rows = operands[0].getNumElements() / std::max<int64_t>(1, k);
  if (operands[1].getShape()[1] != k)
    return emitOpError() << "k is " << k << " in lhs but " << operands[1].getShape()[1] << " in panels";
  shape.back() = n;
  std::vector<float> lhs = *operands[0].toFloats(), panels = *operands[1].toFloats();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  constexpr int64_t Width = PackColumnsOp::Columns;
  multiplyRows(result, lhs, rows, n, k,
               [&](int64_t column, int64_t i) { return panels[(column / Width * k + i) * Width + column % Width]; });
  results.push_back(std::move(result));
  return success();
}
