#include "frontends/gguf/ModelReader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;

ModelReader::ModelReader(MLIRContext &context, const gguf::GgufFile &file, StringRef architecture)
    : context(context), file(file), architecture(architecture),
      fileLocation(FileLineColLoc::get(&context, file.paths().front(), 0, 0)) {}

InFlightDiagnostic ModelReader::emitError() {
  failed = true;
  return mlir::emitError(fileLocation);
}

InFlightDiagnostic ModelReader::emitWarning() { return mlir::emitWarning(fileLocation); }

Location ModelReader::getLocation(StringRef name) const {
  return NameLoc::get(StringAttr::get(&context, name), fileLocation);
}

//===- Metadata ---------------------------------------------------------------------------------------------------===//

std::string ModelReader::fullKey(StringRef key) const { return architecture + "." + key.str(); }

const gguf::Value *ModelReader::find(StringRef key, bool required) {
  std::string full = fullKey(key);
  const gguf::Value *value = file.findEntry(full);
  if (!value && required)
    emitError() << "metadata '" << full << "' is missing; convert the model again";
  return value;
}

template <typename T> T ModelReader::report(StringRef key, const gguf::Value &value, StringRef wanted, T standIn) {
  emitError() << "metadata '" << fullKey(key) << "' is of type " << valueTypeName(value.type) << ", needed " << wanted;
  return standIn;
}

int64_t ModelReader::getInteger(StringRef key, std::optional<int64_t> absent) {
  const gguf::Value *value = find(key, !absent);
  if (!value)
    return absent.value_or(1);
  if (std::optional<int64_t> integer = value->asSigned())
    return *integer;
  return report<int64_t>(key, *value, "an integer", 1);
}

double ModelReader::getNumber(StringRef key, std::optional<double> absent) {
  const gguf::Value *value = find(key, !absent);
  if (!value)
    return absent.value_or(1);
  if (std::optional<double> number = value->asNumber())
    return *number;
  return report<double>(key, *value, "a number", 1);
}

std::string ModelReader::getString(StringRef key, StringRef absent) {
  const gguf::Value *value = find(key, /*required=*/false);
  if (!value)
    return absent.str();
  if (std::optional<std::string_view> text = value->asString())
    return std::string(*text);
  return report<std::string>(key, *value, "a string", absent.str());
}

int64_t ModelReader::getUniformInteger(StringRef key, std::optional<int64_t> absent) {
  const gguf::Value *value = find(key, !absent);
  if (!value)
    return absent.value_or(1);
  if (value->type != gguf::ValueType::Array)
    return getInteger(key, absent);
  if (value->count == 0 || !value->element(0).asSigned())
    return report<int64_t>(key, *value, "an integer, or an array of integers with one for each layer", 1);
  int64_t first = *value->element(0).asSigned();
  for (uint64_t i = 1; i < value->count; ++i)
    if (int64_t other = *value->element(i).asSigned(); other != first) {
      emitError() << "metadata '" << fullKey(key) << "' is " << first << " for layer 0 but " << other << " for layer "
                  << i << "; only models whose layers are alike are supported";
      break;
    }
  return first;
}

void ModelReader::checkRange(StringRef key, int64_t found, int64_t min, int64_t max) {
  if (found < min || found > max)
    emitError() << "'" << fullKey(key) << "' is " << found << ", needed " << min << " to " << max;
}

static std::string printNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", number);
  return text;
}

void ModelReader::checkPositive(StringRef key, double found) {
  if (!(found > 0) || !std::isfinite(found))
    emitError() << "'" << fullKey(key) << "' is " << printNumber(found) << ", needed a number above 0";
}

bool ModelReader::getBool(StringRef key, bool absent) {
  const gguf::Value *value = find(key, /*required=*/false);
  if (!value)
    return absent;
  if (std::optional<bool> truth = value->asBool())
    return *truth;
  return report<bool>(key, *value, "a truth value", absent);
}

int64_t ModelReader::getWindow(StringRef key, int64_t absent) {
  int64_t window = getInteger(key, absent);
  checkRange(key, window, 0, std::numeric_limits<int32_t>::max());
  return window;
}

//===- Tensors ----------------------------------------------------------------------------------------------------===//

static std::string printShape(ArrayRef<int64_t> shape) {
  return "[" + llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), ", ") + "]";
}

unsigned ModelReader::getRank(StringRef name) {
  const gguf::Tensor *tensor = file.findTensor(std::string_view(name));
  return tensor ? tensor->shape.size() : 0;
}

int64_t ModelReader::getDimension(StringRef name, unsigned dimension) {
  const gguf::Tensor *tensor = file.findTensor(std::string_view(name));
  if (tensor && dimension < tensor->shape.size())
    return tensor->shape[dimension];
  // A missing tensor is reported when its weight is asked for.
  return 1;
}

/// The element type that holds a tensor as it is stored, or null, reported.
Type ModelReader::getElementType(const gguf::Tensor &tensor) {
  StringRef format = tensor.format->name;
  Builder builder(&context);
  if (tensor.format->isBlocked)
    return GgufType::get(&context, format);
  if (format == "f32")
    return builder.getF32Type();
  if (format == "f16")
    return builder.getF16Type();
  if (format == "bf16")
    return builder.getBF16Type();
  InFlightDiagnostic diagnostic = emitError() << "tensor '" << tensor.name << "' is stored as " << format
                                              << ", which is not supported for weights; supported are f32, f16, bf16";
  for (const gguf::BlockFormat &known : gguf::blockFormats())
    if (known.isBlocked)
      diagnostic << ", " << known.name;
  return {};
}

Value ModelReader::getWeight(OpBuilder &builder, StringRef name, ArrayRef<int64_t> shape) {
  auto [entry, isNew] = weights.try_emplace(name);
  if (!isNew)
    return entry->second;
  Type element;
  const gguf::Tensor *tensor = file.findTensor(std::string_view(name));
  if (!tensor)
    emitError() << "tensor '" << name << "' of shape " << printShape(shape) << " is missing";
  else if (ArrayRef<int64_t>(tensor->shape) != shape)
    emitError() << "tensor '" << name << "' has shape " << printShape(tensor->shape) << ", needed "
                << printShape(shape);
  else if ((element = getElementType(*tensor)) && shape.size() == 1 && !isa<FloatType>(element)) {
    emitError() << "tensor '" << name << "' of one dimension is stored as " << tensor->format->name
                << ", needed f32, f16 or bf16";
    element = {};
  }
  // Of a tensor that cannot be had a stand-in goes on, so that the rest of the model is checked too.
  auto type = RankedTensorType::get(shape, element ? element : builder.getF32Type());
  entry->second =
      WeightOp::create(builder, getLocation(name), type, name, element ? tensor->file : 0, element ? tensor->offset : 0,
                       element ? tensor->bytes : uint64_t(type.getNumElements()) * 4);
  return entry->second;
}

void ModelReader::refuseUnusedTensors() {
  for (const gguf::Tensor &tensor : file.tensors())
    if (!weights.contains(tensor.name) && !ignored.contains(tensor.name))
      emitError() << "tensor '" << tensor.name << "' of shape " << printShape(tensor.shape)
                  << " has no place in architecture '" << architecture << "'";
}
