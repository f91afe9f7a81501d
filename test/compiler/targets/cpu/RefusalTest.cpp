// What cannot be compiled is refused by name: launches without a kernel, objects that are no flat image.
#include "compiler/targets/cpu/CpuTarget.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Compiles a plan and returns its diagnostics, one a line.
std::string compileText(const std::string &plan, std::vector<std::string> levels = {"x86-64-v3"}) {
  mlir::DialectRegistry registry;
  registry.insert<LatheDialect, plan::PlanDialect>();
  mlir::MLIRContext context(registry);
  std::string text;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    text += diagnostic.str() + "\n";
    return mlir::success();
  });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(plan, &context);
  if (!module)
    return "does not parse: " + text;
  CpuTargetOptions options;
  options.Levels = std::move(levels);
  EXPECT_TRUE(failed(compileHostImages(*module, options)));
  return text;
}

const std::string T = "tensor<4x4xf32>";
const Port Square{T, "4, 4"};

TEST(CpuRefusal, TwoTemplatesInOneLaunch) {
  EXPECT_EQ(compileText(makePlan({0, {Square}, {Square}, R"(
    %0 = lathe.softmax %a0 : tensor<4x4xf32>
    %1 = lathe.matmul %a0, %a0 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    %2 = lathe.add %0, %1 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    lathe.yield %2 : tensor<4x4xf32>)"})),
            "'lathe.matmul' op shares a launch with 'lathe.softmax', but a kernel of the CPU computes one of them; put "
            "them into two fusions\n");
}

/// What the CPU says of two products in one launch that are not alike; `rest` joins them and yields.
std::string pairProducts(const std::string &n, const std::string &outputs, const std::string &rest) {
  std::string rhs = "tensor<4x" + n + "xf32>";
  std::vector<Port> ports = {{outputs, "4, 4"}};
  return compileText(makePlan({0,
                               {Square, {rhs, "4, " + n}, Square},
                               ports,
                               "%0 = lathe.matmul %a0, %a1 : " + T + ", " + rhs + " -> " + rhs +
                                   "\n%1 = lathe.matmul %a0, %a2 : " + T + ", " + T + " -> " + T + "\n" + rest}));
}

TEST(CpuRefusal, TwoProductsThatCannotShareTheirTiles) {
  std::string message =
      "'lathe.matmul' op shares a launch with 'lathe.matmul', but a kernel of the CPU computes one of "
      "them; put them into two fusions\n";
  EXPECT_EQ(
      pairProducts("1", T, "%2 = lathe.add %0, %1 : tensor<4x1xf32>, " + T + " -> " + T + "\nlathe.yield %2 : " + T),
      message);
  // The first product would have to wait in the result's memory, which is too small.
  std::string half = "tensor<4x4xf16>";
  EXPECT_EQ(pairProducts("4", half,
                         "%2 = lathe.add %0, %1 : " + T + ", " + T + " -> " + T + "\n%3 = lathe.cast %2 : " + T +
                             " -> " + half + "\nlathe.yield %3 : " + half),
            message);
}

TEST(CpuRefusal, TemplateThatReadsAComputedValue) {
  EXPECT_EQ(compileText(makePlan({0, {Square}, {Square}, R"(
    %0 = lathe.relu %a0 : tensor<4x4xf32>
    %1 = lathe.softmax %0 : tensor<4x4xf32>
    lathe.yield %1 : tensor<4x4xf32>)"})),
            "'lathe.softmax' op reads a value that 'lathe.relu' computes in the same launch, but a template of the CPU "
            "reads memory; end the fusion before this operation\n");
}

TEST(CpuRefusal, ResultOfATemplateReadElsewhere) {
  EXPECT_EQ(compileText(makePlan({0, {Square}, {Square}, R"(
    %0 = lathe.softmax %a0 : tensor<4x4xf32>
    %1 = lathe.transpose %0 permutation [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
    lathe.yield %1 : tensor<4x4xf32>)"})),
            "'lathe.softmax' op has a result that the same launch reads at another place than it is computed; end the "
            "fusion behind this operation\n");
}

TEST(CpuRefusal, BlocksWithoutDecoder) {
  std::string w = "tensor<4x256x!lathe.blocked<i6, block = [1, 32], scale = f16, zero = none, outer_scale = none>>";
  EXPECT_EQ(compileText(makePlan({0,
                                  {{"tensor<4x256xf32>", "4, 256"}, {w, "4, 256"}},
                                  {Square},
                                  "%0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<4x256xf32>, " + w + " -> " + T +
                                      "\nlathe.yield %0 : " + T})),
            "'lathe.matmul' op reads elements of type '!lathe.blocked<i6, block = [1, 32], scale = f16, zero = none, "
            "outer_scale = none>', for which the CPU has no kernel\n");
}

TEST(CpuRefusal, UnknownLevel) {
  std::string plan = makePlan({0, {Square}, {Square}, "%0 = lathe.relu %a0 : " + T + "\nlathe.yield %0 : " + T});
  EXPECT_EQ(compileText(plan, {"x86-64-v9"}), "host level is 'x86-64-v9', which LLVM does not know; try 'x86-64-v3'\n");
}

/// Lays out what LLVM makes of this module; returns the error, or "" and the image.
std::string layOut(const std::string &assembly, std::vector<uint8_t> *image = nullptr) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(assembly, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  std::string message;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, "x86-64-v3", "", {}, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  module->setDataLayout(machine->createDataLayout());
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile);
  passes.run(*module);
  llvm::SmallVector<int64_t> offsets;
  llvm::Expected<std::vector<uint8_t>> bytes =
      layOutFlatImage(llvm::MemoryBufferRef({object.data(), object.size()}, "test"), {"f"}, offsets);
  if (!bytes)
    return llvm::toString(bytes.takeError());
  if (image)
    *image = std::move(*bytes);
  return "";
}

TEST(FlatImage, RefusesUndefinedSymbols) {
  EXPECT_EQ(layOut("declare float @sinf(float)\n"
                   "define float @f(float %x) nounwind { %y = call float @sinf(float %x) ret float %y }"),
            "host image: symbol 'sinf' is not defined, an image has no imports");
}

TEST(FlatImage, RefusesAddressesInData) {
  EXPECT_EQ(layOut("@table = dso_local constant [2 x ptr] [ptr @f, ptr @f]\n"
                   "define dso_local ptr @f(i64 %i) nounwind {\n"
                   "  %a = getelementptr ptr, ptr @table, i64 %i\n  %p = load ptr, ptr %a\n  ret ptr %p }"),
            "host image: section '.data.rel.ro' holds data to be written, only code and constants can be laid out");
}

TEST(FlatImage, RefusesDataToBeWritten) {
  EXPECT_EQ(layOut("@count = internal global i32 1\ndefine dso_local i32 @f() nounwind {\n"
                   "  %a = load i32, ptr @count\n  %b = add i32 %a, 1\n  store i32 %b, ptr @count\n  ret i32 %b }"),
            "host image: section '.data' holds data to be written, only code and constants can be laid out");
}

TEST(FlatImage, RefusesASymbolThatIsMissing) {
  EXPECT_EQ(layOut("define dso_local void @g() nounwind { ret void }"),
            "host image: symbol 'f' is missing from the object");
}

TEST(FlatImage, IsWholePages) {
  std::vector<uint8_t> image;
  ASSERT_EQ(layOut("define dso_local void @f() nounwind { ret void }", &image), "");
  EXPECT_EQ(image.size(), 4096u);
}

} // namespace
