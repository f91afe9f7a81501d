
def Lathe_StrayOp : Op<Lathe_Dialect, "stray"> {
  let description = [{
    * (C2) A constraint without the one before.
  }];
}

def Lathe_AstrayOp : Lathe_UnaryOp<"astray", Lathe_RealTensor, "?", "An example of an operation that is not there">;
