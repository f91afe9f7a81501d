// What is said of graphs that cannot be imported, word for word.
#include "test/frontends/onnx/ImportedText.h"

using namespace lathe;
using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

/// A graph of one input `x`, the given nodes and the output `y`.
Bytes graph(std::initializer_list<Bytes> nodes, Bytes input = symbolicValue("x", {-1, 4})) {
  Bytes bytes;
  for (const Bytes &each : nodes)
    bytes.bytes(1, each);
  return bytes.bytes(11, input).bytes(12, Bytes().bytes(1, "y"));
}

TEST(OnnxRefusal, AllNodesAtOnce) {
  EXPECT_EQ(
      import(model(graph({node("Sine", "x", "a").bytes(3, "first"), node("Relu", "a", "b"), node("Cosine", "b", "c"),
                          node("Softmax", "x", "d").bytes(7, "my.ops"), node("Relu", "nowhere", "y")}))),
      "4 nodes cannot be imported\n"
      "  node 'first' (Sine, ai.onnx opset 17): the operator is not supported\n"
      "  node 'c' (Cosine, ai.onnx opset 17): the operator is not supported\n"
      "  node 'd' (Softmax, my.ops opset 0): the operator is not supported\n"
      "  node 'y' (Relu, ai.onnx opset 17): input 'nowhere' is given by no input, initializer or node before it");
}

TEST(OnnxRefusal, OpsetOutOfRange) {
  EXPECT_EQ(import(model(graph({node("Relu", "x", "y")}), 5)),
            "node 'y' (Relu, ai.onnx opset 5): only opsets 6 to 28 are supported; convert the model with "
            "onnx.version_converter");
  EXPECT_NE(import(model(graph({node("Relu", "x", "y")}), 29)).find("only opsets 6 to 28"), std::string::npos);
}

TEST(OnnxRefusal, AttributeUnknownOrOfAnotherType) {
  Bytes alpha = Bytes().bytes(1, "alpha").number(3, 1).number(20, 2);
  EXPECT_EQ(import(model(graph({node("Relu", "x", "y").bytes(5, alpha)}))),
            "node 'y' (Relu, ai.onnx opset 17): attribute 'alpha' is not supported");
  Bytes axis = Bytes().bytes(1, "axis").bytes(4, "last").number(20, 3);
  EXPECT_EQ(import(model(graph({node("Softmax", "x", "y").bytes(5, axis)}))),
            "node 'y' (Softmax, ai.onnx opset 17): attribute 'axis' has another type than ONNX gives it");
}

TEST(OnnxRefusal, InputMissing) {
  EXPECT_EQ(import(model(graph({node("Add", "x", "y")}))), "node 'y' (Add, ai.onnx opset 17): has no input 1");
}

TEST(OnnxRefusal, OutputMissing) {
  EXPECT_EQ(import(model(graph({node("Relu", "x", "z")}))), "output 'y' is given by no node");
}

TEST(OnnxRefusal, OutputTwice) {
  EXPECT_EQ(import(model(graph({node("Relu", "x", "y"), node("Exp", "x", "y")}))),
            "node 'y' (Exp, ai.onnx opset 17): output 'y' has been given before");
}

TEST(OnnxRefusal, SizesThatMayDiffer) {
  Bytes add = Bytes().bytes(1, "x").bytes(1, "z").bytes(2, "y").bytes(4, "Add");
  Bytes bytes = graph({add}).bytes(11, symbolicValue("z", {-2, 4}));
  EXPECT_EQ(import(model(bytes)), "node 'y' (Add, ai.onnx opset 17): dimension 0 is a on one side and b on the other, "
                                  "which may differ when it runs; give sizes with --shape");
}

TEST(OnnxRefusal, VerifierSpeaksOfTheNode) {
  Bytes bytes =
      graph({Bytes().bytes(1, "x").bytes(1, "w").bytes(2, "y").bytes(4, "Conv")}, symbolicValue("x", {-1, 2, 4, 4}));
  bytes.bytes(5, tensor("w", DataType::Float, {1, 3, 1, 1}).bytes(9, "0123456789ab"));
  EXPECT_EQ(
      import(model(bytes)),
      "node 'y' (Conv, ai.onnx opset 17): 'lathe.conv' op groups is 1, the input has 2 channels, the result 1 and "
      "the filter is 'tensor<1x3x1x1xf32>'");
}

