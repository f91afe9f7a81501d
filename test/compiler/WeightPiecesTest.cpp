// Weight programs piece by piece: the same bytes as in one go, in little memory.
#include "compiler/WeightPieces.h"
#include "compiler/Dialects.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace lathe;

namespace {

class WeightPiecesTest : public testing::Test {
protected:
  WeightPiecesTest() : Context(makeRegistry()) { Context.loadAllAvailableDialects(); }
  ~WeightPiecesTest() override { std::filesystem::remove(Path); }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  /// A function that returns what `body`, a weight program over the file, yields as `type`.
  void parse(const std::string &body, const std::string &type) {
    Module = mlir::parseSourceString<mlir::ModuleOp>("module attributes {lathe.files = [\"" + Path +
                                                         "\"]} { func.func @f() -> " + type + " { " + body +
                                                         " return %r : " + type + " } }",
                                                     &Context);
    ASSERT_TRUE(Module);
    Block = &(*Module->getOps<mlir::func::FuncOp>().begin()).getBody().front();
  }

  void expectSameInPieces(const std::string &body, const std::string &type) {
    ASSERT_NO_FATAL_FAILURE(parse(body, type));
    Evaluator whole, files;
    auto wanted = whole.evaluateBlock(*Block, {});
    ASSERT_TRUE(succeeded(wanted));
    for (int64_t pieceBytes : {1, 48, 100, 1 << 20}) {
      std::vector<uint8_t> bytes;
      WeightPieces pieces(files, pieceBytes);
      ASSERT_TRUE(succeeded(pieces.write(Block->getTerminator()->getOperand(0), [&](llvm::ArrayRef<uint8_t> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
      })));
      EXPECT_EQ(llvm::ArrayRef<uint8_t>(bytes), wanted->front().getBytes()) << body << " in " << pieceBytes;
    }
  }

  void writeFile(size_t bytes) {
    std::ofstream stream(Path, std::ios::binary);
    for (size_t i = 0; i < bytes; ++i)
      stream.put(char((i * 37 + i / 251) % 120)); // f32 and blocks of any such bytes are finite
  }

  mlir::MLIRContext Context;
  // Of this process alone: ctest runs several cases at one time.
  std::string Path = testing::TempDir() + "weight_pieces." + std::to_string(getpid()) + ".bin";
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  mlir::Block *Block = nullptr;
};

const std::string Weight = R"(%w = lathe.weight "w" file 0 offset 4 bytes 480 : tensor<4x6x5xf32> )";

TEST_F(WeightPiecesTest, SameBytesAsInOneGo) {
  writeFile(4096);
  expectSameInPieces(Weight + "%r = lathe.neg %w : tensor<4x6x5xf32>", "tensor<4x6x5xf32>");
  expectSameInPieces(Weight + "%r = lathe.cast %w : tensor<4x6x5xf32> -> tensor<4x6x5xf16>", "tensor<4x6x5xf16>");
  expectSameInPieces(Weight + R"(%n = lathe.neg %w : tensor<4x6x5xf32>
      %r = lathe.transpose %n permutation [2, 0, 1] : tensor<4x6x5xf32> -> tensor<5x4x6xf32>)",
                     "tensor<5x4x6xf32>");
  // Pieces of the result are no boxes of what was reshaped.
  expectSameInPieces(Weight + R"(%n = lathe.neg %w : tensor<4x6x5xf32>
      %s = lathe.reshape %n shape [8, 15] : tensor<4x6x5xf32> -> tensor<8x15xf32>
      %r = lathe.transpose %s permutation [1, 0] : tensor<8x15xf32> -> tensor<15x8xf32>)",
                     "tensor<15x8xf32>");
  // Operands that repeat, and a constant of one value.
  expectSameInPieces(Weight + R"(%b = lathe.weight "b" file 0 offset 1000 bytes 24 : tensor<6x1xf32>
      %c = lathe.constant dense<2.0> : tensor<4x1x5xf32>
      %m = lathe.mul %w, %b : tensor<4x6x5xf32>, tensor<6x1xf32> -> tensor<4x6x5xf32>
      %r = lathe.add %m, %c : tensor<4x6x5xf32>, tensor<4x1x5xf32> -> tensor<4x6x5xf32>)",
                     "tensor<4x6x5xf32>");
}

