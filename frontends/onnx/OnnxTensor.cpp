#include "frontends/onnx/OnnxTensor.h"
#include "frontends/onnx/OnnxWire.h"

#include "frontends/onnx/onnx-ml.pb.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace lathe::onnx;
using ::onnx::TensorProto;

template <typename... Ts> static Error fail(const std::string &where, const char *format, Ts &&...values) {
  return createStringError(formatv("{0}: {1}", where, formatv(format, std::forward<Ts>(values)...).str()).str());
}

namespace {

struct DataTypeInfo {
  StringLiteral name;
  unsigned bits;
};

} // namespace

// By DataType's numbers.
static constexpr DataTypeInfo DataTypes[] = {
    {"undefined", 0},      {"float", 32},    {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"double", 64},   {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
    {"uint2", 2},          {"int2", 2},      {"float6e2m3", 6},   {"float6e3m2", 6},
};

StringRef lathe::onnx::dataTypeName(DataType type) {
  return size_t(type) < std::size(DataTypes) ? StringRef(DataTypes[size_t(type)].name) : "unknown";
}

unsigned lathe::onnx::dataTypeBits(DataType type) {
  return size_t(type) < std::size(DataTypes) ? DataTypes[size_t(type)].bits : 0;
}

ArrayRef<uint8_t> Model::bytes(const Tensor &tensor) const {
  StringRef data = tensor.data;
  if (tensor.file >= 0)
    data = files[tensor.file]->getBuffer().substr(tensor.offset, tensor.bytes);
  return {reinterpret_cast<const uint8_t *>(data.data()), data.size()};
}

/// Elements of the shape and the bytes they take, elements narrower than a byte packed.
static Expected<std::pair<int64_t, int64_t>> measure(const Tensor &tensor, const std::string &where) {
  std::optional<int64_t> count = 1;
  for (auto [axis, dim] : enumerate(tensor.dims)) {
    if (dim < 0)
      return fail(where, "dimension {0} is {1}, needed at least 0", axis, dim);
    count = checkedMul(*count, dim);
    if (!count)
      break;
  }
  std::optional<int64_t> bits = count ? checkedMul<int64_t>(*count, dataTypeBits(tensor.type)) : std::nullopt;
  if (!bits || *bits > INT64_MAX - 7)
    return fail(where, "shape [{0}] has more elements than 64 bits can count",
                make_range(tensor.dims.begin(), tensor.dims.end()));
  return std::pair(*count, (*bits + 7) / 8);
}

/// Appends the low `width` bytes of each value.
template <typename Values> static void appendLow(std::string &data, const Values &values, unsigned width) {
  data.reserve(data.size() + values.size() * width);
  for (auto value : values)
    data.append(reinterpret_cast<const char *>(&value), width);
}

Error TensorReader::readTypedData(const TensorProto &proto, const std::string &where, Tensor &tensor) {
  // Which field each type uses; elements narrower than 32 bits stand in int32_data one by one, and those narrower than
  // 8 packed into bytes.
  unsigned width = std::max(1u, dataTypeBits(tensor.type) / 8);
  size_t found = 0;
  StringRef field;
  switch (tensor.type) {
  case DataType::Float:
  case DataType::Complex64:
    field = "float_data";
    appendLow(tensor.data, proto.float_data(), 4);
    break;
  case DataType::Double:
  case DataType::Complex128:
    field = "double_data";
    appendLow(tensor.data, proto.double_data(), 8);
    break;
  case DataType::Int64:
    field = "int64_data";
    appendLow(tensor.data, proto.int64_data(), 8);
    break;
  case DataType::Uint32:
  case DataType::Uint64:
    field = "uint64_data";
    appendLow(tensor.data, proto.uint64_data(), width);
    break;
  default:
    field = "int32_data";
    appendLow(tensor.data, proto.int32_data(), width);
    break;
  }
  found = tensor.data.size();
  if (found != tensor.bytes)
    return fail(where, "{0} holds {1} bytes but a tensor of {2} [{3}] takes {4}", field, found,
                dataTypeName(tensor.type), make_range(tensor.dims.begin(), tensor.dims.end()), tensor.bytes);
  return Error::success();
}

Expected<std::unique_ptr<MemoryBuffer>> lathe::onnx::mapFile(const Twine &path) {
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(path, status))
    return createStringError(error.message());
  if (!sys::fs::is_regular_file(status)) // a pipe would keep us waiting
    return createStringError("it is no regular file");
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(buffer.getError().message());
  return std::move(*buffer);
}

