// Shape arithmetic that is done while importing: what sizes the operations get, and what stays unknown.
#include "test/frontends/onnx/ImportedText.h"

using namespace lathe;
using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

Bytes constant(const std::string &name, std::initializer_list<int64_t> values, bool isScalar = false) {
  Bytes data;
  for (int64_t value : values)
    data.varint(uint64_t(value));
  Bytes message = tensor(name, DataType::Int64, {});
  if (!isScalar)
    message.number(1, values.size());
  return message.bytes(7, data);
}

Bytes nodeOf(const std::string &opType, std::initializer_list<std::string> inputs, const std::string &output) {
  Bytes message;
  for (const std::string &input : inputs)
    message.bytes(1, input);
  return message.bytes(2, output).bytes(4, opType);
}

Bytes intAttribute(const std::string &name, int64_t value) {
  return Bytes().bytes(1, name).number(3, uint64_t(value)).number(20, 2);
}

/// y = Reshape(x, s) of x: a x 4 x 8, where `nodes` compute s.
std::string reshapeTo(const Bytes &nodes, std::initializer_list<int64_t> dims = {-1, 4, 8}) {
  Bytes graph = nodes;
  graph.bytes(1, nodeOf("Reshape", {"x", "s"}, "y"))
      .bytes(5, constant("zero", {0}, true))
      .bytes(5, constant("one", {1}))
      .bytes(5, constant("two", {2}))
      .bytes(5, constant("minus", {-1}))
      .bytes(5, constant("axes", {0}))
      .bytes(11, symbolicValue("x", dims))
      .bytes(12, Bytes().bytes(1, "y"));
  return lineWith(import(model(graph)), "lathe.reshape");
}

TEST(OnnxShapes, BatchOfTheInputAndTheRest) {
  Bytes nodes = Bytes()
                    .bytes(1, node("Shape", "x", "shape"))
                    .bytes(1, nodeOf("Gather", {"shape", "zero"}, "batch"))
                    .bytes(1, nodeOf("Unsqueeze", {"batch", "axes"}, "list"))
                    .bytes(1, nodeOf("Concat", {"list", "minus"}, "s").bytes(5, intAttribute("axis", 0)));
  EXPECT_EQ(reshapeTo(nodes), "%0 = lathe.reshape %arg0 shape [0, 32] : tensor<?x4x8xf32> -> tensor<?x32xf32>");
}

TEST(OnnxShapes, ProductsQuotientsAndCasts) {
  // s = [a * 2, 4 / 2 * 8]
  Bytes nodes = Bytes()
                    .bytes(1, node("Shape", "x", "shape"))
                    .bytes(1, nodeOf("Slice", {"shape", "axes", "one"}, "a"))
                    .bytes(1, nodeOf("Slice", {"shape", "one", "two"}, "b"))
                    .bytes(1, nodeOf("Mul", {"a", "two"}, "a2"))
                    .bytes(1, node("Cast", "b", "bf").bytes(5, intAttribute("to", 1)))
                    .bytes(1, node("Cast", "two", "twof").bytes(5, intAttribute("to", 1)))
                    .bytes(1, nodeOf("Div", {"bf", "twof"}, "half"))
                    .bytes(1, node("Floor", "half", "floor"))
                    .bytes(1, node("Cast", "floor", "b2").bytes(5, intAttribute("to", 7)))
                    .bytes(1, nodeOf("Concat", {"a2", "b2", "minus"}, "s").bytes(5, intAttribute("axis", 0)));
  EXPECT_EQ(reshapeTo(nodes), "%0 = lathe.reshape %arg0 shape [-1, 2, 8] : tensor<?x4x8xf32> -> tensor<?x2x8xf32>");
}

TEST(OnnxShapes, ComparisonsThatBoundsDecide) {
  // Where(Equal(shape, -1), 1, shape): no size is negative.
  Bytes nodes = Bytes()
                    .bytes(1, node("Shape", "x", "shape"))
                    .bytes(1, nodeOf("Equal", {"shape", "minus"}, "unknown"))
                    .bytes(1, nodeOf("Where", {"unknown", "one", "shape"}, "s"));
  EXPECT_EQ(reshapeTo(nodes), "%0 = lathe.reshape %arg0 shape [0, 4, 8] : tensor<?x4x8xf32> -> tensor<?x4x8xf32>");
}

TEST(OnnxShapes, ComparisonsThatBoundsDoNotDecide) {
  Bytes nodes = Bytes()
                    .bytes(1, node("Shape", "x", "shape"))
                    .bytes(1, nodeOf("Equal", {"shape", "two"}, "twos"))
                    .bytes(1, nodeOf("Where", {"twos", "one", "shape"}, "s"));
  // Only the program can compare the size, so that the shape becomes data.
  EXPECT_NE(reshapeTo(nodes).find("lathe.reshape_to %arg0 from"), std::string::npos) << reshapeTo(nodes);
  EXPECT_NE(reshapeTo(nodes).find("!lathe.sizes<3>) -> tensor<?x?x?xf32>"), std::string::npos) << reshapeTo(nodes);
}

TEST(OnnxShapes, QuotientThatBoundsMakeANumber) {
  // The slice [::4] of 5 to 8 elements has 2.
  Bytes graph = Bytes()
                    .bytes(1, nodeOf("Slice", {"x", "zero", "many", "zero", "four"}, "y"))
                    .bytes(5, constant("zero", {0}))
                    .bytes(5, constant("many", {INT64_MAX}))
                    .bytes(5, constant("four", {4}))
                    .bytes(11, symbolicValue("x", {-1}))
                    .bytes(12, Bytes().bytes(1, "y"));
  OnnxImportOptions options;
  options.dims["a"] = {5, 8};
  EXPECT_NE(import(model(graph), options).find("(tensor<?xf32>) -> tensor<2xf32>"), std::string::npos)
      << import(model(graph), options);
}

} // namespace