TEST_F(WeightPiecesTest, Panels) {
  writeFile(4096);
  const std::string matrices = R"(%w = lathe.weight "w" file 0 offset 4 bytes 760 : tensor<2x19x5xf32>
      %n = lathe.neg %w : tensor<2x19x5xf32> )";
  expectSameInPieces(matrices + "%r = lathe.pack_columns %n : tensor<2x19x5xf32> -> tensor<2x1x19x16xf32>",
                     "tensor<2x1x19x16xf32>");
  expectSameInPieces(matrices + "%r = lathe.pack_columns %n transposed : tensor<2x19x5xf32> -> tensor<2x2x5x16xf32>",
                     "tensor<2x2x5x16xf32>");
}

TEST_F(WeightPiecesTest, Tiles) {
  writeFile(32768);
  expectSameInPieces(R"(%w = lathe.weight "w" file 0 offset 4 bytes 18200 : tensor<70x130xf16>
      %r = lathe.pack_tiles %w : tensor<70x130xf16> -> tensor<2x3x64x64xf16>)",
                     "tensor<2x3x64x64xf16>");
  expectSameInPieces(R"(%w = lathe.weight "q" file 0 offset 0 bytes 3672 : tensor<18x192x!lathe.gguf<q8_0>>
      %r = lathe.pack_blocks %w : tensor<18x192x!lathe.gguf<q8_0>> -> tensor<32x256x!lathe.gguf_tiles<q8_0>>)",
                     "tensor<32x256x!lathe.gguf_tiles<q8_0>>");
  // Row blocks, of which some are whole rows, made of others.
  for (auto [from, rows, tiles] :
       {std::tuple("!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none", "", "nf4"),
        std::tuple("f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32",
                   "f8E4M3FN, block = [1, 192], scale = f32, zero = none, outer_scale = none", "e4m3"),
        std::tuple("ui4, block = [18, 64], scale = f16, zero = i8, outer_scale = f32",
                   "ui4, block = [1, 64], scale = f32, zero = i8, outer_scale = none", "")}) {
    std::string first = std::string("tensor<18x192x!lathe.blocked<") + from + ">>", last = first;
    std::string body = R"(%w = lathe.weight "w" file 0 offset 4 bytes 13824 : tensor<18x192xf32>
        %q = lathe.quantize %w : tensor<18x192xf32> -> )" +
                       first;
    std::string value = "%q";
    auto pack = [&](const std::string &name, const std::string &type) {
      body += " " + name + " = lathe.pack_blocks " + value + " : " + last + " -> " + type;
      value = name;
      last = type;
    };
    if (*rows)
      pack(*tiles ? "%b" : "%r", std::string("tensor<18x192x!lathe.blocked<") + rows + ">>");
    if (*tiles)
      pack("%r", std::string("tensor<32x256x!lathe.gguf_tiles<") + tiles + ">>");
    expectSameInPieces(body, last);
  }
}

TEST_F(WeightPiecesTest, QuantizedBlocks) {
  writeFile(4096);
  const std::string blocks = R"(%w = lathe.weight "q" file 0 offset 0 bytes 612 : tensor<3x2x96x!lathe.gguf<q8_0>> )";
  expectSameInPieces(blocks + "%r = lathe.cast %w : tensor<3x2x96x!lathe.gguf<q8_0>> -> tensor<3x2x96xf16>",
                     "tensor<3x2x96xf16>");
  // Parts that begin inside of a block.
  expectSameInPieces(blocks + R"(%c = lathe.cast %w : tensor<3x2x96x!lathe.gguf<q8_0>> -> tensor<3x2x96xf32>
      %r = lathe.transpose %c permutation [2, 0, 1] : tensor<3x2x96xf32> -> tensor<96x3x2xf32>)",
                     "tensor<96x3x2xf32>");
}