Expected<int> TensorReader::openFile(const std::string &location, const std::string &where) {
  // A model is data: it must not make us read files elsewhere.
  if (sys::path::is_absolute(location) || StringRef(location).contains('\0') ||
      is_contained(make_range(sys::path::begin(location), sys::path::end(location)), StringRef("..")))
    return fail(where, "external data is in '{0}', needed a path below the model's folder", location);
  StringRef parent = sys::path::parent_path(model.paths[0]);
  SmallString<256> path(parent), folder, target;
  sys::path::append(path, location);
  for (size_t i = 1; i < model.paths.size(); ++i)
    if (model.paths[i] == path)
      return int(i);
  std::error_code missing = sys::fs::real_path(parent.empty() ? "." : parent, folder);
  if (!missing)
    missing = sys::fs::real_path(path, target);
  if (missing)
    return fail(where, "external data file '{0}' cannot be read: {1}", path, missing.message());
  if (folder != "/")
    folder += "/";
  if (!target.starts_with(folder))
    return fail(where, "external data file '{0}' is a link to '{1}', needed a file below the model's folder", path,
                target);
  Expected<std::unique_ptr<MemoryBuffer>> buffer = mapFile(path);
  if (!buffer)
    return fail(where, "external data file '{0}' cannot be read: {1}", path, toString(buffer.takeError()));
  model.paths.push_back(path.str().str());
  model.files.push_back(std::move(*buffer));
  return int(model.paths.size() - 1);
}

Error TensorReader::readExternalData(const TensorProto &proto, const std::string &where, Tensor &tensor) {
  std::string location;
  std::optional<uint64_t> length;
  for (const auto &entry : proto.external_data()) {
    uint64_t number = 0;
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() != "offset" && entry.key() != "length")
      continue;
    else if (StringRef(entry.value()).getAsInteger(10, number))
      return fail(where, "external data {0} is '{1}', needed a number of bytes", entry.key(), entry.value());
    else if (entry.key() == "offset")
      tensor.offset = number;
    else
      length = number;
  }
  if (location.empty())
    return fail(where, "external data has no 'location'");
  if (length && *length != tensor.bytes)
    return fail(where, "external data length is {0} but a tensor of {1} [{2}] takes {3} bytes", *length,
                dataTypeName(tensor.type), make_range(tensor.dims.begin(), tensor.dims.end()), tensor.bytes);
  Expected<int> file = openFile(location, where);
  if (!file)
    return file.takeError();
  tensor.file = *file;
  uint64_t size = model.files[*file]->getBufferSize();
  if (tensor.offset > size || tensor.bytes > size - tensor.offset)
    return fail(where, "external data is {0} bytes at offset {1} of '{2}', which has {3}", tensor.bytes, tensor.offset,
                model.paths[*file], size);
  return Error::success();
}

Expected<Tensor> TensorReader::read(const TensorProto &proto, const std::string &where) {
  Tensor tensor;
  tensor.name = proto.name();
  tensor.type = DataType(proto.data_type());
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  if (proto.has_segment())
    return fail(where, "data comes in segments, which are not supported; save the model with whole tensors");
  if (tensor.type == DataType::String)
    return tensor; // kept by name: nothing that is imported reads strings
  if (dataTypeBits(tensor.type) == 0)
    return fail(where, "data type is {0}, which names no type of ONNX", proto.data_type());
  auto size = measure(tensor, where);
  if (!size)
    return size.takeError();
  tensor.bytes = size->second;

  if (proto.data_location() == TensorProto::EXTERNAL) {
    if (Error error = readExternalData(proto, where, tensor))
      return std::move(error);
  } else if (proto.has_raw_data()) {
    ByteRange range;
    assert(proto.raw_data().size() == sizeof(range) && "replaceRawData has left raw data in place");
    memcpy(&range, proto.raw_data().data(), sizeof(range));
    if (range.bytes != tensor.bytes)
      return fail(where, "raw_data at byte {0} holds {1} bytes but a tensor of {2} [{3}] takes {4}", range.offset,
                  range.bytes, dataTypeName(tensor.type), make_range(tensor.dims.begin(), tensor.dims.end()),
                  tensor.bytes);
    tensor.file = 0;
    tensor.offset = range.offset;
  } else if (Error error = readTypedData(proto, where, tensor)) {
    return std::move(error);
  }
  return tensor;
}
