// Functions of a model, graphs within nodes, sequences and optionals.
#include "test/frontends/onnx/ImportedText.h"

using namespace lathe;
using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

Bytes nodeOf(const std::string &opType, std::initializer_list<std::string> inputs, const std::string &output) {
  Bytes message;
  for (const std::string &input : inputs)
    message.bytes(1, input);
  return message.bytes(2, output).bytes(4, opType);
}

Bytes intAttribute(const std::string &name, int64_t value) {
  return Bytes().bytes(1, name).number(3, uint64_t(value)).number(20, 2);
}

/// A function of domain "f" with `nodes` that all are of opset 17.
Bytes function(const std::string &name, std::initializer_list<std::string> inputs, std::initializer_list<Bytes> nodes) {
  Bytes message = Bytes().bytes(1, name).bytes(10, "f");
  for (const std::string &input : inputs)
    message.bytes(4, input);
  message.bytes(5, "r");
  for (const Bytes &node : nodes)
    message.bytes(7, node);
  return message.bytes(9, Bytes().number(2, 17));
}

/// A model of x: a x 4 with output y.
Bytes modelOf(std::initializer_list<Bytes> nodes, std::initializer_list<Bytes> functions = {},
              const std::string &more = "") {
  Bytes graph;
  for (const Bytes &node : nodes)
    graph.bytes(1, node);
  graph += more;
  Bytes bytes = model(graph.bytes(11, symbolicValue("x", {-1, 4})).bytes(12, Bytes().bytes(1, "y")));
  bytes.bytes(8, Bytes().bytes(1, "f").number(2, 1));
  for (const Bytes &each : functions)
    bytes.bytes(25, each);
  return bytes;
}

Bytes call(const std::string &name, std::initializer_list<std::string> inputs, const std::string &output) {
  return nodeOf(name, inputs, output).bytes(7, "f");
}

TEST(OnnxStructure, FunctionsAreInlined) {
  Bytes twice = function("twice", {"a"}, {nodeOf("Exp", {"a"}, "e"), nodeOf("Add", {"a", "e"}, "r")});
  std::string text = import(modelOf({call("twice", {"x"}, "e"), call("twice", {"e"}, "y")}, {twice}));
  EXPECT_EQ(lineWith(text, "%2 ="), "%2 = lathe.exp %1 : tensor<?x4xf32>");
  EXPECT_EQ(lineWith(text, "%3 ="), "%3 = lathe.add %1, %2 : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>");
}

TEST(OnnxStructure, FunctionsTakeAttributes) {
  Bytes axis = Bytes().bytes(1, "axis").bytes(21, "where").number(20, 2);
  Bytes flat = function("flat", {"a"}, {nodeOf("Flatten", {"a"}, "r").bytes(5, axis)}).bytes(6, "where");
  std::string text = import(modelOf({call("flat", {"x"}, "y").bytes(5, intAttribute("where", 0))}, {flat}));
  EXPECT_EQ(lineWith(text, "%0 ="), "%0 = lathe.reshape %arg0 shape [1, -1] : tensor<?x4xf32> -> tensor<1x?xf32>");
  // Without a value the node has its own default, axis 1.
  text = import(modelOf({call("flat", {"x"}, "y")}, {flat}));
  EXPECT_EQ(lineWith(text, "%0 ="), "%0 = lathe.reshape %arg0 shape [0, 4] : tensor<?x4xf32> -> tensor<?x4xf32>");
}

TEST(OnnxStructure, FunctionsMayLackInputs) {
  Bytes product = function("product", {"a", "b", "c"}, {nodeOf("Gemm", {"a", "b", "c"}, "r")});
  std::string text = import(modelOf({nodeOf("Transpose", {"x"}, "t"), call("product", {"x", "t"}, "y")}, {product}));
  EXPECT_NE(text.find("lathe.matmul"), std::string::npos) << text;
  EXPECT_EQ(text.find("lathe.add"), std::string::npos) << text;
}

TEST(OnnxStructure, FunctionsThatCannotBeInlined) {
  Bytes loop = function("loop", {"a"}, {call("loop", {"a"}, "r")});
  EXPECT_EQ(import(modelOf({call("loop", {"x"}, "y")}, {loop})),
            "node 'r' (loop, f opset 0) in function 'loop' called by node 'y': the function calls itself");
  Bytes odd = function("odd", {"a"}, {nodeOf("Odd", {"a"}, "r")});
  EXPECT_EQ(import(modelOf({call("odd", {"x"}, "y")}, {odd})),
            "node 'r' (Odd, ai.onnx opset 17) in function 'odd' called by node 'y': the operator is not supported");
  EXPECT_EQ(import(modelOf({call("odd", {"x"}, "y").bytes(5, intAttribute("more", 1))}, {odd})),
            "node 'y' (odd, f opset 1): attribute 'more' is none of the function's");
  EXPECT_EQ(import(modelOf({call("odd", {"x", "x"}, "y")}, {odd})),
            "node 'y' (odd, f opset 1): has 2 inputs and 1 outputs but the function has 1 and 1");
}

