// The architectures that GGUF files can be imported from. Each builds `@forward` or `@encode` from what the reader
// gives, and reports through it what the file has that the architecture does not.
#ifndef LATHE_FRONTENDS_GGUF_ARCHITECTURES_ARCHITECTURES_H
#define LATHE_FRONTENDS_GGUF_ARCHITECTURES_ARCHITECTURES_H

#include "frontends/gguf/Decoder.h"

namespace lathe {

using BuildArchitecture = void(mlir::ModuleOp module, ModelReader &reader, const GgufImportOptions &options);

BuildArchitecture buildBert, buildCommandR, buildDeepSeek2, buildFalcon, buildGemma, buildGemma2, buildGemma3,
    buildGlm4, buildGptOss, buildGranite, buildLlama, buildNomicBert, buildOlmo2, buildPhi3, buildQwen, buildSmolLm3,
    buildStableLm, buildStarCoder2;

} // namespace lathe

#endif
