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
  template <typename Opsets>
  static Error convertOpsets(const Opsets &imports, const std::string &where, OpsetVersions &opsets);
  /// `where` precedes every error: empty, or the node and attribute that hold the graph and a colon.
  Error convertGraph(const ::onnx::GraphProto &proto, const std::string &where, Graph &graph);
  Error convertInitializers(const ::onnx::GraphProto &proto, const std::string &where, Graph &graph);
  Error convertFunction(const ::onnx::FunctionProto &proto, Function &function);
  Error convertNode(const ::onnx::NodeProto &proto, const std::string &around, size_t index, Node &node);
  Error convertAttributes(const ::onnx::NodeProto &proto, const std::string &where, Node &node);
  Error convertAttribute(const AttributeProto &proto, const std::string &where, NodeAttribute &attribute);
  Error convertValue(const ::onnx::ValueInfoProto &proto, const std::string &kind, std::vector<ValueInfo> &values);
  static ValueType convertType(const ::onnx::TypeProto &proto);

  /// Names end up in JSON and in symbols of C.
  static Error checkText(StringRef text, const Twine &where);

  Model &model;
  TensorReader tensors;
  bool insideFunction = false;
};

} // namespace

Error Converter::checkText(StringRef text, const Twine &where) {
  size_t errorOffset = 0;
  if (json::isUTF8(text, &errorOffset) && !text.contains('\0'))
    return Error::success();
  return fail("{0}: name '{1}' is not text in UTF-8", where.str(), json::fixUTF8(text));
}

template <typename Opsets>
Error Converter::convertOpsets(const Opsets &imports, const std::string &where, OpsetVersions &opsets) {
  for (const auto &import : imports) {
    std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    auto [entry, inserted] = opsets.try_emplace(domain, import.version());
    if (!inserted && entry->second != import.version())
      return fail("{0}opset_import gives domain '{1}' versions {2} and {3}, needed one", where,
                  json::fixUTF8(import.domain()), entry->second, import.version());
  }
  if (opsets.empty())
    return fail("{0} has no opset_import, so the meaning of its nodes is not known",
                where.empty() ? "model" : StringRef(where).drop_back(2));
  return Error::success();
}

Error Converter::convertInitializers(const ::onnx::GraphProto &proto, const std::string &around, Graph &graph) {
  StringSet<> names;
  for (const auto &initializer : proto.initializer()) {
    std::string where = formatv("{0}initializer '{1}'", around, json::fixUTF8(initializer.name()));
    if (initializer.name().empty())
      return fail("{0}initializer {1} has no name", around, names.size());
    if (Error error = checkText(initializer.name(), where))
      return error;
    if (!names.insert(initializer.name()).second)
      return fail("{0}: name is given to two initializers", where);
    Expected<Tensor> tensor = tensors.read(initializer, where);
    if (!tensor)
      return tensor.takeError();
    graph.initializers.push_back(std::move(*tensor));
  }
  for (const auto &sparse : proto.sparse_initializer())
    graph.sparseInitializers.push_back(json::fixUTF8(sparse.values().name()));
  return Error::success();
}

Error Converter::convertAttribute(const AttributeProto &proto, const std::string &where, NodeAttribute &attribute) {
  attribute.name = proto.name();
  attribute.reference = proto.ref_attr_name();
  if (!attribute.reference.empty())
    return insideFunction ? checkText(attribute.reference, where)
                          : fail("{0}: refers to an attribute of a function, outside of one", where);
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
  case AttributeProto::GRAPH: {
    attribute.kind = AttributeKind::Graph;
    auto graph = std::make_shared<Graph>();
    if (Error error = convertGraph(proto.g(), where + ": ", *graph))
      return error;
    attribute.graph = std::move(graph);
    break;
  }
  case AttributeProto::TYPE_PROTO:
    attribute.kind = AttributeKind::Type;
    attribute.type = convertType(proto.tp());
    break;
  case AttributeProto::UNDEFINED:
    return fail("{0}: has no type", where);
  default:
    break;
  }
  return Error::success();
}

Error Converter::convertAttributes(const ::onnx::NodeProto &proto, const std::string &where, Node &node) {
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
  return Error::success();
}

Error Converter::convertNode(const ::onnx::NodeProto &proto, const std::string &around, size_t index, Node &node) {
  node.name = proto.name();
  node.opType = proto.op_type();
  node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  node.overload = proto.overload();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  std::string where = formatv("{0}node {1}", around, index);
  for (ArrayRef<std::string> texts : {ArrayRef(node.name), ArrayRef(node.opType), ArrayRef(node.domain),
                                      ArrayRef(node.overload), ArrayRef(node.inputs), ArrayRef(node.outputs)})
    for (const std::string &text : texts)
      if (Error error = checkText(text, where))
        return error;
  if (node.opType.empty())
    return fail("{0}: has no op_type", where);
  where = formatv("{0}node '{1}' ({2})", around,
                  node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name, node.opType);
  return convertAttributes(proto, where, node);
}

