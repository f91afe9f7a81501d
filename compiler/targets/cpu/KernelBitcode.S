// The kernel templates as bytes of the compiler: from `...Begin` to `...End`.
  .section .rodata, "a", @progbits
  .balign 16
  .globl LatheTemplateBitcodeBegin, LatheTemplateBitcodeEnd, LatheMemoryBitcodeBegin, LatheMemoryBitcodeEnd
LatheTemplateBitcodeBegin:
  .incbin "Templates.bc"
LatheTemplateBitcodeEnd:
  .balign 16
LatheMemoryBitcodeBegin:
  .incbin "Memory.bc"
LatheMemoryBitcodeEnd:
  .section .note.GNU-stack, "", @progbits
