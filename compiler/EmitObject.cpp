#include "compiler/EmitObject.h"
#include "compiler/OutputStream.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

std::string lathe::toIdentifier(StringRef name) {
  std::string identifier;
  for (char c : name)
    identifier += isAlnum(c) ? c : '_';
  if (identifier.empty() || isDigit(identifier.front()))
    identifier = "model_" + identifier;
  return identifier;
}

/// The bytes of an image in a section of code: only the assembler can put plain bytes there.
static std::string assembleImage(StringRef symbol, ArrayRef<uint8_t> bytes) {
  std::string text = formatv(".section .text.lathe,\"ax\",@progbits\n.balign 4096\n.type {0},@function\n"
                             ".globl {0}\n.hidden {0}\n{0}:\n",
                             symbol);
  raw_string_ostream stream(text);
  for (size_t i = 0; i < bytes.size(); ++i)
    stream << (i % 32 ? "," : "\n.byte ") << unsigned(bytes[i]);
  stream << formatv("\n.size {0}, .-{0}\n.text\n", symbol);
  return text;
}

static GlobalVariable *addConstant(Module &module, Constant *value, const Twine &name, Align alignment) {
  auto *global = new GlobalVariable(module, value->getType(), true, GlobalValue::PrivateLinkage, value, name);
  global->setAlignment(alignment);
  return global;
}

/// Fills `module` with the structs of lathe.h: lathe_embedded_image for each image and the lathe_embedded_program.
static void buildProgram(Module &module, StringRef identifier, StringRef artifact, ArrayRef<lathe::HostImage> images) {
  LLVMContext &context = module.getContext();
  Type *pointer = PointerType::getUnqual(context), *size = Type::getInt64Ty(context);
  auto number = [&](uint64_t value) { return ConstantInt::get(size, value); };
  auto *imageType = StructType::get(context, {pointer, pointer, size});
  SmallVector<Constant *> structs;
  std::string assembly;
  for (const lathe::HostImage &image : images) {
    std::string symbol = formatv("{0}_image_{1}", identifier, structs.size());
    assembly += assembleImage(symbol, image.Bytes);
    auto *code =
        new GlobalVariable(module, Type::getInt8Ty(context), true, GlobalValue::ExternalLinkage, nullptr, symbol);
    code->setVisibility(GlobalValue::HiddenVisibility);
    Constant *name =
        addConstant(module, ConstantDataArray::getString(context, image.Level), identifier + "_level", Align(1));
    structs.push_back(ConstantStruct::get(imageType, {name, code, number(image.Bytes.size())}));
  }
  module.setModuleInlineAsm(assembly);
  auto *table = addConstant(module, ConstantArray::get(ArrayType::get(imageType, structs.size()), structs),
                            identifier + "_images", Align(8));
  auto *bytes = addConstant(module, ConstantDataArray::getRaw(artifact, artifact.size(), Type::getInt8Ty(context)),
                            identifier + "_artifact", Align(4096));
  Constant *program =
      ConstantStruct::getAnon({number(40), bytes, number(artifact.size()), number(structs.size()), table});
  auto *symbol = new GlobalVariable(module, program->getType(), true, GlobalValue::ExternalLinkage, program,
                                    identifier + "_program");
  symbol->setAlignment(Align(8));
}

std::string lathe::writeObject(StringRef objectPath, StringRef identifier, StringRef artifact,
                               ArrayRef<HostImage> images) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  InitializeNativeTargetAsmParser();
  LLVMContext context;
  Module module(identifier, context);
  Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return "no code generator for " + triple.str() + ": " + error;
  std::unique_ptr<TargetMachine> machine(
      target->createTargetMachine(triple, "x86-64", "", TargetOptions(), Reloc::PIC_));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  buildProgram(module, identifier, artifact, images);

  return writeOutput(objectPath, [&](raw_pwrite_stream &stream) -> std::string {
    legacy::PassManager passes;
    if (machine->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::ObjectFile))
      return "the code generator for " + triple.str() + " cannot write objects";
    passes.run(module);
    return "";
  });
}

static void describeValues(raw_ostream &stream, StringRef what, const nlohmann::ordered_json &values) {
  for (const auto &value : values)
    stream << formatv(" *   {0} \"{1}\": {2} {3}\n", what, value["name"].get<std::string>(),
                      value["type"].get<std::string>(), value["shape"].dump());
}

std::string lathe::describeHeader(StringRef identifier, const nlohmann::ordered_json &manifest) {
  std::string text, guard = "LATHE_MODEL_" + identifier.upper() + "_H";
  raw_string_ostream stream(text);
  stream << "/* The model '" << manifest["model"]["name"].get<std::string>() << "', compiled by "
         << manifest["producer"].get<std::string>() << ".\n *\n";
  for (const auto &entry : manifest["entries"]) {
    stream << " * Entry \"" << entry["name"].get<std::string>() << "\":\n";
    describeValues(stream, "input", entry["inputs"]);
    describeValues(stream, "output", entry["outputs"]);
  }
  stream << " *\n * Link the object beside this header and the runtime library:\n"
         << " *   cc main.c " << identifier << ".o -llathe\n"
         << " * and load the program with lathe_program_load_embedded(&" << identifier << "_program, &program). */\n"
         << "#ifndef " << guard << "\n#define " << guard << "\n\n#include \"lathe.h\"\n\n"
         << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
         << "extern const lathe_embedded_program " << identifier << "_program;\n\n"
         << "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}
