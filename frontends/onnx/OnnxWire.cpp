#include "frontends/onnx/OnnxWire.h"

#include "llvm/Support/FormatVariadic.h"
#include <optional>

using namespace llvm;
using namespace lathe::onnx;

namespace {

/// The messages on a way from ModelProto to a TensorProto.
enum class Message { Model, Graph, Node, Attribute, Tensor, SparseTensor, Function, Training };

struct MessageField {
  Message parent;
  uint64_t number;
  Message child;
};

} // namespace

static constexpr MessageField Fields[] = {
    {Message::Model, 7, Message::Graph},             // graph
    {Message::Model, 20, Message::Training},         // training_info
    {Message::Model, 25, Message::Function},         // functions
    {Message::Training, 1, Message::Graph},          // initialization
    {Message::Training, 2, Message::Graph},          // algorithm
    {Message::Function, 7, Message::Node},           // node
    {Message::Function, 11, Message::Attribute},     // attribute_proto
    {Message::Graph, 1, Message::Node},              // node
    {Message::Graph, 5, Message::Tensor},            // initializer
    {Message::Graph, 15, Message::SparseTensor},     // sparse_initializer
    {Message::Node, 5, Message::Attribute},          // attribute
    {Message::Attribute, 5, Message::Tensor},        // t
    {Message::Attribute, 6, Message::Graph},         // g
    {Message::Attribute, 10, Message::Tensor},       // tensors
    {Message::Attribute, 11, Message::Graph},        // graphs
    {Message::Attribute, 22, Message::SparseTensor}, // sparse_tensor
    {Message::Attribute, 23, Message::SparseTensor}, // sparse_tensors
    {Message::SparseTensor, 1, Message::Tensor},     // values
    {Message::SparseTensor, 2, Message::Tensor},     // indices
};
static constexpr uint64_t RawDataField = 9;
/// protobuf's own limit.
static constexpr int MaximumDepth = 100;

static const char *messageName(Message message) {
  switch (message) {
  case Message::Model:
    return "ModelProto";
  case Message::Graph:
    return "GraphProto";
  case Message::Node:
    return "NodeProto";
  case Message::Attribute:
    return "AttributeProto";
  case Message::Tensor:
    return "TensorProto";
  case Message::SparseTensor:
    return "SparseTensorProto";
  case Message::Function:
    return "FunctionProto";
  case Message::Training:
    return "TrainingInfoProto";
  }
  llvm_unreachable("all messages are named");
}

static std::optional<Message> childMessage(Message parent, uint64_t number) {
  for (const MessageField &field : Fields)
    if (field.parent == parent && field.number == number)
      return field.child;
  return std::nullopt;
}

static void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(char(value | 0x80));
  out.push_back(char(value));
}

namespace {

class Scanner {
public:
  explicit Scanner(StringRef model) : model(model) {}

  /// Copies the message at [position, end) to `out` with its raw data replaced.
  Error copy(Message message, uint64_t end, int depth, std::string &out);

private:
  template <typename... Ts> Error error(uint64_t where, const char *format, Ts &&...values) {
    return createStringError(formatv("byte {0}: {1}", where, formatv(format, std::forward<Ts>(values)...).str()).str());
  }
  Expected<uint64_t> readVarint(uint64_t end);
  Error copyBytesField(Message message, uint64_t number, uint64_t start, uint64_t end, int depth, std::string &out);

  StringRef model;
  uint64_t position = 0;
};

} // namespace

Expected<uint64_t> Scanner::readVarint(uint64_t end) {
  uint64_t start = position, value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (position == end)
      return error(start, "number runs past byte {0}, where the message around it ends", end);
    uint8_t byte = model[position++];
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return value;
  }
  return error(start, "number takes more than 10 bytes");
}

Error Scanner::copyBytesField(Message message, uint64_t number, uint64_t start, uint64_t end, int depth,
                              std::string &out) {
  Expected<uint64_t> length = readVarint(end);
  if (!length)
    return length.takeError();
  if (*length > end - position)
    return error(start, "field {0} of {1} is {2} bytes long but {3} remain", number, messageName(message), *length,
                 end - position);
  std::optional<Message> child = childMessage(message, number);
  if (!child && !(message == Message::Tensor && number == RawDataField)) {
    out.append(model.data() + start, position + *length - start);
    position += *length;
    return Error::success();
  }
  std::string content;
  if (!child) {
    ByteRange range{position, *length};
    content.assign(reinterpret_cast<const char *>(&range), sizeof(range));
    position += *length;
  } else if (depth == MaximumDepth) {
    return error(start, "messages are nested more than {0} deep", MaximumDepth);
  } else if (Error failure = copy(*child, position + *length, depth + 1, content)) {
    return failure;
  }
  appendVarint(out, number << 3 | 2);
  appendVarint(out, content.size());
  out += content;
  return Error::success();
}

Error Scanner::copy(Message message, uint64_t end, int depth, std::string &out) {
  while (position < end) {
    uint64_t start = position;
    Expected<uint64_t> key = readVarint(end);
    if (!key)
      return key.takeError();
    uint64_t number = *key >> 3, fixedBytes = 0;
    if (number == 0 || number > 0x1fffffff)
      return error(start, "field of {0} has number {1}, needed 1 to 536870911", messageName(message), number);
    switch (*key & 7) {
    case 0:
      if (Expected<uint64_t> value = readVarint(end); !value)
        return value.takeError();
      break;
    case 1:
      fixedBytes = 8;
      break;
    case 2:
      if (Error failure = copyBytesField(message, number, start, end, depth, out))
        return failure;
      continue;
    case 5:
      fixedBytes = 4;
      break;
    default:
      return error(start, "field {0} of {1} has wire type {2}, needed 0, 1, 2 or 5", number, messageName(message),
                   *key & 7);
    }
    if (fixedBytes > end - position)
      return error(start, "field {0} of {1} is {2} bytes long but {3} remain", number, messageName(message), fixedBytes,
                   end - position);
    position += fixedBytes;
    out.append(model.data() + start, position - start);
  }
  return Error::success();
}

Expected<std::string> lathe::onnx::replaceRawData(StringRef model) {
  std::string out;
  if (Error failure = Scanner(model).copy(Message::Model, model.size(), 0, out))
    return std::move(failure);
  return out;
}