TEST(OnnxRefusal, ReshapeToAnotherCount) {
  Bytes reshape = Bytes().bytes(1, "x").bytes(1, "shape").bytes(2, "y").bytes(4, "Reshape");
  Bytes shape = tensor("shape", DataType::Int64, {2}).bytes(7, Bytes().varint(1).varint(4));
  EXPECT_EQ(
      import(model(graph({reshape}).bytes(5, shape))),
      "node 'y' (Reshape, ai.onnx opset 17): shape is [1, 4], which has another number of elements than the input, "
      "[a, 4]; give sizes with --shape");
  Bytes thirds = tensor("shape", DataType::Int64, {2}).bytes(7, Bytes().varint(uint64_t(-1)).varint(3));
  EXPECT_NE(import(model(graph({reshape}).bytes(5, thirds))).find("shape is [-1, 3], which has another number"),
            std::string::npos);
}

TEST(OnnxRefusal, TooManyElements) {
  EXPECT_EQ(import(model(graph({}, symbolicValue("x", {-1, INT64_MAX, INT64_MAX})))),
            "input 'x' has more than 2^40 elements");
  Bytes add = Bytes().bytes(1, "x").bytes(1, "z").bytes(2, "y").bytes(4, "Add");
  Bytes bytes = graph({add}, symbolicValue("x", {1 << 21, 1})).bytes(11, symbolicValue("z", {1, 1 << 21}));
  EXPECT_EQ(import(model(bytes)),
            "node 'y' (Add, ai.onnx opset 17): its result has shape [2097152, 2097152], which has "
            "more than 2^40 elements");
}

TEST(OnnxRefusal, OutputThatContradictsTheModel) {
  Bytes bytes = Bytes().bytes(1, node("Relu", "x", "y")).bytes(11, symbolicValue("x", {-1, 4}));
  EXPECT_EQ(import(model(Bytes(bytes).bytes(12, symbolicValue("y", {-1, 5}))))
                .find("warning: output 'y' has other sizes in the model than [a, 4], which its node gives and the "
                      "program will"),
            0u);
  EXPECT_EQ(import(model(Bytes(bytes).bytes(12, symbolicValue("y", {-1, 4}, DataType::Float16)))),
            "output 'y' is float16 in the model, but its node gives another type");
}

TEST(OnnxRefusal, Inputs) {
  Bytes bytes = Bytes()
                    .bytes(11, symbolicValue("c", {2}, DataType::Complex64))
                    .bytes(11, symbolicValue("s", {2}, DataType::String))
                    .bytes(11, Bytes().bytes(1, "r").bytes(2, Bytes().bytes(1, Bytes().number(1, 1))));
  EXPECT_EQ(import(model(bytes)), "3 problems with the inputs\n"
                                  "  input 'c' is complex64, only tensors of numbers and bool are supported\n"
                                  "  input 's' is string, only tensors of numbers and bool are supported\n"
                                  "  input 'r' has no rank in the model; give its sizes with --shape");
}

TEST(OnnxRefusal, Options) {
  OnnxImportOptions options;
  options.dims["c"] = {1, 2};
  EXPECT_EQ(import(model(graph({})), options), "--dim c: no input has a dynamic size of that name; there are 'a'");
  options = {};
  options.dims["a"] = {4, 2};
  EXPECT_EQ(import(model(graph({})), options), "--dim a: bounds are 4..2, needed 0 <= min <= max");
  options = {};
  options.shapes["z"] = {1};
  EXPECT_EQ(import(model(graph({})), options), "--shape z: the model has no input of that name");
  options = {};
  options.shapes["x"] = {1};
  EXPECT_EQ(import(model(graph({})), options), "--shape x gives 1 sizes but the input has rank 2");
  options.shapes["x"] = {0, 4};
  EXPECT_EQ(import(model(graph({})), options), "--shape x gives size 0 for dimension 0, needed at least 1");
  options.shapes["x"] = {1, 5};
  EXPECT_EQ(import(model(graph({})), options), "--shape x gives size 5 for dimension 1, which is 4 in the model");
  options.shapes["x"] = {2, 4};
  options.dims["a"] = {3, 3};
  EXPECT_EQ(import(model(graph({})), options), "--dim a makes 'a' 3, but it is 2 elsewhere");
}

} // namespace