TEST_F(WeightPiecesTest, Quantization) {
  writeFile(4096);
  const std::string matrices = R"(%w = lathe.weight "w" file 0 offset 4 bytes 2304 : tensor<3x2x96xf32> )";
  expectSameInPieces(matrices + "%r = lathe.quantize %w : tensor<3x2x96xf32> -> tensor<3x2x96x!lathe.gguf<q8_0>>",
                     "tensor<3x2x96x!lathe.gguf<q8_0>>");
  expectSameInPieces(matrices +
                         R"(%t = lathe.transpose %w permutation [1, 2, 0] : tensor<3x2x96xf32> -> tensor<2x96x3xf32>
      %m = lathe.reshape %t shape [18, 32] : tensor<2x96x3xf32> -> tensor<18x32xf32>
      %q = lathe.quantize %m : tensor<18x32xf32> -> tensor<18x32x!lathe.gguf<q8_0>>
      %r = lathe.pack_blocks %q : tensor<18x32x!lathe.gguf<q8_0>> -> tensor<32x32x!lathe.gguf_panels<q8_0>>)",
                     "tensor<32x32x!lathe.gguf_panels<q8_0>>");
  expectSameInPieces(matrices + R"(%q = lathe.quantize %w : tensor<3x2x96xf32> -> tensor<3x2x96x!lathe.gguf<q8_0>>
      %c = lathe.cast %q : tensor<3x2x96x!lathe.gguf<q8_0>> -> tensor<3x2x96xf32>
      %r = lathe.transpose %c permutation [2, 0, 1] : tensor<3x2x96xf32> -> tensor<96x3x2xf32>)",
                     "tensor<96x3x2xf32>");
}

// One number in front of all blocks: it is found first, and each piece is packed with it.
TEST_F(WeightPiecesTest, QuantizationWithAScaleOfTheWholeTensor) {
  writeFile(65536);
  const std::string matrices = R"(%w = lathe.weight "w" file 0 offset 4 bytes 18432 : tensor<3x16x96xf32> )";
  for (std::string blocks : {"f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32",
                             "i8, block = [1, 1], scale = none, zero = none, outer_scale = f32",
                             "f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32",
                             "f8E5M2, block = [1, 1], scale = none, zero = none, outer_scale = bf16",
                             "f4E2M1FN, block = [8, 32], scale = f8E4M3FN, zero = none, outer_scale = f16"}) {
    std::string type = "!lathe.blocked<" + blocks + ">", result = "tensor<3x16x96x" + type + ">";
    expectSameInPieces(matrices + "%r = lathe.quantize %w : tensor<3x16x96xf32> -> " + result, result);
    // What is read of it in pieces has the number too.
    expectSameInPieces(matrices + "%q = lathe.quantize %w : tensor<3x16x96xf32> -> " + result +
                           " %c = lathe.cast %q : " + result + R"( -> tensor<3x16x96xf32>
      %r = lathe.transpose %c permutation [2, 0, 1] : tensor<3x16x96xf32> -> tensor<96x3x16xf32>)",
                       "tensor<96x3x16xf32>");
    expectSameInPieces(R"(%h = lathe.weight "h" file 0 offset 4 bytes 9216 : tensor<48x96xf16>
      %n = lathe.cast %h : tensor<48x96xf16> -> tensor<48x96xf32>
      %t = lathe.transpose %n permutation [1, 0] : tensor<48x96xf32> -> tensor<96x48xf32>
      %p = lathe.reshape %t shape [48, 96] : tensor<96x48xf32> -> tensor<48x96xf32>
      %r = lathe.quantize %p : tensor<48x96xf32> -> tensor<48x96x)" +
                           type + ">",
                       "tensor<48x96x" + type + ">");
  }
}