/// An If whose branches are `thenNode` and `elseNode`, which give r.
Bytes branches(const std::string &condition, const Bytes &thenNode, const Bytes &elseNode) {
  auto branch = [](const std::string &name, const Bytes &node) {
    Bytes graph = Bytes().bytes(1, node).bytes(12, Bytes().bytes(1, "r"));
    return Bytes().bytes(1, name).bytes(6, graph).number(20, 5);
  };
  return nodeOf("If", {condition}, "y")
      .bytes(5, branch("then_branch", thenNode))
      .bytes(5, branch("else_branch", elseNode));
}

TEST(OnnxStructure, ConditionsKnownWhileImportingChooseABranch) {
  Bytes condition = Bytes().bytes(5, tensor("c", DataType::Bool, {}).bytes(9, std::string(1, '\0')));
  std::string text =
      import(modelOf({branches("c", nodeOf("Odd", {"x"}, "r"), nodeOf("Neg", {"x"}, "r"))}, {}, condition));
  EXPECT_EQ(lineWith(text, "%0 ="), "%0 = lathe.neg %arg0 : tensor<?x4xf32>");
}

TEST(OnnxStructure, BranchesNameTheirProblems) {
  Bytes condition = Bytes().bytes(5, tensor("c", DataType::Bool, {}).bytes(9, std::string(1, '\1')));
  EXPECT_EQ(import(modelOf({branches("c", nodeOf("Odd", {"x"}, "r"), nodeOf("Neg", {"x"}, "r"))}, {}, condition)),
            "node 'r' (Odd, ai.onnx opset 17): the operator is not supported");
  EXPECT_EQ(import(modelOf({branches("c", nodeOf("Neg", {"x"}, "z"), nodeOf("Neg", {"x"}, "r"))}, {}, condition)),
            "graph '': output 'r' is given by no node");
}

TEST(OnnxStructure, SequencesAreListsOfValues) {
  Bytes position = Bytes().bytes(5, tensor("p", DataType::Int64, {}).bytes(7, Bytes().varint(uint64_t(-2))));
  std::string text = import(modelOf({nodeOf("Neg", {"x"}, "n"), nodeOf("SequenceConstruct", {"x", "n"}, "s"),
                                     nodeOf("SequenceErase", {"s"}, "t"), nodeOf("SequenceInsert", {"t", "n"}, "u"),
                                     nodeOf("SequenceAt", {"u", "p"}, "v"), nodeOf("Relu", {"v"}, "y")},
                                    {}, position));
  EXPECT_EQ(lineWith(text, "lathe.relu"), "%1 = lathe.relu %arg0 : tensor<?x4xf32>");
}

TEST(OnnxStructure, SequencesAreNoTensors) {
  EXPECT_EQ(import(modelOf({nodeOf("SequenceConstruct", {"x"}, "s"), nodeOf("Relu", {"s"}, "y")})),
            "node 'y' (Relu, ai.onnx opset 17): input 's' is a sequence, needed a tensor");
  EXPECT_EQ(import(modelOf({nodeOf("SequenceConstruct", {"x"}, "y")})), "output 'y' is a sequence, needed a tensor");
}

TEST(OnnxStructure, OptionalsAreValuesOrNothing) {
  std::string text = import(modelOf({
      nodeOf("Optional", {"x"}, "o"),
      nodeOf("OptionalHasElement", {"o"}, "c"),
      branches("c", nodeOf("OptionalGetElement", {"o"}, "r"), nodeOf("Odd", {"x"}, "r")).bytes(3, "if"),
  }));
  EXPECT_NE(text.find("return %arg0"), std::string::npos) << text;
}

