#include "frontends/onnx/OnnxReader.h"
#include "frontends/onnx/OnnxTensor.h"
#include "frontends/onnx/OnnxWire.h"

#include "frontends/onnx/onnx-ml.pb.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace lathe::onnx;
using ::onnx::AttributeProto;

template <typename... Ts> static Error fail(const char *format, Ts &&...values) {
  return createStringError(formatv(format, std::forward<Ts>(values)...).str());
}

namespace {

/// Turns the parsed messages into structs. Errors do not name the file.
class Converter {
public:
  explicit Converter(Model &model) : model(model), tensors(model) {}

  Error convert(const ::onnx::ModelProto &proto);

private:
  Error convertOpsets(const ::onnx::ModelProto &proto);
  Error convertInitializers(const ::onnx::GraphProto &proto);
  Error convertNode(const ::onnx::NodeProto &proto, size_t index);
  Error convertAttribute(const AttributeProto &proto, const std::string &where, NodeAttribute &attribute);
  Error convertValue(const ::onnx::ValueInfoProto &proto, const char *kind, std::vector<ValueInfo> &values);

  /// Names end up in JSON and in symbols of C.
  static Error checkText(StringRef text, const Twine &where);

  Model &model;
  TensorReader tensors;
};

} // namespace

Error Converter::checkText(StringRef text, const Twine &where) {
  size_t errorOffset = 0;
  if (json::isUTF8(text, &errorOffset) && !text.contains('\0'))
    return Error::success();
  return fail("{0}: name '{1}' is not text in UTF-8", where.str(), json::fixUTF8(text));
}

Error Converter::convertOpsets(const ::onnx::ModelProto &proto) {
  for (const auto &import : proto.opset_import()) {
    std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    auto [entry, inserted] = model.opsets.try_emplace(domain, import.version());
    if (!inserted && entry->second != import.version())
      return fail("opset_import gives domain '{0}' versions {1} and {2}, needed one", import.domain(), entry->second,
                  import.version());
  }
  if (model.opsets.empty())
    return fail("model has no opset_import, so the meaning of its nodes is not known");
  return Error::success();
}

Error Converter::convertInitializers(const ::onnx::GraphProto &proto) {
  StringSet<> names;
  for (const auto &initializer : proto.initializer()) {
    std::string where = formatv("initializer '{0}'", json::fixUTF8(initializer.name()));
    if (initializer.name().empty())
      return fail("initializer {0} has no name", names.size());
    if (Error error = checkText(initializer.name(), where))
      return error;
    if (!names.insert(initializer.name()).second)
      return fail("{0}: name is given to two initializers", where);
    Expected<Tensor> tensor = tensors.read(initializer, where);
    if (!tensor)
      return tensor.takeError();
    model.graph.initializers.push_back(std::move(*tensor));
  }
  for (const auto &sparse : proto.sparse_initializer())
    model.graph.sparseInitializers.push_back(json::fixUTF8(sparse.values().name()));
  return Error::success();
}

Error Converter::convertAttribute(const AttributeProto &proto, const std::string &where, NodeAttribute &attribute) {
  attribute.name = proto.name();
  if (!proto.ref_attr_name().empty())
    return fail("{0}: refers to an attribute of a function, outside of one", where);
  switch (proto.type()) {
  case AttributeProto::FLOAT:
    attribute.kind = AttributeKind::Float;
    attribute.floatValue = proto.f();
    break;
  case AttributeProto::INT:
    attribute.kind = AttributeKind::Int;
    attribute.intValue = proto.i();
    break;
  case AttributeProto::STRING:
    attribute.kind = AttributeKind::String;
    attribute.string = proto.s();
    break;
  case AttributeProto::FLOATS:
    attribute.kind = AttributeKind::Floats;
    attribute.floats.assign(proto.floats().begin(), proto.floats().end());
    break;
  case AttributeProto::INTS:
    attribute.kind = AttributeKind::Ints;
    attribute.ints.assign(proto.ints().begin(), proto.ints().end());
    break;
  case AttributeProto::STRINGS:
    attribute.kind = AttributeKind::Strings;
    attribute.strings.assign(proto.strings().begin(), proto.strings().end());
    break;
  case AttributeProto::TENSOR: {
    attribute.kind = AttributeKind::Tensor;
    Expected<Tensor> tensor = tensors.read(proto.t(), where);
    if (!tensor)
      return tensor.takeError();
    attribute.tensor = std::move(*tensor);
    break;
  }
  case AttributeProto::GRAPH:
    attribute.kind = AttributeKind::Graph;
    break;
  case AttributeProto::UNDEFINED:
    return fail("{0}: has no type", where);
  default:
    break;
  }
  return Error::success();
}