TEST_F(WeightPiecesTest, ObserverSeesEveryElementOnce) {
  writeFile(65536);
  for (std::string type : {"!lathe.gguf<q8_0>", "!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = "
                                                "none, outer_scale = f32>"}) {
    parse(R"(%w = lathe.weight "w" file 0 offset 4 bytes 55296 : tensor<144x96xf32>
      %r = lathe.quantize %w : tensor<144x96xf32> -> tensor<144x96x)" +
              type + ">",
          "tensor<144x96x" + type + ">");
    Evaluator whole, files;
    auto wanted = whole.evaluateBlock(*Block, {});
    ASSERT_TRUE(succeeded(wanted));
    mlir::Value weight = Block->front().getResult(0);
    std::vector<float> before, after;
    WeightPieces pieces(files, 100, [&](QuantizeOp, llvm::ArrayRef<float> from, llvm::ArrayRef<float> to) {
      before.insert(before.end(), from.begin(), from.end());
      after.insert(after.end(), to.begin(), to.end());
    });
    ASSERT_TRUE(succeeded(pieces.write(Block->getTerminator()->getOperand(0), [](llvm::ArrayRef<uint8_t>) {})));
    EXPECT_EQ(after, *wanted->front().toFloats());
    EXPECT_EQ(before, *pieces.evaluate(weight, Box::whole({144, 96}))->toFloats());
  }
}

TEST_F(WeightPiecesTest, ValuesThatAreNotFiniteAreADiagnostic) {
  writeFile(4096);
  std::fstream(Path, std::ios::binary | std::ios::in | std::ios::out).seekp(2000).write("\0\0\x80\x7f", 4); // infinity
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&Context, [&](mlir::Diagnostic &diagnostic) { message += diagnostic.str(); });
  for (std::string blocks : {"f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32",
                             "i8, block = [1, 1], scale = none, zero = none, outer_scale = f32"}) {
    std::string result = "tensor<8x96x!lathe.blocked<" + blocks + ">>";
    parse(R"(%w = lathe.weight "w" file 0 offset 0 bytes 3072 : tensor<8x96xf32>
      %r = lathe.quantize %w : tensor<8x96xf32> -> )" +
              result,
          result);
    message.clear();
    Evaluator files;
    WeightPieces pieces(files, 100);
    EXPECT_TRUE(failed(pieces.write(Block->getTerminator()->getOperand(0), [](llvm::ArrayRef<uint8_t>) {})));
    EXPECT_NE(message.find("have all of them finite"), std::string::npos) << message;
  }
}

// Its rule asks for nothing of the format: gradients are floats on both sides.
TEST_F(WeightPiecesTest, GradientGoesStraightThroughQuantization) {
  writeFile(4096);
  parse(R"(%w = lathe.weight "w" file 0 offset 4 bytes 384 : tensor<2x96xbf16>
      %g = lathe.weight "g" file 0 offset 4 bytes 768 : tensor<2x96xf32>
      %q = lathe.quantize %w : tensor<2x96xbf16> -> tensor<2x96x!lathe.gguf<q8_0>>
      %r = lathe.cast %q : tensor<2x96x!lathe.gguf<q8_0>> -> tensor<2x96xf32>)",
        "tensor<2x96xf32>");
  auto operation = [&](int index) { return &*std::next(Block->begin(), index); };
  mlir::OpBuilder builder(Block->getTerminator());
  mlir::Value gradient = operation(1)->getResult(0);
  for (int index : {3, 2}) { // of the cast, and of what is before it
    auto rule = llvm::cast<DerivativeOpInterface>(operation(index));
    auto gradients = rule.buildVectorJacobianProduct(builder, gradient);
    ASSERT_TRUE(succeeded(gradients) && gradients->size() == 1);
    gradient = gradients->front();
  }
  auto cast = gradient.getDefiningOp<CastOp>();
  ASSERT_TRUE(cast && cast.getInput() == operation(1)->getResult(0));
  EXPECT_EQ(gradient.getType(), operation(0)->getResult(0).getType());
}