TEST(OnnxStructure, BranchesWithoutAMeaningAreNotTaken) {
  // Sums of 4 and 3 columns are nothing, so that the condition must hold.
  Bytes condition = Bytes()
                        .bytes(11, symbolicValue("c", {}, DataType::Bool))
                        .bytes(5, tensor("three", DataType::Float, {3}).bytes(9, std::string(12, '\0')));
  Bytes negative = nodeOf("Neg", {"x"}, "r"), sum = nodeOf("Add", {"x", "three"}, "r");
  std::string text = import(modelOf({branches("c", negative, sum)}, {}, condition));
  EXPECT_NE(text.find("warning: node 'y': 'else_branch' has no meaning for the shapes of the inputs; a call that takes "
                      "it ends with an error (node 'r' (Add, ai.onnx opset 17): dimension 1 is 4 on one side and 3 on "
                      "the other)"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("lathe.if"), std::string::npos) << text;
  EXPECT_NE(text.find("min [1] max [1]"), std::string::npos) << text;
  EXPECT_NE(import(modelOf({branches("c", sum, negative)}, {}, condition)).find("min [0] max [0]"), std::string::npos);
  EXPECT_NE(import(modelOf({branches("c", sum, sum)}, {}, condition)).find("neither branch has a meaning"),
            std::string::npos);
}

TEST(OnnxStructure, ConditionsThatDataGivesMakeAnIf) {
  // The branches give a x 4 and 1 x (4 a): both sizes are known when one of them has run.
  Bytes flat = nodeOf("Flatten", {"x"}, "r").bytes(5, intAttribute("axis", 0));
  std::string text = import(modelOf({branches("c", nodeOf("Neg", {"x"}, "r"), flat)}, {},
                                    Bytes().bytes(11, symbolicValue("c", {}, DataType::Bool))));
  EXPECT_EQ(lineWith(text, "lathe.if"), "%0 = lathe.if %arg0 : tensor<i1> -> tensor<?x?xf32> {");
  EXPECT_NE(text.find("lathe.dims = [\"y_0\", \"y_1\"]"), std::string::npos) << text;
  EXPECT_EQ(import(modelOf({branches("c", nodeOf("Odd", {"x"}, "r"), flat)}, {},
                           Bytes().bytes(11, symbolicValue("c", {}, DataType::Bool)))),
            "node 'r' (Odd, ai.onnx opset 17): the operator is not supported");
}

/// A Loop over `body`, which takes i, k and a.
Bytes loop(std::initializer_list<std::string> inputs, const Bytes &nodes, std::initializer_list<std::string> outputs) {
  Bytes body = nodes;
  body.bytes(11, symbolicValue("i", {}, DataType::Int64)).bytes(11, symbolicValue("k", {}, DataType::Bool));
  body.bytes(11, symbolicValue("a", {-9, -9}));
  for (const std::string &output : outputs)
    body.bytes(12, Bytes().bytes(1, output));
  Bytes message = nodeOf("Loop", inputs, "y");
  for (size_t i = 2; i < outputs.size(); ++i)
    message.bytes(2, "rows");
  return message.bytes(5, Bytes().bytes(1, "body").bytes(6, body).number(20, 5));
}

TEST(OnnxStructure, LoopsCarryValuesAndStackRows) {
  Bytes count = Bytes().bytes(5, tensor("n", DataType::Int64, {}).bytes(7, Bytes().varint(3)));
  Bytes nodes = Bytes()
                    .bytes(1, nodeOf("Add", {"a", "x"}, "s"))
                    .bytes(1, nodeOf("Neg", {"a"}, "m"))
                    .bytes(1, nodeOf("Identity", {"k"}, "o"));
  std::string text = import(modelOf({loop({"n", "", "x"}, nodes, {"o", "s", "m"})}, {}, count));
  EXPECT_EQ(lineWith(text, "lathe.loop"),
            "%1:2 = lathe.loop trip %0 carried(%arg0) : (tensor<i64>, tensor<?x4xf32>) -> "
            "(tensor<?x4xf32>, tensor<3x?x4xf32>) {");
}

TEST(OnnxStructure, LoopsFindTheSizesThatARoundChanges) {
  Bytes nodes = Bytes()
                    .bytes(1, nodeOf("Flatten", {"a"}, "s").bytes(5, intAttribute("axis", 0)))
                    .bytes(1, nodeOf("Identity", {"c"}, "o"));
  std::string text = import(modelOf({loop({"", "c", "x"}, nodes, {"o", "s"})}, {},
                                    Bytes().bytes(11, symbolicValue("c", {}, DataType::Bool))));
  EXPECT_EQ(lineWith(text, "lathe.loop"), "%0 = lathe.loop while %arg0 carried(%arg1) : (tensor<i1>, tensor<?x4xf32>) "
                                          "-> tensor<?x?xf32> {");
}

TEST(OnnxStructure, LoopsThatNeverEnd) {
  EXPECT_EQ(import(modelOf({loop({"", "", "x"}, Bytes().bytes(1, nodeOf("Neg", {"a"}, "s")), {"k", "s"})})),
            "node 'y' (Loop, ai.onnx opset 17): has no number of rounds and no condition that ends it");
}

} // namespace
