#include "test/frontends/onnx/OnnxBytes.h"

using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

TEST(OnnxReader, ReadsAWholeModel) {
  Bytes attribute = Bytes().bytes(1, "axis").number(3, uint64_t(-1)).number(20, 2);
  Bytes graph = Bytes()
                    .bytes(1, node("Softmax", "x", "y").bytes(3, "probabilities").bytes(5, attribute))
                    .bytes(2, "small")
                    .bytes(5, tensor("w", DataType::Float, {1, 2}).bytes(9, "abcdefgh"))
                    .bytes(11, value("x", {4, 2}))
                    .bytes(12, value("y", {4, 2}));
  Bytes bytes = model(graph);
  TemporaryModel file(bytes);
  auto read = readModel(file.path.string());
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->irVersion, 8);
  EXPECT_EQ(read->opsets.at(""), 17);
  EXPECT_EQ(read->graph.name, "small");
  ASSERT_EQ(read->graph.nodes.size(), 1u);
  const Node &softmax = read->graph.nodes[0];
  EXPECT_EQ(softmax.opType, "Softmax");
  EXPECT_EQ(softmax.name, "probabilities");
  EXPECT_EQ(softmax.inputs, std::vector<std::string>{"x"});
  ASSERT_EQ(softmax.attributes.size(), 1u);
  EXPECT_EQ(softmax.attributes[0].intValue, -1);
  ASSERT_EQ(read->graph.inputs.size(), 1u);
  EXPECT_EQ((*read->graph.inputs[0].dims)[1].size, 2);
  ASSERT_EQ(read->graph.initializers.size(), 1u);
  // The tensor's bytes are where they stand in the file.
  const Tensor &weight = read->graph.initializers[0];
  EXPECT_EQ(weight.file, 0);
  EXPECT_EQ(weight.offset, bytes.find("abcdefgh"));
  EXPECT_EQ(weight.bytes, 8u);
  EXPECT_EQ(llvm::toStringRef(read->bytes(weight)), "abcdefgh");
}

TEST(OnnxReader, MoreThanTwoGibibytes) {
  // A hole in the file stands for the weight.
  constexpr uint64_t DataBytes = uint64_t(3) << 30;
  auto open = [](Bytes around, uint64_t field, uint64_t bytes) { return around.varint(field << 3 | 2).varint(bytes); };
  std::string after = Bytes().bytes(1, node("Relu", "x", "y")).bytes(11, value("x", {4})).bytes(12, value("y", {4}));
  Bytes raw = open(tensor("w", DataType::Float, {1 << 20, 768}), 9, DataBytes);
  Bytes initializer = open(Bytes(), 5, raw.size() + DataBytes);
  uint64_t graphBytes = initializer.size() + raw.size() + DataBytes + after.size();
  std::string before = open(Bytes().number(1, 8), 7, graphBytes) + initializer + raw;
  TemporaryModel file(before);
  std::error_code refused;
  std::filesystem::resize_file(file.path, before.size() + DataBytes, refused);
  if (refused)
    GTEST_SKIP() << "the file system has no holes: " << refused.message();
  std::ofstream(file.path, std::ios::binary | std::ios::app) << after + Bytes().bytes(8, Bytes().number(2, 17));

  auto read = readModel(file.path.string());
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->graph.initializers[0].offset, before.size());
  EXPECT_EQ(read->graph.initializers[0].bytes, DataBytes);
  EXPECT_EQ(read->graph.nodes.size(), 1u);
  EXPECT_EQ(read->files[0]->getBufferKind(), llvm::MemoryBuffer::MemoryBuffer_MMap);
}

TEST(OnnxReader, FunctionTwice) {
  Bytes function = Bytes().bytes(1, "f").bytes(10, "d").bytes(9, Bytes().number(2, 17));
  EXPECT_EQ(errorOf(model("").bytes(25, function).bytes(25, function)), "function 'f' of domain 'd' is given twice");
  EXPECT_EQ(errorOf(model("").bytes(25, Bytes().bytes(1, "f"))),
            "function 'f' has no opset_import, so the meaning of its nodes is not known");
}

TEST(OnnxReader, ErrorsInsideOfGraphsNameTheNodeAround) {
  Bytes body = Bytes().bytes(1, node("", "x", "y"));
  Bytes attribute = Bytes().bytes(1, "body").bytes(6, body).number(20, 5);
  EXPECT_EQ(errorOf(model(Bytes().bytes(1, node("Loop", "x", "y").bytes(5, attribute)))),
            "node 'y' (Loop): attribute 'body': node 0: has no op_type");
}

TEST(OnnxReader, RefusesEveryPrefix) {
  // Each cut loses a field or cuts one in two; none may crash, and none gives the whole model.
  Bytes graph = Bytes()
                    .bytes(1, node("Relu", "x", "y"))
                    .bytes(5, tensor("w", DataType::Float, {1, 2}).bytes(9, "abcdefgh"))
                    .bytes(11, value("x", {4, 2}));
  Bytes bytes = model(graph);
  ASSERT_EQ(errorOf(bytes), "");
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(errorOf(bytes.substr(0, length)), "") << length;
}

TEST(OnnxReader, SurvivesEveryFlippedByte) {
  Bytes attribute = Bytes().bytes(1, "value").bytes(5, tensor("", DataType::Int64, {1}).number(7, 3)).number(20, 4);
  Bytes graph = Bytes()
                    .bytes(1, node("Constant", "", "c").bytes(5, attribute))
                    .bytes(5, tensor("w", DataType::Float, {1, 2}).bytes(9, "abcdefgh"))
                    .bytes(11, value("x", {4, 2}));
  Bytes bytes = model(graph);
  ASSERT_EQ(errorOf(bytes), "");
  // Reading must end with a model or an error; sanitizers see the rest.
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] ^= 1 << bit;
      errorOf(flipped);
    }
}