Error Converter::convertNode(const ::onnx::NodeProto &proto, size_t index) {
  Node node;
  node.name = proto.name();
  node.opType = proto.op_type();
  node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  std::string where = formatv("node {0}", index);
  for (ArrayRef<std::string> texts : {ArrayRef(node.name), ArrayRef(node.opType), ArrayRef(node.domain),
                                      ArrayRef(node.inputs), ArrayRef(node.outputs)})
    for (const std::string &text : texts)
      if (Error error = checkText(text, where))
        return error;
  if (node.opType.empty())
    return fail("{0}: has no op_type", where);
  where = formatv("node '{0}' ({1})", node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name,
                  node.opType);

  StringSet<> names;
  for (const AttributeProto &attribute : proto.attribute()) {
    if (Error error = checkText(attribute.name(), where))
      return error;
    if (!names.insert(attribute.name()).second)
      return fail("{0}: attribute '{1}' is given twice", where, attribute.name());
    std::string attributeWhere = formatv("{0}: attribute '{1}'", where, attribute.name());
    if (Error error = convertAttribute(attribute, attributeWhere, node.attributes.emplace_back()))
      return error;
  }
  model.graph.nodes.push_back(std::move(node));
  return Error::success();
}

Error Converter::convertValue(const ::onnx::ValueInfoProto &proto, const char *kind, std::vector<ValueInfo> &values) {
  ValueInfo value;
  value.name = proto.name();
  std::string where = formatv("{0} {1}", kind, values.size());
  if (value.name.empty())
    return fail("{0}: has no name", where);
  if (Error error = checkText(value.name, where))
    return error;
  for (const ValueInfo &other : values)
    if (other.name == value.name)
      return fail("{0}: name '{1}' is given to two {2}s", where, value.name, kind);
  value.isTensor = proto.type().has_tensor_type();
  const auto &tensor = proto.type().tensor_type();
  value.type = DataType(tensor.elem_type());
  if (tensor.has_shape()) {
    value.dims.emplace();
    for (const auto &dim : tensor.shape().dim()) {
      Dim &converted = value.dims->emplace_back();
      if (dim.has_dim_value())
        converted.size = dim.dim_value();
      converted.name = dim.dim_param();
      if (Error error = checkText(converted.name, where))
        return error;
    }
  }
  values.push_back(std::move(value));
  return Error::success();
}

Error Converter::convert(const ::onnx::ModelProto &proto) {
  model.irVersion = proto.ir_version();
  if (model.irVersion < 1)
    return fail("ir_version is {0}, needed 1 or more; this is no ONNX model", model.irVersion);
  if (!proto.has_graph())
    return fail("model has no graph");
  if (Error error = convertOpsets(proto))
    return error;
  const ::onnx::GraphProto &graph = proto.graph();
  if (Error error = checkText(graph.name(), "graph"))
    return error;
  model.graph.name = graph.name();
  for (const auto &input : graph.input())
    if (Error error = convertValue(input, "input", model.graph.inputs))
      return error;
  for (const auto &output : graph.output())
    if (Error error = convertValue(output, "output", model.graph.outputs))
      return error;
  if (Error error = convertInitializers(graph))
    return error;
  for (const auto &[index, node] : enumerate(graph.node()))
    if (Error error = convertNode(node, index))
      return error;
  return Error::success();
}

static Error readInto(Model &model, StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail("cannot be read: {0}", buffer.getError().message());
  model.paths.push_back(path.str());
  model.files.push_back(std::move(*buffer));
  StringRef bytes = model.files[0]->getBuffer();
  if (bytes.empty())
    return fail("file is empty");
  Expected<std::string> stripped = replaceRawData(bytes);
  if (!stripped)
    return stripped.takeError();
  ::onnx::ModelProto proto;
  if (stripped->size() > INT_MAX)
    return fail("structure takes {0} bytes without tensor data, which is more than protobuf reads", stripped->size());
  if (!proto.ParseFromArray(stripped->data(), int(stripped->size())))
    return fail("protobuf cannot parse it as an ONNX model");
  return Converter(model).convert(proto);
}

Expected<Model> lathe::onnx::readModel(StringRef path) {
  Model model;
  if (Error error = readInto(model, path))
    return std::move(error);
  return model;
}