TEST_F(WeightPiecesTest, OperationComputedAsAWhole) {
  writeFile(4096);
  expectSameInPieces(Weight + R"(%n = lathe.neg %w : tensor<4x6x5xf32>
      %s = lathe.softmax %n : tensor<4x6x5xf32>
      %r = lathe.neg %s : tensor<4x6x5xf32>)",
                     "tensor<4x6x5xf32>");
}

TEST_F(WeightPiecesTest, MissingFileIsADiagnostic) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&Context, [&](mlir::Diagnostic &diagnostic) { message += diagnostic.str(); });
  parse(Weight + "%r = lathe.neg %w : tensor<4x6x5xf32>", "tensor<4x6x5xf32>");
  Evaluator files;
  WeightPieces pieces(files);
  EXPECT_TRUE(failed(pieces.write(Block->getTerminator()->getOperand(0), [](llvm::ArrayRef<uint8_t>) {})));
  EXPECT_NE(message.find("which cannot be read"), std::string::npos) << message;
}

#if !__has_feature(address_sanitizer) && !__has_feature(memory_sanitizer)
/// Memory of this process that no file backs, in KiB.
int64_t anonymousKib() {
  std::ifstream stream("/proc/self/status");
  for (std::string word; stream >> word;)
    if (word == "RssAnon:" && stream >> word)
      return std::stoll(word);
  return -1;
}

/// KiB of anonymous memory that writing the value takes at most, which has so many bytes.
int64_t measurePeak(mlir::Value value, int64_t bytes) {
  int64_t before = anonymousKib(), total = 0;
  std::atomic<int64_t> peak = before;
  std::atomic<bool> done = false;
  std::thread watch([&] {
    while (!done) {
      peak = std::max<int64_t>(peak, anonymousKib());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Evaluator files;
  WeightPieces pieces(files);
  bool written = succeeded(pieces.write(value, [&](llvm::ArrayRef<uint8_t> piece) { total += int64_t(piece.size()); }));
  done = true;
  watch.join();
  EXPECT_TRUE(written && before > 0);
  EXPECT_EQ(total, bytes);
  return peak - before;
}

// A quarter of the weight would be far more than pieces need; the whole of it, or a copy, would be found at once.
TEST_F(WeightPiecesTest, FoldingTakesLittleMemory) {
  constexpr int64_t Bytes = 32 << 20;
  writeFile(0);
  std::filesystem::resize_file(Path, Bytes); // sparse: zeros that take no disk
  parse(R"(%w = lathe.weight "w" file 0 offset 0 bytes 33554432 : tensor<2048x4096xf32>
      %n = lathe.neg %w : tensor<2048x4096xf32>
      %c = lathe.cast %n : tensor<2048x4096xf32> -> tensor<2048x4096xf16>
      %r = lathe.transpose %c permutation [1, 0] : tensor<2048x4096xf16> -> tensor<4096x2048xf16>)",
        "tensor<4096x2048xf16>");
  EXPECT_LT(measurePeak(Block->getTerminator()->getOperand(0), Bytes / 2), Bytes / 4 / 1024);
}

TEST_F(WeightPiecesTest, OneScaleOfTheWholeTensorTakesLittleMemory) {
  constexpr int64_t Bytes = 64 << 20;
  writeFile(8192);
  std::filesystem::resize_file(Path, Bytes);
  for (auto [blocks, bytes] :
       {std::pair("f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32", Bytes / 64 * 9 + 4),
        {"f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32", Bytes / 4 + 4}}) {
    std::string result = "tensor<4096x4096x!lathe.blocked<" + std::string(blocks) + ">>";
    parse(R"(%w = lathe.weight "w" file 0 offset 0 bytes 67108864 : tensor<4096x4096xf32>
      %r = lathe.quantize %w : tensor<4096x4096xf32> -> )" +
              result,
          result);
    EXPECT_LT(measurePeak(Block->getTerminator()->getOperand(0), bytes), Bytes / 4 / 1024);
  }
}
#endif

} // namespace
