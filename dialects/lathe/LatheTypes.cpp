#include "dialects/lathe/BlockShapes.h"
#include "mlir/IR/DialectImplementation.h"
#include "runtime/gguf/BlockFormat.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/Quantize.h"
#include "runtime/gguf/RowTiles.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

#include "dialects/lathe/LatheTypeInterfaces.cpp.inc"

// The name of a format stands without quotes: `!lathe.gguf<q4_k>`.
static ParseResult parseFormatName(AsmParser &parser, std::string &format) {
  return parser.parseKeywordOrString(&format);
}
static void printFormatName(AsmPrinter &printer, StringRef format) { printer << format; }

#define GET_TYPEDEF_CLASSES
#include "dialects/lathe/LatheTypes.cpp.inc"

void LatheDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lathe/LatheTypes.cpp.inc"
      >();
}

FailureOr<int64_t> lathe::getTensorBytes(RankedTensorType type) {
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(type.getElementType()))
    return quantized.getByteSize(type.getShape());
  return type.getNumElements() * getElementBytes(type.getElementType());
}

//===- State
//--------------------------------------------------------------------------------------------------------===//

Type StateType::parse(AsmParser &parser) {
  StringRef keyword;
  SmallVector<int64_t> shape;
  Type element;
  int64_t window = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&keyword) || parser.parseComma() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(element))
    return {};
  std::optional<StateKind> kind = symbolizeStateKind(keyword);
  if (!kind) {
    parser.emitError(loc) << "state kind is '" << keyword << "', needed paged, slot or static";
    return {};
  }
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("window") || parser.parseEqual() || parser.parseInteger(window)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<StateType>(loc, parser.getContext(), *kind, shape, element, window);
}

void StateType::print(AsmPrinter &printer) const {
  printer << '<' << stringifyStateKind(getKind()) << ", ";
  printer.printDimensionList(getShape());
  printer << 'x' << getElement();
  if (getWindow())
    printer << ", window = " << getWindow();
  printer << '>';
}

LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError, StateKind kind, ArrayRef<int64_t> shape,
                                Type element, int64_t window) {
  auto blocks = dyn_cast<GgufType>(element);
  if (blocks ? kind != StateKind::Paged || blocks.getFormat() != "q8_0" : !element.isIntOrFloat())
    return emitError() << "state element is " << element
                       << ", needed an integer or float, or !lathe.gguf<q8_0> in a paged state";
  if (kind == StateKind::Paged && shape.size() != 3)
    return emitError() << "paged state has " << shape.size()
                       << " dimensions, needed 3: layers, heads, key width + value width";
  if (window < 0 || (window && kind != StateKind::Paged))
    return emitError() << "window is " << window << ", needed 0, or above 0 in a paged state";
  if (llvm::any_of(shape, [](int64_t dim) { return dim <= 0; }))
    return emitError() << "state sizes must be above 0";
  if (blocks && shape.back() % blocks.getBlockShape()[1] != 0)
    return emitError() << "state has rows of " << shape.back() << " elements, needed whole blocks of "
                       << blocks.getBlockShape()[1];
  return success();
}

int64_t StateType::getUnitBytes() const {
  int64_t elements = ShapedType::getNumElements(getShape());
  return getRowBytes(getElement(), elements) * (getKind() == StateKind::Paged ? PageTokens : 1);
}

//===- Quantized types
//----------------------------------------------------------------------------------------------===//

FailureOr<int64_t> lathe::countBlocks(ArrayRef<int64_t> shape, std::array<int64_t, 2> block) {
  if (shape.empty() || shape.back() % block[1] != 0)
    return failure();
  int64_t rows = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  if (rows % block[0] != 0)
    return failure();
  return ShapedType::getNumElements(shape) / (block[0] * block[1]);
}

bool lathe::isOnBlockBorders(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                             std::array<int64_t, 2> block) {
  size_t rank = shape.size();
  for (size_t i = 0; i < rank; ++i) {
    int64_t unit = i + 1 == rank ? block[1] : i + 2 == rank ? block[0] : 1;
    if (offsets[i] % unit != 0 || sizes[i] % unit != 0 || offsets[i] < 0 || offsets[i] + sizes[i] > shape[i])
      return false;
  }
  return true;
}

LogicalResult GgufType::verify(function_ref<InFlightDiagnostic()> emitError, StringRef format) {
  const gguf::BlockFormat *known = gguf::findBlockFormat(std::string_view(format));
  if (!known || !known->isBlocked)
    return emitError() << "'" << format << "' is no block format of GGUF files";
  return success();
}

static const gguf::BlockFormat &blockFormat(GgufType type) {
  return *gguf::findBlockFormat(std::string_view(type.getFormat()));
}

std::array<int64_t, 2> GgufType::getBlockShape() const { return {1, int64_t(blockFormat(*this).weights)}; }
int64_t GgufType::getBlockBytes() const { return blockFormat(*this).bytes; }

FailureOr<int64_t> GgufType::getByteSize(ArrayRef<int64_t> shape) const {
  FailureOr<int64_t> blocks = countBlocks(shape, getBlockShape());
  if (failed(blocks))
    return failure();
  return *blocks * getBlockBytes();
}

bool GgufType::isLegalSlice(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) const {
  return isOnBlockBorders(shape, offsets, sizes, getBlockShape());
}

LogicalResult GgufType::unpack(ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes, MutableArrayRef<float> values) const {
  FailureOr<int64_t> wanted = getByteSize(shape);
  if (failed(wanted) || *wanted != int64_t(bytes.size()) || int64_t(values.size()) != ShapedType::getNumElements(shape))
    return failure();
  gguf::dequantize(blockFormat(*this), bytes.data(), values.size(), values.data());
  return success();
}

