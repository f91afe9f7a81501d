// Which entry point comes of a graph: names, symbols and bounds, weights and constants, locations.
#include "test/frontends/onnx/ImportedText.h"

using namespace lathe;
using namespace lathe::onnx;
using namespace lathe::onnx::test;

namespace {

Bytes relu(std::initializer_list<int64_t> dims) {
  return model(Bytes()
                   .bytes(1, node("Relu", "x", "y").bytes(3, "act"))
                   .bytes(11, symbolicValue("x", dims))
                   .bytes(12, symbolicValue("y", dims)));
}

TEST(OnnxImport, EntryNamesWhatTheModelNames) {
  std::string text = import(relu({-1, 4}));
  EXPECT_EQ(lineWith(text, "func.func"),
            "func.func @forward(%arg0: tensor<?x4xf32> {lathe.dims = [\"a\", 4], lathe.name = \"x\", lathe.role = "
            "\"tensor\"}) -> (tensor<?x4xf32> {lathe.dims = [\"a\", 4], lathe.name = \"y\", lathe.role = \"tensor\"}) "
            "attributes {lathe.entry = \"tensor\", lathe.symbols = [#lathe.symbol<\"a\", 1, 64>]} {");
  EXPECT_NE(text.find("lathe.name = \"m\""), std::string::npos) << text;
}

TEST(OnnxImport, SizesWithoutNameGetOne) {
  EXPECT_NE(import(relu({-9, -1, -9})).find("lathe.dims = [\"x_0\", \"a\", \"x_2\"]"), std::string::npos);
}

TEST(OnnxImport, DefaultBoundsAreReported) {
  OnnxImportOptions options;
  std::string reported;
  options.reportDefaultBounds = [&](llvm::StringRef name, SymbolBounds bounds) {
    reported += llvm::formatv("{0}={1}..{2} ", name, bounds.first, bounds.second).str();
  };
  options.dims["a"] = {2, 8};
  std::string text = import(relu({-1, -2}), options);
  EXPECT_NE(text.find("#lathe.symbol<\"a\", 2, 8>, #lathe.symbol<\"b\", 1, 64>"), std::string::npos) << text;
  EXPECT_EQ(reported, "b=1..64 ");
}

TEST(OnnxImport, OutputSizesMayBeComputed) {
  Bytes pads = Bytes().bytes(1, "kernel_shape").number(20, 7).number(8, 2).number(8, 2);
  std::string text = import(model(Bytes()
                                      .bytes(1, node("MaxPool", "x", "y").bytes(5, pads))
                                      .bytes(11, symbolicValue("x", {1, 1, -1, 4}))
                                      .bytes(12, symbolicValue("y", {1, 1, -9, 3}))));
  EXPECT_NE(text.find("tensor<1x1x?x3xf32> {lathe.dims = [1, 1, \"a - 1\", 3]"), std::string::npos) << text;
}

TEST(OnnxImport, EqualBoundsMakeASizeStatic) {
  OnnxImportOptions options;
  options.dims["a"] = {3, 3};
  std::string text = import(relu({-1, 4}), options);
  EXPECT_NE(text.find("lathe.symbols = []"), std::string::npos) << text;
  EXPECT_NE(text.find("lathe.relu %arg0 : tensor<3x4xf32>"), std::string::npos) << text;
}

TEST(OnnxImport, ShapeOptionFixesASymbolEverywhere) {
  Bytes bytes = model(Bytes()
                          .bytes(1, Bytes().bytes(1, "x").bytes(1, "z").bytes(2, "y").bytes(4, "Add"))
                          .bytes(11, symbolicValue("x", {-1, -2}))
                          .bytes(11, symbolicValue("z", {-1, -2}))
                          .bytes(12, symbolicValue("y", {-1, -2})));
  OnnxImportOptions options;
  options.shapes["x"] = {5, -1};
  EXPECT_EQ(lineWith(import(bytes, options), "lathe.add"),
            "%0 = lathe.add %arg0, %arg1 : tensor<5x?xf32>, tensor<5x?xf32> -> tensor<5x?xf32>");
}

TEST(OnnxImport, InitializersBecomeWeightsAndConstants) {
  Bytes graph = Bytes()
                    .bytes(1, Bytes().bytes(1, "x").bytes(1, "w").bytes(2, "p").bytes(4, "MatMul"))
                    .bytes(1, Bytes().bytes(1, "p").bytes(1, "s").bytes(2, "q").bytes(4, "Mul"))
                    .bytes(1, Bytes().bytes(1, "q").bytes(1, "shape").bytes(2, "y").bytes(4, "Reshape"))
                    .bytes(5, tensor("w", DataType::Float, {2, 2}).bytes(9, "0123456789abcdef"))
                    .bytes(5, tensor("s", DataType::Float, {}).bytes(9, std::string("\0\0\0\x40", 4)))
                    .bytes(5, tensor("shape", DataType::Int64, {1}).bytes(7, Bytes().varint(uint64_t(-1))))
                    .bytes(11, symbolicValue("x", {3, 2}))
                    .bytes(12, symbolicValue("y", {6}));
  Bytes bytes = model(graph);
  std::string text = import(bytes);
  EXPECT_EQ(lineWith(text, "lathe.weight"),
            llvm::formatv("%0 = lathe.weight \"w\" file 0 offset {0} bytes 16 : tensor<2x2xf32>",
                          bytes.find("0123456789abcdef"))
                .str());
  EXPECT_EQ(lineWith(text, "lathe.constant"), "%2 = lathe.constant dense<2.000000e+00> : tensor<f32>");
  EXPECT_EQ(lineWith(text, "lathe.reshape"), "%4 = lathe.reshape %3 shape [6] : tensor<3x2xf32> -> tensor<6xf32>");
}

TEST(OnnxImport, InitializersThatAreInputsToo) {
  Bytes graph = Bytes()
                    .bytes(1, Bytes().bytes(1, "x").bytes(1, "w").bytes(2, "y").bytes(4, "Add"))
                    .bytes(5, tensor("w", DataType::Float, {2}).bytes(9, "01234567"))
                    .bytes(11, symbolicValue("x", {2}))
                    .bytes(11, symbolicValue("w", {2}))
                    .bytes(12, symbolicValue("y", {2}));
  EXPECT_NE(import(model(graph)).find("@forward(%arg0: tensor<2xf32> {"), std::string::npos);
}

TEST(OnnxImport, EveryOperationNamesItsNode) {
  TemporaryModel file(relu({2}));
  mlir::MLIRContext context;
  auto module = importOnnx(context, file.path.string());
  ASSERT_TRUE(succeeded(module));
  int count = 0;
  (**module).walk([&](mlir::Operation *op) {
    if (!op->getName().getStringRef().starts_with("lathe."))
      return;
    ++count;
    auto name = mlir::dyn_cast<mlir::NameLoc>(op->getLoc());
    ASSERT_TRUE(name);
    EXPECT_EQ(name.getName(), "act");
    EXPECT_EQ(mlir::cast<mlir::FileLineColLoc>(name.getChildLoc()).getFilename(), file.path.string());
  });
  EXPECT_EQ(count, 1);
}

TEST(OnnxImport, SurvivesEveryFlippedByte) {
  Bytes pads = Bytes().bytes(1, "pads").number(20, 7).number(8, 1).number(8, 1).number(8, 1).number(8, 1);
  Bytes window = Bytes().bytes(1, "kernel_shape").number(20, 7).number(8, 2).number(8, 2);
  Bytes same = Bytes().bytes(1, "auto_pad").number(20, 3).bytes(4, "SAME_UPPER");
  Bytes graph = Bytes()
                    .bytes(1, Bytes().bytes(1, "x").bytes(1, "w").bytes(2, "c").bytes(4, "Conv").bytes(5, pads))
                    .bytes(1, node("MaxPool", "c", "p").bytes(5, window).bytes(5, same))
                    .bytes(1, Bytes().bytes(1, "p").bytes(1, "s").bytes(2, "y").bytes(4, "Reshape"))
                    .bytes(5, tensor("w", DataType::Float, {1, 1, 1, 1}).bytes(9, "abcd"))
                    .bytes(5, tensor("s", DataType::Int64, {2}).bytes(7, Bytes().varint(uint64_t(-1)).varint(36)))
                    .bytes(11, symbolicValue("x", {-1, 1, 4, 4}))
                    .bytes(12, symbolicValue("y", {-1, 36}));
  Bytes bytes = model(graph);
  ASSERT_EQ(import(bytes).find("module"), 0u) << import(bytes);
  // Importing must end with a module or an error; sanitizers and the verifier see the rest.
  mlir::MLIRContext context;
  bool hasError = false;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    hasError |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
  });
  TemporaryModel file("");
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] ^= 1 << bit;
      file.write("m.onnx", flipped);
      hasError = false;
      auto module = importOnnx(context, file.path.string());
      EXPECT_EQ(failed(module), hasError) << "bit " << bit << " of byte " << i;
    }
}

TEST(OnnxImport, TableOfOperatorsIsSorted) {
  std::vector<OnnxOperatorInfo> list = listOnnxOperators();
  EXPECT_GE(list.size(), 22u);
  EXPECT_TRUE(llvm::is_sorted(
      list, [](const auto &a, const auto &b) { return std::tie(a.domain, a.name) < std::tie(b.domain, b.name); }));
  for (const OnnxOperatorInfo &info : list)
    EXPECT_LE(info.minOpset, info.maxOpset) << info.name.str();
}

} // namespace
