#ifndef LATHE_DIALECTS_LATHE_LATHEATTRS_TD
#define LATHE_DIALECTS_LATHE_LATHEATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "dialects/lathe/LatheDialect.td"

class Lathe_Attr<string name, string attrMnemonic> : AttrDef<Lathe_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Lathe_SymbolAttr : Lathe_Attr<"Symbol", "symbol"> {
  let summary = "A dynamic size of an entry point: its name and the values it may take";
  let description = [{
    Example: `#lathe.symbol<"batch", 1, 64>` is a size from 1 to 64, both included.
  }];
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$min, "int64_t":$max);
  let assemblyFormat = "`<` $name `,` $min `,` $max `>`";
  let genVerifyDecl = 1;
}

def Lathe_KernelAttr : Lathe_Attr<"Kernel", "kernel"> {
  let summary = "The kernel chosen for a fusion, and why";
  let description = [{
    `template` names the kernel template, `config` its parameters (tile sizes, stages, splits), `reason` says in words why
    this choice was made; `--report` prints it.
    Example: `#lathe.kernel<"matmul", {tile_m = 64, tile_n = 64}, "64 rows and up fill a tile">`.
  }];
  let parameters = (ins StringRefParameter<"template">:$kernelTemplate, "::mlir::DictionaryAttr":$config,
                        StringRefParameter<"reason">:$reason);
  let assemblyFormat = "`<` $kernelTemplate `,` $config `,` $reason `>`";
}

def Lathe_RopePairing : I32EnumAttr<"RopePairing", "which elements of a head form a rotated pair", [
    I32EnumAttrCase<"Adjacent", 0, "adjacent">,
    I32EnumAttrCase<"Halves", 1, "halves">]> {
  let cppNamespace = "::lathe";
  let genSpecializedAttr = 0;
}
def Lathe_RopePairingAttr : EnumAttr<Lathe_Dialect, Lathe_RopePairing, "rope_pairing"> {
  let assemblyFormat = "$value";
}

def Lathe_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines elements", [
    I32EnumAttrCase<"Sum", 0, "sum">,
    I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Prod", 2, "prod">,
    I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">,
    I32EnumAttrCase<"And", 5, "and">,
    I32EnumAttrCase<"Or", 6, "or">]> {
  let cppNamespace = "::lathe";
  let genSpecializedAttr = 0;
}

def Lathe_ReduceKindAttr : EnumAttr<Lathe_Dialect, Lathe_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "$value";
}

#endif // LATHE_DIALECTS_LATHE_LATHEATTRS_TD