bool GgufType::canPack() const { return gguf::canQuantize(blockFormat(*this)); }

LogicalResult GgufType::pack(ArrayRef<int64_t> shape, ArrayRef<float> values, MutableArrayRef<uint8_t> bytes) const {
  FailureOr<int64_t> wanted = getByteSize(shape);
  if (!canPack() || failed(wanted) || *wanted != int64_t(bytes.size()) ||
      int64_t(values.size()) != ShapedType::getNumElements(shape))
    return failure();
  int64_t columns = shape.back(), rowBytes = values.empty() ? 0 : *wanted / (int64_t(values.size()) / columns);
  uint8_t *to = bytes.data();
  for (size_t row = 0; row < values.size(); row += columns, to += rowBytes)
    gguf::quantize(blockFormat(*this), &values[row], columns, /*importance=*/nullptr, to);
  return success();
}

LogicalResult GgufPanelsType::verify(function_ref<InFlightDiagnostic()> emitError, StringRef format) {
  const gguf::BlockFormat *known = gguf::findBlockFormat(std::string_view(format));
  if (!known || !gguf::findBlockPanels(*known))
    return emitError() << "'" << format << "' is no block format that has panels";
  return success();
}

static const gguf::BlockPanels &blockPanels(GgufPanelsType type) {
  return *gguf::findBlockPanels(*gguf::findBlockFormat(std::string_view(type.getFormat())));
}

std::array<int64_t, 2> GgufPanelsType::getBlockShape() const {
  return {gguf::BlockPanels::Rows, int64_t(blockPanels(*this).format->weights)};
}
int64_t GgufPanelsType::getBlockBytes() const { return gguf::BlockPanels::Rows * blockPanels(*this).format->bytes; }

FailureOr<int64_t> GgufPanelsType::getByteSize(ArrayRef<int64_t> shape) const {
  FailureOr<int64_t> blocks = countBlocks(shape, getBlockShape());
  if (failed(blocks) || shape.size() != 2)
    return failure();
  return *blocks * getBlockBytes();
}

bool GgufPanelsType::isLegalSlice(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) const {
  return isOnBlockBorders(shape, offsets, sizes, getBlockShape());
}

LogicalResult GgufPanelsType::unpack(ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                                     MutableArrayRef<float> values) const {
  FailureOr<int64_t> wanted = getByteSize(shape);
  if (failed(wanted) || *wanted != int64_t(bytes.size()) || int64_t(values.size()) != ShapedType::getNumElements(shape))
    return failure();
  std::vector<uint8_t> blocks(bytes.size());
  gguf::unpackPanels(blockPanels(*this), shape[0], shape[1], bytes.data(), blocks.data());
  gguf::dequantize(*blockPanels(*this).format, blocks.data(), values.size(), values.data());
  return success();
}

// Rows are packed as blocks of the format, which `lathe.pack_blocks` puts into another order.
bool GgufPanelsType::canPack() const { return false; }
LogicalResult GgufPanelsType::pack(ArrayRef<int64_t>, ArrayRef<float>, MutableArrayRef<uint8_t>) const {
  return failure();
}
bool GgufTilesType::canPack() const { return false; }
LogicalResult GgufTilesType::pack(ArrayRef<int64_t>, ArrayRef<float>, MutableArrayRef<uint8_t>) const {
  return failure();
}

/// Tiles of a GGUF format; null where the name is of row blocks.
static const gguf::BlockTiles *findBlockTiles(StringRef format) {
  const gguf::BlockFormat *known = gguf::findBlockFormat(std::string_view(format));
  return known ? gguf::findBlockTiles(*known) : nullptr;
}

LogicalResult GgufTilesType::verify(function_ref<InFlightDiagnostic()> emitError, StringRef format) {
  if (!findBlockTiles(format) && !gguf::findRowTiles(std::string_view(format)))
    return emitError() << "'" << format << "' is no block format that has tiles";
  return success();
}

std::array<int64_t, 2> GgufTilesType::getBlockShape() const {
  const gguf::BlockTiles *blocks = findBlockTiles(getFormat());
  return {gguf::BlockTiles::Rows, blocks ? blocks->columns : gguf::RowTiles::Columns};
}
int64_t GgufTilesType::getBlockBytes() const {
  const gguf::BlockTiles *blocks = findBlockTiles(getFormat());
  return blocks ? blocks->bytes : gguf::findRowTiles(std::string_view(getFormat()))->bytes();
}

FailureOr<int64_t> GgufTilesType::getByteSize(ArrayRef<int64_t> shape) const {
  FailureOr<int64_t> blocks = countBlocks(shape, getBlockShape());
  if (failed(blocks) || shape.size() != 2)
    return failure();
  return *blocks * getBlockBytes();
}

bool GgufTilesType::isLegalSlice(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) const {
  return isOnBlockBorders(shape, offsets, sizes, getBlockShape());
}

LogicalResult GgufTilesType::unpack(ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                                    MutableArrayRef<float> values) const {
  FailureOr<int64_t> wanted = getByteSize(shape);
  if (failed(wanted) || *wanted != int64_t(bytes.size()) || int64_t(values.size()) != ShapedType::getNumElements(shape))
    return failure();
  const gguf::BlockTiles *tiles = findBlockTiles(getFormat());
  if (!tiles) {
    gguf::unpackRowTiles(*gguf::findRowTiles(std::string_view(getFormat())), shape[0], shape[1], bytes.data(),
                         values.data());
    return success();
  }
  const gguf::BlockFormat &format = *tiles->format;
  std::vector<uint8_t> blocks(values.size() / format.weights * format.bytes);
  gguf::unpackTiles(*tiles, shape[0], shape[1], bytes.data(), blocks.data());
  gguf::dequantize(format, blocks.data(), values.size(), values.data());
  return success();
}