TEST(OnnxReader, FileMissing) {
  auto read = readModel("/nonexistent/m.onnx");
  ASSERT_FALSE(bool(read));
  EXPECT_EQ(llvm::toString(read.takeError()), "cannot be read: No such file or directory");
}

TEST(OnnxReader, FileEmpty) { EXPECT_EQ(errorOf(""), "file is empty"); }

TEST(OnnxReader, LengthBeyondTheEnd) {
  EXPECT_EQ(errorOf(Bytes().number(1, 8).varint(7 << 3 | 2).varint(100) + "abc"),
            "byte 2: field 7 of ModelProto is 100 bytes long but 3 remain");
}

TEST(OnnxReader, NumberCutShort) {
  EXPECT_EQ(errorOf(std::string("\x08\x80", 2)), "byte 1: number runs past byte 2, where the message around it ends");
}

TEST(OnnxReader, NumberTooLong) {
  EXPECT_EQ(errorOf("\x08" + std::string(11, '\x80')), "byte 1: number takes more than 10 bytes");
}

TEST(OnnxReader, FixedFieldCutShort) {
  EXPECT_EQ(errorOf("\x0d" + std::string(3, 'x')), "byte 0: field 1 of ModelProto is 4 bytes long but 3 remain");
}

TEST(OnnxReader, WireTypeUnknown) {
  EXPECT_EQ(errorOf("\x0b"), "byte 0: field 1 of ModelProto has wire type 3, needed 0, 1, 2 or 5");
}

TEST(OnnxReader, FieldNumberZero) {
  EXPECT_EQ(errorOf(std::string(2, '\0')), "byte 0: field of ModelProto has number 0, needed 1 to 536870911");
}

TEST(OnnxReader, NestedTooDeep) {
  // Graph in an attribute of a node of a graph, and so on: three messages a level.
  Bytes graph;
  for (int level = 0; level < 40; ++level)
    graph = Bytes().bytes(1, Bytes().bytes(5, Bytes().bytes(6, graph)));
  EXPECT_NE(errorOf(model(graph)).find("messages are nested more than 100 deep"), std::string::npos);
}

TEST(OnnxReader, ProtobufRefuses) {
  // The fields that are not scanned are protobuf's to check: packed numbers that end within one.
  EXPECT_EQ(errorOf(model(Bytes().bytes(5, tensor("w", DataType::Int64, {1}).bytes(7, "\x80")))),
            "protobuf cannot parse it as an ONNX model");
}

TEST(OnnxReader, NoIrVersion) {
  EXPECT_EQ(errorOf(Bytes().bytes(7, "")), "ir_version is 0, needed 1 or more; this is no ONNX model");
}

TEST(OnnxReader, NoGraph) { EXPECT_EQ(errorOf(Bytes().number(1, 8)), "model has no graph"); }

TEST(OnnxReader, NoOpset) {
  EXPECT_EQ(errorOf(Bytes().number(1, 8).bytes(7, "")),
            "model has no opset_import, so the meaning of its nodes is not known");
}

TEST(OnnxReader, OpsetTwice) {
  Bytes bytes = model("");
  EXPECT_EQ(errorOf(bytes.bytes(8, Bytes().number(2, 18))),
            "opset_import gives domain '' versions 17 and 18, needed one");
}

TEST(OnnxReader, NameNotText) {
  EXPECT_EQ(errorOf(model(Bytes().bytes(11, value("a\xff", {1})))),
            "input 0: name 'a\xEF\xBF\xBD' is not text in UTF-8");
}

TEST(OnnxReader, ValueWithoutName) {
  EXPECT_EQ(errorOf(model(Bytes().bytes(12, value("", {1})))), "output 0: has no name");
}

TEST(OnnxReader, ValueNamedTwice) {
  EXPECT_EQ(errorOf(model(Bytes().bytes(11, value("x", {1})).bytes(11, value("x", {1})))),
            "input 1: name 'x' is given to two inputs");
}

TEST(OnnxReader, NodeWithoutOperator) {
  EXPECT_EQ(errorOf(model(Bytes().bytes(1, node("", "x", "y")))), "node 0: has no op_type");
}

TEST(OnnxReader, AttributeTwice) {
  Bytes attribute = Bytes().bytes(1, "axis").number(3, 1).number(20, 2);
  EXPECT_EQ(errorOf(model(Bytes().bytes(1, node("Flatten", "x", "y").bytes(5, attribute).bytes(5, attribute)))),
            "node 'y' (Flatten): attribute 'axis' is given twice");
}

TEST(OnnxReader, AttributeWithoutType) {
  EXPECT_EQ(errorOf(model(Bytes().bytes(1, node("Flatten", "x", "y").bytes(5, Bytes().bytes(1, "axis"))))),
            "node 'y' (Flatten): attribute 'axis': has no type");
}

TEST(OnnxReader, AttributeOfAFunction) {
  EXPECT_EQ(
      errorOf(model(Bytes().bytes(1, node("Flatten", "x", "y").bytes(5, Bytes().bytes(1, "axis").bytes(21, "a"))))),
      "node 'y' (Flatten): attribute 'axis': refers to an attribute of a function, outside of one");
}

} // namespace