std::string ValueType::describe() const {
  switch (kind) {
  case TensorKind:
    return dataTypeName(element).str();
  case SparseTensor:
    return "a sparse tensor";
  case Sequence:
    return "a sequence";
  case Optional:
    return "an optional";
  case Map:
    return "a map";
  case Unknown:
    break;
  }
  return "of no type";
}

ValueType Converter::convertType(const ::onnx::TypeProto &proto) {
  ValueType type;
  if (proto.has_tensor_type())
    return {ValueType::TensorKind, DataType(proto.tensor_type().elem_type())};
  if (proto.has_sequence_type())
    type = {ValueType::Sequence, DataType(proto.sequence_type().elem_type().tensor_type().elem_type())};
  else if (proto.has_optional_type())
    type = {ValueType::Optional, DataType(proto.optional_type().elem_type().tensor_type().elem_type())};
  else if (proto.has_sparse_tensor_type())
    type.kind = ValueType::SparseTensor;
  else if (proto.has_map_type())
    type.kind = ValueType::Map;
  return type;
}

Error Converter::convertValue(const ::onnx::ValueInfoProto &proto, const std::string &kind,
                              std::vector<ValueInfo> &values) {
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
  value.type = convertType(proto.type());
  const auto &tensor = proto.type().tensor_type();
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

Error Converter::convertGraph(const ::onnx::GraphProto &proto, const std::string &where, Graph &graph) {
  if (Error error = checkText(proto.name(), where + "graph"))
    return error;
  graph.name = proto.name();
  for (const auto &input : proto.input())
    if (Error error = convertValue(input, where + "input", graph.inputs))
      return error;
  for (const auto &output : proto.output())
    if (Error error = convertValue(output, where + "output", graph.outputs))
      return error;
  if (Error error = convertInitializers(proto, where, graph))
    return error;
  for (const auto &[index, node] : enumerate(proto.node()))
    if (Error error = convertNode(node, where, index, graph.nodes.emplace_back()))
      return error;
  return Error::success();
}

Error Converter::convertFunction(const ::onnx::FunctionProto &proto, Function &function) {
  std::string where = formatv("function {0}", model.functions.size() - 1);
  function.name = proto.name();
  function.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  function.overload = proto.overload();
  function.inputs.assign(proto.input().begin(), proto.input().end());
  function.outputs.assign(proto.output().begin(), proto.output().end());
  function.attributes.assign(proto.attribute().begin(), proto.attribute().end());
  for (ArrayRef<std::string> texts : {ArrayRef(function.name), ArrayRef(function.domain), ArrayRef(function.overload),
                                      ArrayRef(function.inputs), ArrayRef(function.outputs)})
    for (const std::string &text : texts)
      if (Error error = checkText(text, where))
        return error;
  where = formatv("function '{0}': ", function.name);
  if (Error error = convertOpsets(proto.opset_import(), where, function.opsets))
    return error;
  insideFunction = true;
  for (const AttributeProto &attribute : proto.attribute_proto()) {
    if (Error error = checkText(attribute.name(), where + "attribute"))
      return error;
    std::string attributeWhere = formatv("{0}attribute '{1}'", where, attribute.name());
    if (Error error = convertAttribute(attribute, attributeWhere, function.defaults.emplace_back()))
      return error;
  }
  for (const auto &[index, node] : enumerate(proto.node()))
    if (Error error = convertNode(node, where, index, function.body.nodes.emplace_back()))
      return error;
  insideFunction = false;
  for (const Function &other : model.functions)
    if (&other != &function && std::tie(other.domain, other.name, other.overload) ==
                                   std::tie(function.domain, function.name, function.overload))
      return fail("function '{0}' of domain '{1}' is given twice", function.name, function.domain);
  return Error::success();
}

Error Converter::convert(const ::onnx::ModelProto &proto) {
  model.irVersion = proto.ir_version();
  if (model.irVersion < 1)
    return fail("ir_version is {0}, needed 1 or more; this is no ONNX model", model.irVersion);
  if (!proto.has_graph())
    return fail("model has no graph");
  if (Error error = convertOpsets(proto.opset_import(), "", model.opsets))
    return error;
  for (const auto &function : proto.functions())
    if (Error error = convertFunction(function, model.functions.emplace_back()))
      return error;
  return convertGraph(proto.graph(), "", model.graph);
}

static Error readInto(Model &model, std::unique_ptr<MemoryBuffer> buffer, StringRef path) {
  model.paths.push_back(path.str());
  model.files.push_back(std::move(buffer));
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

Expected<Model> lathe::onnx::readModel(std::unique_ptr<MemoryBuffer> bytes, StringRef path) {
  Model model;
  if (Error error = readInto(model, std::move(bytes), path))
    return std::move(error);
  return model;
}

Expected<Model> lathe::onnx::readModel(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = mapFile(path);
  if (!buffer)
    return fail("cannot be read: {0}", toString(buffer.takeError()));
  return readModel(std::move(*buffer), path);
}
